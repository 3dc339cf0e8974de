"""Happy Eyeballs on made-up addresses: when each attempt begins and which socket is taken."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

import miniloop
from miniloop.staggered import _interleave, staggered_race
from tests.virtual import play

V4, V6 = socket.AF_INET, socket.AF_INET6


class Attempts:
    """Attempts that answer after so many seconds: with a socket, with nothing, or never."""

    def __init__(self) -> None:
        self.steps: list[object] = []
        self.sockets: list[socket.socket] = []

    def attempt(self, name: str, seconds: float, answers: bool = True) -> Callable[[], Any]:
        async def run() -> socket.socket:
            self.steps.append((name, "begins", miniloop.get_running_loop().time()))
            try:
                await miniloop.sleep(seconds)
            except miniloop.CancelledError:
                self.steps.append((name, "cancelled", miniloop.get_running_loop().time()))
                raise
            if not answers:
                raise OSError(name)
            self.sockets.append(socket.socket())
            return self.sockets[-1]

        return run

    def race(self, *attempts: Callable[[], Any]) -> list[object]:
        async def story() -> None:
            winner, _, _ = await staggered_race(attempts, 1)
            self.steps.append(("over", miniloop.get_running_loop().time(), winner is not None))
            await miniloop.sleep(10)
            still_open = [sock for sock in self.sockets if sock.fileno() != -1]
            assert still_open == ([] if winner is None else [winner])
            if winner is not None:
                winner.close()

        play(story)
        return self.steps


def test_the_next_attempt_begins_when_the_last_has_had_its_time() -> None:
    attempts = Attempts()
    steps = attempts.race(
        attempts.attempt("slow", 60), attempts.attempt("slower", 70), attempts.attempt("quick", 0.5)
    )
    assert steps[:3] == [
        ("slow", "begins", 0.0),
        ("slower", "begins", 1.0),
        ("quick", "begins", 2.0),
    ]
    assert set(steps[3:5]) == {("slow", "cancelled", 2.5), ("slower", "cancelled", 2.5)}
    assert steps[5:] == [("over", 2.5, True)]


def test_a_failure_lets_the_next_begin_at_once() -> None:
    attempts = Attempts()
    assert attempts.race(
        attempts.attempt("fails", 0.25, answers=False), attempts.attempt("answers", 0.25)
    ) == [("fails", "begins", 0.0), ("answers", "begins", 0.25), ("over", 0.5, True)]


def test_an_earlier_attempt_may_still_win() -> None:
    attempts = Attempts()
    assert attempts.race(attempts.attempt("first", 1.5), attempts.attempt("second", 60)) == [
        ("first", "begins", 0.0),
        ("second", "begins", 1.0),
        ("second", "cancelled", 1.5),
        ("over", 1.5, True),
    ]


def test_when_all_fail_there_is_no_socket() -> None:
    attempts = Attempts()
    failing = [attempts.attempt(name, 2, answers=False) for name in "ab"]
    assert attempts.race(*failing)[-1] == ("over", 3.0, False)
    assert attempts.race()[-1] == ("over", 0.0, False)


def test_of_two_that_answer_in_one_turn_one_is_taken_and_the_other_closed() -> None:
    attempts = Attempts()
    steps = attempts.race(attempts.attempt("first", 2), attempts.attempt("second", 1))
    assert len(attempts.sockets) == 2
    assert steps[-1] == ("over", 2.0, True)


def test_whoever_cancels_the_race_cancels_the_attempts() -> None:
    attempts = Attempts()

    async def story() -> None:
        race = staggered_race([attempts.attempt(name, 60) for name in "ab"], 1)
        with pytest.raises(TimeoutError):
            await miniloop.wait_for(race, 1.5)
        await miniloop.sleep(0)

    play(story)
    assert [step[1:] for step in attempts.steps if isinstance(step, tuple)] == [
        *(("begins", 0.0), ("begins", 1.0), ("cancelled", 1.5), ("cancelled", 1.5))
    ]


@pytest.mark.parametrize(
    ("families", "first", "mixed"),
    [
        ("666444", 1, "6a 4d 6b 4e 6c 4f"),
        ("666444", 2, "6a 6b 4d 6c 4e 4f"),
        ("666444", 3, "6a 6b 6c 4d 4e 4f"),
        ("666444", 9, "6a 6b 6c 4d 4e 4f"),
        ("464", 1, "4a 6b 4c"),
        ("66", 1, "6a 6b"),
        ("6", 1, "6a"),
    ],
)
def test_families_take_turns_after_so_many_of_the_first(
    families: str, first: int, mixed: str
) -> None:
    infos = [
        (V6 if family == "6" else V4, name)
        for family, name in zip(families, "abcdef", strict=False)
    ]
    found = [("6" if info[0] == V6 else "4") + info[1] for info in _interleave(infos, first)]
    assert " ".join(found) == mixed


def test_a_failure_of_an_older_attempt_does_not_hurry_the_next() -> None:
    attempts = Attempts()
    steps = attempts.race(
        attempts.attempt("fails late", 1.5, answers=False),
        attempts.attempt("slow", 60),
        attempts.attempt("quick", 0.5),
    )
    assert steps[:3] == [
        ("fails late", "begins", 0.0),
        ("slow", "begins", 1.0),
        ("quick", "begins", 2.0),
    ]
