"""`prefect-preflight diagnose`, and `python -m plugins_diag` for short: what the plugins do in this Python, and why."""

from __future__ import annotations

import sys
from datetime import datetime, timezone

import click

from .diagnosis import Options, OptionsProblem, make
from .findings.conclusions import exit_status, find
from .forms import FORMS, findings_in_form, in_form
from .other_python import OtherPythonProblem, diagnose_with
from .terminal import CONTEXT, document_stream, say, write

__all__ = ["CANNOT_DIAGNOSE", "GOES_ON", "diagnose"]

CANNOT_DIAGNOSE = 2
"""Exit status where there is no report; Click exits with the same on a wrong command line."""
GOES_ON = "the process may go on afterwards"
"""The context's object in a process that is not this command's alone: it gets its standard output back."""


def _plugin_names(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """The names of the plugins found, for the shell's completion."""
    from prefect_preflight._reports import survey

    return [plugin.name for plugin in survey().plugins if plugin.name.startswith(incomplete)]


def _timeout(_context: click.Context, _parameter: click.Parameter, value: float | None) -> float | None:
    if value is not None and not 0 < value < float("inf"):
        raise click.BadParameter("it must be a finite number of seconds above 0")
    return value


@click.command(context_settings=CONTEXT, short_help="What the plugins do here, and why.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMS),
    default="text",
    show_default=True,
    help="text for people; json for programs, by the published schema, with nothing else on stdout; github for the "
    "findings as annotations of a workflow.",
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
@click.option("--check", is_flag=True, help="Show errors and warnings only, for health checks.")
@click.option("--all", "everything", is_flag=True, help="Show all variables, however many there are.")
@click.option(
    "--python",
    metavar="PATH",
    type=click.Path(exists=True),
    help="Diagnose another interpreter, or environment, as if it were activated.",
)
@click.pass_context
def diagnose(
    context: click.Context,
    form: str,
    run: bool | None,
    plugin: str | None,
    timeout: float | None,
    check: bool,
    everything: bool,
    python: str | None,
) -> None:
    """Show what Prefect's plugins do in this Python, or why they do nothing.

    Imports Prefect as any program would, which runs the plugins' hooks once, and shows that run: the verdict, findings
    with remedies, the environment that the hooks set, with secrets redacted, the settings and their sources.

    \b
    Exit status:
      0  healthy, or plugins are disabled
      1  findings: errors or warnings
      2  no diagnosis could be made
    """  # noqa: D301  # the backspace itself, with which Click keeps the lines below it as they are
    if python is not None:
        try:
            sys.exit(diagnose_with(python, context))
        except OtherPythonProblem as problem:
            raise click.BadParameter(str(problem), param_hint="--python") from None
    with document_stream(for_good=context.obj is not GOES_ON) as stream:
        try:
            diagnosis, now = make(Options(run, plugin, timeout)), datetime.now(timezone.utc)
            findings = find(diagnosis, now)
            status = exit_status(findings)
            if check:
                text = findings_in_form(form, diagnosis, [one for one in findings if one.counts], stream)
            else:
                text = in_form(form, diagnosis, findings, now, stream, everything)
            write(stream, text)
        except (OptionsProblem, KeyboardInterrupt, Exception) as error:
            _complain(error)
            status = CANNOT_DIAGNOSE
    sys.exit(status)


def _complain(error: BaseException) -> None:
    if isinstance(error, KeyboardInterrupt):
        reason = "interrupted"
    elif isinstance(error, OptionsProblem):
        reason = str(error)
    else:
        reason = f"{type(error).__name__}: {error}"
    say(f"Error: cannot diagnose: {reason}", error=True)
