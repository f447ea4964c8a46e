"""The reports of a directory as a tree of processes: pure data, whatever the files hold.

`prefect_preflight._reports.file` writes the files. Each process has a random id, and hands it to those that it starts
afterwards; a process that a hook started, before there was an id, is found by its parent's PID.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from prefect_preflight._reports.file import FORMAT
from prefect_preflight._statuses import FAILED, FAILED_OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    Pids = dict[tuple[str | None, int], list["Process"]]

__all__ = ["PluginOutcome", "Process", "Tree", "Unreadable", "as_dict", "read"]

_LARGEST = 16 * 1024 * 1024  # bytes; a report has some thousands


@dataclass(frozen=True)
class PluginOutcome:
    """What became of one plugin in one process.

    Attributes:
        name: the entry point's name.
        status: as in a report, such as "success".
        error: what went wrong.
        distribution: the distribution that declares it, with its version; None if that is not known.
        seconds: how long its load and its hooks took.
        variables: the names of those that it set.
        expires_at: when their values cease to be valid, in ISO 8601; None if never.
    """

    name: str
    status: str
    error: str | None
    distribution: str | None = None
    seconds: float = 0.0
    variables: tuple[str, ...] = ()
    expires_at: str | None = None

    @property
    def failed(self) -> bool:
        """Whether it should have succeeded and did not."""
        return self.status in FAILED


@dataclass(frozen=True)
class Process:
    """One process, as its report has it.

    Attributes:
        file: the file's name.
        id: the report's id.
        parent: the id of the report of the process that started it, None if that wrote none.
        depth: how many ancestors of it are in the directory.
        pid: its process ID, which another process may have had before or after it.
        ppid: its parent's process ID.
        program: what it executed.
        kind: what kind of process it was, such as "worker"; None in a file of an older version.
        machine: the name of the machine, or of the container; None in a file of an older version.
        started: when its plugins began, in seconds since the epoch.
        written: when it wrote its report, in seconds since the epoch.
        outcome: as in a report, such as "success".
        reason: a line on that outcome, if there is more to say.
        seconds: how long its plugins took, None if none ran.
        plugins: what became of its plugins.
    """

    file: str
    id: str
    parent: str | None
    depth: int
    pid: int
    ppid: int
    program: str
    kind: str | None
    machine: str | None
    started: float
    written: float
    outcome: str
    reason: str | None
    seconds: float | None
    plugins: tuple[PluginOutcome, ...]

    @property
    def failed(self) -> bool:
        """Whether something in it should have succeeded and did not."""
        return self.outcome in FAILED_OUTCOMES


@dataclass(frozen=True)
class Unreadable:
    """A file that is no report, and why."""

    file: str
    reason: str


@dataclass(frozen=True)
class Tree:
    """All processes of a directory, each after its parent and before its parent's next child, by time."""

    directory: str
    processes: tuple[Process, ...]
    unreadable: tuple[Unreadable, ...]

    @property
    def machines(self) -> tuple[str, ...]:
        """The machines that the processes were on, as far as that is known."""
        return tuple(dict.fromkeys(process.machine for process in self.processes if process.machine is not None))

    def on(self, machine: str) -> Tree:
        """The processes of one machine alone."""
        return replace(self, processes=tuple(process for process in self.processes if process.machine == machine))

    @property
    def healthy(self) -> bool:
        """Whether all processes were, and all files could be read."""
        return not self.unreadable and not any(process.failed for process in self.processes)


def as_dict(tree: Tree) -> dict[str, Any]:
    """The tree as plain JSON data: a list in the tree's order, which no depth of nesting can break."""
    return {"schema_version": FORMAT, **asdict(tree), "healthy": tree.healthy}


def read(directory: str) -> Tree:
    """Read all reports in `directory`.

    Raises:
        OSError: the directory itself cannot be read. What is wrong with a file is in `Tree.unreadable`.
    """
    processes: dict[str, Process] = {}
    unreadable = []
    for name in sorted(os.listdir(directory)):
        # Others may keep their files there too; ours that are being written begin with a dot.
        if name.startswith(".") or not name.endswith(".json"):
            continue
        try:
            process = _process(name, _content(os.path.join(directory, name)))
            if process.id in processes:
                raise ValueError(f"it is a copy of {processes[process.id].file}")
            processes[process.id] = process
        except (OSError, ValueError, RecursionError) as error:
            unreadable.append(Unreadable(name, _reason(error)))
    return Tree(directory, tuple(_ordered(processes)), tuple(unreadable))


