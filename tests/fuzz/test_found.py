"""What was found once, runs alike on asyncio and on miniloop ever after."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import programs
from tests.fuzz.difference import FOUND

SCRIPTS = sorted(FOUND.glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_what_was_found_is_no_difference_any_more(script: Path) -> None:
    if "def program(" not in script.read_text(encoding="utf-8"):
        status = subprocess.run([sys.executable, script], check=False).returncode
        assert status == 0
        return
    found = programs.check_script(script)
    assert found is None, found.show()


def test_a_saved_script_runs_by_itself_from_anywhere(tmp_path: Path) -> None:
    command = [sys.executable, str(FOUND / "gather_message.py")]
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "CancelledError" in done.stdout
    assert "asyncio" in done.stdout
    assert "miniloop" in done.stdout
