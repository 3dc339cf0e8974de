"""The READMEs are true: their programs run, and their tables are compared with the source."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import miniloop
from tests import test_differences

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
TESTS_README = ROOT / "tests" / "README.md"


def section(title: str, file: Path = README) -> str:
    text = file.read_text(encoding="utf-8")
    return text.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


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


def test_the_reading_order_is_the_order_of_the_imports() -> None:
    table = rows(section("The reading order"))
    shown = {ring: re.findall(r"`(\w+)`", files) for ring, files, _ in table}
    assert shown == {ring: list(files) for ring, files in miniloop.READING_ORDER.items()}


def test_the_map_of_names_points_to_existing_files() -> None:
    files = {name for ring in miniloop.READING_ORDER.values() for name in ring}
    targets = [target.strip("`") for _, target in rows(section("The map of names"))]
    assert targets[-1] == "where each is used"
    assert set(targets[:-1]) <= files


def test_each_public_name_is_in_the_file_that_the_map_gives() -> None:
    for origin, target in rows(section("The map of names")):
        module = getattr(miniloop, target.strip("`"), None)
        public = [name for name in re.findall(r"`(\w+)`", origin) if name in miniloop.__dict__]
        for name in public:
            assert hasattr(module, name), f"{name} is not in {target}"


def test_each_row_of_the_differences_has_a_test_of_the_same_name() -> None:
    table = rows(section("Where miniloop differs", TESTS_README))
    listed = {"test_" + re.sub(r"\W+", "_", what.lower()) for what, *_ in table}
    tests = {name for name in vars(test_differences) if name.startswith("test_")}
    assert listed == tests
