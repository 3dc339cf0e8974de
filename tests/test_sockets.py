"""loop.sock_*: invalid sockets, watched descriptors, and numeric addresses without a look-up."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from miniloop.sockets import _info_of_number
from tests.virtual import VirtualLoop, virtual_loop

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.setblocking(False)
        yield ours, theirs


def watched(loop: VirtualLoop) -> int:
    """Return how many descriptors the loop watches, without its own."""
    return len(loop.counter.get_map()) - 1


METHODS: dict[str, tuple[Any, ...]] = {
    "sock_recv": (1,),
    "sock_recv_into": (bytearray(1),),
    "sock_recvfrom": (1,),
    "sock_recvfrom_into": (bytearray(1),),
    "sock_sendto": (b"x", ("127.0.0.1", 1)),
    "sock_sendall": (b"x",),
    "sock_connect": (("127.0.0.1", 1),),
    "sock_accept": (),
}


@pytest.mark.parametrize("name", METHODS)
def test_a_tls_socket_raises(name: str, pair: Pair) -> None:
    ours, _ = pair
    context = ssl.create_default_context()
    wrapped = context.wrap_socket(ours, do_handshake_on_connect=False, server_hostname="localhost")
    with virtual_loop() as loop, wrapped:
        with pytest.raises(TypeError, match=r"^Socket cannot be of type SSLSocket$"):
            loop.run_until_complete(getattr(loop, name)(wrapped, *METHODS[name]))


@pytest.mark.parametrize("name", METHODS)
def test_in_debug_mode_a_blocking_socket_raises(name: str) -> None:
    with virtual_loop(debug=True) as loop, socket.socket() as blocking:
        with pytest.raises(ValueError, match=r"^the socket must be non-blocking$"):
            loop.run_until_complete(getattr(loop, name)(blocking, *METHODS[name]))


def test_data_that_is_already_there_is_received_without_watching(pair: Pair) -> None:
    ours, theirs = pair
    with virtual_loop() as loop:
        theirs.send(b"abcdef")
        buffer = bytearray(2)
        coros: list[Any] = [loop.sock_recv(ours, 2), loop.sock_recv_into(ours, buffer)]
        steps = []
        for coro in coros:
            with pytest.raises(StopIteration) as ended:
                coro.send(None)
            steps.append(ended.value.value)
        assert (steps, bytes(buffer)) == ([b"ab", 2], b"cd")
        assert not loop._ready


def test_a_waiting_call_watches_its_descriptor_until_it_is_cancelled(pair: Pair) -> None:
    ours, _ = pair
    while True:
        try:
            ours.send(b"x" * 65536)
        except BlockingIOError:
            break
    with virtual_loop() as loop:
        steps = []
        for coro in (loop.sock_recv(ours, 1), loop.sock_sendall(ours, b"x" * (1 << 20))):
            task = loop.create_task(coro)
            loop.run_turns()
            steps.append(watched(loop))
            task.cancel()
            loop.run_turns()
            steps += [watched(loop), task.cancelled()]
    assert steps == [1, 0, True] * 2


def test_a_second_reader_replaces_the_first(pair: Pair) -> None:
    ours, theirs = pair
    with virtual_loop() as loop:
        first, second = (loop.create_task(loop.sock_recv(ours, 10)) for _ in range(2))
        loop.run_turns()
        theirs.send(b"bytes")
        assert loop.run_until_complete(second) == b"bytes"
        assert not first.done()
        first.cancel()
        loop.run_turns()
        assert watched(loop) == 0


def test_a_waiting_call_can_be_cancelled_after_its_socket_was_closed(pair: Pair) -> None:
    ours, _ = pair
    with virtual_loop() as loop:
        coros = loop.sock_recv(ours, 1), loop.sock_sendall(ours, b"x" * (1 << 20))
        tasks = [loop.create_task(coro) for coro in coros]
        loop.run_turns()
        ours.close()
        for task in tasks:
            task.cancel()
            loop.run_turns()
        assert [task.cancelled() for task in tasks] == [True, True]
        assert watched(loop) == 0


def test_data_that_arrives_in_the_iteration_of_the_cancellation_stays_in_the_socket(
    pair: Pair,
) -> None:
    ours, theirs = pair
    with virtual_loop() as loop:
        task = loop.create_task(loop.sock_recv(ours, 10))
        loop.run_turns()
        theirs.send(b"bytes")
        loop.call_soon(task.cancel)
        loop.run_turns(2)
        assert task.cancelled()
        assert loop.run_until_complete(loop.sock_recv(ours, 10)) == b"bytes"


def test_a_refused_connection_names_the_address() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))  # it does not listen
        address = listener.getsockname()
        with virtual_loop() as loop, socket.socket() as sock:
            sock.setblocking(False)
            with pytest.raises(ConnectionRefusedError) as refused:
                loop.run_until_complete(loop.sock_connect(sock, address))
            assert watched(loop) == 0
    assert str(refused.value) in (
        f"[Errno 111] Connect call failed {address}",
        "[Errno 111] Connection refused",
    )


def test_an_accepted_socket_is_non_blocking() -> None:
    async def story(loop: VirtualLoop) -> list[object]:
        with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
            listener.setblocking(False)
            client.setblocking(False)
            accepting = loop.create_task(loop.sock_accept(listener))
            await loop.sock_connect(client, listener.getsockname())
            connection, address = await accepting
            with connection:
                return [connection.gettimeout(), address == client.getsockname()]

    with virtual_loop() as loop:
        assert loop.run_until_complete(story(loop)) == [0.0, True]


def test_a_name_is_looked_up_and_a_number_is_not() -> None:
    looked_up: list[object] = []

    class Noting(VirtualLoop):
        async def getaddrinfo(self, host: Any, port: Any, **hints: Any) -> list[Any]:
            looked_up.append(host)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    loop = Noting()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for host in ("127.0.0.1", "some.name"):
            with socket.socket() as sock:
                sock.setblocking(False)
                port = listener.getsockname()[1]
                loop.run_until_complete(loop.sock_connect(sock, (host, port)))
    loop.close()
    assert looked_up == ["some.name"]


STREAM, DATAGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM
V4, V6 = socket.AF_INET, socket.AF_INET6


@pytest.mark.parametrize(
    ("arguments", "info"),
    [
        (("1.2.3.4", 80, 0, STREAM, 0), (V4, STREAM, 6, "", ("1.2.3.4", 80))),
        (("1.2.3.4", "80", V4, STREAM, 6), (V4, STREAM, 6, "", ("1.2.3.4", 80))),
        (("1.2.3.4", 80, 0, DATAGRAM, 0), (V4, DATAGRAM, 17, "", ("1.2.3.4", 80))),
        ((b"1.2.3.4", None, 0, STREAM, 0), (V4, STREAM, 6, "", ("1.2.3.4", 0))),
        (("::1", "", 0, STREAM, 0), (V6, STREAM, 6, "", ("::1", 0, 0, 0))),
        (("::1", 80, V6, STREAM, 0, 5, 7), (V6, STREAM, 6, "", ("::1", 80, 5, 7))),
        (("::1", 80, V4, STREAM, 0), None),
        (("1.2.3.4", 80, V6, STREAM, 0), None),
        (("localhost", 80, 0, STREAM, 0), None),
        (("1.2.3.4", "http", 0, STREAM, 0), None),
        (("fe80::1%lo", 80, 0, STREAM, 0), None),
        ((None, 80, 0, STREAM, 0), None),
        (("1.2.3.4", 80, 0, 0, 0), None),
        (("1.2.3.4", 80, 0, STREAM, 132), None),
    ],
)
def test_a_numeric_address_determines_its_family(arguments: Any, info: Any) -> None:
    assert _info_of_number(*arguments) == info


def test_a_datagram_is_sent_and_answered() -> None:
    async def story(loop: VirtualLoop) -> list[object]:
        with socket.socket(V4, DATAGRAM) as one, socket.socket(V4, DATAGRAM) as other:
            for sock in (one, other):
                sock.setblocking(False)
                sock.bind(("127.0.0.1", 0))
            buffer = bytearray(10)
            steps: list[object] = [await loop.sock_sendto(one, b"there", other.getsockname())]
            data, address = await loop.sock_recvfrom(other, 10)
            steps += [data, address == one.getsockname()]
            await loop.sock_sendto(other, b"and back", address)
            size, _ = await loop.sock_recvfrom_into(one, buffer, 3)
            return [*steps, size, bytes(buffer[:size])]

    with virtual_loop() as loop:
        assert loop.run_until_complete(story(loop)) == [5, b"there", True, 3, b"and"]
