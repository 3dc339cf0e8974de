"""What config.toml says.

Purpose: to read it, and to complain of what cannot be. The paths in it are relative to `root`,
which is relative to the file itself.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).with_name("config.toml")


class BadConfig(Exception):
    """config.toml does not say what it has to."""


@dataclass(frozen=True)
class Killer:
    """Tests that are run together on a mutant."""

    name: str
    files: tuple[str, ...]
    collected: bool  # once for all mutants: no file imports the package by itself
    selective: bool  # and of those only tests that call the changed function are run
    own_files: dict[str, tuple[str, ...]]  # by module, for some: these only

    def files_for(self, module: str) -> tuple[str, ...]:
        return self.own_files.get(module, self.files)


@dataclass(frozen=True)
class Config:
    """The whole file."""

    root: Path  # the folder in which the package and the tests are
    package: str
    modules: tuple[str, ...]
    left_out: tuple[str, ...]  # patterns of operators
    killers: tuple[Killer, ...]
    stage: str  # the parameter that names the package to tests which run on several
    patience: float  # seconds of the processor's time after which a test hangs
    survivors: Path

    def source_of(self, module: str) -> Path:
        return self.root / self.package / f"{module}.py"

    def killer(self, name: str) -> Killer:
        for killer in self.killers:
            if killer.name == name:
                return killer
        raise BadConfig(f"there is no killer {name}: {', '.join(k.name for k in self.killers)}")


def read_config(file: Path = FILE) -> Config:
    """Raises BadConfig if a name is missing, or a file that is named."""
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
