"""The table of promises in `docs/promises.md`: each is kept by tests, and these exist."""

from __future__ import annotations

import ast
import re

import pytest

from hosts import ROOT

ROW = re.compile(r"\| (\d+) \| (.+) \| (.+) \| (.+) \|")
ROWS = [ROW.fullmatch(line) for line in (ROOT / "docs" / "promises.md").read_text("utf-8").splitlines()]
PROMISES = {int(row[1]): re.findall(r"`([^`]+)`", row[4]) for row in ROWS if row}


def names_of_tests(path: str) -> set[str]:
    """The tests of a module, as pytest names them."""
    found = set()
    for node in ast.parse((ROOT / path).read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{member.name}" for member in node.body if isinstance(member, ast.FunctionDef)}
        elif isinstance(node, ast.FunctionDef):
            found.add(node.name)
    return found


def test_each_number_once() -> None:
    """The numbers are those of the failures, in order."""
    numbers = [int(row[1]) for row in ROWS if row]
    assert numbers == sorted(set(numbers)) and numbers == list(range(1, 61))


@pytest.mark.parametrize("number", PROMISES)
def test_tests_exist(number: int) -> None:
    """A promise has tests, and each of them is there."""
    assert PROMISES[number]
    for test in PROMISES[number]:
        path, _, name = test.partition("::")
        assert (ROOT / path).is_file() and name in names_of_tests(path), test
