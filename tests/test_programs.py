"""Programs run on miniloop unchanged: `python -m miniloop run`, `install()`, child processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import miniloop
from miniloop import __main__ as command
from miniloop.trace import programs

PACKAGE = Path(programs.__file__).parent.parent
STAND_IN = str(PACKAGE / "trace" / "stand_in")
RUN = ["-m", "miniloop", "run"]


def python(
    *arguments: str | Path, options: list[str] | None = None, **environment: str
) -> tuple[int, str, str]:
    """Run `python [OPTIONS] ARGUMENTS`; return the exit status, stdout and stderr."""
    done = subprocess.run(
        [sys.executable, *(options or []), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent), **environment},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def on_both(*program: str | Path, options: list[str] | None = None) -> tuple[int, str, str]:
    """Run a program with and without miniloop; assert that nobody could tell the difference."""
    expected = python(*program, options=options)
    assert python(*RUN, *program, options=options) == expected
    return expected


# -- what the program imports ------------------------------------------------------------------


def test_import_asyncio_finds_miniloop_and_nothing_of_the_real_one() -> None:
    program = """
import asyncio, asyncio.subprocess, sys
from asyncio import log, base_events, events
from asyncio.locks import Lock
print(asyncio.__file__, asyncio.__path__, asyncio.__spec__.origin)
print(asyncio.Task, asyncio.Lock is Lock, log.logger.name)
files = [getattr(module, "__file__", None)
         for name, module in sys.modules.items() if name.split(".")[0] == "asyncio"]
print(*sorted({file.rpartition("/")[0] for file in files if file}))
print(sys.modules["_asyncio"])
"""
    status, out, err = python(*RUN, "-c", program, options=["-W", "error"])
    assert (status, err) == (0, "")
    init = PACKAGE / "__init__.py"
    assert out.splitlines() == [
        f"{init} ['{PACKAGE}'] {init}",
        "<class 'asyncio.tasks.Task'> True asyncio",
        f"{PACKAGE} {PACKAGE / 'trace'}",
        "None",
    ]


@pytest.mark.parametrize("name", ["_asyncio", "asyncio.windows_events", "asyncio.no_such_module"])
def test_what_miniloop_does_not_have_cannot_be_imported(name: str) -> None:
    program = f"import asyncio\ntry: import {name}\nexcept ImportError as error: print(error.name)"
    assert python(*RUN, "-c", program) == (0, f"{name}\n", "")


@pytest.mark.parametrize("first", ["asyncio", "miniloop"])
def test_asyncio_and_miniloop_are_the_same_modules_whichever_is_imported_first(first: str) -> None:
    second = "miniloop" if first == "asyncio" else "asyncio"
    program = f"""
import {first}, {second}
async def main(): return await miniloop.gather(asyncio.sleep(0, 1), miniloop.sleep(0, 2))
print(asyncio.run(main()), asyncio.Task is miniloop.Task)
import asyncio.tasks, miniloop.tasks, sys
print(asyncio.tasks is miniloop.tasks, sys.modules["miniloop"] is asyncio)
"""
    assert python(*RUN, "-c", program) == (0, "[1, 2] True\nTrue True\n", "")


def test_two_threads_may_import_it_at_the_same_time() -> None:
    program = """
import threading
barrier, seen = threading.Barrier(8), []
def look():
    barrier.wait()
    import asyncio
    seen.append(asyncio.BaseEventLoop)  # one of the last names that the package gets
threads = [threading.Thread(target=look) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(seen), len({*seen}))
"""
    assert python(*RUN, "-c", program) == (0, "8 1\n", "")


def test_the_stand_in_does_nothing_under_another_name() -> None:
    program = """
