"""`prefect-preflight reports DIR`: what happened in that worker and its children?"""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import click

from prefect_preflight._redaction.data import without_secrets
from prefect_preflight._redaction.outlet import redactor

from . import report_tree
from .terminal import CONTEXT, WIDTH, Line, encodable, joined, painter, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .report_tree import Process, Tree
    from .terminal import Paint

__all__ = ["as_text", "reports"]

_CANNOT_READ = 2
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


@click.command(context_settings=CONTEXT)
@click.argument("directory", metavar="DIR", envvar="PREFECT_PREFLIGHT_REPORT_DIR")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="text for people; json for programs.",
)
def reports(directory: str, form: str) -> None:
    """Show the processes that wrote their reports to DIR, as a tree.

    Processes write a report when they import Prefect, if plugins are enabled and PREFECT_PREFLIGHT_REPORT_DIR names a
    directory; DIR is the same one by default. Nothing removes old reports but you.

    Times are in UTC. The duration is that of the plugins, without Prefect's own.

    \b
    Exit status:
      0  all plugins succeeded in all processes
      1  something failed in a process, or a file cannot be read
      2  DIR cannot be read
    """  # noqa: D301  # the backspace itself, with which Click keeps the lines below it as they are
    try:
        tree = report_tree.read(os.path.expanduser(directory))
    except OSError as error:
        say(f"Error: cannot read {directory!r}: {error.strerror or error}", error=True)
        sys.exit(_CANNOT_READ)
    stream = sys.stdout
    text = as_text(tree, painter(stream)) if form == "text" else _as_json(tree)
    try:
        stream.write(encodable(text, stream.encoding))
        stream.flush()
    except BrokenPipeError:  # the reader has seen enough, such as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # or Python complains at its end
    sys.exit(int(not tree.healthy))


def _as_json(tree: Tree) -> str:
    return json.dumps(without_secrets(report_tree.as_dict(tree), redactor()), indent=2) + "\n"


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
    summary = f"{_count(len(tree.processes), 'process', 'processes')} in {tree.directory}, {failed or 'none'} failed"
    yield Line(summary, "title")
    day = ""
    for process in tree.processes:
        moment = datetime.fromtimestamp(process.started, timezone.utc)
        if not process.depth and f"{moment:%Y-%m-%d}" != day:
            day = f"{moment:%Y-%m-%d}"
            yield Line()
            yield Line(f"{day} UTC", "dim")
        yield from _process(process, f"{moment:%H:%M:%S}")
    if tree.unreadable:
        yield Line()
        yield Line(f"Not readable: {_count(len(tree.unreadable), 'file', 'files')}", "warn")
    for file in tree.unreadable:
        yield Line(f"  {file.file}: {file.reason}", "warn", hang=4)


def _process(process: Process, moment: str) -> Iterator[Line]:
    level = min(process.depth, _DEEPEST)
    indent = "  " * (level + 1)
    deeper = f"({process.depth} levels down) " if process.depth > _DEEPEST else ""
    words, style = _OUTCOMES.get(process.outcome, (process.outcome, "warn"))
    duration = "" if process.seconds is None else f" in {process.seconds:.2f} s"
    yield Line(
        f"{indent}{moment} {deeper}{process.program} (pid {process.pid}): {words}{duration}{_plugins(process)}",
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
