"""The mutation tool: it lists mutants that weak tests do not detect, and changes no source file.

These tests run it on a made-up package with weak tests. `python -m tests.mutation` runs it on
miniloop.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("cosmic_ray", reason="needs the extra [dev]")

from cosmic_ray.mutating import mutate_code

from tests.mutation import cli, crew
from tests.mutation.config import BadConfig, read_config
from tests.mutation.crew import Crew
from tests.mutation.mutants import Mutant, mutants_of, operators
from tests.mutation.operators import RemoveStatement

MODULE = '''
"""A made-up module."""

def is_many(number: int) -> bool:
    return number > 3

def count_down(number):
    while number:
        number -= 1
    return number
'''

WEAK_TEST = """
import pytest
import made_up.module

@pytest.fixture(params=["made_up", "the reference"])
def stage(request):
    return request.param

def test_is_many():
    assert made_up.module.is_many(9)
    assert not made_up.module.is_many(1)

def test_count_down():
    assert made_up.module.count_down(2) == 0

def test_runs_only_with_the_package(stage):
    assert stage == "made_up"
"""

CONFIG = """
root = "."
package = "made_up"
modules = ["module"]
survivors = "survivors.toml"
stage = "stage"
patience = 0.2
[[left_out]]
operators = [
    "core/[!R]*", "core/Replace[!C]*", "core/ReplaceComparisonOperator_Gt_[!G]*"
]
why = "`>` becomes `>=`, and statements are left out: the fewer, the better"
[[killers]]
name = "weak"
files = ["test_made_up.py"]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Create a folder with a package, weak tests and config.toml."""
    (tmp_path / "made_up").mkdir()
    (tmp_path / "made_up" / "__init__.py").touch()
    (tmp_path / "made_up" / "module.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / "conftest.py").touch()  # so that pytest finds the package
    (tmp_path / "test_made_up.py").write_text(WEAK_TEST, encoding="utf-8")
    (tmp_path / "config.toml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "survivors.toml").touch()
    return tmp_path


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def run_on(project: Path, *arguments: str) -> int:
    options = ["--config", str(project / "config.toml"), "--jobs", "1"]
    return cli.main([*options, "--json", str(project / "results.json"), *arguments])


def outcomes(project: Path) -> dict[str, str]:
    """Return the outcome of each mutant by its changed line."""
    results = json.loads((project / "results.json").read_text(encoding="utf-8"))
    return {entry["after"]: entry["outcome"] for entry in results["verdicts"]}


# --- mutants --------------------------------------------------------------------------------------


def mutants(source: str, *left_out: str) -> list[Mutant]:
    return mutants_of("module", textwrap.dedent(source), operators(left_out))


def changes(source: str, *left_out: str) -> list[tuple[str, str]]:
    return [(mutant.before, mutant.after) for mutant in mutants(source, *left_out)]


def test_a_statement_can_be_removed() -> None:
    for example in RemoveStatement.examples():
        assert mutate_code(example.pre_mutation_code, RemoveStatement(), 0) == (
            example.post_mutation_code
        )
    program = """
        import this
        limit: int = here()

        class C:
            def method(self):
                "Docstring."
                import that
                total: int
                total: int = 0
                total += yield
                del total
                pass
                raise
    """
    assert changes(program, "core/*") == [
        ("total: int = 0", "pass"),
        ("total += yield", "pass"),
        ("del total", "pass"),
        ("raise", "pass"),
    ]


def test_annotations_docstrings_and_lists_of_names_are_not_mutated() -> None:
    program = """
        from __future__ import annotations
        __all__ = ("a" if True else "b",)
        def f(a: int | None, *b: 1 | 2) -> int | None:
            '''True, and not False.'''
            c: int | None
    """
    assert changes(program) == []


def test_mutants_with_the_same_bytecode_are_one_mutant() -> None:
    program = """
        def f(a):
            if a is None:
                return
    """
    assert changes(program, "statement/*") == [("if a is None:", "if a is not None:")]


def test_a_mutant_has_its_function_and_its_line() -> None:
    program = """
        limit = 3
        def f(a=1):  # a comment
            def g():
                return (
                    a < 2
                )
            a = g()
            a = g()
    """
    kept = "core/Replace*"
    places = {
        (mutant.function, mutant.reach, mutant.before, mutant.after, mutant.nth)
        for mutant in mutants(program, kept)
    }
    assert ("", "", "limit = 3", "limit = 4", 1) in places
    assert ("f", "", "def f(a=1):", "def f(a= 0):", 1) in places
    assert ("f.g", "f.g", "a < 2", "a < 1", 1) in places
    assert ("f.g", "f.g", "return (", "pass", 1) in places
    assert {("f", "f", "a = g()", "pass", 1), ("f", "f", "a = g()", "pass", 2)} <= places


# --- survivors and the others ---------------------------------------------------------------------


def test_a_mutant_that_a_weak_test_does_not_detect_survives_and_is_listed(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_on(project, "--function", "is_many") == 1
    assert outcomes(project) == {"pass": "failed", "return number >= 3": "survived"}
    printed = capsys.readouterr().out
    listed = "SURVIVED module:5 is_many\n    - return number > 3\n    + return number >= 3\n"
    assert listed in printed
    assert "1 of 2 mutants killed (50.0%); 0 of 1 survivors explained" in printed


def test_a_run_can_continue_with_the_survivors_of_another(project: Path) -> None:
    assert run_on(project, "--function", "is_many") == 1
    replace(project / "test_made_up.py", "assert made_up.module.is_many(9)", "")
    replace(project / "test_made_up.py", "is_many(1)", "is_many(3)")
    again = "--again", str(project / "results.json"), "--function", "is_many"
    assert run_on(project, *again) == 0
    # The killed mutant does not run again: the changed test would not detect it.
    assert outcomes(project) == {"pass": "failed", "return number >= 3": "failed"}
    assert run_on(project, *again) == 0


EXPLANATION = """
[[survivor]]
module = "module"
function = "is_many"
line = "return number > 3"
mutant = "return number >= 3"
why = "No test uses three."
"""


def test_an_explained_survivor_is_not_an_error(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "survivors.toml").write_text(EXPLANATION, encoding="utf-8")
    assert run_on(project, "--function", "is_many") == 0
    assert "1 of 1 survivors explained" in capsys.readouterr().out


def test_an_explanation_of_a_mutant_that_is_killed_is_an_error(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "survivors.toml").write_text(EXPLANATION, encoding="utf-8")
    replace(project / "test_made_up.py", "is_many(1)", "is_many(3)")
    assert run_on(project, "--function", "is_many") == 1
    printed = capsys.readouterr().out
    assert "ERROR explained, but killed by test_made_up.py::test_is_many:\nmodule:5" in printed


def test_an_explanation_of_a_missing_line_is_an_error(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "survivors.toml").write_text(EXPLANATION, encoding="utf-8")
    replace(project / "made_up" / "module.py", "> 3", "> 4")
    assert run_on(project, "--function", "is_many") == 1
    assert "is_many: there is no line 'return number > 3'" in capsys.readouterr().out


def test_a_test_that_hangs_or_ends_the_process_kills_the_mutant(project: Path) -> None:
    replace(project / "test_made_up.py", "import pytest", "import os\nimport pytest")
    replace(project / "test_made_up.py", " == 0", " == 0 or os._exit(0)")
    assert run_on(project, "--function", "count_down") == 0
    results = json.loads((project / "results.json").read_text(encoding="utf-8"))
    found = [(entry["before"], entry["outcome"], entry["test"]) for entry in results["verdicts"]]
    test = "test_made_up.py::test_count_down"
    assert found == [("number -= 1", "hung", test), ("return number", "crashed", test)]


def test_tests_that_do_not_import_the_package_are_collected_once(project: Path) -> None:
    replace(project / "config.toml", 'name = "weak"', 'name = "weak"\ncollected = true')
    test = project / "test_made_up.py"
    replace(test, "import made_up.module\n", "import importlib\n")
    replace(test, "made_up.module.", 'importlib.import_module("made_up.module").')
    assert run_on(project, "--function", "is_many", "--jobs", "2") == 1
    assert outcomes(project) == {"pass": "failed", "return number >= 3": "survived"}


RECORDING_TEST = """
import importlib

