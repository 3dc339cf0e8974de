"""The loop that aiostream's tests derive from BaseEventLoop: its clock jumps to the next timer."""

from __future__ import annotations

import asyncio
from typing import Any

from aiostream.test_utils import TimeTrackingTestLoop


async def nap(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return seconds


async def main() -> list[float]:
    return list(await asyncio.gather(nap(100), nap(20), asyncio.wait_for(nap(3), 50)))


if __name__ == "__main__":
    loop: Any = TimeTrackingTestLoop()
    print(loop.run_until_complete(main()))
    print("the clock jumped by", *loop.steps)
    loop.close()
