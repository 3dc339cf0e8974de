"""SelectorEventLoop: the class of a new loop, and the order of its base classes."""

from __future__ import annotations

import miniloop
from miniloop import READING_ORDER


def test_a_new_loop_is_a_selector_event_loop() -> None:
    loop = miniloop.new_event_loop()
    assert type(loop) is miniloop.SelectorEventLoop is miniloop.EventLoop
    assert isinstance(loop, miniloop.AbstractEventLoop)
    loop.close()


def test_the_base_classes_of_the_loop_are_in_reading_order() -> None:
    files = [name for ring in READING_ORDER.values() for name in ring]
    modules = [
        base.__module__.rpartition(".")[2] for base in reversed(miniloop.SelectorEventLoop.__mro__)
    ][1:]
    assert modules[:2] == ["events", "base_events"]
    assert modules[-1] == "unix_events"
    assert [files.index(module) for module in modules] == sorted(
        files.index(module) for module in modules
    )


def test_two_loops_share_no_state() -> None:
    one, other = miniloop.new_event_loop(), miniloop.new_event_loop()
    one.call_soon(print)
    one.close()
    assert (other.is_closed(), len(other._ready)) == (False, 0)
    assert other.run_until_complete(miniloop.sleep(0, "alive")) == "alive"
    other.close()
