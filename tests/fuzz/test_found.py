"""Programs that once showed a difference now behave the same on asyncio and on miniloop."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import programs
from tests.fuzz.difference import FOUND

SCRIPTS = sorted(FOUND.glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_saved_program_shows_no_difference_any_more(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    since = re.search(r"# since (\d+)\.(\d+)$", text, re.MULTILINE)
    if since is not None and sys.version_info < (int(since[1]), int(since[2])):
        pytest.skip("asyncio lacks something that the script needs")
    if "def program(" not in text:
        status = subprocess.run([sys.executable, script], check=False).returncode
        assert status == 0
        return
    found = programs.check_script(script)
    assert found is None, found.show()


def test_a_saved_script_can_be_run_from_any_folder(tmp_path: Path) -> None:
    command = [sys.executable, str(FOUND / "gather_message.py")]
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "CancelledError" in done.stdout
    assert "asyncio" in done.stdout
    assert "miniloop" in done.stdout
