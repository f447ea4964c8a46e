"""How discovery grows with the number of distributions, and how that compares with `importlib_metadata`."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measuring import Child
from benchmarks.results import Results, Table

if TYPE_CHECKING:
    from benchmarks.environments import Environments

PROGRAM = str(Path(__file__).parent / "children" / "discover.py")
SIZES = (1000, 5000)
LIMIT = 25.0  # microseconds for each distribution

_METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: 1.{number}\nSummary: One of many.\n\n" + "Words. " * 400
_SCRIPTS = "[console_scripts]\n{name} = {name}.cli:main\n"
_PLUGIN = "[prefect.plugins]\nplugin_{number} = {name}\n"


def run(environments: Environments, results: Results, rounds: int) -> None:
    """Compares sizes and forms of installations: a directory, one zip file, a hundred zip files."""
    environment = environments.with_packages("preflight", "ours")
    rows = []
    for size in SIZES:
        for form, entries in _layouts(environments.root / f"distributions-{size}", size).items():
            args = [environment.python, PROGRAM, str(size), *entries]
            child = Child(args, environments.child_environment(), environments.nowhere)
            told = [child.json() for _ in range(max(3, rounds // 3))]
            ours, theirs = min(one["ours"] for one in told), min(one["theirs"] for one in told)
            name = f"{size} distributions in {form}"
            rows.append([name, f"{ours:.1f}", f"{theirs:.1f}", f"{theirs / ours:.0f} x"])
            results.target(f"discovery: {name}, each", ours, LIMIT, "µs")
    note = "Processor time for each distribution (µs), the least of several; a third have scripts, three are plugins."
    results.table(Table("Discovery", ["installed", "ours", "`importlib_metadata`", "faster"], rows, note))


def _layouts(root: Path, size: int) -> dict[str, list[str]]:
    """The entries of the path for each form of the same distributions."""
    directory, archive = root / "directory", root / "archive.zip"
    archives = [root / "archives" / f"{number}.zip" for number in range(100)]
    if not archive.exists():
        shutil.rmtree(root, ignore_errors=True)
        directory.mkdir(parents=True)
        archives[0].parent.mkdir()
        files = [_files(number, size) for number in range(size)]
        for name, text in (item for part in files for item in part.items()):
            (directory / name).parent.mkdir(exist_ok=True)
            (directory / name).write_text(text)
        for number, path in enumerate(archives):
            _zip(path, files[number::100])
        _zip(archive, files)
    return {
        "a directory": [str(directory)],
        "a zip file": [str(archive)],
        "a hundred zip files": list(map(str, archives)),
    }


def _files(number: int, size: int) -> dict[str, str]:
    """The files of a distribution, by their paths."""
    name = f"package_{number}"
    info = f"{name}-1.{number}.dist-info"
    files = {
        f"{name}/__init__.py": "",
        f"{info}/METADATA": _METADATA.format(name=name, number=number),
        f"{info}/WHEEL": "Wheel-Version: 1.0\n",
        f"{info}/RECORD": f"{name}/__init__.py,,\n",
    }
    if number % (size // 3) == 1:
        files[f"{info}/entry_points.txt"] = _PLUGIN.format(name=name, number=number)
    elif number % 3 == 0:
        files[f"{info}/entry_points.txt"] = _SCRIPTS.format(name=name)
    return files


def _zip(path: Path, files: list[dict[str, str]]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (item for part in files for item in part.items()):
            archive.writestr(name, text)
