"""Many sleepers and connections: small runs of every model, and the findings from the figures."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from comparisons import __main__ as commands
from comparisons.memory import family, memory_now
from comparisons.scale import chart, cli, options, plan, sleepers, table
from comparisons.scale.experiment import Experiment
from comparisons.scale.figures import Figures, Refused, spread_of
from comparisons.scale.growth import crossover, crossover_sentence, exponent, rounded
from comparisons.scale.options import settings_from
from comparisons.scale.plan import Machine, Point, points
from comparisons.scale.sleepers import Recorder
from comparisons.supervisor import ROOT, ask
from tests.test_comparisons_runs import alive, needs_proc

HERE = [model for model in plan.installed() if model != "uvloop"]
PLENTY = Machine(memory=2**40, files=10**6)

# samples


@pytest.mark.parametrize("experiment", plan.EXPERIMENTS)
@pytest.mark.parametrize("model", plan.installed())
def test_every_model_runs_every_experiment(experiment: str, model: str) -> None:
    question = {"experiment": experiment, "model": model, "many": 12}
    answer = ask("comparisons.scale.sample", question, limit=120)
    figures = Figures(**answer["figures"])
    assert figures.memory > 2**20
    assert figures.cpu > 0
    assert figures.p50 <= figures.p99 <= figures.slowest


def test_the_recorder_rejects_missing_and_early_wake_ups() -> None:
    recorder = Recorder(2)
    recorder.delays.extend([0.001, -0.5])
    with pytest.raises(RuntimeError, match="2 of 2 woke up, or one was too early"):
        recorder.figures()
    with pytest.raises(RuntimeError, match="the first sleeper woke up before the last one slept"):
        recorder.all_asleep()
    with pytest.raises(RuntimeError, match="0 of 3 woke up"):
        Recorder(3).figures()


def fail_to_start() -> None:
    raise RuntimeError("can't start new thread")


def test_a_missing_resource_skips_the_point_and_is_not_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(Refused, match="cannot start thread 7: can't start new thread"):
        sleepers._or_refused(fail_to_start, "thread 7")
    answers = iter([{"refused": "cannot start thread 7"}])
    monkeypatch.setattr("comparisons.scale.experiment.ask", lambda *_: next(answers))
    many = [Point("sleepers", "threads", 10), Point("sleepers", "threads", 100)]
    experiment = Experiment("sleepers", many, rounds=2)
    assert [point.many for point in experiment.take()] == [10, 10, 100, 100]
    assert experiment.errors == {}
    assert table.remarks(experiment) == ["– 10 threads skipped: cannot start thread 7"]


@needs_proc
def test_memory_shared_by_processes_is_counted_once() -> None:
    one = memory_now([os.getpid()])
    child = os.fork()
    if child == 0:
        signal.pause()
        os._exit(0)
    both = memory_now([os.getpid(), child])
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert one > 2**20
    assert both < 1.5 * one


def test_the_spread_is_the_median_the_99th_percentile_and_the_maximum() -> None:
    assert spread_of([float(number) for number in reversed(range(101))]) == (50, 99, 100)
    assert spread_of([3.0]) == (3, 3, 3)


# the plan


def test_n_grows_tenfold_up_to_the_limit() -> None:
    assert list(plan.numbers(10_000)) == [10, 100, 1_000, 10_000]
    assert list(plan.numbers(250)) == [10, 100, 250]
    found = points("sleepers", ("miniloop", "processes"), quick=False, most=10**6)
    assert [point.many for point in found if point.model == "miniloop"][-1] == 1_000_000
    assert [point.many for point in found if point.model == "processes"][-1] == 1_000
    assert found == sorted(found, key=lambda point: point.many)


@pytest.mark.parametrize(
    ("machine", "point", "reason"),
    [
        (PLENTY, Point("sleepers", "miniloop", 10**6), ""),
        (Machine(2**30, 999), Point("sleepers", "miniloop", 10**6), "not enough memory: 2.3 GiB"),
        (Machine(2**40, 1000), Point("connections", "uvloop", 1000), "at most 1,000 desc"),
        (Machine(2**40, 1000), Point("sleepers", "uvloop", 1000), ""),
    ],
)
def test_a_point_that_needs_too_many_resources_is_skipped_with_a_reason(
    machine: Machine, point: Point, reason: str
) -> None:
    assert reason in machine.reason_to_skip(point)
    assert bool(reason) is bool(machine.reason_to_skip(point))
    experiment = Experiment(point.experiment, [point], rounds=1)
    experiment.refuse(machine)
    assert bool(experiment.refused) is bool(reason)


def test_samples_are_interleaved_and_the_largest_n_is_measured_once() -> None:
    many = points("sleepers", ("asyncio", "miniloop"), quick=False, most=10**6)
    tries = Experiment("sleepers", many, rounds=2).tries
    first = [point.model for point in tries if point.many == 10]
    assert first == ["asyncio", "miniloop", "miniloop", "asyncio"]
    assert sum(point.many == 10**6 for point in tries) == 2


# growth


def curve(steepness: float, at_ten: float = 1.0) -> dict[int, float]:
    return {many: at_ten * (many / 10) ** steepness for many in (10, 100, 1_000, 10_000)}


@pytest.mark.parametrize("steepness", [0.5, 1.0, 1.3])
def test_the_exponent_is_the_slope_in_a_log_log_plot(steepness: float) -> None:
    assert exponent(curve(steepness)) == pytest.approx(steepness)


def test_an_exponent_needs_two_values_and_ignores_small_n() -> None:
    assert exponent({10: 1.0, 100: 2.0}) is None
    assert exponent({10: 1.0, 100: 2.0, 1_000: 20.0}) == pytest.approx(1.0)
    assert exponent({100: 1_000.0, 1_000: 3.0, 10_000: 30.0}) == pytest.approx(1.0)
    assert exponent({1_000: 99.0, 10_000: 3.0, 100_000: 30.0}) == pytest.approx(1.0)


def test_a_crossover_is_interpolated_between_two_measured_n() -> None:
    flat = dict.fromkeys(curve(1.0), 10 * 10**0.5)
    assert crossover(flat, curve(1.0)) == pytest.approx(10 * 10 * 10**0.5)
    assert crossover(curve(1.0), flat) is None
    assert crossover(curve(1.0), curve(1.0, at_ten=2.0)) == 10
    assert crossover({}, curve(1.0)) is None


@pytest.mark.parametrize(
    ("at", "sentence"),
    [
        (None, "threads do not use more memory than miniloop at N = 1,000"),
        (10.0, "threads use more memory than miniloop at every N measured"),
        (316.2, "threads use more memory than miniloop from N ≈ 320"),
    ],
)
def test_a_crossover_is_described_in_a_sentence(at: float | None, sentence: str) -> None:
    assert crossover_sentence("threads", "memory", at, [10, 100, 1_000]) == sentence
    assert crossover_sentence("threads", "memory", at, []) == ""
    assert rounded(12_345) == 12_000


def figures(many: int, each: float, whole: float, growth: float) -> Figures:
    on_top = each * many**growth / many
    return Figures(whole + on_top * many, on_top, 10**7, 1_000.0, 0.001, 0.002, 0.003)


def experiment_with(**growth: float) -> Experiment:
    """Return an experiment with made-up costs that grow with the given exponents.

    Loops cost 0.1 s, and 10 µs for each sleeper; threads cost 200 µs each.
    """
    many = points("sleepers", tuple(growth), quick=True, most=10**6)
    experiment = Experiment("sleepers", many, rounds=1)
    for point in many:
        cost = (200e-6, 0.0) if point.model == "threads" else (10e-6, 0.1)
        experiment.samples[point] = [figures(point.many, *cost, growth[point.model])]
    return experiment


def test_growth_is_shown_and_causes_a_warning_if_it_is_faster_than_linear() -> None:
    experiment = experiment_with(miniloop=1.0, asyncio=1.4)
    assert "miniloop: CPU time ∝ N^1.00, memory ∝ N^1.00" in table.findings(experiment)
    assert table.remarks(experiment) == [
        "⚠ sleepers, asyncio: CPU time grows as N^1.40, faster than linear"
    ]


def test_the_n_from_which_threads_cost_more_is_in_the_findings_and_in_the_data() -> None:
    experiment = experiment_with(miniloop=1.0, threads=1.0)
    lines = [line for line in table.findings(experiment) if "more CPU time" in line]
    assert lines == ["threads use more CPU time than miniloop from N ≈ 540"]
    at = table.as_data(experiment)["crossovers"]["cpu"]["threads"]
    assert 100 < at < 1_000


def test_a_chart_is_drawn_if_there_are_samples(tmp_path: Path) -> None:
    assert chart.draw(tmp_path, [Experiment("sleepers", [], 1)]) == ""
    assert chart.draw(tmp_path, [experiment_with(miniloop=1.0, threads=1.0)]) == "chart.png"
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")


def test_a_failed_sample_keeps_its_row_and_its_error_is_shown() -> None:
    experiment = experiment_with(miniloop=1.0)
    experiment.errors[experiment.points[0]] = "it broke"
    assert table.cells(experiment, experiment.points[0])[:4] == ("10", "miniloop", "error", "–")
    assert table.error_lines(experiment) == ["✗ sleepers, 10 miniloop: it broke"]
    assert "- ✗ sleepers, 10 miniloop: it broke" in table.as_markdown([experiment])


# the command


@pytest.fixture(scope="module")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("scale")
    small = ("--most", "20", "--samples", "1", "--models", ",".join(HERE), "--out", str(folder))
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-m", "comparisons", "scale", *small],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        env=os.environ | {"COLUMNS": "80"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


def test_a_run_writes_tables_a_chart_and_the_samples(small_run: tuple[Path, str]) -> None:
    folder, output = small_run
    assert sorted(path.name for path in folder.iterdir()) == [
        *("chart.png", "chart.svg", "report.json", "report.md")
    ]
    found = json.loads((folder / "report.json").read_text())["experiments"]
    for experiment in found:
        measured = {(point["model"], point["many"]) for point in experiment["points"]}
        assert measured == {(model, many) for model in HERE for many in (10, 20)}
        assert all(len(point["samples"]) == 1 for point in experiment["points"])
    assert max(map(len, output.splitlines()[:-1])) <= 80
    assert "…" not in output


def test_the_readme_gets_a_section_for_each_python_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "README.md"
    monkeypatch.setattr(cli, "README", path)
    run = cli.Run(settings_from(["--save-readme"]), ["scale"])
    run._experiments = [experiment_with(miniloop=1.0)]
    run._save_readme()
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"<!-- begin scale-{minor} -->\n\n### scale, CPython {minor}\n")
    assert "| 100,000 | miniloop | 10.0 |" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "swimmers"], "unknown experiment: swimmers; choose from sleepers, conn"),
        (["--models", "fibres"], "unknown model: fibres; choose from asyncio, miniloop"),
        (["--most", "5"], "'5' is not a whole number from 10 to 1,000,000"),
        (["--out", "/dev/null"], "/dev/null is not a directory"),
    ],
)
def test_invalid_usage_is_status_2_and_a_message_that_helps(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        commands.main(["scale", *arguments])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_uvloop_is_left_out_if_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "find_spec", lambda name: None)
    assert options.settings_from([]).models == ("asyncio", "miniloop", "threads", "processes")


@needs_proc
@pytest.mark.parametrize(
    ("arguments", "members"),
    [
        (("--only", "sleepers", "--models", "processes"), 10),
        (("--only", "connections", "--models", "miniloop"), 3),
    ],
    ids=["sleepers", "connections"],
)
def test_ctrl_c_is_status_130_and_leaves_no_process(
    arguments: tuple[str, ...], members: int, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "comparisons", "scale", *arguments, "--out", str(tmp_path)]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        process_group=0,
    ) as process:
        while len(found := family(process.pid)) < members:
            assert process.poll() is None
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "scale: interrupted" in errors
    assert "Traceback" not in output + errors
    assert [member for member in found if alive(member)] == []
