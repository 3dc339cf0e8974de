"""Child processes: Process and its streams, and the transport and protocol below them."""

from __future__ import annotations

import asyncio.subprocess
import contextlib
import gc
import inspect
import os
import signal
import threading
import warnings
from collections.abc import AsyncIterator
from typing import Any

import pytest

import miniloop.subprocess
from tests.parity.harness import Stage, attempt, attempt_await, older_asyncio_differs, outcome

PIPE, STDOUT, DEVNULL = -1, -2, -3
MORE_THAN_A_PIPE_HOLDS = 8 * 1024 * 1024


@contextlib.asynccontextmanager
async def shell(stage: Stage, command: str, **options: Any) -> AsyncIterator[Any]:
    """Yield a Process that runs `command`; wait for it at the end, kill it if the block raises."""
    process = await stage.aio.create_subprocess_shell(command, **options)
    try:
        yield process
    except BaseException:
        process.kill()
        raise
    finally:
        await process.wait()


@contextlib.asynccontextmanager
async def process_with_child(stage: Stage) -> AsyncIterator[tuple[Any, int]]:
    """Yield a Process whose own child keeps stdout open, and a file descriptor.

    The child exits when the descriptor is closed.
    """
    reading, writing = os.pipe()
    command = "exec 3<&0; cat <&3 & wait"
    async with shell(stage, command, stdin=reading, stdout=PIPE) as process:
        os.close(reading)
        os.write(writing, b"child\n")
        await process.stdout.readline()
        yield process, writing


class Recorder:
    """A SubprocessProtocol that records each call."""

    def __init__(self, stage: Stage) -> None:
        self.log = stage.log
        self.lost: Any = stage.aio.get_running_loop().create_future()
        """Done when connection_lost() was called."""
        self.exited: Any = stage.aio.get_running_loop().create_future()
        """Done when process_exited() was called."""

    def connection_made(self, transport: Any) -> None:
        self.log("made")

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self.log("data", fd, data)

    def pipe_connection_lost(self, fd: int, error: Exception | None) -> None:
        self.log("pipe lost", fd, error and type(error).__name__)

    def process_exited(self) -> None:
        self.log("exited")
        self.exited.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        self.log("lost", error)
        self.lost.set_result(None)

    def pause_writing(self) -> None:
        self.log("pause")

    def resume_writing(self) -> None:
        self.log("resume")


# -- Process ---------------------------------------------------------------------------------------


