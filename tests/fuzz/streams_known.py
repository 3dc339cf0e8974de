"""Known faults of asyncio's streams: what its trace would say without them.

A fault is as narrow as it can be: it mends rows of asyncio's, and only so that each becomes what
miniloop has to say there; all that comes behind is compared. Each names a row of the README's table
*Where miniloop differs*; the report counts how often each was needed.
"""

from __future__ import annotations

import ast
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.fuzz.known import used

__all__ = ["FAULTS", "Fault", "mended"]


@dataclass(frozen=True)
class Fault(ABC):
    """A known fault of asyncio's: by which rows it is told, and why miniloop has it not."""

    name: str
    reason: str
    pattern: str
    """Of what it is told by; what that is, says `mend`."""

    @abstractmethod
    def mend(self, text: str, theirs: Sequence[str], ours: Sequence[str]) -> list[str]:
        """The rows of asyncio without the fault, given the program and the rows of miniloop."""


class Refused(Fault):
    """A call that fails, by its row, where nothing is to happen.

    From then on, miniloop may warn of many writes into nothing: asyncio has not counted all.
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
    """A row that should not be there."""

    def mend(self, text: str, theirs: Sequence[str], ours: Sequence[str]) -> list[str]:
        del text, ours
        return [row for row in theirs if not re.fullmatch(self.pattern, row)]


class Sent(Fault):
    """Bytes that the peer reads besides, by the words that have written them in the program.

    What could not be sent at once is kept for ever, counted, and cannot be thrown away; finish()
    tries to.
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
    """What the peer reads without a piece at the end."""
    return re.sub(rf"^(read '.*){re.escape(piece)}( end'| \w+Error: .*)$", r"\1\2", row)


THE_ROW: Final = "the row: A call to a transport that has drained and closed"

FAULTS: Final[tuple[Fault, ...]] = (
    Refused(
        "a call to a transport that has drained and closed",
        "the row of this name",
        r"(write|abort) raised AttributeError: "
        r"'NoneType' object has no attribute '(?:call_exception_handler|call_soon)'",
    ),
    Superfluous(
        "a transport that is closed as it drains is lost twice",
        THE_ROW,
        r"report Exception in callback Transport\._call_connection_lost AttributeError: "
        r"'NoneType' object has no attribute 'close'",
    ),
    Sent(
        "what connection_lost() writes is sent",
        THE_ROW,
        r"connection_lost=lambda transport: transport\.write\((b'[^']*')\)",
    ),
)


def mended(text: str, told: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The traces of a program by asyncio and miniloop, asyncio's without its known faults.

    Counts the faults that this needs.
    """
    (asyncio, theirs), (miniloop, ours) = ((name, list(trace)) for name, trace in told.items())
    for fault in FAULTS:
        if theirs == ours:
            break
        again = fault.mend(text, theirs, ours)
        if again != theirs:
            used[f"streams: {fault.name}"] += 1
            theirs = again
    return {asyncio: theirs, miniloop: ours}
