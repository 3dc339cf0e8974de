"""usage: python [OPTION …] -m miniloop
           a prompt that understands await; `import asyncio` imports miniloop there
       python [OPTION …] -m miniloop run [--report] SCRIPT [ARGUMENT …]
       python [OPTION …] -m miniloop run [--report] -m MODULE [ARGUMENT …]
       python [OPTION …] -m miniloop run [--report] -c CODE [ARGUMENT …]
           run a program; its `import asyncio`, and that of its child processes, imports miniloop

OPTION is an option of Python, such as -X dev. With --report, each process that imports asyncio says
on stderr at its end from where it has loaded it.
"""

# Purpose: read the command line. The text above is the help; the folder trace does the rest.
# Invariants: a mistake in the command line ends with a message and exit status 2. Mistakes of the
# program itself are reported by Python, as if the program had been started without this command.
# The prompt is a program like any other: it is `python -m asyncio`, with this package as asyncio.
# This file does not depend on how programs are run.

import os
import sys

from .trace import programs, repl


def main(arguments: list[str]) -> None:
    """Do what `arguments` say; exit with status 2 if they are wrong."""
    if arguments[:2] == ["run", "--report"]:
        os.environ["MINILOOP_REPORT"] = "1"
        del arguments[1]
    match arguments:
        case ["run", first, *rest] if first[:1] != "-" or (rest and first in ("-m", "-c")):
            programs.run([first, *rest])
        case [] if __package__ != "asyncio":
            programs.run(["-m", "asyncio"])
        case []:
            repl.main()
        case ["-h" | "--help"] | ["run", "-h" | "--help"]:
            print(__doc__, end="")
        case _:
            print(f"miniloop: wrong arguments: {arguments}\n{__doc__}", end="", file=sys.stderr)
            sys.exit(2)


if __name__ == "__main__":
    main(sys.argv[1:])
