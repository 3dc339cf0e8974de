"""`python -m comparisons knockout`: what each part of miniloop costs, one after the other.

Read in this order: ladder, task_rungs, wakeup_rungs, timer_rungs, core, programs, sample, parts,
table, chart, cli. Nothing heavy is imported here: every sample imports this file first.
"""

from comparisons.command import carried_out


def main(arguments: list[str]) -> int:
    """The exit status; SystemExit(2) on wrong usage, as argparse does."""
    from comparisons.knockout.options import settings_from

    settings = settings_from(arguments)

    def run() -> int:
        from comparisons.knockout.cli import Run  # it imports rich

        return Run(settings, ["knockout", *arguments]).complete()

    return carried_out("knockout", run)
