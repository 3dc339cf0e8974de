"""The prompt: `python -m miniloop`, with its input from a pipe and from a terminal."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from miniloop import new_event_loop
from miniloop.trace import repl

ROOT = Path(repl.__file__).parent.parent.parent
BANNER = [
    *f"miniloop REPL {sys.version} on {sys.platform}".splitlines(),
    'Use "await" directly instead of "asyncio.run()".',
    'Type "help", "copyright", "credits" or "license" for more information.',
]
FIRST = ">>> import asyncio"
LAST = "exiting miniloop REPL..."
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name != "PYTHONSTARTUP"},
    "PYTHONPATH": str(ROOT),
}


def talk(
    text: str, *options: str, module: str = "miniloop", **environment: str
) -> tuple[int, list[str], list[str]]:
    """Type `text`; return the exit status, the lines on stdout without prompts, and on stderr."""
    done = subprocess.run(
        [sys.executable, *options, "-m", module],
        input=text, env={**ENVIRONMENT, **environment},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    out = re.sub(r"^((>>>|\.\.\.) )+", "", done.stdout, flags=re.MULTILINE)
    return done.returncode, lines(out), lines(done.stderr)


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


def test_statements_may_await_and_names_keep_their_values() -> None:
    text = """\
x = await asyncio.sleep(0, 41)
x + 1
async def double(number):
    await asyncio.sleep(0)
    return 2 * number

await double(x)
async def one_and_two():
    yield 1
    yield 2

[await double(n) async for n in one_and_two()]
"""
    status, out, err = talk(text, "-X", "dev", "-W", "error")
    assert (status, out) == (0, ["42", "82", "[2, 4]"])
    assert err == [*BANNER, FIRST, LAST]


def test_asyncio_and_miniloop_are_the_same_there() -> None:
    text = "import miniloop as m, asyncio as a\na is m is asyncio is miniloop\n"
    text += "import sys; sys.modules['_asyncio'], __name__\n"
    status, out, err = talk(text, "-q")
    assert (status, out, err) == (0, ["True", "(None, '__main__')"], [FIRST, LAST])


def test_run_m_asyncio_is_the_same_prompt() -> None:
    done = subprocess.run(
        [sys.executable, "-q", "-m", "miniloop", "run", "-m", "asyncio"],
        input="await asyncio.sleep(0, 3)\n", env=ENVIRONMENT,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.stdout.split(), done.stderr.split("\n")[0]) == ([">>>", "3", ">>>"], FIRST)


def test_an_exception_is_shown_with_the_frames_of_the_statement_only() -> None:
    text = """\
def divide(): return 1 / 0

divide(); print("skipped")
async def wait(): await asyncio.sleep(0); divide()

await wait()
await asyncio.wait_for(asyncio.sleep(10), 0)
done = asyncio.current_task().cancel(); await asyncio.sleep(1)
"still here"
"""
    status, out, err = talk(text, "-q")
    assert (status, out) == (0, ["'still here'"])
    shown = [line.strip() for line in err if not set(line) <= set(" ~^")]
    start = ["Traceback (most recent call last):", 'File "<stdin>", line 1, in <module>']
    divide = ['File "<stdin>", line 1, in divide', "ZeroDivisionError: division by zero"]
    wait = 'File "<stdin>", line 1, in wait'
    assert shown[:10] == [FIRST, *start, *divide, *start, wait, *divide]
    assert shown.count(start[1]) == 4
    assert "TimeoutError" in shown
    assert (shown[-2].split(".")[-1], shown[-1]) == ("CancelledError", LAST)


def test_statements_share_one_context() -> None:
    text = """\
from contextvars import ContextVar
var = ContextVar("var", default="not set")
token = var.set("set")
var.get()
async def set_it(): var.set("set by a coroutine")

await set_it()
var.get()
"""
    assert talk(text, "-q")[1] == ["'set'", "'set by a coroutine'"]


def test_tasks_go_on_while_the_prompt_waits_for_input() -> None:
    text = """\
steps = []
async def work():
    for step in range(3): steps.append(step); await asyncio.sleep(0)

