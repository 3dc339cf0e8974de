"""Many open connections to one server, seen from the other end.

This process is the client of `serve`, which runs in another, and looks at that one's memory and CPU
time from outside. It opens the connections one by one, each with a first line there and back, and
leaves all of them open; then it asks some of them, one at a time, in no order.
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

QUESTIONS: Final = 2000
LINE: Final = b"are you there?\n"
SECONDS: Final = 30.0
"""How long one answer may take."""


def connected(model: str, many: int) -> Figures:
    allow_many_files()
    command = (sys.executable, "-m", "comparisons.scale.serve", model)
    # Not in a session of its own: who kills this process's group kills the server, too.
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port = server.stdout.readline().strip()
            if not port:
                raise RuntimeError(f"the server ended with status {server.wait()}")
            members = partial(family, server.pid) if model == "processes" else lambda: [server.pid]
            return _figures(members, int(port), many)
        finally:
            for member in family(server.pid)[1:]:
                os.kill(member, 9)
            server.kill()


def _figures(members: Callable[[], list[int]], port: int, many: int) -> Figures:
    """`members`: the processes that serve, at the moment."""
    with ExitStack() as stack:
        memory_before, cpu_before = memory_now(members()), cpu_of(members())
        lines = [_open_line(port, number, stack) for number in range(many)]
        memory, opened = memory_now(members()), cpu_of(members())
        chance = random.Random(many)
        took = [_asked(chance.choice(lines)) for _ in range(QUESTIONS)]
        cpu_each = (opened - cpu_before) / many
        memory_each = (memory - memory_before) / many
        return Figures(cpu_of(members()), cpu_each, memory, memory_each, *spread_of(took))


def _open_line(port: int, number: int, stack: ExitStack) -> socket.socket:
    try:
        line = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
        stack.enter_context(line)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _asked(line)
    except OSError as error:
        raise Refused(f"no connection {number + 1:,}: {error}") from error
    return line


def _asked(line: socket.socket) -> float:
    """Seconds until the answer was there."""
    begun = time.perf_counter()
    line.sendall(LINE)
    answer = line.recv(4096)
    if answer != LINE:
        raise ConnectionError(f"{answer!r} was answered")
    return time.perf_counter() - begun


def cpu_of(pids: list[int]) -> float:
    """Seconds of CPU time of these processes, in ticks of mostly 10 ms."""
    if not LINUX_PROC.joinpath("self").exists():
        import psutil

        spent = [psutil.Process(pid).cpu_times() for pid in pids]
        return float(sum(each.user + each.system for each in spent))
    return sum(map(_ticks_of, pids)) / os.sysconf("SC_CLK_TCK")


def _ticks_of(pid: int) -> int:
    try:
        status = Path(LINUX_PROC, str(pid), "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it ended meanwhile
    after_the_name = status.rpartition(")")[2].split()
    return int(after_the_name[11]) + int(after_the_name[12])
