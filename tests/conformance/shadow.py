"""The shadow: a folder that contains another package under the name asyncio.

Purpose: the folder is first on PYTHONPATH. So the tests, `unittest`, `unittest.mock`,
`test.support` and the interpreters that tests start all import it as asyncio. An alias in
`sys.modules` would work in one process only.
Rules: the implementation's files are copied unchanged, except that its `__init__` imports
`additions/` at the end. `_asyncio` raises ImportError, so that nothing uses the real accelerator.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

ADDITIONS: Final = Path(__file__).parent / "additions"
NO_ACCELERATOR: Final = 'raise ImportError("this asyncio has no _asyncio")\n'


def make_shadow(folder: Path, implementation: Path) -> None:
    """Create the shadow in an empty folder; `implementation` is the folder of the package."""
    package = folder / "asyncio"
    no_cache = shutil.ignore_patterns("__pycache__")
    shutil.copytree(implementation, package, ignore=no_cache)
    shutil.copytree(ADDITIONS, package / "_additions", ignore=no_cache)
    with (package / "__init__.py").open("a", encoding="utf-8") as init:
        init.write("\nfrom . import _additions\n")
    (folder / "_asyncio.py").write_text(NO_ACCELERATOR, encoding="utf-8")
