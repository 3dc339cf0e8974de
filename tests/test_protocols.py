"""The base classes of protocols: they have every method, and each method does nothing."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest

import miniloop

KINDS = ["BaseProtocol", "Protocol", "BufferedProtocol"]


def methods(kind: type) -> dict[str, list[str]]:
    return {
        name: list(inspect.signature(method).parameters)
        for name, method in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }


@pytest.mark.parametrize("name", KINDS)
def test_a_protocol_has_the_same_methods_as_in_asyncio(name: str) -> None:
    assert methods(getattr(miniloop, name)) == methods(getattr(asyncio, name))


@pytest.mark.parametrize("name", KINDS)
def test_every_method_returns_none_so_eof_closes_the_transport(name: str) -> None:
    protocol: Any = getattr(miniloop, name)()
    for method, parameters in methods(type(protocol)).items():
        assert getattr(protocol, method)(*parameters[1:]) is None


def test_protocols_have_no_instance_dictionary_unless_a_subclass_adds_one() -> None:
    for name in KINDS:
        kind = getattr(miniloop, name)
        assert not hasattr(kind(), "__dict__")
        assert hasattr(type("Own", (kind,), {})(), "__dict__")


def test_stream_protocol_classes_do_not_inherit_from_each_other() -> None:
    assert issubclass(miniloop.Protocol, miniloop.BaseProtocol)
    assert issubclass(miniloop.BufferedProtocol, miniloop.BaseProtocol)
    assert not issubclass(miniloop.BufferedProtocol, miniloop.Protocol)
