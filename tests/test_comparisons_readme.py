"""The sections of the README that are written by commands; other text is preserved."""

from pathlib import Path

import pytest

from comparisons.readme import BrokenSection, put_section


def test_a_section_is_created_with_its_file_and_later_replaced_in_place(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    put_section(path, "first", "| 1 |")
    put_section(path, "second", "| 2 |\n")
    put_section(path, "first", "| one |")
    assert path.read_text(encoding="utf-8") == (
        "<!-- begin first -->\n\n| one |\n\n<!-- end first -->\n\n"
        "<!-- begin second -->\n\n| 2 |\n\n<!-- end second -->\n"
    )


def test_the_text_around_a_section_is_preserved(tmp_path: Path) -> None:
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
def test_an_incomplete_section_is_an_error_and_the_file_is_not_changed(
    text: str, tmp_path: Path
) -> None:
    path = tmp_path / "README.md"
    path.write_text(text)
    with pytest.raises(BrokenSection, match="section 'a' must have one begin and then one end"):
        put_section(path, "a", "new")
    assert path.read_text() == text
