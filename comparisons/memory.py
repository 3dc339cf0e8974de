"""The peak memory of this process and its descendants, read at the end of a sample.

A memory page shared by several processes is counted in each of them, so the sum is an upper bound.
Why not `ru_maxrss`: on Linux, a process inherits it from its parent.
"""

import os
from collections.abc import Iterable
from pathlib import Path

LINUX_PROC = Path("/proc")


def peak_memory() -> int:
    """Return the sum of the peaks, in bytes."""
    pid = os.getpid()
    if (LINUX_PROC / str(pid) / "status").exists():
        return sum(_peak_of(member) for member in family(pid))
    return _resident_now()


def memory_now(pids: Iterable[int]) -> int:
    """Return the bytes resident in these processes; shared memory is counted once (on Linux)."""
    if (LINUX_PROC / "self" / "smaps_rollup").exists():
        return sum(map(_share_of, pids))
    import psutil  # slow to import and not needed on Linux

    return sum(int(psutil.Process(pid).memory_info().rss) for pid in pids)


def _share_of(pid: int) -> int:
    try:
        rollup = (LINUX_PROC / str(pid) / "smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0  # the process has exited
    shares = [line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:")]
    return sum(map(int, shares)) * 1024


def family(pid: int) -> list[int]:
    """Return the process and all its living descendants (Linux only)."""
    members = [pid]
    for member in members:  # grows during the iteration
        for listing in (LINUX_PROC / str(member) / "task").glob("*/children"):
            try:
                members += map(int, listing.read_text().split())
            except (FileNotFoundError, ProcessLookupError):
                continue  # the thread has exited since it was listed
    return members


def _peak_of(pid: int) -> int:
    try:
        status = (LINUX_PROC / str(pid) / "status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0  # the process has exited
    peaks = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return sum(map(int, peaks)) * 1024


def _resident_now() -> int:
    """Without /proc, the memory resident at the end is used instead of the peak."""
    import psutil  # slow to import and not needed on Linux

    own = psutil.Process()
    members = (own, *own.children(recursive=True))
    return sum(int(member.memory_info().rss) for member in members)
