"""`python -m comparisons fastpaths`: is each fast path of miniloop worth its code?

A fast path is code that does nothing but save time: without it, the program does the same work in a
plainer form. The command measures both forms on a whole workload.

Read the modules in this order: edits, paths, workloads, sample, measure, table, options, cli. Every
sample process imports this file first, so it imports nothing heavy.
"""

from comparisons.command import carried_out


def main(arguments: list[str]) -> int:
    """Run the command and return its exit status; raise SystemExit(2) on invalid usage."""
    from comparisons.fast_paths.options import settings_from

    settings = settings_from(arguments)

    def run() -> int:
        from comparisons.fast_paths.cli import Run  # imports rich, which may be missing

        return Run(settings, ["fastpaths", *arguments]).complete()

    return carried_out("fastpaths", run, needs=("rich",))
