"""Random programs about streams do the same on asyncio and on miniloop; and the tool that says so.

The seeds are fixed, so that a run can be repeated. Long runs: `python -m tests.fuzz`.
"""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

import miniloop
from tests.fuzz import streams
from tests.fuzz.difference import FOUND, first_difference
from tests.fuzz.streams_stage import MOST_STEPS, Stage

ROOT = Path(__file__).parents[2]

SEEDS = 1_200


@pytest.mark.parametrize("part", range(4))
def test_the_programs_of_fixed_seeds_do_the_same_everywhere(part: int) -> None:
    for seed in range(part, SEEDS, 4):
        difference = streams.check(seed)
        assert difference is None, difference.show()


@given(st.data())
@settings(derandomize=True, deadline=None, max_examples=150)
def test_any_program_does_the_same_everywhere(data: st.DataObject) -> None:
    text = streams.write(lambda limit: data.draw(st.integers(0, limit - 1)))
    note(text)
    assert not streams.differs(text)


def test_what_was_found_once_does_the_same_now() -> None:
    for path in FOUND.glob("streams_*.py"):
        words: dict[str, Any] = {"__name__": path.stem}
        exec(compile(path.read_text(encoding="utf-8"), path, "exec"), words)
        assert not streams.differs(words["PROGRAM"]), path


# --- the programs ---------------------------------------------------------------------------------


def test_every_operation_is_met() -> None:
    met: set[str] = set()
    for seed in range(SEEDS):
        draw = streams.Draw(random.Random(seed).randrange)
        draw.pick(streams.KINDS)(draw)
        met.update(draw.met)
    assert {name for table in streams.TABLES for name in table} - met == set()


def test_a_seed_is_a_program_and_a_program_is_a_trace() -> None:
    for seed in range(30):
        text = streams.source(seed)
        assert text == streams.source(seed)
        assert streams.traces(text) == streams.traces(text)


@pytest.mark.parametrize("kind", streams.USUAL)
def test_programs_seldom_fail_before_they_have_begun(kind: Any) -> None:
    told = [
        streams.traces(streams.write(random.Random(seed).randrange, [kind]), ["miniloop"])
        for seed in range(40)
    ]
    lengths = [len(trace["miniloop"]) for trace in told]
    assert sum(length >= 8 for length in lengths) >= 30
    assert not any(step.startswith("main raised") for trace in told for step in trace["miniloop"])


def test_a_program_without_end_is_cut_alike() -> None:
    text = "async def main():\n    while True:\n        log('on')\n        await turns()\n"
    told = streams.traces(text)
    assert first_difference(told) is None
    assert [len(trace) for trace in told.values()] == [MOST_STEPS + 1] * 2


def test_a_program_that_waits_for_ever_is_ended_alike() -> None:
    waits = ["reader = aio.StreamReader()"] + 2 * ["await result(reader.read())"]
    told = streams.traces(streams.render(waits))
    assert list(told.values()) == [["waits for ever"]] * 2


def test_bytes_that_come_apart_are_one_step() -> None:
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


DRAINED = """
ours, peer = pair()
transport = await connect(ours, Recorder())
ours.takes = 1
do(transport.write, b'ab')
do(transport.close)
await turns(3)
do(transport.abort)
"""

LATE = """
ours, peer = pair()
transport = await connect(ours, Recorder(connection_lost=lambda transport: transport.write(b'c')))
ours.takes = 1
do(transport.write, b'ab')
do(transport.close)
await finish()
"""

OVERTAKEN = """
reader = aio.StreamReader()
do(reader.feed_data, b'1234')
start(result(reader.readuntil((b'\\n', b'abc'))))
await turns(1)
await result(reader.read(4))
do(reader.feed_data, b'xab')
await turns(1)
do(reader.feed_data, b'c')
await turns(2)
"""


@pytest.mark.parametrize(
    ("program", "why"),
    [
        (DRAINED, "asyncio's transport does not know that it is lost"),
        (LATE, "asyncio's transport sends what connection_lost() writes"),
        (OVERTAKEN, "two readers at once"),
    ],
)
def test_a_known_difference_is_told_by_its_reason(program: str, why: str) -> None:
    text = streams.render(program.split("\n")[1:-1])
    told = streams.traces(text)
    assert first_difference(told) is not None
    assert str(streams.known(text, told)).startswith(why)
    assert not streams.differs(text)
