"""Where Python finds its packages: environments that are made otherwise than by `venv` and `pip install`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from conftest import AS_EARLY

from hosts import interpreter

if TYPE_CHECKING:
    from conftest import Bench


def base() -> Path:
    """The installation that Python 3.12 belongs to, which is no virtual environment."""
    command = [interpreter("3.12"), "-c", "import sys; print(sys.base_prefix)"]
    return Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())


def first_on_path(archives: Bench, directory: Path) -> str:
    """PATH, with that directory in front."""
    return os.pathsep.join([str(directory), archives.environment({})["PATH"]])


def with_prefix(archives: Bench) -> None:
    """Copies a whole Python into the directory `prefix`."""
    ignored = shutil.ignore_patterns("test", "__pycache__", "site-packages")
    shutil.copytree(base(), archives.cwd / "prefix", symlinks=True, ignore=ignored)
    archives.run("", "prefix/bin/python -m ensurepip")


def test_uv_run(archives: Bench) -> None:
    """An environment that uv makes for one command."""
    names = sorted(str(path) for path in (archives.cwd / "dist").iterdir())
    (archives.cwd / "requirements.txt").write_text("\n".join(names))
    assert archives.run("uv_run", PATH=first_on_path(archives, Path(sys.executable).parent)) == AS_EARLY


def test_user(archives: Bench) -> None:
    """The user's own site directory."""
    own = {"PYTHONUSERBASE": str(archives.cwd / "user"), "PIP_BREAK_SYSTEM_PACKAGES": "1"}
    assert archives.run("user", PATH=first_on_path(archives, base() / "bin"), **own) == AS_EARLY


def test_prefix(archives: Bench) -> None:
    """A whole Python with its packages in one directory, as conda lays it out."""
    with_prefix(archives)
    assert archives.run("prefix") == AS_EARLY


def test_system_site(archives: Bench) -> None:
    """A virtual environment that sees the packages of its base: the `.pth` file is the base's."""
    with_prefix(archives)
    archives.run("prefix")
    assert archives.run("system_site", PATH=first_on_path(archives, archives.cwd / "prefix" / "bin")) == AS_EARLY
