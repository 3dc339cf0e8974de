"""Talk to a program line by line while other tasks continue; and kill another one.

Prints:
    sorting: 5 8 13
    exit status: 0
    killed: -9
"""

import asyncio

PIPE = asyncio.subprocess.PIPE


async def sort(*numbers: int) -> None:
    process = await asyncio.create_subprocess_exec("sort", "-n", stdin=PIPE, stdout=PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    for number in numbers:
        process.stdin.write(f"{number}\n".encode())
    await process.stdin.drain()
    process.stdin.close()
    print("sorting:", *[line.decode().strip() async for line in process.stdout])
    print("exit status:", await process.wait())


async def kill() -> None:
    process = await asyncio.create_subprocess_exec("sleep", "1000")
    try:
        await asyncio.wait_for(process.wait(), 0.01)
    except TimeoutError:
        process.kill()
    print("killed:", await process.wait())


async def main() -> None:
    await sort(13, 5, 8)
    await kill()


if __name__ == "__main__":
    asyncio.run(main())
