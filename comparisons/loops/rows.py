"""All workloads in the order of the table, by their keys `group/name`."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final

from comparisons.loops.classics import CLASSICS
from comparisons.loops.micro import MICRO
from comparisons.loops.network import NETWORK
from comparisons.loops.process import PROCESS
from comparisons.loops.tree import TREES
from comparisons.loops.workload import Workload

ROWS: Final[dict[str, Workload]] = {
    workload.key: workload for workload in (*MICRO, *TREES, *CLASSICS, *NETWORK, *PROCESS)
}


def chosen(patterns: Sequence[str]) -> list[Workload]:
    """Return the workloads whose name, group or key matches a pattern."""
    return [
        workload
        for workload in ROWS.values()
        if any(
            fnmatchcase(name, pattern)
            for pattern in patterns
            for name in (workload.name, workload.group, workload.key)
        )
    ]
