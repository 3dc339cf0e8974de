"""The network rows: echo servers and a transfer, measured by `echo` and `tcp`.

Every sample imports this file, so it imports those two modules only when needed.

Echo servers are compared by CPU time per message, because the latency also depends on the clients.
Each row is also measured on "epoll", a bare loop, as the lower bound.
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
"""Message sizes in KiB."""
QUICK_SIZE: Final = 1


def echo_figures(api: str, kibibytes: int, column: str, messages: int) -> Figures:
    if column != FLOOR:
        load(column)  # before anything else imports asyncio
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
            about="{size} messages; CPU time per message",
            size=4_000,
            quick=400,
            in_quick=kibibytes == QUICK_SIZE,
            warmup=0,  # echo.sample has its own warm-up
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
