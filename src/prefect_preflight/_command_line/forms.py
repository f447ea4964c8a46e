"""The forms in which a diagnosis is shown: for people, for programs, and for the log of a GitHub workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from .findings.conclusions import exit_status
from .terminal import columns, painter
from .text.findings import workflow_commands
from .text.report import as_text, findings_as_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from .diagnosis import Diagnosis
    from .findings import Finding

__all__ = ["FORMS", "findings_in_form", "in_form"]

FORMS = ("text", "json", "github")
"""Their names, as the commands take them."""


def in_form(
    form: str, diagnosis: Diagnosis, findings: Sequence[Finding], now: datetime, stream: TextIO, everything: bool
) -> str:
    """All of a diagnosis.

    Args:
        form: one of `FORMS`.
        diagnosis: what was found out.
        findings: what is concluded from it.
        now: the present, aware.
        stream: where it is to be written: its width and its colours are that one's.
        everything: in a text, show all variables.
    """
    if form == "json":
        from . import document  # here and below, since a probe in text form does without

        return document.as_json(diagnosis, findings, exit_status(findings)) + "\n"
    if form == "github":
        return workflow_commands(findings)
    return as_text(diagnosis, findings, painter(stream), now, width=columns(stream), everything=everything)


def findings_in_form(form: str, diagnosis: Diagnosis, findings: Sequence[Finding], stream: TextIO) -> str:
    """Findings alone; the arguments are those of `in_form`."""
    if form == "json":
        from . import document

        return document.findings_as_json(diagnosis, findings, exit_status(findings)) + "\n"
    if form == "github":
        return workflow_commands(findings)
    return findings_as_text(findings, painter(stream), columns(stream))
