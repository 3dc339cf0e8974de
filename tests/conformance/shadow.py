"""The shadow: a folder in which another package is asyncio.

Purpose: first on PYTHONPATH, it reaches the tests, `unittest`, `unittest.mock`, `test.support` and
the interpreters that tests start; an alias in `sys.modules` would reach one process only.
Rules: the implementation's files are copied and not changed, save that its `__init__` ends with the
import of `additions/`. `_asyncio` raises ImportError, so that no part of the real one slips in.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

ADDITIONS: Final = Path(__file__).parent / "additions"
NO_ACCELERATOR: Final = 'raise ImportError("there is no _asyncio beside this asyncio")\n'


def make_shadow(folder: Path, implementation: Path) -> None:
    """Fill an empty folder; `implementation` is the package's own folder."""
    package = folder / "asyncio"
    no_cache = shutil.ignore_patterns("__pycache__")
    shutil.copytree(implementation, package, ignore=no_cache)
    shutil.copytree(ADDITIONS, package / "_additions", ignore=no_cache)
    with (package / "__init__.py").open("a", encoding="utf-8") as init:
        init.write("\nfrom . import _additions\n")
    (folder / "_asyncio.py").write_text(NO_ACCELERATOR, encoding="utf-8")