import sys
import miniloop.trace.stand_in.asyncio as a
print(a.__name__, '_asyncio' in sys.modules)
"""
    assert python("-c", program) == (0, "miniloop.trace.stand_in.asyncio False\n", "")


def test_a_child_with_an_older_python_gets_its_own_asyncio() -> None:
    # This interpreter claims to be an older one.
    pretend = "import sys; sys.version_info = (3, 10, 0, 'final', 0)"
    program = "import asyncio.log, os; print(os.path.dirname(os.path.dirname(asyncio.__file__)))"
    library = os.path.dirname(os.__file__)
    assert python("-c", f"{pretend}\n{program}", PYTHONPATH=STAND_IN) == (0, f"{library}\n", "")


# -- the program itself: as with plain Python -----------------------------------------------------

LOOK = """
import os, sys
print(__name__, sys.argv, sys.path[0], globals().get("__file__"), __spec__ and __spec__.name)
print(sys.modules["__main__"].__dict__ is globals(), type(__builtins__).__name__)
print(sys.flags.dev_mode, sys.flags.dont_write_bytecode, sys.warnoptions)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with programs in it."""
    (tmp_path / "look.py").write_text(LOOK)
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__main__.py").write_text(LOOK)
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        archive.writestr("__main__.py", LOOK)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "program",
    [
        ("look.py", "a", "--report", "-c"),
        ("-m", "look", "a", "-m"),
        ("-c", LOOK, "a"),
        ("package", "a"),
        ("-m", "package"),
        ("packed.zip",),
    ],
    ids=["script", "module", "code", "folder", "package", "archive"],
)
@pytest.mark.parametrize("options", [[], ["-X", "dev", "-B", "-W", "error"]], ids=["", "options"])
@pytest.mark.usefixtures("folder")
def test_a_program_sees_what_it_sees_with_plain_python(
    program: tuple[str, ...], options: list[str]
) -> None:
    status, out, err = on_both(*program, options=options)
    assert (status, err) == (0, "")
    assert out.startswith("__main__ ")


ENDINGS = {
    "sys.exit(7)": "import sys; sys.exit(7)",
    "sys.exit(message)": "import sys; sys.exit('it did not work')",
    "an exception": "def fail():\n    1 / 0\nfail()",
    "an exception in a task": """
import asyncio
async def main():
    raise ExceptionGroup("both", [ValueError(1), TypeError(2)])
try:
    asyncio.run(main())
except ExceptionGroup as group:
    raise group.exceptions[0] from None
""",
    "a syntax error": "if True print(1)",
    "os._exit": "import os; os._exit(5)",
    "a hook for exceptions": "import sys; sys.excepthook = lambda *args: print(args[:2])\n1 / 0",
    "a function at exit": """
