"""The shadow: a folder that contains another package under the name asyncio.

Purpose: the folder is first on PYTHONPATH. So the tests, `unittest`, `unittest.mock`,
`test.support` and the interpreters that tests start all import it as asyncio. An alias in
`sys.modules` would work in one process only.
Rules: the implementation's files are copied unchanged, except that its `__init__` adds the names
in `additions/` at the end; in a plain shadow only those in `twins.py`. Importing `_asyncio` raises
ImportError, so that nothing uses the real accelerator. A file of that name in the shadow would not
be enough: in some builds `_asyncio` is a built-in module, and those are found first. So
`sitecustomize`, which each interpreter imports when it starts, blocks the import.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

ADDITIONS: Final = Path(__file__).parent / "additions"
NO_ACCELERATOR: Final = 'import sys\n\nsys.modules["_asyncio"] = None\n'


def make_shadow(folder: Path, implementation: Path, plain: bool = False) -> None:
    """Create the shadow in an empty folder; `implementation` is the folder of the package."""
    package = folder / "asyncio"
    no_cache = shutil.ignore_patterns("__pycache__")
    shutil.copytree(implementation, package, ignore=no_cache)
    shutil.copytree(ADDITIONS, package / "_additions", ignore=no_cache)
    with (package / "__init__.py").open("a", encoding="utf-8") as init:
        init.write(f"\nfrom . import _additions\n\n_additions.add(plain={plain})\n")
    (folder / "sitecustomize.py").write_text(NO_ACCELERATOR, encoding="utf-8")
