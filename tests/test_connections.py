"""Clients and servers: the address used, sockets closed on failure, and pauses of a server."""

from __future__ import annotations

import contextlib
import errno
import gc
import socket
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

import miniloop
from tests.virtual import VirtualLoop, virtual_loop

V4, V6 = socket.AF_INET, socket.AF_INET6
STREAM = socket.SOCK_STREAM


def info(host: str, port: int) -> tuple[Any, ...]:
    family = V6 if ":" in host else V4
    return family, STREAM, 6, "", (host, port, 0, 0) if family == V6 else (host, port)


class FakeNet(VirtualLoop):
    """A fake network: each name has the given addresses, and each address answers or fails.

    Every successful connection goes to `listener`.
    """

    def __init__(self, names: dict[str, list[str]], answers: dict[str, float | str]) -> None:
        super().__init__()
        self.names = names
        self.answers = (
            answers  # seconds until it answers, or the exception with which it fails at once
        )
        self.steps: list[object] = []
        self.sockets: list[socket.socket] = []
        self.listener = socket.create_server(("127.0.0.1", 0))

    def close(self) -> None:
        self.listener.close()
        super().close()

    async def getaddrinfo(self, host: Any, port: Any, **hints: Any) -> list[Any]:
        return [info(address, port) for address in self.names[host]]

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        self.steps.append((address[0], self.time()))
        self.sockets.append(sock)
        answer = self.answers[address[0]]
        if isinstance(answer, str):
            raise OSError(answer)
        await miniloop.sleep(answer)
        if sock.family == V4:
            await super().sock_connect(sock, self.listener.getsockname())

    def open_sockets(self) -> int:
        return sum(sock.fileno() != -1 for sock in self.sockets)


def connect(net: FakeNet, **options: Any) -> str:
    """Connect to the name `host`; return the address used, or the exception raised."""

    async def story() -> str:
        try:
            transport, _ = await net.create_connection(miniloop.Protocol, "host", 80, **options)
        except (OSError, ExceptionGroup) as error:
            await miniloop.sleep(0)
            assert net.open_sockets() == 0
            members = getattr(error, "exceptions", ())
            return f"{type(error).__name__}: {error}{[str(member) for member in members] or ''}"
        await miniloop.sleep(0)
        await miniloop.sleep(0)
        assert net.open_sockets() == 1
        transport.close()
        await miniloop.sleep(0)
        return f"connected at {net.time()}"

    try:
        return net.run_until_complete(story())
    finally:
        net.close()


# Clients


def test_without_a_delay_addresses_are_tried_one_at_a_time() -> None:
    net = FakeNet({"host": ["1.0.0.1", "1.0.0.2"]}, {"1.0.0.1": "no route", "1.0.0.2": 3})
    assert connect(net) == "connected at 3.0"
    assert net.steps == [("1.0.0.1", 0.0), ("1.0.0.2", 0.0)]


def test_with_a_delay_the_next_address_is_tried_before_the_last_one_fails() -> None:
    net = FakeNet({"host": ["1.0.0.1", "1.0.0.2"]}, {"1.0.0.1": 60, "1.0.0.2": 3})
    assert connect(net, happy_eyeballs_delay=0.25) == "connected at 3.25"
    assert net.steps == [("1.0.0.1", 0.0), ("1.0.0.2", 0.25)]


@pytest.mark.parametrize("delay", [None, 0.25], ids=["one at a time", "in parallel"])
def test_the_error_of_a_failed_address_is_freed_when_another_has_answered(
    delay: float | None,
) -> None:
    class Failure(OSError):
        """An OSError that supports weak references."""

    errors: list[weakref.ref[Failure]] = []

    class Net(FakeNet):
        async def sock_connect(self, sock: socket.socket, address: Any) -> None:
            if not errors:
                error = Failure("no route")
                errors.append(weakref.ref(error))
                try:
                    raise error
                finally:
                    del error
            await super().sock_connect(sock, address)

    net = Net({"host": ["1.0.0.1", "1.0.0.2"]}, {"1.0.0.2": 3})
    gc.collect()
    gc.disable()
    try:
        assert connect(net, happy_eyeballs_delay=delay).startswith("connected at 3")
        assert [error() for error in errors] == [None]
    finally:
        gc.enable()


ADDRESSES = ["2::1", "2::2", "1.0.0.1", "1.0.0.2"]


