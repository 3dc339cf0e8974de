"""`python -m comparisons misconceptions`: common misconceptions about asyncio.

Each misconception has a script in this folder, `m01_*.py` and so on, that can be read and run by
itself. The command runs it on asyncio and on miniloop.

Read the modules in this order: lesson, execute, options, show, quiz, cli.
"""

from comparisons.command import carried_out


def main(arguments: list[str]) -> int:
    """Run the command and return its exit status; raise SystemExit(2) on wrong usage."""
    from comparisons.misconceptions.options import settings_from

    settings = settings_from(arguments)

    def run() -> int:
        from comparisons.misconceptions.cli import teach  # imports rich, which may be missing

        return teach(settings)

    return carried_out("misconceptions", run, needs=("rich",))
