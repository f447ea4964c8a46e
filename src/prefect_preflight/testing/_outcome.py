"""What came of a plugin, as frozen data: its environment, its status, what it logged, and what should be fixed."""

# ruff: noqa: UP045, TC001, TC003  # public data classes: annotations must be readable at run time, on Python 3.9 too

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Optional

from prefect_preflight._redaction import Redactor
from prefect_preflight._statuses import PluginStatus, Stage
from prefect_preflight.report import ErrorInfo, Report

if TYPE_CHECKING:
    from prefect_preflight._discovery import Candidate
    from prefect_preflight._plugins import Plugin

__all__ = ["ADVICE", "Advice", "LogLine", "Observed", "PluginRun", "run_of"]

ADVICE: dict[str, str] = {
    "ctx-not-keyword-only": "the hook's parameter is not `*, ctx`, as the plugin API has it",
    "no-api-requirement": "PREFECT_PLUGIN_API_REQUIRES is missing",
    "no-expiry": "it sets a token that is always temporary, and does not return when that expires",
    "not-idempotent": "a second call, in the environment that the first one made, gives something else",
    "prints-to-stdout": "it prints to the standard output, where Prefect's runner expects JSON alone",
    "runs-late": "it needs more of Prefect than the plugin API, so it runs after Prefect's own code",
    "secret-in-log": "it logs a value that should be secret",
    "secret-in-note": "its note holds a value that should be secret",
    "slow-import": "its module takes long to import, in every process that imports Prefect",
    "sets-environ": "it changes os.environ itself instead of returning the variables",
    "blocks-exit": "the process did not end by itself (only seen with `subprocess=True`)",
    "warning": "what is logged as a warning in production too",
}
"""What there may be to fix in a plugin: each `Advice.slug`, and what it means."""


@dataclass(frozen=True)
class Advice:
    """Something that should be fixed in the plugin although it may work: a key of `ADVICE`, and a line on it."""

    slug: str
    message: str

    def __str__(self) -> str:
        return f"{self.slug}: {self.message}"


@dataclass(frozen=True)
class LogLine:
    """A record that was logged by a logger of the context's, or about the plugin; its secrets are redacted."""

    logger: str
    level: str
    message: str

    def __str__(self) -> str:
        return f"{self.level} {self.logger}: {self.message}"


