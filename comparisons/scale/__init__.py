"""`python -m comparisons scale`: many sleepers and many connections, until it hurts.

Read in this order: sleepers, serve, connections, sample, plan, growth, table, chart, cli. Nothing
heavy is imported here: every sample imports this file first, and its start is part of the figures.
"""


def main(arguments: list[str]) -> int:
    """The exit status; SystemExit(2) on wrong usage, as argparse does."""
    from comparisons.command import carried_out
    from comparisons.scale.options import settings_from

    settings = settings_from(arguments)

    def run() -> int:
        from comparisons.scale.cli import Run  # it imports rich

        return Run(settings, ["scale", *arguments]).complete()

    return carried_out("scale", run)
