"""The house rules: functions that read the source and return complaints.

A rule takes a Package or a project's root and returns a list of sentences; an empty list means that
the rule holds. Rules read files with `ast` and `tokenize` and never import the code they check.
Therefore they also work on made-up packages, with which test_house.py shows that each can fail.

The rules check the layout of the code. They do not check whether it is correct or fast.
"""

from __future__ import annotations

import ast
import fnmatch
import graphlib
import io
import re
import statistics
import subprocess
import sys
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

CORE_LINES: Final = 900
LIBRARY_LINES: Final = 4_770  # 60 % of asyncio's POSIX modules in CPython 3.15: 7,954 code lines
FILE_LINES: Final = 400
FUNCTION_LINES: Final = 40
MEDIAN_FUNCTION_LINES: Final = 10
CORE_COMMENTS: Final = 0.25  # comment lines per code line

# Sub-packages that are not part of the library proper: nothing in the library imports them, and
# LIBRARY_LINES does not count them.
ASIDE: Final = frozenset({"trace", "tour"})

TOP_LEVEL: Final = frozenset(
    {".ci", ".git", ".gitignore", "CHANGELOG.md", "LICENSE", "README.md"}
    | {"comparisons", "miniloop", "pyproject.toml", "tests"}
)

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Documented: TypeAlias = ast.Module | ast.ClassDef | Function


# --- reading source ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """One file: its dotted name below the package, its text and its syntax tree."""

    name: str
    text: str
    tree: ast.Module

    @property
    def aside(self) -> bool:
        return self.name.split(".")[0] in ASIDE

    @property
    def is_init(self) -> bool:
        return self.name.split(".")[-1] == "__init__"


@dataclass(frozen=True)
class Package:
    """Every Python file of one package, by dotted name; `__init__` is the package's own."""

    folder: Path
    sources: dict[str, Source]

    @property
    def library(self) -> list[Source]:
        return [source for source in self.sources.values() if not source.aside]

    @property
    def modules(self) -> list[Source]:
        """The files that READING_ORDER must list."""
        return [source for source in self.library if not source.is_init]


def read_package(folder: Path) -> Package:
    sources = {}
    for path in sorted(folder.rglob("*.py")):
        name = ".".join(path.relative_to(folder).with_suffix("").parts)
        text = path.read_text(encoding="utf-8")
        sources[name] = Source(name, text, ast.parse(text, str(path)))
    return Package(folder, sources)


def reading_order(package: Package) -> dict[str, tuple[str, ...]]:
    """Return READING_ORDER as written in `__init__.py`: ring to file names."""
    for node in package.sources["__init__"].tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if [ast.unparse(target) for target in targets] == ["READING_ORDER"]:
                return dict(ast.literal_eval(node.value))
    return {}


def in_order(package: Package) -> list[str]:
    return [name for ring in reading_order(package).values() for name in ring]


def code_lines(source: Source) -> set[int]:
    """Return the numbers of lines with a token that is neither a comment nor a docstring."""
    empty = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    empty |= {tokenize.ENCODING, tokenize.ENDMARKER}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type not in empty:
            lines.update(range(token.start[0], token.end[0] + 1))
    for docstring in docstrings(source.tree):
        lines.difference_update(range(docstring.lineno, (docstring.end_lineno or 0) + 1))
    return lines


def docstrings(tree: ast.Module) -> Iterator[ast.stmt]:
    for node in ast.walk(tree):
        if isinstance(node, Documented) and ast.get_docstring(node, clean=False) is not None:
            yield node.body[0]


def comments(source: Source) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def comment_lines(source: Source) -> set[int]:
    """Return the numbers of lines that hold nothing but a comment."""
    return {line for line, _ in comments(source)} - code_lines(source)


def function_sizes(source: Source) -> dict[str, int]:
    """Count code lines by `name:line`; a nested function also counts for the enclosing one."""
    lines = code_lines(source)
    sizes = {}
    for node in ast.walk(source.tree):
        if isinstance(node, Function):
            span = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            sizes[f"{source.name}.{node.name}:{node.lineno}"] = len(lines.intersection(span))
    return sizes


