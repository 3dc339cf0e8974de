"""The comparison of event loops: its workloads, its arithmetic, its output and its files."""

import io
import json
import math
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyperf
import pytest
from rich.console import Console

from comparisons.loops import echo, files, main, measure, network, tcp
from comparisons.loops.classics import drive, fibonacci
from comparisons.loops.columns import COLUMNS, FLOOR, PURE, REFERENCE, installed
from comparisons.loops.figure import draw
from comparisons.loops.means import means, worst_micro
from comparisons.loops.measure import Experiment, Plan, Row, Sample, keep_bytecode_in, rotated
from comparisons.loops.options import settings_from
from comparisons.loops.process import MEMORY
from comparisons.loops.rows import ROWS, chosen
from comparisons.loops.table import amount, in_markdown, on_screen
from comparisons.loops.tree import has_eager_tasks
from comparisons.loops.worker import Request, take
from comparisons.loops.workload import CPU, WALL, Loop, Measured, OnLoop, WrongAnswerError, check
from comparisons.memory import family
from comparisons.supervisor import ROOT, ChildError, ask

SAMPLE_SECONDS = 120.0
SMALL = {"micro": 2, "async_tree": 2, "trio": 50, "curio": 1, "control": 4, "echo": 20}
"""Very small workload sizes by group; 1 for other groups."""
COMMAND = (sys.executable, "-X", "dev", "-W", "error", "-m", "comparisons", "loops")

PROGRAM = """
import json, sys
from comparisons.loops.rows import ROWS
from comparisons.loops.worker import Request, take

column, keys, small = json.load(sys.stdin)
answers = {}
for key in keys:
    size = small.get(ROWS[key].group, 1)
    answers[key] = take(Request(key, column, size, 1, 0 if ROWS[key].warmup == 0 else size))
print(json.dumps(answers))
"""


# every workload on every loop


@pytest.mark.parametrize("column", installed())
def test_every_workload_of_a_group_runs_on_every_loop(column: str) -> None:
    """Run all workloads of a column in one process; a process for each would be slow."""
    keys = [key for key, workload in ROWS.items() if workload.group not in ("echo", "process")]
    done = subprocess.run(
        (sys.executable, "-c", PROGRAM),
        input=json.dumps([column, keys, SMALL]),
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        check=True,
        timeout=SAMPLE_SECONDS,
    )
    answers = json.loads(done.stdout)
    assert list(answers) == keys
    for key, answer in answers.items():
        if "impossible" in answer:
            assert "eager" in key
            assert column != "miniloop"
        else:
            [value], [warmup] = answer["values"], answer["warmups"]
            assert value[ROWS[key].figure] > 0
            assert warmup.keys() == value.keys()


def sampled(key: str, column: str, size: int) -> dict[str, Any]:
    request = Request(key, column, size, values=1, warmup=0)
    answer = ask(measure.WORKER, request._asdict(), SAMPLE_SECONDS)
    [value] = answer["values"]
    return dict(value)


@pytest.mark.parametrize("column", [REFERENCE, PURE, FLOOR])
def test_an_echo_server_sample_has_several_figures(column: str) -> None:
    figures = sampled("echo/protocol 1 KiB", column, 20)
    assert {"cpu_per_message", "requests_per_second", "mean", "p99"} <= figures.keys()


@pytest.mark.parametrize("column", installed())
def test_import_time_and_memory_are_measured_on_every_loop(column: str) -> None:
    assert sampled("process/import", column, 1)[WALL] > 0
    assert sampled("process/memory per task", column, 3000)[MEMORY] > 100


def test_the_pure_python_column_cannot_be_loaded_after_the_accelerator() -> None:
    program = "import asyncio; from comparisons.loops.columns import load; load('asyncio-python')"
    done = subprocess.run(
        (sys.executable, "-c", program), cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False
    )
    assert "RuntimeError: the C accelerator of asyncio is already imported" in done.stderr
    program = (
        "from comparisons.loops.columns import load\n"
        "aio = load('asyncio-python').aio\n"
        "assert aio.Task is aio.tasks._PyTask and aio.Future is aio.futures._PyFuture"
    )
    subprocess.run((sys.executable, "-c", program), cwd=ROOT, check=True)


