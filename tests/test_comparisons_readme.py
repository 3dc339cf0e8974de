"""Sections of a README that commands write: each command its own, and the prose stays."""

from pathlib import Path

import pytest

from comparisons.readme import BrokenSection, put_section


def test_a_section_is_made_with_its_file_then_replaced_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    put_section(path, "first", "| 1 |")
    put_section(path, "second", "| 2 |\n")
    put_section(path, "first", "| one |")
    assert path.read_text(encoding="utf-8") == (
        "<!-- begin first -->\n\n| one |\n\n<!-- end first -->\n\n"
        "<!-- begin second -->\n\n| 2 |\n\n<!-- end second -->\n"
    )


def test_the_prose_around_a_section_stays(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text("# Title\n<!-- begin a -->\nold\n<!-- end a -->\nLast words.\n")
    put_section(path, "a", "new")
    assert path.read_text(encoding="utf-8") == (
        "# Title\n<!-- begin a -->\n\nnew\n\n<!-- end a -->\nLast words.\n"
    )
    put_section(path, "a", "new")
    assert path.read_text(encoding="utf-8").count("new") == 1


@pytest.mark.parametrize(
    "text",
    [
        "<!-- begin a -->",
        "<!-- end a -->",
        "<!-- end a --><!-- begin a -->",
        "<!-- begin a --><!-- begin a --><!-- end a -->",
    ],
)
def test_a_section_that_is_not_whole_is_refused_and_left_alone(text: str, tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(text)
    with pytest.raises(BrokenSection, match="section 'a' must begin once and end once"):
        put_section(path, "a", "new")
    assert path.read_text() == text
