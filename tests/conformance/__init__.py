"""Conformance: run the interpreter's own asyncio tests, unmodified, against this package.

    .venv/bin/python -m tests.conformance [--module test_locks] [-k PATTERN] [--python PATH]

Purpose: `test.test_asyncio` defines how asyncio behaves. The scoreboard counts how many of its
tests miniloop passes.
How: `shadow.py` creates a temporary folder, the *shadow*, and puts it first on PYTHONPATH. There,
`asyncio/` is a copy of the implementation, and importing `_asyncio` fails. `supervisor.py` runs
each test module in its own process (`worker.py`), and each test has a time limit.
Rules:
- Only tests listed in `lists/` run. Each must pass, unless `marks.toml` marks it. That a test uses
  private names is a reason only for tests in the lists `internals-` and `new-`.
- A mark has a kind and a reason. A marked test that passes is an error. A mark that matches no test
  is an error.
- `--impl asyncio` is the control. Marks do not apply to it.
- `--plain` uses a shadow that adds only the names of the pure-Python classes, and counts.
- `--record` writes the totals of a release to `scoreboard.json`. Later runs must not be worse.
Read the files in this order: lists, marks, shadow, additions, worker, supervisor, scoreboard, cli.
Limits:
- Unlisted tests are counted, but do not run. They are for Windows, or asyncio without its C
  accelerator fails them.
- A test may start an interpreter with `-E` or `-I`. That one ignores PYTHONPATH and uses the real
  asyncio. The check for the real asyncio sees only the test's own process.
- Some tests have deadlines that they can miss on a busy machine. So a failed test runs a second
  time, and the output lists tests that passed only on the second try.
"""
