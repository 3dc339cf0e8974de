"""Random programs behave the same on miniloop and on asyncio, and the fuzzer finds differences."""

from __future__ import annotations

import gc
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import miniloop
from tests.fuzz import __main__ as command
from tests.fuzz import batches, habits, known, programs, run, streams
from tests.fuzz.coverage import Coverage, cover
from tests.fuzz.difference import Difference, first_difference, side_by_side
from tests.fuzz.generate import generate, operations, seeded
from tests.fuzz.run import IMPLEMENTATIONS, implementation, load
from tests.fuzz.syntax import Program, smaller_programs

ROOT = Path(__file__).resolve().parents[2]

LOST = "handler (future): Task exception was never retrieved"

START = miniloop.Task._start

SEEDS = range(1_000)
"""The programs of every test run; they take about ten seconds."""


@pytest.fixture(autouse=True, scope="module")
def freeze_other_objects() -> Iterator[None]:
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def source(text: str) -> str:
    """Return the source of a program with these lines."""
    lines = "\n".join(f"    {line}" for line in text.strip().splitlines())
    return f"def program(aio, loop, log, attempt, var, copy_context, work):\n{lines}\n"


def program(text: str) -> Any:
    return load(source(text))


def script(folder: Path, text: str) -> Path:
    """Write a file with a program of these lines; return its path."""
    path = folder / "script.py"
    path.write_text(source(text), encoding="utf-8")
    return path


def trace(text: str, name: str = "asyncio") -> list[str]:
    return run.run(program(text), implementation(name))


# -- random programs -------------------------------------------------------------------------------


@pytest.mark.parametrize("part", range(4))
def test_random_programs_behave_the_same_on_miniloop_and_on_asyncio(part: int) -> None:
    for seed in SEEDS[part::4]:
        found = programs.check(seed)
        assert found is None, found.show()


@settings(max_examples=60, derandomize=True, deadline=None, database=None,
          suppress_health_check=list(HealthCheck))  # fmt: skip
@given(st.data())
def test_programs_chosen_by_hypothesis_behave_the_same(data: st.DataObject) -> None:
    chosen = generate(lambda count: data.draw(st.integers(0, count - 1)))
    assert programs.differs(chosen, "miniloop") is None, chosen.source


def test_these_programs_execute_every_operation() -> None:
    assert cover(SEEDS[:400]).never_executed() == []


def test_a_seed_always_makes_the_same_program() -> None:
    assert generate(seeded(7)).source == generate(seeded(7)).source
    assert generate(seeded(7)).source != generate(seeded(8)).source


def test_a_program_contains_only_operations_that_its_asyncio_has() -> None:
    assert set(operations((3, 13))) - set(operations((3, 11))) == {
        "wait_for", "eager", "set_task_factory", "as_completed_async", "queue_shutdown",
    }  # fmt: skip
    since_3_14 = set(operations((3, 14))) - set(operations((3, 13)))
    assert since_3_14 == {"spawn_eager", "group_task_eager", "graph"}
    since_3_15 = set(operations((3, 15))) - set(operations((3, 14)))
    assert since_3_15 == {"group_cancel", "group_cancel_later", "shared_group_cancel"}


@pytest.mark.parametrize(
    ("version", "absent"),
    [
        ((3, 13), r"eager_start=\w+[,)](?<!loop=loop, eager_start=True\))|capture_call_graph"),
        ((3, 14), r"group\d\.cancel"),
    ],
)
def test_a_program_for_an_older_asyncio_contains_nothing_newer(
    version: tuple[int, int], absent: str
) -> None:
    older = [generate(seeded(seed), version).source for seed in range(400)]
    newer = [generate(seeded(seed), (3, 15)).source for seed in range(400)]
    assert not [source for source in older if re.search(absent, source)]
    assert len([source for source in newer if re.search(absent, source)]) > 20


# -- the three implementations --------------------------------------------------------------------


