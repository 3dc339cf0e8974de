"""Peak memory of this process and all below it, read at the end of a sample.

A page that several processes share counts in each of them, so the sum is an upper bound.
`ru_maxrss` is the tempting wrong way: on Linux a process inherits it from whoever started it.
"""

import os
from collections.abc import Iterable
from pathlib import Path

LINUX_PROC = Path("/proc")


def peak_memory() -> int:
    """Bytes."""
    pid = os.getpid()
    if (LINUX_PROC / str(pid) / "status").exists():
        return sum(_peak_of(member) for member in family(pid))
    return _resident_now()


def memory_now(pids: Iterable[int]) -> int:
    """Bytes resident in these processes; what several share is counted once (Linux)."""
    if (LINUX_PROC / "self" / "smaps_rollup").exists():
        return sum(map(_share_of, pids))
    import psutil  # slow to import, and not needed on Linux

    return sum(int(psutil.Process(pid).memory_info().rss) for pid in pids)


def _share_of(pid: int) -> int:
    try:
        rollup = (LINUX_PROC / str(pid) / "smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it ended meanwhile
    shares = [line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:")]
    return sum(map(int, shares)) * 1024


def family(pid: int) -> list[int]:
    """The process and every living descendant (Linux)."""
    members = [pid]
    for member in members:  # grows while it is walked
        for listing in (LINUX_PROC / str(member) / "task").glob("*/children"):
            try:
                members += map(int, listing.read_text().split())
            except (FileNotFoundError, ProcessLookupError):
                continue  # that thread ended between the two looks
    return members


def _peak_of(pid: int) -> int:
    try:
        status = (LINUX_PROC / str(pid) / "status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it ended meanwhile
    peaks = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return sum(map(int, peaks)) * 1024


def _resident_now() -> int:
    """Where there is no /proc: what is resident at the end stands for the peak."""
    import psutil  # slow to import, and not needed on Linux

    own = psutil.Process()
    members = (own, *own.children(recursive=True))
    return sum(int(member.memory_info().rss) for member in members)