def test_the_network_rows_use_the_settings_of_their_modules() -> None:
    assert (network.APIS, network.WRITES, tcp.MEGABYTES) == (echo.APIS, tcp.WRITES, 10)


def test_a_sample_imports_no_heavy_module_before_its_loop() -> None:
    program = "import sys, comparisons.loops.worker; print(*sys.modules)"
    done = subprocess.run(
        (sys.executable, "-c", program), cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    heavy = {"argparse", "asyncio", "miniloop", "rich", "statistics", "subprocess"}
    assert heavy.isdisjoint(done.stdout.split())


def test_every_workload_has_its_key_and_a_description() -> None:
    assert all(key == workload.key for key, workload in ROWS.items())
    assert all(workload.about.format(size=1) for workload in ROWS.values())
    assert len(chosen(["*"])) == len(ROWS)
    assert [one.name for one in chosen(["micro/lock", "trio"])] == ["lock", "schedule-timing"]


def test_the_controls_use_no_event_loop() -> None:
    import asyncio

    assert [fibonacci(number) for number in range(8)] == [0, 1, 1, 2, 3, 5, 8, 13]

    async def waits() -> int:
        await asyncio.sleep(0)
        return 1

    waiting = waits()
    with pytest.raises(RuntimeError, match="a control workload suspended"):
        drive(waiting)
    waiting.close()


def test_a_loop_without_eager_tasks_is_detected() -> None:
    import miniloop

    class Older:
        """Like asyncio before it had eager tasks."""

    assert has_eager_tasks(Loop(miniloop))
    assert not has_eager_tasks(Loop(Older))  # type: ignore[arg-type]  # a module by its names


# wrong answers


async def _miscount(_aio: object, size: int) -> int:
    return size - 1


def on_loop(name: str = "one", group: str = "micro", **other: Any) -> OnLoop:
    given: dict[str, Any] = {"size": 8, "quick": 4, "work": _miscount, "expected": int} | other
    return OnLoop(name=name, group=group, about="{size} of it", **given)


def test_a_wrong_answer_is_an_error() -> None:
    with pytest.raises(WrongAnswerError, match="micro/one returned 7, expected 8"):
        check(on_loop(), 8, 7)


def test_a_sample_reports_a_wrong_answer_as_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    workload = on_loop()
    monkeypatch.setitem(ROWS, workload.key, workload)
    here = Request(workload.key, "miniloop", 8, 1, 0)
    assert take(here) == {"error": "WrongAnswerError: micro/one returned 7, expected 8"}


def test_a_column_that_fails_is_not_sampled_again_and_the_others_continue(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []

    def answer(_module: str, question: dict[str, Any], *_: Any) -> dict[str, Any]:
        asked.append(question["column"])
        if question["column"] == "miniloop":
            raise ChildError("it crashed")
        if question["column"] == "uvloop":
            return {"impossible": True}
        return {"values": [{WALL: 2.0}], "warmups": []}

    monkeypatch.setattr(measure, "ask", answer)
    plan = Plan("default", 3, (on_loop(),), (REFERENCE, "miniloop", "uvloop"))
    experiment = Experiment(plan, tmp_path)
    assert len(list(experiment.run())) == experiment.total == 9
    [row] = experiment.rows
    assert row.error_lines == ["micro/one, miniloop: it crashed"]
    assert row.figures(REFERENCE) == [2.0, 2.0, 2.0]
    assert sorted(asked) == [*[REFERENCE] * 3, "miniloop", "uvloop"]


# sampling


def test_the_order_of_the_columns_rotates() -> None:
    assert [rotated("abc", number) for number in range(4)] == [
        ["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"], ["a", "b", "c"]
    ]  # fmt: skip


def test_quick_samples_are_small_but_have_the_same_warm_up() -> None:
    workload = on_loop(values=3)
    quick = Plan("quick", 1, (workload,), (REFERENCE,)).request(workload, REFERENCE)
    usual = Plan("default", 1, (workload,), (REFERENCE,)).request(workload, REFERENCE)
    assert (quick.size, quick.values, quick.warmup) == (4, 2, 4)
    assert (usual.size, usual.values, usual.warmup) == (8, 3, 4)
    cold = on_loop(warmup=0)
    assert Plan("quick", 1, (cold,), (REFERENCE,)).request(cold, REFERENCE).warmup == 0


def test_samples_cache_bytecode_even_if_python_writes_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    assert keep_bytecode_in(tmp_path) == {}
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    environment = keep_bytecode_in(tmp_path)
    question = Request("control/coroutines", REFERENCE, 3, 1, 0)._asdict()
    ask(measure.WORKER, question, SAMPLE_SECONDS, environment)
    assert list(tmp_path.rglob("*.pyc"))


# statistics


def row_of(workload: OnLoop | Measured, **figures: Sequence[float]) -> Row:
    row = Row(workload)
    for column, values in figures.items():
        name = PURE if column == "pure" else column
        row.samples[name] = [Sample([{workload.figure: value}], []) for value in values]
    row.judge()
    return row


def test_a_sample_is_the_lowest_of_its_values() -> None:
    values = [{WALL: value, CPU: 0.0} for value in (2.0, 9.0, 1.0)]
    assert Sample(values, []).least(WALL) == 1.0


def test_means_are_geometric_and_leave_out_controls_and_process_rows() -> None:
    rows = [
        row_of(on_loop("fast"), asyncio=[4, 4], miniloop=[1, 1], uvloop=[2, 2]),
        row_of(on_loop("slow"), asyncio=[1, 1], miniloop=[1, 1], uvloop=[2, 2]),
        row_of(on_loop("tree", "async_tree"), asyncio=[1, 1], miniloop=[2, 2]),
        row_of(on_loop("eager", "async_tree"), miniloop=[3, 3]),
        row_of(on_loop("fib", "control"), asyncio=[1, 1], miniloop=[9, 9], uvloop=[9, 9]),
        row_of(on_loop("import", "process"), asyncio=[1, 1], miniloop=[9, 9], uvloop=[9, 9]),
    ]
    micro, every = means(rows, (REFERENCE, "miniloop", "uvloop"))
    assert (micro.rows, every.rows) == (2, 3)
    assert micro.to_reference == pytest.approx({"miniloop": 0.5, "uvloop": 1.0})
    assert micro.to_uvloop == pytest.approx(0.5)
    assert every.to_reference["miniloop"] == pytest.approx(math.cbrt(0.25 * 1 * 2))
    worst = worst_micro(rows)
    assert worst is not None
    assert worst == ("slow", 1.0)


def test_without_the_reference_there_are_no_ratios() -> None:
    row = row_of(on_loop(), miniloop=[1.0, 1.0])
    assert row.ratios == {}
    assert row.relative("miniloop", REFERENCE) is None


# tables, chart and files


ALL = tuple(COLUMNS)


@pytest.fixture
def rows() -> list[Row]:
    echo = Measured(
        name="streams 1 KiB", group="echo", about="{size}", size=1, quick=1, also=(FLOOR,),
        sample=lambda column, size: {}
    )  # fmt: skip
    failed = row_of(on_loop("gather"), asyncio=[1.0, 1.1])
    failed.errors["miniloop"] = "it crashed"
    return [
        row_of(
            on_loop("queue"),
            asyncio=[0.02, 0.03],
            pure=[0.1, 0.2],
            miniloop=[0.01, 0.011],
            uvloop=[0.01, 0.05],
        ),
        failed,
        row_of(echo, asyncio=[3e-5, 3e-5], miniloop=[2e-5, 2e-5], epoll=[1e-5, 1e-5]),
    ]


def plan_of(rows: list[Row]) -> Plan:
    return Plan("quick", 2, tuple(row.workload for row in rows), ALL)


def test_markdown_has_a_line_for_each_row_and_each_error(rows: list[Row]) -> None:
    lines = in_markdown(rows, plan_of(rows))
    assert (
        "| queue (4 of it) | 25.0 ms | 6.00 3.33–10 | 0.42 0.33–0.55 | ≈1.20 0.33–2.50 |" in lines
    )
    assert "| gather (4 of it) | 1,050 ms | – | error | – |" in lines
    assert "| streams 1 KiB | 10.0 µs | 3.00 3.00–3.00 | – | 2.00 2.00–2.00 | – |" in lines
    assert "- miniloop's highest ratio in a micro row: 0.42, queue" in lines
    assert "- ✗ micro/gather, miniloop: it crashed" in lines


def test_the_table_fits_80_columns(rows: list[Row]) -> None:
    console = Console(width=80, file=io.StringIO())
    with console.capture() as captured:
        console.print(on_screen(rows, plan_of(rows)))
    text = captured.get()
    assert "…" not in text
    assert re.search(r"^ queue +25\.0 ms +6\.00 3\.33–10 ", text, re.MULTILINE)
    assert re.search(r"^streams 1 KiB +10\.0 µs +3\.00 +– +2\.00 +–", text, re.MULTILINE)


def test_amounts_have_three_significant_digits() -> None:
    shown = [amount(value, "second") for value in (1.5, 0.1, 0.0123, 0.00123, 0.0000123)]
    assert shown == ["1,500 ms", "100 ms", "12.3 ms", "1.23 ms", "12.3 µs"]
    assert amount(1069.4, "byte") == "1,069 B"


def test_the_chart_is_written_if_there_is_a_bar_to_draw(rows: list[Row], tmp_path: Path) -> None:
    assert draw(tmp_path, rows, ALL) == "chart.svg"
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")
    assert draw(tmp_path, [Row(on_loop())], ALL) == ""


def test_pyperf_can_compare_the_files_of_two_columns(rows: list[Row], tmp_path: Path) -> None:
    files.write(tmp_path, {"machine": "this"}, rows, plan_of(rows), "chart.svg")
    suite = pyperf.BenchmarkSuite.load(str(tmp_path / "miniloop.pyperf.json"))
    assert suite.get_benchmark_names() == ["micro/queue", "echo/streams 1 KiB"]
    assert suite.get_benchmark("micro/queue").get_values() == (0.01, 0.011)
    both = [str(tmp_path / f"{column}.pyperf.json") for column in (REFERENCE, "miniloop")]
    done = subprocess.run(
        (sys.executable, "-m", "pyperf", "compare_to", *both, "--table"),
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    assert "micro/queue" in done.stdout
    assert "faster" in done.stdout


def test_the_readme_gets_a_section_for_this_python_version(rows: list[Row], tmp_path: Path) -> None:
    header = dict.fromkeys(files.IN_README, "known")
    release = f"{sys.version_info.major}.{sys.version_info.minor}"
    readme = tmp_path / "README.md"
    readme.write_text("# Measured\n\n<!-- begin loops-2.7 -->\nold\n<!-- end loops-2.7 -->\n")
    for _ in range(2):
        files.save_in_readme(header, rows, plan_of(rows), readme)
    text = readme.read_text()
    assert text.count(f"### CPython {release}") == 1
    assert f"<!-- begin loops-{release} -->" in text
    assert "<!-- begin loops-2.7 -->\nold\n<!-- end loops-2.7 -->" in text
    assert "- machine: known" in text


# the options


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "nonsense"], "no workload matches 'nonsense'; the groups are micro, async_"),
        (["--only", ","], "no workload given"),
        (["--columns", "trio"], "unknown column: trio; choose from asyncio, asyncio-python"),
        (["--columns", ","], "no column given"),
        (["--rounds", "0"], "'0' is not a whole number from 1 to 1,000"),
        (["--quick", "--rigorous"], "not allowed with argument"),
        (["--only", "lock", "--save-readme"], "needs complete tables"),
        (["--out", __file__], "is not a directory"),
        (["more"], "unrecognized arguments: more"),
    ],
)
def test_invalid_usage_is_status_2_and_a_message_that_helps(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_the_mode_determines_rounds_and_rows() -> None:
    quick, usual = settings_from(["--quick"]).plan, settings_from([]).plan
    assert (quick.mode, quick.rounds, usual.mode, usual.rounds) == ("quick", 2, "default", 3)
    assert len(usual.workloads) == len(ROWS) > len(quick.workloads)
    assert settings_from(["--rigorous", "--rounds", "7"]).plan.rounds == 7
    [selected] = settings_from(["--quick", "--only", "sock 100*"]).plan.workloads
    assert selected.name == "sock 100 KiB"
    assert settings_from(["--columns", "miniloop"]).plan.columns == (REFERENCE, "miniloop")


def test_without_uvloop_it_is_left_out_unless_requested_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in ("columns", "options"):
        monkeypatch.setattr(f"comparisons.loops.{module}.find_spec", lambda name: None)
    assert settings_from([]).plan.columns == (REFERENCE, PURE, "miniloop")
    with pytest.raises(SystemExit):
        settings_from(["--columns", "uvloop"])
    assert "python -m pip install uvloop" in capsys.readouterr().err


def test_without_pyperf_a_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("comparisons.loops.installed", lambda name: name != "pyperf")
    assert main([]) == 1
    assert capsys.readouterr().err == "this needs pyperf: python -m pip install -e '.[compare]'\n"


# complete runs


def started(*arguments: str, **options: Any) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        (*COMMAND, *arguments),
        stdout=options.pop("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "80"},
        **options,
    )


def test_a_run_prints_the_path_of_a_complete_report(tmp_path: Path) -> None:
    folder = tmp_path / "new folder"
    options = ("--quick", "--only", "queue,coroutines", "--columns", "miniloop", "--rounds", "1")
    with started(*options, "--out", str(folder)) as process:
        output, errors = process.communicate(timeout=SAMPLE_SECONDS)
    assert process.returncode == 0, errors
    assert output.splitlines()[-1] == f"results: {folder}"
    assert max(map(len, output.splitlines()[:-1])) <= 80
    assert sorted(path.name for path in folder.iterdir()) == [
        *("asyncio.pyperf.json", "chart.png", "chart.svg", "miniloop.pyperf.json"),
        *("report.json", "report.md"),
    ]
    report = json.loads((folder / "report.json").read_text())
    assert set(files.IN_README) <= report["header"].keys()
    assert [row["key"] for row in report["rows"]] == ["micro/queue", "control/coroutines"]
    for row in report["rows"]:
        assert list(row["samples"]) == [REFERENCE, "miniloop"]
        assert row["ratios"]["miniloop"]["value"] > 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_behind_standard_output_has_a_clear_error_message(tmp_path: Path) -> None:
    options = ("--quick", "--only", "coroutines", "--columns", REFERENCE, "--rounds", "1")
    with (
        open("/dev/full", "w") as full,
        started(*options, "--out", str(tmp_path), stdout=full) as process,
    ):
        _, errors = process.communicate(timeout=SAMPLE_SECONDS)
    assert process.returncode == 1
    assert "cannot write: No space left on device" in errors
    assert "Traceback" not in errors


def is_working(pid: int) -> bool:
    """Return whether the process has used CPU time and is not a zombie."""
    try:
        status = (Path("/proc") / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    fields = status.rpartition(")")[2].split()
    return fields[0] != "Z" and int(fields[11]) > 1  # user time, in ticks


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for a sample in /proc")
def test_ctrl_c_ends_the_run_and_its_sample_and_the_results_so_far_are_shown(
    tmp_path: Path,
) -> None:
    options = ("--only", "coroutines,none", "--columns", REFERENCE, "--rounds", "1000")
    with started(*options, "--out", str(tmp_path), process_group=0) as process:
        while not (samples := [pid for pid in family(process.pid)[1:] if is_working(pid)]):
            assert process.poll() is None
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        output, errors = process.communicate(timeout=SAMPLE_SECONDS)
    assert process.returncode == 130
    assert "interrupted" in errors
    assert "Traceback" not in output + errors
    assert "coroutines" in output
    assert [pid for pid in samples if is_working(pid)] == []


def test_the_error_of_a_row_is_shown_and_the_run_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(_module: str, question: dict[str, Any], *_: Any) -> dict[str, Any]:
        if question["column"] == "miniloop":
            raise ChildError("WrongAnswerError: micro/lock returned 1, expected 2")
        return {"values": [{WALL: 2.0}], "warmups": []}

    monkeypatch.setattr(measure, "ask", answer)
    options = ["--only", "lock", "--columns", "miniloop", "--rounds", "2", "--out", str(tmp_path)]
    assert main(options) == 1
    shown = capsys.readouterr().out
    assert "✗ micro/lock, miniloop: WrongAnswerError: micro/lock returned 1" in shown
    assert (tmp_path / "report.md").exists()