def test_the_second_asyncio_has_no_accelerator() -> None:
    with_c, in_python, ours = (implementation(name).aio for name in IMPLEMENTATIONS)
    assert with_c.Task is __import__("asyncio").Task
    assert with_c.Task.__module__ == "_asyncio"
    assert in_python.Task.__module__ == "asyncio.tasks"
    assert in_python.Task is not with_c.Task
    assert ours is miniloop


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_a_run_leaves_no_change_behind(name: str) -> None:
    implementation("asyncio")  # imports it
    before = (sys.modules["asyncio.tasks"], sys.unraisablehook)
    trace("loop.create_task(aio.sleep(1))", name)
    assert (sys.modules["asyncio.tasks"], sys.unraisablehook) == before
    assert "set" not in vars(sys.modules["asyncio.taskgroups"])
    assert "set" not in vars(sys.modules["miniloop.taskgroups"])


# -- traces ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_a_trace_contains_line_task_time_cancellation_and_variable(name: str) -> None:
    steps = """
async def a():
    var.set(5)
    log("starts")
    try:
        await aio.sleep(2)
    except aio.CancelledError as error:
        log(error)
        raise ValueError("no") from error
t = loop.create_task(a())
loop.call_later(1, t.cancel, "enough")
"""
    assert trace(steps, name) == [
        "line 4 T1 var=5: 'starts'",
        "1 line 8 T1 asked to cancel var=5: CancelledError(enough)",
        "1 left: T1 Task-+1: exception=ValueError('no')",
        f"in the end {LOST} ValueError(no) ⟨from CancelledError(enough)⟩",
    ]


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_a_task_that_waits_forever_is_recorded_and_then_cancelled(name: str) -> None:
    assert trace("f = loop.create_future()\nloop.create_task(aio.wait([f]))", name) == [
        "left: T1 Task-+1: pending",
        "left: T1 Task-+1: cancelled",
    ]


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_a_task_that_ignores_every_cancellation_is_closed_by_force(name: str) -> None:
    steps = """
async def a():
    while True:
        try:
            await loop.create_future()
        except aio.CancelledError:
            log("no")
t = loop.create_task(a())
"""
    assert trace(steps, name) == [
        "left: T1 Task-+1: pending",
        "line 7 T1 asked to cancel: 'no'",
        "left: T1 Task-+1: pending",
        "line 7 T1 asked to cancel 2×: 'no'",
        "left: T1 Task-+1: pending",
        "in the end handler (task): Task was destroyed but it is pending!",
    ]


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_the_trace_of_an_endless_program_is_cut_at_the_same_row(name: str) -> None:
    steps = (
        "async def a():\n    while True:\n        log(await aio.sleep(0.5))\nloop.create_task(a())"
    )
    rows = trace(steps, name)
    assert len(rows) == run.MOST_ROWS + 1
    assert rows[-1] == "cut: too many rows"


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_a_program_with_too_many_iterations_is_cut(name: str) -> None:
    steps = "def again():\n    loop.call_soon(again)\nagain()"
    assert trace(steps, name) == ["cut: too many iterations"]


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_an_exception_raised_by_the_loop_does_not_stop_the_program(name: str) -> None:
    steps = """
def leave():
    raise SystemExit(3)
loop.call_soon(leave)
loop.call_later(1, log, "still running")
"""
    assert trace(steps, name) == ["raised by the loop: SystemExit(3)", "1 called: 'still running'"]


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_exceptions_at_the_start_and_warnings_and_log_records_are_recorded(name: str) -> None:
    steps = "loop.set_exception_handler(None)\nloop.call_soon(log.nothing)"
    (row,) = trace(steps, name)
    assert row.startswith("raised at the start: AttributeError")
    steps = """
aio.sleep(0)
loop.set_exception_handler(None)
loop.call_exception_handler({"message": "x"})
"""
    assert trace(steps, name) == ["RuntimeWarning: coroutine 'sleep' was never awaited", "ERROR: x"]


def wrong_future(self: Any, context: dict[str, Any]) -> None:
    """A bug: the context has another future than the one it is about."""
    REPORT(self, {**context, "future": self.create_future()} if "future" in context else context)


def message_only(context: dict[str, Any]) -> str:
    """A bug: the log record has only the message."""
    return str(context["message"])


REPORT = miniloop.SelectorEventLoop.call_exception_handler

REPORTED = """
f = loop.create_future()
loop.call_exception_handler({"message": "x", "future": f})
"""


