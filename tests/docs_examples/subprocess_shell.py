"""A shell command: its output and its exit status.

Prints:
    to stdout: 'out'
    to stderr: 'err'
    exit status: 3
"""

import asyncio


async def main() -> None:
    process = await asyncio.create_subprocess_shell(
        "echo out; echo err >&2; exit 3",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await process.communicate()
    print(f"to stdout: {stdout.decode().strip()!r}")
    print(f"to stderr: {stderr.decode().strip()!r}")
    print("exit status:", process.returncode)


if __name__ == "__main__":
    asyncio.run(main())
