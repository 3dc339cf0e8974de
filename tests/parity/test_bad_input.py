"""Invalid arguments: the exception types and messages of asyncio."""

from __future__ import annotations

from typing import Any

from tests.parity.harness import Stage, attempt, attempt_await, older_asyncio_differs, outcome


def test_a_task_needs_a_coroutine(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def function() -> None:
        pass

    async def main() -> None:
        loop = aio.get_running_loop()
        log(attempt(aio.create_task, 3))
        log(attempt(aio.create_task, function).partition(" at ")[0])
        log(attempt(loop.create_task, aio.Future()))
        log(attempt(aio.Task, None, loop=loop))

    assert stage.run(main) == [
        "raised TypeError: a coroutine was expected, got 3",
        "raised TypeError: a coroutine was expected, got <function function",
        "raised TypeError: a coroutine was expected, got <Future pending>",
        "raised TypeError: a coroutine was expected, got None",
    ]


def test_create_task_needs_a_running_loop(stage: Stage) -> None:
    coroutine = stage.aio.sleep(1)
    stage.log(attempt(stage.aio.create_task, coroutine))
    coroutine.close()

    assert stage.log == ["raised RuntimeError: no running event loop"]


def test_a_coroutine_can_be_awaited_only_once(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def once() -> str:
        return "result"

    async def main() -> None:
        coroutine = once()
        log(await coroutine)
        log(await attempt_await(coroutine))
        log(await attempt_await(aio.create_task(coroutine)))

    again = "raised RuntimeError: cannot reuse already awaited coroutine"
    assert stage.run(main) == ["result", again, again]


def test_a_running_coroutine_cannot_be_awaited(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        coroutine = aio.sleep(1)
        task = aio.create_task(coroutine)
        await aio.sleep(0)
        log(await attempt_await(coroutine))
        log(outcome(task))
        await task

    assert stage.run(main) == ["raised RuntimeError: coroutine is being awaited already", "pending"]


def test_run_until_complete_rejects_a_future_of_another_loop(stage: Stage) -> None:
    log, loop = stage.log, stage.new_loop()
    foreign = stage.new_loop().create_future()
    log(attempt(loop.run_until_complete, foreign))
    log(attempt(stage.aio.ensure_future, foreign, loop=loop))

    message = "The future belongs to a different loop than the one specified as the loop argument"
    assert log == [f"raised ValueError: {message}"] * 2


def test_run_until_complete_accepts_only_an_awaitable(stage: Stage) -> None:
    log, loop = stage.log, stage.new_loop()
    log(attempt(loop.run_until_complete, 3))
    log(attempt(loop.run_until_complete, None))

    message = "An asyncio.Future, a coroutine or an awaitable is required"
    assert log == [f"raised TypeError: {message}"] * 2


def test_gather_and_shield_accept_only_awaitables(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        log(attempt(aio.gather, 3))
        log(attempt(aio.shield, 3))

    message = "An asyncio.Future, a coroutine or an awaitable is required"
    assert stage.run(main) == [f"raised TypeError: {message}"] * 2


@older_asyncio_differs("3.12", "it has the message of ensure_future")
def test_wait_for_needs_an_awaitable(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        message = await attempt_await(aio.wait_for(3, 1))  # the interpreter's own
        log(message.replace("'int' object", "object int").partition(" can't be")[0])

    assert stage.run(main) == ["raised TypeError: object int"]


def test_set_exception_accepts_only_an_exception(stage: Stage) -> None:
    log, loop = stage.log, stage.new_loop()
    future = loop.create_future()
    log(attempt(future.set_exception, "text").partition(":")[0], outcome(future))

    assert log == [("raised TypeError", "pending")]


def test_these_options_are_keyword_only(stage: Stage) -> None:
    aio, log, loop = stage.aio, stage.log, stage.new_loop()
    future = loop.create_future()
    coroutine = aio.sleep(1)
    calls: list[tuple[Any, ...]] = [
        (aio.Future, loop),
        (aio.Task, coroutine, loop),
        (future.add_done_callback, print, None),
        (loop.create_task, coroutine, "name"),
        (aio.create_task, coroutine, "name"),
        (aio.run, coroutine, True),
        (aio.wait, [future], 1),
    ]
    for function, *arguments in calls:
        log(attempt(function, *arguments).partition(":")[0])
    coroutine.close()

    assert log == ["raised TypeError"] * len(calls)


def test_set_exception_rejects_a_class_that_cannot_be_called_without_arguments(
    stage: Stage,
) -> None:
    log, loop = stage.log, stage.new_loop()
    future = loop.create_future()
    log(attempt(future.set_exception, UnicodeDecodeError).partition(":")[0])
    log(outcome(future))

    assert log == ["raised TypeError", "pending"]


def test_task_group_and_timeout_cannot_be_entered_without_async_with(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        for made in (aio.TaskGroup(), aio.timeout(1)):
            try:
                with made:
                    log("never reached")
            except (TypeError, AttributeError) as error:
                log(type(error).__name__)

    assert stage.run(main) == ["TypeError", "TypeError"]


def test_run_rejects_a_coroutine_that_was_already_awaited(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        log("runs once")

    coroutine: Any = main()
    aio.run(coroutine)
    log(attempt(aio.run, coroutine))

    assert log == ["runs once", "raised RuntimeError: cannot reuse already awaited coroutine"]
