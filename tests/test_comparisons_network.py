"""The echo servers and the transfer on every loop, each in its own process."""

import json
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import product
from threading import Thread

import pytest

from comparisons.loops import echo

PYTHON = (sys.executable, "-W", "error", "-m")
MISSING = {
    *(["uvloop"] if find_spec("uvloop") is None else []),
    *([] if hasattr(select, "epoll") else ["epoll"]),
}
COLUMNS = [column for column in echo.COLUMNS if column not in MISSING]
KINDS = [*product([c for c in COLUMNS if c != "epoll"], echo.APIS), ("epoll", "protocol")]


def run(module: str, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*PYTHON, f"comparisons.loops.{module}", *arguments],
        cwd=echo.ROOT, input=stdin, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(("column", "api"), [kind for kind in KINDS if kind[0] not in MISSING])
def test_the_echo_server_works_with_every_api_of_every_loop(column: str, api: str) -> None:
    done = run("echo", "--column", column, "--api", api, "--messages", "40", "--size", "3000")
    assert (done.returncode, done.stderr) == (0, "")
    taken = echo.Sample(**json.loads(done.stdout))
    assert 0 < taken.mean <= taken.p99 * 40
    assert taken.cpu_per_message > 0
    assert taken.requests_per_second == pytest.approx(40 / taken.seconds)


@pytest.mark.parametrize("column", [column for column in COLUMNS if column != "epoll"])
def test_a_message_larger_than_the_socket_buffers_is_echoed_completely(column: str) -> None:
    done = run(
        "echo", "--column", column, "--api", "protocol", "--messages", "2", "--size", "3000000"
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif("epoll" in MISSING, reason="this system has no epoll")
def test_the_bare_server_sends_the_rest_of_a_partly_sent_message() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, select.epoll() as poll:
        ours.setblocking(False)
        poll.register(ours, select.EPOLLIN)
        unsent: dict[int, bytes] = {}
        message = bytes(range(256)) * 8192
        echo._send_bare(poll, ours, message, unsent)
        received = b""
        while unsent:
            received += theirs.recv(1 << 20)
            assert poll.poll() == [(ours.fileno(), select.EPOLLOUT)]
            echo._send_bare(poll, ours, unsent.pop(ours.fileno()), unsent)
        while len(received) < len(message):
            received += theirs.recv(1 << 20)
        assert received == message


@pytest.mark.parametrize("column", [column for column in COLUMNS if column != "epoll"])
def test_the_transfer_works_on_every_loop(column: str) -> None:
    done = run("tcp", "--column", column, "--writes", "3", "--megabytes", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert float(done.stdout) > 0


@pytest.mark.parametrize("module", ["echo", "tcp"])
@pytest.mark.parametrize("wrong", [["--column", "trio"], ["--nothing"]])
def test_invalid_usage_is_status_2_without_a_traceback(module: str, wrong: list[str]) -> None:
    done = run(module, *wrong)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_message_size_below_one_byte_is_invalid_usage() -> None:
    assert run("echo", "--size", "0").returncode == 2


@pytest.fixture
def wrong_server() -> Iterator[tuple[int, list[bytes]]]:
    """Accept one connection and answer each message with the next item of a list.

    Yields the port and the list.
    """
    answers: list[bytes] = []

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            for answer in answers:
                connection.recv(65536)
                connection.sendall(answer)

    with socket.create_server((echo.HOST, 0)) as listening:
        thread = Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1], answers
        thread.join()


def test_a_wrong_reply_is_an_error(wrong_server: tuple[int, list[bytes]]) -> None:
    port, answers = wrong_server
    answers.append(b"wrong")
    done = run("echo", "--client", str(port), "5", "3")
    assert (done.returncode, done.stdout, done.stderr) == (
        1, "the reply differs from the message\n", "",
    )  # fmt: skip


def test_a_server_that_closes_the_connection_is_an_error(
    wrong_server: tuple[int, list[bytes]],
) -> None:
    port, answers = wrong_server
    done = run("echo", "--client", str(port), "5", "3")
    assert done.returncode == 1
    assert answers == []
    assert done.stdout.strip()


def test_a_column_cannot_be_loaded_after_another_one() -> None:
    import asyncio

    accelerated = sys.modules.get("_asyncio") is not None
    wrong = "asyncio-python" if accelerated else "asyncio"
    with pytest.raises(echo.EchoError, match="not a new one"):
        echo.loop_of(wrong)
    assert asyncio.__name__ == "asyncio"


def test_an_error_in_the_server_is_raised_and_no_process_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[subprocess.Popen[str]] = []

    class Recorded(subprocess.Popen[str]):
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, **kwargs)  # type: ignore[call-overload]
            started.append(self)

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    monkeypatch.setattr(echo, "_serve_on_loop", fail)
    with pytest.raises(ZeroDivisionError):
        echo.sample("miniloop", "streams", 10, 10)
    assert len(started) == echo.CLIENTS
    assert all(process.returncode is not None for process in started)


def test_a_client_that_dies_ends_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    def kill_client(process: "subprocess.Popen[str]", word: str) -> None:
        assert word == "warm"
        process.kill()
        while echo._read(process):
            continue  # output from before the kill

    monkeypatch.setattr(echo, "_expect", kill_client)
    with pytest.raises(echo.EchoError, match="a client process died"):
        echo.sample("miniloop", "streams", 10, 10)
