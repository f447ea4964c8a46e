"""`prefect-preflight audit DIR`: which plugin sets which variable, until when, in which processes; no values."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import click

from prefect_preflight._redaction.data import without_secrets
from prefect_preflight._redaction.outlet import redactor

from .moments import expiry
from .reports import reading
from .terminal import CONTEXT, Line, columns, joined, painter, say, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .reports.reading import PluginOutcome, Process, Tree

__all__ = ["audit", "variables"]

_CANNOT_READ = 2


@dataclass(frozen=True)
class Variable:
    """A variable that a plugin sets.

    Attributes:
        name: the variable's.
        plugin: the name of the plugin that sets it.
        distribution: the distribution that the plugin is in, with its version; None if that is not known.
        expires_at: when the value expires that was set last, in ISO 8601; None if never.
        kinds: the kinds of the processes that it was set in, such as "worker"; "unknown" where the report is of an
            older version.
        machines: the machines that they were on.
        processes: how many they were.
        conflict: whether another plugin sets it too, in one process at least.
    """

    name: str
    plugin: str
    distribution: str | None
    expires_at: str | None
    kinds: tuple[str, ...]
    machines: tuple[str, ...]
    processes: int
    conflict: bool


def variables(tree: Tree) -> list[Variable]:
    """What the processes of a tree set, by variable and plugin."""
    found: dict[tuple[str, str], list[tuple[Process, PluginOutcome]]] = {}
    conflicts = set()
    for process in tree.processes:
        writers: dict[str, str] = {}
        for plugin in process.plugins:
            for name in plugin.variables:
                found.setdefault((name, plugin.name), []).append((process, plugin))
                if writers.setdefault(name, plugin.name) != plugin.name:
                    conflicts.add(name)
    return [_variable(*key, uses, key[0] in conflicts) for key, uses in sorted(found.items())]


def _variable(name: str, plugin: str, uses: list[tuple[Process, PluginOutcome]], conflict: bool) -> Variable:
    _, last = max(uses, key=lambda use: use[0].written)
    processes = [process for process, _ in uses]
    return Variable(
        name,
        plugin,
        last.distribution,
        last.expires_at,
        tuple(sorted({process.kind or "unknown" for process in processes})),
        tuple(sorted({process.machine for process in processes if process.machine is not None})),
        len(processes),
        conflict,
    )


@click.command(context_settings=CONTEXT, short_help="Which plugin sets which variable.")
@click.argument("directory", metavar="DIR", envvar="PREFECT_PREFLIGHT_REPORT_DIR")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="text for people; json for programs.",
)
def audit(directory: str, form: str) -> None:
    """Show which plugin sets which variable, until when, and in which kinds of processes; no values.

    By the reports that processes have written to DIR; it is PREFECT_PREFLIGHT_REPORT_DIR by default.

    \b
    Exit status:
      0  it is shown
      2  DIR cannot be read
    """  # noqa: D301  # the backspace itself, with which Click keeps the lines below it as they are
    try:
        tree = reading.read(os.path.expanduser(directory))
    except OSError as error:
        say(f"Error: cannot read {directory!r}: {error.strerror or error}", error=True)
        sys.exit(_CANNOT_READ)
    found = variables(tree)
    if form == "json":
        document = {"schema_version": 1, "variables": [asdict(variable) for variable in found]}
        text = json.dumps(without_secrets(document, redactor()), indent=2) + "\n"
    else:
        lines = list(_lines(found, tree, datetime.now(timezone.utc)))
        text = joined(lines, painter(sys.stdout), columns(sys.stdout))
    write(sys.stdout, text)


def _lines(found: list[Variable], tree: Tree, now: datetime) -> Iterator[Line]:
    names = len({variable.name for variable in found})
    yield Line(
        f"{names} variable{'' if names == 1 else 's'}, set in {len(tree.processes)} "
        f"process{'' if len(tree.processes) == 1 else 'es'}, by the reports in {tree.directory}",
        "title",
        hang=2,
    )
    for variable in found:
        yield Line()
        conflict = ", which another plugin sets too" if variable.conflict else ""
        yield Line(f"{variable.name}{conflict}", "warn" if variable.conflict else "", hang=4)
        distribution = f" ({variable.distribution})" if variable.distribution else ""
        yield Line(f"  by {variable.plugin}{distribution}", hang=4)
        if variable.expires_at is not None:
            yield Line(f"  expires {expiry(datetime.fromisoformat(variable.expires_at), now)}", hang=4)
        where = f" on {', '.join(variable.machines)}" if variable.machines else ""
        number = f"{variable.processes} process{'' if variable.processes == 1 else 'es'}"
        yield Line(f"  in {number}: {', '.join(variable.kinds)}{where}", hang=4)