@pytest.mark.parametrize(
    ("options", "order"),
    [
        ({}, ADDRESSES),
        ({"happy_eyeballs_delay": 1}, ["2::1", "1.0.0.1", "2::2", "1.0.0.2"]),
        ({"happy_eyeballs_delay": 1, "interleave": 0}, ADDRESSES),
        ({"interleave": 1}, ["2::1", "1.0.0.1", "2::2", "1.0.0.2"]),
        ({"interleave": 2}, ["2::1", "2::2", "1.0.0.1", "1.0.0.2"]),
    ],
)
def test_interleave_alternates_the_address_families(
    options: dict[str, Any], order: list[str]
) -> None:
    net = FakeNet({"host": ADDRESSES}, dict.fromkeys(ADDRESSES, "no route"))
    assert connect(net, **options) == "OSError: no route"
    assert [step[0] for step in net.steps if isinstance(step, tuple)] == order


def test_different_failures_are_raised_in_one_exception_or_in_a_group() -> None:
    def net() -> FakeNet:
        return FakeNet({"host": ["1.0.0.1", "1.0.0.2"]}, {"1.0.0.1": "one", "1.0.0.2": "two"})

    assert connect(net()) == "OSError: Multiple exceptions: one, two"
    group = "ExceptionGroup: create_connection failed (2 sub-exceptions)['one', 'two']"
    assert connect(net(), all_errors=True) == group
    assert connect(net(), all_errors=True, happy_eyeballs_delay=1) == group


def test_no_list_in_a_traceback_frame_refers_to_the_exception() -> None:
    net = FakeNet({"host": ["1.0.0.1"]}, {"1.0.0.1": "no route"})
    with pytest.raises(OSError, match="no route") as refused:
        net.run_until_complete(net.create_connection(miniloop.Protocol, "host", 80))
    holders = [type(holder).__name__ for holder in gc.get_referrers(refused.value)]
    assert "list" not in holders
    net.close()


BIND_FAILED = "error while attempting to bind on address ('10.255.255.1', 0)"


@pytest.mark.parametrize(
    ("local", "outcome"),
    [
        (["127.0.0.1"], "connected at 0.0"),
        (["127.0.0.2", "127.0.0.1"], "connected at 0.0"),
        (["2::1"], f"OSError: no matching local address with family={V4!r} found"),
        (
            ["10.255.255.1"],
            f"OSError: [Errno 99] {BIND_FAILED}: [errno 99] cannot assign requested address",
        ),
        (["10.255.255.1", "127.0.0.1"], "connected at 0.0"),
    ],
)
def test_a_connection_can_use_a_local_address(local: list[str], outcome: str) -> None:
    net = FakeNet({"host": ["1.0.0.1"], "here": local}, {"1.0.0.1": 0})
    assert connect(net, local_addr=("here", 0)) == outcome


def test_a_name_without_addresses_raises() -> None:
    assert connect(FakeNet({"host": []}, {})) == "OSError: getaddrinfo() returned empty list"


def test_cancelling_a_connection_attempt_closes_the_socket() -> None:
    net = FakeNet({"host": ["1.0.0.1"]}, {"1.0.0.1": 60})
    connecting = net.create_connection(miniloop.Protocol, "host", 80)
    with pytest.raises(TimeoutError):
        net.run_until_complete(miniloop.wait_for(connecting, 1))
    assert (len(net.sockets), net.open_sockets()) == (1, 0)
    net.close()


NO_ADDRESS = "host and port was not specified and no sock specified"
TWO_WAYS = "host/port and sock can not be specified at the same time"
Call = Callable[[VirtualLoop, Any], Any]

REFUSALS: list[tuple[Call, str]] = [
    (lambda loop, _: loop.create_connection(miniloop.Protocol), NO_ADDRESS),
    (lambda loop, sock: loop.create_connection(miniloop.Protocol, "h", 1, sock=sock), TWO_WAYS),
    (lambda loop, sock: loop.create_connection(miniloop.Protocol, sock=sock), "A Stream Socket"),
    (lambda loop, sock: loop.connect_accepted_socket(miniloop.Protocol, sock), "A Stream Socket"),
    (
        lambda loop, _: loop.connect_accepted_socket(miniloop.Protocol, None),  # type: ignore[arg-type]
        "sock was not specified",
    ),
    (
        lambda loop, _: loop.create_server(miniloop.Protocol),
        "Neither host/port nor sock were specified",
    ),
    (lambda loop, sock: loop.create_server(miniloop.Protocol, "h", 1, sock=sock), TWO_WAYS),
    (lambda loop, sock: loop.create_server(miniloop.Protocol, sock=sock), "A Stream Socket"),
]


@pytest.mark.parametrize(("call", "message"), REFUSALS)
def test_the_target_is_one_address_or_one_stream_socket(call: Call, message: str) -> None:
    with virtual_loop() as loop, socket.socket(V4, socket.SOCK_DGRAM) as datagrams:
        with pytest.raises(ValueError) as refused:
            loop.run_until_complete(call(loop, datagrams))
    assert str(refused.value).startswith(message)


