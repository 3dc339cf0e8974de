"""The exceptions: where they stand in the hierarchy, and what they keep."""

from __future__ import annotations

import asyncio
import builtins
import pickle

import pytest

import miniloop
from miniloop import exceptions


@pytest.mark.parametrize("name", exceptions.__all__)
def test_each_exception_stands_where_the_one_of_asyncio_stands(name: str) -> None:
    ours, theirs = getattr(miniloop, name), getattr(asyncio, name)
    assert [base.__name__ for base in ours.__mro__] == [base.__name__ for base in theirs.__mro__]


def test_only_timeout_error_is_also_that_of_asyncio() -> None:
    shared = [
        name for name in exceptions.__all__ if getattr(miniloop, name) is getattr(asyncio, name)
    ]
    assert shared == ["TimeoutError"]
    assert miniloop.TimeoutError is builtins.TimeoutError


def test_a_request_to_stop_is_not_caught_with_the_errors() -> None:
    steps = []
    try:
        try:
            raise miniloop.CancelledError("stop")
        except Exception:
            steps.append("taken for an error")
    except miniloop.CancelledError as request:
        steps.append(f"told to {request}")
    assert steps == ["told to stop"]


def test_an_incomplete_read_tells_what_came_and_what_was_wanted() -> None:
    known = miniloop.IncompleteReadError(b"abc", 5)
    unknown = miniloop.IncompleteReadError(b"", None)
    assert (known.partial, known.expected) == (b"abc", 5)
    assert str(known) == "3 bytes read on a total of 5 expected bytes"
    assert (unknown.partial, unknown.expected) == (b"", None)
    assert str(unknown) == "0 bytes read on a total of undefined expected bytes"


def test_an_overrun_tells_how_much_was_searched() -> None:
    error = miniloop.LimitOverrunError("too long", 7)
    assert (str(error), error.consumed) == ("too long", 7)


@pytest.mark.parametrize(
    "error",
    [
        miniloop.CancelledError("why"),
        miniloop.IncompleteReadError(b"abc", 5),
        miniloop.IncompleteReadError(b"abc", None),
        miniloop.LimitOverrunError("too long", 7),
    ],
    ids=repr,
)
def test_an_exception_comes_back_from_another_process_as_it_was(error: BaseException) -> None:
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back), vars(back)) == (type(error), str(error), vars(error))
