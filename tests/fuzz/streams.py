"""Random programs about streams, run on asyncio and on miniloop and compared step by step.

There are three kinds: a StreamReader without a connection; a transport with a Protocol on a socket;
a reader and a writer on a socket. The tables below contain the operations of a program, a line of
source for each. streams_stage.py defines the words of a program.

    check(seed)     the Difference of the program of this seed, or None
    source(seed)    that program
    write(choose)   a program from any choices: `choose(n)` returns a number below n
"""

from __future__ import annotations

import random
import sys
import types
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias, TypeVar

from tests.fuzz.difference import Difference, first_difference, side_by_side
from tests.fuzz.streams_known import mended
from tests.fuzz.streams_shrink import shrink
from tests.fuzz.streams_stage import Stage, Trace

T = TypeVar("T")

Choose: TypeAlias = Callable[[int], int]
Lines: TypeAlias = list[str]


class Draw:
    """Makes the random choices of a program."""

    def __init__(self, choose: Choose) -> None:
        self.below = choose
        self.met: list[str] = []
        """The operations that were chosen, in order."""
        self.separators: list[bytes] = [b"\n"]
        """The separators that readuntil() uses."""
        self.started: list[str] = []
        """The names of tasks that were started."""

    def chance(self, one_in: int) -> bool:
        return self.below(one_in) == one_in - 1  # 0, to which Hypothesis shrinks, means no

    def pick(self, among: Sequence[T]) -> T:
        return among[self.below(len(among))]

    def count(self, least: int, most: int) -> int:
        return least + self.below(most - least + 1)

    def text(self, most: int) -> bytes:
        return bytes(self.pick(LETTERS) for _ in range(self.below(most + 1)))

    def operation(self, table: Table) -> str:
        """Choose an operation from a table, according to the weights; return its line of source."""
        at = self.below(sum(weight for weight, _ in table.values()))
        for name, (weight, line) in table.items():
            at -= weight
            if at < 0:
                self.met.append(name)
                return line(self)
        raise AssertionError("the sum of the weights is wrong")


Table: TypeAlias = dict[str, tuple[int, Callable[[Draw], str]]]
"""Operation → its weight, and the function that makes its line."""

MODULES: Final = ("asyncio", "miniloop")

LETTERS: Final = b"ab\n"
"""Only a few, so that separators often match, in part or completely."""
TUPLES: Final = sys.version_info >= (3, 13)
"""Whether asyncio's readuntil() accepts several separators."""
LIMITS: Final = (2, 1, 3, 4, 6, 10, 2**16)
COUNTS: Final = (1, 0, 2, 3, 5, 9, 20, -1)
ERRORS: Final = ("ValueError('bad')", "OSError(5, 'bad')", "Oops('bad')")
MARKS: Final = (0, 1, 3, 8, 20)


def separator(draw: Draw) -> str:
    """Choose one separator, mostly with at least one byte, or several."""
    several = [draw.text(3) or b"\n" for _ in range(draw.count(1, 3))]
    draw.separators += several
    if draw.chance(20):
        return repr(draw.pick(((), b"", (b"", b"a")) if TUPLES else (b"",)))
    return repr(tuple(several) if TUPLES and draw.chance(2) else several[0])


def split_separator(draw: Draw) -> str:
    """Feed a separator in two pieces."""
    whole = draw.text(2) + draw.pick(draw.separators)
    at = max(1, len(whole) - 1)
    pieces = (f"do(reader.feed_data, {piece!r})" for piece in (whole[:at], whole[at:]))
    return "\nawait iterations(1)\n".join(pieces)


def chunk(draw: Draw) -> str:
    return repr(draw.text(6))


def chunks(draw: Draw) -> str:
    return repr([draw.text(6) or b"a" for _ in range(draw.below(4))])


def iterations(draw: Draw) -> str:
    return f"await iterations({draw.count(1, 3)})"


