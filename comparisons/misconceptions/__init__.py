"""`python -m comparisons misconceptions`: what people most often get wrong about asyncio.

Each point is a script here, m01 to the last, which can be read and run by itself. The command runs
it on asyncio and on miniloop. Read in this order: lesson, play, options, show, quiz, cli.
"""

from comparisons.command import carried_out


def main(arguments: list[str]) -> int:
    """The exit status; SystemExit(2) on wrong usage, as argparse does."""
    from comparisons.misconceptions.options import settings_from

    settings = settings_from(arguments)

    def run() -> int:
        from comparisons.misconceptions.cli import teach  # it imports rich

        return teach(settings)

    return carried_out("misconceptions", run, needs=("rich",))
