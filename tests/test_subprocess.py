"""Child processes: both ways to watch one, unusual orders of exit and close, and clean-up."""

from __future__ import annotations

import errno
import gc
import hashlib
import os
import signal
import subprocess as popen
import threading
import warnings
import weakref
from collections.abc import Coroutine, Iterator
from typing import Any

import psutil
import pytest

import miniloop
from miniloop import subprocess
from miniloop.subprocess import PIPE, _watch_by_thread, _watch_child

HERE = psutil.Process()
SIXTY_FOUR_MIB = 64 * 1024 * 1024
CHUNK = 256 * 1024


@pytest.fixture(params=[_watch_child, _watch_by_thread])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(subprocess, "_watch_child", request.param)
    return request.param


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Check that no child process (running or zombie), descriptor or waiting thread is left."""
    others, before = set(HERE.children()), HERE.num_fds()
    yield
    gc.collect()
    for thread in threading.enumerate():
        if "waitpid" in thread.name:
            thread.join()
    assert set(HERE.children()) <= others
    assert HERE.num_fds() == before


def run(main: Coroutine[Any, Any, Any], debug: bool = False) -> Any:
    return miniloop.run(main, debug=debug)


def warnings_of(call: Any) -> list[str]:
    """Run `call` and collect garbage; return the first two words of each warning."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        call()
        gc.collect()
    return sorted(" ".join(str(warning.message).split()[:2]) for warning in told)


def wait_unreaped(pid: int) -> None:
    """Block until the child has exited, without reaping it."""
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    except ChildProcessError:
        return  # the watching thread has already reaped it


class Recorder(miniloop.SubprocessProtocol):
    """Records its calls."""

    def __init__(self) -> None:
        self.steps: list[object] = []
        self.lost = miniloop.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.steps.append("made")

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self.steps.append((fd, data))

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        self.steps.append((fd, "lost"))

    def process_exited(self) -> None:
        self.steps.append("exited")

    def connection_lost(self, exc: Exception | None) -> None:
        self.steps.append("lost")
        self.lost.set_result(None)


# -- watching --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("way")
def test_every_child_gets_its_own_exit_status() -> None:
    async def end_with(status: int) -> int:
        process = await miniloop.create_subprocess_shell(f"exit {status}")
        return await process.wait()

    async def main() -> list[int]:
        return list(await miniloop.gather(*map(end_with, range(20))))

    assert run(main()) == list(range(20))


@pytest.mark.usefixtures("way")
def test_a_child_that_exits_before_it_is_watched_is_reported() -> None:
    async def main() -> tuple[list[object], int | None]:
        loop = miniloop.get_running_loop()
        protocol = Recorder()
        child = popen.Popen(["sh", "-c", "exit 3"])
        wait_unreaped(child.pid)
        transport = subprocess.BaseSubprocessTransport(loop, protocol, child)
        subprocess._watch_child(loop, child.pid, transport._process_exited)
        await protocol.lost
        transport.close()
        return protocol.steps, transport.get_returncode()

    assert run(main()) == (["made", "exited", "lost"], 3)


