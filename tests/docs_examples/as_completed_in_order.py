"""as_completed yields results in the order of completion, and stops at a timeout.

Prints:
    first from near
    then from further
    last from far
    near is in time
    far is not
"""

import asyncio


async def ping(place: str, delay: float) -> str:
    await asyncio.sleep(delay)
    return place


async def main() -> None:
    places = [ping("far", 0.2), ping("near", 0.01), ping("further", 0.1)]
    words = iter(("first", "then", "last"))
    for next_answer in asyncio.as_completed(places):
        place = await next_answer
        print(next(words), "from", place)

    far = asyncio.create_task(ping("far", 3600))
    try:
        for next_answer in asyncio.as_completed([far, ping("near", 0)], timeout=0.1):
            print(await next_answer, "is in time")
    except TimeoutError:
        print("far is not")
    far.cancel()


if __name__ == "__main__":
    asyncio.run(main())
