"""The base classes of protocols: every method is there, and none of them does anything."""

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
def test_a_protocol_has_the_methods_of_asyncios(name: str) -> None:
    assert methods(getattr(miniloop, name)) == methods(getattr(asyncio, name))


@pytest.mark.parametrize("name", KINDS)
def test_to_do_nothing_is_the_default_and_closes_at_the_end_of_file(name: str) -> None:
    protocol: Any = getattr(miniloop, name)()
    for method, parameters in methods(type(protocol)).items():
        assert getattr(protocol, method)(*parameters[1:]) is None


def test_protocols_have_no_fields_unless_a_subclass_wants_some() -> None:
    for name in KINDS:
        kind = getattr(miniloop, name)
        assert not hasattr(kind(), "__dict__")
        assert hasattr(type("Own", (kind,), {})(), "__dict__")


def test_only_a_stream_protocol_of_one_kind_or_the_other_is_either() -> None:
    assert issubclass(miniloop.Protocol, miniloop.BaseProtocol)
    assert issubclass(miniloop.BufferedProtocol, miniloop.BaseProtocol)
    assert not issubclass(miniloop.BufferedProtocol, miniloop.Protocol)
