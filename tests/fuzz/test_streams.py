"""Random programs about streams behave the same on asyncio and on miniloop, and the tool works.

The seeds are fixed, so that a run can be repeated. For more: `python -m tests.fuzz --kind streams`.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

import miniloop
from tests.fuzz import streams
from tests.fuzz.difference import first_difference
from tests.fuzz.streams_known import FAULTS, FIXED, mended
from tests.fuzz.streams_stage import MOST_STEPS, Stage

ROOT = Path(__file__).parents[2]

SEEDS = 1_200


@pytest.mark.parametrize("part", range(4))
def test_the_programs_of_fixed_seeds_behave_the_same_everywhere(part: int) -> None:
    for seed in range(part, SEEDS, 4):
        difference = streams.check(seed)
        assert difference is None, difference.show()


@given(st.data())
@settings(derandomize=True, deadline=None, max_examples=150)
def test_programs_chosen_by_hypothesis_behave_the_same_everywhere(data: st.DataObject) -> None:
    text = streams.write(lambda limit: data.draw(st.integers(0, limit - 1)))
    note(text)
    assert not streams.differs(text)


# --- the programs ---------------------------------------------------------------------------------


def test_the_programs_contain_every_operation() -> None:
    met: set[str] = set()
    for seed in range(SEEDS):
        draw = streams.Draw(random.Random(seed).randrange)
        draw.pick(streams.KINDS)(draw)
        met.update(draw.met)
    assert {name for table in streams.TABLES for name in table} - met == set()


def test_a_seed_always_makes_the_same_program_and_a_program_the_same_trace() -> None:
    for seed in range(30):
        text = streams.source(seed)
        assert text == streams.source(seed)
        assert streams.traces(text) == streams.traces(text)


@pytest.mark.parametrize("kind", streams.USUAL)
def test_programs_seldom_fail_at_the_start(kind: Any) -> None:
    traces = [
        streams.traces(streams.write(random.Random(seed).randrange, [kind]), ["miniloop"])
        for seed in range(40)
    ]
    lengths = [len(trace["miniloop"]) for trace in traces]
    assert sum(length >= 8 for length in lengths) >= 30
    assert not any(step.startswith("main raised") for trace in traces for step in trace["miniloop"])


def test_a_program_without_end_is_cut_at_the_same_step() -> None:
    text = "async def main():\n    while True:\n        log('on')\n        await iterations()\n"
    traces = streams.traces(text)
    assert first_difference(traces) is None
    assert [len(trace) for trace in traces.values()] == [MOST_STEPS + 1] * 2


def test_a_program_that_waits_forever_is_recorded_the_same_way() -> None:
    waits = ["reader = aio.StreamReader()"] + 2 * ["await result(reader.read())"]
    traces = streams.traces(streams.render(waits))
    assert list(traces.values()) == [["waits forever"]] * 2


def test_consecutive_bytes_are_one_step() -> None:
    stage = Stage("miniloop")
    for piece in (b"a", b"b"):
        stage.log.received(piece)
    stage.log("eof_received")
    stage.log.received(b"c")
    assert stage.log == ["received b'ab'", "eof_received", "received b'c'"]


# --- differences ----------------------------------------------------------------------------------


def test_a_difference_is_found_shrunk_and_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    feed_data = miniloop.StreamReader.feed_data
    feed_part = lambda reader, data: feed_data(reader, data.replace(b"ba", b""))  # noqa: E731
    feed_part.__name__ = "feed_data"
    monkeypatch.setattr(miniloop.StreamReader, "feed_data", feed_part)

    difference = next(filter(None, map(streams.check, range(100))))

    program = difference.script.split('"""\n')[2]
    assert len(program.splitlines()) <= 12
    page = difference.show()
    assert "→" in page
    assert "asyncio" in page
    assert max(map(len, page.splitlines())) <= 80