def test_a_context_with_a_wrong_future_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert trace(REPORTED, "miniloop") == ["handler (future F1): x"]
    path = script(tmp_path, REPORTED)
    assert programs.check_script(path) is None
    monkeypatch.setattr(miniloop.SelectorEventLoop, "call_exception_handler", wrong_future)
    assert programs.check_script(path) is not None


def test_a_missing_line_in_a_log_record_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = "loop.set_exception_handler(None)" + REPORTED
    assert trace(text, "miniloop") == ["ERROR: x | future: <Future pending>"]
    path = script(tmp_path, text)
    assert programs.check_script(path) is None
    monkeypatch.setattr("miniloop.reports._format_context", message_only)
    assert programs.check_script(path) is not None


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_a_log_record_is_compared_without_tracebacks(name: str) -> None:
    steps = """
loop.set_debug(True)
loop.set_exception_handler(lambda loop, context: 1 / 0)
def on():
    raise ValueError("it's")
loop.call_soon(on)
"""
    (row,) = trace(steps, name)
    assert row.startswith("ERROR: Unhandled error in exception handler ZeroDivisionError(")
    context = "'exception': ValueError('it's'), 'handle': <Handle on() at <program>:4>"
    assert f" | context: {{'message': 'Exception in callback on() at <program>:4', {context}" in row
    assert "traceback" not in row


@pytest.mark.skipif(sys.version_info < (3, 12), reason="no eager tasks")
@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_tasks_that_first_appear_in_a_set_are_numbered_by_name(name: str) -> None:
    steps = """
async def a():
    held = [aio.Task(b(), loop=loop, eager_start=True) for _ in range(20)]
    log(aio.all_tasks())
    for task in held:
        log(task)
async def b():
    await loop.create_future()
loop.create_task(a())
"""
    rows = trace(steps, name)
    assert [row.split()[-2] for row in rows[1:21]] == [f"T{number}" for number in range(2, 22)]


CALL_GRAPH = """
async def a():
    await f
async def b():
    async with aio.TaskGroup() as group:
        group.create_task(a())
        await aio.gather(aio.sleep(1), f)
async def c():
    log(aio.capture_call_graph())
    log(aio.capture_call_graph(f))
    f.set_result(1)
    log(aio.capture_call_graph(f))
f = loop.create_future()
t1, t2 = loop.create_task(b()), loop.create_task(a())
loop.call_soon(loop.create_task, c())
"""

since_3_14 = pytest.mark.skipif(sys.version_info < (3, 14), reason="no call graphs")


@since_3_14
@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_a_call_graph_is_described_by_tasks_and_lines_of_the_program(name: str) -> None:
    block, direct = "{T1 pending in [7]}", "{T2 pending in [3]}"
    child = f"{{T3 pending in [3] {block}}}"
    assert trace(CALL_GRAPH, name)[:2] == [
        "line 9 T5: graph of T5 pending in [9]",
        f"line 10 T5: graph of F1 pending in [] {block} {direct} {child}",
    ]


@since_3_14
def test_the_waiters_of_a_future_that_is_done_need_not_be_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = script(tmp_path, CALL_GRAPH)
    asyncio, ours = (trace(CALL_GRAPH, name)[2] for name in ("asyncio", "miniloop"))
    assert (ours, asyncio != ours) == ("line 12 T5: graph of F1 done in []", True)
    assert programs.check_script(path) is None
    monkeypatch.setattr("miniloop.trace.graph._paused_frames", lambda future: [])
    assert programs.check_script(path) is not None


@since_3_14
def test_frames_of_the_task_that_started_an_eager_task_are_recorded_separately() -> None:
    steps = """
async def a():
    aio.Task(b(), loop=loop, eager_start=True)
async def b():
    log(aio.capture_call_graph())
loop.create_task(a())
"""
    graphs = [trace(steps, name)[0] for name in IMPLEMENTATIONS]
    asyncio, in_python, ours = (graph.partition("graph of ")[2] for graph in graphs)
    assert asyncio == "T2 pending in [5 | 3]"
    assert in_python == ours == "T2 pending in [5]"


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_an_exception_whose_contexts_form_a_cycle_can_be_described(name: str) -> None:
    steps = """
error = ValueError()
error.__context__ = ExceptionGroup("some", [error])
log(error)
"""
    (row,) = trace(steps, name)
    assert row.startswith("line 4: ValueError ⟨during ExceptionGroup(some: ValueError")


