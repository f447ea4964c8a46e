"""The command line: `prefect-preflight diagnose`, and `python -m plugins_diag` for short."""

from __future__ import annotations

import os
import sys
from datetime import datetime, timezone
from typing import Any, Callable, TextIO

import click

from plugins_diag import checks, document, explain_command, new_command, render, reports_command, run_command
from plugins_diag.diagnosis import Options, OptionsProblem, make
from plugins_diag.host import document_stream
from plugins_diag.style import STYLES, encodable
from prefect_preflight import __version__

__all__ = ["diagnose", "main"]

CANNOT_DIAGNOSE = 2
"""Exit status where there is no report; Click exits with the same on a wrong command line."""

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 80}


@click.group(
    name="prefect-preflight",
    context_settings=_CONTEXT,
    epilog='Completion in bash: eval "$(_PREFECT_PREFLIGHT_COMPLETE=bash_source prefect-preflight)"; for zsh and '
    "fish write zsh_source or fish_source.",
)
@click.version_option(__version__, prog_name="prefect-preflight")
def main() -> None:
    """Prefect's plugin start-up hooks: what they do in this Python, and why."""


def _plugin_names(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """The names of the plugins found, for the shell's completion."""
    from prefect_preflight.report import survey

    return [plugin.name for plugin in survey().plugins if plugin.name.startswith(incomplete)]


def _timeout(_context: click.Context, _parameter: click.Parameter, value: float | None) -> float | None:
    if value is not None and not 0 < value < float("inf"):
        raise click.BadParameter("it must be a finite number of seconds above 0")
    return value


main.add_command(explain_command.explain)
main.add_command(new_command.new)
main.add_command(reports_command.reports)
main.add_command(run_command.run)


@main.command(context_settings=_CONTEXT)
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
            findings = checks.find(diagnosis, datetime.now(timezone.utc))
            status = checks.exit_status(findings)
            if form == "json":
                text = document.as_json(diagnosis, findings, status) + "\n"
            elif check:
                text = render.findings_as_text(findings, _painter(stream))
            else:
                text = render.as_text(diagnosis, findings, _painter(stream))
            _write(stream, text)
        except (OptionsProblem, KeyboardInterrupt, Exception) as error:
            _complain(error)
            status = CANNOT_DIAGNOSE
    sys.exit(status)


def _painter(stream: TextIO) -> Callable[[str, str], str]:
    """Colours on a terminal, unless `NO_COLOR` is set (https://no-color.org)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty():
        return lambda text, _style: text
    styles: dict[str, dict[str, Any]] = STYLES
    return lambda text, style: click.style(text, **styles[style])


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(encodable(text, stream.encoding))
        stream.flush()
    except BrokenPipeError:  # the reader has seen enough, such as `head`
        pass


def _complain(error: BaseException) -> None:
    from prefect_preflight.report import redacted

    if isinstance(error, KeyboardInterrupt):
        reason = "interrupted"
    elif isinstance(error, OptionsProblem):
        reason = str(error)
    else:
        reason = f"{type(error).__name__}: {error}"
    click.echo(f"Error: cannot diagnose: {redacted(reason)}", err=True)