def start_task(name: str, coroutine: str) -> Callable[[Draw], str]:
    def line(draw: Draw) -> str:
        draw.started.append(name)
        return f"{name} = start({coroutine}())"

    return line


def cancel(draw: Draw) -> str:
    return f"{draw.pick(draw.started)}.cancel()" if draw.started else "await iterations(1)"


# --- operations on a reader and a writer ----------------------------------------------------------

READS: Final[Table] = {
    "read": (4, lambda draw: f"await result(reader.read({draw.pick(COUNTS)}))"),
    "read all": (1, lambda draw: "await result(reader.read())"),
    "readline": (4, lambda draw: "await result(reader.readline())"),
    "readuntil": (6, lambda draw: f"await result(reader.readuntil({separator(draw)}))"),
    "readexactly": (4, lambda draw: f"await result(reader.readexactly({draw.pick(COUNTS)}))"),
    "async for": (1, lambda draw: "await lines(reader)"),
    "at_eof": (1, lambda draw: "do(reader.at_eof)"),
    "reader.exception": (1, lambda draw: "do(reader.exception)"),
    "iterations": (1, iterations),
}

FEEDS: Final[Table] = {
    "feed_data": (9, lambda draw: f"do(reader.feed_data, {chunk(draw)})"),
    "feed_data in pieces": (3, split_separator),
    "iterations": (5, iterations),
    "feed_eof": (1, lambda draw: "do(reader.feed_eof)"),
    "set_exception": (1, lambda draw: f"do(reader.set_exception, {draw.pick(ERRORS)})"),
    "cancel": (1, cancel),
    "second reader": (1, start_task("second", "consume")),
    "at_eof": (1, lambda draw: "do(reader.at_eof)"),
}

# --- operations on a transport --------------------------------------------------------------------

PEER: Final[Table] = {
    "peer.send": (8, lambda draw: f"do(peer.send, {draw.text(8) or b'a'!r})"),
    "iterations": (8, iterations),
    "peer.read": (4, lambda draw: "do(peer.read)"),
    "peer.end": (1, lambda draw: "do(peer.end)"),
    "peer.reset": (1, lambda draw: "do(peer.reset)"),
    "takes": (2, lambda draw: f"ours.takes = {draw.pick((None, 0, 1, 2, 5))}"),
}

UNIX_PEER: Final[Table] = {
    **PEER,
    # Not in the iteration of a writelines(): asyncio would ignore that there was room before.
    "peer.fill": (1, lambda draw: "do(peer.fill)\nawait iterations(2)"),
    "peer.close": (1, lambda draw: "do(peer.close)"),
    "peer.refuse_data": (1, lambda draw: "do(peer.refuse_data)"),
}


def limits(draw: Draw) -> str:
    high, low = draw.pick((None, *MARKS)), draw.pick((None, *MARKS))
    return f"do(transport.set_write_buffer_limits, {high}, {low})"


TRANSPORT: Final[Table] = {
    "write": (6, lambda draw: f"do(transport.write, {chunk(draw)})"),
    "writelines": (3, lambda draw: f"writelines(transport, {chunks(draw)})"),
    "write_eof": (1, lambda draw: "do(transport.write_eof)"),
    "close": (1, lambda draw: "do(transport.close)"),
    "abort": (1, lambda draw: "do(transport.abort)"),
    "pause_reading": (2, lambda draw: "do(transport.pause_reading)"),
    "resume_reading": (3, lambda draw: "do(transport.resume_reading)"),
    "set_write_buffer_limits": (2, limits),
    "get_write_buffer_limits": (1, lambda draw: "do(transport.get_write_buffer_limits)"),
    "get_write_buffer_size": (2, lambda draw: "do(transport.get_write_buffer_size)"),
    "is_closing": (1, lambda draw: "do(transport.is_closing)"),
    "is_reading": (1, lambda draw: "do(transport.is_reading)"),
    "can_write_eof": (1, lambda draw: "do(transport.can_write_eof)"),
    "max_size": (1, lambda draw: f"transport.max_size = {draw.count(1, 4)}"),
    "set_protocol": (1, lambda draw: f"transport.set_protocol({protocol(draw)})"),
    "write a list": (1, lambda draw: "do(transport.write, [1])"),
    "write a view": (1, lambda draw: f"do(transport.write, memoryview({chunk(draw)}))"),
    "write a bytearray": (1, lambda draw: f"do(transport.write, bytearray({chunk(draw)}))"),
}

