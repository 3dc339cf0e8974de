"""A bar on standard error while samples are taken."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


def progress() -> Progress:
    """Tasks need a field `model`: what is being measured at the moment."""
    return Progress(
        TextColumn("{task.description:10}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[model]}"),
        console=Console(stderr=True),
        refresh_per_second=4,  # drawing takes CPU time that the samples should have
    )
