"""Archives and frozen programs: what `docs/environments.md` says of them, with the stand-in for Prefect in them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from conftest import AS_EARLY, NOTHING

if TYPE_CHECKING:
    from conftest import Bench

    from hosts import Host


@pytest.fixture
def unpacked(archives: Bench) -> Bench:
    """A bench with everything in the directory `unpacked`, for `zipapp`."""
    archives.run("", "python -m pip install --quiet --target unpacked dist/*.whl")
    return archives


def test_pex(archives: Bench) -> None:
    """A pex, which unpacks its wheels when it starts."""
    assert archives.run("pex") == AS_EARLY


def test_pex_venv(archives: Bench) -> None:
    """A pex that makes itself a virtual environment."""
    assert archives.run("pex_venv") == AS_EARLY


def test_shiv(archives: Bench) -> None:
    """A shiv archive."""
    assert archives.run("shiv") == AS_EARLY


def test_zipapp(unpacked: Bench) -> None:
    """A zip archive: Python reads no `.pth` file in it."""
    assert unpacked.run("zipapp") == NOTHING


def test_zipapp_run(unpacked: Bench, bare: Host) -> None:
    """The same, started by `prefect-preflight run` of another environment."""
    unpacked.run("zipapp")
    path = os.pathsep.join([unpacked.environment({})["PATH"], str(bare.bin)])  # `python` is still the first one's
    assert unpacked.run("zipapp_run", PATH=path) == AS_EARLY


def test_zipapp_init(unpacked: Bench) -> None:
    """A zip archive whose program calls `init()`."""
    assert unpacked.run("zipapp_init") == AS_EARLY


def test_pyinstaller(archives: Bench) -> None:
    """A frozen program: there are no `.pth` files."""
    installed(archives)
    assert archives.run("pyinstaller") == NOTHING


def test_pyinstaller_init(archives: Bench) -> None:
    """A frozen program that calls `init()`, with what PyInstaller cannot see named to it."""
    installed(archives)
    assert archives.run("pyinstaller_init") == AS_EARLY


def test_pyinstaller_one_file(archives: Bench) -> None:
    """The same in one file."""
    installed(archives)
    assert archives.run("pyinstaller_one_file") == AS_EARLY


def installed(archives: Bench) -> None:
    """Puts the wheels where PyInstaller looks: it freezes what its own Python imports."""
    archives.run("", "python -m pip install --quiet --target ../overlay dist/*.whl")
