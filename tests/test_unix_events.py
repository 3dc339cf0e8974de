"""SelectorEventLoop: the class of a new loop, its base classes, and where its methods are."""

from __future__ import annotations

import inspect

import miniloop
from miniloop import debug


def test_a_new_loop_is_a_selector_event_loop() -> None:
    loop = miniloop.new_event_loop()
    assert type(loop) is miniloop.SelectorEventLoop is miniloop.EventLoop
    assert isinstance(loop, miniloop.AbstractEventLoop)
    loop.close()


def test_the_loop_has_asyncios_three_classes_upon_the_kernel() -> None:
    names = [kind.__name__ for kind in miniloop.SelectorEventLoop.__mro__]
    assert names == [
        "SelectorEventLoop",
        "BaseSelectorEventLoop",
        "BaseEventLoop",
        "Kernel",
        "AbstractEventLoop",
        "object",
    ]
    assert miniloop.BaseEventLoop.__module__ == "miniloop.unix_events"


def test_each_method_of_the_loop_is_defined_once() -> None:
    """A method of a base class is replaced only where the class says how it differs."""
    kernel, base, selector, unix = reversed(miniloop.SelectorEventLoop.__mro__[:4])
    replaced = {
        (one.__name__, name)
        for one, *bases in (
            (base, kernel),
            (selector, base, kernel),
            (unix, selector, base, kernel),
        )
        for name in vars(one)
        if callable(getattr(one, name)) and any(name in vars(below) for below in bases)
    }
    assert replaced == {
        ("BaseEventLoop", "__init__"),
        ("BaseSelectorEventLoop", "__init__"),
        ("SelectorEventLoop", "_sock_sendfile_native"),  # with os.sendfile
    }


def test_every_abstract_method_of_a_loop_is_implemented() -> None:
    abstract = miniloop.AbstractEventLoop
    missing = {
        name
        for name, value in vars(abstract).items()
        if inspect.isfunction(value) and getattr(miniloop.SelectorEventLoop, name) is value
    }
    assert missing == set()


def test_a_bound_function_is_a_method_like_any_other() -> None:
    loop = miniloop.new_event_loop()
    assert loop.get_debug.__func__ is debug.get_debug
    assert loop.add_reader.__self__ is loop
    assert list(inspect.signature(loop.add_reader).parameters) == ["fd", "callback", "args"]
    assert inspect.iscoroutinefunction(loop.create_server)
    loop.close()


def test_two_loops_share_no_state() -> None:
    one, other = miniloop.new_event_loop(), miniloop.new_event_loop()
    one.call_soon(print)
    one.close()
    assert (other.is_closed(), len(other._ready)) == (False, 0)
    assert other.run_until_complete(miniloop.sleep(0, "alive")) == "alive"
    other.close()
