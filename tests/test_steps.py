"""The step tables: the steps of each execution model, and the output of the command."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.image import imread

from comparisons.steps import main
from comparisons.steps.figure import RUNNING, WAITING
from comparisons.steps.journal import Event, Journal, Pause, State
from comparisons.steps.models import MODELS, Address, Outcome, Run, run_story, sequential
from comparisons.steps.service import (
    REQUEST,
    SPAWN,
    RunFailed,
    Service,
    ask,
    child_process,
    receive_from,
    request,
    running_service,
)
from comparisons.steps.spans import Totals, totals
from comparisons.steps.story import BAKERY, FUNCTIONS, Function, Story
from comparisons.steps.table import EMOJI, LETTERS, first_difference, steps

ROOT = Path(__file__).parents[1]
COMMAND = [
    sys.executable,
    "-c",
    "import sys; from comparisons.steps import main; sys.exit(main(sys.argv[1:]))",
]


@pytest.fixture(scope="module")
def address() -> Iterator[Address]:
    with running_service() as address:
        yield address


def letters(run: Run) -> list[str]:
    """Return a word for each step with a letter for each function."""
    return ["".join(LETTERS[state] for state in step.states) for step in steps(run)]


def history(run: Run, function: int) -> str:
    """Return the sequence of states of one function."""
    states = [step.states[function] for step in steps(run)]
    return "".join(
        LETTERS[state]
        for before, state in zip([None, *states], states, strict=False)
        if state is not before
    )


def test_sequentially_no_function_runs_while_one_waits(address: Address) -> None:
    run = run_story("sequential", FUNCTIONS.functions, address)
    assert letters(run) == ["NNN", "RNN", "WNN", "RNN", "DRN", "DDR", "DDW", "DDR", "DDD"]


@pytest.mark.parametrize("model", ["asyncio", "miniloop"])
def test_on_a_loop_other_functions_run_while_one_waits(model: str, address: Address) -> None:
    run = run_story(model, FUNCTIONS.functions, address)
    assert letters(run) == ["NNN", "RNN", "WRN", "WDR", "RDW", "DDR", "DDD"]


@pytest.mark.parametrize("model", ["asyncio", "miniloop"])
def test_one_baker_kneads_the_second_cake_while_the_first_one_bakes(
    model: str, address: Address
) -> None:
    run = run_story(model, BAKERY.functions, address)
    assert letters(run) == ["NN", "RN", "WR", "RW", "DR", "DD"]


@pytest.mark.parametrize("model", ["threads", "processes"])
def test_every_function_has_its_own_worker_and_sequence_of_states(
    model: str, address: Address
) -> None:
    run = run_story(model, FUNCTIONS.functions, address)
    assert letters(run)[0] == "NNN"
    assert letters(run)[-1] == "DDD"
    assert [history(run, function) for function in range(3)] == ["NRWRD", "NRD", "NRWRD"]
    assert [{event.function for event in journal.events} for journal in run.journals] == [
        {name} for name in run.functions
    ]
    assert len({journal.ident for journal in run.journals} | {os.getpid()}) == 4


@pytest.mark.parametrize("story", [FUNCTIONS, BAKERY], ids=lambda story: story.name)
def test_every_model_returns_the_same_results(address: Address, story: Story) -> None:
    results = [run_story(model, story.functions, address).results for model in MODELS]
    assert results == [results[0]] * len(MODELS)


# The rules of the table and of the totals, on runs written by hand.


def written_run(*events: tuple[int, str, str, State], pauses: tuple[Pause, ...] = ()) -> Run:
    """A run from (milliseconds, worker, function, state)."""
    journals = {worker: Journal(worker, 1) for _, worker, _, _ in events}
    for at, worker, function, state in events:
        journals[worker].events.append(Event(at * 1_000_000, worker, function, state, "work"))
    next(iter(journals.values())).pauses.extend(pauses)
    functions = tuple(dict.fromkeys(function for _, _, function, _ in events))
    return Run("written", functions, list(journals.values()), [])


def test_passing_control_to_another_function_is_one_step() -> None:
    run = written_run(
        (0, "thread 1", "f", State.RUNNING),
        (1, "thread 1", "f", State.WAITING),
        (2, "thread 1", "g", State.RUNNING),
        (3, "thread 1", "g", State.DONE),
        (4, "thread 1", "f", State.RUNNING),
        (5, "thread 1", "f", State.DONE),
    )
    assert letters(run) == ["NN", "RN", "WR", "RD", "DD"]


def test_events_on_two_threads_are_two_steps() -> None:
    run = written_run(
        (0, "thread 1", "f", State.RUNNING),
        (1, "thread 1", "f", State.DONE),
        (2, "thread 2", "g", State.RUNNING),
        (3, "thread 2", "g", State.DONE),
    )
    assert letters(run) == ["NN", "RN", "DN", "DR", "DD"]
    assert [step.milliseconds for step in steps(run)] == [0, 0, 1, 2, 3]


def test_pauses_do_not_count_as_running_time() -> None:
    run = written_run(
        (0, "thread 1", "f", State.RUNNING),
        (6, "thread 2", "g", State.RUNNING),
        (10, "thread 1", "f", State.WAITING),
        (12, "thread 2", "g", State.DONE),
        (15, "thread 1", "f", State.RUNNING),
        (20, "thread 1", "f", State.DONE),
        pauses=(Pause("f", 2_000_000, 5_000_000),),
    )
    assert totals(run) == Totals(whole=20.0, at_least_one_ran=14.0, at_least_two_ran=4.0)
    assert totals(run).none_ran == 6.0


def test_the_first_difference_between_two_runs_is_described() -> None:
    start = (0, "thread 1", "f", State.RUNNING)
    one = written_run(start, (1, "thread 1", "f", State.DONE))
    other = written_run(start, (1, "thread 1", "f", State.WAITING))
    other.model = "other"
    assert first_difference(one, one) is None
    assert first_difference(one, other) == "step 2: in written f done, but in other f waiting"
    other.journals[0].events.pop()
    assert first_difference(one, other) == "other has no step 2"


# The service.


def test_answers_are_sent_in_the_order_in_which_they_are_due() -> None:
    ours, theirs = socket.socketpair()
    parent, child = SPAWN.Pipe()
    with ExitStack() as open_files, ours, theirs, parent, child:
        listener = open_files.enter_context(socket.create_server(("127.0.0.1", 0)))
        helper = Service(listener, child, open_files)
        for milliseconds in (30, 10, 20):
            ours.sendall(REQUEST.pack(0, milliseconds))  # sent long ago: all are due
            helper.read_request(theirs)
        helper.send_due_answers()
        assert ours.recv(3) == bytes([10, 20, 30])


def test_the_service_drops_the_answer_if_the_client_disconnects(address: Address) -> None:
    with socket.create_connection(address) as line:
        line.sendall(request(1))
    with socket.create_connection(address) as line:
        assert ask(line, 5) == 5


def die(pipe: Connection) -> None:
    os._exit(3)


def test_a_worker_process_that_dies_raises_run_failed() -> None:
    with child_process(die) as (process, pipe):
        with pytest.raises(RunFailed, match=r"died \(exit code 3\)"):
            receive_from(process, pipe)


def test_a_service_that_closes_the_connection_raises_run_failed() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(RunFailed, match="closed the connection"):
            ask(ours, 1)


@pytest.mark.parametrize("model", MODELS)
def test_a_model_that_cannot_connect_to_the_service_raises_run_failed(model: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed_soon:
        refusing: Address = closed_soon.getsockname()
    with pytest.raises(RunFailed, match="refused"):
        run_story(model, FUNCTIONS.functions, refusing)


# The command.


def test_the_command_shows_the_tables_and_that_the_loops_agree(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--models", "asyncio,miniloop", "--no-figures"]) == 0
    printed = capsys.readouterr()
    assert "asyncio and miniloop took the same 6 steps" in printed.out
    assert printed.out.count("│    2 │ 🕐        │ ▶         │ 🔒        │") == 2
    assert printed.err == ""


def test_different_steps_of_the_loops_are_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(MODELS, "miniloop", sequential)
    assert main(["--models", "asyncio,miniloop", "--no-figures"]) == 1
    assert "asyncio and miniloop took different steps: step 2: " in capsys.readouterr().err


def test_a_wrong_result_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def wrong(functions: Sequence[Function], address: Address) -> Outcome:
        journals, results = sequential(functions, address)
        return journals, [0 for _ in results]

    monkeypatch.setitem(MODELS, "threads", wrong)
    assert main(["--models", "sequential,threads", "--no-figures"]) == 1
    assert "threads and sequential returned different results" in capsys.readouterr().err


def test_if_a_model_fails_the_others_are_still_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> Outcome:
        raise OSError("out of threads")

    monkeypatch.setitem(MODELS, "threads", broken)
    assert main(["--models", "threads,processes", "--no-figures"]) == 1
    printed = capsys.readouterr()
    assert "steps: threads: out of threads\n" in printed.err
    assert "function3 ✔" in printed.out


@pytest.mark.parametrize("models", ["asyncio,trio", "", ","])
def test_unknown_models_are_rejected_with_a_list_of_the_known_ones(
    models: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--models", models])
    assert stopped.value.code == 2
    expected = "choose from sequential, asyncio, miniloop, threads, processes"
    assert expected in capsys.readouterr().err


def colours(picture: Path) -> set[str]:
    return {to_hex(pixel) for pixel in np.unique(imread(picture).reshape(-1, 4), axis=0)}


def test_the_figures_show_both_stories_and_their_folder_is_printed_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new" / "folder"
    assert main(["--models", "asyncio,threads", "--out", str(folder)]) == 0
    assert capsys.readouterr().out.endswith(f"{folder}\n")
    assert sorted(path.name for path in folder.iterdir()) == [
        "baker.png",
        "baker.svg",
        "functions.png",
        "functions.svg",
    ]
    for name, lane in (("functions", "function3"), ("baker", "cake 2")):
        assert {RUNNING, WAITING} <= colours(folder / f"{name}.png")
        assert lane in (folder / f"{name}.svg").read_text()


def test_the_tables_are_shown_even_if_the_folder_cannot_be_created(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["--models", "sequential", "--out", str(tmp_path / "file")]) == 1
    printed = capsys.readouterr()
    assert "sequential" in printed.out
    assert "steps: " in printed.err


def test_an_ascii_output_gets_letters_and_no_resource_is_leaked(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", *COMMAND[1:], "--out", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "80"},
        capture_output=True,
        check=False,
    )
    assert done.stderr.decode() == ""
    assert done.returncode == 0
    printed = done.stdout.decode("ascii")
    assert "|    2 | W         | R         | N         |" in printed
    assert max(map(len, printed.splitlines()[:-1])) <= 80


def test_the_option_ascii_shows_letters(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--ascii", "--models", "sequential", "--no-figures"]) == 0
    printed = capsys.readouterr().out
    assert printed.isascii()
    assert not set("".join(EMOJI.values())) & set(printed)


def test_ctrl_c_ends_the_command_and_all_its_processes() -> None:
    running = subprocess.Popen(
        [*COMMAND, "--models", "sequential,processes", "--no-figures"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )
    with running:
        assert running.stdout is not None
        running.stdout.readline()  # the title is printed when the service is running
        os.killpg(running.pid, signal.SIGINT)
        # The pipes end when every process that inherited them is gone.
        _, errors = running.communicate(timeout=60)
    assert (running.returncode, errors) == (130, b"steps: interrupted\n")
