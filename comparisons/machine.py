"""The description of the machine, the interpreter and the libraries in the header of a report."""

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
    """Return the header of the main report, by label."""
    return {
        **environment(),
        "process start": START_METHOD,
        "libraries": libraries(LIBRARIES),
        "samples": f"{plan.samples} of each model, interleaved",
        "pages": _pages(plan),
        **occasion(arguments),
    }


def environment() -> dict[str, str]:
    """Describe the machine and the interpreter, as they are before the run."""
    build = " ".join(platform.python_build())
    return {
        "machine": f"{_processor()}, {platform.system()} {platform.release()}",
        "cores": f"{cores()} usable of {os.cpu_count()}",
        "load": f"{os.getloadavg()[0]:.1f} before the run (other processes add noise)",
        "Python": f"{platform.python_implementation()} {platform.python_version()} ({build})",
        "GIL": _gil(),
    }


def libraries(names: Sequence[str]) -> str:
    """Return miniloop and the libraries in `names`, with their versions."""
    return ", ".join((f"miniloop {_miniloop_version()}", *map(_with_version, names)))


def occasion(arguments: Sequence[str]) -> dict[str, str]:
    """Return the start time and the command; `arguments` follow `python -m comparisons`."""
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
    enabled: Callable[[], bool] = vars(sys)["_is_gil_enabled"]  # exists in free-threaded builds
    return "on (in a free-threaded build)" if enabled() else "off"


def _miniloop_version() -> str:
    found = _version("miniloop")
    return found or "from this checkout"


def _with_version(name: str) -> str:
    return f"{name} {_version(name) or 'not installed'}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _pages(plan: Plan) -> str:
    if not plan.urls:
        return f"{plan.pages} from the local server, {plan.latency * 1000:g} ms each"
    return f"{plan.pages} from {', '.join(_hosts(plan))}"


def _hosts(plan: Plan) -> Iterator[str]:
    yield from dict.fromkeys(url.split("/")[2] for url in plan.urls)