METHODS: Final = (
    "data_received",
    "eof_received",
    "connection_made",
    "pause_writing",
    "resume_writing",
    "connection_lost",
)

ANSWERS: Final[Table] = {
    "answer write": (4, lambda draw: f"transport.write({chunk(draw)})"),
    "answer writelines": (1, lambda draw: f"writelines(transport, {chunks(draw)})"),
    "answer write_eof": (1, lambda draw: "transport.write_eof()"),
    "answer close": (2, lambda draw: "transport.close()"),
    "answer abort": (1, lambda draw: "transport.abort()"),
    "answer pause_reading": (2, lambda draw: "transport.pause_reading()"),
    "answer resume_reading": (1, lambda draw: "transport.resume_reading()"),
    "answer True": (3, lambda draw: "True"),
    "answer by an error": (2, lambda draw: f"fail({draw.pick(ERRORS)})"),
    "answer set_protocol": (1, lambda draw: "transport.set_protocol(Recorder())"),
}


def protocol(draw: Draw) -> str:
    """Choose a protocol that records, and may do more in one or two of its methods."""
    buffered = draw.chance(4)
    methods = [*METHODS[1:], "get_buffer", "buffer_updated"] if buffered else METHODS
    answers = {
        draw.pick(methods): f"lambda transport: {draw.operation(ANSWERS)}"
        for _ in range(draw.below(3))
    }
    arguments = [f"{method}={answer}" for method, answer in answers.items()]
    if buffered:
        size = 0 if draw.chance(20) else draw.count(1, 9)
        return f"Buffered({', '.join([f'size={size}', *arguments])})"
    return f"Recorder({', '.join(arguments)})"


WRITER: Final[Table] = {
    "writer.write": (6, lambda draw: f"do(writer.write, {chunk(draw)})"),
    "writer.writelines": (2, lambda draw: f"writelines(writer, {chunks(draw)})"),
    "writer.write_eof": (1, lambda draw: "do(writer.write_eof)"),
    "writer.close": (1, lambda draw: "do(writer.close)"),
    "writer.is_closing": (1, lambda draw: "do(writer.is_closing)"),
    "start to read": (3, start_task("first", "consume")),
    "start to write": (3, start_task("second", "produce")),
    "cancel": (1, cancel),
    "limits": (2, lambda draw: limits(draw).replace("transport", "writer.transport")),
    "writer abort": (1, lambda draw: "do(writer.transport.abort)"),
    "max_size": (1, lambda draw: f"writer.transport.max_size = {draw.count(1, 4)}"),
}

WRITES: Final[Table] = {
    "write in a task": (4, lambda draw: f"do(writer.write, {chunk(draw)})"),
    "drain": (6, lambda draw: "await result(writer.drain())"),
    "wait_closed": (2, lambda draw: "await result(writer.wait_closed())"),
    "close in a task": (1, lambda draw: "do(writer.close)"),
    "write_eof in a task": (1, lambda draw: "do(writer.write_eof)"),
    "iterations": (2, iterations),
}


FAILS: Final[Table] = {"fail": (2, lambda draw: f"fail({draw.pick(ERRORS)})")}
"""Makes the callback of a server raise."""


# --- programs -------------------------------------------------------------------------------------


def _block(head: str, lines: Lines) -> Lines:
    return [head, *("    " + line for line in lines)]


