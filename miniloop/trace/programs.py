"""Run programs that were written for asyncio, unchanged.

Purpose: let `import asyncio` find this package. `run` does so for a program that it starts, and
`install` for the program that calls it. The folder `stand_in` contains a package `asyncio`, which
turns itself into this one when it is imported. On PYTHONPATH it precedes the standard library.
Invariants: PYTHONPATH is what carries this into child processes, however they are started. Nothing
is patched. A process is not reached if its environment lacks PYTHONPATH, or if it ignores it
(`python -I`, `python -E`).
This file does not depend on what a program does.
"""

from __future__ import annotations

import atexit
import os
import sys

_TRACE = os.path.dirname(os.path.abspath(__file__))
_PACKAGE = os.path.dirname(_TRACE)
_STAND_IN = os.path.join(_TRACE, "stand_in")


def install() -> None:
    """Let `import asyncio` find this package, here and in the child processes of this process.

    Call it before anything imports asyncio, and before a loop runs. After it, this package and
    asyncio are the same modules. A name that was imported from this package earlier (`from miniloop
    import run`) is not, so call it first. A second call does nothing. Raises RuntimeError if the
    real asyncio was imported.
    """
    from pkgutil import resolve_name

    if (found := sys.modules.get("asyncio")) is None:
        _extend_pythonpath()
        # As in a process that starts with this PYTHONPATH: behind the folder of the program.
        sys.path.insert(not sys.flags.safe_path, _STAND_IN)
        # Import it now. If something did so later, while a loop of this copy runs, that loop would
        # be unknown to the other copy.
        resolve_name("asyncio")
    elif getattr(found, "__path__", None) != [_PACKAGE]:
        raise RuntimeError(f"install() comes too late: there is already {found!r}")


def run(program: list[str]) -> None:
    """Replace this process by `python PROGRAM` with this package as asyncio.

    `program` is what follows `python` on a command line: `["script.py", "argument"]`. The options
    of this interpreter, such as `-X dev`, are passed on. Exits with a message if they include one
    that makes Python ignore PYTHONPATH.

    Why not `runpy` in this process: tracebacks would show its frames, `__main__` would be another
    module at the end, and the real asyncio may have been imported before.
    """
    if sys.flags.ignore_environment:
        print("miniloop: cannot do this with -E or -I: it needs PYTHONPATH", file=sys.stderr)
        sys.exit(2)
    _extend_pythonpath()
    os.execv(sys.executable, [sys.executable, *_options(), *program])


def report() -> None:
    """Print on stderr from where this process has loaded asyncio.

    It is called at the end of each process that has imported asyncio from here, if the environment
    variable MINILOOP_REPORT is not empty.
    """
    places: dict[str, list[str]] = {}
    for name, module in sorted(sys.modules.items()):
        if name.partition(".")[0] in ("asyncio", "_asyncio") and module is not None:
            origin = getattr(module.__spec__, "origin", None) or "places.py"
            places.setdefault(os.path.dirname(origin) or origin, []).append(name)
    lines = [f"  from {place}: {', '.join(names)}\n" for place, names in places.items()]
    # One call, so that the reports of several processes are not mixed.
    sys.stderr.write("".join([f"miniloop: process {os.getpid()} has imported\n", *lines]))


def _extend_pythonpath() -> None:
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [_STAND_IN, os.getenv("PYTHONPATH")]))


def _options() -> list[str]:
    """Return the OPTIONS of `python OPTIONS -m miniloop ARGUMENTS`, which `sys.argv` lacks."""
    *options, last = sys.orig_argv[1 : len(sys.orig_argv) - len(sys.argv) + 1]
    if not last.startswith("-"):  # `-m miniloop` is two arguments; `-mminiloop` is one
        last = options.pop()
    flags = last.partition("m")[0]  # "-u" of `-um miniloop`
    return options if flags == "-" else [*options, flags]


if __package__ == "asyncio.trace" and os.environ.get("MINILOOP_REPORT"):
    atexit.register(report)