def module(test):
    with open("ran", "a") as file:
        print(test, file=file)
    return importlib.import_module("made_up.module")

def test_is_many():
    assert not module("is_many").is_many(1)

def test_count_down():
    assert module("count_down").count_down(2) == 0
"""


def test_a_selective_killer_runs_only_tests_that_call_the_changed_function(project: Path) -> None:
    (project / "test_made_up.py").write_text(RECORDING_TEST, encoding="utf-8")
    replace(project / "config.toml", 'name = "weak"', 'name = "weak"\ncollected = true')
    assert run_on(project, "--function", "is_many") == 1
    for_both_mutants = ["is_many", "count_down"] * 3
    assert (project / "ran").read_text(encoding="utf-8").split() == for_both_mutants

    (project / "ran").unlink()
    replace(project / "config.toml", "collected", "selective = true\ncollected")
    assert run_on(project, "--function", "is_many") == 1
    survey, mutants = ["is_many", "count_down"], ["is_many"] * 2
    assert (project / "ran").read_text(encoding="utf-8").split() == survey + mutants


def test_no_source_file_is_changed(project: Path) -> None:
    before = {path: path.read_bytes() for path in project.rglob("*.py")}
    assert run_on(project, "--function", "is_many") == 1
    assert {path: path.read_bytes() for path in project.rglob("*.py")} == before
    assert not list((project / "made_up").rglob("module*.pyc"))


# --- the command ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--module", "nothing"], "nothing is not mutated; choose from module"),
        (["--function", "nothing"], "no mutant matches these options"),
        (["--killer", "nothing"], "there is no killer nothing; choose from weak"),
        (["--again", "/no/such/file"], "No such file"),
        (["--again", "config.toml"], "has no results of a run"),
        (["--jobs", "0"], "0 is less than 1"),
        (["--record"], "--record needs a whole run"),
        (["--what"], "unrecognized arguments"),
    ],
)
def test_wrong_usage_prints_one_message_and_exits_with_status_2(
    arguments: list[str],
    complaint: str,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(project)
    (project / "config.json").write_text("{}", encoding="utf-8")
    arguments = [argument.replace("config.toml", "config.json") for argument in arguments]
    try:
        status: object = run_on(project, *arguments)
    except SystemExit as raised:  # argparse exits by itself
        status = raised.code
    assert status == 2
    errors = capsys.readouterr().err
    assert complaint in errors
    assert "Traceback" not in errors


def break_config(old: str, new: str) -> Callable[[Path], None]:
    return lambda project: replace(project / "config.toml", old, new)


@pytest.mark.parametrize(
    ("breaks", "complaint"),
    [
        (break_config('root = "."', ""), "'root' is missing"),
        (break_config('["module"]', '["nothing"]'), "nothing.py"),
        (break_config("test_made_up.py", "test_nothing.py"), "test_nothing.py"),
        (break_config('root = "."', "root"), "Expected"),
        (lambda project: (project / "config.toml").unlink(), "No such file"),
    ],
)
def test_an_invalid_config_is_an_error(
    breaks: Callable[[Path], None], complaint: str, project: Path
) -> None:
    breaks(project)
    with pytest.raises(BadConfig, match=complaint):
        read_config(project / "config.toml")
    assert run_on(project) == 2


@pytest.mark.parametrize(
    ("test", "complaint"),
    [
        ("def test_fails():\n    assert False", "test_made_up.py::test_fails fails"),
        ("import nothing_of_that_name", "collecting fails"),
    ],
)
def test_tests_that_fail_without_a_mutant_are_an_error(
    test: str, complaint: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "test_made_up.py").write_text(test, encoding="utf-8")
    assert run_on(project) == 1
    assert complaint in capsys.readouterr().err


def test_collected_tests_must_not_import_the_package(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replace(project / "config.toml", 'name = "weak"', 'name = "weak"\ncollected = true')
    assert run_on(project) == 1
    assert "a test of weak imports made_up directly" in capsys.readouterr().err


def test_a_worker_that_ends_unexpectedly_is_an_error(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/true")
    assert run_on(project) == 1
    assert "a worker ended unexpectedly" in capsys.readouterr().err


def test_ctrl_c_exits_with_status_130_and_kills_the_workers(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    workers: list[subprocess.Popen[str]] = []
    judge = Crew.judge

    def interrupted(self: Crew, mutants: list[Mutant], tell: object) -> None:
        workers.extend(self._workers)

        def interrupt(*_: object) -> None:
            os.kill(os.getpid(), signal.SIGINT)

        judge(self, mutants, interrupt)

    monkeypatch.setattr(Crew, "judge", interrupted)
    assert run_on(project, "--jobs", "2") == 130
    assert len(workers) == 2
    assert all(worker.poll() is not None for worker in workers)
    errors = capsys.readouterr().err
    assert errors.endswith("interrupted\n")
    assert "Traceback" not in errors


def test_the_tool_is_a_command(project: Path) -> None:
    command = [sys.executable, "-m", "tests.mutation", "--config", str(project / "config.toml")]
    command += ["--json", str(project / "results.json"), "--function", "is_many"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=crew.HOME)
    assert (done.returncode, done.stdout.splitlines()[-1].partition(": ")[2]) == (
        1,
        "1 of 2 mutants killed (50.0%); 0 of 1 survivors explained",
    )
