"""`prefect-preflight probe`: whether hooks would run here, for health checks that may cost next to nothing."""

from __future__ import annotations

import sys
from datetime import datetime, timezone

import click

from .diagnosis import without_import
from .findings.conclusions import exit_status, find
from .forms import FORMS, findings_in_form
from .terminal import CONTEXT, say, write

__all__ = ["probe"]

_CANNOT_TELL = 2


@click.command(context_settings=CONTEXT, short_help="Whether hooks would run, for health checks.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMS),
    default="text",
    show_default=True,
    help="text for people, json for programs, github for annotations of a workflow.",
)
def probe(form: str) -> None:
    """Check that hooks would run here, without importing Prefect or a plugin.

    Is the start-up hook active, are the settings good, are the plugins installed that they name? Prints errors and
    warnings, nothing if there are none. Whether the plugins work is for `diagnose --check`.

    \b
    Exit status:
      0  healthy, or plugins are disabled
      1  findings: errors or warnings
      2  it cannot be told
    """  # noqa: D301  # the backspace itself, with which Click keeps the lines below it as they are
    try:
        diagnosis = without_import()
        findings = [one for one in find(diagnosis, datetime.now(timezone.utc)) if one.counts]
        write(sys.stdout, findings_in_form(form, diagnosis, findings, sys.stdout))
        status = exit_status(findings)
    except Exception as error:
        say(f"Error: cannot probe: {type(error).__name__}: {error}", error=True)
        status = _CANNOT_TELL
    sys.exit(status)
