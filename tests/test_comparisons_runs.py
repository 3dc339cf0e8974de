"""Complete runs of `python -m comparisons`: successful, failing and interrupted ones."""

import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from comparisons import supervisor
from comparisons.memory import family
from comparisons.supervisor import ROOT

COMMAND = (sys.executable, "-X", "dev", "-W", "error", "-m", "comparisons")
TIME_LIMIT = 120
"""Seconds after which a run that should finish by itself counts as hung."""
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbread"
ONE_SAMPLE = ("--only", "io", "--samples", "1")

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="finds a run's processes in Linux's /proc"
)


def started(*arguments: str, **options: Any) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        (*COMMAND, *arguments),
        stdin=subprocess.DEVNULL,
        stdout=options.pop("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "80"},
        **options,
    )


def ran(*arguments: str, **options: Any) -> tuple[int, str, str]:
    """Return the exit status, standard output and standard error of a run."""
    with started(*arguments, **options) as process:
        output, errors = process.communicate(timeout=TIME_LIMIT)
    assert "Traceback" not in (output or "") + errors
    return process.returncode, output, errors


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def row_of(model: str, output: str) -> list[str]:
    [line] = re.findall(rf"^{model} .*$", output, re.MULTILINE)
    return str(line).split()


# successful runs


@pytest.fixture(scope="module")
def good_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Run every workload once with small sizes; return the results folder and the output."""
    folder = tmp_path_factory.mktemp("run") / "new folder"
    status, output, _ = ran(
        *("--models", "threads,miniloop", "--samples", "2"),
        *("--pages", "4", "--latency", "1", "--workers", "2", "--out", str(folder)),
    )
    assert status == 0, output
    return folder, output


def test_a_run_prints_the_path_of_a_complete_report(good_run: tuple[Path, str]) -> None:
    folder, output = good_run
    assert output.splitlines()[-1] == f"results: {folder}"
    assert names_in(folder) == ["chart.png", "chart.svg", "report.json", "report.md"]
    assert (folder / "chart.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (folder / "chart.svg").read_bytes()


def test_every_model_of_every_workload_has_the_same_result(good_run: tuple[Path, str]) -> None:
    report = json.loads((good_run[0] / "report.json").read_text())
    assert [each["name"] for each in report["workloads"]] == ["io", "cpu", "cpu-native", "mixed"]
    for workload in report["workloads"]:
        rows = workload["rows"]
        assert [row["model"] for row in rows] == ["sequential", "threads", "miniloop"]
        assert all(row["same_result"] is True and len(row["samples"]) == 2 for row in rows)
        assert all(row["ratio"]["low"] <= row["ratio"]["high"] for row in rows)
        assert workload["finding"]


def test_only_the_computing_workloads_are_calibrated(good_run: tuple[Path, str]) -> None:
    report = json.loads((good_run[0] / "report.json").read_text())
    sized = {each["name"]: each["rounds_per_unit"] > 0 for each in report["workloads"]}
    assert sized == {"io": False, "cpu": True, "cpu-native": True, "mixed": False}


def test_the_header_describes_the_machine_and_the_run(good_run: tuple[Path, str]) -> None:
    header = json.loads((good_run[0] / "report.json").read_text())["header"]
    assert list(header) == [
        *("machine", "cores", "load", "Python", "GIL", "process start", "libraries"),
        *("samples", "pages", "started", "command line"),
    ]
    assert all(header.values())
    assert header["process start"] == "spawn"
    assert "python -m comparisons --models threads,miniloop" in header["command line"]


def test_everything_fits_a_terminal_of_80_columns(good_run: tuple[Path, str]) -> None:
    *lines, path = good_run[1].splitlines()
    assert path.startswith("results: ")
    assert max(map(len, lines)) <= 80
    assert "…" not in good_run[1]


def test_with_json_only_the_report_is_on_standard_output(tmp_path: Path) -> None:
    quick = ("--models", "sequential", "--pages", "1", "--latency", "0")
    status, output, other = ran(*ONE_SAMPLE, *quick, "--json", "--out", str(tmp_path))
    assert status == 0
    assert json.loads(output) == json.loads((tmp_path / "report.json").read_text())
    assert other.splitlines()[-1] == f"results: {tmp_path}"


# failing and interrupted runs


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(TIME_LIMIT)
        yield server


def address_of(server: socket.socket) -> str:
    return f"http://127.0.0.1:{server.getsockname()[1]}/"


def serve_one(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(RESPONSE)


def command_of(pid: int) -> str:
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def alive(pid: int) -> bool:
    """Return whether the process is running; a zombie is not."""
    try:
        status = (Path("/proc") / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def worker_in(run: int) -> int:
    return next(pid for pid in family(run) if "spawn_main" in command_of(pid))


def sample_in(run: int) -> int:
    return next(pid for pid in family(run) if "comparisons.sample" in command_of(pid))


@needs_proc
@pytest.mark.parametrize(
    ("victim_in", "message"),
    [(worker_in, "a worker process died"), (sample_in, "the sample was killed by SIGKILL")],
    ids=["worker", "sample"],
)
def test_a_process_that_dies_only_affects_its_own_row(
    victim_in: Callable[[int], int], message: str, listening: socket.socket, tmp_path: Path
) -> None:
    options = ("--models", "processes-warm,asyncio", "--url", address_of(listening))
    with started(*ONE_SAMPLE, *options, "--out", str(tmp_path)) as process:
        serve_one(listening)  # sequential
        waiting, _ = listening.accept()  # a worker, which gets no response
        with waiting:
            os.kill(victim_in(process.pid), signal.SIGKILL)
            serve_one(listening)  # asyncio
            output, _ = process.communicate(timeout=TIME_LIMIT)
    assert process.returncode == 1
    assert f"✗ io, processes-warm: {message}" in output
    assert [row_of(model, output)[-1] for model in ("sequential", "processes-warm", "asyncio")] == [
        *("✓", "error", "✓")
    ]
    assert "report.md" in names_in(tmp_path)


@needs_proc
@pytest.mark.parametrize(
    ("number", "status", "model"),
    [
        (signal.SIGINT, 130, "threads"),
        (signal.SIGINT, 130, "processes-warm"),
        (signal.SIGINT, 130, "miniloop"),
        (signal.SIGTERM, 143, "processes-warm"),
    ],
)
def test_a_signal_ends_the_run_and_its_children_and_the_finished_rows_are_shown(
    number: signal.Signals, status: int, model: str, listening: socket.socket, tmp_path: Path
) -> None:
    options = ("--models", model, "--url", address_of(listening), "--out", str(tmp_path))
    with started(*ONE_SAMPLE, *options, process_group=0) as process:
        serve_one(listening)
        waiting, _ = listening.accept()
        with waiting:
            members = family(process.pid)
            os.killpg(process.pid, number)  # as a terminal does
            output, errors = process.communicate(timeout=TIME_LIMIT)
    assert process.returncode == status
    assert len(members) >= 2
    assert [pid for pid in members if alive(pid)] == []
    assert row_of("sequential", output)[-1] == "✓"
    assert row_of(model, output)[-1] == "–"
    assert "Traceback" not in output + errors


def test_a_refused_connection_is_reported_for_each_model(tmp_path: Path) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = address_of(bound)
        options = ("--models", "asyncio", "--url", url, "--out", str(tmp_path))
        status, output, _ = ran(*ONE_SAMPLE, *options)
    assert status == 1
    text = output.replace("\n", " ")
    for model in ("sequential", "asyncio"):
        assert f"✗ io, {model}: {url}: connection refused" in text
    assert names_in(tmp_path) == ["report.json", "report.md"]  # there is nothing to draw


def small_files_only() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))


def test_the_tables_are_shown_even_if_no_file_can_be_written(tmp_path: Path) -> None:
    options = ("--models", "sequential", "--pages", "1", "--samples", "1", "--latency", "0")
    status, output, _ = ran(
        *options, "--only", "io,mixed", "--out", str(tmp_path), preexec_fn=small_files_only
    )
    assert status == 1
    text = output.replace("\n", "")
    assert "✗ mixed, sequential: cannot write to " in text
    assert f"✗ cannot write the report to {tmp_path}: File too large" in text
    assert row_of("sequential", output.split("mixed:")[0])[-1] == "✓"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_behind_standard_output_has_a_clear_error_message(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        options = ("--models", "sequential", "--pages", "1", "--latency", "0")
        status, _, errors = ran(*ONE_SAMPLE, *options, "--out", str(tmp_path), stdout=full)
    assert status == 1
    assert "cannot write: No space left on device" in errors


def test_ctrl_c_is_delayed_while_a_process_starts_even_if_another_thread_gets_the_signal() -> None:
    steps = []
    stop = threading.Event()
    other = threading.Thread(target=stop.wait)  # as the one that draws the progress bar
    other.start()
    taken, written = socket.socketpair()
    written.setblocking(False)
    before = signal.set_wakeup_fd(written.fileno())
    try:
        with pytest.raises(KeyboardInterrupt), supervisor._ctrl_c_delayed():
            assert other.ident is not None
            signal.pthread_kill(other.ident, signal.SIGINT)
            steps.append("the block goes on")
            # Until the other thread has taken the signal. Later it would interrupt other code.
            assert taken.recv(1) == bytes([signal.SIGINT])
            time.sleep(0)  # where KeyboardInterrupt would be raised
            steps.append("its end")
    finally:
        signal.set_wakeup_fd(before)
        for sock in (taken, written):
            sock.close()
        stop.set()
        other.join()
    assert steps == ["the block goes on", "its end"]
