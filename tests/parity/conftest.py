"""The fixture `stage`, with asyncio and with miniloop, and the marker for older asyncios."""

from __future__ import annotations

import gc
import sys
from collections.abc import Generator, Iterator

import pytest

from tests.parity.harness import Stage

REFERENCE = "asyncio"
IMPLEMENTATIONS = (REFERENCE, "miniloop")

_passed = pytest.StashKey[bool]()


@pytest.fixture(params=IMPLEMENTATIONS)
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    gc.freeze()  # then `stage.collect()` traverses only the objects of the scenario
    try:
        stage = Stage(request.param)
        yield stage
        stage.close()
    finally:
        gc.unfreeze()
    unexpected = stage.unexpected()
    if request.node.stash.get(_passed, False) and unexpected:
        pytest.fail(f"logged, but not expected by the scenario: {unexpected}")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "older_asyncio_differs(since, why, first, run): asyncio fails this from `first` on.",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not (isinstance(item, pytest.Function) and hasattr(item, "callspec")):
            continue
        if item.callspec.params.get("stage") != REFERENCE:
            continue
        for marker in item.iter_markers("older_asyncio_differs"):
            since, why, first, run = marker.args
            release = sys.version_info[:3]
            if _version(first) <= release < _version(since):
                reason = f"asyncio before {since}: {why}"
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True, run=run))


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        item.stash[_passed] = report.passed
    return report
