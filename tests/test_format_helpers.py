"""How callbacks, waiters and source locations appear in a repr or a log line."""

from __future__ import annotations

import functools
import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from miniloop import format_helpers
from miniloop.format_helpers import _format_callback_source, _format_context
from tests.virtual import virtual_loop


def callback(*args: object, **kwargs: object) -> None:
    """A callback that does nothing."""


HERE = f" at {__file__}:{callback.__code__.co_firstlineno}"


@pytest.mark.parametrize(
    ("function", "args", "plain", "in_debug"),
    [
        (callback, (), f"callback(){HERE}", f"callback(){HERE}"),
        (callback, ("pass", 1), f"callback(){HERE}", f"callback('pass', 1){HERE}"),
        (
            functools.partial(callback, 1, key="word"),
            (2,),
            f"callback()(){HERE}",
            f"callback(1, key='word')(2){HERE}",
        ),
        (
            functools.partial(functools.partial(callback, 1), 2),
            (),
            f"callback()(){HERE}",
            f"callback(1, 2)(){HERE}",
        ),
        (print, ("word",), "print()", "print('word')"),
        ([].append, (1,), "list.append()", "list.append(1)"),
        (str.upper, (), "str.upper()", "str.upper()"),
    ],
)
def test_the_arguments_of_a_callback_are_shown_only_in_debug_mode(
    function: Any, args: tuple[object, ...], plain: str, in_debug: str
) -> None:
    assert _format_callback_source(function, args) == plain
    assert _format_callback_source(function, args, debug=True) == in_debug


def test_long_arguments_are_truncated() -> None:
    shown = _format_callback_source(print, ("x" * 1000, list(range(1000))), debug=True)
    assert len(shown) < 100
    assert "..." in shown


def test_a_decorated_function_is_shown_with_its_own_source_line() -> None:
    @functools.wraps(callback)
    def wrapper() -> None:
        """The wrapper, whose source line should not be shown."""

    assert _format_callback_source(wrapper, ()) == f"callback(){HERE}"


def test_an_object_without_a_name_is_shown_by_its_repr() -> None:
    class Nameless:
        def __call__(self) -> None: ...

        def __repr__(self) -> str:
            return "<something>"

    assert _format_callback_source(Nameless(), ()) == "<something>()"


def test_only_the_first_and_last_of_many_callbacks_are_shown() -> None:
    def first(_: object) -> None: ...
    def other(_: object) -> None: ...
    def last(_: object) -> None: ...

    with virtual_loop() as loop:
        future = loop.create_future()
        shown = []
        for function in (first, last, other, other, last):
            future.add_done_callback(function)
            parts = re.findall(r"<locals>\.(\w+)\(\) at|(<\d more>)", repr(future))
            shown.append([name or more for name, more in parts])
    assert shown == [
        ["first"],
        ["first", "last"],
        ["first", "<1 more>", "other"],
        ["first", "<2 more>", "other"],
        ["first", "<3 more>", "last"],
    ]


def test_a_report_is_its_message_followed_by_one_line_per_key() -> None:
    stack = format_helpers.extract_stack()
    told = _format_context({"message": "it broke", "zebra": 1, "exception": KeyError(), "apple": 2})
    assert told.splitlines() == ["it broke", "apple: 2", "zebra: 1"]
    assert _format_context({}) == "Unhandled exception in event loop"
    first, heading, *frames = _format_context({"source_traceback": stack}).splitlines()
    assert [first, heading] == [
        "Unhandled exception in event loop",
        "source_traceback: Object created at (most recent call last):",
    ]
    assert frames[-1].strip() == "stack = format_helpers.extract_stack()"
    (_, heading, *_) = _format_context({"handle_traceback": stack}).splitlines()
    assert heading == "handle_traceback: Handle created at (most recent call last):"


# Where objects were created


def test_the_stack_ends_at_the_program_line_that_called_the_package() -> None:
    with virtual_loop(debug=True) as loop:

        def by_way_of_the_program() -> Any:
            return loop.call_soon(print)

        handles = [by_way_of_the_program(), loop.call_later(1, print), loop.call_at(1, print)]
        ends = [handle._source_traceback[-1] for handle in handles]
        future = loop.create_future()
        task = loop.create_task(_nothing())
        ends += [vars(thing)["_source_traceback"][-1] for thing in (future, task)]
        loop.run_until_complete(task)
    this = "test_the_stack_ends_at_the_program_line_that_called_the_package"
    assert [(end.filename, end.name) for end in ends] == [
        (__file__, "by_way_of_the_program"),
        *[(__file__, this)] * 4,
    ]


async def _nothing() -> None: ...


def test_only_the_innermost_frames_are_recorded() -> None:
    def descend(depth: int) -> Any:
        return descend(depth - 1) if depth else format_helpers.extract_stack()

    stack = descend(50)
    assert [frame.name for frame in stack] == ["descend"] * format_helpers.DEBUG_STACK_DEPTH


@pytest.fixture
def program_in_the_package(tmp_path: Path) -> ModuleType:
    """Create a module that appears to belong to the package, and return its function."""
    file = tmp_path / "inside.py"
    file.write_text("def call(function):\n    return function()\n")
    spec = importlib.util.spec_from_file_location("miniloop.inside", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_frames_of_the_package_are_left_out(program_in_the_package: ModuleType) -> None:
    stack = program_in_the_package.call(format_helpers.extract_stack)
    names = [frame.name for frame in stack]
    assert names[-1] == "test_frames_of_the_package_are_left_out"
    assert "call" not in names
