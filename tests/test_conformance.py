"""The conformance tool: it detects every kind of failure, and every test gets an outcome.

These tests run it on a made-up suite, whose tests hang, crash and leave threads running.
`python -m tests.conformance` runs the interpreter's own suite.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.conformance import cli, marks, scoreboard
from tests.conformance.lists import (
    FOLDER,
    KINDS,
    Lists,
    known_versions,
    lists_for,
    minor_of,
    read_lists,
)
from tests.conformance.marks import BadMarks, Mark
from tests.conformance.scoreboard import Scoreboard, worse_than_recorded
from tests.conformance.shadow import make_shadow
from tests.conformance.supervisor import ModuleRun, Outcome, Wanted, Workshop, read_journal
from tests.test_readme import TESTS_README, rows, section

ALL_LISTS = [read_lists(version) for version in known_versions()]


def why_no_run() -> str:
    """Return why the command cannot run on this interpreter, or "" if it can."""
    try:
        cli.probe(cli.CONTROL, sys.executable)
    except cli.WrongUsage as error:
        return str(error)
    return ""


NO_RUN = why_no_run()
with_suite = pytest.mark.skipif(NO_RUN != "", reason=NO_RUN)


# --- lists and marks ----------------------------------------------------------------------------


def test_no_test_is_in_two_lists() -> None:
    for lists in ALL_LISTS:
        lines = [
            (FOLDER / f"{kind}-{lists.version}.txt").read_text().split() for kind in lists.kinds
        ]
        assert len(lists.tests) == sum(map(len, lines)) > 1_400
        assert all(names == sorted(names) for names in lines)


def test_only_the_releases_since_3_14_have_a_list_of_new_tests() -> None:
    older = [lists.version for lists in ALL_LISTS if "new" not in lists.kinds]
    assert older == ["3.11.7", "3.12.1", "3.13.0"]
    assert known_versions() == [*older, "3.14.10", "3.15.2"]


def test_the_newest_lists_of_a_minor_version_are_found_by_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("3.9.12", "3.14.10", "3.14.9"):
        for kind in KINDS:
            (tmp_path / f"{kind}-{version}.txt").write_text(f"test_{kind}.T.test_1\n")
    monkeypatch.setattr("tests.conformance.lists.FOLDER", tmp_path)
    assert known_versions() == ["3.9.12", "3.14.9", "3.14.10"]
    newest = lists_for("3.14.99")
    assert newest is not None
    assert newest.version == "3.14.10"


def test_an_interpreter_uses_the_lists_of_its_release_or_else_of_its_minor_version() -> None:
    assert [lists_for(version) for version in known_versions()] == ALL_LISTS
    other_patch = lists_for("3.12.99")
    assert other_patch is not None
    assert other_patch.version == "3.12.1"
    assert lists_for("3.10.4") is None


def test_the_marks_are_valid() -> None:
    text = marks.FILE.read_text(encoding="utf-8")
    assert list(marks.complaints(marks.read_marks(text), ALL_LISTS)) == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[mark", "Expected"),
        ('[[mark]]\nkind = "older"\ntests = ["x"]', "a mark needs kind, tests, reason"),
        ('[[mark]]\nkind = "dull"\ntests = ["x"]\nreason = "it is"', "unknown kind 'dull'"),
        ('[[mark]]\nkind = "older"\ntests = ["x"]\nreason = " "', "has no reason"),
        ('[[mark]]\nkind = "older"\ntests = []\nreason = "none"', "or no tests"),
        ('[[mark]]\nkind = "older"\ntests = ["x"]\nreason = "a"\nsince = 3', "since"),
    ],
)
def test_an_invalid_mark_raises_an_error(text: str, complaint: str) -> None:
    with pytest.raises(BadMarks, match=complaint):
        marks.read_marks(text)


def test_marks_that_match_nothing_or_too_much_are_reported() -> None:
    lists = Lists("3.13.0", {"test_a.T.test_1": "public", "test_a.T.test_2": "internals"})
    older = Mark("older", ("test_a.T.test_?",), "because")
    inner = Mark("internals", ("test_a.*",), "because", pythons=("3.13",))
    nothing = Mark("accelerator", ("test_b.*",), "because")
    elsewhere = Mark("accelerator", ("test_b.*",), "because", pythons=("3.12",))
    assert list(marks.complaints([older, elsewhere], [lists])) == []
    assert list(marks.complaints([older, inner, nothing], [lists])) == [
        "test_b.* matches no listed test of 3.13.0",
        "test_a.T.test_1 has 2 marks on 3.13.0",
        "test_a.T.test_1 is marked as internals, but is listed in public-3.13.0",
        "test_a.T.test_2 has 2 marks on 3.13.0",
    ]
    of_new = Lists("3.15.2", {"test_a.T.test_1": "new"})  # this list is not divided
    assert list(marks.complaints([Mark("internals", ("test_a.*",), "because")], [of_new])) == []
    assert marks.marked(lists.tests, [elsewhere, inner], "3.13") == dict.fromkeys(
        lists.tests, inner
    )


# --- the journal of a worker ----------------------------------------------------------------------


def journal(*events: Mapping[str, object]) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)


LOADED = {"event": "loaded", "tests": ["test.test_asyncio.test_a.T.test_1"]}
START = {"event": "start", "test": "test.test_asyncio.test_a.T.test_1"}
STOP = {**START, "event": "stop", "faults": [], "seconds": 1.5}
END = {"event": "end", "real_asyncio": []}
WANTED = {"test_a.T.test_1", "test_a.T.test_2"}


def faults(text: str) -> dict[str, str]:
    outcomes = read_journal(text, "SIGSEGV", "Fatal error").outcomes(WANTED)
    return {outcome.test.rpartition(".")[2]: outcome.fault for outcome in outcomes}


def test_a_started_test_without_an_end_ended_the_process() -> None:
    died = "the process ended (SIGSEGV); its output:\nFatal error"
    assert faults(journal(START)) == {"test_1": died}


def test_tests_after_a_crash_have_no_outcome_yet() -> None:
    assert faults(journal(START, STOP)) == {"test_1": ""}


def test_if_a_worker_does_not_start_all_its_tests_fail() -> None:
    died = "the process ended (SIGSEGV); its output:\nFatal error"
    assert faults("") == {"test_1": died, "test_2": died}


def test_a_test_that_could_not_run_fails_with_the_reason() -> None:
    absent = "the suite has no such test"
    assert faults(journal(LOADED, START, STOP, END)) == {"test_1": "", "test_2": absent}
    broken = journal({"event": "import", "fault": "ImportError"}, END)
    excuse = "the test module cannot be imported:\nImportError"
    assert faults(broken) == {"test_1": excuse, "test_2": excuse}
    class_failed = journal({"event": "fixture", "what": "setUpClass", "fault": "OSError"}, END)
    assert faults(class_failed)["test_2"] == "setUpClass failed:\nOSError"


# --- workers over a made-up suite -----------------------------------------------------------------

MADE_UP = """
import os
import pathlib
import threading
import unittest

