"""aiostream: operators over asynchronous iterators."""

from __future__ import annotations

import asyncio

from aiostream import pipe, stream


def square(number: int, *_: int) -> int:
    return number * number


def is_even(number: int) -> bool:
    return number % 2 == 0


async def main() -> None:
    squares = stream.count(interval=0) | pipe.map(square) | pipe.filter(is_even) | pipe.take(5)
    print(await stream.list(squares))


if __name__ == "__main__":
    asyncio.run(main())