task = asyncio.create_task(work())
import time; time.sleep(0.01)
steps, [task.get_name() for task in asyncio.all_tasks()] == [asyncio.current_task().get_name()]
"""
    with Prompt() as prompt:
        for line in text.splitlines(keepends=True):
            prompt.type(line)
            prompt.expect("... " if line.startswith((" ", "async")) else ">>> ")
        assert "([0, 1, 2], True)" in prompt.output


def test_a_task_that_waits_at_the_end_is_cancelled() -> None:
    text = """\
async def wait():
    try: await asyncio.sleep(100)
    finally: print("cleaned up")

task = asyncio.create_task(wait())
await asyncio.sleep(0)
"""
    assert talk(text, "-q", "-X", "dev") == (0, ["cleaned up"], [FIRST, LAST])


@pytest.mark.parametrize(
    ("text", "status", "message"),
    [
        ("", 0, []),
        ("exit()", 0, []),
        ("exit(3)", 3, []),
        ("raise SystemExit('a message')", 1, ["a message"]),
        ("async def leave(): exit(4)\n\nawait leave()", 4, []),
        ("if True:\n    exit(6)\n\n", 6, []),
    ],
    ids=["end", "exit", "status", "message", "coroutine", "block"],
)
def test_exit_and_the_end_of_the_input_end_the_prompt(
    text: str, status: int, message: list[str]
) -> None:
    assert talk(f"{text}\nawait asyncio.sleep(0)\n", "-q") == (status, [], [FIRST, *message, LAST])


def test_exit_in_a_task_ends_the_prompt_too() -> None:
    text = "async def leave(): exit(5)\n\ntask = asyncio.create_task(leave())\n1\n"
    status, out, err = talk(text, "-q")
    assert (status, out, err[:2]) == (5, [], [FIRST, LAST])
    assert err[2:3] == ["Task exception was never retrieved"]  # as with asyncio


def test_the_startup_file_is_run(tmp_path: Path) -> None:
    file = tmp_path / "startup.py"
    file.write_text("# -*- coding: latin-1 -*-\nname = 'f\xfcr'\n", encoding="latin-1")
    text = "name\n"
    assert talk(text, "-q", PYTHONSTARTUP=str(file)) == (0, ["'f\xfcr'"], [FIRST, LAST])


@pytest.mark.parametrize("mistake", ["1 / 0", "some invalid syntax"])
def test_a_mistake_in_the_startup_file_is_shown(mistake: str, tmp_path: Path) -> None:
    file = tmp_path / "startup.py"
    file.write_text(f"{mistake}\n")
    status, out, err = talk("'still here'\n", "-q", PYTHONSTARTUP=str(file))
    assert (status, out, err[-1]) == (0, ["'still here'"], LAST)
    assert any(f'File "{file}", line 1' in line for line in err)


# -- Ctrl-C --------------------------------------------------------------------------------------


COMMAND = [sys.executable, "-q", "-u", "-m", "miniloop"]

#: Runs the rest of its arguments in a session of its own, whose terminal is a file descriptor. Such
#: a terminal sends SIGINT for the character Ctrl-C.
LOGIN = "import os, sys; os.login_tty(int(sys.argv[1])); os.execv(sys.argv[2], sys.argv[2:])"


class Prompt:
    """A prompt that runs; `output` is what it has written so far."""

    def __init__(self, *, terminal: bool = False, **environment: str) -> None:
        self.output = ""
        self._seen = 0  # the part of `output` that was expected
        self._terminal = terminal
        self._reads, its = os.openpty() if terminal else os.pipe()
        command = [sys.executable, "-c", LOGIN, str(its), *COMMAND] if terminal else COMMAND
        self._process = subprocess.Popen(
            command, env={**ENVIRONMENT, **environment}, pass_fds=[its],
            stdin=subprocess.PIPE, stdout=its, stderr=its, text=True,
        )  # fmt: skip
        os.close(its)

    def __enter__(self) -> Self:
        self.expect(">>> ")  # of the line `import asyncio`
        self.expect(">>> ")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
        os.close(self._reads)

    def type(self, text: str) -> None:
        if self._terminal:
            os.write(self._reads, text.encode())
        else:
            assert self._process.stdin is not None
            self._process.stdin.write(text)
            self._process.stdin.flush()

    def press_ctrl_c(self) -> None:
        if self._terminal:
            os.write(self._reads, b"\x03")
        else:
            self.send(signal.SIGINT)

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def expect(self, text: str) -> None:
        """Wait until `text` is written, after what was expected before."""
        while text not in self.output[self._seen :]:
            try:
                new = os.read(self._reads, 10_000)
            except OSError:  # from a terminal that no process uses any more
                new = b""
            assert new, f"{text!r} does not follow in {self.output!r}"
            self.output += new.decode()
        self._seen = self.output.index(text, self._seen) + len(text)

    def end(self) -> int:
        """Wait for the exit status."""
        return self._process.wait(60)


@pytest.fixture(params=["pipe", "terminal"])
def prompt(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Prompt]:
    with Prompt(terminal=request.param == "terminal", **history_in(tmp_path)) as prompt:
        yield prompt


def history_in(folder: Path) -> dict[str, str]:
    """An environment in which the history of a terminal is not the user's."""
    return {"HOME": str(folder), "PYTHON_HISTORY": str(folder / "history"), "TERM": "dumb"}