class First(unittest.TestCase):
    def test_1_passes(self):
        pass
    def test_2_fails(self):
        self.assertEqual(1, 2)
    def test_3_hangs(self):
        threading.Event().wait()
    def test_4_crashes(self):
        os.abort()
    def test_5_is_skipped(self):
        self.skipTest("not today")
    def test_6_fails_in_a_part(self):
        with self.subTest("half"):
            self.fail()
    def test_7_passes_at_its_second_try(self):
        before = pathlib.Path({before!r})
        if not before.exists():
            before.touch()
            self.fail()
    def test_8_fails_as_expected(self):
        self.fail()
    test_8_fails_as_expected = unittest.expectedFailure(test_8_fails_as_expected)
    def test_9_leaves_a_thread_behind(self):
        threading.Thread(target=threading.Event().wait).start()
    def test_not_wanted(self):
        raise SystemExit

class Second(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise OSError("no room")
    def test_never_begins(self):
        pass
"""


def make_suite(shadow: Path, text: str) -> None:
    """Create a shadow with an empty asyncio, and a suite with one module."""
    folder = shadow / "test" / "test_asyncio"
    folder.mkdir(parents=True)
    (shadow / "asyncio").mkdir()
    for package in (shadow / "asyncio", shadow / "test", folder):
        (package / "__init__.py").touch()
    (folder / "test_made_up.py").write_text(text, encoding="utf-8")


def test_every_wanted_test_gets_exactly_one_outcome(tmp_path: Path) -> None:
    make_suite(tmp_path, MADE_UP.replace("{before!r}", repr(str(tmp_path / "before"))))
    expected = {
        "First.test_1_passes": "",
        "First.test_2_fails": "AssertionError: 1 != 2",
        "First.test_3_hangs": "the process ended (exit status 1)",
        "First.test_4_crashes": "the process ended (SIGABRT)",
        "First.test_5_is_skipped": "skipped: not today",
        "First.test_6_fails_in_a_part": "[half]",
        "First.test_7_passes_at_its_second_try": "",
        "First.test_8_fails_as_expected": "",
        "First.test_9_leaves_a_thread_behind": "",
        "First.test_that_is_not_there": "the suite has no such test",
        "Second.test_never_begins": "OSError: no room",
    }
    names = frozenset(f"test_made_up.{name}" for name in expected)
    hanging = "test_made_up.First.test_3_hangs"
    wanted = Wanted("test_made_up", names, marked=frozenset({hanging}))
    run = Workshop(sys.executable, tmp_path, limit=2.0).run_module(wanted)

    assert run.outcomes.keys() == names
    for name, words in expected.items():
        outcome = run.outcomes[f"test_made_up.{name}"]
        assert words in outcome.fault
        assert outcome.passed == (not words)
    assert "Timeout" in run.outcomes[hanging].fault
    assert run.outcomes[hanging].tries == 1
    assert run.outcomes["test_made_up.First.test_7_passes_at_its_second_try"].tries == 2
    assert "test_made_up.First.test_not_wanted" in run.suite
    assert run.real_asyncio == set()


def test_all_tests_of_a_module_that_cannot_be_imported_fail(tmp_path: Path) -> None:
    make_suite(tmp_path, "import nothing_of_that_name")
    wanted = Wanted("test_made_up", frozenset({"test_made_up.First.test_1_passes"}))
    run = Workshop(sys.executable, tmp_path, limit=30.0).run_module(wanted)
    (outcome,) = run.outcomes.values()
    assert "No module named 'nothing_of_that_name'" in outcome.fault


def test_loading_the_real_asyncio_is_detected(tmp_path: Path) -> None:
    make_suite(tmp_path, "import asyncio")
    (tmp_path / "asyncio" / "__init__.py").unlink()
    (tmp_path / "asyncio").rmdir()
    wanted = Wanted("test_made_up", frozenset({"test_made_up.First.test_1_passes"}))
    run = Workshop(sys.executable, tmp_path, limit=30.0).run_module(wanted)
    assert {"asyncio", "asyncio.events"} <= run.real_asyncio


def test_a_closed_workshop_starts_nothing(tmp_path: Path) -> None:
    workshop = Workshop(sys.executable, tmp_path, limit=30.0)
    workshop.close()
    assert (
        workshop.run_module(Wanted("test_made_up", frozenset({"test_made_up.T.t"}))).outcomes == {}
    )


# --- the shadow -----------------------------------------------------------------------------------


def in_shadow(shadow: Path, program: str) -> str:
    """Run a program with the shadow first on PYTHONPATH; return its output."""
    environment = {**os.environ, "PYTHONPATH": str(shadow)}
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.stderr == ""
    return done.stdout


def test_in_a_shadow_miniloop_is_asyncio(tmp_path: Path) -> None:
    make_shadow(tmp_path, Path(cli.__file__).parent.parent.parent / "miniloop")
    program = """
import asyncio
from asyncio import base_events, log, proactor_events, selector_events, tasks
print(tasks._PyTask is asyncio.Task is tasks.Task, hasattr(tasks, "_CTask"), log.logger.name)
print(asyncio.run(asyncio.sleep(0, "slept")))
try:
    import _asyncio
except ImportError as error:
    print(error)
"""
    assert in_shadow(tmp_path, program).splitlines() == [
        "True False asyncio",
        "slept",
        "import of _asyncio halted; None in sys.modules",
    ]


def test_a_plain_shadow_adds_only_the_names_of_pure_python_twins_and_windows_modules(
    tmp_path: Path,
) -> None:
    make_shadow(tmp_path, Path(cli.__file__).parent.parent.parent / "miniloop", plain=True)
    program = """
import asyncio
from asyncio import base_events, futures, proactor_events, tasks, unix_events, windows_events
print(tasks._PyTask is asyncio.Task, futures._PyFuture is asyncio.Future)
print(type(base_events).__name__, hasattr(base_events, "logger"), hasattr(unix_events, "signal"))
print([name for name in vars(windows_events) if not name.startswith("__")])
import _asyncio
"""
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.stdout.splitlines() == ["True True", "module False False", "[]"]
    assert "_asyncio" in done.stderr


def test_patching_a_name_in_asyncios_module_patches_the_file_that_defines_it(
    tmp_path: Path,
) -> None:
    make_shadow(tmp_path, Path(cli.__file__).parent.parent.parent / "miniloop")
    program = """
from unittest import mock
import asyncio
from asyncio import base_events, reports
loop = asyncio.new_event_loop()
original = reports.logger
with mock.patch("asyncio.base_events.logger") as logger:
    print(reports.logger is logger)
    loop.call_exception_handler({"message": "a report"})
    print(logger.error.call_args[0][0])
print(reports.logger is original is base_events.logger)
loop.close()
"""
    assert in_shadow(tmp_path, program).splitlines() == ["True", "a report", "True"]


def test_the_loop_classes_in_a_shadow_are_miniloops_own(tmp_path: Path) -> None:
    make_shadow(tmp_path, Path(cli.__file__).parent.parent.parent / "miniloop")
    program = """
import asyncio
from asyncio import base_events, selector_events, unix_events
for place, name in [
    (base_events, "BaseEventLoop"),
    (selector_events, "BaseSelectorEventLoop"),
    (unix_events, "SelectorEventLoop"),
]:
    kind = getattr(place, name)
    print(kind is getattr(unix_events, name), kind.__module__, kind.__name__)
print([kind.__name__ for kind in asyncio.SelectorEventLoop.__mro__[:3]])
loop = base_events.BaseEventLoop()
print(hasattr(loop, "_selector"), loop.get_debug())
loop.close()
name = "create_unix_server"
print([name in vars(kind) for kind in asyncio.SelectorEventLoop.__mro__[:3]])
"""
    own, three = "True asyncio.unix_events", ["BaseEventLoop", "BaseSelectorEventLoop"]
    assert in_shadow(tmp_path, program).splitlines() == [
        f"{own} BaseEventLoop",
        f"{own} BaseSelectorEventLoop",
        f"{own} SelectorEventLoop",
        str(["SelectorEventLoop", *reversed(three)]),
        "False True",
        "[True, False, False]",
    ]


def test_a_package_with_asyncios_layout_gets_only_the_names_of_pure_python_classes(
    tmp_path: Path,
) -> None:
    import asyncio

    make_shadow(tmp_path, Path(asyncio.__file__).parent)
    program = """
from asyncio import base_events, selector_events, tasks, futures
print(type(base_events).__name__, hasattr(base_events, "_SelectorTransport"))
print(base_events.BaseEventLoop.__mro__[1].__name__, tasks._PyTask is tasks.Task)
"""
    assert in_shadow(tmp_path, program).splitlines() == ["module False", "AbstractEventLoop True"]


# --- verdicts -------------------------------------------------------------------------------------

MARK = Mark("older", ("*",), "it was so then")


def board(
    outcomes: dict[str, str],
    marked: tuple[str, ...] = (),
    version: str = "3.13.0",
    plain: bool = False,
) -> Scoreboard:
    tests = dict.fromkeys((f"test_a.T.{name}" for name in outcomes), "public")
    lists = Lists("3.13.0", tests | {"test_a.T.driven": "hooks", "test_a.T.inner": "internals"})
    run = ModuleRun("test_a", suite={"test_a.T.one", "test_a.T.unlisted"})
    for name, fault in outcomes.items():
        run.outcomes[f"test_a.T.{name}"] = Outcome(f"test_a.T.{name}", fault)
    marks_of = {f"test_a.T.{name}": MARK for name in marked}
    return Scoreboard("miniloop", version, lists, marks_of, [run], plain)


def test_a_marked_test_that_fails_is_not_applicable() -> None:
    judged = board({"one": "", "two": "Error", "three": "Error"}, marked=("two",))
    assert judged.totals()["public"] == {"passed": 1, "failed": 1, "not applicable": 1}
    assert judged.modules() == {"test_a": {"passed": 1, "failed": 1, "not applicable": 1}}
    assert [failure.test for failure in judged.failures] == ["test_a.T.three"]
    counts = "1 passed, 1 failed, 1 not applicable (33.3% of all)"
    assert judged.summary() == f"CPython 3.13.0, public and hooks: {counts}."
    assert judged.in_no_list == 1
    assert list(judged.complaints()) == []


def test_the_summary_names_the_lists_that_must_pass_and_the_plain_shadow() -> None:
    plain = board({"one": "", "two": "Error"}, plain=True)
    counts = "1 passed, 1 failed, 0 not applicable (0.0% of all)"
    assert plain.summary() == f"CPython 3.13.0, public and hooks in the plain shadow: {counts}."
    lists = Lists("3.15.2", {"test_a.T.a": "public", "test_a.T.b": "hooks", "test_a.T.c": "new"})
    run = ModuleRun("test_a", {"test_a.T.c": Outcome("test_a.T.c")}, {"test_a.T.c"})
    newer = Scoreboard("miniloop", "3.15.2", lists, {}, [run])
    assert newer.summary().startswith("CPython 3.15.2, public, hooks and new: 1 passed, 0 failed, ")


def test_a_marked_test_that_passes_is_reported() -> None:
    judged = board({"one": ""}, marked=("one",))
    assert list(judged.complaints()) == ["test_a.T.one passes, but is marked: it was so then"]


def test_listed_tests_that_another_release_does_not_have_are_not_counted() -> None:
    outcomes = {"one": "", "two": "the suite has no such test"}
    assert len(board(outcomes).verdicts) == 2
    assert [v.test for v in board(outcomes, version="3.13.9").verdicts] == ["test_a.T.one"]


def test_loading_the_real_asyncio_is_reported() -> None:
    run = ModuleRun("test_a", real_asyncio={"asyncio.events", "_asyncio"})
    judged = Scoreboard("miniloop", "3.13.0", ALL_LISTS[-1], {}, [run])
    expected = "test_a loaded the real asyncio: _asyncio, asyncio.events"
    assert list(judged.complaints()) == [expected]


def test_totals_worse_than_recorded_are_reported() -> None:
    recorded = {"public": {"passed": 10, "failed": 0, "not applicable": 1}}
    better = {"public": {"passed": 11, "failed": 0, "not applicable": 0}}
    worse = {"public": {"passed": 9, "failed": 0, "not applicable": 2}}
    assert list(worse_than_recorded(better, recorded)) == []
    assert list(worse_than_recorded(worse, recorded)) == [
        "public: 9 passed, fewer than the recorded 10",
        "public: 2 not applicable, more than the recorded 1",
    ]


def test_the_scoreboard_fits_into_80_columns() -> None:
    from rich.console import Console

    judged = board({"one": "", "two": "Error", "three": "Error"}, marked=("two",))
    console = Console(width=80, file=io.StringIO())
    with console.capture() as captured:
        console.print(judged.table())
    assert max(map(len, captured.get().splitlines())) <= 80


# --- the command ----------------------------------------------------------------------------------


@with_suite
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--module", "test_nothing"], "test_nothing has no listed test"),
        (["-k", "no_such_test_at_all"], "no listed test matches no_such_test_at_all"),
        (["--impl", "no_such_package"], "cannot import a package no_such_package"),
        (["--impl", "bisect"], "cannot import a package bisect"),
        (["--impl", "no..name"], "cannot import a package no..name"),
        (["--python", "/no/such/python"], "/no/such/python is not a working Python interpreter"),
        (["--timeout", "-1"], "-1 is not a positive number of seconds"),
        (["--timeout", "soon"], "invalid"),
        (["--jobs", "0"], "0 is less than 1"),
        (["--record", "-k", "test_lock"], "--record needs a whole run"),
        (["--record", "--module", "test_locks"], "--record needs a whole run"),
        (["--record", "--impl", "asyncio"], "--record only works with miniloop"),
        (["--what"], "unrecognized arguments"),
    ],
)
def test_wrong_usage_prints_one_message_and_exits_with_status_2(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status: object = cli.main(arguments)
    except SystemExit as raised:  # argparse exits by itself
        status = raised.code
    assert status == 2
    errors = capsys.readouterr().err
    assert complaint in errors
    assert "Traceback" not in errors


def test_an_interpreter_without_the_suite_exits_with_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "__init__.py").touch()
    version = known_versions()[-1]
    program = f"import platform; platform.python_version = lambda: {version!r}"
    (tmp_path / "sitecustomize.py").write_text(program, encoding="utf-8")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    assert cli.main(["--python", str(python)]) == 2
    errors = capsys.readouterr().err
    package = f"libpython{minor_of(version)}-testsuite"
    assert f"has no test.test_asyncio (on Debian, install {package})" in errors


def on_one_module(tmp_path: Path, *arguments: str) -> list[str]:
    return ["--module", "test_context", "--json", str(tmp_path / "board.json"), *arguments]


@with_suite
def test_asyncio_itself_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(on_one_module(tmp_path, "--impl", "asyncio")) == 0
    written = json.loads((tmp_path / "board.json").read_text(encoding="utf-8"))
    assert written["implementation"] == "asyncio"
    assert written["modules"]["test_context"] == {"passed": 1, "failed": 0, "not applicable": 0}
    assert "test_context" in capsys.readouterr().out


@with_suite
def test_miniloop_passes(tmp_path: Path) -> None:
    assert cli.main(on_one_module(tmp_path)) == 0


@with_suite
def test_in_the_plain_shadow_failures_are_counted_but_are_no_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(on_one_module(tmp_path, "--plain", "--impl", "json", "--once")) == 0
    written = json.loads((tmp_path / "board.json").read_text(encoding="utf-8"))
    assert (written["shadow"], written["modules"]["test_context"]["failed"]) == ("plain", 1)
    output = capsys.readouterr().out
    assert "in the plain shadow: 0 passed, 1 failed" in output
    assert "FAILED" not in output


@with_suite
def test_a_package_that_does_not_implement_asyncio_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(on_one_module(tmp_path, "--impl", "json", "--once")) == 1
    assert "FAILED (public) test_context." in capsys.readouterr().out


@with_suite
def test_a_package_that_cannot_be_imported_as_asyncio_is_reported_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "__init__.py").write_text("from . import nothing", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["--impl", "broken"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("broken cannot be imported as asyncio:\n")
    assert "cannot import name 'nothing'" in captured.err


@with_suite
def test_ctrl_c_exits_with_status_130(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = []

    def interrupted(self: Workshop, *_: object) -> Callable[[], None]:
        raise KeyboardInterrupt

    monkeypatch.setattr(Workshop, "run_module", interrupted)
    monkeypatch.setattr(Workshop, "close", lambda self: closed.append(self))
    assert cli.main(on_one_module(tmp_path)) == 130
    assert len(closed) == 1
    assert capsys.readouterr().err.endswith("interrupted\n")


# --- the record -----------------------------------------------------------------------------------


def test_the_record_counts_every_listed_test_of_every_release() -> None:
    record = scoreboard.read_record()
    assert sorted(record) == known_versions()
    for lists in ALL_LISTS:
        listed = Counter(lists.tests.values())
        of_release = record[lists.version].items()
        assert {kind: sum(counts.values()) for kind, counts in of_release} == listed


def test_in_the_record_no_test_fails_and_only_marked_tests_are_not_applicable() -> None:
    marks_now = marks.read_marks(marks.FILE.read_text(encoding="utf-8"))
    for lists in ALL_LISTS:
        marked = marks.marked(lists.tests, marks_now, lists.minor)
        excused = Counter(lists.tests[test] for test in marked)
        for kind, counts in scoreboard.read_record()[lists.version].items():
            assert (counts["failed"], counts["not applicable"]) == (0, excused[kind])


def test_less_than_10_percent_of_the_tests_that_must_pass_are_marked() -> None:
    for version, totals in scoreboard.read_record().items():
        counts: Counter[str] = Counter()
        for kind in totals.keys() - {"internals"}:
            counts.update(totals[kind])
        assert counts["not applicable"] < counts.total() / 10, version


def test_at_least_1000_of_the_public_and_hooks_tests_pass_in_the_plain_shadow() -> None:
    plain = scoreboard.read_record(scoreboard.PLAIN)
    assert list(plain) == known_versions()
    assert plain["3.13.0"]["public"]["passed"] + plain["3.13.0"]["hooks"]["passed"] >= 1_000


def test_tests_readme_has_the_recorded_totals_and_the_number_of_marks() -> None:
    text = section("Conformance", TESTS_README)
    totals, _, others = text.partition("\n\nThe others are not applicable.")
    by_mark, _, in_plain = others.partition("\n\nThe *plain shadow*")

    def shares(shadow: str) -> list[list[str]]:
        record = scoreboard.read_record(shadow)
        return [[v, *(share(record[v].get(kind)) for kind in KINDS)] for v in known_versions()]

    def share(counts: dict[str, int] | None) -> str:
        return f"{counts['passed']} of {sum(counts.values())}" if counts else "–"

    assert rows(totals) == shares(scoreboard.FULL)
    assert rows(in_plain) == shares(scoreboard.PLAIN)

    marks_now = marks.read_marks(marks.FILE.read_text(encoding="utf-8"))
    by_kind = [
        Counter(mark.kind for mark in marks.marked(lists.tests, marks_now, lists.minor).values())
        for lists in ALL_LISTS
    ]
    counted = [[f"`{kind}`", *(str(counts[kind]) for counts in by_kind)] for kind in marks.KINDS]
    assert [row[:-1] for row in rows(by_mark)] == counted
