"""What health checks cost, in processor time: a probe that imports no Prefect, beside diagnoses that do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.measuring import Child, in_rounds
from benchmarks.results import Results, Table, plain

if TYPE_CHECKING:
    from benchmarks.environments import Environments

PREFECT = "3.8.8"
LIMIT = 100.0  # milliseconds

_PROBE = "`prefect-preflight probe`"
_COMMANDS = {
    "`python -c pass`": ("-c", "pass"),
    "`python -m plugins_diag.probe`": ("-m", "plugins_diag.probe"),
    "`python -c 'import prefect'`": ("-c", "import prefect"),
    "`python -m plugins_diag --check --no-run`": ("-m", "plugins_diag", "--check", "--no-run"),
    "`python -m plugins_diag --check`": ("-m", "plugins_diag", "--check"),
}


def run(environments: Environments, results: Results, rounds: int) -> None:
    """Measures each command with three no-op plugins, enabled and required."""
    environment = environments.with_prefect(PREFECT, "ours")
    variables = {
        "PYTHONPATH": str(environments.plugins(environment, PREFECT)),
        "PREFECT_PLUGINS_ENABLED": "1",
        "PREFECT_PLUGINS_STRICT": "1",
        "PREFECT_PLUGINS_REQUIRED": "noop_0,noop_1,noop_2",
    }
    commands = {name: [environment.python, *arguments] for name, arguments in _COMMANDS.items()}
    commands[_PROBE] = [str(environment.directory / "bin" / "prefect-preflight"), "probe"]
    env = environments.child_environment(variables)
    children = {name: Child(command, env, environments.nowhere) for name, command in commands.items()}
    found = in_rounds({name: child.processor_seconds for name, child in children.items()}, rounds)
    rows = [[name, plain(sample, 1000, 0), f"{sample.least * 1000:.0f}"] for name, sample in found.items()]
    note = f"Milliseconds of processor time, Prefect {PREFECT}, three plugins that do nothing."
    results.table(Table("Health checks", ["command", "median ± spread", "least"], rows, note))
    results.target(f"health checks: {_PROBE}", found[_PROBE].median * 1000, LIMIT, "ms")
