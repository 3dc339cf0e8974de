"""Starting the sample processes and the server, and making sure that all of them exit.

Each one runs in its own session, and so in its own process group. Ctrl-C in the terminal only
reaches the parent, which then kills the whole group, including pool workers. The group is also
killed when a sample finishes, dies or exceeds its time limit.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from comparisons.job import Job
from comparisons.models import Outcome

ROOT: Final = Path(__file__).resolve().parent.parent
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
POLL_SECONDS: Final = 0.25
"""How often to check that a sample is alive: orphans of a dead one may keep its pipes open."""


class ChildError(Exception):
    """A child process failed; the message says why."""


def take_sample(job: Job, limit: float) -> Outcome:
    """Take one sample in a new process; raise ChildError if it fails or takes `limit` seconds."""
    return Outcome(**ask("comparisons.sample", job._asdict(), limit)["outcome"])


def ask(
    module: str, question: dict[str, Any], limit: float, environment: Mapping[str, str] = NOTHING
) -> dict[str, Any]:
    """Run `module` in a new process, send it the question as JSON, and return its JSON answer.

    `environment` is added to this process's environment variables. Raises ChildError if the answer
    is {"error": "..."}, or if the process dies or takes `limit` seconds.
    """
    with _child(module, stderr=subprocess.PIPE, environment=environment) as child:
        output, errors = _communicate(child, json.dumps(question), limit)
        if child.returncode != 0:
            raise ChildError(_how_it_died(child.returncode, errors))
    answer: dict[str, Any] = json.loads(output)
    if "error" in answer:
        raise ChildError(answer["error"])
    return answer


def _communicate(child: "subprocess.Popen[str]", text: str, limit: float) -> tuple[str, str]:
    """Return the standard output and standard error of the child when it has exited."""
    remaining, first = limit, True
    while True:
        try:
            return child.communicate(text if first else None, timeout=min(POLL_SECONDS, remaining))
        except subprocess.TimeoutExpired:
            first = False
            remaining -= POLL_SECONDS
        if child.poll() is not None:
            _kill_group(child.pid)
        elif remaining <= 0:
            raise ChildError(f"timed out after {limit:g} s")


def _how_it_died(status: int, errors: str) -> str:
    if status < 0:
        return f"the sample was killed by {signal.Signals(-status).name}"
    last = errors.strip().splitlines()[-1:] or ["no message"]
    return f"the sample exited with status {status}: {last[0]}"


@contextmanager
def page_server(latency: float) -> Iterator[str]:
    """Run the local server in a process; yield its address, "http://127.0.0.1:port"."""
    options = ("--latency", repr(latency))
    with _child("comparisons.server", *options, stderr=None) as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        if not port:
            raise ChildError("the local server did not start")
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _child(
    module: str, *arguments: str, stderr: int | None, environment: Mapping[str, str] = NOTHING
) -> "Iterator[subprocess.Popen[str]]":
    """Run a module of this package in a process; on exit, kill it and its descendants."""
    paths = (str(ROOT), os.environ.get("PYTHONPATH", ""))
    child: subprocess.Popen[str] | None = None
    try:
        with _ctrl_c_delayed():
            child = subprocess.Popen(
                (sys.executable, "-m", module, *arguments),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env=os.environ
                | environment
                | {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "OPENBLAS_NUM_THREADS": "1"},
                start_new_session=True,
            )
        yield child
    finally:
        if child is not None:
            _kill_and_wait(child)


def _kill_and_wait(child: "subprocess.Popen[str]") -> None:
    _kill_group(child.pid)
    child.wait()
    for stream in (child.stdin, child.stdout, child.stderr):
        if stream is not None:
            _close(stream)


@contextmanager
def _ctrl_c_delayed() -> Iterator[None]:
    """Delay Ctrl-C until the end of this block.

    Inside Popen it would leave a child process behind without a reference to it. Why not block the
    signal: the thread that draws the progress bar would receive it, and the main thread would raise
    KeyboardInterrupt all the same.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread raises KeyboardInterrupt
        return
    arrived: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: arrived.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if arrived:
            signal.raise_signal(signal.SIGINT)


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        pass  # all of them have exited already


def _close(stream: Any) -> None:
    try:
        stream.close()
    except BrokenPipeError:
        pass  # the dead child did not read all of its input