# --- imports ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Import:
    """One import on one line: a module `inside` the package, or a name `outside` it."""

    line: int
    inside: str | None = None
    outside: str | None = None


def imports(source: Source, package: Package) -> Iterator[Import]:
    """Yield every import of a file, including late imports and those under TYPE_CHECKING."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(node.lineno, outside=alias.name)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield Import(node.lineno, outside=node.module)
        elif isinstance(node, ast.ImportFrom):
            for name in relative_targets(source, node, package):
                yield Import(node.lineno, inside=name)


def relative_targets(source: Source, node: ast.ImportFrom, package: Package) -> set[str]:
    """`from .m import x` names m; `from . import m` names m if it is a file, else `__init__`."""
    parents = source.name.split(".")[:-1]
    base = [*parents[: len(parents) - (node.level - 1)], *(node.module or "").split(".")]
    where = ".".join(filter(None, base))
    if where in package.sources:
        return {where}
    candidates = {".".join(filter(None, (where, alias.name))) for alias in node.names}
    init = ".".join(filter(None, (where, "__init__")))
    return {name if name in package.sources else init for name in candidates}


def files_import_only_earlier_files(package: Package) -> list[str]:
    position = {name: index for index, name in enumerate(in_order(package))}
    after_all = len(position)
    return [
        f"{source.name}:{found.line} imports {found.inside}, which is not listed before it"
        for source in package.modules
        for found in imports(source, package)
        if found.inside is not None
        and position.get(found.inside, after_all) >= position.get(source.name, after_all)
    ]


def every_file_is_listed_once(package: Package) -> list[str]:
    order = in_order(package)
    there = {source.name for source in package.modules}
    return [
        *(f"{name} is not in READING_ORDER" for name in sorted(there - set(order))),
        *(
            f"READING_ORDER names {name}, which is not a file"
            for name in order
            if name not in package.sources  # it may also list files of the folders aside
        ),
        *(f"READING_ORDER names {n} twice" for n in sorted(set(order)) if order.count(n) > 1),
    ]


def imports_form_no_cycle(package: Package) -> list[str]:
    graph = {
        source.name: {found.inside for found in imports(source, package) if found.inside}
        for source in package.sources.values()
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return ["cycle: " + " -> ".join(error.args[1])]
    return []


def internal_imports_are_relative(package: Package) -> list[str]:
    return [
        f"{source.name}:{found.line} imports {found.outside} by its absolute name"
        for source in package.sources.values()
        for found in imports(source, package)
        if found.outside is not None and found.outside.split(".")[0] == package.folder.name
    ]


def only_the_standard_library_is_imported(package: Package) -> list[str]:
    """asyncio is excluded: a package that replaces asyncio would import itself."""
    own = package.folder.name
    known = (sys.stdlib_module_names | {own}) - {"asyncio", "_asyncio"}
    return [
        f"{source.name}:{found.line} imports {found.outside}"
        for source in package.library
        for found in imports(source, package)
        if found.outside is not None and found.outside.split(".")[0] not in known
    ]


def no_import_uses_a_computed_name(package: Package) -> list[str]:
    """The other rules cannot see a computed import."""
    return [
        f"{source.name}:{node.lineno} calls {called}"
        for source in package.library
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and (called := ast.unparse(node.func)).split(".")[-1] in {"__import__", "import_module"}
    ]


def asyncio_is_not_loaded(package: Package, program: str = "") -> list[str]:
    """Import the package and run `program` in a fresh interpreter, then check sys.modules."""
    script = (
        "import sys\n"
        f"sys.path.insert(0, {str(package.folder.parent)!r})\n"
        f"import {package.folder.name}\n"
        f"{program}\n"
        "print(*sorted({'asyncio', '_asyncio'} & sys.modules.keys()))\n"
    )
    command = [sys.executable, "-I", "-S", "-X", "dev", "-W", "error", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0 or done.stderr:
        return [f"the program failed with exit status {done.returncode}: {done.stderr}"]
    return [f"{name} was loaded" for name in done.stdout.split()]


# --- budgets ----------------------------------------------------------------------------------


def the_core_is_small(package: Package) -> list[str]:
    core = reading_order(package).get("core", ())
    if not core:
        return ["READING_ORDER has no ring called core"]
    size = sum(len(code_lines(package.sources[name])) for name in core if name in package.sources)
    return [f"the core ring has {size} code lines"] if size > CORE_LINES else []


def the_core_is_commented(package: Package) -> list[str]:
    """Count lines that hold nothing but a comment: a comment after code is mostly a label."""
    core = [name for name in reading_order(package).get("core", ()) if name in package.sources]
    code = sum(len(code_lines(package.sources[name])) for name in core)
    found = sum(len(comment_lines(package.sources[name])) for name in core)
    too_few = found < CORE_COMMENTS * code
    return [f"the core ring has {found} comment lines for {code} code lines"] if too_few else []


def the_library_is_small(package: Package) -> list[str]:
    size = sum(len(code_lines(source)) for source in package.library)
    return [f"the library has {size} code lines"] if size > LIBRARY_LINES else []


def every_file_is_short(package: Package) -> list[str]:
    sizes = {source.name: len(code_lines(source)) for source in package.sources.values()}
    return [f"{name} has {size} code lines" for name, size in sizes.items() if size > FILE_LINES]


def every_function_is_short(package: Package) -> list[str]:
    return [
        f"{name} has {size} code lines"
        for source in package.sources.values()
        for name, size in function_sizes(source).items()
        if size > FUNCTION_LINES
    ]


def the_median_function_is_short(package: Package) -> list[str]:
    sizes = [size for source in package.library for size in function_sizes(source).values()]
    median = statistics.median(sizes or [0])
    too_big = median > MEDIAN_FUNCTION_LINES
    return [f"the median function has {median:g} code lines"] if too_big else []


# --- operations that occur in one marked place ----------------------------------------------------


def waits(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "select"
    )


def runs_a_callback(node: ast.AST) -> bool:
    """Match `handle._callback(...)` and `context.run(handle._callback, ...)` in any form."""
    if not isinstance(node, ast.Call):
        return False
    through_context = isinstance(node.func, ast.Attribute) and node.func.attr == "run"
    called = ast.walk(node.args[0]) if through_context and node.args else [node.func]
    return any(isinstance(part, ast.Attribute) and part.attr == "_callback" for part in called)


def sends(node: ast.AST) -> bool:
    """Match the attribute `.send` of anything not named `sock`, whether called or only read."""
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "send"
        and not ast.unparse(node.value).endswith("sock")
    )


def yields_a_future(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Yield) and isinstance(node.value, ast.Name) and node.value.id == "self"
    )


SINGLE_PLACES: Final[dict[str, Callable[[ast.AST], bool]]] = {
    "select": waits,
    "callback": runs_a_callback,
    "send": sends,
    "yield of a future": yields_a_future,
}


def each_single_operation_occurs_once_and_is_marked(package: Package) -> list[str]:
    marks = find_marks(package)
    complaints = [f"{w}:{n} marks {m!r}" for m, w, n in marks if m not in SINGLE_PLACES]
    for name, does_it in SINGLE_PLACES.items():
        marked = [(where, line) for mark, where, line in marks if mark == name]
        places = find_places(package, does_it)
        complaints += complaints_about_place(name, marked, places)
    return complaints


def find_marks(package: Package) -> list[tuple[str, str, int]]:
    """Return comments like `# THE ONLY select` as (operation, file, line)."""
    return [
        (match[1].strip(), source.name, line)
        for source in package.library
        for line, comment in comments(source)
        if (match := re.search(r"# THE ONLY ([^#]*)", comment))
    ]


def find_places(package: Package, does_it: Callable[[ast.AST], bool]) -> list[tuple[str, int, int]]:
    return [
        (source.name, getattr(node, "lineno", 0), getattr(node, "end_lineno", 0))
        for source in package.library
        for node in ast.walk(source.tree)
        if does_it(node)
    ]


def complaints_about_place(
    name: str, marked: list[tuple[str, int]], places: list[tuple[str, int, int]]
) -> list[str]:
    if len(places) != 1:
        return [f"{name} occurs in {len(places)} places: {places}"]
    if len(marked) != 1:
        return [f"{len(marked)} comments mark THE ONLY {name}: {marked}"]
    (where, line), (file, first, last) = marked[0], places[0]
    if where != file or not first - 1 <= line <= last:
        return [f"{where}:{line} marks THE ONLY {name}, but it is at {file}:{first}"]
    return []


# --- words ------------------------------------------------------------------------------------


def public_names_have_docstrings(package: Package) -> list[str]:
    """Check modules and their top-level public classes and functions."""
    return [
        f"{source.name}{name} has no docstring"
        for source in package.sources.values()
        for name, node in public_nodes(source)
        if not ast.get_docstring(node)
    ]


def public_nodes(source: Source) -> Iterator[tuple[str, Documented]]:
    yield "", source.tree
    for node in source.tree.body:
        if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_"):
            yield f".{node.name}", node


def no_handler_ignores_every_exception(package: Package) -> list[str]:
    """Reject `except Exception: pass` and its equivalents."""
    return [
        f"{source.name}:{node.lineno} ignores every exception"
        for source in package.sources.values()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
        and all(isinstance(statement, ast.Pass) for statement in node.body)
    ]


# One letter of each is in brackets, so that this file does not match its own patterns.
FORBIDDEN: Final = {
    "a to-do marker": re.compile(r"\b(TO[D]O|FI[X]ME|XX[X]|HA[C]K)\b"),
    "a machine-specific path": re.compile(r"/wor[k]/|/roo[t]/|/hom[e]/\w"),
}
TEXTS: Final = frozenset({"", ".cfg", ".css", ".html", ".js", ".md", ".py", ".toml", ".txt"})


def texts_contain_nothing_forbidden(root: Path) -> list[str]:
    return [
        f"{path.relative_to(root)}:{number} contains {what}"
        for path in project_texts(root)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        for what, pattern in FORBIDDEN.items()
        if pattern.search(line)
    ]


def project_texts(root: Path) -> Iterator[Path]:
    for name in sorted(TOP_LEVEL - {".git"}):
        top = root / name
        for path in sorted([top, *top.rglob("*")]):
            if path.is_file() and path.suffix in TEXTS and not ignored(path, root):
                yield path


def the_top_level_contains_only_listed_names(root: Path) -> list[str]:
    return [
        f"{path.name} does not belong at the top level"
        for path in sorted(root.iterdir())
        if path.name not in TOP_LEVEL and not ignored(path, root)
    ]


def ignored(path: Path, root: Path) -> bool:
    """Whether .gitignore matches a part of the path; only plain names and `*` are supported."""
    lines = (root / ".gitignore").read_text(encoding="utf-8").splitlines()
    patterns = [line.strip("/") for line in lines if line and not line.startswith("#")]
    parts = path.relative_to(root).parts
    return any(fnmatch.fnmatch(part, pattern) for part in parts for pattern in patterns)


def the_package_is_flat(package: Package) -> list[str]:
    return [
        f"{path.name}/ is a folder in a flat package"
        for path in sorted(package.folder.iterdir())
        if path.is_dir() and path.name not in ASIDE | {"__pycache__"}
    ]


PACKAGE_RULES: Final[tuple[Callable[[Package], list[str]], ...]] = (
    every_file_is_listed_once,
    files_import_only_earlier_files,
    imports_form_no_cycle,
    internal_imports_are_relative,
    only_the_standard_library_is_imported,
    no_import_uses_a_computed_name,
    asyncio_is_not_loaded,
    the_core_is_small,
    the_core_is_commented,
    the_library_is_small,
    every_file_is_short,
    every_function_is_short,
    the_median_function_is_short,
    each_single_operation_occurs_once_and_is_marked,
    public_names_have_docstrings,
    no_handler_ignores_every_exception,
    the_package_is_flat,
)
PROJECT_RULES: Final[tuple[Callable[[Path], list[str]], ...]] = (
    texts_contain_nothing_forbidden,
    the_top_level_contains_only_listed_names,
)
