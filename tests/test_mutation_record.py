"""What is said of mutants holds: in the README, in the record, and of each survivor.

`python -m tests.mutation --record` makes the record; this needs nothing but the files.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from tests.mutation.config import read_config
from tests.mutation.verdicts import RECORD, outdated, read_explanations
from tests.test_readme import rows, section

CONFIG = read_config()
EXPLANATIONS = read_explanations(CONFIG.survivors)


def read_record() -> dict[str, Any]:
    record: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8"))
    return record


def test_each_explanation_is_of_a_line_that_is_there() -> None:
    assert list(outdated(EXPLANATIONS, CONFIG)) == []


def test_in_the_record_every_module_is_mutated_and_each_survivor_explained() -> None:
    modules = read_record()["modules"]
    assert tuple(modules) == CONFIG.modules
    explained = Counter(entry.key[0] for entry in EXPLANATIONS)
    for module, counts in modules.items():
        assert counts.get("survived", 0) == counts["explained"] == explained[module], module


def test_parity_and_fuzz_kill_nine_of_ten() -> None:
    totals: Counter[str] = Counter()
    for counts in read_record()["modules"].values():
        totals.update(counts)
    assert totals["parity"] + totals["fuzz"] >= 0.9 * totals["mutants"]


def test_the_readme_has_the_recorded_numbers() -> None:
    record = read_record()
    text = section("Does anything catch a fault?")
    assert f"CPython {record['python']}" in text
    columns = ["mutants", *(killer.name for killer in CONFIG.killers), "survived"]
    by_module = {
        name: [counts.get(c, 0) for c in columns] for name, counts in record["modules"].items()
    }
    together = [sum(counts) for counts in zip(*by_module.values(), strict=True)]
    expected = [[f"`{name}`", *map(str, counts)] for name, counts in by_module.items()]
    assert rows(text) == [*expected, ["together", *map(str, together)]]
    mutants, *killed, _ = together
    by_parity_and_fuzz, by_all = sum(killed[:2]) / mutants, sum(killed) / mutants
    assert f"{by_parity_and_fuzz:.1%}".replace("%", " %") in text
    assert f"{by_all:.1%}".replace("%", " %") in text
