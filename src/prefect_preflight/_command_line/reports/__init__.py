"""`prefect-preflight reports DIR`: what happened in that worker and its children, on all machines?

`reading` makes a tree of the directory's files, which is shown as text (`tree_text`), as JSON, or as metrics
(`prometheus`); `removal` removes what is old.
"""

from __future__ import annotations

import json
import os
import sys
from time import time
from typing import TYPE_CHECKING

import click

from prefect_preflight._command_line.terminal import CONTEXT, columns, encodable, painter, say
from prefect_preflight._redaction.data import without_secrets
from prefect_preflight._redaction.outlet import redactor

from . import prometheus, reading
from .removal import in_seconds, remove_older_than
from .tree_text import as_text

if TYPE_CHECKING:
    from .reading import Tree

__all__ = ["reports"]

_CANNOT_READ = 2


@click.command(context_settings=CONTEXT, short_help="What happened in the processes of a directory.")
@click.argument("directory", metavar="DIR", envvar="PREFECT_PREFLIGHT_REPORT_DIR")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "prometheus"]),
    default="text",
    show_default=True,
    help="text for people; json for programs; prometheus for node_exporter's textfile collector.",
)
@click.option("--output", metavar="FILE", help="Write to FILE, which is there as a whole or not at all.")
@click.option("--machine", metavar="NAME", help="Leave out the processes of other machines.")
@click.option(
    "--remove-older-than", "age", metavar="AGE", callback=in_seconds, help="Remove older reports first, such as 7d."
)
def reports(directory: str, form: str, output: str | None, machine: str | None, age: float | None) -> None:
    """Show the processes that wrote their reports to DIR, as a tree.

    Processes write a report when they import Prefect, if plugins are enabled and PREFECT_PREFLIGHT_REPORT_DIR names a
    directory; DIR is the same one by default. Many machines may write to one.

    Times are in UTC. The duration is that of the plugins, without Prefect's own.

    \b
    Exit status:
      0  all plugins succeeded in all processes
      1  something failed in a process, or a file
         cannot be read
      2  DIR cannot be read, or FILE not written
    """  # noqa: D301  # the backspace itself, with which Click keeps the lines below it as they are
    try:
        tree = reading.read(os.path.expanduser(directory))
        if age is not None:
            _remove(tree, age)
            tree = reading.read(tree.directory)
    except OSError as error:
        say(f"Error: cannot read {directory!r}: {error.strerror or error}", error=True)
        sys.exit(_CANNOT_READ)
    _show(tree if machine is None else tree.on(machine), form, output)
    sys.exit(int(not tree.healthy))


def _remove(tree: Tree, age: float) -> None:
    removed, problems = remove_older_than(tree, age, time())
    say(f"{removed} {'report' if removed == 1 else 'reports'} removed", error=True)  # stdout is the tree's
    for problem in problems:
        say(f"not removed: {problem}", error=True)


def _show(tree: Tree, form: str, output: str | None) -> None:
    stream = sys.stdout
    if form == "json":
        text = json.dumps(without_secrets(reading.as_dict(tree), redactor()), indent=2) + "\n"
    elif form == "prometheus":
        text = prometheus.as_text(tree)
    else:
        text = as_text(tree, (lambda text, _: text) if output else painter(stream), columns(stream))
    if output is not None:
        try:
            prometheus.put(text, output)
        except OSError as error:
            say(f"Error: cannot write {output!r}: {error.strerror or error}", error=True)
            sys.exit(_CANNOT_READ)
        return
    try:
        stream.write(encodable(text, stream.encoding))
        stream.flush()
    except BrokenPipeError:  # the reader has seen enough, such as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # or Python complains at its end