def _content(path: str) -> Any:
    # A pipe of that name would keep us waiting, and a directory is none.
    if not os.path.isfile(path):
        raise ValueError("it is no file")
    if os.path.getsize(path) > _LARGEST:
        raise ValueError(f"it is larger than {_LARGEST // 2**20} MiB")
    with open(path, "rb") as file:
        return json.loads(file.read())


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, (json.JSONDecodeError, UnicodeDecodeError, RecursionError)):
        return "it is no JSON, or only a part of it"
    return str(error)


def _process(name: str, data: Any) -> Process:
    """Check a file's data; the fields that we do not show may be anything.

    Raises:
        ValueError: something is missing, or of another type.
    """
    if _get(data, "format", int) != FORMAT:
        raise ValueError(
            f"its format is {data['format']}, only {FORMAT} is known; a newer prefect-preflight may read it"
        )
    report = _get(data, "report", dict)
    return Process(
        file=name,
        id=_get(data, "id", str),
        parent=_get(data, "parent", str, None),
        depth=0,
        pid=_get(data, "pid", int),
        ppid=_get(data, "ppid", int),
        program=_get(data, "program", str),
        kind=_get(data, "kind", str, None),
        machine=_get(data, "machine", str, None),
        started=_number(data, "started"),
        written=_number(data, "written"),
        outcome=_get(report, "outcome", str),
        reason=_get(report, "reason", str, None),
        seconds=None if report.get("seconds") is None else _number(report, "seconds"),
        plugins=tuple(_plugin(plugin) for plugin in _get(report, "plugins", list)),
    )


def _plugin(data: Any) -> PluginOutcome:
    name, status, error = _get(data, "name", str), _get(data, "status", str), _get(data, "error", dict, None)
    distribution, version = _get(data, "distribution", str, None), _get(data, "version", str, None)
    hooks = [_get(hook, "seconds", (int, float), None) for hook in _get(data, "hooks", list, ())]
    times = [_get(data, "load_seconds", (int, float), None), *hooks]
    return PluginOutcome(
        name,
        status,
        None if error is None else _get(error, "message", str),
        distribution if version is None else f"{distribution} {version}",
        float(sum(time for time in times if time is not None)),
        tuple(_get(data, "environment", dict, {})),
        _moment(_get(data, "expires_at", str, None)),
    )


def _moment(text: str | None) -> str | None:
    """A moment in ISO 8601, as it is.

    Raises:
        ValueError: it is none, or has no time zone.
    """
    if text is not None and datetime.fromisoformat(text).tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return text


def _number(data: Any, key: str) -> float:
    """Seconds since the epoch, or a number of them."""
    value = _get(data, key, (int, float))
    if not 0 <= value < 1e11:  # NaN neither
        raise ValueError(f"its {key!r} is no time")
    return float(value)


def _get(data: Any, key: str, kind: Any, *default: Any) -> Any:
    value = data.get(key, *default) if isinstance(data, dict) else None
    if default and value is default[0]:
        return value
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"it is no report: {key!r} is missing or wrong")
    return value


def _ordered(processes: dict[str, Process]) -> Iterator[Process]:
    """The processes in the tree's order, with their parents found and their depth."""
    by_pid: dict[tuple[str | None, int], list[Process]] = {}
    for process in processes.values():
        by_pid.setdefault((process.machine, process.pid), []).append(process)
    found = [_with_parent(process, processes, by_pid) for process in processes.values()]
    children: dict[str | None, list[Process]] = {}
    for process in sorted(found, key=lambda process: (process.written, process.file), reverse=True):
        children.setdefault(process.parent, []).append(process)
    waiting = children.pop(None, [])  # the next one last
    while waiting or children:
        if not waiting:  # a circle, which only a forged file makes: it is cut open
            key = next(iter(children))
            waiting = [replace(children[key].pop(), parent=None)]
            if not children[key]:
                del children[key]
        process = waiting.pop()
        yield process
        waiting += [replace(child, depth=process.depth + 1) for child in children.pop(process.id, ())]


def _with_parent(process: Process, processes: dict[str, Process], by_pid: Pids) -> Process:
    parent = processes.get(process.parent or "")
    # What a hook starts has the id of the process before: its own parent's is not known until the hooks have run.
    starters = [
        other
        for other in by_pid.get((process.machine, process.ppid), ())
        if other.started <= process.started <= other.written and other is not process
    ]
    if starters and (parent is None or parent.pid != process.ppid):
        return replace(process, parent=starters[0].id)
    return replace(process, parent=None if parent is None or parent is process else parent.id)
