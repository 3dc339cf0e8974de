"""add_reader, add_writer and their removal: callbacks for file descriptors."""

from __future__ import annotations

import contextvars
import os
import socket
from typing import Any

from tests.parity.harness import Stage, attempt
from tests.parity.network import Recorder, connected, fill, pair, unread


def test_a_reader_is_called_in_every_iteration_until_all_data_is_read(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with pair() as (ours, peer):
            loop.add_reader(ours, lambda: log(ours.recv(2)))
            peer.send(b"abcde")
            await aio.sleep(1)
            log("no more calls", stage.now)
            peer.send(b"f")
            await aio.sleep(1)
            loop.remove_reader(ours)

    assert stage.run(main) == [b"ab", b"cd", b"e", ("no more calls", 1.0), b"f"]


def test_a_reader_that_does_not_read_is_called_again_in_every_iteration(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with pair() as (ours, peer):
            calls: list[int] = []

            def ignore() -> None:
                calls.append(len(calls))
                if len(calls) == 3:
                    log("removed", loop.remove_reader(ours))

            loop.add_reader(ours, ignore)
            peer.send(b"?")
            await aio.sleep(1)
            log(calls, unread(ours))

    assert stage.run(main) == [("removed", True), ([0, 1, 2], b"?")]


def test_a_second_reader_replaces_the_first(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with pair() as (ours, peer):
            log(loop.add_reader(ours, log, "the first"))
            log(loop.add_reader(ours, lambda: log("the second", ours.recv(10))))
            peer.send(b"data")
            await aio.sleep(1)
            log(loop.remove_reader(ours), loop.remove_reader(ours))

    assert stage.run(main) == [None, None, ("the second", b"data"), (True, False)]


def test_a_ready_reader_does_not_run_if_it_is_replaced(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with pair() as (first, first_peer), pair() as (second, second_peer):
            both = {"first": first, "second": second}

            def called(name: str, other: str) -> None:
                both[name].recv(10)
                loop.add_reader(both[other], lambda: log("replaced", both[other].recv(10)))

            loop.add_reader(first, called, "first", "second")
            loop.add_reader(second, called, "second", "first")
            first_peer.send(b"data")
            second_peer.send(b"data")
            await aio.sleep(1)
            loop.remove_reader(first)
            loop.remove_reader(second)

    assert stage.run(main) == [("replaced", b"data")]


def test_of_two_readers_that_remove_each_other_only_one_runs(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with pair() as (first, first_peer), pair() as (second, second_peer):
            for ours, other in ((first, second), (second, first)):

                def called(ours: socket.socket = ours, other: socket.socket = other) -> None:
                    log("called", ours.recv(10), loop.remove_reader(other))

                loop.add_reader(ours, called)
            first_peer.send(b"data")
            second_peer.send(b"data")
            await aio.sleep(1)
            log(loop.remove_reader(first) + loop.remove_reader(second))

    assert stage.run(main) == [("called", b"data", True), 1]


def test_the_reader_and_the_writer_of_a_socket_are_independent(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with pair() as (ours, peer):

            def write() -> None:
                log("writer", ours.send(b"ping"), loop.remove_writer(ours))

            loop.add_reader(ours, lambda: log("reader", ours.recv(10)))
            loop.add_writer(ours, write)
            await aio.sleep(1)
            log(unread(peer), loop.remove_writer(ours))
            peer.send(b"pong")
            await aio.sleep(1)
            log(loop.remove_reader(ours))

    assert stage.run(main) == [("writer", 4, True), (b"ping", False), ("reader", b"pong"), True]


def test_a_writer_is_called_once_there_is_room_again(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with pair() as (ours, peer):

            def write() -> None:
                log("there is room", stage.now)
                loop.remove_writer(ours)

            fill(ours)
            loop.add_writer(ours, write)
            await aio.sleep(1)
            log("still full", stage.now)
            unread(peer)
            await aio.sleep(1)

    assert stage.run(main) == [("still full", 1.0), ("there is room", 1.0)]


def test_a_reader_is_called_at_eof(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with pair() as (ours, peer):

            def read() -> None:
                log(ours.recv(10), loop.remove_reader(ours))

            loop.add_reader(ours, read)
            peer.shutdown(socket.SHUT_WR)
            await aio.sleep(1)

    assert stage.run(main) == [(b"", True)]


def test_a_closed_peer_wakes_reader_and_writer(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with pair() as (ours, peer):
            fill(ours)
            woken: set[str] = set()

            def wake(name: str, remove: Any) -> None:
                woken.add(name)
                remove(ours)

            loop.add_reader(ours, wake, "reader", loop.remove_reader)
            loop.add_writer(ours, wake, "writer", loop.remove_writer)
            peer.close()
            await aio.sleep(1)
            log(sorted(woken))

    assert stage.run(main) == [["reader", "writer"]]


def test_a_reader_gets_its_arguments_and_the_context_it_was_added_in(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    variable = contextvars.ContextVar("variable", default="unset")

    async def main() -> None:
        loop = aio.get_running_loop()
        with pair() as (ours, peer):

            def read(*args: object) -> None:
                log(args, variable.get())
                variable.set("set by the reader")
                ours.recv(1)

            variable.set("when it was added")
            loop.add_reader(ours, read, 1, "two")
            variable.set("later")
            peer.send(b"ab")
            await aio.sleep(1)
            loop.remove_reader(ours)
            log(variable.get())

    assert stage.run(main) == [
        ((1, "two"), "when it was added"),
        ((1, "two"), "set by the reader"),
        "later",
    ]


def test_a_reader_that_raises_is_reported_and_called_again(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.set_exception_handler(lambda _, context: log(repr(context["exception"])))
        with pair() as (ours, peer):

            def read() -> None:
                raise ValueError(ours.recv(1))

            loop.add_reader(ours, read)
            peer.send(b"ab")
            await aio.sleep(1)
            loop.remove_reader(ours)

    assert stage.run(main) == ["ValueError(b'a')", "ValueError(b'b')"]


def test_a_descriptor_may_be_given_as_a_number(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        read_end, write_end = os.pipe()
        loop.add_reader(read_end, lambda: log(os.read(read_end, 10)))
        os.write(write_end, b"by a pipe")
        await aio.sleep(1)
        log(loop.remove_reader(read_end), loop.remove_reader(read_end))
        os.close(read_end)
        os.close(write_end)

    assert stage.run(main) == [b"by a pipe", (True, False)]


def test_invalid_descriptors_raise(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        log(attempt(loop.add_reader, "no file", print))
        log(attempt(loop.remove_reader, None))
        log(attempt(loop.add_writer, -1, print))
        with pair() as (ours, _):
            ours.close()
            log(attempt(loop.add_reader, ours.fileno(), print))
            log(attempt(loop.remove_writer, -1))

    assert stage.run(main) == [
        "raised ValueError: Invalid file object: 'no file'",
        "raised ValueError: Invalid file object: None",
        "raised ValueError: Invalid file descriptor: -1",
        "raised ValueError: Invalid file descriptor: -1",
        "raised ValueError: Invalid file descriptor: -1",
    ]


def test_the_socket_of_a_transport_cannot_be_watched_by_the_program(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        async with connected(stage, Recorder(stage)) as (transport, _):
            number = transport.get_extra_info("socket").fileno()
            for method in (loop.remove_reader, loop.remove_writer):
                log(attempt(method, number).partition(" descriptor ")[0])
            for method in (loop.add_reader, loop.add_writer):
                log(attempt(method, number, print).partition(" descriptor ")[0])

    assert stage.run(main) == [
        ("protocol", "made"),
        *["raised RuntimeError: File"] * 4,
        ("protocol", "lost", None),
    ]


def test_a_closed_loop_watches_nothing(stage: Stage) -> None:
    log, loop = stage.log, stage.new_loop()
    with pair() as (ours, _):
        loop.add_reader(ours, print)
        loop.add_writer(ours, print)
        loop.close()
        log(attempt(loop.add_reader, ours, print), attempt(loop.add_writer, ours, print))
        log(loop.remove_reader(ours), loop.remove_writer(ours))

    assert log == [
        ("raised RuntimeError: Event loop is closed", "raised RuntimeError: Event loop is closed"),
        (False, False),
    ]
