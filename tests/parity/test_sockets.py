"""loop.sock_recv, sock_sendall and so on: coroutines on plain sockets."""

from __future__ import annotations

import socket
import ssl

from tests.parity.harness import Stage, attempt, attempt_await, outcome
from tests.parity.network import (
    HOST,
    Recorder,
    connected,
    listener,
    pair,
    reset,
    taken_port,
    unread,
)


def test_sock_recv_returns_available_data_without_running_an_iteration(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with pair() as (ours, peer):
            peer.send(b"abcdef")
            loop.call_soon(log, "the next iteration")
            log(await loop.sock_recv(ours, 4))
            log(await loop.sock_recv(ours, 4))
            await aio.sleep(0)

    assert stage.run(main) == [b"abcd", b"ef", "the next iteration"]


def test_sock_recv_waits_for_data_and_for_eof(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with pair() as (ours, peer):
            loop.call_later(1, peer.send, b"data")
            loop.call_later(2, peer.close)
            for _ in range(3):
                log(await loop.sock_recv(ours, 10), stage.now)
            log(loop.remove_reader(ours))

    assert stage.run(main) == [(b"data", 1.0), (b"", 2.0), (b"", 2.0), False]


def test_sock_recv_into_fills_the_buffer_with_the_available_data(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        buffer = bytearray(b"......")
        with pair() as (ours, peer):
            peer.send(b"abc")
            log(await loop.sock_recv_into(ours, buffer), bytes(buffer))
            loop.call_later(1, peer.send, b"yz")
            log(await loop.sock_recv_into(ours, memoryview(buffer)[4:]), bytes(buffer))
            loop.call_later(1, peer.close)
            log(await loop.sock_recv_into(ours, buffer), stage.now)

    assert stage.run(main) == [(3, b"abc..."), (2, b"abc.yz"), (0, 2.0)]


def test_sock_sendall_continues_whenever_there_is_room(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    data = bytes(range(256)) * 8192

    async def main() -> None:
        loop = aio.get_running_loop()
        with pair() as (ours, peer):
            sending = aio.create_task(loop.sock_sendall(ours, data))
            await aio.sleep(1)
            log("not all data fits", sending.done())
            received = bytearray()
            while len(received) < len(data):
                received += await loop.sock_recv(peer, 1_000_000)
            log(await sending, received == data, stage.now)
            log(loop.remove_writer(ours))

    assert stage.run(main) == [("not all data fits", False), (None, True, 1.0), False]


def test_sock_sendall_accepts_bytes_like_objects(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with pair() as (ours, peer):
            for data in (b"", b"bytes", bytearray(b"an array"), memoryview(b"a view")):
                log(await loop.sock_sendall(ours, data), unread(peer))
            log(await attempt_await(loop.sock_sendall(ours, "text")))

    assert stage.run(main) == [
        (None, b""),
        (None, b"bytes"),
        (None, b"an array"),
        (None, b"a view"),
        "raised TypeError: a bytes-like object is required, not 'str'",
    ]


def test_sending_to_a_closed_peer_raises(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with pair() as (ours, peer):
            peer.close()
            log(await attempt_await(loop.sock_sendall(ours, b"data")))
        with pair() as (ours, peer):
            loop.call_later(1, peer.close)
            log(await attempt_await(loop.sock_sendall(ours, bytes(4_000_000))), stage.now)
            log(loop.remove_writer(ours))

    assert stage.run(main) == [
        "raised BrokenPipeError: [Errno 32] Broken pipe",
        ("raised BrokenPipeError: [Errno 32] Broken pipe", 1.0),
        False,
    ]


def test_a_cancelled_sock_recv_leaves_the_data_and_the_socket_alone(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with pair() as (ours, peer):
            receiving = aio.create_task(loop.sock_recv(ours, 10))
            await aio.sleep(1)
            peer.send(b"data")
            receiving.cancel()
            await aio.wait([receiving])
            log(outcome(receiving), loop.remove_reader(ours))
            log(await loop.sock_recv(ours, 10))

    assert stage.run(main) == [("cancelled", False), b"data"]


def test_a_timeout_cancels_sock_recv(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with pair() as (ours, peer):
            log(await attempt_await(aio.wait_for(loop.sock_recv(ours, 10), 1)), stage.now)
            peer.send(b"too late")
            log(await loop.sock_recv(ours, 10))

    assert stage.run(main) == [("raised TimeoutError", 1.0), b"too late"]


def test_a_second_sock_recv_replaces_the_first(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with pair() as (ours, peer):
            first = aio.create_task(loop.sock_recv(ours, 2))
            second = aio.create_task(loop.sock_recv(ours, 2))
            await aio.sleep(1)
            peer.send(b"abcd")
            await aio.wait([first], timeout=1)
            log(outcome(first), outcome(second))
            first.cancel()
            await aio.wait([first])
            log(unread(ours))

    assert stage.run(main) == [("pending", "returned b'ab'"), b"cd"]


def test_cancelling_the_first_sock_recv_leaves_the_second_waiting(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with pair() as (ours, peer):
            first = aio.create_task(loop.sock_recv(ours, 10))
            second = aio.create_task(loop.sock_recv(ours, 10))
            await aio.sleep(1)
            first.cancel()
            await aio.wait([first])
            peer.send(b"data")
            log(await second)

    assert stage.run(main) == [b"data"]


def test_one_task_may_receive_while_another_sends(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    size = 3_000_000

    async def main() -> None:
        loop = aio.get_running_loop()
        with pair() as (ours, peer):

            async def echo() -> None:
                while data := await loop.sock_recv(peer, 65536):
                    await loop.sock_sendall(peer, data)

            async def receive() -> int:
                count = 0
                while count < size:
                    count += len(await loop.sock_recv(ours, 65536))
                return count

            echoing = aio.create_task(echo())
            receiving = aio.create_task(receive())
            await loop.sock_sendall(ours, bytes(size))
            log(await receiving == size)
            ours.close()
            log(await echoing)

    assert stage.run(main) == [True, None]


def test_sock_connect_and_sock_accept_make_a_connection(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with listener() as listening, socket.socket() as client:
            client.setblocking(False)
            accepting = aio.create_task(loop.sock_accept(listening))
            log(await loop.sock_connect(client, listening.getsockname()))
            accepted, address = await accepting
            with accepted:
                log(address == client.getsockname(), accepted.gettimeout())
                await loop.sock_sendall(client, b"hello")
                log(await loop.sock_recv(accepted, 10))

    assert stage.run(main, real=True) == [None, (True, 0.0), b"hello"]


def test_sock_accept_returns_a_waiting_connection(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with listener() as listening, socket.create_connection(listening.getsockname()) as client:
            accepted, address = await loop.sock_accept(listening)
            with accepted:
                log(address == client.getsockname(), accepted.getblocking())

    assert stage.run(main, real=True) == [(True, False)]


def test_sock_connect_resolves_a_host_name(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with listener() as listening, socket.socket() as client:
            client.setblocking(False)
            await loop.sock_connect(client, ("localhost", listening.getsockname()[1]))
            log(client.getpeername() == listening.getsockname())

    assert stage.run(main, real=True) == [True]


def test_sock_connect_reports_why_it_failed(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with taken_port() as port, socket.socket() as client:
            client.setblocking(False)
            message = await attempt_await(loop.sock_connect(client, (HOST, port)))
            log(message.replace(str(port), "PORT"), loop.remove_writer(client))

    assert stage.run(main, real=True) == [
        (
            "raised ConnectionRefusedError: [Errno 111] Connect call failed ('127.0.0.1', PORT)",
            False,
        )
    ]


def test_sock_recv_raises_if_the_connection_is_reset(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with listener() as listening, socket.create_connection(listening.getsockname()) as client:
            accepted, _ = await loop.sock_accept(listening)
            client.setblocking(False)
            receiving = aio.create_task(loop.sock_recv(client, 10))
            await aio.sleep(0)
            reset(accepted)
            log(await attempt_await(receiving), loop.remove_reader(client))

    assert stage.run(main, real=True) == [
        ("raised ConnectionResetError: [Errno 104] Connection reset by peer", False)
    ]


def test_datagrams_are_sent_and_received_with_their_address(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        datagrams = (socket.AF_INET, socket.SOCK_DGRAM)
        with socket.socket(*datagrams) as one, socket.socket(*datagrams) as other:
            for sock in (one, other):
                sock.setblocking(False)
                sock.bind((HOST, 0))
            receiving = aio.create_task(loop.sock_recvfrom(other, 100))
            await aio.sleep(0)
            log(await loop.sock_sendto(one, b"first", other.getsockname()))
            log(await receiving == (b"first", one.getsockname()))
            buffer = bytearray(b"......")
            await loop.sock_sendto(one, b"xyz", other.getsockname())
            count, address = await loop.sock_recvfrom_into(other, buffer)
            log(count, address == one.getsockname(), bytes(buffer))
            await loop.sock_sendto(one, b"1234", other.getsockname())
            log((await loop.sock_recvfrom_into(other, buffer, 2))[0], bytes(buffer))

    assert stage.run(main, real=True) == [5, True, (3, True, b"xyz..."), (2, b"12z...")]


def test_in_debug_mode_blocking_sockets_are_rejected(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with socket.socket() as sock:
            for waiting in (
                loop.sock_recv(sock, 1),
                loop.sock_recv_into(sock, bytearray(1)),
                loop.sock_recvfrom(sock, 1),
                loop.sock_recvfrom_into(sock, bytearray(1)),
                loop.sock_sendall(sock, b""),
                loop.sock_sendto(sock, b"", (HOST, 1)),
                loop.sock_connect(sock, (HOST, 1)),
                loop.sock_accept(sock),
            ):
                log(await attempt_await(waiting))

    stage.run(main, debug=True)
    assert stage.log == ["raised ValueError: the socket must be non-blocking"] * 8


def test_an_ssl_socket_is_rejected(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        context = ssl.create_default_context()
        with context.wrap_socket(socket.socket(), server_hostname="host") as encrypted:
            encrypted.setblocking(False)
            log(await attempt_await(loop.sock_recv(encrypted, 1)))
            log(await attempt_await(loop.sock_connect(encrypted, (HOST, 1))))
            protocol = Recorder(stage)
            log(await attempt_await(loop.create_connection(lambda: protocol, sock=encrypted)))

    assert stage.run(main) == ["raised TypeError: Socket cannot be of type SSLSocket"] * 3


def test_the_socket_of_a_transport_cannot_be_made_blocking(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        async with connected(stage, Recorder(stage)) as (transport, _):
            sock = transport.get_extra_info("socket")
            log(attempt(sock.settimeout, 0), attempt(sock.settimeout, 1))
            log(attempt(sock.setblocking, False), attempt(sock.setblocking, True))
            log(sock.gettimeout(), sock.family is socket.AF_UNIX, hasattr(sock, "recv"))
            await aio.sleep(0)

    assert stage.run(main) == [
        ("protocol", "made"),
        (
            "returned None",
            "raised ValueError: settimeout(): only 0 timeout is allowed on transport sockets",
        ),
        ("returned None", "raised ValueError: setblocking(): transport sockets cannot be blocking"),
        (0, True, False),
        ("protocol", "lost", None),
    ]
