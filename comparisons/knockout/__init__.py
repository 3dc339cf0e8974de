"""`python -m comparisons knockout`: the cost of each part of miniloop.

The parts are removed one at a time; each step of this "ladder" is called a rung.

Read the modules in this order: core, task_rungs, wakeup_rungs, timer_rungs, ladder, programs,
sample, parts, table, chart, options, cli. Every sample process imports this file first, so it
imports nothing heavy.
"""

from comparisons.command import carried_out


def main(arguments: list[str]) -> int:
    """Run the command and return its exit status; raise SystemExit(2) on invalid usage."""
    from comparisons.knockout.options import settings_from

    settings = settings_from(arguments)

    def run() -> int:
        from comparisons.knockout.cli import Run  # imports rich, which may be missing

        return Run(settings, ["knockout", *arguments]).complete()

    return carried_out("knockout", run)
