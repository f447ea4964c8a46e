"""What happened at `import prefect` in this process, as frozen data without secrets.

Pure data: `_reports` makes it of the records of a run, the command line renders it as text or JSON. Building and
rendering change nothing. The words for what became of something are in `_statuses`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Optional

from ._statuses import FAILED, RAN, Executor, NativeRunner, Outcome, PluginStatus, RenewalState, Stage, Wave

__all__ = [
    "SCHEMA_VERSION",
    "ErrorInfo",
    "HookInfo",
    "PluginInfo",
    "PrefectInfo",
    "ProblemInfo",
    "RenewalInfo",
    "Report",
    "SettingInfo",
]

SCHEMA_VERSION = 1
"""Version of the report's JSON form; it changes when a field is removed or changes its meaning."""


@dataclass(frozen=True)
class ErrorInfo:
    """A plugin's error.

    Attributes:
        type: the name of the exception's type.
        message: what it says, on one line, redacted.
    """

    type: str
    message: str


@dataclass(frozen=True)
class SettingInfo:
    """A resolved setting.

    Attributes:
        name: its field name, such as "strict".
        value: what holds.
        source: where it came from, "default" if from nowhere.
    """

    name: str
    value: Any
    source: str


@dataclass(frozen=True)
class ProblemInfo:
    """Something wrong with the settings.

    Attributes:
        slug: what it is, for programs; it stays the same.
        source: where it is.
        message: a line for people.
    """

    slug: str
    source: str
    message: str


@dataclass(frozen=True)
class PrefectInfo:
    """The Prefect that was imported.

    Attributes:
        distribution: the name of the installed distribution.
        version: its version.
        location: the package's directory.
        native_runner: "superseded" if Prefect's own plugin runner was taken out of the import, "present" if there is
            one and it was not (always so where plugins are disabled), "none" in a Prefect without one, "unknown" if the
            import ended before that could be seen.
    """

    distribution: str
    version: str
    location: str
    native_runner: NativeRunner


@dataclass(frozen=True)
class RenewalInfo:
    """Whether the process renews by itself what expires, and when.

    Attributes:
        state: "off" (nobody asked for it), "idle" (nothing expires), "on", or "refused" (it cannot be done here).
        reason: why it is refused, None otherwise.
        last: when values were last renewed in this process, by itself or by `refresh`; None if they never were.
        next: when the next call of a hook is due; None if it does not renew by itself, or nothing expires.
    """

    state: RenewalState
    reason: Optional[str]
    last: Optional[datetime]
    next: Optional[datetime]


@dataclass(frozen=True)
class HookInfo:
    """One call of a hook.

    Attributes:
        wave: "tryfirst", "normal" or "trylast".
        started: when it began, in seconds from the first load of a plugin; None if it was not called, or never ended.
        seconds: how long it took; None likewise.
    """

    wave: Wave
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
        status: "not-run" (nobody tried), "filtered", "incompatible", "load-failed", "no-hook", "no-startup-hook" (not
            loaded, since it has a hook for Prefect's server alone), "loaded" (safe mode), "inherited" (an ancestor ran
            it), "success", "failed", "invalid-result", "timed-out", "expired" (what it set before has expired, and
            its hook returned nothing new), or "pending" (the import was ended before its turn).
        reason: why it is "filtered", None otherwise.
        api_requirement: its version specifier for the plugin API, None if it was not loaded.
        stage: "early", or "late" for a plugin that needs Prefect itself; None if it was not loaded.
        deferred_by: the module of Prefect that it waited for first, if that made it late.
        load_seconds: how long it took to load, None if it did not.
        hooks: the calls of its hook.
        hook_names: the names of all hooks that it registers.
        environment: the variables that it set, redacted; also those of an earlier run, here or in an ancestor, if
            nothing new came of the last one.
        note: its note, redacted.
        required: whether it returned `required=True`.
        expires_at: when its values cease to be valid.
        inherit: whether it returned `inherit=True`.
        error: what went wrong.
        warnings: what should be fixed in the plugin, a line each.
        warning_slugs: a stable slug for each of `warnings`, in the same order: "bad-api-requirement", "bad-expiry",
            "class-not-instance", "no-hook", "not-replaced", "unknown-hook", "wrapper-hook"; later versions may have
            more.
        another_name_of: the plugin that runs in its place, if it is filtered because it is the same one.
        renewed_at: when its values were last renewed in this process; None if they never were.
    """

    name: str
    value: str
    distribution: Optional[str]
    version: Optional[str]
    status: PluginStatus
    reason: Optional[str]
    api_requirement: Optional[str]
    stage: Optional[Stage]
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
    warning_slugs: tuple[str, ...] = ()
    another_name_of: Optional[str] = None
    renewed_at: Optional[datetime] = None

    @property
    def ran(self) -> bool:
        """Whether its hook was called, or should have been: it is neither filtered, fenced out, nor without a hook."""
        return self.status in RAN

    @property
    def failed(self) -> bool:
        """Whether it should have succeeded and did not."""
        return self.status in FAILED


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
        timeout_seconds: the deadline of the hooks.
        seconds: how long loading and running the plugins took, None if nothing ran.
        settings: all settings of the plugin system.
        problems: what is wrong with them.
        plugins: the plugins in the order of their names.
        conflicts: each variable that several plugins set, with their names in the order of application.
        renewal: whether what expires is renewed; None if nothing ran.
    """

    schema_version: int
    outcome: Outcome
    reason: Optional[str]
    preflight_version: str
    python: str
    executable: str
    pid: int
    prefect: Optional[PrefectInfo]
    hooks_run_in: Executor
    timeout_seconds: float
    seconds: Optional[float]
    settings: tuple[SettingInfo, ...]
    problems: tuple[ProblemInfo, ...]
    plugins: tuple[PluginInfo, ...]
    conflicts: Mapping[str, tuple[str, ...]]
    renewal: Optional[RenewalInfo] = None

    def as_dict(self) -> dict[str, Any]:
        """The report as plain JSON data."""
        data = asdict(self)
        moments = [(plugin, key) for plugin in data["plugins"] for key in ("expires_at", "renewed_at")]
        moments += [(data["renewal"], key) for key in ("last", "next") if data["renewal"] is not None]
        for part, key in moments:
            part[key] = None if part[key] is None else part[key].isoformat()
        return data

    def setting(self, name: str) -> Any:
        """The value of a setting, by its field name such as "strict"."""
        return next(setting.value for setting in self.settings if setting.name == name)
