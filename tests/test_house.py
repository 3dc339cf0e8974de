"""miniloop follows the house rules, and for every rule a made-up package shows that it can fail."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests import house
from tests.house import Package, read_package

ROOT = Path(__file__).resolve().parent.parent

PROGRAM_THAT_USES_EVERY_RING = """
import miniloop

async def answer(reader, writer):
    writer.write(await reader.readline())
    await writer.drain()
    writer.close()
    await writer.wait_closed()

async def talk():
    server = await miniloop.start_server(answer, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()[:2]
        reader, writer = await miniloop.open_connection(host, port)
        writer.write(b"hello\\n")
        assert await reader.readline() == b"hello\\n"
        writer.close()
        await writer.wait_closed()

async def main():
    async with miniloop.timeout(60), miniloop.TaskGroup() as group:
        group.create_task(talk())
        group.create_task(miniloop.to_thread(int))
        group.create_task(miniloop.wait_for(miniloop.Queue(1).put(1), 60))
    async with miniloop.Lock(), miniloop.Semaphore():
        await miniloop.gather(miniloop.sleep(0), miniloop.shield(miniloop.sleep(0)))
    await miniloop.wait([miniloop.create_task(miniloop.sleep(0))])
    for done in miniloop.as_completed([miniloop.sleep(0)]):
        await done

miniloop.run(main(), debug=True)
"""


@pytest.fixture(scope="module")
def miniloop_sources() -> Package:
    return read_package(ROOT / "miniloop")


# --- miniloop -----------------------------------------------------------------------------------


def test_the_reading_order_lists_every_file_exactly_once(miniloop_sources: Package) -> None:
    assert house.every_file_is_listed_once(miniloop_sources) == []


def test_a_file_imports_only_files_listed_before_it(miniloop_sources: Package) -> None:
    assert house.files_import_only_earlier_files(miniloop_sources) == []


def test_the_imports_form_no_cycle(miniloop_sources: Package) -> None:
    assert house.imports_form_no_cycle(miniloop_sources) == []


def test_imports_inside_the_package_are_relative(miniloop_sources: Package) -> None:
    assert house.internal_imports_are_relative(miniloop_sources) == []


def test_miniloop_imports_only_the_standard_library_without_asyncio(
    miniloop_sources: Package,
) -> None:
    assert house.only_the_standard_library_is_imported(miniloop_sources) == []
    assert house.no_import_uses_a_computed_name(miniloop_sources) == []


def test_importing_miniloop_does_not_load_asyncio(miniloop_sources: Package) -> None:
    assert house.asyncio_is_not_loaded(miniloop_sources) == []


def test_running_a_program_on_miniloop_does_not_load_asyncio(miniloop_sources: Package) -> None:
    assert house.asyncio_is_not_loaded(miniloop_sources, PROGRAM_THAT_USES_EVERY_RING) == []


def test_the_core_ring_has_at_most_900_code_lines(miniloop_sources: Package) -> None:
    assert house.the_core_is_small(miniloop_sources) == []


def test_the_core_ring_has_a_comment_line_for_every_four_code_lines(
    miniloop_sources: Package,
) -> None:
    assert house.the_core_is_commented(miniloop_sources) == []


def test_the_library_is_at_most_60_percent_of_asyncio(miniloop_sources: Package) -> None:
    assert house.the_library_is_small(miniloop_sources) == []


def test_no_file_has_more_than_400_code_lines(miniloop_sources: Package) -> None:
    assert house.every_file_is_short(miniloop_sources) == []


def test_no_function_has_more_than_40_code_lines_and_the_median_at_most_10(
    miniloop_sources: Package,
) -> None:
    assert house.every_function_is_short(miniloop_sources) == []
    assert house.the_median_function_is_short(miniloop_sources) == []


def test_select_callback_send_and_yield_each_occur_in_one_marked_place(
    miniloop_sources: Package,
) -> None:
    assert house.each_single_operation_occurs_once_and_is_marked(miniloop_sources) == []


def test_every_module_and_public_name_has_a_docstring(miniloop_sources: Package) -> None:
    assert house.public_names_have_docstrings(miniloop_sources) == []


def test_no_handler_ignores_every_exception(miniloop_sources: Package) -> None:
    assert house.no_handler_ignores_every_exception(miniloop_sources) == []


def test_the_package_is_flat(miniloop_sources: Package) -> None:
    assert house.the_package_is_flat(miniloop_sources) == []


# --- the project --------------------------------------------------------------------------------


def test_texts_contain_no_to_do_marker_and_no_machine_specific_path() -> None:
    assert house.texts_contain_nothing_forbidden(ROOT) == []


def test_the_top_level_contains_only_listed_names() -> None:
    assert house.the_top_level_contains_only_listed_names(ROOT) == []


def test_miniloop_has_no_runtime_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["dependencies"] == []
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["miniloop"]
    assert (ROOT / "miniloop" / "py.typed").is_file()


# --- the rules can fail -------------------------------------------------------------------------

GOOD = {
    "__init__.py": '''
        """A made-up package."""
        READING_ORDER = {"core": ("first", "second"), "more": ("third",)}
        from .third import run
    ''',
    "first.py": '''
        """Reads nothing."""
        # There must be one comment line
        # for every four code lines.
        import selectors
        class Future:
            """Waits."""
            def __await__(self):
                yield self  # THE ONLY yield of a future
    ''',
    "second.py": '''
        """Reads first."""
        from . import first
        class Loop:
            """Iterates."""
            def iterate(self):
                # THE ONLY select
                self.selector.select(None)
            def handle(self):
                # A comment after code does not count.
                self._context.run(self._callback, *self._args)  # THE ONLY callback
                self.describe(self._callback)
            def step(self):
                self._coro.send(None)  # THE ONLY send
                self._sock.send(b"")
    ''',
    "third.py": '''
        """Reads second."""
        from .second import Loop
        def run():
            """Runs."""
            from .first import Future
            return Loop, Future
    ''',
}

# rule -> (part of the expected complaint, files that break the rule)
BREAKERS: dict[str, list[tuple[str, dict[str, str]]]] = {
    "every_file_is_listed_once": [
        ("fourth is not in READING_ORDER", {"fourth.py": ""}),
        (
            "READING_ORDER names fourth, which is not a file",
            {"__init__.py": "READING_ORDER = {'core': ('first', 'second', 'third', 'fourth')}"},
        ),
        (
            "READING_ORDER names first twice",
            {"__init__.py": "READING_ORDER: D = {'a': ('first', 'second', 'third', 'first')}"},
        ),
        ("first is not in READING_ORDER", {"__init__.py": "READING_ORDER: D"}),
        ("first is not in READING_ORDER", {"__init__.py": ""}),
    ],
    "files_import_only_earlier_files": [
        ("first:1 imports third", {"first.py": "from .third import run"}),
        ("first:1 imports second", {"first.py": "from . import second"}),
        ("first:1 imports first", {"first.py": "from .first import Future"}),
        ("second:2 imports third", {"second.py": "def late():\n    from .third import run"}),
        (
            "first:3 imports second",
            {"first.py": "import typing\nif typing.TYPE_CHECKING:\n    from .second import Loop"},
        ),
        ("first:1 imports __init__", {"first.py": "from . import run"}),
        (
            "first:1 imports trace.page",
            {"first.py": "from .trace.page import draw", "trace/page.py": ""},
        ),
    ],
    "imports_form_no_cycle": [
        ("cycle: ", {"first.py": "from .third import run"}),
        ("cycle: ", {"first.py": "import this\ndef late():\n    from . import run"}),
        (
            "cycle: ",
            {"trace/page.py": "from .film import reel", "trace/film.py": "from . import page"},
        ),
    ],
    "internal_imports_are_relative": [
        ("third:1 imports loopy.second", {"third.py": "import loopy.second"}),
        ("third:1 imports loopy by", {"third.py": "from loopy import second"}),
        ("trace.page:1 imports loopy", {"trace/page.py": "from loopy.first import Future"}),
    ],
    "only_the_standard_library_is_imported": [
        ("first:1 imports asyncio", {"first.py": "import asyncio"}),
        ("first:1 imports asyncio.events", {"first.py": "from asyncio.events import Handle"}),
        ("first:2 imports _asyncio", {"first.py": "def late():\n    from _asyncio import Task"}),
        ("first:1 imports numpy", {"first.py": "import numpy as np"}),
    ],
    "no_import_uses_a_computed_name": [
        ("first:2 calls importlib.import_module", {"first.py": "\nimportlib.import_module(name)"}),
        ("first:1 calls __import__", {"first.py": "__import__('asyn' + 'cio')"}),
    ],
    "asyncio_is_not_loaded": [
        ("asyncio was loaded", {"first.py": "__import__('asyn' + 'cio')\nFuture = 0"}),
        ("exit status 1: Traceback", {"first.py": "1 / 0"}),
        ("ResourceWarning", {"first.py": "Future = open(__file__, 'rb').read()"}),
    ],
    "the_core_is_small": [
        (
            "the core ring has 901 code lines",
            {"first.py": "x = 0\n\n" * 450, "second.py": "x = 0\n#\n" * 451},
        ),
        ("no ring called core", {"__init__.py": "READING_ORDER = {}"}),
    ],
    "the_core_is_commented": [
        (
            "the core ring has 1 comment lines for 8 code lines",
            {"first.py": "# one\n" + "x = 0\n" * 4, "second.py": "x = 0  # no line\n" * 4},
        ),
        (
            "the core ring has 1 comment lines for 5 code lines",
            {"first.py": "'''# Not a comment.'''\n# one # only\nx = '#'\n", "second.py": "0\n" * 4},
        ),
    ],
    "the_library_is_small": [
        (
            "the library has 4771 code lines",
            {f"{name}.py": "" for name in ("__init__", "first", "second", "third")}
            | {f"f{n}.py": "x = 0\n" * 477 for n in range(10)}
            | {"last.py": "x = 0\n"},
        )
    ],
    "every_file_is_short": [
        ("third has 401 code lines", {"third.py": "x = [\n" + "0,\n" * 399 + "]\n# end\n"}),
        ("tour.walk has 401 code lines", {"tour/walk.py": "x = 0\n" * 401}),
    ],
    "every_function_is_short": [
        ("third.run:1 has 41 code lines", {"third.py": "def run():\n" + " x = 0\n" * 40}),
        (
            "third.run:1 has 41 code lines",
            {"third.py": "async def run():\n def inner():\n" + "  x = '''\n\n'''\n" * 13},
        ),
    ],
    "the_median_function_is_short": [
        (
            "the median function has 11 code lines",
            {"third.py": ("def run():\n" + " x = 0\n" * 10) * 6},
        )
    ],
    "each_single_operation_occurs_once_and_is_marked": [
        ("yield of a future occurs in 0 places", {"first.py": ""}),
        ("select occurs in 2 places", {"third.py": "ready = selector.select()"}),
        ("send occurs in 2 places", {"third.py": "resume = self._coro.send"}),
        ("send occurs in 2 places", {"third.py": "coro.send(None)"}),
        ("callback occurs in 2 places", {"third.py": "handle._callback(*handle._args)"}),
        ("callback occurs in 2 places", {"third.py": "context.run(handle._callback)"}),
        ("callback occurs in 2 places", {"third.py": "context.run(*(handle._callback,) + args)"}),
        ("yield of a future occurs in 2 places", {"third.py": "def wait(self):\n yield self"}),
        ("third:1 marks 'hope'", {"third.py": "# THE ONLY hope"}),
        ("2 comments mark THE ONLY send", {"third.py": "# THE ONLY send"}),
        ("0 comments mark THE ONLY yield", {"first.py": "def wait(self):\n yield self"}),
        (
            "first:1 marks THE ONLY yield of a future, but it is at first:3",
            {"first.py": "# THE ONLY yield of a future\ndef wait(self):\n yield self"},
        ),
    ],
    "public_names_have_docstrings": [
        ("first has no docstring", {"first.py": "x = 0"}),
        ("first.Future has no docstring", {"first.py": "'''One.'''\nclass Future: pass"}),
        ("first.wait has no docstring", {"first.py": "'''One.'''\nasync def wait(): pass"}),
        ("first.run has no docstring", {"first.py": "'''One.'''\ndef run():\n  ''"}),
    ],
    "no_handler_ignores_every_exception": [
        ("first:2 ignores every", {"first.py": "try: x\nexcept: pass"}),
        ("first:2 ignores every", {"first.py": "try: x\nexcept Exception: pass"}),
        ("first:2 ignores every", {"first.py": "try: x\nexcept BaseException as e: pass"}),
    ],
    "the_package_is_flat": [("inner/ is a folder", {"inner/first.py": ""})],
    "texts_contain_nothing_forbidden": [
        ("miniloop/a.py:2 contains a to-do marker", {"miniloop/a.py": "\n# TO" + "DO: all"}),
        ("README.md:1 contains a to-do marker", {"README.md": "FIX" + "ME"}),
        ("README.md:1 contains a machine-specific path", {"README.md": "cd /wor" + "k/main"}),
        (".ci/run:1 contains a machine-specific path", {".ci/run": "cd /hom" + "e/me"}),
    ],
    "the_top_level_contains_only_listed_names": [
        ("notes.md does not belong", {"notes.md": ""}),
        ("docs does not belong", {"docs/index.md": ""}),
    ],
}

CASES = [
    pytest.param(rule, complaint, files, id=f"{rule}-{number}")
    for rule, cases in BREAKERS.items()
    for number, (complaint, files) in enumerate(cases, 1)
]
PACKAGE_RULES = {rule.__name__: rule for rule in house.PACKAGE_RULES}
PROJECT_RULES = {rule.__name__: rule for rule in house.PROJECT_RULES}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent_block(text), encoding="utf-8")


def dedent_block(text: str) -> str:
    """Dedent a block of GOOD, which is indented by eight; return other texts unchanged."""
    if not text.startswith("\n        "):
        return text
    return "\n".join(line[8:] for line in text.splitlines()[1:]) + "\n"


def complaints(rule: str, folder: Path, files: dict[str, str]) -> list[str]:
    """Apply a rule to the good made-up package or project with these files replaced."""
    if rule in PROJECT_RULES:
        write(folder, {".gitignore": "# built\n/dist/\n*.pyc\n", "README.md": "", **files})
        return PROJECT_RULES[rule](folder)
    write(folder / "loopy", GOOD | files)
    return PACKAGE_RULES[rule](read_package(folder / "loopy"))


def test_every_rule_has_made_up_packages_that_break_it() -> None:
    assert BREAKERS.keys() == PACKAGE_RULES.keys() | PROJECT_RULES.keys()
    assert all(BREAKERS.values())


@pytest.mark.parametrize(("rule", "complaint", "files"), CASES)
def test_a_made_up_package_breaks_the_rule(
    rule: str, complaint: str, files: dict[str, str], tmp_path: Path
) -> None:
    found = complaints(rule, tmp_path, files)
    assert [text for text in found if complaint in text], found


@pytest.mark.parametrize("rule", BREAKERS)
def test_a_good_made_up_package_follows_the_rule(rule: str, tmp_path: Path) -> None:
    assert complaints(rule, tmp_path, {}) == []


AT_THE_LIMIT = {
    "the_core_is_small": {"first.py": "x = 0\n" * 450, "second.py": "x = 0\n" * 450},
    "the_core_is_commented": {
        "first.py": "# one\nx = 0\n\n",
        "second.py": "# two\n" + "x = 0\n" * 7,
    },
    "the_library_is_small": {f"{name}.py": "" for name in ("__init__", "first", "second", "third")}
    | {f"f{n}.py": "x = 0\n" * 477 for n in range(10)},
    "every_file_is_short": {"third.py": "x = 0\n" * 400},
    "every_function_is_short": {"third.py": "def run():\n" + " x = 0\n" * 39},
    "the_median_function_is_short": {"third.py": ("def run():\n" + " x = 0\n" * 9) * 6},
}


@pytest.mark.parametrize("rule", AT_THE_LIMIT)
def test_a_package_may_be_exactly_at_the_limit(rule: str, tmp_path: Path) -> None:
    package = GOOD | {"__init__.py": "READING_ORDER = {'core': ('first', 'second')}"}
    assert complaints(rule, tmp_path, package | AT_THE_LIMIT[rule]) == []


def test_trace_and_tour_may_import_the_library_and_do_not_count_towards_its_budget(
    tmp_path: Path,
) -> None:
    aside = {"trace/page.py": "'''Draw.'''\nfrom ..third import run\n" + "x = 0\n" * 390}
    aside |= {f"tour/step{n}.py": "'''Walks.'''\n" + "x = 0\n" * 390 for n in range(12)}
    write(tmp_path / "loopy", GOOD | aside)
    package = read_package(tmp_path / "loopy")
    assert {rule.__name__: rule(package) for rule in house.PACKAGE_RULES if rule(package)} == {}


def test_ignored_files_are_allowed_at_the_top_level(tmp_path: Path) -> None:
    files = {"dist/a.whl": "", "old.pyc": ""}
    assert complaints("the_top_level_contains_only_listed_names", tmp_path, files) == []


def test_comments_docstrings_and_blank_lines_are_not_code_lines(tmp_path: Path) -> None:
    text = '''"""Three
    lines
    long."""
# a comment

def one(  # counted
    x,
):
    """Not counted."""

    text = """counted

    whole"""
    return x, text  # counted
'''
    write(tmp_path, {"it.py": text})
    source = read_package(tmp_path).sources["it"]
    assert sorted(house.code_lines(source)) == [6, 7, 8, 11, 12, 13, 14]
    assert house.function_sizes(source) == {"it.one:6": 7}