import atexit, sys
main = sys.modules["__main__"]
atexit.register(lambda: print("still the same module:", sys.modules["__main__"] is main))
""",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_program_ends_as_with_plain_python(ending: str, folder: Path) -> None:
    (folder / "program.py").write_text(ENDINGS[ending])
    on_both("program.py")


def test_ctrl_c_ends_a_program_as_with_plain_python(folder: Path) -> None:
    (folder / "program.py").write_text(
        "import asyncio, os, signal\n"
        "async def main():\n"
        "    try:\n"
        "        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGINT)\n"
        "        await asyncio.sleep(60)\n"
        "    except asyncio.CancelledError:\n"
        "        print('cancelled')\n"
        "        raise\n"
        "asyncio.run(main())\n"
    )
    for how in ([], RUN):
        status, out, err = python(*how, "program.py")
        assert (status, out) == (-signal.SIGINT, "cancelled\n")
        assert err.splitlines()[-1] == "KeyboardInterrupt"


@pytest.mark.parametrize("program", [("missing.py",), ("-m", "missing"), ("-m", "os.missing")])
@pytest.mark.usefixtures("folder")
def test_a_missing_program_is_reported_without_a_traceback(program: tuple[str, ...]) -> None:
    status, out, err = on_both(*program)
    assert (status, out) == (2 if len(program) == 1 else 1, "")
    assert "missing" in err
    assert "Traceback" not in err


# -- the command line ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"], ["run", "--report"], ["run", "-m"], ["run", "-c"], ["run", "-x"],
        ["run", "-I", "program.py"], ["run", "--reprot", "program.py"], ["ran", "program.py"],
        ["--version"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_arguments_end_with_a_message_and_status_2(arguments: list[str]) -> None:
    status, out, err = python("-m", "miniloop", *arguments)
    given = [argument for argument in arguments if argument != "--report"]
    assert (status, out) == (2, "")
    assert err == f"miniloop: wrong arguments: {given}\n{command.__doc__}"


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["run", "--help"], ["run", "-h"]])
def test_help_goes_to_standard_output(arguments: list[str]) -> None:
    assert python("-m", "miniloop", *arguments) == (0, command.__doc__, "")


@pytest.mark.parametrize("option", ["-E", "-I"])
@pytest.mark.parametrize("arguments", [["run", "program.py"], []], ids=["run", "prompt"])
def test_an_option_that_ignores_the_environment_is_refused(
    option: str, arguments: list[str]
) -> None:
    # As with an installed package, which these options do not hide.
    enter = f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r})"
    call = f"sys.argv[1:] = {arguments}; from miniloop.__main__ import main; main(sys.argv[1:])"
    status, out, err = python(option, "-c", f"{enter}; {call}")
    assert (status, out) == (2, "")
    assert err == "miniloop: cannot do this with -E or -I: it needs PYTHONPATH\n"


@pytest.mark.parametrize(
    ("given", "passed_on"),
    [
        (["-m", "miniloop"], []),
        (["-mminiloop"], []),
        (["-um", "miniloop"], ["-u"]),
        (["-umminiloop"], ["-u"]),
        (["-X", "dev", "-W", "error", "-m", "miniloop"], ["-X", "dev", "-W", "error"]),
    ],
)
@pytest.mark.parametrize("arguments", [[], ["run", "-m", "miniloop"]])
def test_the_options_of_python_are_passed_on(
    given: list[str], passed_on: list[str], arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/__main__.py", *arguments])
    monkeypatch.setattr(sys, "orig_argv", ["python", *given, *arguments])
    assert programs._options() == passed_on


TRACE = ", ".join(f"asyncio.trace.{name}" for name in ("graph", "places", "programs", "watchers"))


def test_the_report_says_from_where_each_process_has_loaded_asyncio() -> None:
    program = (
        "import asyncio, subprocess, sys\n"
        "subprocess.run([sys.executable, '-c', 'import asyncio'], check=True)"
    )
    status, out, err = python(*RUN, "--report", "-c", program)
    child, own = err.split("miniloop: process ")[1:]
    assert (status, out) == (0, "")
    for report in (child, own):
        number, files, made, trace = report.splitlines()
        assert number.endswith(" has imported")
        assert files.startswith(f"  from {PACKAGE}: asyncio, asyncio.abstract, ")
        assert trace == f"  from {PACKAGE / 'trace'}: asyncio.trace, {TRACE}"
        assert made.startswith("  from places.py: asyncio.base_events, ")
    assert int(child.split()[0]) != int(own.split()[0])


def test_the_report_shows_modules_from_other_places(folder: Path) -> None:
    (folder / "strange.py").write_text("")
    program = "import asyncio, strange, sys; sys.modules['asyncio.strange'] = strange"
    status, _, err = python(*RUN, "--report", "-c", program)
    assert status == 0
    assert f"  from {folder}: asyncio.strange" in err.splitlines()


# -- child processes ------------------------------------------------------------------------------

WHERE = "import asyncio; print(asyncio.__file__)"
CHILDREN = {
    "subprocess": f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {WHERE!r}], check=True)
""",
    "grandchild": f"""
import subprocess, sys
command = [sys.executable, "-c", {WHERE!r}]
if sys.argv[1:] != ["child"]:
    command = [sys.executable, __file__, "child"]
subprocess.run(command, check=True)
""",
    "asyncio.create_subprocess_exec": f"""
import asyncio, sys
async def main():
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", {WHERE!r})
    await process.wait()
asyncio.run(main())
""",
    **{
        method: f"""
import multiprocessing
def look():
    {WHERE}
if __name__ == "__main__":
    process = multiprocessing.get_context("{method}").Process(target=look)
    process.start()
    process.join()
"""
        for method in ("spawn", "forkserver", "fork")
    },
    "process pool": """
import concurrent.futures, multiprocessing
def look():
    import asyncio
    return asyncio.__file__
if __name__ == "__main__":
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=spawn) as pool:
        print(pool.submit(look).result())
""",
}


