"""The knockout ladders: every rung has its own part and those below, and none of those above."""

import asyncio
import contextvars
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import miniloop
from comparisons import __main__ as commands
from comparisons import readme
from comparisons.knockout import cli, options, programs, sample, table, task_rungs
from comparisons.knockout.core import NameGone, patched, require
from comparisons.knockout.ladder import MINILOOP, STEPS, TIMERS, WAKE_UPS, WORKLOADS, Rung
from comparisons.knockout.options import settings_from
from comparisons.knockout.parts import Measurement, difference
from comparisons.memory import family
from comparisons.supervisor import ROOT
from tests.test_comparisons_runs import alive

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="finds a run's processes in Linux's /proc"
)


class Calls:
    """Counts the calls of Python and C functions by their qualified names."""

    def __init__(self) -> None:
        self.of: dict[str, int] = {}

    def __call__(self, frame: Any, event: str, function: Any) -> None:
        if event == "call":
            name = frame.f_code.co_qualname
        elif event == "c_call":
            name = function.__qualname__
        else:
            return
        self.of[name] = self.of.get(name, 0) + 1

    def during(self, action: Callable[[], object]) -> None:
        before = sys.getprofile()
        sys.setprofile(self)
        try:
            action()
        finally:
            sys.setprofile(before)

    def many(self, name: str, least: int) -> bool:
        """Return whether there were `least` calls or more; otherwise require almost none."""
        count = self.of.get(name, 0)
        assert count >= least or count <= 3, f"{name} was called {count} times"
        return count >= least


# the ladder of a step

TASKS, TIMES = 5, 20
STAYING = TASKS - 1  # one is cancelled


def parts_seen_in_steps(make: Callable[[ExitStack], Any]) -> set[str]:
    """Detect the parts of a rung, from the behaviour of a program and from the calls made."""
    seen: set[str] = set()
    born: list[Any] = []
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=-1)
    with ExitStack() as stack:
        rung = make(stack)
        tally = programs.Tally(TASKS, rung.stop)

        async def program(number: int) -> None:
            try:
                await look(number)
            finally:
                tally(number)  # in any case, or the rung would wait forever

        async def look(number: int) -> None:
            own = variable.get() == -1
            variable.set(number)
            await miniloop.sleep(0)
            if own and variable.get() == number and 0 < number < TASKS - 1:
                seen.add("contexts")
            if loop is not None and miniloop.current_task(loop) is not None:
                seen.add("current task")
            try:
                for time in range(TIMES):
                    if (number, time) == (0, 2) and born:
                        born[-1].cancel()
                    await miniloop.sleep(0)
            except miniloop.CancelledError:
                seen.add("waiting and cancelling")

        loop = getattr(rung, "loop", None)
        if loop is not None:
            stack.enter_context(patched(loop, "create_task", keeping(born, loop.create_task)))
        calls = Calls()
        context = contextvars.copy_context()
        calls.during(lambda: context.run(rung.run, [program(n) for n in range(TASKS)]))
        tally.check()
    return seen | parts_called(calls, bool(born))


def keeping(kept: list[Any], function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **options: Any) -> Any:
        kept.append(function(*args, **options))
        return kept[-1]

    return call


def parts_called(calls: Calls, tasks: bool) -> set[str]:
    called = {
        "a Handle per step": calls.many("Handle.__init__", STAYING * TIMES),
        "a poll per iteration": calls.many("EpollSelector.select", TIMES)
        or calls.many("KqueueSelector.select", TIMES),
        "weak references": calls.many("_register_task", TASKS),
        "Task and Future": tasks,
        "loop iteration": calls.many("Kernel._run_once", TIMES),
        "ready queue": calls.many("deque.popleft", STAYING * TIMES)
        or calls.many("HandleQueue.popleft", STAYING * TIMES),
        "the program": True,
    }
    return {part for part, there in called.items() if there}


@pytest.mark.parametrize("place", range(len(STEPS)), ids=[rung.name for rung in STEPS])
def test_a_task_rung_has_its_part_and_those_below_and_none_above(place: int) -> None:
    below = {rung.part for rung in STEPS[place:]}
    assert parts_seen_in_steps(STEPS[place].make) == below


# the ladders of wake-ups and timers


def calls_in(kind: str, rung: Rung) -> Calls:
    calls = Calls()
    with ExitStack() as stack:
        made = rung.make(stack)
        calls.during(lambda: programs.PROGRAMS[kind](made, miniloop.sleep, TASKS, TIMES).check())
    return calls


def named(rungs: tuple[Rung, ...], name: str) -> int:
    return [rung.name for rung in rungs].index(name)


