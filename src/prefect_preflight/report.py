"""What happened at `import prefect` in this process, as frozen data without secrets.

The one builder of reports: the runner's records come in, a `Report` goes out. `plugins_diag` renders it as
text or JSON. Building and rendering change nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Optional

from . import __version__, _loader

if TYPE_CHECKING:
    from ._discovery import Candidate
    from ._host import Host
    from ._plugin import Hook, Plugin
    from ._redaction import Redactor
    from ._run import Run
    from ._settings import Settings

__all__ = [
    "SCHEMA_VERSION",
    "ErrorInfo",
    "HookInfo",
    "PluginInfo",
    "PrefectInfo",
    "ProblemInfo",
    "Report",
    "SettingInfo",
    "last_report",
    "redacted",
    "survey",
]

SCHEMA_VERSION = 1
"""Version of the report's JSON form; it changes when a field is removed or changes its meaning."""


@dataclass(frozen=True)
class ErrorInfo:
    """A plugin's error: its type's name and its message, on one line, redacted."""

    type: str
    message: str


@dataclass(frozen=True)
class SettingInfo:
    """A resolved setting: its value and where it came from ("default" if from nowhere)."""

    name: str
    value: Any
    source: str


@dataclass(frozen=True)
class ProblemInfo:
    """Something wrong with the settings: a stable slug, where it is, and a line for people."""

    slug: str
    source: str
    message: str


@dataclass(frozen=True)
class PrefectInfo:
    """The Prefect that was imported.

    `native_runner` is "superseded" if Prefect's own plugin runner was taken out of the import, "present" if there is
    one and it was not (always so where plugins are disabled), "none" in a Prefect without one.
    """

    distribution: str
    version: str
    location: str
    native_runner: str


@dataclass(frozen=True)
class HookInfo:
    """One call of a hook: its wave ("tryfirst", "normal", "trylast"), its begin and duration in seconds.

    `started` counts from the first load of a plugin; both are None if the hook was not called, or never
    ended.
    """

    wave: str
    started: Optional[float]
    seconds: Optional[float]


@dataclass(frozen=True)
class PluginInfo:
    """What is known of one plugin, and what became of it.

    Attributes:
        name: the entry point's name.
        value: the entry point's value, "module" or "module:object".
        distribution: the distribution that declares it, None if its metadata does not say.
        version: that distribution's version.
        status: "not-run" (nobody tried), "filtered", "incompatible", "load-failed", "no-hook", "loaded" (safe mode),
            "inherited" (an ancestor ran it), "success", "failed", "invalid-result", "timed-out", or "pending" (the
            import was ended before its turn).
        reason: why it was filtered, None otherwise.
        api_requirement: its version specifier for the plugin API, None if it was not loaded.
        stage: "early", or "late" for a plugin that needs Prefect itself; None if it was not loaded.
        deferred_by: the part of Prefect that it reached for, if that made it late.
        load_seconds: how long it took to load, None if it did not.
        hooks: the calls of its hook.
        hook_names: the names of all hooks that it registers.
        environment: the variables that it set, redacted.
        note: its note, redacted.
        required: whether it returned `required=True`.
        expires_at: when its values cease to be valid.
        inherit: whether it returned `inherit=True`.
        error: what went wrong.
        warnings: what should be mended in the plugin, a line each.
    """

    name: str
    value: str
    distribution: Optional[str]
    version: Optional[str]
    status: str
    reason: Optional[str]
    api_requirement: Optional[str]
    stage: Optional[str]
    deferred_by: Optional[str]
    load_seconds: Optional[float]
    hooks: tuple[HookInfo, ...]
    hook_names: tuple[str, ...]
    environment: Mapping[str, str]
    note: Optional[str]
    required: bool
    expires_at: Optional[datetime]
    inherit: bool
    error: Optional[ErrorInfo]
    warnings: tuple[str, ...]

    @property
    def ran(self) -> bool:
        """Whether its hook was called, or should have been: it is neither filtered, fenced out, nor without a hook."""
        return self.status in ("success", "inherited", "failed", "invalid-result", "load-failed", "timed-out")

    @property
    def failed(self) -> bool:
        """Whether it should have succeeded and did not."""
        return self.ran and self.status not in ("success", "inherited")


