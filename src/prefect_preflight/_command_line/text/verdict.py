"""The verdict: the one line that whoever reads no other one should read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect_preflight._statuses import SUCCEEDED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prefect_preflight._command_line.findings import Finding
    from prefect_preflight.report import Report

__all__ = ["counted", "verdict"]

_NAMED = 3  # findings that the line names; the list below it has all


def verdict(report: Report, findings: Sequence[Finding]) -> str:
    """How things stand, in one line, such as "All well: 3 plugins ran in 0.8 s".

    Args:
        report: what happened.
        findings: what is concluded from it, the worst first.
    """
    counting = [finding for finding in findings if finding.counts]
    if counting:
        where = f" in {counted(len(report.plugins), 'plugin')}" if report.plugins else ""
        named = [_named(finding) for finding in counting[:_NAMED]]
        more = [f"{len(counting) - _NAMED} more"] if len(counting) > _NAMED else []
        return f"{counted(len(counting), 'problem')}{where}: {'; '.join(named + more)}"
    if not report.setting("enabled"):
        return "Plugins are disabled: no hook runs"
    return f"All well: {_well(report)}"


def counted(number: int, word: str) -> str:
    """The number with the word, which gets its plural."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def _named(finding: Finding) -> str:
    title = finding.title
    if not title.startswith(("Prefect", "Python")):
        title = title[0].lower() + title[1:]
    return f"{title} ({finding.subject})" if finding.subject else title


def _well(report: Report) -> str:
    ran = sum(plugin.status in SUCCEEDED for plugin in report.plugins)
    if ran:
        return f"{counted(ran, 'plugin')} ran{_in(report.seconds)}"
    loaded = sum(plugin.status == "loaded" for plugin in report.plugins)
    if loaded:
        return f"{counted(loaded, 'plugin')} loaded, no hook called"
    return f"{counted(len(report.plugins), 'plugin')} installed, no hook to run"


def _in(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return " in less than 0.1 s" if seconds < 0.05 else f" in {seconds:.1f} s"
