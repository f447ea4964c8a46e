"""Findings: what is to be concluded from a diagnosis. Pure functions of frozen data, the same for text and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect_preflight._statuses import SEVERITIES

from . import about_activation, about_plugins, about_settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from prefect_preflight._command_line.diagnosis import Diagnosis

    from . import Finding

__all__ = ["exit_status", "find"]


def find(diagnosis: Diagnosis, now: datetime) -> list[Finding]:
    """All findings, the worst first, and in the order of their codes.

    Args:
        diagnosis: what was found out.
        now: the time that expiry is measured by, aware.
    """
    found = [
        *about_activation.find(diagnosis),
        *about_settings.find(diagnosis),
        *about_plugins.find(diagnosis.report, now),
    ]
    return sorted(found, key=lambda one: (SEVERITIES.index(one.severity), one.code))


def exit_status(findings: Sequence[Finding]) -> int:
    """0 if nothing is wrong, or plugins are only disabled; 1 if there is an error or a warning."""
    return int(any(finding.counts for finding in findings))
