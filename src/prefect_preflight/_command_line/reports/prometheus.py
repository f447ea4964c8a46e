"""The reports of a directory in Prometheus' text format, for node_exporter's textfile collector.

No label is a process: of each plugin, the values are those of the process that reported last, and numbers of processes.
Source: Prometheus' documentation, "Exposition formats", "Text-based format".
"""

from __future__ import annotations

import os
from collections import Counter
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from prefect_preflight._redaction.outlet import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .reading import PluginOutcome, Process, Tree

    Sample = tuple[dict[str, str], float]

__all__ = ["as_text", "put"]

_HELP = {
    "processes": "Processes that left a report, by their outcome.",
    "unreadable_files": "Files of the directory that are no reports.",
    "last_report_timestamp_seconds": "When the latest report was written.",
    "plugin_processes": "Processes that had the plugin, by what became of it.",
    "plugin_status": "1 for what became of the plugin in the process that reported last.",
    "plugin_duration_seconds": "How long the plugin's load and hooks took there.",
    "plugin_duration_max_seconds": "The longest that they took in any process.",
    "plugin_variables": "How many variables the plugin set there.",
    "plugin_expires_timestamp_seconds": "When what the plugin set there expires.",
}


def as_text(tree: Tree) -> str:
    """The metrics of a directory, all of them gauges."""
    samples: dict[str, list[Sample]] = {
        "processes": _counted({"outcome": process.outcome} for process in tree.processes),
        "unreadable_files": [({}, float(len(tree.unreadable)))],
        "last_report_timestamp_seconds": [({}, max(process.written for process in tree.processes))]
        if tree.processes
        else [],
        **_of_plugins(tree),
    }
    return "".join(line for name, text in _HELP.items() for line in _family(name, text, samples[name]))


def put(text: str, path: str) -> None:
    """Write the file as a whole or not at all, as the collector wants it.

    Raises:
        OSError: it cannot be written; what was there stays.
    """
    temporary = f"{path}.{os.getpid()}.tmp"  # the collector reads files that end with .prom alone
    try:
        with open(temporary, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _of_plugins(tree: Tree) -> dict[str, list[Sample]]:
    latest: dict[str, tuple[Process, PluginOutcome]] = {}
    longest: dict[str, float] = {}
    for process in tree.processes:
        for plugin in process.plugins:
            longest[plugin.name] = max(plugin.seconds, longest.get(plugin.name, 0.0))
            if plugin.name not in latest or process.written >= latest[plugin.name][0].written:
                latest[plugin.name] = (process, plugin)
    plugins = [plugin for _, (_, plugin) in sorted(latest.items())]
    every = (plugin for process in tree.processes for plugin in process.plugins)
    return {
        "plugin_processes": _counted({"plugin": plugin.name, "status": plugin.status} for plugin in every),
        "plugin_status": [({"plugin": plugin.name, "status": plugin.status}, 1.0) for plugin in plugins],
        "plugin_duration_seconds": [({"plugin": plugin.name}, plugin.seconds) for plugin in plugins],
        "plugin_duration_max_seconds": [({"plugin": name}, longest[name]) for name in sorted(longest)],
        "plugin_variables": [({"plugin": plugin.name}, float(len(plugin.variables))) for plugin in plugins],
        "plugin_expires_timestamp_seconds": [
            ({"plugin": plugin.name}, datetime.fromisoformat(plugin.expires_at).timestamp())
            for plugin in plugins
            if plugin.expires_at is not None
        ],
    }


def _counted(labels: Iterable[dict[str, str]]) -> list[Sample]:
    numbers = Counter(tuple(each.items()) for each in labels)
    return [(dict(items), float(number)) for items, number in sorted(numbers.items())]


def _family(name: str, text: str, samples: list[Sample]) -> Iterator[str]:
    full = f"prefect_preflight_{name}"
    if samples:
        yield f"# HELP {full} {text}\n"
        yield f"# TYPE {full} gauge\n"
    for labels, value in samples:
        inside = ",".join(f'{key}="{_escaped(label)}"' for key, label in labels.items())
        yield f"{full}{{{inside}}} {value!r}\n" if inside else f"{full} {value!r}\n"


def _escaped(label: str) -> str:
    return shown(label).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
