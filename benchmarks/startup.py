"""What every start of Python costs, with us and with others that have a ``.pth`` file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.measuring import SEEDS, Child, Sample, can_count, in_rounds, instructions
from benchmarks.results import Results, Table, difference, plain

if TYPE_CHECKING:
    from benchmarks.environments import Environment, Environments

OURS, EMPTY, BARE = "prefect-preflight", "an empty module", "no start-up file"
PEERS = ("autowrapt", "coverage", "setuptools")
START_FILE = "the same from a .start file"


def run(environments: Environments, results: Results, rounds: int) -> None:
    """Compares ``python -c pass``."""
    made: dict[str, Environment] = {
        BARE: environments.with_bare_python(),
        EMPTY: environments.with_empty_module(),
        OURS: environments.with_packages("preflight", "ours"),
        **{name: environments.with_packages(name, name) for name in PEERS},
    }
    children = {name: _start(environments, environment) for name, environment in made.items()}
    times = in_rounds({name: child.seconds for name, child in children.items()}, rounds * 3)
    counts: dict[str, Sample] = {}
    if can_count():
        counts = {name: _count(environments, made[name], child) for name, child in children.items()}
    modules = {name: _modules(made[name], environments) for name in made}
    _tell(results, times, counts, modules)


def run_elsewhere(environments: Environments, results: Results, version: str) -> None:
    """Compares the instructions of ``python -c pass`` with the cheapest peer's, on another Python."""
    if not can_count():
        return
    made = {
        BARE: environments.with_bare_python(),
        EMPTY: environments.with_empty_module(),
        OURS: environments.with_packages("preflight", "ours"),
        "autowrapt": environments.with_packages("autowrapt", "autowrapt"),
    }
    if tuple(map(int, version.split("."))) >= (3, 15):
        made[START_FILE] = environments.with_start_file()
    counts = {
        name: _count(environments, environment, _start(environments, environment)) for name, environment in made.items()
    }
    added = {name: _added(counts, name) for name in counts}
    rows = [[name, f"{counts[name].median:.2f}", difference(added[name], 2)] for name in counts]
    results.table(Table(f"Start-up on Python {version}", ["installed", "instructions (M)", "added (M)"], rows))
    results.target(
        f"start-up, Python {version}: … as a share of autowrapt's", added[OURS] / added["autowrapt"], 1.0, "x"
    )


def _start(environments: Environments, environment: Environment) -> Child:
    return Child([environment.python, "-c", "pass"], environments.child_environment(), environments.nowhere)


def _tell(results: Results, times: dict[str, Sample], counts: dict[str, Sample], modules: dict[str, set[str]]) -> None:
    """Put what was measured into a table, targets and a chart."""
    rows = []
    for name in times:
        count = [f"{counts[name].median:.2f}", difference(_added(counts, name), 2)] if counts else ["-", "-"]
        least = (times[name].least - times[BARE].least) * 1e3
        rows.append(
            [name, *count, plain(times[name], 1e3, 1), difference(least, 2), str(len(modules[name] - modules[BARE]))]
        )
    headings = ["installed", "instructions (M)", "added (M)", "time (ms)", "least added (ms)", "modules added"]
    note = (
        f"Instructions: means of {len(SEEDS)} hash seeds, the garbage collector switched off."
        if counts
        else "valgrind is not installed here, so no instructions were counted."
    )
    results.table(Table("Start-up: `python -c pass`", headings, rows, note))
    results.target("start-up: modules added", len(modules[OURS] - modules[BARE]), 1, "")
    if counts:
        added = {name: _added(counts, name) for name in times}
        results.target("start-up: instructions added", added[OURS], 1.0, "M")
        results.target("start-up: … as a multiple of an empty module's", added[OURS] / added[EMPTY], 1.3, "x")
        least_peer = min(added[name] for name in PEERS)
        results.target("start-up: … as a share of the least expensive peer's", added[OURS] / least_peer, 1.0, "x")
        results.chart("Instructions added to a start of Python (millions)", {n: added[n] for n in times if n != BARE})


def _count(environments: Environments, environment: Environment, child: Child) -> Sample:
    """The instructions of a start, for several hash seeds."""
    with environments.without_collector(environment):
        return instructions(child)


def _added(counts: dict[str, Sample], name: str) -> float:
    """Millions of instructions above a bare start, averaged."""
    own, bare = counts[name].values, counts[BARE].values
    return sum(own) / len(own) - sum(bare) / len(bare)


def _modules(environment: Environment, environments: Environments) -> set[str]:
    program = "import sys; print(*sys.modules)"
    child = Child([environment.python, "-c", program], environments.child_environment(), environments.nowhere)
    return set(child.run().split())
