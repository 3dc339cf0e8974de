"""The ladder of the knock-outs: every rung has the parts it says, and lacks those above."""

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
        """Whether there were so many; if not, there must have been next to none."""
        count = self.of.get(name, 0)
        assert count >= least or count <= 3, f"{name} was called {count} times"
        return count >= least


# the ladder of a step

TASKS, TIMES = 5, 20
STAYING = TASKS - 1  # one is cancelled


def parts_seen_in_steps(make: Callable[[ExitStack], Any]) -> set[str]:
    """Which parts a rung has, by what a program sees and by what is called."""
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
                tally(number)  # whatever has happened: else the rung would wait for ever

        async def look(number: int) -> None:
            own = variable.get() == -1
            variable.set(number)
            await miniloop.sleep(0)
            if own and variable.get() == number and 0 < number < TASKS - 1:
                seen.add("contexts")
            if loop is not None and miniloop.current_task(loop) is not None:
                seen.add("the current task")
            try:
                for time in range(TIMES):
                    if (number, time) == (0, 2) and born:
                        born[-1].cancel()
                    await miniloop.sleep(0)
            except miniloop.CancelledError:
                seen.add("waiting, cancelling")

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
        "a Handle each step": calls.many("Handle.__init__", STAYING * TIMES),
        "a poll in each turn": calls.many("EpollSelector.select", TIMES)
        or calls.many("KqueueSelector.select", TIMES),
        "weak references": calls.many("_register_task", TASKS),
        "Task and Future": tasks,
        "the loop's turn": calls.many("BaseEventLoop._run_once", TIMES),
        "the queue": calls.many("deque.popleft", STAYING * TIMES)
        or calls.many("HandleQueue.popleft", STAYING * TIMES),
        "the program itself": True,
    }
    return {part for part, there in called.items() if there}


@pytest.mark.parametrize("place", range(len(STEPS)), ids=[rung.name for rung in STEPS])
def test_a_rung_of_the_steps_has_its_part_and_those_below_and_none_above(place: int) -> None:
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
    # part: what is called once for each wake-up on every rung that has it, and by none below
    "a poll in each turn": ("EpollSelector.select", TIMES),
    "contexts": ("Handle._run", TASKS * TIMES),
    "Handles": ("Handle.__init__", TASKS * TIMES),
    "the Task's step": ("Task._run", TASKS * TIMES),
    "Task, Future, turn": ("Future._begin", TASKS * TIMES),
    "the floor": ("deque.popleft", TASKS * TIMES),
}
TIMER_SIGNS = {
    "contexts": ("Handle._run", TASKS),
    "the loop's turn": ("BaseEventLoop._run_once", 1),
    "TimerHandles": ("TimerHandle.__init__", TASKS),
    "the heap": ("heappop", TASKS),
    "the program itself": ("Tally.__call__", TASKS),
}


@pytest.mark.skipif(sys.platform != "linux", reason="counts the calls of epoll's selector")
@pytest.mark.parametrize(
    ("kind", "rungs", "signs"),
    [("wake-ups", WAKE_UPS, WAKE_UP_SIGNS), ("timers", TIMERS, TIMER_SIGNS)],
    ids=["wake-ups", "timers"],
)
def test_each_of_these_rungs_lacks_what_the_rungs_above_have(
    kind: str, rungs: tuple[Rung, ...], signs: dict[str, tuple[str, int]]
) -> None:
    assert list(signs) == [rung.part for rung in rungs]
    for place, rung in enumerate(rungs):
        called = calls_in(kind, rung).of
        there = [part for part, (name, least) in signs.items() if called.get(name, 0) >= least]
        assert there == [below.part for below in rungs[place:]], rung.name


def test_a_rung_leaves_the_core_as_it_was() -> None:
    core = (miniloop.Task._run, miniloop.Handle._run)
    for rung in (*STEPS, *WAKE_UPS, *TIMERS):
        with ExitStack() as stack:
            rung.make(stack)
    assert core == (miniloop.Task._run, miniloop.Handle._run)


def test_a_name_that_has_gone_from_the_core_is_told() -> None:
    with pytest.raises(NameGone, match="Task has no _gone any more: comparisons/knockout has to"):
        require(miniloop.Task, "_run", "_gone")
    with pytest.raises(NameGone), patched(miniloop.tasks, "gone", None):
        raise AssertionError("never reached")


# samples


@pytest.mark.parametrize("workload", WORKLOADS)
def test_every_rung_of_every_ladder_does_the_work(workload: str) -> None:
    about = WORKLOADS[workload]
    small = about._replace(many=min(about.many, 30), times=min(about.times, 8))
    for rung in about.rungs:
        with ExitStack() as stack:
            [nanoseconds] = programs.measured(small, rung.make(stack), miniloop.sleep, 1)
        assert nanoseconds > 0


class Forgetful(task_rungs.Floor):
    def run(self, coros: Any) -> None:
        super().run(coro for number, coro in enumerate(coros) if number or coro.close())