WAKE_UP_SIGNS = {
    # part: a function called for each wake-up on every rung that has the part, and on no other
    "a poll per iteration": ("EpollSelector.select", TIMES),
    "contexts": ("Handle._run", TASKS * TIMES),
    "Handles": ("Handle.__init__", TASKS * TIMES),
    "Task step": ("Task._run", TASKS * TIMES),
    "Task, Future, iteration": ("Future._begin", TASKS * TIMES),
    "minimal loop and program": ("deque.popleft", TASKS * TIMES),
}
TIMER_SIGNS = {
    "contexts": ("Handle._run", TASKS),
    "loop iteration": ("Kernel._run_once", 1),
    "TimerHandles": ("TimerHandle.__init__", TASKS),
    "timer heap": ("heappop", TASKS),
    "the program": ("Tally.__call__", TASKS),
}


@pytest.mark.skipif(sys.platform != "linux", reason="counts the calls of epoll's selector")
@pytest.mark.parametrize(
    ("kind", "rungs", "signs"),
    [("wake-ups", WAKE_UPS, WAKE_UP_SIGNS), ("timers", TIMERS, TIMER_SIGNS)],
    ids=["wake-ups", "timers"],
)
def test_wake_up_and_timer_rungs_do_not_have_the_parts_above_them(
    kind: str, rungs: tuple[Rung, ...], signs: dict[str, tuple[str, int]]
) -> None:
    assert list(signs) == [rung.part for rung in rungs]
    for place, rung in enumerate(rungs):
        called = calls_in(kind, rung).of
        there = [part for part, (name, least) in signs.items() if called.get(name, 0) >= least]
        assert there == [below.part for below in rungs[place:]], rung.name


def test_a_rung_restores_the_core() -> None:
    core = (miniloop.Task._run, miniloop.Handle._run)
    for rung in (*STEPS, *WAKE_UPS, *TIMERS):
        with ExitStack() as stack:
            rung.make(stack)
    assert core == (miniloop.Task._run, miniloop.Handle._run)


def test_a_name_that_no_longer_exists_in_the_core_raises_name_gone() -> None:
    with pytest.raises(NameGone, match="Task no longer has _gone: update comparisons/knockout"):
        require(miniloop.Task, "_run", "_gone")
    with pytest.raises(NameGone), patched(miniloop.tasks, "gone", None):
        raise AssertionError("never reached")


# samples


@pytest.mark.parametrize("workload", WORKLOADS)
def test_every_rung_of_every_ladder_runs_its_program(workload: str) -> None:
    about = WORKLOADS[workload]
    small = about._replace(many=min(about.many, 30), times=min(about.times, 8))
    for rung in about.rungs:
        with ExitStack() as stack:
            [nanoseconds] = programs.measured(small, rung.make(stack), miniloop.sleep, 1)
        assert nanoseconds > 0


class Forgetful(task_rungs.MinimalLoop):
    def run(self, coros: Any) -> None:
        super().run(coro for number, coro in enumerate(coros) if number or coro.close())


def test_a_rung_that_does_not_run_a_task_is_an_error() -> None:
    with ExitStack() as stack, pytest.raises(programs.WrongAnswer, match="4 of 5 finished"):
        programs.steps(Forgetful(stack), miniloop.sleep, 5, 1).check()


@pytest.mark.parametrize("name", ["asyncio", "asyncio, pure Python"])
def test_a_complete_loop_runs_the_programs_in_a_new_process(name: str) -> None:
    measurement = Measurement(WORKLOADS["timers"], (name,))
    measurement._sample(name, 1)
    assert measurement.errors == {}
    assert len(measurement.samples[name]) == 1


