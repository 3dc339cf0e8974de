"""Known bugs of asyncio's streams: how its trace would look without them.

Each fault is as narrow as possible. It changes only rows of asyncio, and only to the row that
miniloop must have there; all later rows are compared. Each one names a row of the table *Where
miniloop differs*, or the version and the issue that fixed it. The report counts how often each was
needed.
"""

from __future__ import annotations

import ast
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.fuzz.known import used

__all__ = ["FAULTS", "Fault", "mended"]


@dataclass(frozen=True)
class Fault(ABC):
    """A known bug of asyncio: a pattern of its rows, and what explains it."""

    name: str
    reason: str
    pattern: str
    """The pattern of its rows or of the program; `mend` says which."""

    @abstractmethod
    def mend(self, text: str, theirs: Sequence[str], ours: Sequence[str]) -> list[str]:
        """Return asyncio's rows without the bug, given the program and miniloop's rows."""


class Refused(Fault):
    """A call that raises where nothing should happen.

    Afterwards miniloop may warn about many writes to a lost connection: asyncio did not count all.
    """

    WARNING: Final = "logged socket.send() raised exception."

    def mend(self, text: str, theirs: Sequence[str], ours: Sequence[str]) -> list[str]:
        del text
        mended: list[str] = []
        met = False
        for row in theirs:
            call = re.fullmatch(self.pattern, row)
            met = met or call is not None
            done = row if call is None else call[1]
            if met and done == "write" and self.WARNING in ours[len(mended) : len(mended) + 1]:
                mended.append(self.WARNING)
            mended.append(done)
        return mended


class Superfluous(Fault):
    """A row that should not exist."""

    def mend(self, text: str, theirs: Sequence[str], ours: Sequence[str]) -> list[str]:
        del text, ours
        return [row for row in theirs if not re.fullmatch(self.pattern, row)]


class Sent(Fault):
    """Additional bytes that the peer reads, found by the call in the program that wrote them.

    asyncio keeps and counts bytes that could not be sent immediately, and never discards them.
    finish() aborts the transport for that reason.
    """

    SIZE: Final = "get_write_buffer_size"
    ABORT: Final = (
        "abort raised AttributeError: 'NoneType' object has no attribute '_remove_writer'"
    )

    def mend(self, text: str, theirs: Sequence[str], ours: Sequence[str]) -> list[str]:
        written = [ast.literal_eval(piece).decode() for piece in re.findall(self.pattern, text)]
        sent = {repr(piece[:end])[1:-1] for piece in written for end in range(1, len(piece) + 1)}
        mended: list[str] = []
        lost = False
        for row in theirs:
            our = "".join(ours[len(mended) : len(mended) + 1])
            lost = lost or (bool(written) and row == "connection_lost None")
            if lost and row == self.ABORT:
                mended += ["abort"] if our == "abort" else []
            elif lost and self._is_without(row, our, sent):
                mended.append(our)
            else:
                mended.append(row)
        return mended

    def _is_without(self, row: str, our: str, sent: set[str]) -> bool:
        if row.startswith(self.SIZE):
            return our == f"{self.SIZE} 0"
        return our in (_without(row, piece) for piece in sent)


def _without(row: str, piece: str) -> str:
    """Return what the peer reads without `piece` at the end."""
    return re.sub(rf"^(read '.*){re.escape(piece)}( end'| \w+Error: .*)$", r"\1\2", row)


OLDER: Final = "before 3.14.8: gh-156512"

FIXED: Final = (3, 14, 8)
"""The first version of Python whose asyncio has none of these bugs."""

FAULTS: Final[tuple[Fault, ...]] = (
    Refused(
        "calls on a transport that has drained and closed",
        OLDER,
        r"(write|abort) raised AttributeError: "
        r"'NoneType' object has no attribute '(?:call_exception_handler|call_soon)'",
    ),
    Superfluous(
        "a transport that is closed as it drains is lost twice",
        OLDER,
        r"report Exception in callback Transport\._call_connection_lost AttributeError: "
        r"'NoneType' object has no attribute 'close'",
    ),
    Sent(
        "what connection_lost() writes is sent",
        OLDER,
        r"connection_lost=lambda transport: transport\.write\((b'[^']*')\)",
    ),
)


def mended(text: str, traces: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return the traces of asyncio and miniloop, asyncio's without its known bugs.

    Counts the faults that this needs.
    """
    (asyncio, theirs), (miniloop, ours) = ((name, list(trace)) for name, trace in traces.items())
    for fault in FAULTS if sys.version_info < FIXED else ():
        if theirs == ours:
            break
        again = fault.mend(text, theirs, ours)
        if again != theirs:
            used[f"streams: {fault.name}"] += 1
            theirs = again
    return {asyncio: theirs, miniloop: ours}
