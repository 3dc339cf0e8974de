"""The record of the mutation run, tests/README.md and the explanations of survivors agree.

`python -m tests.mutation --record` writes the record. These tests only read files.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from tests.mutation.config import read_config
from tests.mutation.verdicts import RECORD, outdated, read_explanations
from tests.test_readme import TESTS_README, rows, section

CONFIG = read_config()
EXPLANATIONS = read_explanations(CONFIG.survivors)


def read_record() -> dict[str, Any]:
    record: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8"))
    return record


def test_each_explained_line_exists() -> None:
    assert list(outdated(EXPLANATIONS, CONFIG)) == []


def test_the_record_has_every_module_and_explains_each_survivor() -> None:
    modules = read_record()["modules"]
    assert tuple(modules) == CONFIG.modules
    explained = Counter(entry.key[0] for entry in EXPLANATIONS)
    for module, counts in modules.items():
        assert counts.get("survived", 0) == counts["explained"] == explained[module], module


def test_parity_and_fuzz_kill_at_least_90_percent() -> None:
    totals: Counter[str] = Counter()
    for counts in read_record()["modules"].values():
        totals.update(counts)
    assert totals["parity"] + totals["fuzz"] >= 0.9 * totals["mutants"]


def test_tests_readme_has_the_recorded_numbers() -> None:
    record = read_record()
    text = section("Do the tests catch bugs?", TESTS_README)
    assert f"CPython {record['python']}" in text
    columns = ["mutants", *(killer.name for killer in CONFIG.killers), "survived"]
    by_module = {
        name: [counts.get(c, 0) for c in columns] for name, counts in record["modules"].items()
    }
    total = [sum(counts) for counts in zip(*by_module.values(), strict=True)]
    expected = [[f"`{name}`", *map(str, counts)] for name, counts in by_module.items()]
    assert rows(text) == [*expected, ["total", *map(str, total)]]
    mutants, *killed, _ = total
    by_parity_and_fuzz, by_all = sum(killed[:2]) / mutants, sum(killed) / mutants
    assert f"{by_parity_and_fuzz:.1%}".replace("%", " %") in text
    assert f"{by_all:.1%}".replace("%", " %") in text