def test_the_pure_python_loop_does_not_use_the_accelerator() -> None:
    program = (
        "from comparisons.knockout.sample import LOOPS\n"
        "asyncio, loop = LOOPS['asyncio, pure Python']()\n"
        "print(asyncio.Task is asyncio.tasks._PyTask)\n"
        "loop.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_a_failed_sample_returns_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(miniloop.tasks, "_register_task")
    answer = sample.take("switch", "registers tasks", 1)
    assert answer["error"].startswith("NameGone: miniloop.tasks no longer has _register_task")
    assert asyncio.__name__ in sample.LOOPS


# figures


def measurement(**samples: list[float]) -> Measurement:
    found = Measurement(WORKLOADS["timers"], ("asyncio",))
    found.samples = {name.replace("_", " "): values for name, values in samples.items()}
    return found


LADDER: dict[str, list[float]] = {
    "miniloop": [100.0, 110.0, 105.0],
    "no_contexts": [80.0, 90.0, 85.0],
    "no_iteration": [80.0, 89.0, 86.0],
    "minimal loop": [20.0, 21.0, 20.0],
    "program": [10.0, 10.0, 10.0],
    "asyncio": [200.0, 220.0, 210.0],
}


def test_the_costs_are_differences_between_rungs_and_add_up() -> None:
    found = measurement(**LADDER)
    parts = {part.name: part for part in found.parts()}
    assert [part.nanoseconds for part in parts.values()] == [20, -1, 66, 10, 10]
    assert sum(part.nanoseconds for part in parts.values()) == found.median(MINILOOP)
    assert (parts["contexts"].low, parts["contexts"].high) == (20, 20)
    assert parts["loop iteration"].unclear
    assert not parts["TimerHandles"].unclear


def test_rounds_are_resampled_as_a_whole_so_that_a_slow_round_makes_no_difference() -> None:
    slow = ([100.0, 200.0, 900.0], [90.0, 190.0, 890.0])
    assert difference(slow) == (10, 10, 10)
    assert difference([[5.0], [3.0]]) == (2, None, None)


def test_the_table_has_every_part_and_every_loop() -> None:
    lines = [line.cells for line in table.lines(measurement(**LADDER))]
    assert [cells[0] for cells in lines] == [
        *("the program", "timer heap", "TimerHandles", "loop iteration", "contexts"),
        *("miniloop", "asyncio"),
    ]
    assert lines[-2][2:] == ("105", "", "100%")
    assert lines[-1][2:] == ("210", "× 1.82 to 2.20", "× 2.00")


def test_without_a_failed_rung_its_two_neighbouring_parts_are_left_out() -> None:
    found = measurement(**LADDER)
    found.errors["no iteration"] = "it broke"
    assert [part.name for part in found.parts()] == ["contexts", "timer heap", "the program"]
    assert table.error_lines(found) == ["✗ timers, no iteration: it broke"]


def test_parts_of_rungs_above_miniloop_are_absent_from_it() -> None:
    assert WORKLOADS["switch"].absent == (
        *("a Handle per step", "a poll per iteration", "weak references"),
    )
    assert WORKLOADS["timers"].absent == ()


# the command


@pytest.fixture(scope="module")
def run_at_timers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("knockout")
    quick = ("--quick", "--only", "timers", "--samples", "1", "--out", str(folder))
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-m", "comparisons", "knockout", *quick],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        env=os.environ | {"COLUMNS": "80"},
    )
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_a_run_writes_a_table_a_chart_and_the_samples(run_at_timers: tuple[Path, str]) -> None:
    folder, output = run_at_timers
    assert sorted(path.name for path in folder.iterdir()) == [
        *("chart.png", "chart.svg", "report.json", "report.md")
    ]
    [workload] = json.loads((folder / "report.json").read_text())["workloads"]
    assert workload["samples"].keys() >= {rung.name for rung in TIMERS} | {"asyncio"}
    assert "| TimerHandles |" in (folder / "report.md").read_text()
    assert max(map(len, output.splitlines()[:-1])) <= 80
    assert "…" not in output


def test_the_readme_gets_a_section_for_each_python_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "README.md"
    monkeypatch.setattr(cli, "README", path)
    assert readme.README == ROOT / "comparisons" / "README.md"
    run = cli.Run(settings_from(["--save-readme"]), ["knockout"])
    run._measurements = [measurement(**LADDER)]
    run._save_readme()
    text = path.read_text(encoding="utf-8")
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert text.startswith(f"<!-- begin knockout-{minor} -->\n\n### knockout, CPython {minor}\n")
    assert "| TimerHandles | separate loop | 66 |" in text
    run._measurements[0].errors["minimal loop"] = "it broke"
    run._save_readme()
    assert path.read_text(encoding="utf-8") == text
    assert run._problems == ["README.md was not changed, because there were errors"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "swithc"], "unknown workload: swithc; choose from switch, single, spawn"),
        (["--only", ","], "no workload given"),
        (["--samples", "0"], "'0' is not a whole number from 1 to 1,000"),
        (["--out", "/dev/null"], "/dev/null is not a directory"),
        (["more"], "unrecognized arguments: more"),
    ],
)
def test_invalid_usage_is_status_2_and_a_message_that_helps(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        commands.main(["knockout", *arguments])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_uvloop_is_left_out_if_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "find_spec", lambda name: None)
    assert settings_from([]).whole == ("asyncio", "asyncio, pure Python")


def test_without_rich_a_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("comparisons.command.find_spec", lambda name: None)
    assert commands.main(["knockout"]) == 1
    assert "knockout needs rich and matplotlib: python -m pip" in capsys.readouterr().err


@needs_proc
def test_ctrl_c_is_status_130_without_a_traceback_and_leaves_no_process(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "comparisons", "knockout", "--out", str(tmp_path)]
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
    assert "knockout: interrupted" in errors
    assert "Traceback" not in output + errors
    assert [member for member in members if alive(member)] == []
