"""What lies around this interpreter and may be taken for it: other environments, and other Prefects."""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Command", "OtherPrefect", "Surroundings", "look"]

_COMMANDS = ("prefect", "python")
_METADATA = re.compile(r"(prefect|prefect_client)-(.+)\.(?:dist-info|egg-info)")
_LONGEST_SHEBANG = 512  # bytes


@dataclass(frozen=True)
class Command:
    """A command on `PATH` that starts another interpreter than this one: its name, its path, the interpreter's path."""

    name: str
    path: str
    interpreter: str


@dataclass(frozen=True)
class OtherPrefect:
    """A Prefect beside the one in use: its directory, and the distributions that are installed there."""

    location: str
    distributions: tuple[str, ...]


@dataclass(frozen=True)
class Surroundings:
    """What may be taken for this environment, or for its Prefect.

    Attributes:
        virtual_env: the directory in `VIRTUAL_ENV`, if that is not this environment.
        commands: those of `prefect` and `python` on `PATH` that belong to another environment.
        prefects: the Prefects that the one in use hides, or lies upon.
    """

    virtual_env: str | None = None
    commands: tuple[Command, ...] = ()
    prefects: tuple[OtherPrefect, ...] = ()


def look(environ: Mapping[str, str] = os.environ) -> Surroundings:
    """Look around; starts no process and imports nothing."""
    return Surroundings(_other_virtual_env(environ), tuple(_other_commands(environ)), tuple(_other_prefects()))


def _other_virtual_env(environ: Mapping[str, str]) -> str | None:
    directory = environ.get("VIRTUAL_ENV")
    return directory if directory and os.path.realpath(directory) != os.path.realpath(sys.prefix) else None


def _other_commands(environ: Mapping[str, str]) -> Iterator[Command]:
    if not sys.executable:  # an embedded interpreter
        return
    for name in _COMMANDS:
        path = shutil.which(name, path=environ.get("PATH"))
        interpreter = None if path is None else _interpreter(path)
        if path is not None and interpreter is not None and _home(interpreter) != _home(sys.executable):
            yield Command(name, path, interpreter)


def _interpreter(path: str) -> str | None:
    """The Python that a command starts, or is; None if that cannot be seen, as of a version manager's shim."""
    try:
        with open(path, "rb") as file:
            first = file.readline(_LONGEST_SHEBANG)
    except OSError:
        return None
    if not first.startswith(b"#!"):
        return path if os.path.basename(path).lower().startswith("python") else _beside(path)
    program = os.fsdecode(first[2:].strip()).partition(" ")[0]
    if not os.path.basename(program).lower().startswith("python"):
        return None
    return program if os.path.isfile(program) else None


def _beside(path: str) -> str | None:
    """The Python in the directory of a launcher, where scripts are programs of their own, as on Windows."""
    return shutil.which("python", path=os.path.dirname(path))


def _home(interpreter: str) -> str:
    """What an interpreter's packages are told by: its virtual environment, else the program itself."""
    directory = os.path.dirname(os.path.abspath(interpreter))
    for place in (directory, os.path.dirname(directory)):
        if os.path.isfile(os.path.join(place, "pyvenv.cfg")):
            return os.path.realpath(place)
    return os.path.realpath(interpreter)


def _other_prefects() -> Iterator[OtherPrefect]:
    seen: set[str] = set()
    for entry in sys.path:
        directory = os.path.abspath(entry or os.curdir)
        package = os.path.join(directory, "prefect")
        real = os.path.realpath(package)
        if real in seen or not os.path.isfile(os.path.join(package, "__init__.py")):  # as in a zip archive
            continue
        installed = _installed(directory)
        if seen or len(installed) > 1:
            yield OtherPrefect(package, installed)
        seen.add(real)


def _installed(directory: str) -> tuple[str, ...]:
    """The distributions of Prefect in a directory, each with its version, by the names of their metadata."""
    found = map(_METADATA.fullmatch, sorted(os.listdir(directory)))
    return tuple(f"{match[1].replace('_', '-')} {match[2]}" for match in found if match is not None)
