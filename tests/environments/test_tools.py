"""Tools that start a program: tracers, debuggers, coverage, profilers; with the newest Prefect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from conftest import AS_EARLY

if TYPE_CHECKING:
    from conftest import Bench


@pytest.mark.parametrize("name", ["ddtrace", "opentelemetry", "both_tracers"])
def test_tracers(bench: Bench, name: str) -> None:
    """Tracers put a `sitecustomize` of their own on the path; hooks run once all the same."""
    assert bench.run(name) == AS_EARLY


def test_debugpy(bench: Bench) -> None:
    """A program under debugpy."""
    assert bench.run("debugpy") == AS_EARLY


def test_coverage(bench: Bench) -> None:
    """A program and its child under coverage: the hook, which runs in a worker thread, is measured."""
    (bench.cwd / ".coveragerc").write_text("[run]\npatch = subprocess\nsource_pkgs = my_plugin\n")
    bench.run("coverage")
    report = bench.run("", "coverage report --include '*/my_plugin/*' --format total")
    assert report == "100"


def test_profilers(bench: Bench) -> None:
    """`cProfile` and `trace`."""
    assert bench.run("profilers") == AS_EARLY


def test_pdb(bench: Bench) -> None:
    """`pdb`."""
    bench.run("pdb")
    assert AS_EARLY in bench.run("pdb", "python -m pdb -c continue -c quit look.py | grep set-by")
