"""`python -m comparisons scale`: many sleepers and many open connections.

Read the modules in this order: figures, sleepers, serve, connections, sample, plan, growth,
experiment, table, chart, options, cli.

Every sample process imports this file first, and its start-up is part of the figures, so it
imports nothing heavy.
"""


def main(arguments: list[str]) -> int:
    """Run the command and return its exit status; raise SystemExit(2) on invalid usage."""
    from comparisons.command import carried_out
    from comparisons.scale.options import settings_from

    settings = settings_from(arguments)

    def run() -> int:
        from comparisons.scale.cli import Run  # imports rich, which may be missing

        return Run(settings, ["scale", *arguments]).complete()

    return carried_out("scale", run)
