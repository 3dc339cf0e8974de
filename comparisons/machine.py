"""What the figures were measured on: a report is worth nothing without it."""

import os
import platform
import shlex
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from comparisons.models import START_METHOD
from comparisons.plan import Plan, cores

LIBRARIES = ("uvloop", "numpy", "rich", "matplotlib")


def describe(plan: Plan, arguments: Sequence[str]) -> dict[str, str]:
    """The header of a report: what, and what it is here."""
    return {
        **environment(),
        "process start": START_METHOD,
        "libraries": libraries(LIBRARIES),
        "samples": f"{plan.samples} of each model, interleaved",
        "pages": _pages(plan),
        **occasion(arguments),
    }


def environment() -> dict[str, str]:
    """The machine and the interpreter, as they are before a run."""
    build = " ".join(platform.python_build())
    return {
        "machine": f"{_processor()}, {platform.system()} {platform.release()}",
        "cores": f"{cores()} usable of {os.cpu_count()}",
        "load": f"{os.getloadavg()[0]:.1f} before the run (others' work widens intervals)",
        "Python": f"{platform.python_implementation()} {platform.python_version()} ({build})",
        "GIL": _gil(),
    }


def libraries(names: Sequence[str]) -> str:
    """miniloop and these, with their versions."""
    return ", ".join((f"miniloop {_miniloop_version()}", *map(_with_version, names)))


def occasion(arguments: Sequence[str]) -> dict[str, str]:
    """When, and by which command; `arguments` are those after `python -m comparisons`."""
    return {
        "started": datetime.now().astimezone().isoformat(sep=" ", timespec="seconds"),
        "command line": shlex.join(("python", "-m", "comparisons", *arguments)),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _gil() -> str:
    if not sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "on"
    asked: Callable[[], bool] = vars(sys)["_is_gil_enabled"]  # such builds have it
    return "on (in a free-threaded build)" if asked() else "off"


def _miniloop_version() -> str:
    found = _version("miniloop")
    return found or "from this checkout"


def _with_version(name: str) -> str:
    return f"{name} {_version(name) or 'not installed, left out'}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _pages(plan: Plan) -> str:
    if not plan.urls:
        return f"{plan.pages} of our own server, {plan.latency * 1000:g} ms each"
    return f"{plan.pages} from {', '.join(_hosts(plan))}"


def _hosts(plan: Plan) -> Iterator[str]:
    yield from dict.fromkeys(url.split("/")[2] for url in plan.urls)
