"""Three computations alternate; gather returns their results in the order of its arguments.

Prints:
    2! starts with 1
    3! starts with 1
    4! starts with 1
    2! times 2
    3! times 2
    4! times 2
    2! is 2
    3! times 3
    4! times 3
    3! is 6
    4! times 4
    4! is 24
    [2, 6, 24]
    [2, 'ValueError: -1 has none', 6]
"""

import asyncio


async def product_up_to(number: int, say: bool) -> int:
    if number < 0:
        raise ValueError(f"{number} has none")
    result = 1
    if say:
        print(f"{number}! starts with 1")
    for factor in range(2, number + 1):
        await asyncio.sleep(0)
        result *= factor
        if say:
            print(f"{number}! times {factor}")
    await asyncio.sleep(0)
    if say:
        print(f"{number}! is {result}")
    return result


async def main() -> None:
    print(await asyncio.gather(*(product_up_to(number, True) for number in (2, 3, 4))))
    mixed = await asyncio.gather(
        *(product_up_to(number, False) for number in (2, -1, 3)), return_exceptions=True
    )
    print([f"ValueError: {one}" if isinstance(one, ValueError) else one for one in mixed])


if __name__ == "__main__":
    asyncio.run(main())
