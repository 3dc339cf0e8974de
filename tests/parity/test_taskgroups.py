"""TaskGroup: leaving the block waits for every task, whether it returns, raises or is cancelled."""

from __future__ import annotations

from typing import Any

import pytest

from tests.parity.harness import (
    Stage,
    attempt,
    attempt_await,
    chain,
    describe,
    older_asyncio_differs,
    outcome,
)


def test_leaving_the_group_waits_for_its_tasks(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work(delay: float) -> float:
        await aio.sleep(delay)
        return delay

    async def main() -> None:
        async with aio.TaskGroup() as group:
            tasks = [group.create_task(work(delay)) for delay in (2, 1)]
            log("the body is done", stage.now)
        log([outcome(task) for task in tasks], stage.now)

    assert stage.run(main) == [("the body is done", 0.0), (["returned 2", "returned 1"], 2.0)]


def test_one_failure_cancels_the_siblings_and_is_raised_in_an_exception_group(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def failing() -> None:
        await aio.sleep(1)
        raise ValueError("broken")

    async def sibling() -> None:
        try:
            await aio.sleep(10)
        finally:
            await aio.sleep(1)
            log("the sibling is cleaned up", stage.now)

    async def main() -> None:
        try:
            async with aio.TaskGroup() as group:
                group.create_task(sibling())
                group.create_task(failing())
                log(await attempt_await(aio.sleep(10)), stage.now)
        except* ValueError as errors:
            log(describe(errors), stage.now, aio.current_task().cancelling())

    assert stage.run(main) == [
        ("raised CancelledError", 1.0),
        ("the sibling is cleaned up", 2.0),
        ("ExceptionGroup: unhandled errors in a TaskGroup [ValueError: broken]", 2.0, 0),
    ]


def test_failures_during_the_shutdown_are_added_in_the_order_they_happen(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work(name: str, delay: float, cleanup: float) -> None:
        try:
            await aio.sleep(delay)
        finally:
            await aio.sleep(cleanup)
            raise ValueError(name)

    async def main() -> None:
        try:
            async with aio.TaskGroup() as group:
                group.create_task(work("third", delay=10, cleanup=3))
                group.create_task(work("first", delay=1, cleanup=0))
                group.create_task(work("second", delay=10, cleanup=2))
        except ExceptionGroup as errors:
            log([describe(error) for error in errors.exceptions], stage.now)

    assert stage.run(main) == [
        (["ValueError: first", "ValueError: second", "ValueError: third"], 4.0)
    ]


def test_an_exception_in_the_body_cancels_the_tasks_and_is_added_to_the_group(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        try:
            async with aio.TaskGroup() as group:
                task = group.create_task(aio.sleep(10))
                await aio.sleep(1)
                raise KeyError("in the body")
        except ExceptionGroup as errors:
            log(describe(errors), outcome(task), stage.now)

    assert stage.run(main) == [
        (
            "ExceptionGroup: unhandled errors in a TaskGroup [KeyError: 'in the body']",
            "cancelled",
            1.0,
        )
    ]


def test_a_task_that_is_cancelled_alone_does_not_affect_the_group(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        async with aio.TaskGroup() as group:
            cancelled = group.create_task(aio.sleep(10))
            sibling = group.create_task(aio.sleep(2, "result"))
            await aio.sleep(1)
            cancelled.cancel()
        log(outcome(cancelled), outcome(sibling), stage.now)

    assert stage.run(main) == [("cancelled", "returned 'result'", 2.0)]


def test_cancelling_the_parent_cancels_the_children_and_then_the_parent(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def child(name: str, cleanup: float) -> None:
        try:
            await aio.sleep(10)
        finally:
            await aio.sleep(cleanup)
            log(name, "is cleaned up", stage.now)

    async def parent() -> None:
        async with aio.TaskGroup() as group:
            group.create_task(child("slow", cleanup=2))
            group.create_task(child("quick", cleanup=1))

    async def main() -> None:
        task = aio.create_task(parent())
        await aio.sleep(1)
        task.cancel("from outside")
        log(await attempt_await(task), task.cancelling())

    assert stage.run(main) == [
        ("quick", "is cleaned up", 2.0),
        ("slow", "is cleaned up", 3.0),
        ("raised CancelledError: from outside", 1),
    ]


def test_exceptions_of_children_take_precedence_over_the_cancellation_of_the_parent(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def child() -> None:
        try:
            await aio.sleep(10)
        finally:
            raise ValueError("in the clean-up")

    async def parent() -> None:
        async with aio.TaskGroup() as group:
            group.create_task(child())

    async def main() -> None:
        task = aio.create_task(parent())
        await aio.sleep(1)
        task.cancel()
        log(await attempt_await(task), task.cancelling())

    assert stage.run(main) == [
        ("raised ExceptionGroup: unhandled errors in a TaskGroup [ValueError: in the clean-up]", 1)
    ]


@older_asyncio_differs("3.13", "the request to cancel is lost")
def test_a_parent_cancelled_while_its_group_fails_is_cancelled_at_its_next_await(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def failing() -> None:
        await aio.sleep(1)
        raise ValueError("broken")

    async def slow_clean_up() -> None:
        try:
            await aio.sleep(10)
        finally:
            await aio.sleep(1)

    async def parent() -> None:
        try:
            async with aio.TaskGroup() as group:
                group.create_task(failing())
                group.create_task(slow_clean_up())
        except* ValueError:
            log("the error is handled", aio.current_task().cancelling())
        log(await attempt_await(aio.sleep(1)))

    async def main() -> None:
        task = aio.create_task(parent())
        await aio.sleep(1.5)
        task.cancel()
        log(await attempt_await(task))

    assert stage.run(main) == [
        ("the error is handled", 1),
        "raised CancelledError",
        "returned None",
    ]


def test_an_inner_group_that_fails_makes_the_outer_group_fail(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def failing() -> None:
        raise ValueError("innermost")

    async def inner() -> None:
        async with aio.TaskGroup() as group:
            group.create_task(failing())
            group.create_task(aio.sleep(10))

    async def main() -> None:
        try:
            async with aio.TaskGroup() as group:
                group.create_task(inner())
                sibling = group.create_task(aio.sleep(10))
        except ExceptionGroup as errors:
            log(describe(errors))
            log(outcome(sibling), stage.now)

    message = "ExceptionGroup: unhandled errors in a TaskGroup"
    assert stage.run(main) == [f"{message} [{message} [ValueError: innermost]]", ("cancelled", 0.0)]


@older_asyncio_differs("3.13", "the outer group takes over the cancellation of the inner one")
def test_nested_groups_that_both_fail_do_not_confuse_their_cancellations(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def failing(name: str) -> None:
        raise ValueError(name)

    async def main() -> None:
        try:
            async with aio.TaskGroup() as outer:
                try:
                    async with aio.TaskGroup() as inner:
                        inner.create_task(failing("inner"))
                        outer.create_task(failing("outer"))
                        await aio.sleep(1)
                except* ValueError as errors:
                    log("inner raised", describe(errors), aio.current_task().cancelling())
                log(await attempt_await(aio.sleep(1)))
        except* ValueError as errors:
            log("outer raised", describe(errors))
        log(aio.current_task().cancelling(), await attempt_await(aio.sleep(1)))

    message = "ExceptionGroup: unhandled errors in a TaskGroup"
    assert stage.run(main) == [
        ("inner raised", f"{message} [ValueError: inner]", 1),
        "raised CancelledError",
        ("outer raised", f"{message} [ValueError: outer]"),
        (0, "returned None"),
    ]


def test_tasks_of_a_group_may_create_tasks_in_it_while_it_closes(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        async def countdown(number: int) -> None:
            log(number, stage.now)
            await aio.sleep(1)
            if number:
                group.create_task(countdown(number - 1))

        async with aio.TaskGroup() as group:
            group.create_task(countdown(2))
        log("over", stage.now)

    assert stage.run(main) == [(2, 0.0), (1, 1.0), (0, 2.0), ("over", 3.0)]


def test_create_task_of_a_group_accepts_a_name_and_a_context(stage: Stage) -> None:
    import contextvars

    aio, log = stage.aio, stage.log
    variable = contextvars.ContextVar("variable", default="unset")

    async def work() -> None:
        log(aio.current_task().get_name(), variable.get())
        variable.set("set by the child")

    async def main() -> None:
        context = contextvars.copy_context()
        context.run(variable.set, "given")
        async with aio.TaskGroup() as group:
            group.create_task(work(), name="child", context=context)
        log(variable.get(), context[variable])

    assert stage.run(main) == [("child", "given"), ("unset", "set by the child")]


def test_create_task_raises_before_entering_and_after_leaving_the_group(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    def refusal(group: Any) -> str:
        coroutine = aio.sleep(1)
        message = attempt(group.create_task, coroutine)
        coroutine.close()  # from 3.13 on create_task() does this itself
        return message.partition(" <")[0] + message.rpartition(">")[2]

    async def main() -> None:
        group = aio.TaskGroup()
        log(refusal(group))
        async with group:
            log((await attempt_await(group.__aenter__())).rpartition(">")[2])
        log(refusal(group))

        async def late() -> None:
            try:
                await aio.sleep(10)
            finally:
                log(refusal(failing))

        try:
            async with aio.TaskGroup() as failing:
                failing.create_task(late())
                await aio.sleep(1)
                raise ValueError("in the body")
        except* ValueError:
            log("over")

    assert stage.run(main) == [
        "raised RuntimeError: TaskGroup has not been entered",
        " has already been entered",
        "raised RuntimeError: TaskGroup is finished",
        "raised RuntimeError: TaskGroup is shutting down",
        "over",
    ]


@older_asyncio_differs("3.13", "the coroutine stays open and warns")
def test_create_task_closes_the_coroutine_if_it_raises(stage: Stage) -> None:
    import inspect

    async def main() -> None:
        coroutine = stage.aio.sleep(1)
        message = attempt(stage.aio.TaskGroup().create_task, coroutine)
        stage.log(message.startswith("raised RuntimeError"), inspect.getcoroutinestate(coroutine))
        coroutine.close()

    assert stage.run(main) == [(True, "CORO_CLOSED")]


@pytest.mark.parametrize("final", [KeyboardInterrupt, SystemExit])
def test_keyboard_interrupt_and_system_exit_are_not_wrapped(
    stage: Stage, final: type[BaseException]
) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        try:
            async with aio.TaskGroup() as group:
                sibling = group.create_task(aio.sleep(10))
                await aio.sleep(1)
                raise final("in the body")
        except final as error:
            log(str(error), outcome(sibling))

    assert stage.run(main) == [("in the body", "cancelled")]


def test_of_several_system_exits_the_group_raises_the_first(stage: Stage) -> None:
    aio, log, loop = stage.aio, stage.log, stage.new_loop()

    async def leave(status: int) -> None:
        raise SystemExit(status)

    async def main() -> None:
        async with aio.TaskGroup() as group:
            group.create_task(leave(1))
            group.create_task(leave(2))

    task = loop.create_task(main())
    for _ in range(3):
        with pytest.raises(SystemExit) as caught:
            loop.run_forever()
        log(caught.value.code)
    log(task.exception() is caught.value)

    assert log == [1, 2, 1, True]


def test_a_timeout_cancels_the_whole_group(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        try:
            async with aio.timeout(1):
                async with aio.TaskGroup() as group:
                    tasks = [group.create_task(aio.sleep(delay)) for delay in (10, 20)]
        except TimeoutError as error:
            log(chain(error), [outcome(task) for task in tasks], stage.now)

    assert stage.run(main) == [
        (["TimeoutError", "from CancelledError"], ["cancelled", "cancelled"], 1.0)
    ]


@older_asyncio_differs("3.13", "an exception group hides that the timeout expired")
def test_if_a_group_fails_while_its_timeout_expires_the_error_has_both_in_its_chain(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def child() -> None:
        try:
            await aio.sleep(10)
        finally:
            raise ValueError("in the clean-up")

    async def main() -> None:
        try:
            async with aio.timeout(1) as limit:
                async with aio.TaskGroup() as group:
                    group.create_task(child())
        except ExceptionGroup as errors:
            log(describe(errors), limit.expired())
            log(chain(errors.exceptions[0]))
        log(aio.current_task().cancelling())

    assert stage.run(main) == [
        ("ExceptionGroup: unhandled errors in a TaskGroup [ValueError: in the clean-up]", True),
        ["ValueError: in the clean-up", "during TimeoutError", "from CancelledError"],
        0,
    ]


def test_a_task_that_raises_can_end_a_group_early(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class EndOfGroup(Exception):
        pass

    async def end() -> None:
        raise EndOfGroup

    async def main() -> None:
        try:
            async with aio.TaskGroup() as group:
                tasks = [group.create_task(aio.sleep(delay)) for delay in (1, 5)]
                await aio.sleep(2)
                group.create_task(end())
        except* EndOfGroup:
            log([outcome(task) for task in tasks], stage.now)

    assert stage.run(main) == [(["returned None", "cancelled"], 2.0)]


def test_a_task_cancelled_before_its_first_step_counts_as_cancelled(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> None:
        log("this is never recorded")

    async def main() -> None:
        try:
            async with aio.TaskGroup() as group:
                task = group.create_task(work())
                raise ValueError("immediately")
        except* ValueError:
            log(outcome(task))

    assert stage.run(main) == ["cancelled"]


def test_a_group_cancelled_while_an_error_is_handled_keeps_that_error_as_context(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def clean_up() -> None:
        try:
            raise ValueError("broken")
        finally:
            async with aio.TaskGroup() as group:
                group.create_task(aio.sleep(10))

    async def main() -> None:
        task = aio.create_task(clean_up())
        await aio.sleep(1)
        task.cancel("enough")
        try:
            await task
        except aio.CancelledError as error:
            log(chain(error))

    assert stage.run(main) == [["CancelledError: enough", "during ValueError: broken"]]


# TaskGroup.cancel()

since_3_15 = older_asyncio_differs("3.15", "groups have no cancel()")


@since_3_15
def test_cancel_ends_the_block_and_the_tasks_without_an_exception(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        async with aio.TaskGroup() as group:
            task = group.create_task(aio.sleep(10))
            await aio.sleep(1)
            group.cancel()
            log(attempt(group.create_task, aio.sleep(0)))
            try:
                await aio.sleep(10)
            except aio.CancelledError as error:
                log("block", describe(error))
                raise
        log(outcome(task), aio.current_task().cancelling(), stage.now)
        group.cancel()  # has no effect any more
        await aio.sleep(0)

    assert stage.run(main) == [
        "raised RuntimeError: TaskGroup <TaskGroup tasks=1 cancelling> is shutting down",
        ("block", "CancelledError"),
        ("cancelled", 0, 1.0),
    ]


@since_3_15
def test_cancel_before_the_group_is_entered_cancels_it_on_entry(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        group = aio.TaskGroup()
        group.cancel()
        async with group:
            log("up to the first await")
            await aio.sleep(0)
            log("this is never recorded")
        other = aio.TaskGroup()
        other.cancel()
        async with other:
            log("without any await")
        log(aio.current_task().cancelling())
        await aio.sleep(0)

    assert stage.run(main) == ["up to the first await", "without any await", 0]


@since_3_15
def test_a_child_can_cancel_its_group(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def search(delay: float, group: Any) -> str:
        await aio.sleep(delay)
        log("found", stage.now)
        group.cancel()  # cancels this task as well, although it ends here
        return "found"

    async def main() -> None:
        async with aio.TaskGroup() as group:
            tasks = [group.create_task(search(delay, group)) for delay in (3, 1, 2)]
        log([outcome(task) for task in tasks], stage.now, aio.current_task().cancelling())

    assert stage.run(main) == [("found", 1.0), (["cancelled"] * 3, 1.0, 0)]


@since_3_15
def test_errors_of_a_cancelled_group_are_raised(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def failing_clean_up() -> None:
        try:
            await aio.sleep(10)
        finally:
            raise ValueError("in the clean-up")

    async def cancel_then(error: Exception | None) -> None:
        async with aio.TaskGroup() as group:
            if error is None:
                group.create_task(failing_clean_up())
                await aio.sleep(1)
            group.cancel()
            if error is not None:
                raise error

    async def main() -> None:
        log(await attempt_await(cancel_then(None)))
        log(await attempt_await(cancel_then(KeyError("in the block"))))
        log(aio.current_task().cancelling())

    assert stage.run(main) == [
        "raised ExceptionGroup: unhandled errors in a TaskGroup [ValueError: in the clean-up]",
        "raised ExceptionGroup: unhandled errors in a TaskGroup [KeyError: 'in the block']",
        0,
    ]


@since_3_15
@pytest.mark.parametrize("in_block", [True, False])
def test_a_cancelled_group_lets_a_cancellation_by_other_code_pass(
    stage: Stage, in_block: bool
) -> None:
    # gh-155433: the parent is cancelled twice, by its group and by other code.
    aio, log = stage.aio, stage.log

    async def slow_clean_up() -> None:
        try:
            await aio.sleep(10)
        except aio.CancelledError:
            await aio.sleep(2)
            log("clean", stage.now)

    async def parent() -> None:
        async with aio.TaskGroup() as group:
            group.create_task(slow_clean_up())
            await aio.sleep(1)
            group.cancel()
            if in_block:
                await aio.sleep(10)
        log("this is never recorded")

    async def main() -> None:
        task = aio.create_task(parent())
        await aio.sleep(2)
        task.cancel("by other code")
        log(await attempt_await(task))
        log(task.cancelling())

    # The block's own CancelledError, if it has raised one, comes first.
    raised = "raised CancelledError" + ("" if in_block else ": by other code")
    assert stage.run(main) == [("clean", 3.0), raised, 1]


@since_3_15
def test_a_cancellation_by_other_code_takes_precedence_over_an_error_of_a_cancelled_block(
    stage: Stage,
) -> None:
    # gh-155433: without group.cancel(), the group would raise the error.
    aio, log = stage.aio, stage.log

    async def slow_clean_up() -> None:
        try:
            await aio.sleep(10)
        except aio.CancelledError:
            await aio.sleep(2)

    async def parent() -> None:
        async with aio.TaskGroup() as group:
            group.create_task(slow_clean_up())
            await aio.sleep(1)
            group.cancel()
            raise KeyError("in the block")

    async def main() -> None:
        task = aio.create_task(parent())
        await aio.sleep(2)
        task.cancel("by other code")
        try:
            await task
        except aio.CancelledError as error:
            log(error.args, repr(error.__context__))
        log(task.cancelling())

    assert stage.run(main) == [(("by other code",), "KeyError('in the block')"), 1]


@since_3_15
def test_cancelling_an_outer_group_ends_the_inner_one(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        async with aio.TaskGroup() as outer:
            async with aio.TaskGroup() as inner:
                inner.create_task(aio.sleep(10))
                await aio.sleep(1)
                outer.cancel()
                await aio.sleep(10)
            log("this is never recorded")
        log("after the outer group", stage.now)
        async with aio.TaskGroup() as outer:
            async with aio.TaskGroup() as inner:
                inner.create_task(aio.sleep(10))
                await aio.sleep(1)
                inner.cancel()
                await aio.sleep(10)
            log("between the groups", stage.now)
        log(aio.current_task().cancelling())

    assert stage.run(main) == [("after the outer group", 1.0), ("between the groups", 2.0), 0]


@since_3_15
def test_a_timeout_that_expires_while_a_group_is_being_cancelled_is_not_lost(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def slow_clean_up() -> None:
        try:
            await aio.sleep(10)
        except aio.CancelledError:
            await aio.sleep(5)

    async def main() -> None:
        try:
            async with aio.timeout(3):
                async with aio.TaskGroup() as group:
                    group.create_task(slow_clean_up())
                    await aio.sleep(1)
                    group.cancel()
        except TimeoutError:
            log("timed out", stage.now)

    assert stage.run(main) == [("timed out", 6.0)]


@older_asyncio_differs("3.15", "raises BaseExceptionGroup")
def test_an_asynchronous_generator_can_be_closed_inside_a_group(stage: Stage) -> None:
    # gh-135736
    aio, log = stage.aio, stage.log

    async def failing_clean_up() -> None:
        try:
            await aio.sleep(10)
        finally:
            raise ValueError("in the clean-up")

    async def items(work: Any) -> Any:
        async with aio.TaskGroup() as group:
            group.create_task(work)
            await aio.sleep(1)
            yield 1

    async def first_of(generator: Any) -> None:
        await anext(generator)
        await generator.aclose()

    async def main() -> None:
        log(await attempt_await(first_of(items(aio.sleep(10)))))
        try:
            await first_of(items(failing_clean_up()))
        except BaseExceptionGroup as group:
            log(describe(group))

    assert stage.run(main) == [
        "returned None",
        (
            "BaseExceptionGroup: unhandled errors in a TaskGroup "
            "[ValueError: in the clean-up, GeneratorExit]"
        ),
    ]