def _some(draw: Draw, table: Table, least: int, most: int) -> Lines:
    lines = [draw.operation(table) for _ in range(draw.count(least, most))]
    return "\n".join(lines).splitlines()


def reader_program(draw: Draw) -> Lines:
    """Feed a reader without a connection, between iterations of the loop, while a task reads."""
    lines = [f"reader = aio.StreamReader({draw.pick(LIMITS)})"]
    if not draw.chance(4):
        flow = "can_pause=False" if draw.chance(10) else ""
        lines.append(f"reader.set_transport(Flow({flow}))")
    lines += _block("async def consume():", _some(draw, READS, 1, 6))
    lines += _some(draw, {"feed_data": FEEDS["feed_data"]}, 0, 1)
    lines += [start_task("first", "consume")(draw), *_some(draw, FEEDS, 2, 12)]
    return [*lines, "do(reader.feed_eof)", "await finish()", "await result(reader.read(99))"]


def _sockets(draw: Draw) -> tuple[Table, Lines]:
    if draw.chance(5):
        return PEER, ["ours, peer = tcp()"]
    return UNIX_PEER, ["ours, peer = pair()"]


def transport_program(draw: Draw) -> Lines:
    """Use a transport on a socket, a protocol that records, and a peer that makes plain calls."""
    peer, lines = _sockets(draw)
    lines += _some(draw, peer, 0, 1)
    accepted = ", accepted=True" if draw.chance(4) else ""
    lines.append(f"transport = await connect(ours, {protocol(draw)}{accepted})")
    lines += _some(draw, {**TRANSPORT, **peer}, 3, 14)
    return [*lines, "await finish()"]


def streams_program(draw: Draw) -> Lines:
    """Use a reader and a writer on a socket, a task that reads and one that writes."""
    peer, lines = _sockets(draw)
    lines += _some(draw, peer, 0, 1)
    limit = draw.pick(LIMITS)
    if served := draw.chance(4):
        talk = _some(draw, {**READS, **WRITES, **FAILS}, 1, 5)
        lines += _block("async def talk(reader, writer):", talk)
    call = f"serve_streams(ours, {limit}, talk)" if served else f"open_streams(ours, {limit})"
    lines.append(f"reader, writer = await {call}")
    lines += _block("async def consume():", _some(draw, READS, 1, 5))
    lines += _block("async def produce():", _some(draw, WRITES, 1, 5))
    if draw.chance(4):  # a buffer that stays full for a while, and tasks that drain it
        lines += [
            "ours.takes = 0",
            f"do(writer.transport.set_write_buffer_limits, {draw.below(3)})",
        ]
        lines += [f"do(writer.write, {draw.text(8) + b'full'!r})"]
        lines += [start_task("second", "produce")(draw) for _ in range(draw.count(1, 3))]
        lines += [*_some(draw, {**WRITER, **peer}, 1, 6), "ours.takes = None"]
    lines += _some(draw, {**WRITER, **peer}, 3, 14)
    return [*lines, "await finish()"]


def bulk_program(draw: Draw) -> Lines:
    """Send more than a socket holds, in both directions.

    Only the order and completeness of the data is determined. How much arrives before the end is
    not, so everything is sent and received first.
    """
    sizes = [draw.pick(SIZES) for _ in range(draw.count(1, 3))]
    given = [draw.pick(SIZES) for _ in range(draw.count(0, 3))]
    by_streams = draw.chance(2)
    lines = ["by_task()", "ours, peer = pair()"]
    if by_streams:
        lines.append(f"reader, writer = await open_streams(ours, {draw.pick((2**16, 100, 5000))})")
        reads = [f"await result(reader.readexactly({size}))" for size in given]
        lines += _block("async def consume():", [*reads, "await result(reader.read())"])
        writes = [
            f"do(writer.write, block({size}))\nawait result(writer.drain())" for size in sizes
        ]
        lines += _block("async def produce():", "\n".join(writes).split("\n"))
        lines += ["start(consume())", "start(produce())"]
    else:
        buffer = f"size={draw.pick((1000, 7, 2**16))}, " if draw.chance(3) else ""
        lines.append(f"transport = await connect(ours, Tally({buffer}keep_open=True))")
        lines += [_bulk_write(draw, size) for size in sizes]
    exchange = [f"await give(peer, {size})" for size in given]
    exchange.insert(draw.below(len(exchange) + 1), f"await take(peer, {sum(sizes)})")
    mine = "writer" if by_streams else "transport"
    end = draw.pick(("do(peer.end)", f"do({mine}.close)", f"do({mine}.write_eof)"))
    if draw.chance(2) and not by_streams:
        exchange[:0] = [
            "transport.pause_reading()",
            "await iterations(3)",
            "transport.resume_reading()",
        ]
    settle = "await iterations(200)"
    return [*lines, *exchange, settle, end, settle, "await take(peer, 1)", "do(peer.end)", settle]


