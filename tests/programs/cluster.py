"""distributed computes in two worker processes, and an actor keeps its state in one of them."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import distributed


def square(number: int) -> int:
    return number * number


async def file_of_loop() -> str | None:
    """Return the file that defines the running event loop."""
    return sys.modules[type(asyncio.get_running_loop()).__module__].__file__


class Counter:
    count = 0

    def increment(self) -> int:
        self.count += 1
        return self.count


def main() -> None:
    library: Any = distributed  # most of it has no annotations
    cluster = library.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address="127.0.0.1:0",  # any free port: another cluster may use the default one
    )
    with cluster, library.Client(cluster) as client:
        print("squares:", *client.gather(client.map(square, range(10))))
        counter = client.submit(Counter, actor=True).result()
        print("counts:", *[counter.increment().result() for _ in range(3)])
        files = [*client.run(file_of_loop).values()]
        here = asyncio.run(file_of_loop())
        print("workers with the same loop as here:", files.count(here))


if __name__ == "__main__":
    main()