@dataclass(frozen=True, repr=False)
class PluginRun:
    """What came of one plugin.

    Attributes:
        name: the entry point's name.
        value: the entry point's value, such as "acme_plugin" or "acme_plugin:plugin".
        status: "success", or why not: "load-failed", "no-hook", "incompatible" (with the plugin API's version),
            "failed" (the hook raised), "invalid-result", "timed-out"; "crashed" if the child interpreter ended too
            early.
        distribution: the installed distribution that declares the entry point; None if none does, so that no
            `import prefect` would find the plugin.
        env: the variables that it would set, with their values; empty unless the status is "success".
        note: its note, as it is.
        required: whether it returned `required=True`.
        expires_at: when its values cease to be valid.
        inherit: whether it returned `inherit=True`.
        error: what went wrong, redacted.
        stage: "early", or "late" if it needs Prefect itself; None if that could not be seen, since Prefect was imported
            before.
        deferred_by: the module of Prefect that it waits for first, if that makes it late.
        hook_names: the names of all hooks that it registers.
        load_seconds: how long its module took to load; next to nothing if it had been imported before.
        seconds: how long loading and running took.
        logs: what was logged below `prefect`, from DEBUG on.
        stdout: what it printed, where nothing should be printed.
        stderr: with `subprocess=True`, all that the child wrote to its standard error.
        advice: what should be fixed.
        report: with `subprocess=True`, the whole report of the child.
    """

    name: str
    value: str
    status: Literal[PluginStatus, "crashed"]
    distribution: Optional[str] = None
    env: Mapping[str, str] = field(default_factory=dict)
    note: Optional[str] = None
    required: bool = False
    expires_at: Optional[datetime] = None
    inherit: bool = False
    error: Optional[ErrorInfo] = None
    stage: Optional[Stage] = None
    deferred_by: Optional[str] = None
    hook_names: tuple[str, ...] = ()
    load_seconds: Optional[float] = None
    seconds: float = 0.0
    logs: tuple[LogLine, ...] = ()
    stdout: str = ""
    stderr: str = ""
    advice: tuple[Advice, ...] = ()
    report: Optional[Report] = None

    @property
    def ok(self) -> bool:
        """Whether the plugin did what it is there for; there may be `advice` all the same."""
        return self.status == "success"

    @property
    def slugs(self) -> frozenset[str]:
        """The slugs of `advice`."""
        return frozenset(advice.slug for advice in self.advice)

    def assert_ok(self, *, allow: Iterable[str] = ()) -> PluginRun:
        """Assert that it succeeded and that nothing should be fixed.

        Args:
            allow: slugs of advice that is not to be taken, such as `["runs-late"]`.

        Returns:
            This run, so that `env = run_plugin(...).assert_ok().env` can be written.

        Raises:
            AssertionError: with the error, the advice and the log, secrets redacted.
            ValueError: for a slug that there is not.
        """
        __tracebackhide__ = True  # pytest then shows the line that asserts
        allowed = {allow} if isinstance(allow, str) else set(allow)
        unknown = sorted(allowed - ADVICE.keys())
        if unknown:
            raise ValueError(f"there is no advice {', '.join(map(repr, unknown))}; there is {', '.join(ADVICE)}")
        counting = [advice for advice in self.advice if advice.slug not in allowed]
        if not self.ok or counting:
            raise AssertionError("\n".join(self._complaint(counting)))
        return self

    def _complaint(self, advice: Iterable[Advice]) -> Iterator[str]:
        redact = self._redactor().text
        yield f"plugin {self.name!r} ({self.value}): {self.status}"
        if self.error is not None:
            yield f"  {self.error.message}"
        for one in advice:
            yield f"  {redact(str(one))}"
        if self.logs:
            yield "log:"
            yield from (f"  {line}" for log in self.logs for line in redact(str(log)).splitlines())
        elif self.stderr and not self.ok:
            yield "standard error:"
            yield from (f"  {line}" for line in redact(self.stderr).splitlines())

    def _redactor(self) -> Redactor:
        redactor = Redactor()
        redactor.environment(self.env)
        return redactor

    def __repr__(self) -> str:
        """What matters, the secrets of it redacted: a repr ends in logs of failed tests."""
        redactor = Redactor()
        parts = [f"name={self.name!r}", f"status={self.status!r}", f"env={redactor.environment(self.env)!r}"]
        if self.note is not None:
            parts.append(f"note={redactor.text(self.note)!r}")
        if self.error is not None:
            parts.append(f"error={self.error.message!r}")
        if self.stage == "late":
            parts.append("stage='late'")
        if self.advice:
            parts.append(f"advice={sorted(self.slugs)!r}")
        return f"PluginRun({', '.join(parts)})"


@dataclass(frozen=True)
class Observed:
    """What was seen around a run, beside the runner's record of the plugin; the fields are those of `PluginRun`."""

    stage: Optional[Stage]
    seconds: float
    logs: tuple[LogLine, ...]
    stdout: str
    advice: tuple[Advice, ...]
    stderr: str = ""
    report: Optional[Report] = None


def run_of(plugin: Plugin, candidate: Candidate, redactor: Redactor, observed: Observed) -> PluginRun:
    """What came of a plugin.

    Args:
        plugin: the runner's record of it.
        candidate: the entry point that was asked for; that of the record may be a child's stand-in for it.
        redactor: has learnt the plugin's environment.
        observed: what was seen besides; its logs are redacted here.
    """
    return PluginRun(
        name=candidate.name,
        value=candidate.value,
        status=plugin.status,
        distribution=candidate.distribution,
        env=dict(plugin.env),
        note=plugin.note,
        required=plugin.required,
        expires_at=plugin.expires_at,
        inherit=plugin.inherit,
        error=None if plugin.error is None else ErrorInfo(plugin.error[0], redactor.text(plugin.error[1])),
        stage=observed.stage,
        deferred_by=plugin.deferred,
        hook_names=tuple(plugin.hook_names),
        load_seconds=plugin.load_seconds,
        seconds=observed.seconds,
        logs=tuple(replace(log, message=redactor.text(log.message)) for log in observed.logs),
        stdout=observed.stdout,
        stderr=observed.stderr,
        advice=observed.advice,
        report=observed.report,
    )
