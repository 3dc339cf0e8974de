"""The progress bar on standard error while samples are taken."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


def progress() -> Progress:
    """Create a progress bar; its tasks need a field `model`, the name of what is measured now."""
    return Progress(
        TextColumn("{task.description:10}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[model]}"),
        console=Console(stderr=True),
        refresh_per_second=4,  # drawing takes CPU time away from the samples
    )