@dataclass(frozen=True)
class Report:
    """Everything about the plugins of this process.

    Attributes:
        schema_version: see `SCHEMA_VERSION`.
        outcome: "not-run" (Prefect was not imported, or not by us), "disabled", "success", "failures",
            "strict-exit", "interrupted", "safe-mode", "inside-hook", or "internal-error".
        reason: a line on that outcome, if there is more to say.
        preflight_version: version of prefect-preflight.
        python: version of the interpreter.
        executable: path of the interpreter.
        pid: the process' ID.
        prefect: the Prefect that was imported, None if none was.
        hooks_run_in: "workers", or "importing thread" where there could be none and no deadline can hold.
        timeout_seconds: the deadline.
        seconds: how long loading and running the plugins took, None if nothing ran.
        settings: all settings of the plugin system.
        problems: what is wrong with them.
        plugins: the plugins in the order of their names.
        conflicts: each variable that several plugins set, with their names in the order of application.
    """

    schema_version: int
    outcome: str
    reason: Optional[str]
    preflight_version: str
    python: str
    executable: str
    pid: int
    prefect: Optional[PrefectInfo]
    hooks_run_in: str
    timeout_seconds: float
    seconds: Optional[float]
    settings: tuple[SettingInfo, ...]
    problems: tuple[ProblemInfo, ...]
    plugins: tuple[PluginInfo, ...]
    conflicts: Mapping[str, tuple[str, ...]]

    def as_dict(self) -> dict[str, Any]:
        """The report as plain JSON data."""
        data = asdict(self)
        for plugin in data["plugins"]:
            if plugin["expires_at"] is not None:
                plugin["expires_at"] = plugin["expires_at"].isoformat()
        return data

    def setting(self, name: str) -> Any:
        """The value of a setting, by its field name such as "strict"."""
        return next(setting.value for setting in self.settings if setting.name == name)


def last_report() -> Report:
    """What happened at the last `import prefect` in this process.

    If Prefect has not been imported, or plugins are disabled, the report says so and lists no plugins.
    """
    state = _loader.state
    if state.run is not None:
        return _of_run(state.run, state.phase)
    settings = state.settings
    if settings is None:
        reason = state.reason or _why_nothing_ran()
        return _report("not-run", reason, _resolved(), prefect=_imported_prefect())
    outcome = "not-run" if settings.enabled else "disabled"
    return _report(outcome, state.reason, settings, prefect=_imported_prefect())


def _why_nothing_ran() -> str:
    """A line on why `import prefect`, if there was one, did not come to us."""
    module = sys.modules.get("prefect")
    if module is None:
        return "Prefect has not been imported"
    finder: Any = sys.modules[__package__]
    if finder not in sys.meta_path:
        return "Prefect was imported without prefect-preflight's finder on sys.meta_path: never there, or removed"
    loader = getattr(module, "__loader__", None)
    first = sys.meta_path[0] if sys.meta_path[0] is not finder else None
    return (
        "Prefect was imported without prefect-preflight's finder being asked"
        + (f", as {_type_name(first)} stands before it" if first is not None else "")
        + (f"; its loader is {_type_name(loader)}" if loader is not None else "")
    )


def _type_name(thing: object) -> str:
    kind = thing if isinstance(thing, type) else type(thing)
    return f"{kind.__module__}.{kind.__qualname__}"


def survey() -> Report:
    """What would be run: the resolved settings and the plugins found, without importing Prefect or any plugin."""
    from ._discovery import discover

    settings = _resolved()
    plugins = tuple(_candidate_info(candidate) for candidate in discover(settings))
    outcome = "not-run" if settings.enabled else "disabled"
    return _report(outcome, _loader.state.reason, settings, plugins=plugins, prefect=_imported_prefect())


def redacted(text: str) -> str:
    """`text` without secrets, those included that the plugins of this process returned."""
    from ._redaction import Redactor

    run = _loader.state.run
    return ((run and run.redactor) or Redactor()).text(text)


def _imported_prefect() -> Optional[PrefectInfo]:
    """The Prefect that this process has imported, whether or not hooks ran for it; None for anybody else's package."""
    from ._host import identify

    module = sys.modules.get("prefect")
    host = None if module is None else identify(module)
    return None if host is None else _prefect_info(host, False)


