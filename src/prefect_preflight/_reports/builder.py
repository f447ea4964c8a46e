"""Builds reports: the runner's records, or what is installed, go in, a `Report` without secrets comes out."""

from __future__ import annotations

import os
import sys

from prefect_preflight._discovery import discover, identify
from prefect_preflight._redaction import outlet
from prefect_preflight._redaction.data import without_secrets
from prefect_preflight._settings import FIELDS
from prefect_preflight._settings.resolution import resolve
from prefect_preflight._state import finder
from prefect_preflight._version import __version__
from prefect_preflight.report import (
    SCHEMA_VERSION,
    ErrorInfo,
    HookInfo,
    PluginInfo,
    PrefectInfo,
    ProblemInfo,
    RenewalInfo,
    Report,
    SettingInfo,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any

    from prefect_preflight._discovery import Candidate, InstalledPrefect
    from prefect_preflight._plugins import Hook, Plugin
    from prefect_preflight._redaction import Redactor
    from prefect_preflight._settings import Settings
    from prefect_preflight._state import State
    from prefect_preflight._statuses import Executor, NativeRunner, Outcome

    from .record import ImportRecord


def of_process(state: State, record: ImportRecord | None) -> Report:
    """See `_reports.last_report`; `record` is that of the last import, None if it had no hooks to run."""
    if state.refusal is not None:
        return _report("strict-exit", state.refusal, state.settings or _resolved())
    if record is not None:
        return _of_import(record, state.phase)
    settings = state.settings
    if settings is None:
        reason = state.reason or _why_nothing_ran()
        return _report("not-run", reason, _resolved(), prefect=_imported_prefect())
    outcome: Outcome = "not-run" if settings.enabled else "disabled"
    return _report(outcome, state.reason, settings, prefect=_imported_prefect())


def _why_nothing_ran() -> str:
    """A line on why `import prefect`, if there was one, did not come to us."""
    module = sys.modules.get("prefect")
    if module is None:
        return "Prefect has not been imported"
    if finder() not in sys.meta_path:
        return "Prefect was imported without prefect-preflight's finder on sys.meta_path: never there, or removed"
    loader = getattr(module, "__loader__", None)
    first = sys.meta_path[0] if sys.meta_path[0] is not finder() else None
    return (
        "Prefect was imported without prefect-preflight's finder being asked"
        + (f", as {_type_name(first)} stands before it" if first is not None else "")
        + (f"; its loader is {_type_name(loader)}" if loader is not None else "")
    )


def _type_name(thing: object) -> str:
    kind = thing if isinstance(thing, type) else type(thing)
    return f"{kind.__module__}.{kind.__qualname__}"


def of_what_is_installed(reason: str | None) -> Report:
    """See `_reports.survey`; `reason` is why no hook ran in this process, if that is so."""
    settings = _resolved()
    plugins = tuple(_candidate_info(candidate) for candidate in discover(settings))
    outcome: Outcome = "not-run" if settings.enabled else "disabled"
    return _report(outcome, reason, settings, plugins=plugins, prefect=_imported_prefect())


def _imported_prefect() -> PrefectInfo | None:
    """The Prefect that this process has imported, whether or not hooks ran for it; None for anybody else's package."""
    module = sys.modules.get("prefect")
    prefect = None if module is None else identify(getattr(module, "__file__", None))
    return None if prefect is None else _prefect_info(prefect)


def _prefect_info(prefect: InstalledPrefect, superseded: bool = False, executed: bool = True) -> PrefectInfo:
    native = "_initialize_plugins" in vars(sys.modules.get("prefect", object))  # without asking its `__getattr__`
    runner: NativeRunner = (
        "unknown" if not executed else "superseded" if superseded else "present" if native else "none"
    )
    return PrefectInfo(prefect.distribution, prefect.version, prefect.location, runner)


def _resolved() -> Settings:
    return resolve(os.environ, full=True)


def _of_import(record: ImportRecord, phase: str) -> Report:
    settings, runner, redactor = record.settings, record.runner, record.redactor
    plugins: tuple[PluginInfo, ...] = ()
    if runner is not None and redactor is not None:
        zero = min((plugin.began for plugin in runner.plugins if plugin.began is not None), default=0.0)
        plugins = tuple(_plugin_info(plugin, redactor, zero) for plugin in runner.plugins)
    outcome, reason = _outcome(record, phase, plugins)
    return _report(
        outcome,
        reason,
        settings,
        plugins=plugins,
        prefect=_prefect_info(record.prefect, record.superseded, record.body_executed),
        hooks_run_in="importing thread" if runner is not None and runner.inline else "workers",
        seconds=None if runner is None else round(runner.seconds, 6),
        conflicts={} if runner is None else {k: tuple(v) for k, v in runner.writers.items() if len(v) > 1},
        renewal=None if runner is None else _renewal(record, plugins),
    )


def _renewal(record: ImportRecord, plugins: tuple[PluginInfo, ...]) -> RenewalInfo:
    last = max((plugin.renewed_at for plugin in plugins if plugin.renewed_at is not None), default=None)
    return RenewalInfo(record.renewal, record.renewal_reason, last, _moment(record.renews_at))


def _moment(seconds: float | None) -> datetime | None:
    """A moment in seconds since the epoch."""
    if seconds is None:
        return None
    from datetime import datetime, timezone

    return datetime.fromtimestamp(round(seconds, 3), timezone.utc)


def _outcome(record: ImportRecord, phase: str, plugins: tuple[PluginInfo, ...]) -> tuple[Outcome, str | None]:
    if record.strict_exit is not None:
        return "strict-exit", record.strict_exit
    if record.internal_errors:
        return "internal-error", record.internal_errors[0]
    if record.inside_hook:
        return "inside-hook", "a hook started this process, so it runs no hooks itself"
    if phase == "waiting":
        return "interrupted", "the import of Prefect did not come to its end"
    if any(plugin.failed for plugin in plugins):
        return "failures", None
    return ("safe-mode", "hooks are not called") if record.settings.safe_mode else ("success", None)


def _plugin_info(plugin: Plugin, redactor: Redactor, zero: float) -> PluginInfo:
    error = plugin.error
    return PluginInfo(
        **_identity(plugin.candidate),
        status=plugin.status,
        reason=plugin.candidate.why_excluded,
        api_requirement=None if plugin.load_seconds is None else plugin.requires,
        stage=plugin.stage,
        deferred_by=plugin.deferred,
        load_seconds=plugin.load_seconds,
        hooks=tuple(_hook_info(hook, zero) for hook in plugin.hooks),
        hook_names=tuple(plugin.hook_names),
        environment=redactor.variables(plugin.env),  # by name too; the rest is redacted as a whole, in `_report`
        note=plugin.note,
        required=plugin.required,
        expires_at=plugin.expires_at,
        inherit=plugin.inherit,
        error=None if error is None else ErrorInfo(*error),
        warnings=tuple(warning.text for warning in plugin.warnings),
        warning_slugs=tuple(warning.slug for warning in plugin.warnings),
        another_name_of=plugin.another_name_of,
        renewed_at=_moment(plugin.renewed_at),
    )


def _hook_info(hook: Hook, zero: float) -> HookInfo:
    if hook.started is None or hook.ended is None:
        return HookInfo(hook.wave, None, None)
    return HookInfo(hook.wave, round(hook.started - zero, 6), round(hook.ended - hook.started, 6))


def _identity(candidate: Candidate) -> dict[str, Any]:
    return {
        "name": candidate.name,
        "value": candidate.value,
        "distribution": candidate.distribution,
        "version": candidate.version,
    }


def _candidate_info(candidate: Candidate) -> PluginInfo:
    return PluginInfo(
        **_identity(candidate),
        status="not-run" if candidate.why_excluded is None else "filtered",
        reason=candidate.why_excluded,
        api_requirement=None,
        stage=None,
        deferred_by=None,
        load_seconds=None,
        hooks=(),
        hook_names=(),
        environment={},
        note=None,
        required=False,
        expires_at=None,
        inherit=False,
        error=None,
        warnings=(),
    )


def _report(
    outcome: Outcome,
    reason: str | None,
    settings: Settings,
    *,
    plugins: tuple[PluginInfo, ...] = (),
    prefect: PrefectInfo | None = None,
    hooks_run_in: Executor = "workers",
    seconds: float | None = None,
    conflicts: Mapping[str, tuple[str, ...]] | None = None,
    renewal: RenewalInfo | None = None,
) -> Report:
    names = (*FIELDS, "logging_level", "api_url")
    report = Report(
        schema_version=SCHEMA_VERSION,
        outcome=outcome,
        reason=reason,
        preflight_version=__version__,
        python=".".join(map(str, sys.version_info[:3])),
        executable=sys.executable or "",
        pid=os.getpid(),
        prefect=prefect,
        hooks_run_in=hooks_run_in,
        timeout_seconds=settings.setup_timeout_seconds,
        seconds=seconds,
        settings=tuple(
            SettingInfo(name, _plain(getattr(settings, name)), settings.sources.get(name, "default")) for name in names
        ),
        problems=tuple(ProblemInfo(problem.slug, problem.source, problem.text) for problem in settings.problems),
        plugins=plugins,
        conflicts=conflicts or {},
        renewal=renewal,
    )
    redacted: Report = without_secrets(report, outlet.redactor())
    return redacted


def _plain(value: Any) -> Any:
    """A setting's value as JSON has it."""
    return list(value) if isinstance(value, tuple) else value