# -- finding, shrinking and showing a difference ---------------------------------------------------


def wake_the_last(self: Any) -> None:
    """A bug: the lock goes to the last waiter."""
    waiting = [waiter for waiter in self._waiters or () if not waiter.done()]
    if waiting:
        waiting[-1].set_result(True)


def find(seeds: range) -> Difference:
    return next(found for seed in seeds if (found := programs.check(seed)) is not None)


@pytest.mark.xfail(
    sys.version_info < (3, 12),
    reason="without the programs of eager tasks, the first program found shrinks to 23 lines",
    strict=True,
)
def test_an_injected_bug_is_found_shrunk_and_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(miniloop.Lock, "_wake_first", wake_the_last)
    found = find(SEEDS[177:])
    lines = found.script.partition("work):\n")[2].partition('if __name__ == "__main__"')[0]
    assert len([line for line in lines.splitlines() if line]) <= 20
    assert "lock1" in lines or "condition1" in lines or "barrier1" in lines
    number = first_difference(found.traces)
    assert number is not None
    assert "→" in found.show()
    path = found.save(tmp_path)
    assert programs.check_script(path) is not None
    monkeypatch.undo()
    assert programs.check_script(path) is None


def test_smaller_programs_are_smaller_and_mostly_valid() -> None:
    whole = generate(seeded(3))
    smaller = list(smaller_programs(whole))
    assert len(smaller) > 50
    assert all(isinstance(one, Program) for one in smaller)
    compiled = sum(_compiles(one) for one in smaller)
    assert compiled > 0.9 * len(smaller)


def _compiles(one: Program) -> bool:
    try:
        load(one.source)
    except SyntaxError:
        return False
    return True


def test_the_lines_of_a_script_have_the_same_numbers_as_those_of_its_program() -> None:
    whole = generate(seeded(3))
    assert whole.script("A title.").splitlines()[4:20] == whole.source.splitlines()[4:20]


def test_side_by_side_marks_the_first_different_step() -> None:
    table = side_by_side({"one": ["a", "b", "c"], "other": ["a", "x"]})
    marked = [line.split() for line in table.splitlines() if "→" in line]
    assert marked == [["→", "b", "x"]]
    assert table.splitlines()[-1].split() == ["c", "–"]
    assert all(len(line) <= 80 for line in table.splitlines())


# -- known differences -----------------------------------------------------------------------------


def test_every_rule_has_a_reason_and_names_an_existing_row_of_the_table() -> None:
    table = (ROOT / "tests" / "README.md").read_text(encoding="utf-8")
    for rule in known.RULES:
        assert rule.reason
        if rule.reason.startswith("the row"):
            row = rule.name if "of this name" in rule.reason else rule.reason.partition(": ")[2]
            assert f"| {row[0].upper()}{row[1:]} |" in table
    for habit in habits.HABITS:
        assert habit.until in (habits.NOW, (3, 12), (3, 13), (3, 14), (3, 15))


def test_rules_rewrite_only_the_rows_they_are_about() -> None:
    rows = [
        "line 3 T1: InvalidStateError(invalid state)",
        "line 3 T1: ValueError(FINISHED: <Future finished result=3>)",
    ]
    other = ["line 3 T1: InvalidStateError(FINISHED: <Future finished result=3>)", rows[1]]
    asyncio, in_python = known.rewritten("asyncio in Python", [rows, other])
    assert asyncio == in_python
    ours, theirs = known.rewritten("miniloop", [rows, other])
    assert ours != theirs


def ignore_name(self: Any, coro: Any, name: Any = None, context: Any = None) -> None:
    """A bug: the name of a task is ignored."""
    START(self, coro, None, context)


def wrong_name(self: Any) -> str:
    """A bug: get_name() of a task with a name returns another one."""
    return "wrong" if isinstance(self._name, str) else f"Task-{self._name}"


