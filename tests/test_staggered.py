"""Happy Eyeballs on made-up addresses: when each attempt starts and which socket is used."""

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
    """Attempts that succeed or fail after a given number of seconds, or never answer."""

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


def test_the_next_attempt_starts_after_the_delay() -> None:
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


def test_after_a_failure_the_next_attempt_starts_at_once() -> None:
    attempts = Attempts()
    assert attempts.race(
        attempts.attempt("fails", 0.25, answers=False), attempts.attempt("answers", 0.25)
    ) == [("fails", "begins", 0.0), ("answers", "begins", 0.25), ("over", 0.5, True)]


def test_an_earlier_attempt_can_still_win() -> None:
    attempts = Attempts()
    assert attempts.race(attempts.attempt("first", 1.5), attempts.attempt("second", 60)) == [
        ("first", "begins", 0.0),
        ("second", "begins", 1.0),
        ("second", "cancelled", 1.5),
        ("over", 1.5, True),
    ]


def test_if_all_attempts_fail_there_is_no_socket() -> None:
    attempts = Attempts()
    failing = [attempts.attempt(name, 2, answers=False) for name in "ab"]
    assert attempts.race(*failing)[-1] == ("over", 3.0, False)
    assert attempts.race()[-1] == ("over", 0.0, False)


def test_of_two_attempts_that_could_succeed_in_one_iteration_the_second_is_cancelled() -> None:
    attempts = Attempts()
    steps = attempts.race(attempts.attempt("first", 2), attempts.attempt("second", 1))
    assert len(attempts.sockets) == 1
    assert steps[2:] == [("second", "cancelled", 2.0), ("over", 2.0, True)]


def test_cancelling_the_race_cancels_the_attempts() -> None:
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
def test_interleave_alternates_the_families_after_some_of_the_first(
    families: str, first: int, mixed: str
) -> None:
    infos = [
        (V6 if family == "6" else V4, name)
        for family, name in zip(families, "abcdef", strict=False)
    ]
    found = [("6" if info[0] == V6 else "4") + info[1] for info in _interleave(infos, first)]
    assert " ".join(found) == mixed


def test_a_failure_of_an_older_attempt_does_not_start_the_next_one_earlier() -> None:
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
