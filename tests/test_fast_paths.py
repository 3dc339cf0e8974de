"""The fast paths: their places exist, and their plain forms do the same work; the command."""

import ast
import os
import signal
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import TypeAlias

import pytest
from rich.console import Console

from comparisons import __main__ as commands
from comparisons.fast_paths import cli, measure, table
from comparisons.fast_paths.edits import Edit, EditError, copy_of_miniloop
from comparisons.fast_paths.measure import Experiment, Pair, Row
from comparisons.fast_paths.options import settings_from
from comparisons.fast_paths.paths import CONTROL, FAST_PATHS, FastPath
from comparisons.fast_paths.sample import take
from comparisons.fast_paths.workloads import WORKLOADS
from comparisons.memory import family
from comparisons.misconceptions.lesson import Place
from comparisons.supervisor import ROOT, ask
from tests.test_comparisons_runs import alive

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="finds a run's processes in Linux's /proc"
)
REAL = [path for path in FAST_PATHS.values() if path.name != CONTROL]
every_path = pytest.mark.parametrize("path", REAL, ids=lambda path: path.name)


# the list


@every_path
def test_the_place_exists_and_has_the_first_edit(path: FastPath) -> None:
    assert path.place is not None
    text = (ROOT / path.place.file).read_text(encoding="utf-8")
    first = path.edits[0]
    assert path.place.file == f"miniloop/{first.file}"
    line = text[: text.index(first.fast)].count("\n") + 1
    begin = path.place.line()  # raises BrokenLesson if the function does not exist
    [end] = [
        node.end_lineno
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.lineno == begin
    ]
    assert end is not None
    assert begin <= line <= end


@every_path
def test_the_plain_form_does_the_same_work(path: FastPath, tmp_path: Path) -> None:
    copy = copy_of_miniloop(tmp_path / "plain", path.edits)
    for workload in path.workloads:
        question = {"folder": str(copy), "workload": workload, "size": 2, "values": 1}
        answer = ask("comparisons.fast_paths.sample", question, 60)  # it checks the result
        assert answer["seconds"] > 0


def test_an_edit_changes_nothing_else(tmp_path: Path) -> None:
    copy = copy_of_miniloop(tmp_path, [Edit("tasks.py", "(coro).send, coro, None", "(coro).SEND")])
    for path in (ROOT / "miniloop").glob("*.py"):
        original, copied = path.read_text(), (copy / "miniloop" / path.name).read_text()
        if path.name == "tasks.py":
            copied = copied.replace("(coro).SEND", "(coro).send, coro, None")
        assert copied == original


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (Edit("tasks.py", "\nno such text\nat all", ""), "'no such text'… 0 times instead of once"),
        (Edit("tasks.py", "self._loop", ""), r"'self\._loop'… \d+ times instead of once"),
        (Edit("gone.py", "self._loop", ""), "miniloop/gone.py has the text 'self._loop'… 0 times"),
    ],
    ids=["missing", "ambiguous", "no such file"],
)
def test_a_text_that_is_not_there_exactly_once_raises_edit_error(
    edit: Edit, message: str, tmp_path: Path
) -> None:
    with pytest.raises(EditError, match=message):
        copy_of_miniloop(tmp_path, [edit])