@pytest.mark.usefixtures("way")
def test_the_status_is_255_if_other_code_has_reaped_the_child(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> int:
        before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the child
        try:
            process = await miniloop.create_subprocess_exec("cat", stdin=PIPE)
            await process.communicate()
            return await process.wait()
        finally:
            signal.signal(signal.SIGCHLD, before)

    assert run(main()) == 255
    assert [record.getMessage().partition("pid")[0] for record in caplog.records[-1:]] == [
        "Unknown child process "
    ]


@pytest.mark.parametrize("error", [errno.ENOSYS, errno.EPERM, errno.EMFILE])
def test_a_thread_waits_if_there_is_no_pidfd(error: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int) -> int:
        raise OSError(error, os.strerror(error))

    async def main() -> tuple[list[str], int | None]:
        process = await miniloop.create_subprocess_exec("cat", stdin=PIPE)
        names = [thread.name for thread in threading.enumerate()]
        await process.communicate()
        waiting = f"miniloop-waitpid-{process.pid}"
        return [name for name in names if name == waiting], process.returncode

    monkeypatch.setattr(os, "pidfd_open", refuse)
    names, returncode = run(main())
    assert (len(names), returncode) == (1, 0)


def test_the_thread_leaves_reaping_to_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    # gh-127049: once a child is reaped, its id can belong to another process. send_signal() must
    # know, and it runs on the loop's thread.
    async def main() -> tuple[bool, int]:
        process = await miniloop.create_subprocess_exec("cat", stdin=PIPE)
        (thread,) = [one for one in threading.enumerate() if str(process.pid) in one.name]
        process.kill()
        thread.join()
        is_there = psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE
        return is_there, await process.wait()

    monkeypatch.delattr(os, "pidfd_open")
    assert run(main()) == (True, -9)


def test_a_child_that_cannot_be_watched_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    children: list[Any] = []

    def refuse(loop: Any, pid: int, exited: Any) -> None:
        children.append(psutil.Process(pid))
        raise RuntimeError("can't start new thread")

    async def main() -> str:
        with pytest.raises(RuntimeError) as caught:
            await miniloop.create_subprocess_exec("cat", stdin=PIPE)
        await miniloop.sleep(0)
        return str(caught.value)

    monkeypatch.setattr(subprocess, "_watch_child", refuse)
    told: list[str] = []
    warned = warnings_of(lambda: told.append(run(main())))
    assert [warning.split()[0] for warning in warned] == ["subprocess"]  # it is still running
    assert told == ["can't start new thread"]
    psutil.wait_procs(children)


def test_a_process_runs_in_a_loop_of_another_thread() -> None:
    async def main() -> tuple[bytes | None, bytes | None]:
        process = await miniloop.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
        return await process.communicate(b"from a thread")

    async def outer() -> Any:
        return await miniloop.to_thread(run, main())

    assert run(outer()) == (b"from a thread", None)


# -- unusual orders of exit and close --------------------------------------------------------------


def test_closing_a_loop_kills_its_running_child() -> None:
    """asyncio 3.13.0 keeps it running, leaves its pidfd open, and raises in __del__ (gh-114177)."""
    loop = miniloop.new_event_loop()
    create = miniloop.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
    process: Any = loop.run_until_complete(create)
    child = psutil.Process(process.pid)

    def drop() -> None:
        nonlocal process
        loop.close()
        process = None

    told = warnings_of(drop)
    assert told.count("unclosed transport") == 3  # the transport of the process and of each pipe
    psutil.wait_procs([child])


def test_a_watching_thread_that_outlives_the_loop_warns(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(subprocess, "_watch_child", _watch_by_thread)
    loop = miniloop.new_event_loop()
    process = loop.run_until_complete(miniloop.create_subprocess_exec("sleep", "3600"))
    process_id = process.pid
    (thread,) = [one for one in threading.enumerate() if "waitpid" in one.name]

    def drop() -> None:
        nonlocal process
        loop.close()
        os.kill(process_id, signal.SIGKILL)
        thread.join()
        del process

    assert "unclosed transport" in warnings_of(drop)
    assert [record.getMessage().partition(">")[2] for record in caplog.records[-1:]] == [
        f" that handles pid {process_id} is closed"
    ]


@pytest.mark.usefixtures("way")
def test_closing_does_not_lose_the_status_of_an_exited_process() -> None:
    """asyncio calls Popen.poll(), which reaps the child, and then reports 255."""

    async def main() -> Any:
        loop = miniloop.get_running_loop()
        made = await loop.subprocess_shell(Recorder, "exit 9", stdin=None, stdout=None, stderr=None)
        transport, protocol = made
        wait_unreaped(transport.get_pid())
        transport.close()
        await protocol.lost
        return transport.get_returncode()

    assert run(main()) == 9


def test_no_signal_is_sent_after_exit_because_the_pid_may_be_reused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[int] = []

    async def main() -> tuple[int | None, bytes | None]:
        reading, writing = os.pipe()
        command = "exec 3<&0; cat <&3 & exit 1"
        process = await miniloop.create_subprocess_shell(command, stdin=reading, stdout=PIPE)
        os.close(reading)
        while process.returncode is None:
            await miniloop.sleep(0.001)
        monkeypatch.setattr(os, "kill", lambda pid, number: sent.append(number))
        process.kill()
        process.terminate()
        process.send_signal(signal.SIGHUP)
        os.close(writing)
        output, _ = await process.communicate()
        return process.returncode, output

    assert run(main()) == (1, b"")
    assert sent == []


@pytest.mark.usefixtures("way")
def test_cancelling_the_creation_in_any_iteration_leaves_no_process() -> None:
    async def main() -> list[str]:
        ends = []
        for turns in range(4):
            creating = miniloop.create_task(
                miniloop.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
            )
            for _ in range(turns):
                await miniloop.sleep(0)
            creating.cancel()
            await miniloop.wait([creating])
            ends.append("cancelled" if creating.cancelled() else "made")
            if not creating.cancelled():
                await creating.result().communicate()
        return ends

    ends = run(main())
    assert ends == sorted(ends)
    assert ends[0] == "cancelled"
    assert ends[-1] == "made"


def test_cancelling_a_wait_for_stdin_to_close_does_not_affect_its_closing() -> None:
    """asyncio reports an InvalidStateError here: it sets the result of the cancelled future."""
    reports: list[Any] = []

    async def main() -> int:
        miniloop.get_running_loop().set_exception_handler(lambda _, told: reports.append(told))
        process = await miniloop.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
        assert process.stdin is not None
        with pytest.raises(TimeoutError):
            await miniloop.wait_for(process.stdin.wait_closed(), 0)
        await process.communicate()
        return await process.wait()

    assert run(main()) == 0
    assert reports == []


def test_a_program_that_cannot_be_started_leaves_nothing_open() -> None:
    async def main() -> None:
        for program in ("/no/such/program", os.curdir):
            with pytest.raises(OSError, match="Errno"):
                await miniloop.create_subprocess_exec(program, stdin=PIPE, stdout=PIPE, stderr=PIPE)

    run(main())


# -- the repr --------------------------------------------------------------------------------------


def test_reprs_show_the_process_and_its_state() -> None:
    async def main() -> tuple[Any, list[str]]:
        loop = miniloop.get_running_loop()
        process = await miniloop.create_subprocess_exec("cat", stdin=PIPE)
        assert repr(process) == f"<Process {process.pid}>"
        made = await loop.subprocess_exec(Recorder, "cat", stdout=None, stderr=None)
        transport, protocol = made
        told = [repr(transport)]
        transport.close()
        told.append(repr(transport))
        await protocol.lost
        told.append(repr(transport))
        await process.communicate()
        return transport.get_pid(), told

    pid, told = run(main())
    assert told == [
        f"<BaseSubprocessTransport pid={pid} running>",
        f"<BaseSubprocessTransport closed pid={pid} running>",
        f"<BaseSubprocessTransport closed pid={pid} returncode=-9>",
    ]


# -- large transfers -------------------------------------------------------------------------------


def test_64_mib_pass_through_a_process_in_bounded_memory() -> None:
    pieces = SIXTY_FOUR_MIB // CHUNK
    data = os.urandom(CHUNK)
    highest = {"to write": 0, "to read": 0}

    async def feed(stdin: Any) -> None:
        for _ in range(pieces):
            stdin.write(data)
            size = stdin.transport.get_write_buffer_size()
            highest["to write"] = max(highest["to write"], size)
            await stdin.drain()
        stdin.close()
        await stdin.wait_closed()

    async def digest(stdout: Any) -> str:
        sha = hashlib.sha256()
        while piece := await stdout.read(CHUNK):
            sha.update(piece)
            highest["to read"] = max(highest["to read"], len(stdout._buffer) + len(piece))
        return sha.hexdigest()

    async def main() -> Any:
        process = await miniloop.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
        _, received = await miniloop.gather(feed(process.stdin), digest(process.stdout))
        assert await process.wait() == 0
        return received

    assert run(main()) == hashlib.sha256(data * pieces).hexdigest()
    assert highest["to write"] <= 64 * 1024 + CHUNK
    assert highest["to read"] <= 2 * 64 * 1024 + CHUNK


def test_killing_the_process_during_a_transfer_raises_brokenpipeerror() -> None:
    async def feed(stdin: Any) -> None:
        while True:
            stdin.write(bytes(CHUNK))
            await stdin.drain()

    async def main() -> tuple[str, int]:
        process = await miniloop.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
        feeding = miniloop.create_task(feed(process.stdin))
        assert process.stdout is not None
        await process.stdout.readexactly(1024 * 1024)
        process.kill()
        await miniloop.wait([feeding])
        await process.stdout.read()
        return type(feeding.exception()).__name__, await process.wait()

    assert run(main()) == ("BrokenPipeError", -signal.SIGKILL)


def test_the_protocol_of_a_process_that_has_ended_is_freed() -> None:
    async def main() -> bool:
        process = await miniloop.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
        watched = weakref.ref(process._transport.get_protocol())
        gc.disable()
        assert await process.communicate(b"data") == (b"data", None)
        del process
        for _ in range(3):
            await miniloop.sleep(0)
        freed = watched() is None
        gc.enable()
        return freed

    assert run(main())