@pytest.mark.parametrize(("method", "fault"), [("_start", ignore_name), ("get_name", wrong_name)])
def test_a_wrong_name_is_found(
    method: str, fault: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = script(tmp_path, "async def a():\n    pass\nloop.create_task(a(), name='x')")
    assert programs.check_script(path) is None
    monkeypatch.setattr(miniloop.Task, method, fault)
    assert programs.check_script(path) is not None


def test_a_name_may_differ_only_with_a_task_factory() -> None:
    rule = next(rule for rule in known.RULES if isinstance(rule, known.Name))
    text = "loop.set_task_factory(aio.eager_task_factory)"
    assert not rule.concerns("miniloop", "aio.create_task(a(), name='x')")
    assert rule.concerns("miniloop", text) == ((3, 12) <= sys.version_info < (3, 13, 1))
    named, nameless = "left: T1 x: cancelled", "left: T1 Task-+2: cancelled"
    asyncio, ours = rule.apply([nameless], [named])
    assert asyncio == ours
    asyncio, ours = rule.apply([named], [nameless])
    assert asyncio != ours


STUCK = "Leaving task <Task>"


def test_rows_before_an_excuse_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "VERSION", (3, 14))  # since 3.15, this excuse is not needed
    text = "eager_start=True"
    after = known.rewritten("miniloop", [["a: 1", STUCK, "b"], ["a: 1", "c", "d"]], text)
    assert after[0] == after[1]
    before = known.rewritten("miniloop", [["a: 1", STUCK, "b"], ["a: 2", "c", "d"]], text)
    assert before[0] != before[1]
    both = known.rewritten("miniloop", [["a: 1", STUCK, "b"], ["a: 1", STUCK, "c"]], text)
    assert both[0] != both[1]


def test_an_excuse_about_eager_tasks_needs_an_eager_task() -> None:
    asyncio, ours = known.rewritten("miniloop", [[STUCK, "b"], ["c", "d"]], "pass")
    assert asyncio != ours


AWAITS_ITSELF = """
async def a():
    attempt(log, "starts")
    try:
        await one
    except RuntimeError as error:
        log(error)
    await aio.sleep(1)
async def b():
    try:
        await one
    except RuntimeError as error:
        log(error)
    log("after it")
one = loop.create_task(a())
loop.create_task(b())
"""

ENTERED_TWICE = """
async def c():
    log("never")
async def b():
    await aio.sleep(0)
    log("it is b")
    try:
        aio.Task(c(), loop=loop, eager_start=True, context=context)
    except RuntimeError as error:
        log(error)
    log(aio.all_tasks())
async def a():
    aio.Task(b(), loop=loop, eager_start=True, context=context)
    log("once")
context = copy_context()
loop.create_task(a())
"""

ENTERED_BY_THE_NEXT = ENTERED_TWICE.replace("    await aio.sleep(0)\n", "", 1)
CONTEXT_IN_ITSELF = """
context = copy_context()
attempt(context.run, context.run, log, "never")
"""

needs_eager_tasks = pytest.mark.skipif(
    not (3, 12) <= sys.version_info < (3, 15),
    reason="before 3.12, there are no eager tasks; since 3.15, the accelerator does not fail here",
)
each_fault = pytest.mark.parametrize(
    "text",
    [
        AWAITS_ITSELF,
        pytest.param(ENTERED_TWICE, marks=needs_eager_tasks),
        pytest.param(ENTERED_BY_THE_NEXT, marks=needs_eager_tasks),
    ],
)


@each_fault
def test_a_bug_of_the_accelerator_is_recognised_in_a_trace_of_asyncio(text: str) -> None:
    assert known.meets_a_fault(trace(text), source(text))
    assert not known.meets_a_fault(trace(text, "miniloop"), "pass")


def test_entering_a_context_twice_is_not_a_bug_of_the_accelerator() -> None:
    assert "cannot enter context" in trace(CONTEXT_IN_ITSELF)[0]
    assert not known.meets_a_fault(trace(CONTEXT_IN_ITSELF), source(CONTEXT_IN_ITSELF))


@each_fault
def test_a_bug_of_the_accelerator_has_no_effect_on_the_next_program(text: str) -> None:
    trace(text)
    steps = 'async def a():\n    log("runs")\nloop.create_task(a())'
    assert trace(steps)[0] == "line 3 T1: 'runs'"


