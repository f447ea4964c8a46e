"""How long hooks take together, and how exactly the deadline is kept."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.environments import write_distribution
from benchmarks.imports import PROGRAM
from benchmarks.measuring import Child
from benchmarks.results import Results, Table

if TYPE_CHECKING:
    from benchmarks.environments import Environment, Environments

PREFECT = "3.4.24"  # whose superseded import is short, so that it hides little
COUNTS = (1, 10, 50)
MANY = 1000
DEADLINE = 1.0  # seconds

_MODULE = """
import time
from types import SimpleNamespace
from prefect_preflight import SetupResult, register_hook

def make(number):
    @register_hook
    def setup_environment(*, ctx):
        time.sleep({seconds})
        return SetupResult(env={{f"NOOP_{{number}}": "1"}})
    return SimpleNamespace(setup_environment=setup_environment)

for number in range({count}):
    globals()[f"plugin_{{number}}"] = make(number)
"""


def run(environments: Environments, results: Results, rounds: int) -> None:
    """Measures `import prefect` with many hooks, less the same import without them."""
    environment = environments.with_prefect(PREFECT, "ours")
    children = {
        **{f"{count} hooks of 1 s": _child(environments, environment, count, 1.0) for count in COUNTS},
        f"{MANY} hooks that do nothing": _child(environments, environment, MANY, 0.0),
        f"a hook of 30 s, deadline {DEADLINE:g} s": _child(environments, environment, 1, 30.0, DEADLINE),
    }
    limits = [1.15] * len(COUNTS) + [1.0, DEADLINE + 0.05]
    without_runner = environments.with_prefect_without_runner(PREFECT)
    base = Child([without_runner.python, PROGRAM], environments.child_environment(), environments.nowhere)
    before = [base.json()["seconds"] for _ in range(5)]
    rows = []
    for (name, child), limit in zip(children.items(), limits):
        seconds = [child.json()["seconds"] - statistics.median(before) for _ in range(max(3, rounds // 3))]
        rows.append([name, f"{statistics.median(seconds):.3f}", f"{min(seconds):.3f}", f"{max(seconds):.3f}"])
        results.target(f"running: {name}", statistics.median(seconds), limit, "s")
    note = f"Seconds that `import prefect` {PREFECT} takes longer than with the native plugin runner taken out."
    results.table(Table("Running hooks", ["hooks", "median", "least", "most"], rows, note))


def _child(
    environments: Environments, environment: Environment, count: int, seconds: float, deadline: float = 60.0
) -> Child:
    directory = environments.root / f"hooks-{count}-{seconds:g}"
    name = f"hooks_{count}"
    write_distribution(directory, name, "\n".join(f"p{n} = {name}:plugin_{n}" for n in range(count)))
    Path(directory, f"{name}.py").write_text(_MODULE.format(seconds=seconds, count=count))
    variables = {
        "PYTHONPATH": str(directory),
        "PREFECT_PLUGINS_ENABLED": "1",
        "PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS": str(deadline),
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
    }
    return Child([environment.python, PROGRAM], environments.child_environment(variables), environments.nowhere)
