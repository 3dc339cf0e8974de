"""The echo servers and the transfer, on every loop there is, each in a process of its own."""

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
def test_an_echo_server_answers_by_every_api_of_every_loop(column: str, api: str) -> None:
    done = run("echo", "--column", column, "--api", api, "--messages", "40", "--size", "3000")
    assert (done.returncode, done.stderr) == (0, "")
    taken = echo.Sample(**json.loads(done.stdout))
    assert 0 < taken.mean <= taken.p99 * 40
    assert taken.cpu_per_message > 0
    assert taken.requests_per_second == pytest.approx(40 / taken.seconds)


@pytest.mark.parametrize("column", [column for column in COLUMNS if column != "epoll"])
def test_messages_larger_than_a_socket_holds_come_back_whole(column: str) -> None:
    done = run(
        "echo", "--column", column, "--api", "protocol", "--messages", "2", "--size", "3000000"
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif("epoll" in MISSING, reason="this system has no epoll")
def test_the_bare_server_keeps_what_the_kernel_does_not_take() -> None:
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
def test_every_loop_moves_the_bytes_of_the_transfer(column: str) -> None:
    done = run("tcp", "--column", column, "--writes", "3", "--megabytes", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert float(done.stdout) > 0


@pytest.mark.parametrize("module", ["echo", "tcp"])
@pytest.mark.parametrize("wrong", [["--column", "trio"], ["--nothing"]])
def test_wrong_usage_is_told_in_two_lines(module: str, wrong: list[str]) -> None:
    done = run(module, *wrong)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_the_size_of_a_message_is_at_least_one_byte() -> None:
    assert run("echo", "--size", "0").returncode == 2


@pytest.fixture
def wrong_server() -> Iterator[tuple[int, list[bytes]]]:
    """Takes one connection and answers each message by the next of a list; its port, the list."""
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


def test_a_wrong_byte_is_an_error(wrong_server: tuple[int, list[bytes]]) -> None:
    port, answers = wrong_server
    answers.append(b"wrong")
    done = run("echo", "--client", str(port), "5", "3")
    assert (done.returncode, done.stdout, done.stderr) == (
        1, "what came back is not what was sent\n", "",
    )  # fmt: skip


def test_a_server_that_hangs_up_is_an_error(wrong_server: tuple[int, list[bytes]]) -> None:
    port, answers = wrong_server
    done = run("echo", "--client", str(port), "5", "3")
    assert done.returncode == 1
    assert answers == []
    assert done.stdout.strip()


def test_a_sample_needs_the_process_that_its_column_asks_for() -> None:
    import asyncio

    accelerated = sys.modules.get("_asyncio") is not None
    wrong = "asyncio-python" if accelerated else "asyncio"
    with pytest.raises(echo.EchoError, match="not a fresh one"):
        echo.loop_of(wrong)
    assert asyncio.__name__ == "asyncio"


def test_what_fails_in_the_server_is_raised_and_leaves_no_process(
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
    def hear(process: "subprocess.Popen[str]", word: str) -> None:
        assert word == "warm"
        process.kill()
        while echo._read(process):
            continue  # what it had said before

    monkeypatch.setattr(echo, "_hear", hear)
    with pytest.raises(echo.EchoError, match="a client process died"):
        echo.sample("miniloop", "streams", 10, 10)
