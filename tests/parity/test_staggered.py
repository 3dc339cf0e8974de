"""staggered_race: other libraries use it, although asyncio does not document it."""

from __future__ import annotations

import importlib
from typing import Any

from tests.parity.harness import Stage, attempt_await, older_asyncio_differs


@older_asyncio_differs("3.14", "gh-128479: leaves the attempts running")
def test_a_cancelled_race_waits_until_its_attempts_have_ended(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    staggered = importlib.import_module(f"{aio.__name__}.staggered")

    async def attempt() -> None:
        try:
            await aio.sleep(60)
        finally:
            await aio.sleep(2)
            log("cleaned up", stage.now)

    async def main() -> None:
        race = aio.create_task(staggered.staggered_race([attempt, attempt], 1))
        await aio.sleep(3)
        race.cancel("enough")
        log(await attempt_await(race), stage.now, len(aio.all_tasks()))

    assert stage.run(main) == [
        ("cleaned up", 5.0),
        ("cleaned up", 5.0),
        ("raised CancelledError: enough", 5.0, 1),
    ]


def test_the_winner_cancels_an_attempt_that_is_about_to_succeed(stage: Stage) -> None:
    aio = stage.aio
    staggered = importlib.import_module(f"{aio.__name__}.staggered")

    async def main() -> None:
        event = aio.Event()

        async def wait() -> str:
            await event.wait()
            return "result"

        aio.get_running_loop().call_later(3, event.set)
        result, index, errors = await staggered.staggered_race([wait, wait], 1)
        stage.log(result, index, [type(error).__name__ for error in errors])

    assert stage.run(main) == [("result", 0, ["NoneType", "CancelledError"])]


@older_asyncio_differs("3.14", "gh-124309: raises AssertionError", first="3.12")
def test_a_race_accepts_eager_tasks(stage: Stage) -> None:
    aio = stage.aio
    staggered = importlib.import_module(f"{aio.__name__}.staggered")

    async def fails() -> None:
        raise ValueError("at once")

    async def wins() -> Any:
        return "result"

    async def main() -> None:
        aio.get_running_loop().set_task_factory(getattr(aio, "eager_task_factory", None))
        stage.log(await attempt_await(staggered.staggered_race([fails, wins], 1)))

    assert stage.run(main) == ["returned ('result', 1, [ValueError('at once'), None])"]