def test_an_exception_in_the_protocol_factory_fails_the_connection() -> None:
    ours, theirs = socket.socketpair()
    with virtual_loop() as loop, ours, theirs:
        with pytest.raises(ZeroDivisionError):
            loop.run_until_complete(loop.create_connection(lambda: 1 / 0, sock=ours))
        assert (loop.told, len(loop.counter.get_map())) == ([], 1)


# Servers


class Greeter(miniloop.Protocol):
    """Sends a greeting and closes the connection."""

    def connection_made(self, transport: Any) -> None:
        transport.write(b"hello")
        transport.close()


async def greeted(loop: VirtualLoop, address: Any) -> bytes:
    with socket.socket() as client:
        client.setblocking(False)
        await loop.sock_connect(client, address)
        return await loop.sock_recv(client, 100)


class Exhausted(socket.socket):
    """A listening socket of a process that has temporarily no free file descriptor."""

    refusals = 0
    error = errno.EMFILE

    def accept(self) -> Any:
        if self.refusals:
            self.refusals -= 1
            raise OSError(self.error, "Too many open files")
        return super().accept()


@pytest.mark.parametrize("error", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_a_server_without_file_descriptors_pauses_for_a_second_and_continues(error: int) -> None:
    listener = Exhausted()
    listener.bind(("127.0.0.1", 0))
    listener.refusals, listener.error = 2, error

    async def story(loop: VirtualLoop) -> list[object]:
        server = await loop.create_server(Greeter, sock=listener)
        said = await greeted(loop, listener.getsockname())
        steps: list[object] = [said, loop.time(), loop.reports[0]["socket"].fileno() > 0]
        server.close()
        await server.wait_closed()
        return steps

    with virtual_loop() as loop:
        assert loop.run_until_complete(story(loop)) == [b"hello", 2.0, True]
        trouble = (
            "socket.accept() out of system resource",
            repr(OSError(error, "Too many open files")),
        )
        assert loop.told == [trouble] * 2


def test_a_server_closed_during_its_pause_does_not_continue() -> None:
    listener = Exhausted()
    listener.bind(("127.0.0.1", 0))
    listener.refusals = 1

    async def story(loop: VirtualLoop) -> int:
        server = await loop.create_server(Greeter, sock=listener)
        with socket.socket() as client:
            client.setblocking(False)
            await loop.sock_connect(client, listener.getsockname())
            while not loop.reports:
                await miniloop.sleep(0)
            server.close()
        await miniloop.sleep(2)
        return len(loop.counter.get_map())

    with virtual_loop() as loop:
        assert loop.run_until_complete(story(loop)) == 1


@pytest.mark.parametrize("debug", [False, True])
def test_an_exception_in_the_factory_drops_one_connection_and_is_logged_in_debug_mode(
    debug: bool,
) -> None:
    outcomes: list[Any] = [ZeroDivisionError("no protocol today"), Greeter()]

    def factory() -> Any:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def story(loop: VirtualLoop) -> list[bytes]:
        async with await loop.create_server(factory, "127.0.0.1", 0) as server:
            address = server.sockets[0].getsockname()
            return [await greeted(loop, address), await greeted(loop, address)]

    with virtual_loop(debug) as loop:
        assert loop.run_until_complete(story(loop)) == [b"", b"hello"]
        told = (
            "Error on transport creation for incoming connection",
            repr(ZeroDivisionError("no protocol today")),
        )
        assert loop.told == ([told] if debug else [])


def test_a_server_listens_serves_and_closes() -> None:
    async def story(loop: VirtualLoop) -> list[object]:
        server = await loop.create_server(Greeter, "127.0.0.1", 0, start_serving=False)
        steps: list[object] = [server.is_serving(), len(server.sockets)]
        await server.start_serving()
        await server.start_serving()
        steps += [server.is_serving(), server.get_loop() is loop]
        address = server.sockets[0].getsockname()
        forever = loop.create_task(server.serve_forever())
        steps.append(await greeted(loop, address))
        with pytest.raises(RuntimeError, match=r"is already being awaited on serve_forever\(\)$"):
            await server.serve_forever()
        forever.cancel()
        await miniloop.wait([forever])
        steps += [forever.cancelled(), server.is_serving(), server.sockets]
        with pytest.raises(RuntimeError, match=r"^server <Server sockets=\(\)> is closed$"):
            await server.serve_forever()
        await server.wait_closed()
        server.close()
        return steps

    with virtual_loop() as loop:
        steps = loop.run_until_complete(story(loop))
    assert steps == [False, 1, True, True, b"hello", True, False, ()]


def test_wait_closed_waits_for_the_last_connection() -> None:
    async def story(loop: VirtualLoop) -> list[object]:
        server = await loop.create_server(miniloop.Protocol, "127.0.0.1", 0)
        with socket.socket() as client:
            client.setblocking(False)
            await loop.sock_connect(client, server.sockets[0].getsockname())
            while not server._clients:
                await miniloop.sleep(0)
            closing = loop.create_task(server.wait_closed())
            await miniloop.sleep(0)
            steps: list[object] = [closing.done()]
            server.close()
            for _ in range(3):
                await miniloop.sleep(0)
            steps.append(closing.done())
            server.close_clients()
            await closing
            return [*steps, len(server._clients)]

    with virtual_loop() as loop:
        assert loop.run_until_complete(story(loop)) == [False, False, 0]


def test_a_port_in_use_raises_and_no_socket_stays_open() -> None:
    with virtual_loop() as loop, socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        serving = loop.create_server(miniloop.Protocol, ["127.0.0.1"], port)
        with pytest.raises(OSError) as refused:
            loop.run_until_complete(serving)
        assert len(loop.counter.get_map()) == 1
    assert refused.value.errno == errno.EADDRINUSE
    assert f"error while attempting to bind on address ('127.0.0.1', {port}): " in str(
        refused.value
    )


def test_a_foreign_address_cannot_be_bound() -> None:
    with virtual_loop() as loop:
        with pytest.raises(OSError) as refused:
            loop.run_until_complete(loop.create_server(miniloop.Protocol, "10.255.255.1", 80))
    tried = [("10.255.255.1", 80)]
    assert str(refused.value) == f"could not bind on any address out of {tried!r}"


def test_a_connection_accepted_while_the_server_closes_is_not_served() -> None:
    steps: list[str] = []

    class Greeter(miniloop.Protocol):
        def connection_made(self, transport: Any) -> None:
            steps.append("made")

    async def main() -> None:
        loop = miniloop.get_running_loop()
        server = await loop.create_server(Greeter, "127.0.0.1", 0)
        with socket.create_connection(server.sockets[0].getsockname()) as caller:
            caller.settimeout(30)
            for _ in range(2):  # the loop accepts, and creates a task for the connection
                await miniloop.sleep(0)
            server.close()
            await server.wait_closed()
            steps.append("closed")
            for _ in range(5):
                await miniloop.sleep(0)
            steps.append("hung up" if caller.recv(1) == b"" else "answered")

    miniloop.run(main())
    assert steps == ["closed", "hung up"]


def test_reuse_port_is_only_for_internet_addresses() -> None:
    async def main() -> list[int]:
        loop = miniloop.get_running_loop()
        info = (socket.AF_UNIX, socket.SOCK_STREAM, 0, "", "\0miniloop-reuse-port")
        loop.getaddrinfo = look_up = mock.AsyncMock(return_value=[info])
        async with await loop.create_server(miniloop.Protocol, "name", 1, reuse_port=True) as unix:
            assert look_up.await_count == 1
            return [
                sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT) for sock in unix.sockets
            ]

    assert miniloop.run(main()) == [0]


