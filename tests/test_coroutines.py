"""Which objects count as coroutines, and how coroutines are shown."""

from __future__ import annotations

import asyncio
import functools
import types
import warnings
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
    """Has the four methods of a coroutine, and runs like one."""

    def send(self, value: object) -> None:
        raise StopIteration("done")

    def throw(self, *args: Any) -> None:
        raise StopIteration

    def close(self) -> None:
        """Do nothing."""

    def __await__(self) -> ByHand:
        return self


@pytest.mark.parametrize(
    ("make", "answer"),
    [
        (native, True),
        (ByHand, True),
        (decorated, False),  # it returns a plain generator; only `await` recognizes the decorator
        (plain_generator, False),
        (asynchronous_generator, False),
        (object, False),
        (lambda: native, False),
    ],
)
def test_an_object_with_the_methods_of_a_coroutine_is_a_coroutine(
    make: Callable[[], Any], answer: bool
) -> None:
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
def test_a_coroutine_function_is_recognized_by_its_definition(function: Any, answer: bool) -> None:
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        assert miniloop.iscoroutinefunction(function) is answer
        assert asyncio.iscoroutinefunction(function) in (answer, function is decorated)


def test_a_coroutine_is_shown_with_its_current_line() -> None:
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


def test_a_coroutine_without_code_is_shown_with_its_type() -> None:
    class Compiled(ByHand):
        """Like a coroutine compiled to C: it has a name, and a flag that says whether it runs."""

        __name__ = "compiled"
        cr_running = True

    assert _format_coroutine(ByHand()) == "<ByHand without __name__>()"
    assert _format_coroutine(Compiled()) == "compiled() running"
