"""The exceptions: their base classes and their attributes."""

from __future__ import annotations

import asyncio
import builtins
import pickle

import pytest

import miniloop
from miniloop import exceptions


@pytest.mark.parametrize("name", exceptions.__all__)
def test_each_exception_has_the_same_bases_as_in_asyncio(name: str) -> None:
    ours, theirs = getattr(miniloop, name), getattr(asyncio, name)
    assert [base.__name__ for base in ours.__mro__] == [base.__name__ for base in theirs.__mro__]


def test_only_timeout_error_is_the_same_class_as_in_asyncio() -> None:
    shared = [
        name for name in exceptions.__all__ if getattr(miniloop, name) is getattr(asyncio, name)
    ]
    assert shared == ["TimeoutError"]
    assert miniloop.TimeoutError is builtins.TimeoutError


def test_except_exception_does_not_catch_a_cancellation() -> None:
    steps = []
    try:
        try:
            raise miniloop.CancelledError("stop")
        except Exception:
            steps.append("caught as an error")
    except miniloop.CancelledError as request:
        steps.append(f"cancelled with {request}")
    assert steps == ["cancelled with stop"]


def test_incompletereaderror_has_the_partial_data_and_the_expected_length() -> None:
    known = miniloop.IncompleteReadError(b"abc", 5)
    unknown = miniloop.IncompleteReadError(b"", None)
    assert (known.partial, known.expected) == (b"abc", 5)
    assert str(known) == "3 bytes read on a total of 5 expected bytes"
    assert (unknown.partial, unknown.expected) == (b"", None)
    assert str(unknown) == "0 bytes read on a total of undefined expected bytes"


def test_limitoverrunerror_has_the_number_of_bytes_searched() -> None:
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
def test_exceptions_can_be_pickled(error: BaseException) -> None:
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back), vars(back)) == (type(error), str(error), vars(error))
