"""The misconceptions: each program prints its documented output on both loops; and the command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from comparisons import __main__ as commands
from comparisons.misconceptions.cli import teach
from comparisons.misconceptions.execute import IMPORTS, Outcome, compare, execute, ported
from comparisons.misconceptions.lesson import (
    FOLDER,
    ROOT,
    BrokenLesson,
    Lesson,
    Place,
    lessons,
    read_lesson,
)
from comparisons.misconceptions.options import Settings, settings_from

LESSONS = lessons()
COLUMNS = 80
POINTS = 10
"""The number of lessons that are required at least; the others are additions."""


def by_name(lesson: Lesson) -> str:
    return lesson.path.stem


every_lesson = pytest.mark.parametrize("lesson", LESSONS.values(), ids=by_name)


# the output of each lesson


def on_asyncio(lesson: Lesson) -> object:
    since = ".".join(map(str, lesson.since))
    changed = pytest.mark.xfail(reason=f"asyncio behaves so since Python {since}", strict=True)
    return pytest.param(lesson, id=by_name(lesson), marks=changed if is_older(lesson) else ())


def is_older(lesson: Lesson) -> bool:
    return sys.version_info < lesson.since


@pytest.mark.parametrize("lesson", [on_asyncio(lesson) for lesson in LESSONS.values()])
def test_the_program_prints_its_documented_output_on_asyncio(lesson: Lesson) -> None:
    assert execute(lesson, "asyncio") == Outcome(0, lesson.prints, lesson.warns)


@every_lesson
def test_the_program_prints_its_documented_output_on_miniloop(lesson: Lesson) -> None:
    assert execute(lesson, "miniloop") == Outcome(0, lesson.prints, lesson.warns)


def test_a_script_can_be_run_by_itself() -> None:
    lesson = LESSONS[1]
    command = [sys.executable, "-W", "error", str(lesson.path.relative_to(ROOT))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, lesson.prints, "")


def test_environment_variables_do_not_change_the_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    monkeypatch.setenv("PYTHONTRACEMALLOC", "1")
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    warned = next(lesson for lesson in LESSONS.values() if lesson.warns)
    for loop in IMPORTS:
        assert execute(warned, loop) == Outcome(0, warned.prints, warned.warns)


# the format of a lesson


def test_there_are_at_least_twenty_lessons_with_consecutive_numbers() -> None:
    assert list(LESSONS) == list(range(1, len(LESSONS) + 1))
    assert len(LESSONS) >= POINTS + 10
    assert f"\n{len(LESSONS)} short programs in " in (ROOT / "README.md").read_text("utf-8")
    assert len({lesson.claim for lesson in LESSONS.values()}) == len(LESSONS)


@every_lesson
def test_a_lesson_is_short_and_fits_into_80_columns(lesson: Lesson) -> None:
    lines = lesson.program.splitlines()
    assert 8 <= len([line for line in lines if line]) <= 25
    inside_a_frame = [*lines, *lesson.prints.splitlines(), lesson.claim]
    assert max(map(len, inside_a_frame)) <= COLUMNS - len("│  │")
    assert max(map(len, lesson.why)) <= COLUMNS - len("answer ")
    assert max(map(len, lesson.choices.values())) <= COLUMNS - len("answer a) ")
    assert len(lesson.why) == 3


@every_lesson
def test_a_lesson_has_a_claim_a_question_and_one_correct_choice(lesson: Lesson) -> None:
    assert lesson.claim.endswith(".")
    assert lesson.question.endswith("?")
    assert list(lesson.choices) == ["a", "b", "c"]
    assert len(set(lesson.choices.values())) == 3
    assert lesson.answer in lesson.choices
    assert bool(lesson.before) == (lesson.since > (3, 11))


def test_no_letter_is_the_answer_to_half_of_the_questions() -> None:
    answers = [lesson.answer for lesson in LESSONS.values()]
    assert all(answers.count(letter) < len(answers) / 2 for letter in "abc")


@every_lesson
def test_only_the_import_line_differs_between_asyncio_and_miniloop(lesson: Lesson) -> None:
    source = lesson.path.read_text(encoding="utf-8")
    assert source.count("import asyncio") == source.count(f"\n{IMPORTS['asyncio']}") == 1
    before, after = source.splitlines(), ported(source, "miniloop").splitlines()
    assert [line for line in after if line not in before] == ["import miniloop as asyncio"]
    assert ported(source, "asyncio") == source


@every_lesson
def test_the_source_code_places_of_a_lesson_exist(lesson: Lesson) -> None:
    assert lesson.places
    for place in lesson.places:
        assert place.file.startswith("miniloop/")
        line = (ROOT / place.file).read_text(encoding="utf-8").splitlines()[place.line() - 1]
        assert place.name.split(".")[-1] in line


@pytest.mark.parametrize(
    "place",
    [
        Place("miniloop/nowhere.py", "Task"),
        Place("miniloop/tasks.py", "Nobody"),
        Place("miniloop/tasks.py", "Task.nothing"),
        Place("miniloop/tasks.py", "_run"),
    ],
)
def test_a_place_that_does_not_exist_raises_broken_lesson(place: Place) -> None:
    with pytest.raises(BrokenLesson, match=f"{place.file} does not define {place.name}"):
        place.line()


EXAMPLE = '''\
"""What a loop
is called.

