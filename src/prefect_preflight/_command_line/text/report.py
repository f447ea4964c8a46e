"""The text form of a diagnosis: pure functions from data to lines, the most important first.

The lines of Prefect's documented sample come as they are; its sections stand in another order, and what we add stands
around them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect_preflight._command_line.terminal import WIDTH, Line, joined

from .findings import STYLES
from .findings import lines as finding_lines
from .plugins import discovered, hooks
from .verdict import verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from prefect_preflight._command_line.diagnosis import Diagnosis
    from prefect_preflight._command_line.diagnosis.activation import Activation
    from prefect_preflight._command_line.findings import Finding
    from prefect_preflight._command_line.terminal import Paint

__all__ = ["as_text", "findings_as_text"]

_STATES = {
    "no-site": "not active: Python was started with -S",
    "no-startup-file": "not active: no start-up file is read",
    "kill-switch": "not active: PREFECT_PREFLIGHT_DISABLE is set",
    "imported-before": "not active: Prefect was imported before it",
    "finder-in-front": "not active: another finder answers for Prefect",
    "not-registered": "not active: its start-up file had no effect",
    "foreign-package": "active, but `prefect` is no installed Prefect",
}
_RUNNERS = {
    "superseded": "its own plugin runner is superseded",
    "present": "it has a plugin runner of its own",
    "none": "it has no plugin runner of its own",
    "unknown": "its import did not come to its end",
}
_NOT_IMPORTED = {
    "skipped": "not imported",
    "strict-exit": "strict mode ended its import",
}


def as_text(
    diagnosis: Diagnosis,
    findings: Sequence[Finding],
    paint: Paint,
    now: datetime,
    *,
    width: int = WIDTH,
    everything: bool = False,
) -> str:
    """The whole report: the verdict, the findings, what ran, and last what all that stands on.

    Args:
        diagnosis: what was found out.
        findings: what is concluded from it, the worst first.
        paint: gives a text a style ("title", "good", "bad", "warn", "dim"); the identity for plain text.
        now: the present, aware: expiries are shown by how far away they are.
        width: columns at which lines are wrapped.
        everything: show all variables, not the first ones alone.
    """
    report = diagnosis.report
    # The worst finding's colour; whoever has disabled plugins is told nothing good and nothing bad.
    style = STYLES[findings[0].severity] if any(finding.counts for finding in findings) else "good"
    if style == "good" and not report.setting("enabled"):
        style = "title"
    lines = [
        Line(f"prefect-preflight {report.preflight_version} — {verdict(report, findings)}", style, hang=2),
        *_section("Findings", finding_lines(findings)),
        *_section("Running Startup Hooks", hooks(diagnosis, now, width, everything)),
        *_section("Discoverable Plugins (entry point group: prefect.plugins)", discovered(report)),
        *_section("Prefect Experimental Plugin System Diagnostics", _settings(diagnosis)),
        *_section("Activation", _activation(diagnosis)),
    ]
    return joined(lines, paint, width)


def findings_as_text(findings: Sequence[Finding], paint: Paint, width: int = WIDTH) -> str:
    """The findings alone, nothing if there are none."""
    return joined(list(finding_lines(findings)), paint, width)


def _section(title: str, lines: Iterable[Line]) -> Iterator[Line]:
    """A title and its lines, set apart by blank lines; nothing if there are no lines."""
    lines = list(lines)
    if lines:
        yield from (Line(), Line(title, "title", hang=2), Line(), *lines)


def _settings(diagnosis: Diagnosis) -> Iterator[Line]:
    report = diagnosis.report
    for label, name in (("Enabled", "enabled"), ("Timeout", "setup_timeout_seconds"), ("Strict mode", "strict")):
        value = report.setting(name)
        yield Line(f"{label}: {value}s" if name == "setup_timeout_seconds" else f"{label}: {value}")
    yield Line(f"Safe mode: {report.setting('safe_mode')}")
    yield Line(f"Allow list: {_names(report.setting('allow'))}", hang=2)
    yield Line(f"Deny list: {_names(report.setting('deny'))}", hang=2)
    if report.setting("required") is not None:
        yield Line(f"Required list: {_names(report.setting('required'))}", hang=2)
    elif report.setting("strict"):
        yield Line("Required list: None, so all plugins are required", hang=2)
    sources = [setting for setting in report.settings if setting.source != "default"]
    if sources:
        yield Line("Sources:")
    for setting in sources:
        yield Line(f"  {setting.name}: {setting.source}", "dim", hang=4)


def _names(names: Sequence[str] | None) -> str:
    if names is None:
        return "None"
    return ", ".join(names) or "(empty)"


def _activation(diagnosis: Diagnosis) -> Iterator[Line]:
    report, activation = diagnosis.report, diagnosis.activation
    yield _state(activation)
    yield Line(f"  prefect-preflight: {activation.version} ({activation.location})", hang=4)
    yield _prefect(diagnosis)
    flags = [
        flag
        for flag, on in (
            ("-S", activation.no_site),
            ("-I", activation.isolated),
            ("-E", activation.ignore_environment and not activation.isolated),
        )
        if on
    ]
    yield Line(f"  Python: {report.python} ({report.executable}){''.join(' ' + flag for flag in flags)}", hang=4)


def _state(activation: Activation) -> Line:
    if activation.state == "active":
        by = f"by {activation.by}" if activation.by else "by a call of prefect_preflight.init()"
        return Line(f"  Hook: active, {by}", "good", hang=4)
    here = ", activated for this command by --run" if activation.activated_here else ""
    return Line(f"  Hook: {_STATES.get(activation.state, activation.state)}{here}", "bad", hang=4)


def _prefect(diagnosis: Diagnosis) -> Line:
    report, found, imported = diagnosis.report, diagnosis.activation.prefect, diagnosis.imported
    if report.prefect is not None:
        name = report.prefect.distribution
        version = f"{report.prefect.version}{'' if name == 'prefect' else f' ({name})'}"
        seen = _RUNNERS[report.prefect.native_runner]
        return Line(f"  Prefect: {version}; {_NOT_IMPORTED.get(imported.status, seen)}", hang=4)
    if found is None:
        return Line("  Prefect: not installed", "bad")
    if found.distribution is None:
        return Line(f"  Prefect: not installed here; `prefect` is {found.location}", "bad", hang=4)
    tried = _NOT_IMPORTED.get(imported.status, "it cannot be imported")
    return Line(f"  Prefect: {found.version}; {tried}", "warn", hang=4)
