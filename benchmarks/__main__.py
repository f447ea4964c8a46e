"""Runs the benchmarks: ``python -m benchmarks --wheel WHEEL``, or ``nox -s bench``, which builds the wheel first."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import interpreters  # noqa: E402  # lies in tests/, which the line above made importable
from benchmarks import discovery, imports, plot, probing, running, startup  # noqa: E402
from benchmarks.environments import Environments  # noqa: E402
from benchmarks.measuring import can_count  # noqa: E402
from benchmarks.results import Results  # noqa: E402

SUITES = {
    "startup": startup.run,
    "imports": imports.run,
    "discovery": discovery.run,
    "running": running.run,
    "probing": probing.run,
}
BEGIN, END = "<!-- begin of what `nox -s bench` writes -->", "<!-- end of what `nox -s bench` writes -->"


def main() -> None:
    """Measures, prints the tables, and writes them where the options say."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--wheel", type=Path, required=True, help="the wheel to be measured")
    parser.add_argument("--environments", type=Path, help="where the environments are kept; by default nowhere")
    parser.add_argument("--rounds", type=int, default=12, help="how often each thing is measured (%(default)s)")
    parser.add_argument("--only", choices=sorted(SUITES), action="append", help="leave out the others")
    parser.add_argument("--python", action="append", default=[], help="another Python, for starts of that")
    parser.add_argument("--write", action="store_true", help="write docs/performance.*")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        root = (options.environments or Path(temporary)).resolve()
        results = Results(_machine())
        for name, run in SUITES.items():
            if not options.only or name in options.only:
                sys.stderr.write(f"measuring: {name}\n")
                run(Environments(root, options.wheel.resolve()), results, options.rounds)
        if not options.only or "startup" in options.only:
            for python in options.python:
                version = ".".join(interpreters.full_version(python).split(".")[:2])
                sys.stderr.write(f"measuring: start-up on {version}\n")
                environments = Environments(root / f"python-{version}", options.wheel.resolve(), python)
                startup.run_elsewhere(environments, results, version)
    sys.stdout.write(results.markdown())
    if options.write:
        _write(results)


def _machine() -> dict[str, str]:
    """What the figures depend on."""
    load = "not known"
    if sys.platform != "win32":
        load = f"{os.getloadavg()[0]:.1f}"
    return {
        "Python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processors": str(os.cpu_count()),
        "load": load,
        "instructions": "counted by callgrind" if can_count() else "not counted",
    }


def _write(results: Results) -> None:
    (ROOT / "docs" / "performance.svg").write_text(plot.svg(results.charts))
    page = ROOT / "docs" / "performance.md"
    before, _, rest = page.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n\n{results.markdown()}\n{END}{after}")


if __name__ == "__main__":
    main()
