"""Conformance: the interpreter's own asyncio tests, unmodified, run against this package.

    python -m tests.conformance [--module test_locks] [-k PATTERN] [--python PATH] [--impl NAME]

Purpose: `test.test_asyncio` says what asyncio is; what it says about miniloop is the scoreboard.
How: a *shadow* (`shadow.py`) is a folder made for the run, first on PYTHONPATH, in which `asyncio/`
is a copy of the implementation and `_asyncio` cannot be imported. Each test module runs in a
process of its own (`worker.py`, looked after by `supervisor.py`), each test under a time limit.
Rules: only tests that a list in `lists/` names are run. `public-` and `hooks-` are the bar, without
exception but the marks of `marks.toml`; `internals-` reach into private names and count where they
pass. A mark has a reason and a kind; a marked test that passes is an error, and so is a mark that
matches nothing. The control is `--impl asyncio`, for which no mark holds. `--record` writes the
totals of a release into `scoreboard.json`; from then on, less is an error.
Read the files in this order: lists, marks, shadow, additions, worker, supervisor, scoreboard, cli.
Not known here: the tests that no list names. Asyncio without its C accelerator does not pass them,
or they are for Windows; they are counted and not run. Nor is seen what a test starts with `-E` or
`-I`: an interpreter that ignores PYTHONPATH has the real asyncio, and the check that none was
loaded looks into the test's own process. Some tests have deadlines of their own and may miss them
on a machine that is busy: a test that fails gets a second try, and if it passes then, that is said.
"""
