"""Starting sample processes and the server, and seeing every one of them gone.

Each runs in a session, and so in a process group, of its own: a Ctrl-C in the terminal reaches the
parent alone, which then kills the whole group, workers of pools included. The same happens when a
sample is done, dies, or takes longer than it may.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from comparisons.job import Job
from comparisons.models import Outcome

ROOT: Final = Path(__file__).resolve().parent.parent
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
LOOK_SECONDS: Final = 0.25
"""How often to look whether a silent sample still lives: its orphans may hold its pipes open."""


class ChildError(Exception):
    """A process that came to nothing; the text says why."""


def take_sample(job: Job, limit: float) -> Outcome:
    """One sample in a fresh process; ChildError if it fails, dies, or takes `limit` seconds."""
    return Outcome(**ask("comparisons.sample", job._asdict(), limit)["outcome"])


def ask(
    module: str, question: dict[str, Any], limit: float, environment: Mapping[str, str] = NOTHING
) -> dict[str, Any]:
    """The answer of a fresh process that runs `module`: JSON in, a line of JSON out.

    `environment` is added to this process's own.

    An answer {"error": "..."} is a ChildError, and so is a process that dies or takes `limit`
    seconds.
    """
    with _child(module, stderr=subprocess.PIPE, environment=environment) as child:
        output, complaints = _talk(child, json.dumps(question), limit)
        if child.returncode != 0:
            raise ChildError(_how_it_died(child.returncode, complaints))
    answer: dict[str, Any] = json.loads(output)
    if "error" in answer:
        raise ChildError(answer["error"])
    return answer


def _talk(child: "subprocess.Popen[str]", text: str, limit: float) -> tuple[str, str]:
    """Everything the child says until it ends."""
    remaining, first = limit, True
    while True:
        try:
            return child.communicate(text if first else None, timeout=min(LOOK_SECONDS, remaining))
        except subprocess.TimeoutExpired:
            first = False
            remaining -= LOOK_SECONDS
        if child.poll() is not None:
            _kill_group(child.pid)
        elif remaining <= 0:
            raise ChildError(f"not done within {limit:g} s, given up")


def _how_it_died(status: int, complaints: str) -> str:
    if status < 0:
        return f"the sample was killed by {signal.Signals(-status).name}"
    last = complaints.strip().splitlines()[-1:] or ["without a word"]
    return f"the sample ended with status {status}: {last[0]}"


@contextmanager
def page_server(latency: float) -> Iterator[str]:
    """Our own server in a process of its own; gives its address, "http://127.0.0.1:port"."""
    options = ("--latency", repr(latency))
    with _child("comparisons.server", *options, stderr=None) as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        if not port:
            raise ChildError("the comparison's own server did not start")
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _child(
    module: str, *arguments: str, stderr: int | None, environment: Mapping[str, str] = NOTHING
) -> "Iterator[subprocess.Popen[str]]":
    """A Python process running a module of this package; gone, with its family, on leaving."""
    paths = (str(ROOT), os.environ.get("PYTHONPATH", ""))
    child: subprocess.Popen[str] | None = None
    try:
        with _ctrl_c_held_back():
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
            _bury(child)


def _bury(child: "subprocess.Popen[str]") -> None:
    _kill_group(child.pid)
    child.wait()
    for stream in (child.stdin, child.stdout, child.stderr):
        if stream is not None:
            _close(stream)


@contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    """A Ctrl-C in this block arrives when it ends.

    In the middle of Popen it would leave a child behind that nobody knows of. Not so SIGTERM: the
    child is born with the mask, and pools of processes end their workers by that signal.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        pass  # all of them have ended: what was wanted


def _close(stream: Any) -> None:
    try:
        stream.close()
    except BrokenPipeError:
        pass  # a job the dead child did not read: nobody misses it
