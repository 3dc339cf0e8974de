"""Does anything catch a fault? One fault at a time is planted in miniloop, and the tests are run.

A mutant is a module with one small change: a condition turned round, a number that is one too
great, a statement left out. It is killed if a test fails that passes without the change, and
survives if none does. A survivor is a gap in the tests, or changes nothing that can be seen.

    python -m tests.mutation

The files, in reading order: `config.toml` says what is mutated, how, and by which tests it is to be
killed; `operators.py` has a change that Cosmic Ray does not know, `mutants.py` makes the mutants,
`worker.py` runs tests on them, `crew.py` keeps the workers busy, `verdicts.py` judges, and `cli.py`
is the command. `survivors.toml` tells of each survivor why no test can tell it from the original.

Not known here: what the tests are about.
"""
