"""What counts as a coroutine, and how one is named."""

from __future__ import annotations

import asyncio
import functools
import types
from collections.abc import AsyncIterator, Callable, Generator
from typing import Any

import pytest

import miniloop
from miniloop.coroutines import _format_coroutine


async def native() -> None:
    await miniloop.sleep(0)


@types.coroutine
def decorated() -> Generator[None, None, None]:
    yield


def plain_generator() -> Generator[None, None, None]:
    yield


async def asynchronous_generator() -> AsyncIterator[None]:
    yield


class ByHand:
    """Has the four methods, and is driven like any other."""

    def send(self, value: object) -> None:
        raise StopIteration("by hand")

    def throw(self, *args: Any) -> None:
        raise StopIteration

    def close(self) -> None:
        """Nothing is open."""

    def __await__(self) -> ByHand:
        return self


@pytest.mark.parametrize(
    ("make", "answer"),
    [
        (native, True),
        (ByHand, True),
        (decorated, False),  # the object is a generator; only `await` knows of the decoration
        (plain_generator, False),
        (asynchronous_generator, False),
        (object, False),
        (lambda: native, False),
    ],
)
def test_a_coroutine_is_what_has_its_methods(make: Callable[[], Any], answer: bool) -> None:
    thing = make()
    assert miniloop.iscoroutine(thing) is answer
    assert asyncio.iscoroutine(thing) in (answer, isinstance(thing, types.GeneratorType))
    if hasattr(thing, "close"):
        thing.close()


@pytest.mark.parametrize(
    ("function", "answer"),
    [
        (native, True),
        (functools.partial(native), True),
        (decorated, False),
        (plain_generator, False),
        (asynchronous_generator, False),
        (lambda: native(), False),
        (ByHand, False),
        (None, False),
    ],
)
def test_a_coroutine_function_is_told_by_its_definition(function: Any, answer: bool) -> None:
    assert miniloop.iscoroutinefunction(function) is answer
    assert asyncio.iscoroutinefunction(function) in (answer, function is decorated)


def test_a_coroutine_is_named_with_the_line_it_stands_at() -> None:
    coro = native()
    first_line = native.__code__.co_firstlineno
    steps = [_format_coroutine(coro)]
    coro.send(None)
    steps.append(_format_coroutine(coro))
    coro.close()
    steps.append(_format_coroutine(coro))
    assert [step.replace(__file__, "here") for step in steps] == [
        f"native() running at here:{first_line}",
        f"native() running at here:{first_line + 1}",
        f"native() done, defined at here:{first_line}",
    ]


def test_what_has_no_code_has_at_least_its_type() -> None:
    class Compiled(ByHand):
        """As a compiler to C makes them: a name, and whether it runs."""

        __name__ = "compiled"
        cr_running = True

    assert _format_coroutine(ByHand()) == "<ByHand without __name__>()"
    assert _format_coroutine(Compiled()) == "compiled() running"