def test_a_pipe_transport_can_use_a_socket_that_has_a_transport() -> None:
    async def main() -> None:
        loop = miniloop.get_running_loop()
        ours, theirs = socket.socketpair()
        with theirs:
            transport, _ = await loop.create_connection(miniloop.Protocol, sock=ours)
            pipe, _ = await loop.connect_write_pipe(miniloop.BaseProtocol, ours.dup())
            again, _ = await loop.connect_write_pipe(miniloop.BaseProtocol, ours)
            for each in (pipe, again, transport):
                each.abort()
            await miniloop.sleep(0)

    miniloop.run(main())


def test_a_server_that_its_caller_never_gets_is_closed() -> None:
    async def main() -> list[bool]:
        listens = []
        for iterations in range(1, 8):
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                address = free.getsockname()
            starting = miniloop.create_task(miniloop.start_server(print, *address))
            for _ in range(iterations):
                await miniloop.sleep(0)
            if starting.cancel():
                with contextlib.suppress(miniloop.CancelledError):
                    (await starting).close()
                with socket.socket() as client:
                    listens.append(client.connect_ex(address) == 0)
            else:
                starting.result().close()
        return listens

    listens = miniloop.run(main())
    assert len(listens) > 2
    assert not any(listens)


def test_a_full_backlog_of_a_unix_server_is_an_error(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")

    async def main() -> None:
        with contextlib.ExitStack() as stack:
            listening = stack.enter_context(socket.socket(socket.AF_UNIX))
            listening.bind(path)
            listening.listen(0)
            with contextlib.suppress(BlockingIOError):
                while True:
                    client = stack.enter_context(socket.socket(socket.AF_UNIX))
                    client.setblocking(False)
                    client.connect(path)
            with pytest.raises(BlockingIOError):
                await miniloop.open_unix_connection(path)

    miniloop.run(main())
