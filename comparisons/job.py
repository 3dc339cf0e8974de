"""The job of one sample: plain data, sent as JSON and by pickle.

Sample processes import this module: every import here would add to the start-up of every model.
"""

from typing import NamedTuple


class Job(NamedTuple):
    workload: str
    model: str
    units: int
    """The number of pages to fetch, or of pieces to compute."""
    workers: int
    """The number of threads or processes; for a loop, the threads of `to_thread`."""
    urls: tuple[str, ...] = ()
    """One for each unit, if the workload fetches pages."""
    rounds: int = 0
    """The size of a computing unit: calibrated once, the same for every model."""
    native: str = "hashlib"
    """The library that `cpu-native` uses: "numpy" or "hashlib"."""
    folder: str = ""
    """Where `mixed` writes its files."""
    page_seconds: float = 10.0
    """The timeout of a page, in seconds."""