def test_a_saved_script_shows_both_traces(tmp_path: Path) -> None:
    text = streams.render(["do(aio.StreamReader(3).feed_data, b'a')"])
    path = streams.difference("streams_of_a_test", text).save(tmp_path)
    shown = subprocess.run(
        [sys.executable, str(path)],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert shown.stdout.count("feed_data") == 2


OVERTAKEN = """
reader = aio.StreamReader()
do(reader.feed_data, b'1234')
start(result(reader.readuntil((b'\\n', b'abc'))))
await iterations(1)
await result(reader.read(4))
do(reader.feed_data, b'xab')
await iterations(1)
do(reader.feed_data, b'c')
await iterations(2)
"""


def rendered(program: str) -> str:
    return streams.render(program.split("\n")[1:-1])


@pytest.mark.skipif(not streams.TUPLES, reason="asyncio's readuntil() accepts only one separator")
def test_a_reader_overtaken_by_another_one_searches_the_same_bytes() -> None:
    traces = streams.traces(rendered(OVERTAKEN))
    assert first_difference(traces) is None
    assert traces["miniloop"][-1] == "readuntil b'xabc'"


# --- known bugs of asyncio ------------------------------------------------------------------------

DRAINED = """
ours, peer = pair()
transport = await connect(ours, Recorder())
ours.takes = 1
do(transport.write, b'ab')
do(transport.close)
await iterations(3)
do(transport.abort)
"""

WRITES = """
ours, peer = pair()
transport = await connect(ours, Recorder())
ours.takes = 1
do(transport.write, b'ab')
do(transport.close)
await iterations(3)
for _ in range(6):
    do(transport.write, b'c')
do(transport.abort)
for _ in range(6):
    do(transport.write, b'c')
"""

TWICE = """
ours, peer = pair()
transport = await connect(ours, Recorder(resume_writing=lambda transport: transport.close()))
ours.takes = 1
do(transport.set_write_buffer_limits, 1)
do(transport.write, b'abc')
await finish()
"""

LATE = """
ours, peer = pair()
transport = await connect(ours, Recorder(connection_lost=lambda transport: transport.write(b'cd')))
ours.takes = 1
do(transport.write, b'ab')
do(transport.close)
await finish()
"""

LATE_AND_MORE = """
ours, peer = pair()
transport = await connect(ours, Recorder(connection_lost=lambda transport: transport.write(b'cd')))
ours.takes = 1
do(transport.write, b'ab')
do(transport.close)
await iterations(4)
do(transport.write, b'e')
do(transport.abort)
do(transport.is_closing)
"""


needs_bugs = pytest.mark.skipif(sys.version_info >= FIXED, reason="asyncio has no such bug")


@needs_bugs
@pytest.mark.parametrize(
    ("program", "name"),
    [
        (DRAINED, "calls on a transport that has drained and closed"),
        (WRITES, "calls on a transport that has drained and closed"),
        (TWICE, "a transport that is closed as it drains is lost twice"),
        (LATE, "what connection_lost() writes is sent"),
        (LATE_AND_MORE, "what connection_lost() writes is sent"),
    ],
)
def test_a_known_bug_is_removed_from_the_trace(program: str, name: str) -> None:
    text = rendered(program)
    traces = streams.traces(text)
    assert first_difference(traces) is not None
    assert first_difference(mended(text, traces)) is None
    (fault,) = (fault for fault in FAULTS if fault.name == name)
    asyncio, ours = traces.values()
    assert fault.mend(text, asyncio, ours) == ours


@pytest.mark.skipif(sys.version_info < FIXED, reason="asyncio has these bugs")
@pytest.mark.parametrize("program", [DRAINED, WRITES, TWICE, LATE, LATE_AND_MORE])
def test_a_bug_that_asyncio_no_longer_has_is_not_removed(program: str) -> None:
    text = rendered(program)
    traces = streams.traces(text)
    assert first_difference(traces) is None
    name, rows = next(iter(traces.items()))
    row = "write raised AttributeError: 'NoneType' object has no attribute 'call_soon'"
    with_bug = {**traces, name: [*rows, row], "miniloop": [*rows, "write"]}
    assert first_difference(mended(text, with_bug)) == len(rows)


@needs_bugs
def test_rows_after_a_known_bug_are_compared() -> None:
    text = rendered(DRAINED)
    asyncio, ours = streams.traces(text).values()
    traces = {"asyncio": [*asyncio, "is_closing True"], "miniloop": [*ours, "is_closing False"]}
    assert first_difference(mended(text, traces)) == len(ours)


@needs_bugs
@pytest.mark.parametrize(
    "row",
    ["abort raised OSError: bad", "abort raised AttributeError: 'NoneType' object", "write", None],
)
def test_miniloop_must_record_the_call_in_which_asyncio_raises(row: str | None) -> None:
    text = rendered(DRAINED)
    asyncio, ours = streams.traces(text).values()
    assert ours[-1] == "abort"
    traces = {"asyncio": asyncio, "miniloop": [*ours[:-1], *([] if row is None else [row])]}
    assert first_difference(mended(text, traces)) == len(ours) - 1


@needs_bugs
def test_only_the_bytes_written_in_connection_lost_may_be_sent_additionally() -> None:
    text = rendered(LATE)
    asyncio, ours = streams.traces(text).values()
    traces = {"asyncio": [row.replace("abc", "abx") for row in asyncio], "miniloop": ours}
    assert first_difference(mended(text, traces)) == first_difference(streams.traces(text))


def test_before_connection_lost_nothing_may_be_sent_or_kept_additionally() -> None:
    text = rendered(LATE)
    (fault,) = (fault for fault in FAULTS if fault.name == "what connection_lost() writes is sent")
    for asyncio, ours in (
        ("get_write_buffer_size 1", "get_write_buffer_size 0"),
        ("read 'abc'", "read 'ab'"),
        ("read 'abc end'", "read 'ab end'"),
    ):
        assert fault.mend(text, [asyncio], [ours]) == [asyncio]


def test_every_fault_names_a_row_of_the_table_or_the_issue_that_fixed_it() -> None:
    table = (ROOT / "tests" / "README.md").read_text(encoding="utf-8")
    for fault in FAULTS:
        if re.fullmatch(r"before 3\.\d+\.\d+: gh-\d+", fault.reason):
            continue
        name = fault.name if fault.reason == "the row of this name" else fault.reason
        row = name.removeprefix("the row: ")
        assert f"| {row[0].upper()}{row[1:]} |" in table
