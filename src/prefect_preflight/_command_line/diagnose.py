"""`prefect-preflight diagnose`, and `python -m plugins_diag` for short: what the plugins do in this Python, and why."""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from typing import TextIO

import click

from . import document
from .diagnosis import Options, OptionsProblem, make
from .findings.conclusions import exit_status, find
from .terminal import CONTEXT, document_stream, encodable, painter, say
from .text.report import as_text, findings_as_text

__all__ = ["diagnose"]

CANNOT_DIAGNOSE = 2
"""Exit status where there is no report; Click exits with the same on a wrong command line."""


def _plugin_names(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """The names of the plugins found, for the shell's completion."""
    from prefect_preflight._reports import survey

    return [plugin.name for plugin in survey().plugins if plugin.name.startswith(incomplete)]


def _timeout(_context: click.Context, _parameter: click.Parameter, value: float | None) -> float | None:
    if value is not None and not 0 < value < float("inf"):
        raise click.BadParameter("it must be a finite number of seconds above 0")
    return value


@click.command(context_settings=CONTEXT)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="text for people; json for programs, by the published schema, with nothing else on stdout.",
)
@click.option(
    "--run/--no-run",
    default=None,
    help="--no-run loads the plugins without calling their hooks (safe mode). --run activates the start-up hook for "
    "this command where it is not active. By default, what happens is what happens in any process.",
)
@click.option(
    "--plugin",
    metavar="NAME",
    shell_complete=_plugin_names,
    help="Load and run this plugin only. NAME is its entry point's name.",
)
@click.option("--timeout", type=float, metavar="SECONDS", callback=_timeout, help="Time for all plugins together.")
@click.option("--check", is_flag=True, help="Print errors and warnings only: for health checks. (text only)")
def diagnose(form: str, run: bool | None, plugin: str | None, timeout: float | None, check: bool) -> None:
    """Show what Prefect's plugins do in this Python, or why they do nothing.

    Imports Prefect as any program would, which runs the plugins' hooks once, and shows that run: settings and their
    sources, plugins, hooks, the environment that they set with its secrets redacted, and findings with remedies.

    \b
    Exit status:
      0  healthy, or plugins are disabled
      1  there are findings (errors or warnings)
      2  no diagnosis could be made
    """  # noqa: D301  # the backspace itself, with which Click keeps the lines below it as they are
    with document_stream() as stream:
        try:
            diagnosis = make(Options(run, plugin, timeout))
            findings = find(diagnosis, datetime.now(timezone.utc))
            status = exit_status(findings)
            if form == "json":
                text = document.as_json(diagnosis, findings, status) + "\n"
            elif check:
                text = findings_as_text(findings, painter(stream))
            else:
                text = as_text(diagnosis, findings, painter(stream))
            _write(stream, text)
        except (OptionsProblem, KeyboardInterrupt, Exception) as error:
            _complain(error)
            status = CANNOT_DIAGNOSE
    sys.exit(status)


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(encodable(text, stream.encoding))
        stream.flush()
    except BrokenPipeError:  # the reader has seen enough, such as `head`
        pass


def _complain(error: BaseException) -> None:
    if isinstance(error, KeyboardInterrupt):
        reason = "interrupted"
    elif isinstance(error, OptionsProblem):
        reason = str(error)
    else:
        reason = f"{type(error).__name__}: {error}"
    say(f"Error: cannot diagnose: {reason}", error=True)
