"""A barrier opens when all tasks have arrived, and gives each its position.

Prints:
    a arrives
    b arrives
    c arrives
    all released, positions [0, 1, 2]
    waiting again: 0
    one of them cleans up
    broken: BrokenBarrierError
"""

import asyncio


async def pass_gate(name: str, gate: asyncio.Barrier) -> int:
    print(name, "arrives")
    return await gate.wait()


async def main() -> None:
    gate = asyncio.Barrier(3)
    places = await asyncio.gather(*(pass_gate(name, gate) for name in "abc"))
    print("all released, positions", sorted(places))
    print("waiting again:", gate.n_waiting)
    if 0 in places:
        print("one of them cleans up")
    late = asyncio.create_task(gate.wait())
    await asyncio.sleep(0)
    await gate.abort()
    try:
        await late
    except asyncio.BrokenBarrierError as error:
        print("broken:", type(error).__name__)


if __name__ == "__main__":
    asyncio.run(main())