What does it print? Its name.
What is that?
a) asyncio
b) miniloop
"""

import asyncio

print(asyncio.__name__)

# Answer: a
# Why: one
#      two
#      three
# Where: miniloop/tasks.py: Task
# Where: miniloop/tasks.py: Task._run
# Prints:
#     asyncio
#       indented
'''


def write_script(folder: Path, text: str = EXAMPLE) -> Path:
    script = folder / "m07_name.py"
    script.write_text(text, encoding="utf-8")
    return script


def test_a_lesson_is_read_from_its_script(tmp_path: Path) -> None:
    script = write_script(tmp_path)
    assert read_lesson(script) == Lesson(
        number=7,
        path=script,
        claim="What a loop is called.",
        question="What does it print? Its name. What is that?",
        choices={"a": "asyncio", "b": "miniloop"},
        program="import asyncio\n\nprint(asyncio.__name__)\n",
        answer="a",
        why=("one", "two", "three"),
        places=(Place("miniloop/tasks.py", "Task"), Place("miniloop/tasks.py", "Task._run")),
        prints="asyncio\n  indented\n",
        warns="",
        since=(3, 11),
        before="",
    )


@pytest.mark.parametrize(
    ("original", "replacement", "message"),
    [
        ('"""What a loop\nis called.\n\n', '"""', "has no claim"),
        ("a) asyncio\nb) miniloop\n", "", "has no claim"),
        ("# Answer: a\n", "", "has no claim"),
        ("a) asyncio", "a) asyncio\nand more", "a choice of more than one line"),
        ("b) miniloop", "a) miniloop", "a repeated letter"),
        ("# Why: one", "# Why one", "a line after the answer that is not a note: # Why one"),
        ("# Prints:", "# Shows:", "missing or unknown notes: \\['Prints', 'Shows'\\]"),
        (
            "# Prints:\n",
            "# Prints:\nprint()\n",
            "a line after the answer that is not a note: print",
        ),
    ],
)
def test_a_lesson_that_does_not_follow_the_format_is_rejected(
    original: str, replacement: str, message: str, tmp_path: Path
) -> None:
    assert EXAMPLE.count(original) == 1
    with pytest.raises(BrokenLesson, match=message):
        read_lesson(write_script(tmp_path, EXAMPLE.replace(original, replacement)))


# different outputs, and programs that fail


def test_different_outputs_are_shown_side_by_side(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lesson = read_lesson(write_script(tmp_path))
    assert teach(Settings((lesson,), contents=False, quiz=False)) == 1
    shown, error = capsys.readouterr()
    assert "The outputs of asyncio and miniloop differ." in shown
    assert next(line for line in shown.splitlines() if line.count("│") == 4).split() == [
        *("│", "asyncio", "││", "miniloop", "│")
    ]
    assert error == "misconceptions: unexpected result of number 7\n"


def test_a_known_difference_of_an_older_asyncio_is_not_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lesson = read_lesson(write_script(tmp_path))._replace(
        since=(99, 1), before="it had another name"
    )
    assert teach(Settings((lesson, lesson), contents=False, quiz=False)) == 0
    shown, error = capsys.readouterr()
    assert "Before Python 99.1, it had another name." in " ".join(shown.split())
    assert "asyncio and miniloop print the same output for 0 of 2 programs." in shown
    assert f"2 differ because asyncio of Python 3.{sys.version_info.minor} is older" in shown
    assert error == ""


def test_a_program_that_fails_on_both_loops_is_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = EXAMPLE.replace("print(asyncio.__name__)", "raise SystemExit('refused')")
    lesson = read_lesson(write_script(tmp_path, text))
    assert compare(lesson).same
    assert teach(Settings((lesson,), contents=False, quiz=False)) == 1
    shown, _ = capsys.readouterr()
    assert "refused" in shown
    assert "exit status: 1" in shown


def test_a_failure_on_miniloop_is_reported_even_if_asyncio_is_older(tmp_path: Path) -> None:
    text = EXAMPLE.replace("print(asyncio.__name__)", "if 'mini' in asyncio.__name__:\n    1 / 0")
    comparison = compare(read_lesson(write_script(tmp_path, text))._replace(since=(99, 1)))
    assert comparison.older
    assert comparison.failed


def test_a_program_that_runs_too_long_is_killed(tmp_path: Path) -> None:
    text = EXAMPLE.replace("print(asyncio.__name__)", "asyncio.new_event_loop().run_forever()")
    outcome = execute(read_lesson(write_script(tmp_path, text)), "asyncio", timeout=0.01)
    assert outcome == Outcome(-1, "", "timed out after 0.01 seconds\n")


# the command


def run_command(
    *arguments: str, given: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "comparisons", "misconceptions", *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8", **environment},
        input=given,
        capture_output=True,
        encoding="utf-8",
    )


def test_the_command_shows_the_requested_lessons_in_80_columns() -> None:
    done = run_command("11", "1", "11")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) == COLUMNS
    for number in (11, 1):
        lesson = LESSONS[number]
        titles = [line for line in lines if line.startswith(f"╭─ {number} ─")]
        assert len(titles) == 1
        assert f"│ {lesson.claim:76} │" in lines
        assert f"  a) {lesson.choices['a']:75}" in lines
        for text in (lesson.program, lesson.prints):
            assert all(f"│ {line:76} │" in lines for line in text.splitlines())
        answer = f"answer {lesson.answer}) {lesson.choices[lesson.answer]}"
        assert [line for line in lines if line.rstrip() == answer]
        assert all(any(reason in line for line in lines) for reason in lesson.why)
        assert all(place.name in done.stdout for place in lesson.places)
    assert done.stdout.count("output, the same on asyncio and miniloop ─") == 2
    assert lines[-1] == "asyncio and miniloop print the same output for 2 of 2 programs."


def test_standard_error_is_shown_without_the_temporary_folder() -> None:
    warned = next(lesson for lesson in LESSONS.values() if lesson.warns)
    done = run_command(str(warned.number))
    assert "standard error:" in done.stdout
    assert f"│ {warned.path.name}:" in done.stdout


def test_an_ascii_terminal_gets_ascii_frames() -> None:
    done = run_command("14", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "+- output, the same on asyncio and miniloop -" in done.stdout
    assert done.stdout.isascii()


def test_the_list_shows_all_claims_and_runs_no_program(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("comparisons.misconceptions.cli.compare", None)
    assert commands.main(["misconceptions", "--list"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    for number, lesson in LESSONS.items():
        assert f"{number} {lesson.claim}" in lines
    assert "Show number 1: python -m comparisons misconceptions 1" in lines


def test_without_numbers_all_lessons_are_shown() -> None:
    assert settings_from([]) == Settings(tuple(LESSONS.values()), contents=False, quiz=False)


@pytest.mark.parametrize("number", ["0", str(len(LESSONS) + 1), "-1", "one", "1.0", "1,2"])
def test_an_unknown_number_is_invalid_usage(
    number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        commands.main(["misconceptions", "--", number])
    assert ended.value.code == 2
    expected = f"{number!r} is not a whole number from 1 to {len(LESSONS)}\n"
    assert capsys.readouterr().err.endswith(expected)


def test_list_and_quiz_cannot_be_combined(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        settings_from(["--list", "--quiz"])
    assert ended.value.code == 2
    assert "--quiz: not allowed with argument --list" in capsys.readouterr().err


def test_the_command_needs_only_rich(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    present = {"rich": None, "matplotlib": None}
    monkeypatch.setattr("comparisons.command.find_spec", present.get)
    assert commands.main(["misconceptions", "--list"]) == 1
    assert capsys.readouterr().err.startswith("misconceptions needs rich: ")


# the quiz


def test_the_quiz_asks_before_it_answers_and_keeps_the_score() -> None:
    lesson = LESSONS[1]
    wrong = next(letter for letter in lesson.choices if letter != lesson.answer)
    given = f"{wrong}\n{LESSONS[14].answer.upper()})\n"
    done = run_command("1", "14", "--quiz", given=given)
    assert (done.returncode, done.stderr) == (0, "")
    before, after = done.stdout.split("Your answer, a, b or c (Ctrl-D quits): ")[:2]
    assert "Question 1 of 2" in before
    for spoiler in (lesson.claim, lesson.path.name, lesson.why[0]):
        assert spoiler not in before
    assert after.lstrip().startswith(f"Wrong: the answer is {lesson.answer}).\n")
    assert lesson.claim in after
    assert lesson.why[0] in after
    assert "Question 2 of 2" in after
    assert done.stdout.count("\nCorrect.\n") == 1
    assert done.stdout.endswith("\n1 correct of 2 answered.\n")


def test_the_quiz_asks_again_until_the_input_is_a_letter() -> None:
    right = LESSONS[14].answer
    done = run_command("14", "--quiz", given=f"\nd\nyes\n  {right} \n")
    assert done.stdout.count("Please type a, b or c.\n") == 3
    assert done.stdout.endswith("\n1 correct of 1 answered.\n")
    assert done.returncode == 0


def test_the_quiz_stops_at_the_end_of_its_input() -> None:
    done = run_command("--quiz", given="?")
    assert done.stdout.count("Question ") == 1
    assert done.stdout.endswith("\n0 correct of 0 answered.\n")
    assert (done.returncode, done.stderr) == (0, "")


def test_an_unexpected_difference_in_the_quiz_fails_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("builtins.input", lambda *_: "a")
    lesson = read_lesson(write_script(tmp_path))
    assert teach(Settings((lesson,), contents=False, quiz=True)) == 1
    assert capsys.readouterr().out.endswith("\n1 correct of 1 answered.\n")


def test_ctrl_c_ends_the_quiz_without_a_traceback() -> None:
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "comparisons", "misconceptions", "--quiz", "1"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("?\n")
        process.stdin.flush()
        while "Please type" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, error = process.communicate()
    assert (process.returncode, error) == (130, "misconceptions: interrupted\n")


def test_the_command_is_registered_and_the_folder_has_no_unknown_files() -> None:
    assert commands.COMMANDS["misconceptions"] == "comparisons.misconceptions"
    own = {"__init__", "lesson", "execute", "options", "show", "quiz", "cli"}
    assert {path.stem for path in FOLDER.glob("*.py")} == own | set(map(by_name, LESSONS.values()))
