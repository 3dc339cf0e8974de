"""Many open connections to one server, measured from the client.

This process is the client of `serve`, which runs in another process, and reads that process's
memory and CPU time. It opens the connections one after the other, sends a line on each, waits for
the response, and leaves all of them open. Then it sends requests on randomly chosen connections,
one at a time.
"""

import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

from comparisons.memory import LINUX_PROC, family, memory_now
from comparisons.scale.figures import Figures, Refused, spread_of
from comparisons.scale.serve import allow_many_files

REQUESTS: Final = 2000
LINE: Final = b"are you there?\n"
SECONDS: Final = 30.0
"""The timeout of a response."""


def measure_connections(model: str, many: int) -> Figures:
    """Open `many` connections to a server of this model and measure it."""
    allow_many_files()
    command = (sys.executable, "-m", "comparisons.scale.serve", model)
    # The server stays in this process group, so that killing the group also kills the server.
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port = server.stdout.readline().strip()
            if not port:
                raise RuntimeError(f"the server exited with status {server.wait()}")
            members = partial(family, server.pid) if model == "processes" else lambda: [server.pid]
            return _figures(members, int(port), many)
        finally:
            for member in family(server.pid)[1:]:
                os.kill(member, 9)
            server.kill()


def _figures(members: Callable[[], list[int]], port: int, many: int) -> Figures:
    """Measure the server; `members` returns the current pids of its processes."""
    with ExitStack() as stack:
        memory_before, cpu_before = memory_now(members()), cpu_of(members())
        connections = [_connect(port, number, stack) for number in range(many)]
        memory, opened = memory_now(members()), cpu_of(members())
        generator = random.Random(many)
        times = [_request(generator.choice(connections)) for _ in range(REQUESTS)]
        cpu_each = (opened - cpu_before) / many
        memory_each = (memory - memory_before) / many
        return Figures(cpu_of(members()), cpu_each, memory, memory_each, *spread_of(times))


def _connect(port: int, number: int, stack: ExitStack) -> socket.socket:
    try:
        connection = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
        stack.enter_context(connection)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _request(connection)
    except OSError as error:
        raise Refused(f"cannot open connection {number + 1:,}: {error}") from error
    return connection


def _request(connection: socket.socket) -> float:
    """Send a line and wait for the response; return the seconds that it took."""
    begun = time.perf_counter()
    connection.sendall(LINE)
    response = connection.recv(4096)
    if response != LINE:
        raise ConnectionError(f"wrong response: {response!r}")
    return time.perf_counter() - begun


def cpu_of(pids: list[int]) -> float:
    """Return the CPU time of these processes in seconds; the resolution is usually 10 ms."""
    if not LINUX_PROC.joinpath("self").exists():
        import psutil

        spent = [psutil.Process(pid).cpu_times() for pid in pids]
        return float(sum(each.user + each.system for each in spent))
    return sum(map(_ticks_of, pids)) / os.sysconf("SC_CLK_TCK")


def _ticks_of(pid: int) -> int:
    try:
        status = Path(LINUX_PROC, str(pid), "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0  # the process has exited
    after_the_name = status.rpartition(")")[2].split()
    return int(after_the_name[11]) + int(after_the_name[12])
