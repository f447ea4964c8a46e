"""Runs the lab, prints the table, and says where an expired key was used that need not have been."""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import sys
import tempfile
import textwrap
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.credentials.lab import ROOT, Lab
from benchmarks.credentials.rows import LEFT_OUT, SCENARIOS
from benchmarks.credentials.scenarios import PHASES, Case, deploy, worker
from benchmarks.credentials.table import LEGEND, collect, table, unknown, violations
from benchmarks.results import Section

if TYPE_CHECKING:
    from collections.abc import Iterator

SECTION = Section(ROOT / "docs" / "credentials.md", "<!-- credentials: begin -->", "<!-- credentials: end -->")
PACKAGES = ("prefect-preflight", "prefect", "botocore", "moto")


def main() -> int:
    """Returns 1 if the rule is broken, or if something did not run; else 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.credentials", description=(__doc__ or ""))
    parser.add_argument("--write", action="store_true", help="write the table into docs/credentials.md")
    parser.add_argument("--lease", type=int, default=10, metavar="SECONDS", help="how long keys live (default: 10)")
    parser.add_argument("--only", metavar="NAME", default="", help="the rows with that in their name, as in `alone`")
    parser.add_argument("--directory", type=Path, metavar="DIR", help="where logs and reports go, and stay")
    options = parser.parse_args()
    if options.write:
        SECTION.around()  # so that it fails at once, if it does
    phases = [(at_once, [case for case in cases if case.matches(options.only)]) for at_once, cases in PHASES]
    rows = [row for _, cases in phases for case in cases for row in case.rows]
    rows.sort(key=lambda row: SCENARIOS.index(row.scenario))
    if not rows:
        parser.error(f"no row has {options.only!r} in its name")
    began = time.monotonic()
    with _directory(options.directory) as directory:
        lab = Lab(directory, options.lease)
        _run(lab, phases)
        evidence = collect(lab, rows)
        strangers = unknown(lab, rows)
    text = _text(table(evidence), options.lease)
    sys.stdout.write(text)
    if options.write:
        SECTION.write(text)
    found = [*lab.faults, *violations(evidence)]
    if strangers:
        found.append(f"{strangers} signed requests belong to no row")
    sys.stderr.write("".join(f"VIOLATION: {line}\n" for line in found))
    sys.stderr.write(f"{len(rows)} rows, {time.monotonic() - began:.0f} s, {len(found)} violations\n")
    return 1 if found else 0


@contextlib.contextmanager
def _directory(wanted: Path | None) -> Iterator[Path]:
    """Gives the directory for the logs: a temporary one, if none is wanted."""
    if wanted is not None:
        wanted.mkdir(parents=True)  # what an earlier run has left would be counted too
        yield wanted.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="credentials-") as directory:
        yield Path(directory).resolve()


def _run(lab: Lab, phases: list[tuple[int, list[Case]]]) -> None:
    """Runs the scenarios, a phase after the other."""
    cases = [case for _, phase in phases for case in phase]
    pools = [case.rows[0].name for case in cases if case.run is worker]
    with lab.open([row for case in cases for row in case.rows], with_server=bool(pools)):
        if pools:
            deploy(lab, pools)
        for at_once, phase in phases:
            with ThreadPoolExecutor(at_once) as pool:
                list(pool.map(lambda case: _run_case(lab, case), phase))


def _run_case(lab: Lab, case: Case) -> None:
    began = time.monotonic()
    names = " and ".join(row.name for row in case.rows)
    try:
        case.run(lab, case.rows)
    except Exception:  # of the lab: the other scenarios have their results all the same
        lab.faults.append(f"{names}: {traceback.format_exc()}")
    sys.stderr.write(f"done: {names} ({time.monotonic() - began:.0f} s)\n")


def _text(rows: str, lease: int) -> str:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    paragraphs = (LEGEND, LEFT_OUT, f"Leases of {lease} s; {versions}.")
    return "\n".join([rows, *(textwrap.fill(text, 120, break_on_hyphens=False) + "\n" for text in paragraphs)])


if __name__ == "__main__":
    sys.exit(main())
