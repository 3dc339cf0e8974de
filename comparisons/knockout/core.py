"""Access to private names of miniloop's core; each name is checked before it is used.

The ladder removes parts from the real classes. If the core changes and a name no longer exists, the
ladder must fail, because it would otherwise measure something different from what it says.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class NameGone(Exception):
    """A name that the ladder uses no longer exists in the core; the message names it."""


def require(owner: Any, *names: str) -> None:
    """Raise NameGone unless `owner`, a module, class or object, has all these attributes."""
    missing = [name for name in names if not hasattr(owner, name)]
    if missing:
        known_as = getattr(owner, "__qualname__", "") or getattr(owner, "__name__", "")
        raise NameGone(
            f"{known_as or type(owner).__name__} no longer has {' and '.join(missing)}: "
            "update comparisons/knockout"
        )


@contextmanager
def patched(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Replace an attribute by `value` until the end of the block."""
    require(owner, name)
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)
