"""The lines about the plugins: which there are, and what became of their hooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect_preflight._command_line.moments import duration, expiry
from prefect_preflight._command_line.terminal import Line
from prefect_preflight._plugins import PREFECT_PLUGIN_API_VERSION

from .timeline import timeline

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from prefect_preflight._command_line.diagnosis import Diagnosis
    from prefect_preflight.report import PluginInfo, RenewalInfo, Report

__all__ = ["discovered", "hooks"]

_FIRST = 10  # variables of a plugin that are shown, if not all are asked for

# A plugin's status in the list of plugins; whatever became of its hook, it was active if it was loaded.
_LISTED = {
    "filtered": ("filtered", "dim"),
    "incompatible": ("incompatible", "warn"),
    "load-failed": ("load failed", "bad"),
    "no-hook": ("active, without a startup hook", "warn"),
    "no-startup-hook": ("no start-up hook; Prefect's server loads it when it needs it", "dim"),
    "not-run": ("not loaded", "dim"),
    "pending": ("not loaded", "dim"),
    "inherited": ("not loaded: it ran in an ancestor process", ""),
}
_RAN = {
    "success": ("success", "good"),
    "inherited": ("success, inherited", "good"),
    "failed": ("failed", "bad"),
    "invalid-result": ("invalid result", "bad"),
    "timed-out": ("timed out", "bad"),
    "expired": ("not renewed", "bad"),
}
_NOTHING_RAN = {
    "imported-before": "Prefect was imported before the start-up hook was there.",
    "skipped": "The start-up hook is not active in this Python; `--run` activates it for this command.",
    "kill-switch": "The kill switch PREFECT_PREFLIGHT_DISABLE is on.",
    "foreign-package": "`import prefect` would not import an installed Prefect.",
    "missing": "Prefect is not installed, so no hook runs.",
    "failed": "The import of Prefect failed before the hooks could run.",
    "strict-exit": "Strict mode ended the import before the hooks could run.",
    "inside-hook": "A hook of another process started this one, so it runs no hooks itself.",
}


def discovered(report: Report) -> Iterator[Line]:
    """The plugins that there are."""
    for plugin in report.plugins:
        yield from _listed(plugin)
    if not report.plugins:
        yield Line("  None found")


def _listed(plugin: PluginInfo) -> Iterator[Line]:
    status, style = _LISTED.get(plugin.status, ("active", ""))
    if plugin.status in ("pending", "timed-out") and plugin.load_seconds is not None:
        status, style = "active", ""
    elif plugin.status == "timed-out":
        status, style = "not loaded in time", "bad"
    yield Line(f"  • {plugin.name}: {status}", style, hang=4)
    if plugin.reason is not None:
        yield Line(f"    Reason: {plugin.reason}", hang=6)
    yield Line(f"    Module: {plugin.value}", hang=6)
    if plugin.api_requirement is not None:
        differs = plugin.status == "incompatible"
        current = f" (current version: {PREFECT_PLUGIN_API_VERSION})" if differs else ""
        yield Line(f"    API requirement: {plugin.api_requirement}{current}", hang=6)
    if plugin.distribution is not None:
        yield Line(f"    Distribution: {plugin.distribution} {plugin.version or '(version unknown)'}", hang=6)
    if plugin.hook_names and plugin.hook_names != ("setup_environment",):
        yield Line(f"    Hooks: {', '.join(plugin.hook_names)}", hang=6)
    if plugin.status == "load-failed" and plugin.error is not None:
        yield Line(f"    Error: {plugin.error.message}", "bad", hang=6)
    for warning in plugin.warnings:
        yield Line(f"    Warning: {warning}", "warn", hang=6)


def hooks(diagnosis: Diagnosis, now: datetime, width: int, everything: bool) -> Iterator[Line]:
    """What became of the hooks, or why none ran; the arguments are those of `report.as_text`."""
    report = diagnosis.report
    ran = [plugin for plugin in report.plugins if plugin.status in _RAN]
    for plugin in ran:
        yield from _outcome(plugin, now, None if everything else _FIRST, report.timeout_seconds)
    if ran:
        for variable, plugins in report.conflicts.items():
            yield Line(f"  Conflict: {variable} was set by {', '.join(plugins)}; the last one holds", "warn", 4)
        yield from timeline(report, width)
        if report.renewal is not None and report.renewal.state != "off":
            yield Line(f"  Renewal: {_renewal(report.renewal)}", hang=4)
        if report.seconds is not None:
            deadline = f"the hooks' deadline is {report.timeout_seconds:g} s"
            yield Line(f"  Time: {duration(report.seconds)}, loading included; {deadline}", hang=4)
    else:
        yield from _nothing_ran(diagnosis)


def _renewal(renewal: RenewalInfo) -> str:
    """What there is to say of the renewal in the background."""
    if renewal.state == "refused":
        return f"none in the background: {renewal.reason}"
    if renewal.next is None:
        return "in the background; nothing expires"
    last = f"last at {renewal.last:%H:%M:%S}, " if renewal.last is not None else ""
    return f"in the background; {last}next at {renewal.next:%H:%M:%S} UTC"


def _nothing_ran(diagnosis: Diagnosis) -> Iterator[Line]:
    report, activation, status = diagnosis.report, diagnosis.activation, diagnosis.imported.status
    if report.outcome == "disabled":
        yield Line("  None: plugins are disabled. To enable them:", hang=4)
        yield Line("    export PREFECT_PLUGINS_ENABLED=1")
        return
    if report.outcome == "inside-hook":
        reason = _NOTHING_RAN["inside-hook"]
    elif status == "skipped":
        reason = _NOTHING_RAN.get(activation.state, _NOTHING_RAN["skipped"])
    elif status in _NOTHING_RAN and report.outcome in ("not-run", "strict-exit"):
        reason = _NOTHING_RAN[status]
    elif report.setting("safe_mode"):
        reason = "Safe mode loads the plugins and calls no hook."
    else:
        reason = "There is no hook to run."
    name = reason.startswith("Prefect")
    yield Line(f"  None: {reason if name else reason[0].lower() + reason[1:]}", hang=4)


def _outcome(plugin: PluginInfo, now: datetime, most: int | None, deadline: float) -> Iterator[Line]:
    """What became of one plugin; `most` is how many variables are shown, None for all."""
    status, style = _RAN[plugin.status]
    yield Line(f"  • {plugin.name}: {status}", style, hang=4)
    if plugin.error is not None:
        yield Line(f"    Error: {plugin.error.message}", "bad", hang=6)
    if plugin.environment:
        yield from _variables(plugin, most)
    elif plugin.status == "success":
        yield Line("    No changes")
    if plugin.note is not None:
        yield Line(f"    Note: {plugin.note}", hang=6)
    if plugin.expires_at is not None:
        yield Line(f"    Expires: {expiry(plugin.expires_at, now)}", hang=6)
    if plugin.status == "inherited":
        yield Line("    Ran: not here; inherited from an ancestor", "dim", hang=6)
    else:
        yield Line(f"    Ran: {_when(plugin, deadline)}", "dim", hang=6)


def _variables(plugin: PluginInfo, most: int | None) -> Iterator[Line]:
    yield Line(f"    Environment variables: {len(plugin.environment)}")
    for name, value in list(plugin.environment.items())[:most]:
        yield Line(f"      {name}={value}")
    rest = 0 if most is None else len(plugin.environment) - most
    if rest > 0:
        yield Line(f"      and {rest} more: --all shows them", "dim", hang=8)


def _when(plugin: PluginInfo, deadline: float) -> str:
    """Stage and wave, the time of the hooks and of loading."""
    waves = sorted({hook.wave for hook in plugin.hooks if hook.wave != "normal"})
    words: list[str] = [plugin.stage or "never", *waves]
    if plugin.deferred_by is not None:
        words.append(f"since it needs {plugin.deferred_by}")
    times = [hook.seconds for hook in plugin.hooks if hook.seconds is not None]
    if times:
        # By the clock it may be more: the deadline stands still while modules of Prefect's are executed.
        words.append(f"for {duration(min(sum(times), deadline))}")
    if plugin.status == "timed-out":
        words.append("not to its end")
    if plugin.load_seconds is not None:
        words.append(f"loaded in {duration(plugin.load_seconds)}")
    return ", ".join(words)
