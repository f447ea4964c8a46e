"""The records of one plugin and its hooks: its way through a run, which the report is made of."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, Callable

    from prefect_preflight._discovery import Candidate

HOOK = "setup_environment"
KNOWN_HOOKS = (HOOK, "set_database_connection_params")
DEFAULT_REQUIREMENT = ">=0.1,<1"
WAVES = ("tryfirst", "normal", "trylast")


class PluginProblem(Exception):
    """The plugin breaks the plugin API's contract; the message says how, and what to write instead."""


class PluginWarning:
    """Something that was put up with and should be mended in the plugin: a stable slug, and a line on it.

    The slugs are "bad-api-requirement", "bad-expiry", "class-not-instance", "no-hook", "unknown-hook" and
    "wrapper-hook"; whoever reads them must expect others.
    """

    __slots__ = ("slug", "text")

    def __init__(self, slug: str, text: str) -> None:
        self.slug = slug
        self.text = text

    def __repr__(self) -> str:
        return f"PluginWarning({self.slug!r}, {self.text!r})"


class Hook:
    """One implementation of `setup_environment`: "waiting" for its turn, "running", or "done", and when it ran."""

    __slots__ = ("ended", "function", "started", "state", "wave")

    def __init__(self, function: Callable[..., Any], wave: str) -> None:
        self.function = function
        self.wave = wave
        self.state = "waiting"
        self.started: float | None = None  # seconds on `_deadline.clock`
        self.ended: float | None = None


class Plugin:
    """One plugin's way through the run; the report is made of these.

    `status` is one of "pending", "filtered", "incompatible", "load-failed", "no-hook", "loaded" (safe mode),
    "inherited" (an ancestor ran it), "success", "failed", "invalid-result" and "timed-out".
    """

    __slots__ = (
        "began",
        "candidate",
        "deferred",
        "due",
        "env",
        "error",
        "expires_at",
        "hook_names",
        "hooks",
        "inherit",
        "load_seconds",
        "loading",
        "note",
        "required",
        "requires",
        "stage",
        "status",
        "warnings",
    )

    def __init__(self, candidate: Candidate) -> None:
        self.candidate = candidate
        self.status = "pending" if candidate.filtered is None else "filtered"
        self.deferred: str | None = None  # which part of Prefect it needs, if it has to run late
        self.requires: str = DEFAULT_REQUIREMENT
        self.hooks: list[Hook] = []
        self.hook_names: list[str] = []
        self.warnings: list[PluginWarning] = []
        self.error: tuple[str, str] | None = None  # type's name and message
        self.env: dict[str, str] = {}
        self.note: str | None = None
        self.required = False
        self.inherit = False
        self.expires_at: datetime | None = None
        self.due: float | None = None  # when to obtain the values anew, in seconds since the epoch
        self.stage: str | None = None
        self.loading = "waiting"  # as a hook's state
        self.load_seconds: float | None = None
        self.began: float | None = None  # when its first task was started, in seconds on `_deadline.clock`

    @property
    def name(self) -> str:
        """The entry point's name."""
        return self.candidate.name

    @property
    def pending(self) -> bool:
        """Whether it has still something to do."""
        return self.status == "pending"

    def open_hooks(self) -> list[Hook]:
        """The hooks that are not done: their turn has not come, or they wait for Prefect."""
        return [hook for hook in self.hooks if hook.state != "done"] if self.pending else []

    def __repr__(self) -> str:
        return f"Plugin({self.name!r}, {self.status!r})"