def _prefect_info(host: Host, superseded: bool) -> PrefectInfo:
    native = "_initialize_plugins" in vars(sys.modules.get("prefect", object))  # without asking its `__getattr__`
    runner = "superseded" if superseded else "present" if native else "none"
    return PrefectInfo(host.distribution, host.version, host.location, runner)


def _resolved() -> Settings:
    from ._settings import resolve

    return resolve(os.environ, full=True)


def _of_run(run: Run, phase: str) -> Report:
    settings, runner = run.settings, run.runner
    plugins: tuple[PluginInfo, ...] = ()
    if runner is not None and run.redactor is not None:
        zero = min((plugin.began for plugin in runner.plugins if plugin.began is not None), default=0.0)
        plugins = tuple(_plugin_info(plugin, run.redactor, zero) for plugin in runner.plugins)
    outcome, reason = _outcome(run, phase, plugins)
    return _report(
        outcome,
        run.redactor.text(reason) if reason and run.redactor else reason,
        settings,
        plugins=plugins,
        prefect=_prefect_info(run.host, run.superseded),
        hooks_run_in="importing thread" if runner is not None and runner.inline else "workers",
        seconds=None if runner is None else round(runner.deadline.spent(), 6),
        conflicts={} if runner is None else {k: tuple(v) for k, v in runner.writers.items() if len(v) > 1},
    )


def _outcome(run: Run, phase: str, plugins: tuple[PluginInfo, ...]) -> tuple[str, Optional[str]]:
    if run.strict_exit is not None:
        return "strict-exit", run.strict_exit
    if run.internal_errors:
        return "internal-error", run.internal_errors[0]
    if run.inside_hook:
        return "inside-hook", "a hook started this process, so it runs no hooks itself"
    if phase == "waiting":
        return "interrupted", "the import of Prefect did not come to its end"
    if any(plugin.failed for plugin in plugins):
        return "failures", None
    return ("safe-mode", "hooks are not called") if run.settings.safe_mode else ("success", None)


def _plugin_info(plugin: Plugin, redactor: Redactor, zero: float) -> PluginInfo:
    kept = redactor.text
    error = plugin.error
    return PluginInfo(
        **_identity(plugin.candidate),
        status=plugin.status,
        reason=plugin.candidate.filtered,
        api_requirement=None if plugin.load_seconds is None else kept(plugin.requires),
        stage=plugin.stage,
        deferred_by=plugin.deferred,
        load_seconds=plugin.load_seconds,
        hooks=tuple(_hook_info(hook, zero) for hook in plugin.hooks),
        hook_names=tuple(plugin.hook_names),
        environment=redactor.environment(plugin.env),
        note=None if plugin.note is None else kept(plugin.note),
        required=plugin.required,
        expires_at=plugin.expires_at,
        inherit=plugin.inherit,
        error=None if error is None else ErrorInfo(error[0], kept(error[1])),
        warnings=tuple(kept(warning) for warning in plugin.warnings),
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
        status="not-run" if candidate.filtered is None else "filtered",
        reason=candidate.filtered,
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
    outcome: str,
    reason: Optional[str],
    settings: Settings,
    *,
    plugins: tuple[PluginInfo, ...] = (),
    prefect: Optional[PrefectInfo] = None,
    hooks_run_in: str = "workers",
    seconds: Optional[float] = None,
    conflicts: Optional[Mapping[str, tuple[str, ...]]] = None,
) -> Report:
    from ._redaction import Redactor
    from ._settings import FIELDS

    names = (*FIELDS, "logging_level", "api_url")
    show = Redactor().text
    return Report(
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
            SettingInfo(name, _shown(getattr(settings, name), show), settings.sources.get(name, "default"))
            for name in names
        ),
        problems=tuple(ProblemInfo(problem.slug, problem.source, show(problem.text)) for problem in settings.problems),
        plugins=plugins,
        conflicts=conflicts or {},
    )


def _shown(value: Any, show: Any) -> Any:
    """A setting's value as JSON has it; an API URL may carry a password."""
    if isinstance(value, str):
        return show(value)
    return list(value) if isinstance(value, tuple) else value
