"""Reaching into miniloop's core: by few names, each looked for before it is relied on.

The ladder takes parts out of the real classes. When the core changes, a name may go, and a ladder
that went on without it would measure something else than it says. So nothing here is used unasked.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class NameGone(Exception):
    """The core has changed and the ladder has not; the text says where."""


def require(owner: Any, *names: str) -> None:
    """NameGone unless `owner`, a module, class or object, has all these names."""
    missing = [name for name in names if not hasattr(owner, name)]
    if missing:
        known_as = getattr(owner, "__qualname__", "") or getattr(owner, "__name__", "")
        raise NameGone(
            f"{known_as or type(owner).__name__} has no {' and no '.join(missing)} any more: "
            "comparisons/knockout has to follow the core"
        )


@contextmanager
def patched(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Put `value` in the place of an attribute until the block ends."""
    require(owner, name)
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)