@pytest.mark.parametrize("child", CHILDREN)
@pytest.mark.parametrize("how", ["run", "install"])
def test_a_child_process_imports_miniloop_too(child: str, how: str, folder: Path) -> None:
    program = CHILDREN[child]
    if how == "install":
        program = f"import miniloop; miniloop.install()\n{program}"
    (folder / "program.py").write_text(program)
    prefix = RUN if how == "run" else []
    assert python(*prefix, "program.py") == (0, f"{PACKAGE / '__init__.py'}\n", "")


@pytest.mark.parametrize("option", ["-E", "-I"])
def test_a_child_that_ignores_the_environment_is_not_reached(option: str, folder: Path) -> None:
    arguments = f"[sys.executable, {option!r}, '-c', {WHERE!r}]"
    program = f"import subprocess, sys; subprocess.run({arguments}, check=True)"
    real = Path(os.__file__).parent / "asyncio" / "__init__.py"
    assert python(*RUN, "-c", program) == (0, f"{real}\n", "")


def test_what_was_on_pythonpath_stays_there() -> None:
    before = os.pathsep.join([str(PACKAGE.parent), "/nonexistent"])
    look = "import os; print(os.environ['PYTHONPATH'])"
    status, out, _ = python(*RUN, "-c", look, PYTHONPATH=before)
    assert (status, out) == (0, f"{STAND_IN}{os.pathsep}{before}\n")


def test_an_installed_package_needs_nothing_on_pythonpath(folder: Path) -> None:
    shutil.copytree(PACKAGE, folder / "miniloop")  # the current folder, where -m looks first
    program = "import asyncio, os; print(asyncio.__file__, os.environ['PYTHONPATH'])"
    place = folder / "miniloop"
    assert python(*RUN, "-c", program, PYTHONPATH="") == (
        0,
        f"{place / '__init__.py'} {place / 'trace' / 'stand_in'}\n",
        "",
    )


# -- install() ------------------------------------------------------------------------------------


def test_install_makes_asyncio_and_miniloop_the_same() -> None:
    program = """
import miniloop
miniloop.install()
miniloop.install()
import asyncio, asyncio.log, sys, unittest.mock
async def main():
    await miniloop.sleep(0)
    return await asyncio.gather(miniloop.sleep(0, 1), asyncio.sleep(0, 2))
print(miniloop.run(main()), asyncio.run(main()))
print(asyncio.Task is miniloop.Task, sys.modules["miniloop"] is asyncio, asyncio.__file__)
asyncio.install()
print(sys.modules["_asyncio"])
"""
    expected = f"[1, 2] [1, 2]\nTrue True {PACKAGE / '__init__.py'}\nNone\n"
    assert python("-W", "error", "-c", program) == (0, expected, "")


def test_install_refuses_if_the_real_asyncio_was_imported() -> None:
    real = Path(os.__file__).parent / "asyncio" / "__init__.py"
    program = "import asyncio, miniloop; miniloop.install()"
    status, out, err = python("-c", program)
    assert (status, out) == (1, "")
    message = f"install() comes too late: there is already <module 'asyncio' from '{real}'>"
    assert err.splitlines()[-1] == f"RuntimeError: {message}"


def test_install_refuses_here_because_the_tests_use_the_real_asyncio() -> None:
    import asyncio

    path, environment = [*sys.path], dict(os.environ)
    with pytest.raises(RuntimeError, match="comes too late"):
        miniloop.install()
    assert (sys.path, dict(os.environ)) == (path, environment)
    assert sys.modules["asyncio"] is asyncio
