"""The contents of config.toml.

Purpose: reads and checks the file. Its paths are relative to `root`, which is relative to the file.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).with_name("config.toml")


class BadConfig(Exception):
    """config.toml is invalid."""


@dataclass(frozen=True)
class Killer:
    """A group of tests that run together on a mutant."""

    name: str
    files: tuple[str, ...]
    collected: bool  # collect once for all mutants; no file imports the package directly
    selective: bool  # of those, run only the tests that call the changed function
    own_files: dict[str, tuple[str, ...]]  # for these modules, run only these files

    def files_for(self, module: str) -> tuple[str, ...]:
        return self.own_files.get(module, self.files)


@dataclass(frozen=True)
class Config:
    """The contents of the file."""

    root: Path  # the folder that contains the package and the tests
    package: str
    modules: tuple[str, ...]
    left_out: tuple[str, ...]  # patterns of operators
    killers: tuple[Killer, ...]
    stage: str  # the test parameter that selects the implementation
    patience: float  # seconds of CPU time after which a test counts as hanging
    survivors: Path

    def source_of(self, module: str) -> Path:
        return self.root / self.package / f"{module}.py"

    def killer(self, name: str) -> Killer:
        for killer in self.killers:
            if killer.name == name:
                return killer
        raise BadConfig(
            f"there is no killer {name}; choose from {', '.join(k.name for k in self.killers)}"
        )


def read_config(file: Path = FILE) -> Config:
    """Read the file; raise BadConfig if a name or a file that it names is missing."""
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        root = (file.parent / table["root"]).resolve()
        config = Config(
            root,
            table["package"],
            tuple(table["modules"]),
            tuple(pattern for entry in table["left_out"] for pattern in entry["operators"]),
            tuple(_killer(entry) for entry in table["killers"]),
            table["stage"],
            table["patience"],
            file.parent / table["survivors"],
        )
    except KeyError as missing:
        raise BadConfig(f"{missing} is missing") from missing
    except (OSError, ValueError) as error:
        raise BadConfig(str(error)) from error
    _check(config)
    return config


def _killer(entry: dict[str, Any]) -> Killer:
    own = {module: tuple(files) for module, files in entry.get("own_files", {}).items()}
    every = sorted({file for files in own.values() for file in files})
    files = tuple(entry["files"] if "files" in entry or not own else every)
    collected, selective = entry.get("collected", False), entry.get("selective", False)
    return Killer(entry["name"], files, collected, selective, own)


def _check(config: Config) -> None:
    files = [config.source_of(module) for module in config.modules]
    files += [config.root / name for killer in config.killers for name in killer.files]
    for file in files:
        if not file.is_file():
            raise BadConfig(f"there is no {file}")
