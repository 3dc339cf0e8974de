"""File descriptors: calls of select(), readers and writers, and wake-ups of the loop."""

from __future__ import annotations

import logging
import selectors
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import miniloop
from tests.virtual import logged, virtual_loop


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two connected non-blocking sockets."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.setblocking(False)
        yield ours, theirs


Pair = tuple[socket.socket, socket.socket]

# When select() is called


def test_select_is_not_called_while_something_is_ready_and_nothing_is_watched() -> None:
    async def work() -> None:
        for _ in range(100):
            await miniloop.sleep(0)

    with virtual_loop() as loop:
        loop.run_until_complete(work())
        assert loop.counter.timeouts == []
        loop.call_later(1, loop.stop)
        loop.run_forever()
        assert loop.counter.timeouts == [1.0]


def test_select_is_called_in_each_iteration_while_a_descriptor_is_watched(pair: Pair) -> None:
    ours, _ = pair
    with virtual_loop() as loop:
        steps = []

        def count_turns(turns: int) -> None:
            del loop.counter.timeouts[:]
            loop.run_turns(turns)
            steps.append(loop.counter.timeouts[:])

        count_turns(3)
        loop.add_reader(ours, print)
        count_turns(3)
        loop.remove_reader(ours)
        count_turns(3)
        loop.add_writer(ours, lambda: None)
        count_turns(2)
        loop.remove_writer(ours)
        count_turns(2)
    assert steps == [[], [0, 0, 0], [], [0, 0], []]


def test_callbacks_do_not_starve_a_ready_descriptor(pair: Pair) -> None:
    ours, theirs = pair
    steps: list[str] = []
    with virtual_loop() as loop:

        def again() -> None:
            steps.append("callback")
            loop.call_soon(again)

        def read() -> None:
            steps.append(ours.recv(10).decode())
            loop.stop()

        loop.add_reader(ours, read)
        theirs.send(b"bytes")
        loop.call_soon(again)
        loop.run_forever()
        loop.remove_reader(ours)
    assert steps == ["callback", "bytes"]


# Readers and writers


def test_a_descriptor_has_one_reader_and_one_writer_and_a_new_one_replaces_it(pair: Pair) -> None:
    ours, theirs = pair
    steps: list[object] = []
    with virtual_loop() as loop:
        for name in ("first reader", "second reader"):
            loop.add_reader(ours, steps.append, name)
        for name in ("first writer", "second writer"):
            loop.add_writer(ours, steps.append, name)
        theirs.send(b"x")
        loop.run_turns()
        assert steps == ["second reader", "second writer"]
        steps = [loop.remove_reader(ours), loop.remove_reader(ours)]
        steps += [loop.remove_writer(ours), loop.remove_writer(ours)]
        assert steps == [True, False, True, False]
        assert len(loop.counter.get_map()) == 1


def test_a_reader_removed_in_the_same_iteration_is_not_called(pair: Pair) -> None:
    ours, theirs = pair
    steps: list[str] = []
    with virtual_loop() as loop:
        loop.add_writer(ours, steps.append, "writer")
        loop.add_reader(ours, steps.append, "reader")
        theirs.send(b"x")
        loop.call_soon(loop.remove_reader, ours)
        loop.call_soon(loop.remove_writer, ours)
        loop.run_turns()
    assert steps == []


@pytest.mark.parametrize("wrong", ["socket", None, 1.5, object()])
def test_a_descriptor_is_a_number_or_has_a_fileno_method(wrong: object) -> None:
    with virtual_loop() as loop:
        for method in (loop.add_reader, loop.add_writer):
            with pytest.raises(ValueError, match=r"^Invalid file object: "):
                method(wrong, print)
        for remove in (loop.remove_reader, loop.remove_writer):
            with pytest.raises(ValueError, match=r"^Invalid file object: "):
                remove(wrong)


def test_a_descriptor_of_a_transport_cannot_be_watched(pair: Pair) -> None:
    ours, _ = pair

    async def story() -> None:
        loop = miniloop.get_running_loop()
        transport, _ = await loop.create_connection(miniloop.Protocol, sock=ours)
        for add in (loop.add_reader, loop.add_writer):
            with pytest.raises(RuntimeError, match="is used by transport"):
                add(ours, print)
        for remove in (loop.remove_reader, loop.remove_writer):
            with pytest.raises(RuntimeError, match="is used by transport"):
                remove(ours)
        with pytest.raises(RuntimeError, match="is used by transport"):
            await loop.sock_recv(ours, 1)
        transport.close()
        await miniloop.sleep(0)

    with virtual_loop() as loop:
        loop.run_until_complete(story())


# What wakes the loop


def test_call_soon_threadsafe_wakes_a_waiting_loop() -> None:
    waits = threading.Event()
    steps: list[object] = []

    class Announcing(selectors.DefaultSelector):
        def select(self, timeout: float | None = None) -> Any:
            if timeout != 0:
                waits.set()
            return super().select(timeout)

    loop: Any = miniloop.SelectorEventLoop(Announcing())

    def from_outside() -> None:
        assert waits.wait(30)
        loop.call_soon_threadsafe(steps.append, "woken")
        loop.call_soon_threadsafe(loop.stop)

    loop.call_later(30, steps.append, "the loop was not woken")
    thread = threading.Thread(target=from_outside)
    thread.start()
    loop.run_forever()
    thread.join()
    loop.close()
    assert steps == ["woken"]


def test_many_wake_ups_do_not_block_and_are_not_lost() -> None:
    steps: list[int] = []
    with virtual_loop() as loop, logged(logging.DEBUG) as lines:
        for number in range(10_000):  # far more bytes than fit into the socket's buffer
            loop.call_soon_threadsafe(steps.append, number)
        loop.run_turns()
        loop.call_later(1, loop.stop)
        loop.run_forever()
        assert steps == list(range(10_000))
        with pytest.raises(BlockingIOError):
            loop._ssock.recv(1)
    assert lines == []


def test_closing_closes_the_sockets_and_the_selector() -> None:
    loop: Any = miniloop.SelectorEventLoop()
    sockets = [loop._ssock, loop._csock]
    selector = loop._selector
    assert len(selector.get_map()) == 1
    loop.close()
    loop.close()
    assert [sock.fileno() for sock in sockets] == [-1, -1]
    assert selector.get_map() is None
    assert loop.remove_reader(0) is False


def test_a_program_can_choose_the_selector() -> None:
    selector = selectors.SelectSelector()
    loop: Any = miniloop.SelectorEventLoop(selector)
    assert loop._selector is selector
    loop.run_until_complete(miniloop.sleep(0))
    loop.close()
