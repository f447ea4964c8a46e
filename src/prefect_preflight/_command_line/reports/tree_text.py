"""The processes of a directory as a tree, for a terminal."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from prefect_preflight._command_line.terminal import WIDTH, Line, joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prefect_preflight._command_line.terminal import Paint

    from .reading import Process, Tree

__all__ = ["as_text"]

_DEEPEST = 12  # levels that are indented: a process that starts itself again and again must stay readable
_OUTCOMES = {
    "success": ("success", "good"),
    "failures": ("failures", "bad"),
    "strict-exit": ("ended by strict mode", "bad"),
    "interrupted": ("interrupted", "bad"),
    "internal-error": ("internal error", "bad"),
    "safe-mode": ("safe mode", "warn"),
    "inside-hook": ("started by a hook, so it ran none", "dim"),
}


def as_text(tree: Tree, paint: Paint, width: int = WIDTH) -> str:
    """The tree in text form.

    Args:
        tree: what was read.
        paint: gives a text a style, the identity for plain text.
        width: columns at which sentences are wrapped.
    """
    return joined(list(_lines(tree)), paint, width)


def _lines(tree: Tree) -> Iterator[Line]:
    failed = sum(process.failed for process in tree.processes)
    several = len(tree.machines) > 1
    where = f" of {len(tree.machines)} machines" if several else ""
    processes = _count(len(tree.processes), "process", "processes")
    yield Line(f"{processes}{where} in {tree.directory}, {failed or 'none'} failed", "title", hang=2)
    day = ""
    for process in tree.processes:
        moment = datetime.fromtimestamp(process.started, timezone.utc)
        if not process.depth and f"{moment:%Y-%m-%d}" != day:
            day = f"{moment:%Y-%m-%d}"
            yield Line()
            yield Line(f"{day} UTC", "dim")
        yield from _process(process, f"{moment:%H:%M:%S}", several)
    if tree.unreadable:
        yield Line()
        yield Line(f"Not readable: {_count(len(tree.unreadable), 'file', 'files')}", "warn")
    for file in tree.unreadable:
        yield Line(f"  {file.file}: {file.reason}", "warn", hang=4)


def _process(process: Process, moment: str, several: bool) -> Iterator[Line]:
    level = min(process.depth, _DEEPEST)
    indent = "  " * (level + 1)
    deeper = f"({process.depth} levels down) " if process.depth > _DEEPEST else ""
    on = f" on {process.machine}" if several and process.machine is not None and not process.depth else ""
    words, style = _OUTCOMES.get(process.outcome, (process.outcome, "warn"))
    duration = "" if process.seconds is None else f" in {process.seconds:.2f} s"
    yield Line(
        f"{indent}{moment} {deeper}{process.program} (pid {process.pid}{on}): {words}{duration}{_plugins(process)}",
        style,
        hang=len(indent) + 9,
    )
    if process.reason and process.failed:
        yield Line(f"{indent}         {process.reason}", "bad", hang=len(indent) + 11)
    for plugin in process.plugins:
        # Strict mode's reason has the errors of those plugins that it ended the process for.
        if plugin.failed and not (plugin.error and plugin.error in (process.reason or "")):
            error = f": {plugin.error}" if plugin.error else ""
            yield Line(f"{indent}         {plugin.name} {plugin.status}{error}", "bad", hang=len(indent) + 11)


def _plugins(process: Process) -> str:
    """How many of the plugins ended how, in short."""
    if not process.plugins:
        return ", no plugins" if process.outcome == "success" else ""
    numbers: dict[str, int] = {}
    for plugin in process.plugins:
        numbers[plugin.status] = numbers.get(plugin.status, 0) + 1
    return " (" + ", ".join(f"{number} {status}" for status, number in sorted(numbers.items())) + ")"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
