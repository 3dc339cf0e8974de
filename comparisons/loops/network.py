"""Echo servers and a transfer: what `echo` and `tcp` measure, as rows.

Neither is imported before it is needed: every sample imports this file, and they import much.

An echo server is compared by its CPU time for a message: how long a message takes depends on the
clients as well. Each row is measured on "epoll" too, the bare loop that is the floor.
"""

from functools import partial
from itertools import product
from typing import Final

from comparisons.loops.columns import FLOOR, load
from comparisons.loops.workload import WALL, Figures, Measured

ECHO: Final = "echo"
CPU_PER_MESSAGE: Final = "cpu_per_message"
APIS: Final = ("protocol", "streams", "sock")
WRITES: Final = 100
KIBIBYTE: Final = 1024
SIZES: Final = (1, 10, 100)
"""KiB of a message."""
QUICK_SIZE: Final = 1


def echo_figures(api: str, kibibytes: int, column: str, messages: int) -> Figures:
    if column != FLOOR:
        load(column)  # the way this column is to be loaded, before anything imports asyncio
    from comparisons.loops import echo

    return echo.sample(column, api, kibibytes * KIBIBYTE, messages)._asdict()


def transfer_figures(column: str, writes: int) -> Figures:
    load(column)
    from comparisons.loops import tcp

    return {WALL: tcp.sample(column, writes)}


NETWORK: Final = (
    *(
        Measured(
            name=f"{api} {kibibytes} KiB",
            group=ECHO,
            about="{size} messages; CPU time for each",
            size=4_000,
            quick=400,
            in_quick=kibibytes == QUICK_SIZE,
            warmup=0,  # it warms up by itself
            figure=CPU_PER_MESSAGE,
            also=(FLOOR,),
            sample=partial(echo_figures, api, kibibytes),
        )
        for api, kibibytes in product(APIS, SIZES)
    ),
    Measured(
        name="asyncio_tcp",
        group="transfer",
        about="{size} × 10 MiB through streams",
        size=WRITES,
        quick=5,
        sample=transfer_figures,
    ),
)