def _bulk_write(draw: Draw, size: int) -> str:
    if draw.chance(3):
        part = size // 3
        pieces = f"[block({size})[:{part}], block({size})[{part}:]]"
        return f"do(transport.writelines, {pieces})"
    return f"do(transport.write, block({size}))"


SIZES: Final = (1_000, 70_000, 130_000, 300_000, 1_000_000)
"""Bytes: more and less than a socket holds, than a water mark, and than one read."""

TABLES: Final = (READS, FEEDS, UNIX_PEER, TRANSPORT, ANSWERS, WRITER, WRITES, FAILS)

USUAL: Final = (reader_program, transport_program, streams_program)
KINDS: Final = (*USUAL, *USUAL, *USUAL, bulk_program)
"""Bulk programs are the slowest, and the least likely to differ."""


def write(choose: Choose, kinds: Sequence[Callable[[Draw], Lines]] = KINDS) -> str:
    """Generate a program."""
    draw = Draw(choose)
    return render(draw.pick(kinds)(draw))


def render(lines: Lines) -> str:
    return "\n".join(_block("async def main():", lines)) + "\n"


def source(seed: int) -> str:
    """Return the program of `seed`."""
    return write(random.Random(seed).randrange)


# --- comparing ------------------------------------------------------------------------------------


def compile_program(text: str) -> types.CodeType:
    return compile(text, "<program>", "exec")


def traces(text: str, modules: Sequence[str] = MODULES) -> dict[str, Trace]:
    """Return the trace of the program on each implementation."""
    program = compile_program(text)
    return {module: Stage(module).run(program) for module in modules}


def differs(text: str) -> bool:
    """Return whether the traces differ in a way that is not known."""
    return kind(text) is not None


def kind(text: str) -> tuple[str, ...] | None:
    """Return the kind of the difference: the first different step of each trace, without values."""
    compared = mended(text, traces(text))
    at = first_difference(compared)
    if at is None:
        return None
    return tuple(" ".join([*trace, "–"][at].split()[:3]) for trace in compared.values())


def check(seed: int) -> Difference | None:
    """Run the program of `seed`; return the difference, shrunk, unless there is none or it is
    known."""
    text = source(seed)
    what = kind(text)
    if what is None:
        return None
    return difference(f"streams_{seed}", shrink(text, lambda smaller: kind(smaller) == what))


def difference(name: str, text: str) -> Difference:
    """Make a difference of a program: its traces, and a script that can be run."""
    return Difference(name, SCRIPT.format(program=text), traces(text))


SCRIPT: Final = '''\
"""miniloop behaves differently from asyncio."""

PROGRAM = r"""
{program}"""

if __name__ == "__main__":  # run it on asyncio and on miniloop
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    from tests.fuzz.streams import replay

    sys.exit(replay(PROGRAM))
'''


def replay(text: str) -> int:
    """Print the traces of a program side by side; return 1 if they differ."""
    print(side_by_side(traces(text)), end="")
    return 1 if differs(text) else 0
