"""Runs tests on mutants, each in a process of its own: `python -m tests.mutation.worker`.

Purpose: reads one mutant per line of JSON, and answers with the test that failed. The worker has
loaded everything that the tests need except the package. It forks a child for each mutant; the
child loads the changed module from memory. No file on disk is changed.
Rules: first, all tests run once without a change, and must pass. In that run the worker can record
which functions each test calls, because only tests that call the changed function can detect the
change. Tests that have killed most mutants so far run first. A test that takes too long counts as
hanging, which is a failure. A test that ends the process is a failure too.
Does not depend on how mutants are created. Read config.py first.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import json
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any, Final, NoReturn, TextIO

import pytest

from tests.mutation.config import Config, Killer, read_config

#: A test hangs if it uses more CPU time than this many times the slowest test without a change, and
#: more than the config's `patience`. CPU time, because other processes may use the machine.
TIMES_THE_LONGEST: Final = 10

#: Seconds of real time after which a test that only waits counts as hanging. Much longer than the
#: other limits, because the machine may be busy.
WAITING: Final = 20.0

#: Bytes of address space for a child: an endless loop may append to a list.
MEMORY: Final = 4 << 30

OPTIONS: Final = ("-q", "-x", "-s", "--tb=no", "-o", "addopts=", "-p", "no:cacheprovider",
                  "-p", "no:benchmark", "-p", "no:faulthandler")  # fmt: skip

Verdict = dict[str, str]


# --- the changed module ---------------------------------------------------------------------------


class Changed(importlib.machinery.SourceFileLoader):
    """Loads a module from a changed source text instead of its file."""

    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._source, self.path, "exec", dont_inherit=True)


class Finder(importlib.abc.MetaPathFinder):
    """Finds one module; leaves the others to the usual finders."""

    def __init__(self, name: str, path: Path, source: str) -> None:
        self._name = name
        self._loader = Changed(name, str(path), source)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.machinery.ModuleSpec(fullname, self._loader, origin=self._loader.path)


# --- in the child process -------------------------------------------------------------------------


class Hooks:
    """A pytest plugin that selects the tests to run and reports their outcomes."""

    def __init__(self, config: Config, run: Callable[[pytest.Session], None]) -> None:
        self._config = config
        self._run = run
        self.failed = ""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if self._is_for_us(item)]

    def _is_for_us(self, item: pytest.Item) -> bool:
        callspec = getattr(item, "callspec", None)
        params = callspec.params if callspec is not None else {}
        return bool(params.get(self._config.stage, self._config.package) == self._config.package)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._run(session)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.failed:
            self.failed = report.nodeid

    def run_tests(self, items: Sequence[pytest.Item], begins: Callable[[str], None]) -> None:
        """Run the items in this order until one fails; after the last, report that "" begins."""
        for item, following in zip(items, [*items[1:], None], strict=True):
            begins(item.nodeid)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.failed:
                break
        begins("")


class Survey:
    """Records the CPU time of each test, and the functions of the package that it calls."""

    def __init__(self, config: Config, *, functions: bool) -> None:
        self._record_functions = functions
        self._folder = str(config.root / config.package) + os.sep
        self._codes: set[CodeType] = set()
        self._test = ""  # "": before the first test
        self._began = time.process_time()
        self.functions: dict[str, list[str]] = {}
        self.longest = 0.0

    def begins(self, test: str) -> None:
        """End the previous test and start this one; "" starts none."""
        sys.setprofile(None)
        ours = (code for code in self._codes if code.co_filename.startswith(self._folder))
        self.functions[self._test] = sorted({_name_of(code) for code in ours})
        if self._test:
            self.longest = max(self.longest, time.process_time() - self._began)
        self._codes.clear()
        self._test, self._began = test, time.process_time()
        if test:
            self.listen()

    def listen(self) -> None:
        """Record the functions that are called from now on."""
        if not self._record_functions:
            return
        codes = self._codes

        def note(frame: FrameType, event: str, argument: object) -> None:
            codes.add(frame.f_code)

        sys.setprofile(note)


def _name_of(code: CodeType) -> str:
    """Name a function as mutants do: `tasks:Task._run`; a lambda counts as its function."""
    name = code.co_qualname.replace(".<locals>", "").partition(".<")[0]
    return f"{Path(code.co_filename).stem}:{name}"


# --- forking --------------------------------------------------------------------------------------


class Hanging(Exception):
    """A child takes too long; the argument is the test that it runs."""


class Nursery:
    """Forks one child at a time, and reads what it writes."""

    def __init__(self) -> None:
        self._child = 0

    def run(self, job: Callable[[TextIO], None], wait: float | None) -> list[str]:
        """Run `job` in a child; return the last line that it writes, split at tabs.

        Earlier lines name the test that begins. Raise Hanging if no line arrives for `wait` seconds
        of real time, or if the child's own timer ended it.
        """
        reading, writing = os.pipe()
        self._child = os.fork()
        if not self._child:
            os.close(reading)
            _be_a_child(job, writing)
        os.close(writing)
        in_time = False
        try:
            heard, in_time = self._hear(reading, wait)
        finally:
            os.close(reading)
            status = self.end(kill=not in_time)
        alarm = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF
        if alarm or not in_time:
            raise Hanging(heard[-1])
        return heard

    def end(self, *, kill: bool = True) -> int:
        """Wait for the child, kill what it started, and return its wait status; 0 if no child."""
        child, self._child = self._child, 0
        if not child:
            return 0
        if kill:
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        try:
            os.killpg(child, signal.SIGKILL)
        except ProcessLookupError:
            return status  # most children start no process
        return status

    def _hear(self, reading: int, wait: float | None) -> tuple[list[str], bool]:
        heard = b""
        while True:
            ready, _, _ = select.select([reading], [], [], wait)
            piece = os.read(reading, 1 << 16) if ready else b""
            if not piece:
                lines = heard.decode().splitlines() or [""]
                return lines[-1].split("\t"), bool(ready)
            heard += piece


def _be_a_child(job: Callable[[TextIO], None], writing: int) -> NoReturn:
    status = 1
    try:
        os.setpgid(0, 0)
        for number in (signal.SIGTERM, signal.SIGPROF):
            signal.signal(number, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        with os.fdopen(writing, "w", buffering=1, encoding="utf-8") as speech:
            job(speech)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


# --- the worker -----------------------------------------------------------------------------------


class Unusable(Exception):
    """The tests cannot be used, because they fail without a change."""


class Worker:
    """Runs the tests of one killer on mutants, and answers with verdicts."""

    def __init__(self, config: Config, killer: Killer, answers: TextIO) -> None:
        self._config = config
        self._killer = killer
        self._answers = answers
        self._nursery = Nursery()
        self._items: list[pytest.Item] = []
        self._why_unusable: Unusable | None = None
        self._kills: dict[str, Counter[str]] = defaultdict(Counter)  # by module, then test
        self._functions: dict[
            str, set[str]
        ] = {}  # by test; "" has the functions called by an import
        self._patience = config.patience  # seconds

    def serve(self) -> None:
        """Answer until standard input ends."""
        signal.signal(signal.SIGTERM, self._leave)
        if self._killer.collected:
            status = self._pytest(self._killer.files, Hooks(self._config, self._with_items))
            if self._why_unusable is not None:
                raise self._why_unusable
            if status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
                raise Unusable(f"the tests of {self._killer.name} cannot be collected")
        else:
            self._answer_all()

    def _leave(self, _signal: int, _frame: FrameType | None) -> NoReturn:
        self._nursery.end()
        os._exit(143)

    def _pytest(self, files: Sequence[str], hooks: Hooks) -> int:
        root = self._config.root
        paths = [str(root / file) for file in files]
        return pytest.main([*OPTIONS, "--rootdir", str(root), *paths], plugins=[hooks])

    def _with_items(self, session: pytest.Session) -> None:
        self._items = session.items
        try:
            self._answer_all()
        except Unusable as error:
            self._why_unusable = error  # pytest would hide the exception

    def _answer_all(self) -> None:
        if any(name.partition(".")[0] == self._config.package for name in sys.modules):
            raise Unusable(f"a test of {self._killer.name} imports {self._config.package} directly")
        self._survey()
        self._say({"ready": self._killer.name})
        for line in sys.stdin:
            self._say(self._judge(json.loads(line)))

    def _say(self, answer: dict[str, str]) -> None:
        print(json.dumps(answer), file=self._answers, flush=True)

    def _survey(self) -> None:
        """Run all tests without a change; raise Unusable if one fails."""
        last = self._nursery.run(self._survey_in_a_child, None)
        if last[0] != "surveyed":
            raise Unusable(f"without a change, {last[-1] or 'collecting'} fails")
        summary = json.loads(last[1])
        self._functions = {test: set(names) for test, names in summary["functions"].items()}
        self._patience = max(self._config.patience, TIMES_THE_LONGEST * summary["longest"])

    def _survey_in_a_child(self, speech: TextIO) -> None:
        survey = Survey(self._config, functions=self._killer.selective)
        if self._killer.collected:
            survey.listen()
            importlib.import_module(self._config.package)
        failed = self._run(self._killer.files, self._items, survey.begins)
        if failed is not None:
            speech.write(f"failed\t{failed}\n")
            return
        summary = {"functions": survey.functions, "longest": survey.longest}
        speech.write(f"surveyed\t{json.dumps(summary)}\n")

    def _run(
        self, files: Sequence[str], items: Sequence[pytest.Item], begins: Callable[[str], None]
    ) -> str | None:
        """Run the items, or the files if there are none; return the test that fails, or None."""
        if self._killer.collected:
            hooks: Hooks = next(_hooks_of(items))
            hooks.run_tests(items, begins)
            return hooks.failed or None
        hooks = Hooks(self._config, lambda session: hooks.run_tests(session.items, begins))
        status = self._pytest(files, hooks)
        return hooks.failed or (None if status == pytest.ExitCode.OK else "collecting")

    def _judge(self, mutant: dict[str, Any]) -> Verdict:
        module = mutant["module"]
        items = self._choose(module, f"{module}:{mutant['reach']}" if mutant["reach"] else "")

        def job(speech: TextIO) -> None:
            name = f"{self._config.package}.{module}"
            path = self._config.source_of(module)
            sys.meta_path.insert(0, Finder(name, path, mutant["source"]))

            def begins(test: str) -> None:
                print("in", test, sep="\t", file=speech)
                signal.setitimer(signal.ITIMER_PROF, self._patience if test else 0)

            failed = self._run(self._killer.files_for(module), items, begins)
            print(*(("survived", "") if failed is None else ("failed", failed)), sep="\t",
                  file=speech)  # fmt: skip

        try:
            word, test = self._nursery.run(job, WAITING + self._patience)
        except Hanging as hanging:
            word, test = "hung", str(hanging)
        if word == "in":  # the last line that it wrote
            word = "crashed"
        if word != "survived":
            self._kills[module][test] += 1
        return {"outcome": word, "test": test}

    def _choose(self, module: str, function: str) -> list[pytest.Item]:
        """Return the items that can detect a change in the function, most successful ones first.

        Return all items if importing the package calls it, or if no test is known to call it.
        """
        known = self._functions
        chosen = [item for item in self._items if function in known.get(item.nodeid, ())]
        if not function or function in known.get("", ()) or not chosen:
            chosen = list(self._items)
        kills = self._kills[module]
        return sorted(chosen, key=lambda item: -kills[item.nodeid])


def _hooks_of(items: Sequence[pytest.Item]) -> Iterator[Hooks]:
    for plugin in items[0].config.pluginmanager.get_plugins():
        if isinstance(plugin, Hooks):
            yield plugin


def main(arguments: Sequence[str]) -> int:
    """Serve with the config file and the killer given as arguments."""
    file, name = arguments
    config = read_config(Path(file))
    os.environ["CI"] = "mutation"  # Hypothesis then uses the same examples each time
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    errors = os.fdopen(os.dup(2), "w", encoding="utf-8")
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    os.chdir(config.root)
    try:
        Worker(config, config.killer(name), answers).serve()
    except Unusable as error:
        print(json.dumps({"unusable": str(error)}), file=answers, flush=True)
        return 1
    except BaseException:
        traceback.print_exc(file=errors)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
