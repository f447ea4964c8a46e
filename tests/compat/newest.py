"""The cells that no list can have: the newest Prefect that installs today, and its newest pre-release.

Whoever installs Prefect tomorrow gets these, so `--newest` looks them up on the package index.
"""

from __future__ import annotations

import datetime
import re
import sys
import tempfile
from pathlib import Path

from cells import AWS, AZURE, FASTAPI, OTEL, Cell
from packaging.version import Version

import interpreters
from hosts import uv

PYTHONS = ("3.11", "3.15")
"""The oldest and the newest Python that Prefect 3.9 supports."""

KNOWN = "3.8.8"
"""Nothing older is the newest; the requirement for pre-releases needs a version to begin with."""


def cells() -> list[Cell]:
    """Looks up the cells: for each Python the newest release, and a pre-release where that is newer.

    Raises:
        RuntimeError: uv cannot resolve them; it says why.
    """
    found = []
    for python in PYTHONS:
        release = _resolve("prefect", python)
        coming = _resolve(f"prefect>={KNOWN}.dev0", python)  # a bound of that form lets uv consider pre-releases
        found.append(_cell(release, python, "newest"))
        if Version(coming).is_prerelease:
            found.append(_cell(coming, python, "pre-release"))
    return found


def _cell(prefect: str, python: str, kind: str) -> Cell:
    return Cell(prefect, python, _BESIDE, as_of=_today(), kind=kind)


_BESIDE = (AWS, AZURE, OTEL, FASTAPI)


def _today() -> str:
    return datetime.datetime.now(datetime.timezone.utc).date().isoformat()


def _resolve(requirement: str, python: str) -> str:
    """Returns the version of Prefect that is installed for `requirement` beside the published plugins."""
    with tempfile.TemporaryDirectory() as directory:
        wanted = Path(directory, "requirements.in")
        wanted.write_text("\n".join((requirement, *_BESIDE)), encoding="utf-8")
        base = interpreters.find(python) or sys.executable
        options = ("--quiet", "--color", "never", "--no-header", "--no-annotate", "--exclude-newer", _today())
        resolved = uv("pip", "compile", *options, "--python", base, "--python-version", python, wanted)
    pinned = re.search(r"^prefect==(\S+)$", resolved, re.MULTILINE)
    if not pinned:
        raise RuntimeError(f"no prefect in what uv resolved:\n{resolved}")
    return pinned[1]
