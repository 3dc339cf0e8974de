"""Every workload on every model, each in its own process, with a real server."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from comparisons.job import Job
from comparisons.memory import family, peak_memory
from comparisons.models import LOOPS
from comparisons.plan import KNOWN_MODELS, KNOWN_WORKLOADS, Plan, jobs_of
from comparisons.supervisor import ROOT, ChildError, page_server, take_sample
from comparisons.workloads import WORKLOADS, check_files

UNITS = 3
STRICT = (sys.executable, "-X", "dev", "-W", "error", "-m", "comparisons.sample")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with page_server(latency=0.001) as address:
        yield address


@pytest.fixture
def refusing() -> Iterator[str]:
    """An address that refuses connections: bound but not listening, so no one else can use it."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/"


@pytest.fixture
def silent() -> Iterator[str]:
    """An address that accepts connections and never sends a response."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"


def job_for(workload: str, model: str, folder: Path, *urls: str, **changes: Any) -> Job:
    workers = 2 if model not in LOOPS or workload == "cpu-native" else 0
    job = Job(workload, model, len(urls) or UNITS, workers, urls, rounds=2, folder=str(folder))
    return job._replace(**changes)


def strictly(job: Job) -> dict[str, Any]:
    """Return the answer of the sample; it must not print any warning or error."""
    text = json.dumps(job._asdict())
    done = subprocess.run(STRICT, input=text, capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def pages(server: str) -> list[str]:
    return [f"{server}/page/{number}" for number in range(UNITS)]


@pytest.fixture(scope="module")
def sequential_results(
    server: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[str]]:
    folder = tmp_path_factory.mktemp("sequential")
    return {
        name: [
            workload.unit(job_for(name, "sequential", folder, *pages(server)), index)
            for index in range(UNITS)
        ]
        for name, workload in WORKLOADS.items()
    }


@pytest.mark.parametrize("model", KNOWN_MODELS)
@pytest.mark.parametrize("workload", KNOWN_WORKLOADS)
def test_every_model_gets_the_sequential_result_for_every_workload(
    workload: str, model: str, server: str, tmp_path: Path, sequential_results: dict[str, list[str]]
) -> None:
    urls = pages(server) if WORKLOADS[workload].fetches else []
    outcome = strictly(job_for(workload, model, tmp_path, *urls))["outcome"]
    assert outcome["results"] == sequential_results[workload]
    startup = outcome["startup"] if model == "processes-cold" else 0
    assert outcome["wall"] == pytest.approx(startup + outcome["submit"] + outcome["work"])
    assert outcome["memory"] > 0
    assert outcome["cpu"] >= 0


def test_the_units_of_a_workload_differ_from_one_another(
    sequential_results: dict[str, list[str]],
) -> None:
    assert all(len(set(results)) == UNITS for results in sequential_results.values())


def test_hashlib_is_used_without_numpy(tmp_path: Path) -> None:
    results = [
        strictly(job_for("cpu-native", model, tmp_path, native="hashlib"))["outcome"]["results"]
        for model in ("sequential", "threads", "asyncio")
    ]
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("model", KNOWN_MODELS)
def test_a_refused_connection_has_a_clear_error_message(
    model: str, refusing: str, tmp_path: Path
) -> None:
    answer = strictly(job_for("io", model, tmp_path, refusing, refusing))
    assert answer == {"error": f"{refusing}: connection refused"}


@pytest.mark.parametrize("model", ["sequential", "processes-warm", "asyncio", "miniloop"])
def test_a_missing_page_has_a_clear_error_message(model: str, server: str, tmp_path: Path) -> None:
    answer = strictly(job_for("mixed", model, tmp_path, f"{server}/nowhere"))
    assert answer == {"error": f"{server}/nowhere: status 404 Not Found"}


@pytest.mark.parametrize("model", ["sequential", "asyncio", "miniloop"])
def test_a_page_without_a_response_times_out(model: str, silent: str, tmp_path: Path) -> None:
    answer = strictly(job_for("io", model, tmp_path, silent, page_seconds=0.05))
    assert answer == {"error": f"{silent}: no response within 0.05 s"}


@pytest.mark.parametrize("model", KNOWN_MODELS)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_has_a_clear_error_message(model: str, server: str, tmp_path: Path) -> None:
    (tmp_path / "page-00001.txt").symlink_to("/dev/full")
    answer = strictly(job_for("mixed", model, tmp_path, *pages(server)))
    assert answer == {"error": f"cannot write to {tmp_path}: No space left on device"}


def test_a_file_with_wrong_contents_is_detected(tmp_path: Path) -> None:
    job = job_for("mixed", "sequential", tmp_path)
    (tmp_path / "page-00000.txt").write_text("something else")
    with pytest.raises(ValueError, match=r"page-00000\.txt does not contain what was written"):
        check_files(job, ["200 0123"])


# samples whose process fails


def test_a_sample_that_cannot_start_raises_child_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(ChildError, match="the sample exited with status 1: no message"):
        take_sample(job_for("cpu", "sequential", tmp_path), limit=60)
    with pytest.raises(ChildError, match="the local server did not start"), page_server(0.0):
        pass


def test_the_error_of_a_failed_sample_is_raised(refusing: str, tmp_path: Path) -> None:
    with pytest.raises(ChildError, match="connection refused"):
        take_sample(job_for("io", "threads", tmp_path, refusing), limit=60)


def test_a_sample_that_hangs_times_out(silent: str, tmp_path: Path) -> None:
    with pytest.raises(ChildError, match=r"timed out after 0\.5 s"):
        take_sample(job_for("io", "processes-warm", tmp_path, silent), limit=0.5)


def test_a_comparison_has_one_job_for_each_model_with_the_same_units() -> None:
    plan = Plan(("io",), ("sequential", "miniloop"), 3, 0.0, 1, None)
    jobs = list(jobs_of("io", plan, "http://x"))
    assert [job.model for job in jobs] == ["sequential", "miniloop"]
    assert {job.urls for job in jobs} == {("http://x/page/0", "http://x/page/1", "http://x/page/2")}


def test_computing_units_are_calibrated_to_the_requested_time() -> None:
    small = Plan(("cpu",), ("sequential",), 1, 0.0, 1, None, computing_seconds=0.001)
    [job] = jobs_of("cpu", small, "")
    [larger] = jobs_of("cpu", small._replace(computing_seconds=0.1), "")
    assert 1 <= job.rounds < larger.rounds


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads Linux's /proc")
def test_the_family_of_a_process_includes_its_children() -> None:
    alone = peak_memory()
    with subprocess.Popen((sys.executable, "-c", "input()"), stdin=subprocess.PIPE) as child:
        assert child.pid in family(os.getpid())
        child.communicate(b"\n")
    assert alone > 2**20


# the server process


def ask(address: str, *requests: bytes) -> bytes:
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(b"".join(requests))
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_the_server_keeps_a_connection_open_until_a_request_says_close(server: str) -> None:
    keep = b"GET /page/1 HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /page/2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    received = ask(server, keep, last)
    assert received.count(b"HTTP/1.1 200 OK") == 2
    assert received.index(b"ETag: page-1") < received.index(b"ETag: page-2")


def test_the_server_exits_at_the_end_of_its_standard_input() -> None:
    command = (sys.executable, "-X", "dev", "-W", "error", "-m", "comparisons.server")
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as server:
        assert server.stdout is not None
        assert server.stdout.readline().strip().isdigit()
        _, errors = server.communicate()  # closes its standard input
        assert (server.returncode, errors) == (0, b"")