def test_communicate_feeds_stdin_and_reads_both_outputs(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        for data in (b"some data", b""):
            options = {"stdin": PIPE, "stdout": PIPE, "stderr": PIPE}
            async with shell(stage, "cat; echo done >&2; exit 3", **options) as process:
                log(await process.communicate(data), process.returncode)

    assert stage.run(main, real=True) == [((b"some data", b"done\n"), 3), ((b"", b"done\n"), 3)]


@older_asyncio_differs("3.12", "communicate() without input leaves stdin open")
def test_communicate_without_input_closes_stdin(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        async with shell(stage, "cat", stdin=PIPE, stdout=PIPE) as process:
            communicating = aio.create_task(process.communicate())
            for _ in range(3):
                await aio.sleep(0)
            log(process.stdin.is_closing())
            process.stdin.close()
            log(await communicating)

    assert stage.run(main, real=True) == [True, (b"", None)]


def test_streams_that_are_not_piped_are_none(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        options = {"stdin": DEVNULL, "stdout": DEVNULL, "stderr": DEVNULL}
        process = await aio.create_subprocess_exec("sh", "-c", "cat; exit 4", **options)
        log(process.stdin, process.stdout, process.stderr)
        log(await process.communicate(), await process.wait(), process.returncode)

    assert stage.run(main, real=True) == [(None, None, None), ((None, None), 4, 4)]


def test_stderr_can_be_redirected_to_stdout(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        command = "echo out; echo error >&2"
        async with shell(stage, command, stdout=PIPE, stderr=STDOUT) as process:
            log(process.stderr, await process.communicate())

    assert stage.run(main, real=True) == [(None, (b"out\nerror\n", None))]


def test_the_streams_of_a_process_work_like_those_of_a_connection(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        async with shell(stage, "cat", stdin=PIPE, stdout=PIPE) as process:
            for line in (b"one\n", b"two\n"):
                process.stdin.write(line)
                await process.stdin.drain()
                log(await process.stdout.readline())
            log(process.returncode, process.stdin.can_write_eof())
            process.stdin.write(b"last")
            process.stdin.write_eof()
            log(await process.stdout.read(), process.stdin.is_closing())
            log(await attempt_await(process.stdin.wait_closed()))
            log(await process.wait(), process.stdout.at_eof())

    assert stage.run(main, real=True) == [
        b"one\n",
        b"two\n",
        (None, True),
        (b"last", True),
        "returned None",
        (0, True),
    ]


def test_limit_applies_to_the_readers(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        async with shell(stage, "echo longer than ten", stdout=PIPE, limit=10) as process:
            log(await attempt_await(process.stdout.readline()))

    assert stage.run(main, real=True) == [
        "raised ValueError: Separator is found, but chunk is longer than limit"
    ]


def test_every_waiter_gets_the_return_code(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        async with shell(stage, "cat; exit 5", stdin=PIPE) as process:
            waits = [aio.create_task(process.wait()) for _ in range(3)]
            await aio.sleep(0)
            waits[1].cancel()
            await aio.wait(waits[1:2])
            process.stdin.close()
            await aio.wait(waits)
            log([outcome(task) for task in waits], await process.wait())

    assert stage.run(main, real=True) == [(["returned 5", "cancelled", "returned 5"], 5)]


@pytest.mark.parametrize("way", ["terminate", "kill", "send_signal"])
def test_the_return_code_is_the_negative_number_of_the_signal_that_killed_the_process(
    stage: Stage, way: str
) -> None:
    aio, log = stage.aio, stage.log
    args = (signal.SIGINT,) if way == "send_signal" else ()
    number = {"terminate": signal.SIGTERM, "kill": signal.SIGKILL, "send_signal": signal.SIGINT}

    async def main() -> None:
        async with shell(stage, "exec cat", stdin=PIPE) as process:
            log(attempt(getattr(process, way), *args), process.returncode)
            log(await process.wait() == process.returncode == -number[way])
            # Ignored until the pipe is closed, too.
            while (answer := attempt(getattr(process, way), *args)) == "returned None":
                await aio.sleep(0)
            log(answer)

    assert stage.run(main, real=True) == [
        ("returned None", None),
        True,
        "raised ProcessLookupError",
    ]


def test_a_signal_to_a_process_that_was_already_reaped_is_ignored(stage: Stage) -> None:
    """Its child keeps the pipe open, so the transport is not closed, but the process is gone."""
    aio, log = stage.aio, stage.log

    async def main() -> None:
        async with process_with_child(stage) as (process, writing):
            process.kill()
            while process.returncode is None:
                await aio.sleep(0.001)
            log(process.returncode, attempt(process.kill), attempt(process.terminate))
            log(process.stdout.at_eof())
            os.close(writing)
            log(await process.stdout.read())

    assert stage.run(main, real=True) == [
        (-signal.SIGKILL, "returned None", "returned None"),
        False,
        b"",
    ]


def test_a_program_that_does_not_exist_raises_and_leaks_nothing(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        options = {"stdin": PIPE, "stdout": PIPE, "stderr": PIPE}
        started = aio.create_subprocess_exec("/no/such/program", **options)
        log((await attempt_await(started)).partition("]")[0])
        gc.collect()

    assert stage.run(main, real=True) == ["raised FileNotFoundError: [Errno 2"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"universal_newlines": True},
        {"shell": None},
        {"bufsize": 4096},
        {"bufsize": None},
        {"text": True},
        {"encoding": "utf-8"},
        {"encoding": ""},
        {"errors": "strict"},
        {"errors": ""},
        {"no_such_option": 1},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_text_mode_and_buffering_are_rejected(stage: Stage, wrong: dict[str, Any]) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        protocol = aio.SubprocessProtocol
        if "shell" in wrong:
            log(await attempt_await(loop.subprocess_exec(protocol, "true", shell=True)))
            log(await attempt_await(loop.subprocess_shell(protocol, "true", shell=False)))
            log(await attempt_await(loop.subprocess_shell(protocol, ["true"])))
            return
        for started in (
            loop.subprocess_exec(protocol, "true", **wrong),
            aio.create_subprocess_exec("true", **wrong),
            loop.subprocess_shell(protocol, "true", **wrong),
            aio.create_subprocess_shell("true", **wrong),
        ):
            log((await attempt_await(started)).replace("Popen.__init__", "__init__"))

    expected = {
        "universal_newlines": ["raised ValueError: universal_newlines must be False"] * 4,
        "shell": [
            "raised ValueError: shell must be False",
            "raised ValueError: shell must be True",
            "raised ValueError: cmd must be a string",
        ],
        "bufsize": ["raised ValueError: bufsize must be 0"] * 4,
        "text": ["raised ValueError: text must be False"] * 4,
        "encoding": ["raised ValueError: encoding must be None"] * 4,
        "errors": ["raised ValueError: errors must be None"] * 4,
        "no_such_option": [
            "raised TypeError: __init__() got an unexpected keyword argument 'no_such_option'"
        ]
        * 4,
    }
    assert stage.run(main, real=True) == expected[next(iter(wrong))]


# -- stdin that the process does not read ----------------------------------------------------------


def test_drain_raises_if_the_process_exits_without_reading(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        async with shell(stage, "read line; exit 0", stdin=PIPE) as process:
            process.stdin.write(b"line\n" + bytes(MORE_THAN_A_PIPE_HOLDS))
            log(await attempt_await(process.stdin.drain()))
            log(await attempt_await(process.stdin.drain()))
            log(await attempt_await(process.stdin.wait_closed()))

    assert stage.run(main, real=True) == [
        "raised BrokenPipeError",
        "raised ConnectionResetError: Connection lost",
        "raised BrokenPipeError",
    ]


def test_communicate_works_if_the_process_exits_without_reading(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        async with shell(stage, "echo no; exit 1", stdin=PIPE, stdout=PIPE) as process:
            log(await process.communicate(bytes(MORE_THAN_A_PIPE_HOLDS)), process.returncode)

    assert stage.run(main, real=True) == [((b"no\n", None), 1)]


# -- transport and protocol ------------------------------------------------------------------------


def test_connection_lost_is_called_after_the_pipes_are_lost_and_the_process_exited(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log
    command = "read line; echo $line; exec >&-; read line; exit 2"

    async def main() -> None:
        loop = aio.get_running_loop()
        made = await loop.subprocess_shell(lambda: Recorder(stage), command, stderr=None)
        transport, protocol = made
        process = transport.get_extra_info("subprocess")
        stdin, stdout, stderr = map(transport.get_pipe_transport, range(3))
        log("created", transport.get_returncode(), transport.is_closing())
        log(transport.get_pid() == process.pid, transport.get_protocol() is protocol, stderr)
        stdin.write(b"hello\n")
        while not stdout.is_closing():
            await aio.sleep(0.001)
        stdin.close()
        await protocol.lost
        log(transport.get_returncode(), process.returncode, transport.is_closing())
        transport.close()
        log(transport.is_closing())

    assert stage.run(main, real=True) == [
        "made",
        ("created", None, False),
        (True, True, None),
        ("data", 1, b"hello\n"),
        ("pipe lost", 1, None),
        ("pipe lost", 0, None),
        "exited",
        ("lost", None),
        (2, 2, False),
        True,
    ]


def test_closing_the_transport_kills_the_process(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        transport, protocol = await loop.subprocess_exec(
            lambda: Recorder(stage), "cat", stderr=DEVNULL
        )
        transport.close()
        transport.close()
        log("closing", transport.is_closing(), transport.get_returncode())
        await protocol.lost
        log(transport.get_returncode())

    assert stage.run(main, real=True) == [
        "made",
        ("closing", True, None),
        ("pipe lost", 0, None),
        ("pipe lost", 1, None),
        "exited",
        ("lost", None),
        -signal.SIGKILL,
    ]


def test_pause_writing_and_resume_writing_are_called_for_stdin(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        transport, protocol = await loop.subprocess_shell(
            lambda: Recorder(stage), "cat >/dev/null", stdout=None, stderr=None
        )
        pipe = transport.get_pipe_transport(0)
        pipe.write(bytes(MORE_THAN_A_PIPE_HOLDS))
        log("written")
        pipe.close()
        await protocol.lost
        transport.close()

    assert stage.run(main, real=True) == [
        "made",
        "pause",
        "written",
        "resume",
        ("pipe lost", 0, None),
        "exited",
        ("lost", None),
    ]


def test_set_protocol_replaces_the_protocol(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class Successor(Recorder):
        def process_exited(self) -> None:
            log("successor")
            super().process_exited()

    async def main() -> None:
        loop = aio.get_running_loop()
        made = await loop.subprocess_shell(lambda: Recorder(stage), "cat", stdout=None, stderr=None)
        transport = made[0]
        successor = Successor(stage)
        transport.set_protocol(successor)
        transport.get_pipe_transport(0).close()
        await successor.lost
        transport.close()

    assert stage.run(main, real=True) == [
        "made",
        ("pipe lost", 0, None),
        "successor",
        "exited",
        ("lost", None),
    ]


def test_a_protocol_that_raises_is_reported_and_still_called(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class Failing(Recorder):
        def pipe_data_received(self, fd: int, data: bytes) -> None:
            super().pipe_data_received(fd, data)
            raise LookupError("bug")

        def connection_lost(self, error: Exception | None) -> None:
            super().connection_lost(error)
            raise LookupError("another bug")

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.set_exception_handler(lambda _, context: log("report", repr(context["exception"])))
        made = await loop.subprocess_shell(lambda: Failing(stage), "cat", stderr=None)
        transport, protocol = made
        stdin = transport.get_pipe_transport(0)
        stdin.write(b"one")
        while len(log) < 3:
            await aio.sleep(0.001)
        stdin.write(b"two")
        while len(log) < 5:
            await aio.sleep(0.001)
        transport.close()
        await protocol.lost
        log(transport.get_returncode() in (0, -signal.SIGKILL))

    assert stage.run(main, real=True) == [
        "made",
        ("data", 1, b"one"),
        ("report", "LookupError('bug')"),
        ("data", 1, b"two"),
        ("report", "LookupError('bug')"),
        ("pipe lost", 0, None),
        ("pipe lost", 1, None),
        "exited",
        ("lost", None),
        ("report", "LookupError('another bug')"),
        True,
    ]


# -- a Process that the program makes itself -------------------------------------------------------


def recording_protocol(stage: Stage, limit: int = 2**16) -> Any:
    """An instance of a class that derives from SubprocessStreamProtocol and records the calls."""
    log = stage.log

    class Recording(stage.aio.subprocess.SubprocessStreamProtocol):  # type: ignore[misc,name-defined]
        transport: Any = None

        def connection_made(self, transport: Any) -> None:
            self.transport = transport
            log("made", self.stdin, self.stdout, self.stderr)
            super().connection_made(transport)

        def pipe_data_received(self, fd: int, data: bytes) -> None:
            log("data", fd, data)
            super().pipe_data_received(fd, data)

        def pipe_connection_lost(self, fd: int, error: Exception | None) -> None:
            log("pipe lost", fd, error)
            super().pipe_connection_lost(fd, error)

        def process_exited(self) -> None:
            log("exited", self.transport.get_returncode())
            super().process_exited()
            log("closing", self.transport.is_closing())

        def connection_lost(self, error: Exception | None) -> None:
            log("lost", error)
            super().connection_lost(error)

    return Recording(limit, stage.aio.get_running_loop())


def test_a_process_can_be_made_of_transport_and_protocol(stage: Stage) -> None:
    """As anyio.open_process() makes its own."""
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        transport, protocol = await loop.subprocess_exec(
            lambda: aio.subprocess.SubprocessStreamProtocol(limit=2**16, loop=loop), "cat"
        )
        process = aio.subprocess.Process(transport, protocol, loop)
        log(process.stdin is protocol.stdin, process.stdout is protocol.stdout)
        log(process.stderr is protocol.stderr, process.pid == transport.get_pid())
        log(await process.communicate(b"hi"), process.returncode)
        while not transport.is_closing():  # the protocol closes it
            await aio.sleep(0)

    assert stage.run(main, real=True) == [(True, True), (True, True), ((b"hi", b""), 0)]


def test_a_protocol_derived_from_that_of_the_streams_sees_every_call(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        command = "read line; echo $line; exec >&-; read line; exit 6"
        transport, protocol = await loop.subprocess_shell(
            lambda: recording_protocol(stage, limit=3), command, stderr=None
        )
        process = aio.subprocess.Process(transport, protocol, loop)
        process.stdin.write(b"hello\n")
        log("read", await attempt_await(process.stdout.readline()), await process.stdout.read())
        process.stdin.close()
        log("waited", await process.wait())

    assert stage.run(main, real=True) == [
        ("made", None, None, None),
        ("data", 1, b"hello\n"),
        ("pipe lost", 1, None),
        ("read", "raised ValueError: Separator is found, but chunk is longer than limit", b""),
        ("pipe lost", 0, None),
        ("lost", None),  # of stdin
        ("exited", 6),
        ("closing", True),
        ("lost", None),
        ("waited", 6),
    ]


def test_process_exited_is_called_once_if_the_pipes_close_before_the_exit(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        transport, protocol = await loop.subprocess_shell(
            lambda: recording_protocol(stage), "exec >&- 2>&-; read line; exit 3"
        )
        log(await protocol.stdout.read(), await protocol.stderr.read())
        protocol.stdin.close()
        log("waited", await transport._wait())

    made, *outputs = stage.run(main, real=True)[:3]
    assert made == ("made", None, None, None)
    assert sorted(outputs, key=str) == [("pipe lost", 1, None), ("pipe lost", 2, None)]
    assert stage.log[3:] == [
        (b"", b""),
        ("pipe lost", 0, None),
        ("lost", None),  # of stdin
        ("exited", 3),
        ("closing", True),
        ("lost", None),
        ("waited", 3),
    ]


def test_process_exited_is_called_once_if_the_pipes_close_after_the_exit(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        reading, writing = os.pipe()
        transport, protocol = await loop.subprocess_shell(
            lambda: recording_protocol(stage), "exec 3<&0; cat <&3 & exit 1", stdin=reading,
            stderr=None,
        )  # fmt: skip
        os.close(reading)
        while ("closing", False) not in log:
            await aio.sleep(0.001)
        os.write(writing, b"from the grandchild")
        os.close(writing)
        log("read", await protocol.stdout.read(), transport.is_closing())
        log("waited", await transport._wait())

    steps = stage.run(main, real=True)
    assert [step for step in steps if step != ("lost", None)] == [
        ("made", None, None, None),
        ("exited", 1),
        ("closing", False),
        ("data", 1, b"from the grandchild"),
        ("pipe lost", 1, None),
        ("read", b"from the grandchild", True),
        ("waited", 1),
    ]


def test_names_of_process_and_parameters_of_both_constructors(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        for kind in (aio.subprocess.SubprocessStreamProtocol, aio.subprocess.Process):
            log(*inspect.signature(kind).parameters)
        async with shell(stage, "exit 0") as process:
            log(*(name for name in dir(process) if not name.startswith("_")))

    assert stage.run(main, real=True) == [
        ("limit", "loop"),
        ("transport", "protocol", "loop"),
        (
            *("communicate", "kill", "pid", "returncode", "send_signal"),
            *("stderr", "stdin", "stdout", "terminate", "wait"),
        ),
    ]


def test_reprs_of_process_and_protocol(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        protocol = recording_protocol(stage)
        log(repr(protocol))
        await loop.subprocess_exec(lambda: protocol, "cat", stderr=None)
        process = aio.subprocess.Process(protocol.transport, protocol, loop)
        log(repr(process) == f"<Process {process.pid}>")
        log(repr(protocol) == f"<Recording stdin={process.stdin!r} stdout={process.stdout!r}>")
        await process.communicate(b"")

    log_before_the_end = stage.run(main, real=True)[:4]
    assert log_before_the_end == ["<Recording>", ("made", None, None, None), True, True]


# -- cancellation and unusual exits ----------------------------------------------------------------


def test_cancelling_the_creation_ends_the_process_first(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        task = loop.create_task(
            loop.subprocess_exec(lambda: Recorder(stage), "cat", stdout=None, stderr=None)
        )
        loop.call_soon(task.cancel)
        await aio.wait([task])
        log(outcome(task))
        with pytest.raises(ChildProcessError):  # no child is left
            os.waitpid(-1, os.WNOHANG)

    made, *between, lost, end = stage.run(main, real=True)
    assert (made, lost, end) == ("made", ("lost", None), "cancelled")
    assert sorted(between, key=str) == [("pipe lost", 0, None), "exited"]


def test_cancelling_communicate_leaves_the_process_alone(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        async with shell(stage, "cat", stdin=PIPE, stdout=PIPE) as process:
            log(await attempt_await(aio.wait_for(process.stdout.read(), 0)))
            log(await process.communicate(b"still alive"))

    assert stage.run(main, real=True) == ["raised TimeoutError", (b"still alive", None)]


def test_a_lost_exit_status_is_reported_as_255(stage: Stage) -> None:
    """If SIGCHLD is ignored, the kernel does not keep the exit status."""
    log = stage.log

    async def main() -> None:
        before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        try:
            async with shell(stage, "cat; exit 7", stdin=PIPE) as process:
                process.stdin.close()
                log(await process.wait(), process.returncode)
        finally:
            signal.signal(signal.SIGCHLD, before)
        log([line.endswith("will report returncode 255") for line in stage.logged()])

    assert stage.run(main, real=True) == [(255, 255), [True]]


@older_asyncio_differs("3.14.7", "waits until the pipes are closed")
def test_wait_returns_when_the_process_has_exited(stage: Stage) -> None:
    """The process has exited, but its own child keeps the pipe open (gh-119710)."""
    aio, log = stage.aio, stage.log

    async def main() -> None:
        async with process_with_child(stage) as (process, writing):
            waiting = aio.create_task(process.wait())
            await aio.sleep(0)
            process.kill()
            while process.returncode is None:
                await aio.sleep(0.001)
            await aio.sleep(0)
            log(outcome(waiting), process.returncode)
            os.write(writing, b"from the grandchild")
            os.close(writing)
            log(await process.stdout.read(), await waiting)

    assert stage.run(main, real=True) == [("returned -9", -9), (b"from the grandchild", -9)]


def test_a_transport_that_is_not_closed_warns_when_it_is_freed(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        kinds = {"stdin": None, "stdout": None, "stderr": None}
        transport, protocol = await loop.subprocess_shell(
            lambda: Recorder(stage), "exit 1", **kinds
        )
        await protocol.lost
        for thread in threading.enumerate():
            if "waitpid" in thread.name:
                thread.join()  # the thread keeps the transport alive until it finishes
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del transport
            stage.collect()
        log([(warning.category, str(warning.message)[:19]) for warning in caught])

    assert stage.run(main, real=True) == [
        "made",
        "exited",
        ("lost", None),
        [(ResourceWarning, "unclosed transport ")],
    ]


def test_the_module_has_the_constants_and_names_of_asyncio(stage: Stage) -> None:
    module = {"asyncio": asyncio.subprocess, "miniloop": miniloop.subprocess}[stage.aio.__name__]
    assert (module.PIPE, module.STDOUT, module.DEVNULL) == (PIPE, STDOUT, DEVNULL)
    assert sorted(module.__all__) == ["create_subprocess_exec", "create_subprocess_shell"]