@each_fault
def test_a_bug_of_the_accelerator_excuses_only_its_own_effects(
    text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = script(tmp_path, text)
    ours = programs.play(run.load(path.read_text(encoding="utf-8")), "miniloop")
    theirs = programs.play(run.load(path.read_text(encoding="utf-8")), "asyncio")
    assert ours != theirs
    assert programs.check_script(path) is None
    monkeypatch.setattr(miniloop.Task, "cancelling", lambda self: 1)
    assert programs.check_script(path) is not None


def test_a_difference_from_both_asyncios_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    traces = {
        "asyncio": ["a: E ⟨during V⟩", "b: 1"],
        "asyncio in Python": ["a: E ⟨during V⟩", "b: 2"],
        "miniloop": ["a: E", "b: 2"],
    }
    monkeypatch.setattr(programs, "play", lambda main, name: traces[name])
    monkeypatch.setattr(programs, "shrink", lambda program, other, kind: program)
    assert programs.check(0) is not None
    traces["miniloop"] = traces["asyncio in Python"]
    assert programs.check(0) is None


@pytest.mark.skipif(sys.version_info < (3, 13), reason="exceptions and frames form cycles")
@pytest.mark.parametrize("lost", ["Task", "Future"])
def test_only_an_eager_task_may_report_a_lost_exception_at_another_time(lost: str) -> None:
    row = f"handler (future): {lost} exception was never retrieved ValueError(1)"
    pair = [["a", row, "b"], ["a", "b", f"in the end {row}"]]
    asyncio, ours = known.rewritten("miniloop", pair, "aio.create_task(a())")
    assert asyncio != ours
    asyncio, ours = known.rewritten("miniloop", pair, "aio.Task(a(), eager_start=True)")
    assert asyncio == ours
    asyncio, ours = known.rewritten("miniloop", [pair[0], ["a", "b"]], "eager_start=True")
    assert asyncio != ours


@pytest.mark.skipif(sys.version_info < (3, 13), reason="exceptions and frames form cycles")
def test_miniloop_may_free_an_object_sooner_than_asyncio_but_not_later() -> None:
    goes = "RuntimeWarning: coroutine 'a' was never awaited"
    immediately, in_the_end = [goes, "b"], ["b", f"in the end {goes}"]

    def alike(asyncio: list[str], ours: list[str]) -> bool:
        pair = known.rewritten("miniloop", [asyncio, ours], "aio.create_task(a())")
        return pair[0] == pair[1]

    assert alike(in_the_end, immediately)
    assert not alike(immediately, in_the_end)
    assert not alike(["b"], immediately)
    assert not alike(in_the_end, [goes, *immediately])


RECURS = """
async def a():
    endless = []
    endless.append(endless)
    return endless
loop.create_task(a())
"""


def test_an_endless_recursion_is_skipped_if_asyncio_has_it_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in IMPLEMENTATIONS:
        assert trace(RECURS, name) == [run.ENDLESS]
    monkeypatch.setattr(known, "used", Counter())
    assert programs.check_script(script(tmp_path, RECURS)) is None
    assert known.used == {"skipped: an endless recursion": 1}


@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_an_endless_recursion_leaves_no_garbage_to_the_next_program(name: str) -> None:
    main, of = program(RECURS), implementation(name)
    gc.collect()
    gc.disable()
    try:
        assert run.run(main, of) == [run.ENDLESS]
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_an_endless_recursion_of_miniloop_alone_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = script(tmp_path, "async def a():\n    raise ValueError\nloop.create_task(a())")
    assert programs.check_script(path) is None
    monkeypatch.setattr(miniloop.Task, "__repr__", lambda self: f"<{self!r}>")
    found = programs.check_script(path)
    assert found is not None
    assert found.traces["miniloop"][-1] == run.ENDLESS


@pytest.mark.parametrize("habit", habits.HABITS, ids=lambda habit: habit.name)
def test_a_habit_is_applied_and_removed_again(habit: habits.Habit) -> None:
    before = [change.own.__code__ for change in habit.changes]
    with habits.habits_in_place((habit,)):
        assert all(change.own.__code__ not in before for change in habit.changes)
    assert [change.own.__code__ for change in habit.changes] == before


def test_a_habit_whose_source_line_no_longer_exists_raises() -> None:
    change = habits.Change("locks:Condition.wait", "something else", "pass")
    with pytest.raises(LookupError, match="something else"):
        change.changed(change.own)


# -- the command ----------------------------------------------------------------------------------


def fuzz(*line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.fuzz", *line],
        check=False, cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip


def test_a_run_without_a_difference_exits_with_0() -> None:
    done = fuzz("--programs", "50", "--jobs", "2", "--no-save")
    assert (done.returncode, done.stderr) == (0, "")
    assert "50 programs in" in done.stdout
    assert "new differences: 0 of miniloop" in done.stdout


@pytest.mark.parametrize(
    "line",
    [
        ["--minutes", "0"], ["--programs", "-1"], ["--jobs", "x"], ["--kind", "x"], ["--nonsense"],
        ["--pairs"], ["--seed", "-1"], ["--seed", "x"], ["--replay", "-1"],
        ["--kind", "all", "--replay", "1"], ["--kind", "streams", "--coverage"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_usage_exits_with_2(line: list[str]) -> None:
    done = fuzz(*line)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "usage:" in done.stderr


def test_a_difference_is_printed_and_saved_and_the_exit_status_is_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Difference("program_1", "script", {"asyncio": ["a"], "miniloop": ["b"]})
    theirs = Difference("asyncios_1", "script", {"asyncio": ["a"], "asyncio in Python": ["b"]})
    saved: list[str] = []
    monkeypatch.setattr(Difference, "save", lambda self: saved.append(self.name))
    result = batches.Result(25, [theirs])
    monkeypatch.setattr(command, "results", lambda chosen: [result])
    assert command.main([]) == 0
    assert saved == []
    result.found.append(found)
    assert command.main(["--no-save"]) == 1
    assert saved == []
    assert command.main([]) == 1
    assert saved == ["program_1"]
    assert "new differences: 1 of miniloop, 1 of asyncio" in capsys.readouterr().out


def test_ctrl_c_exits_with_130_and_leaves_no_process_behind() -> None:
    line = [sys.executable, "-m", "tests.fuzz", "--minutes", "60", "--jobs", "2", "--no-save"]
    with subprocess.Popen(
        line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, env={**os.environ, "TTY_COMPATIBLE": "1"},
    ) as running:  # fmt: skip
        assert running.stdout is not None
        while "programs," not in (running.stdout.readline() or "programs,"):
            assert running.poll() is None
        os.killpg(running.pid, signal.SIGINT)
        out, err = running.communicate()
    assert running.returncode == 130
    assert "Traceback" not in out + err
    left = [process for process in psutil.process_iter() if _group(process) == running.pid]
    assert psutil.wait_procs(left, timeout=30)[1] == []


def _group(process: psutil.Process) -> int | None:
    try:
        return os.getpgid(process.pid)
    except ProcessLookupError:
        return None


def test_replay_prints_the_program_and_all_traces() -> None:
    done = fuzz("--replay", "5")
    assert (done.returncode, done.stderr) == (0, "")
    assert "def program(" in done.stdout
    assert all(name in done.stdout for name in IMPLEMENTATIONS)


def test_replay_prints_a_program_of_the_chosen_kind() -> None:
    done = fuzz("--kind", "streams", "--replay", "57")
    assert (done.returncode, done.stderr) == (0, "")
    for line in streams.source(57).splitlines():
        assert line.strip() in done.stdout
    assert "def program(" not in done.stdout


def test_replay_prints_no_traceback_if_its_reader_closes_the_pipe() -> None:
    reading, writing = os.pipe()
    os.close(reading)  # before anything is printed: `| true`
    with open(writing, "wb") as out:
        line = [sys.executable, "-m", "tests.fuzz", "--replay", "5"]
        done = subprocess.run(line, check=False, cwd=ROOT, stdout=out, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (1, b"")


def test_coverage_counts_the_operations_and_pairs_that_were_executed() -> None:
    done = fuzz("--coverage", "--programs", "30", "--pairs")
    assert done.returncode == 1  # thirty programs do not execute every operation
    assert "never executed: " in done.stdout
    assert "pairs of consecutive operations within a function" in done.stdout
    assert " → " in done.stdout


def test_only_executed_lines_count() -> None:
    coverage = Coverage()
    coverage.run(generate(seeded(5)))
    assert coverage.programs == 1
    assert coverage.operations["spawn"] >= 2
    assert sum(coverage.in_sequence.values()) > 0
    assert set(coverage.operations) <= {*operations(), "debug"}
