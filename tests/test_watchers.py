"""Child watchers: before Python 3.14 a program may set one, but it has no effect."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

import miniloop
from miniloop import policies, watchers

before_3_14 = pytest.mark.skipif(sys.version_info >= (3, 14), reason="3.14 removed child watchers")


@pytest.fixture
def no_watcher_afterwards() -> Iterator[None]:
    yield
    watchers.set_child_watcher(None)


@before_3_14
@pytest.mark.usefixtures("no_watcher_afterwards")
@pytest.mark.parametrize("name", ["Fast", "MultiLoop", "Pidfd", "Safe", "Threaded"])
def test_a_program_that_sets_a_child_watcher_starts_child_processes(name: str) -> None:
    watcher = getattr(miniloop, f"{name}ChildWatcher")()
    steps: list[object] = []

    async def main() -> None:
        watcher.attach_loop(miniloop.get_running_loop())
        steps.append(watcher.is_active())
        child = await miniloop.create_subprocess_exec(sys.executable, "-c", "raise SystemExit(3)")
        steps.append(await child.wait())
        watcher.close()

    watchers.set_child_watcher(watcher)
    assert watchers.get_child_watcher() is watcher
    miniloop.run(main())
    assert steps == [True, 3]


@before_3_14
@pytest.mark.usefixtures("no_watcher_afterwards")
def test_a_policy_has_the_child_watcher_of_the_process() -> None:
    policy = policies.DefaultEventLoopPolicy()
    policy.set_child_watcher(watcher := watchers.SafeChildWatcher())  # type: ignore[attr-defined]
    assert watchers.get_child_watcher() is watcher
    watchers.set_child_watcher(None)
    assert type(policy.get_child_watcher()) is watchers.AbstractChildWatcher  # type: ignore[attr-defined]


def test_only_before_3_14_the_package_has_child_watchers() -> None:
    names = [name for name in vars(miniloop) if "ChildWatcher" in name or "child_watcher" in name]
    assert sorted(names) == sorted(watchers.__all__)
    assert len(names) == (8 if sys.version_info < (3, 14) else 0)
