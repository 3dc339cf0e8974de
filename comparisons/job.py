"""What one sample is asked to do: plain data that travels as JSON and by pickle.

Sample processes import this module, so it stays light: every import here is a cost in the start-up
of every model.
"""

from typing import NamedTuple


class Job(NamedTuple):
    workload: str
    model: str
    units: int
    """How many pages are fetched, or pieces computed."""
    workers: int
    """Threads or processes; for a loop, the threads behind `to_thread`."""
    urls: tuple[str, ...] = ()
    """One for each unit, where the workload fetches pages."""
    rounds: int = 0
    """How much one computing unit computes: found once, the same for every model."""
    native: str = "hashlib"
    """What `cpu-native` computes with: "numpy" or "hashlib"."""
    folder: str = ""
    """Where `mixed` writes its files."""
    page_seconds: float = 10.0
    """How long a page may take before it counts as lost."""
