"""The tables of `docs/environments.md`: each row is a run of the tests in `tests/environments`, word for word."""

from __future__ import annotations

import ast
import re
import runpy

import pytest

from hosts import ROOT

FOLDER = ROOT / "tests" / "environments"
RUNS = runpy.run_path(str(FOLDER / "commands.py"))["RUNS"]
# Code that continues on the next line is one line.
TEXT = re.sub(r"\s*\\\n\s*", " ", (ROOT / "docs" / "environments.md").read_text("utf-8"))


def test_rows_and_runs() -> None:
    """Each row has a run, and each run a row."""
    assert re.findall(r"<!-- run: (\w+) -->", TEXT) == list(RUNS)


@pytest.mark.parametrize("name", RUNS)
def test_run_is_as_written(name: str) -> None:
    """The page has the command that is run, and the versions of the tools."""
    assert RUNS[name].command in TEXT
    for tool in RUNS[name].tools:
        assert tool.lower() in TEXT.lower()


def test_each_is_run() -> None:
    """A test calls it by its name."""
    trees = [ast.parse(path.read_text("utf-8")) for path in FOLDER.glob("test_*.py")]
    strings = {node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert [name for name in RUNS if name not in strings] == []
