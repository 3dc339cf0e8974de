"""AbstractEventLoop and AbstractServer: the methods of asyncio's, and none of them implemented."""

from __future__ import annotations

import asyncio
import inspect
import sys
from typing import Any
from unittest import mock

import pytest

from miniloop.abstract import AbstractEventLoop, AbstractServer
from miniloop.coroutines import _iscoroutinefunction

PAIRS = [(AbstractEventLoop, asyncio.AbstractEventLoop), (AbstractServer, asyncio.AbstractServer)]

#: Methods and parameters that a later asyncio added; miniloop has them on every interpreter.
SINCE = {
    (3, 13): {
        "AbstractServer.close_clients",
        "AbstractServer.abort_clients",
        "AbstractEventLoop.create_server(keep_alive)",
    }
}
NEWER = {name for version, names in SINCE.items() if version > sys.version_info for name in names}


def methods(kind: type) -> dict[str, Any]:
    """Every method that the class itself defines, private ones included."""
    return {name: it for name, it in vars(kind).items() if inspect.isfunction(it)}


METHODS = [
    pytest.param(getattr(ours, name, None), theirs, id=f"{ours.__name__}.{name}")
    for ours, reference in PAIRS
    for name, theirs in methods(reference).items()
]


def parameters(function: Any) -> list[tuple[str, object, object]]:
    found = inspect.signature(function).parameters.values()
    names = [
        (parameter.name, parameter.kind, parameter.default)
        for parameter in found
        if f"{function.__qualname__}({parameter.name})" not in NEWER
    ]
    # The order counts where arguments may be given by position.
    return sorted(names, key=lambda it: it[0] if it[1] is inspect.Parameter.KEYWORD_ONLY else "")


def test_the_methods_are_asyncios() -> None:
    for ours, reference in PAIRS:
        newer = {name for name in methods(ours) if f"{ours.__name__}.{name}" in NEWER}
        assert methods(ours).keys() == methods(reference).keys() | newer


def older_asyncio_differs(name: str) -> bool:
    return name == "AbstractEventLoop.create_task" and sys.version_info < (3, 14)


@pytest.mark.parametrize(
    ("ours", "theirs"), [method for method in METHODS if not older_asyncio_differs(str(method.id))]
)
def test_parameters_and_defaults_are_asyncios(ours: Any, theirs: Any) -> None:
    assert parameters(ours) == parameters(theirs)


@pytest.mark.parametrize(("ours", "theirs"), METHODS)
def test_a_method_is_a_coroutine_function_where_asyncios_is(ours: Any, theirs: Any) -> None:
    assert inspect.iscoroutinefunction(ours) == inspect.iscoroutinefunction(theirs)
    assert _iscoroutinefunction(ours) == inspect.iscoroutinefunction(theirs)


@pytest.mark.parametrize("kind", [AbstractEventLoop, AbstractServer])
def test_a_mock_with_the_class_as_its_spec_has_awaitable_coroutine_methods(kind: type) -> None:
    # The tests of aiohttp, and of programs that take a loop as argument, make such mocks.
    double = mock.create_autospec(kind, spec_set=True, instance=True)
    for name, method in methods(kind).items():
        if not name.startswith("__"):
            is_async = inspect.iscoroutinefunction(method)
            assert isinstance(getattr(double, name), mock.AsyncMock) == is_async, name


def required_arguments(method: Any) -> list[None]:
    """The fewest arguments that the signature accepts, all of them None."""
    without_self = list(inspect.signature(method).parameters.values())[1:]
    return [
        None
        for parameter in without_self
        if parameter.default is parameter.empty and "VAR_" not in parameter.kind.name
    ]


@pytest.mark.parametrize("kind", [AbstractEventLoop, AbstractServer])
def test_every_method_raises_not_implemented_error(kind: type) -> None:
    for name, method in methods(kind).items():
        if name.startswith("__"):
            continue
        is_async = inspect.iscoroutinefunction(method)
        with pytest.raises(NotImplementedError):
            result = getattr(kind(), name)(*required_arguments(method))
            assert is_async, name
            result.send(None)  # a coroutine raises when it is awaited, and not before


def test_call_soon_is_call_later_without_a_delay() -> None:
    class Loop(AbstractEventLoop):
        def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> Any:
            return (delay, callback, args, context)

    context = mock.sentinel.context
    assert Loop().call_soon(print, 1, 2, context=context) == (0, print, (1, 2), context)


def test_leaving_the_block_of_a_server_closes_it_and_waits() -> None:
    steps = []

    class Server(AbstractServer):
        def close(self) -> None:
            steps.append("close")

        async def wait_closed(self) -> None:
            steps.append("wait_closed")

    async def main() -> None:
        server = Server()
        async with server as entered:
            assert entered is server
            steps.append("inside")

    with pytest.raises(StopIteration):
        main().send(None)
    assert steps == ["inside", "close", "wait_closed"]
