"""Findings: what is to be concluded from a diagnosis. Pure functions of frozen data, the same for text and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugins_diag import checks_activation, checks_plugins, checks_settings
from plugins_diag.findings import SEVERITIES, Finding

if TYPE_CHECKING:
    from datetime import datetime

    from plugins_diag.diagnosis import Diagnosis

__all__ = ["exit_status", "find"]


def find(diagnosis: Diagnosis, now: datetime) -> list[Finding]:
    """All findings, the worst first, and in the order of their codes.

    Args:
        diagnosis: what was found out.
        now: the time that expiry is measured by, aware.
    """
    found = [
        *checks_activation.find(diagnosis),
        *checks_settings.find(diagnosis),
        *checks_plugins.find(diagnosis.report, now),
    ]
    return sorted(found, key=lambda one: (SEVERITIES.index(one.severity), one.code))


def exit_status(findings: list[Finding]) -> int:
    """0 if nothing is wrong, or plugins are only disabled; 1 if there is an error or a warning."""
    return int(any(finding.counts for finding in findings))