def test_a_rung_that_forgets_a_task_is_an_error() -> None:
    with ExitStack() as stack, pytest.raises(programs.WrongAnswer, match="4 of 5 came to their"):
        programs.steps(Forgetful(stack), miniloop.sleep, 5, 1).check()


@pytest.mark.parametrize("name", ["asyncio", "asyncio, pure Python"])
def test_a_whole_loop_runs_the_programs_in_a_fresh_process(name: str) -> None:
    measurement = Measurement(WORKLOADS["timers"], (name,))
    measurement._sample(name, 1)
    assert measurement.errors == {}
    assert len(measurement.samples[name]) == 1


def test_the_pure_loop_is_without_the_accelerator() -> None:
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


def test_a_sample_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(miniloop.tasks, "_register_task")
    answer = sample.take("switch", "registering", 1)
    assert answer["error"].startswith("NameGone: miniloop.tasks has no _register_task any more")
    assert asyncio.__name__ in sample.LOOPS


# figures


def measurement(**samples: list[float]) -> Measurement:
    found = Measurement(WORKLOADS["timers"], ("asyncio",))
    found.samples = {name.replace("_", " "): values for name, values in samples.items()}
    return found


LADDER: dict[str, list[float]] = {
    "miniloop": [100.0, 110.0, 105.0],
    "no_contexts": [80.0, 90.0, 85.0],
    "no_turn": [80.0, 89.0, 86.0],
    "floor": [20.0, 21.0, 20.0],
    "program": [10.0, 10.0, 10.0],
    "asyncio": [200.0, 220.0, 210.0],
}


def test_a_part_costs_the_difference_between_two_rungs_and_all_add_up() -> None:
    found = measurement(**LADDER)
    parts = {part.name: part for part in found.parts()}
    assert [part.nanoseconds for part in parts.values()] == [20, -1, 66, 10, 10]
    assert sum(part.nanoseconds for part in parts.values()) == found.median(MINILOOP)
    assert (parts["contexts"].low, parts["contexts"].high) == (20, 20)
    assert parts["the loop's turn"].nothing
    assert not parts["TimerHandles"].nothing


def test_a_round_is_drawn_as_a_whole_so_that_its_slowness_is_no_difference() -> None:
    slow = ([100.0, 200.0, 900.0], [90.0, 190.0, 890.0])
    assert difference(slow) == (10, 10, 10)
    assert difference([[5.0], [3.0]]) == (2, None, None)


def test_the_table_holds_every_part_and_every_loop() -> None:
    lines = [line.cells for line in table.lines(measurement(**LADDER))]
    assert [cells[0] for cells in lines] == [
        *("the program itself", "the heap", "TimerHandles", "the loop's turn", "contexts"),
        *("miniloop", "asyncio"),
    ]
    assert lines[-2][2:] == ("105", "", "100%")
    assert lines[-1][2:] == ("210", "× 1.82 to 2.20", "× 2.00")


def test_a_rung_that_failed_costs_the_two_parts_beside_it() -> None:
    found = measurement(**LADDER)
    found.errors["no turn"] = "it broke"
    assert [part.name for part in found.parts()] == ["contexts", "the heap", "the program itself"]
    assert table.complaints(found) == ["✗ timers, no turn: it broke"]


def test_what_miniloop_does_without_is_no_part_of_it() -> None:
    assert WORKLOADS["switch"].spared == (
        *("a Handle each step", "a poll in each turn", "weak references"),
    )
    assert WORKLOADS["timers"].spared == ()


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


def test_the_readme_gets_a_section_of_its_own_for_each_interpreter(
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
    assert "| TimerHandles | written here | 66 |" in text
    run._measurements[0].errors["floor"] = "it broke"
    run._save_readme()
    assert path.read_text(encoding="utf-8") == text
    assert run._problems == ["README.md is left alone: a table with errors is not kept"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--only", "swithc"], "unknown workload: swithc; known are switch, alone, spawn"),
        (["--only", ","], "no workload named"),
        (["--samples", "0"], "'0' is not a whole number from 1 to 1,000"),
        (["--out", "/dev/null"], "/dev/null is not a directory"),
        (["more"], "unrecognized arguments: more"),
    ],
)
def test_wrong_usage_is_status_2_and_a_line_that_helps(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        commands.main(["knockout", *arguments])
    assert stopped.value.code == 2
    assert complaint in capsys.readouterr().err


def test_uvloop_is_left_out_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "find_spec", lambda name: None)
    assert settings_from([]).whole == ("asyncio", "asyncio, pure Python")


def test_without_rich_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("comparisons.command.find_spec", lambda name: None)
    assert commands.main(["knockout"]) == 1
    assert "knockout needs rich and matplotlib: python -m pip" in capsys.readouterr().err


@needs_proc
def test_ctrl_c_is_status_130_without_traceback_and_nobody_is_left(tmp_path: Path) -> None:
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
        output, complaints = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "knockout: interrupted" in complaints
    assert "Traceback" not in output + complaints
    assert [member for member in members if alive(member)] == []
