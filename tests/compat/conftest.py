"""Fixtures of the compatibility matrix, and the table that it prints.

The matrix is collected only where its directory is named (`nox -s compat`, or `pytest tests/compat`): pyproject.toml
keeps it out of the suite, since it builds some twenty environments. `-m ci` chooses the cut that CI runs, `-k 3.4.24`
a cell, `--write-docs` writes the table to docs/compatibility.md. `--newest` adds the Prefects that the package
index has today, `-m newest` chooses them.
"""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import newest
import pytest
import table
from cells import CELLS, Cell
from plugins import install

if TYPE_CHECKING:
    from collections.abc import Callable

    from hosts import Host, Hosts
    from worlds import World

HERE = Path(__file__).resolve().parent
DOCUMENT = HERE.parent.parent / "docs" / "compatibility.md"
ALL = pytest.StashKey["tuple[Cell, ...]"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds ``--write-docs`` and ``--newest``."""
    parser.addoption("--write-docs", action="store_true", help="write the matrix to docs/compatibility.md")
    parser.addoption("--newest", action="store_true", help="add the newest Prefect, and its newest pre-release")


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marker of CI's cut."""
    config.addinivalue_line("markers", "ci: the cells of the compatibility matrix that CI runs")
    config.addinivalue_line("markers", "newest: the cells that --newest adds")
    config.addinivalue_line("markers", "xdist_group: pytest-xdist's own, which need not be installed")
    more: list[Cell] = []
    if hasattr(config, "workerinput"):
        more = [Cell(**fields) for fields in config.workerinput["newest"]]
    elif config.getoption("newest", False):
        more = newest.cells()
    config.stash[ALL] = (*CELLS, *more)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tells a process of pytest-xdist the cells that were looked up, so that all of them have the same."""
    node.workerinput["newest"] = [dataclasses.asdict(cell) for cell in node.config.stash[ALL] if cell.kind]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Gives `cell` its values; the tests of one cell stay together where they are spread over processes."""
    if "cell" in metafunc.fixturenames:
        wanted = getattr(metafunc.function, "wanted", lambda _cell: True)
        cells = [_param(cell) for cell in metafunc.config.stash[ALL] if wanted(cell)]
        metafunc.parametrize("cell", cells, scope="session")


def _param(cell: Cell) -> object:
    marks = [pytest.mark.xdist_group(cell.name)]
    marks += [mark for mark, wanted in ((pytest.mark.ci, cell.ci), (pytest.mark.newest, cell.kind)) if wanted]
    return pytest.param(cell, id=cell.name, marks=marks)


@pytest.fixture(scope="session")
def cell_host(
    cell: Cell, hosts: Hosts, made: dict[str, tuple[Host, float]], tmp_path_factory: pytest.TempPathFactory
) -> Host:
    """The cell's environment."""
    if cell.name not in made:
        started = time.perf_counter()
        with pytest.MonkeyPatch.context() as patch:
            if cell.overrides:
                overrides = tmp_path_factory.mktemp("overrides") / "overrides.txt"
                overrides.write_text("\n".join(cell.overrides))
                patch.setenv("UV_OVERRIDE", str(overrides))
            host = hosts(*cell.requirements, python=cell.python, exclude_newer=cell.as_of)
        made[cell.name] = host, time.perf_counter() - started
    return made[cell.name][0]


@pytest.fixture(scope="session")
def made() -> dict[str, tuple[Host, float]]:
    """The environments made so far, and how long that took."""
    return {}


@pytest.fixture
def cell_world(
    cell: Cell,
    cell_host: Host,
    new_world: Callable[[Host], World],
    made: dict[str, tuple[Host, float]],
    record_property: Callable[[str, object], None],
) -> World:
    """A world in the cell with the set of plugins; tells the table how long the environment took."""
    record_property("environment_seconds", made[cell.name][1])
    world = new_world(cell_host)
    install(world)
    return world


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Prints the matrix, and writes it where ``--write-docs`` asks for it."""
    reports = [
        report for key in ("passed", "failed", "error", "skipped") for report in terminalreporter.getreports(key)
    ]
    found = table.rows(reports, config.stash[ALL])
    if not found:
        return
    terminalreporter.section("compatibility matrix")
    for line in table.as_text(found):
        terminalreporter.write_line(line)
    rows = [row for row in found if not row.cell.kind]  # the page is the same until the matrix changes
    if config.getoption("write_docs", False) and len(rows) < len(CELLS):
        terminalreporter.write_line("not written, since cells are missing")
    elif config.getoption("write_docs", False):
        DOCUMENT.write_text(table.as_document(rows), encoding="utf-8")
        terminalreporter.write_line(f"written to {DOCUMENT}")
