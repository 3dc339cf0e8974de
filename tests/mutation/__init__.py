"""Mutation testing: inject one small bug at a time into miniloop, and check that a test fails.

A mutant is a module with one small change: a negated condition, an off-by-one, a removed statement.
It is killed if a test fails that passes without the change. Otherwise it survives: either the tests
have a gap, or the change has no observable effect.

    .venv/bin/python -m tests.mutation

The files, in reading order: `config.toml` selects the modules, the changes and the tests.
`operators.py` adds a change that Cosmic Ray does not have. `mutants.py` creates the mutants,
`worker.py` runs tests on them, `crew.py` runs the workers, `verdicts.py` counts the results, and
`cli.py` is the command. `survivors.toml` explains why no test can detect a survivor.

Does not depend on: what the tests do.
"""
