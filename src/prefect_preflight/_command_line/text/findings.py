"""The lines about the findings: for people, and for the log of a GitHub workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect_preflight._command_line.terminal import Line
from prefect_preflight._redaction.outlet import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prefect_preflight._command_line.findings import Finding

__all__ = ["STYLES", "lines", "workflow_commands"]

STYLES = {"error": "bad", "warning": "warn", "info": "dim"}
"""How a finding of each severity is painted."""
_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}


def lines(findings: Sequence[Finding]) -> Iterator[Line]:
    """Each finding with its remedy, and with the command that says more."""
    for finding in findings:
        text = f"  {finding.code} {finding.name} ({finding.severity}): {finding.message}"
        yield Line(text, STYLES[finding.severity], hang=4)
        yield Line(f"    Remedy: {finding.remedy}", hang=6)
        yield Line(f"    More: prefect-preflight explain {finding.code}", "dim", hang=6)


def workflow_commands(findings: Sequence[Finding]) -> str:
    """The findings as commands that a GitHub workflow shows as annotations.

    Source: GitHub, "Workflow commands for GitHub Actions", "Setting an error message".
    """
    return "".join(
        f"::{_COMMANDS[finding.severity]} title={_property(f'{finding.code} {finding.name}')}"
        f"::{_data(f'{finding.message}. Remedy: {finding.remedy}')}\n"
        for finding in findings
    )


def _data(text: str) -> str:
    return shown(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
