"""The READMEs are true: their programs run, and their tables are compared with the source."""

from __future__ import annotations

import operator
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import miniloop
from tests import test_differences

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
TESTS_README = ROOT / "tests" / "README.md"
MEASUREMENTS = ROOT / "comparisons" / "README.md"


def section(title: str, file: Path = README) -> str:
    """Return the text below a heading, up to the next heading of the same or a higher level."""
    text = file.read_text(encoding="utf-8")
    heading = re.search(rf"^(#+) {re.escape(title)}\n", text, flags=re.MULTILINE)
    assert heading is not None, f"{file.name} has no heading {title!r}"
    rest = text[heading.end() :]
    level = len(heading[1])
    return re.split(rf"^#{{1,{level}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> list[list[str]]:
    """Return the cells of a table without its two header lines."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_first_program_prints_what_the_readme_says() -> None:
    program, output = re.findall(
        r"```(?:python)?\n(.*?)```", section("A first program"), flags=re.DOTALL
    )
    ran = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert (ran.stdout, ran.stderr, ran.returncode) == (output, "", 0)


def test_the_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) < 150


def test_each_command_is_complete() -> None:
    text = README.read_text(encoding="utf-8")
    commands = re.findall(r"^python3 -m venv .*", text, flags=re.MULTILINE)
    commands += re.findall(r"`([^`\n]*-m [^`\n]*)`", text)
    assert len(commands) > 10
    for command in commands:
        assert command.startswith(("python3 -m venv .venv && ", ".venv/bin/python -m ")), command
        for path in re.findall(r"\btests/[\w/.]+", command):
            assert (ROOT / path).exists(), command
    assert not re.search(r"(?<!`)`(pytest|python)\b", text), "a command lacks .venv/bin/"


def test_each_file_that_the_readme_links_to_exists() -> None:
    links = re.findall(r"\]\(([^)]+)\)", README.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (ROOT / link).is_file()] == []


def test_the_reading_order_is_the_order_of_the_imports() -> None:
    order, _, _ = section("Learn").partition("\n### ")
    shown = {ring: re.findall(r"`([\w.]+)`", files) for ring, files, _ in rows(order)}
    assert shown == {ring: list(files) for ring, files in miniloop.READING_ORDER.items()}


def test_the_functions_to_read_first_exist() -> None:
    places = re.findall(r"`([\w.]+)` in `(\w+)\.py`", section("Learn"))
    assert len(places) == 4
    for name, file in places:
        assert operator.attrgetter(name)(import_module(f"miniloop.{file}"))


def test_each_name_is_in_the_file_that_the_map_gives() -> None:
    files = {name for ring in miniloop.READING_ORDER.values() for name in ring}
    pairs = []
    for origin, moved in rows(section("The map of names")):
        for pair in moved.split("; "):
            names, target = pair.split(" → ")
            if target != "the file that uses it":
                file = target.strip("`")
                assert file in files
                pairs += [(origin, name, file) for name in re.findall(r"`(\w+)`", names)]
    assert len(pairs) > 20
    for origin, name, file in pairs:
        module = import_module(f"miniloop.{file}")
        moved_module = origin == "other modules" and f"miniloop.{name}" in sys.modules
        loop = getattr(module, "BaseEventLoop", None)
        in_file = hasattr(module, name) or hasattr(loop, name)
        assert moved_module or in_file, f"{name} is not in {file}"


def test_memory_and_overhead_are_those_of_the_measurements() -> None:
    measured = MEASUREMENTS.read_text(encoding="utf-8")
    overhead = measured_section(measured, "loops-3.13").split("| micro rows (19) |")[1]
    means = [cell.strip() for cell in overhead.split("\n")[0].strip(" |").split("|")]
    scale = measured_section(measured, "scale-3.13")
    sleepers = scale.split("#### sleepers")[1].split("#### connections")[0]
    memory = {(n, model): f"{each} KiB" for n, model, _, each, *_ in rows(sleepers)}
    table = {row[0]: row[-2:] for row in rows(section("Compare"))}
    assert table == {
        "sequential": ["–", "–"],
        "threads": [memory["1,000", "threads"], "–"],
        "processes, running pool": [memory["100", "processes"], "–"],
        "asyncio": [memory["1,000", "asyncio"], means[0]],
        "miniloop": [memory["1,000", "miniloop"], means[2]],
        "uvloop": [memory["1,000", "uvloop"], means[3]],
    }


def measured_section(text: str, name: str) -> str:
    return text.split(f"<!-- begin {name} -->")[1].split(f"<!-- end {name} -->")[0]


def test_each_row_of_the_differences_has_a_test_of_the_same_name() -> None:
    table = rows(section("Where miniloop differs", TESTS_README))
    listed = {"test_" + re.sub(r"\W+", "_", what.lower()) for what, *_ in table}
    tests = {name for name in vars(test_differences) if name.startswith("test_")}
    assert listed == tests