def test_a_plain_form_that_gives_a_wrong_answer_is_an_error(tmp_path: Path) -> None:
    wrong = Edit("events.py", "return self._args is None", "return False")
    copy = copy_of_miniloop(tmp_path, [wrong])
    question = {"folder": str(copy), "workload": "timers cancelled", "size": 1, "values": 1}
    program = (
        "from comparisons.fast_paths.sample import take\n"
        f"print(take(**{question!r})['error'].partition(':')[0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert (done.stdout, done.stderr) == ("WrongAnswerError\n", "")


def test_a_sample_of_another_copy_than_the_one_asked_for_is_an_error(tmp_path: Path) -> None:
    before = sys.path[:]
    answer = take(str(tmp_path), "lines", 1, 1)  # miniloop is imported here already
    sys.path[:] = before
    assert answer["error"].startswith("ImportError: miniloop comes from")


# figures


EXAMPLE = FastPath(
    name="example",
    place=Place("miniloop/tasks.py", "Task._run"),
    workloads=("lines",),
    plain="does more",
    edits=(Edit("tasks.py", "(coro).send, coro, None", "(coro).send, coro,  None"),),
)
Pairs: TypeAlias = tuple[tuple[float, float], ...]


def row(pairs: Pairs = (), path: FastPath = EXAMPLE) -> Row:
    return Row(path, WORKLOADS[path.workloads[0]], [Pair(*pair) for pair in pairs])


def test_the_ratio_is_the_median_of_pairs_so_that_a_slow_pair_makes_no_difference() -> None:
    ratio = row(pairs=((1.2, 1.0), (12.0, 10.0), (2.4, 2.0))).ratio
    assert ratio == pytest.approx((1.2, 1.2, 1.2))
    assert row(pairs=((3.0, 2.0),)).ratio == (1.5, None, None)
    assert row().ratio is None


@pytest.mark.parametrize(
    ("pairs", "verdict"),
    [
        (((1.2, 1.0), (1.3, 1.0), (1.4, 1.0)), "yes"),
        (((1.05, 1.0), (1.06, 1.0), (1.07, 1.0)), "no"),
        (((1.05, 1.0), (1.12, 1.0), (1.2, 1.0)), "yes?"),
        (((1.05, 1.0), (1.07, 1.0), (1.2, 1.0)), "no?"),
        (((1.096, 1.0), (1.096, 1.0)), "yes"),  # shown as 1.10
        (((1.5, 1.0),), "yes?"),
        ((), ""),
    ],
)
def test_a_question_mark_says_that_the_interval_contains_the_limit(
    pairs: Pairs, verdict: str
) -> None:
    assert row(pairs=pairs).verdict == verdict
    assert row(pairs, FAST_PATHS[CONTROL]).verdict == ""


def test_the_pairs_alternate_and_a_failed_path_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = EXAMPLE._replace(name="broken", edits=(Edit("tasks.py", "no such text", ""),))
    for path in (EXAMPLE, broken):
        monkeypatch.setitem(FAST_PATHS, path.name, path)
    asked: list[str] = []

    def answer(_module: str, question: dict[str, str], *_: object) -> dict[str, float]:
        asked.append(Path(question["folder"]).name)
        return {"seconds": 3.0 if asked[-1] == "0" else 2.0}

    monkeypatch.setattr(measure, "ask", answer)
    experiment = Experiment(("example", "broken"), rounds=2, quick=True, scratch=tmp_path)
    assert len(list(experiment.run())) == 4
    assert asked == ["miniloop", "0", "0", "miniloop"]
    good, bad = experiment.rows
    assert good.pairs == [(3, 2), (3, 2)]
    assert (good.verdict, bad.verdict) == ("yes", "")
    assert bad.error.endswith("update comparisons/fast_paths/paths.py")
    assert table.error_lines(experiment.rows) == [f"✗ broken, lines: {bad.error}"]


# the command


def test_a_run_shows_a_table_of_80_columns_and_writes_it(tmp_path: Path) -> None:
    names = f"{REAL[0].name},{CONTROL}"
    quick = ("--quick", "--only", names, "--rounds", "1", "--out", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-m", "comparisons", "fastpaths", *quick],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        env=os.environ | {"COLUMNS": "80"},
    )
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.json", "report.md"]
    report = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert f"| {REAL[0].workloads[0]} | {REAL[0].plain} |" in report
    assert f"| {CONTROL} |" in report
    assert max(map(len, done.stdout.splitlines()[:-1])) <= 80
    assert "…" not in done.stdout


def test_the_table_fits_into_80_columns() -> None:
    rows = [row(((1.2, 1.0), (1.3, 1.0), (1.4, 1.0)), path) for path in FAST_PATHS.values()]
    screen = Console(width=80, record=True, file=StringIO())
    screen.print(table.on_screen(rows))
    text = screen.export_text()
    assert "…" not in text
    assert all(each.path.name in text and each.workload.name in text for each in rows)


def test_the_readme_gets_a_section_for_each_python_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "README.md"
    monkeypatch.setattr(cli, "README", path)
    run = cli.Run(settings_from(["--save-readme"]), ["fastpaths"])
    run._rows = [row(pairs=((1.2, 1.0), (1.2, 1.0)))]
    run._save_readme()
    text = path.read_text(encoding="utf-8")
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert text.startswith(f"<!-- begin fastpaths-{minor} -->\n\n### fast paths, CPython {minor}\n")
    assert "| 1.20 | 1.20–1.20 | yes |" in text
    run._rows[0].error = "it broke"
    run._save_readme()
    assert path.read_text(encoding="utf-8") == text
    assert run._problems == ["README.md was not changed, because there were errors"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "slep"], f"unknown fast path: slep; choose from {REAL[0].name}, "),
        (["--only", ","], "no fast path given"),
        (["--rounds", "0"], "'0' is not a whole number from 1 to 1,000"),
        (["--out", "/dev/null"], "/dev/null is not a directory"),
        (["--only", CONTROL, "--save-readme"], "--save-readme needs the complete table"),
        (["more"], "unrecognized arguments: more"),
    ],
)
def test_invalid_usage_is_status_2_and_a_message_that_helps(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        commands.main(["fastpaths", *arguments])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_the_help_says_what_each_plain_form_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        commands.main(["fastpaths", "--help"])
    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    assert all(path.name in shown and path.plain in shown for path in FAST_PATHS.values())


def test_without_rich_a_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("comparisons.command.find_spec", lambda name: None)
    assert commands.main(["fastpaths"]) == 1
    assert "fastpaths needs rich: python -m pip" in capsys.readouterr().err


@needs_proc
def test_ctrl_c_is_status_130_without_a_traceback_and_leaves_no_process(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "comparisons", "fastpaths", "--out", str(tmp_path)]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        process_group=0,
    ) as process:
        while len(members := family(process.pid)) < 2:
            assert process.poll() is None
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "fastpaths: interrupted" in errors
    assert "Traceback" not in output + errors
    assert [member for member in members if alive(member)] == []