#: Callbacks write the lines that a test waits for. They run when the coroutine awaits, so Ctrl-C
#: cannot come earlier.
WAIT = """\
later = asyncio.get_running_loop().call_soon
async def wait():
  try: later(print, 'wai' 'ting'); await asyncio.sleep(60)
  finally: later(print, 'clean' 'ing'); await asyncio.sleep(CLEAN_UP); print('cl' 'ean')

await wait()
"""


def test_ctrl_c_cancels_the_statement_that_awaits(prompt: Prompt) -> None:
    prompt.type(WAIT.replace("CLEAN_UP", "0"))
    prompt.expect("waiting")
    prompt.press_ctrl_c()
    prompt.expect("clean")
    prompt.expect("KeyboardInterrupt")
    prompt.type("20 + 3\n")
    prompt.expect("23")
    assert "Traceback" not in prompt.output
    prompt.type("exit(9)\n")
    assert prompt.end() == 9


def test_ctrl_c_interrupts_a_statement_that_computes(prompt: Prompt) -> None:
    prompt.type("""exec("print('compu' 'ting')\\nwhile True: pass")\n""")
    prompt.expect("computing")
    prompt.press_ctrl_c()
    prompt.expect("KeyboardInterrupt")
    prompt.type("20 + 3\n")
    prompt.expect("23")
    assert "never retrieved" not in prompt.output


def test_ctrl_c_discards_an_unfinished_statement() -> None:
    with Prompt() as prompt:
        # SIGUSR1 stands for Ctrl-C. It becomes SIGINT when the loop runs, so it is certain that the
        # prompt already waits for the line.
        prompt.type(
            "import os, signal\n"
            "handler = os.kill, os.getpid(), signal.SIGINT\n"
            "asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, *handler)\n"
            "def f():\n"
        )
        prompt.expect("... ")
        prompt.send(signal.SIGUSR1)
        prompt.expect("KeyboardInterrupt")
        prompt.expect(">>> ")
        prompt.type("20 + 3\n")
        prompt.expect("23")


def test_a_second_ctrl_c_does_not_wait_for_the_statement(prompt: Prompt) -> None:
    prompt.type(WAIT.replace("CLEAN_UP", "60"))
    prompt.expect("waiting")
    prompt.press_ctrl_c()
    prompt.expect("cleaning")
    prompt.press_ctrl_c()
    prompt.expect("KeyboardInterrupt")
    prompt.type("20 + 3\n")
    prompt.expect("23")
    assert "\nclean\n" not in prompt.output


def test_ctrl_d_ends_the_prompt_in_a_terminal(tmp_path: Path) -> None:
    with Prompt(terminal=True, **history_in(tmp_path)) as prompt:
        prompt.type("await asyncio.sleep(0, 20 + 3)\n")
        prompt.expect("23")
        prompt.expect(">>> ")
        prompt.type("\x04")
        prompt.expect(LAST)
        assert prompt.end() == 0


# -- without a process ----------------------------------------------------------------------------


def test_a_statement_that_is_cancelled_before_its_first_step_does_not_end_the_prompt() -> None:
    loop = new_event_loop()
    names: dict[str, object] = {"steps": []}
    console = repl.Console(loop, names)
    made = loop.create_task

    def create_task(*args: object, **options: object) -> object:
        task = made(*args, **options)
        task.cancel()
        loop.create_task = made
        return task

    loop.create_task = create_task
    console.push("steps.append(1)")
    console.push("steps.append(2)")
    loop.close()
    assert names["steps"] == [2]
