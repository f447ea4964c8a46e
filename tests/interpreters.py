"""Finds Python interpreters on this machine; shared by the tests and by ``noxfile.py``.

Standard library only, since Nox imports it before any environment of ours exists.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MAIN_VERSIONS = ("3.12", "3.13", "3.11", "3.10")
"""The Pythons wanted for the whole suite, best first: those that the newest Prefect runs on."""

VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15")
"""The Pythons that are supported, the oldest first; pyproject.toml's classifiers name the same."""

OLDEST_VERSION = VERSIONS[0]
"""The oldest one."""

NEWEST_VERSIONS = VERSIONS[:-3:-1]
"""The newest ones, the newest first: the core of the suite runs on the first that is found, and on the oldest one."""


@functools.cache
def find(version: str) -> str | None:
    """Returns the path of an interpreter of ``version`` (``"3.12"``), or None where there is none.

    Every candidate is started and asked, since a version manager's shim can exist for a Python that it then
    refuses to start.
    """
    for candidate in _candidates(version):
        if full_version(candidate).startswith(f"{version}."):
            return candidate
    return None


def main() -> str:
    """Returns the Python for the whole suite: the first found of `MAIN_VERSIONS`, else the running one."""
    found = (find(version) for version in MAIN_VERSIONS)
    return next((path for path in found if path), sys.executable)


@functools.cache
def full_version(python: str) -> str:
    """Returns the version that ``python`` reports (``"3.12.1"``), or ``""`` where it does not start."""
    command = [python, "-I", "-S", "-c", "import platform; print(platform.python_version())"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _candidates(version: str) -> Iterator[str]:
    """Yields paths that may be a Python of ``version``, cheapest look-up first."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        yield sys.executable
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield on_path
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for directory in sorted(pyenv.glob(f"versions/{version}.*"), reverse=True):
        yield str(directory / "bin" / "python")
    for uv in ([sys.executable, "-m", "uv"], ["uv"]):
        command = [*uv, "python", "find", "--no-python-downloads", version]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        except (OSError, subprocess.TimeoutExpired):
            continue
        if done.returncode == 0:
            yield done.stdout.strip()
