"""The records of one plugin and its hooks: its way through a run, which the report is made of.

Around them is what is done to one plugin: `entry_point` loads it, `hook_call` calls a hook, `hook_result` and
`returned_environment` check what it returned, `describe` makes plain text of its values and errors, `duplicates` knows
two names of the same plugin. `data_class` makes the classes that a plugin uses. Those that execute a plugin's code do
so in a worker, and change nothing but what they return.
"""

from __future__ import annotations

from prefect_preflight._discovery import HOOK, SERVER_HOOK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, Callable

    from prefect_preflight._discovery import Candidate
    from prefect_preflight._statuses import PluginStatus, Progress, Stage, Wave

PREFECT_PLUGIN_API_VERSION = "0.1"
"""Version of the plugin API, which a plugin's `PREFECT_PLUGIN_API_REQUIRES` (PEP 440) is compared with."""

# pluggy's project name for Prefect's hooks, in every Prefect: the attribute is what pluggy's marker would set, so that
# Prefect's own plugin manager recognises the hooks of a plugin that was loaded with ours.
HOOK_ATTRIBUTE = "prefect-experimental_impl"

KNOWN_HOOKS = (HOOK, SERVER_HOOK)
DEFAULT_REQUIREMENT = ">=0.1,<1"


class PluginProblem(Exception):
    """The plugin breaks the plugin API's contract; the message says how, and what to write instead."""


class PluginWarning:
    """Something that was put up with and should be fixed in the plugin: a stable slug, and a line on it.

    The slugs are "bad-api-requirement", "bad-expiry", "class-not-instance", "no-hook", "not-replaced",
    "unknown-hook" and "wrapper-hook"; whoever reads them must expect others.
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

    def __init__(self, function: Callable[..., Any], wave: Wave) -> None:
        self.function = function
        self.wave = wave
        self.state: Progress = "waiting"
        self.started: float | None = None  # seconds on `_threads.deadline.clock`
        self.ended: float | None = None


class Plugin:
    """One plugin's way through the run; the report is made of these."""

    __slots__ = (
        "another_name_of",
        "before",
        "began",
        "candidate",
        "deferred",
        "env",
        "error",
        "expires_at",
        "hook_names",
        "hooks",
        "inherit",
        "load_seconds",
        "loading",
        "new",
        "note",
        "renew_at",
        "renewed_at",
        "required",
        "requires",
        "stage",
        "status",
        "warnings",
    )

    def __init__(self, candidate: Candidate) -> None:
        self.candidate = candidate
        self.status: PluginStatus = "pending" if candidate.why_excluded is None else "filtered"
        self.another_name_of: str | None = None  # the plugin that runs in its place
        self.deferred: str | None = None  # which part of Prefect it needs, if it has to run late
        self.requires: str = DEFAULT_REQUIREMENT
        self.hooks: list[Hook] = []
        self.hook_names: list[str] = []
        self.warnings: list[PluginWarning] = []
        self.error: tuple[str, str] | None = None  # type's name and message
        self.env: dict[str, str] = {}
        self.before: dict[str, str | None] = {}  # what stood there before, None for nothing; only what is known
        self.new: set[str] = set()  # the variables in whose place nothing stood before any plugin ran
        self.note: str | None = None
        self.required = False
        self.inherit = False
        self.expires_at: datetime | None = None
        self.renew_at: float | None = None  # when to obtain the values anew, in seconds since the epoch
        self.renewed_at: float | None = None  # when they were last obtained anew in this process, likewise
        self.stage: Stage | None = None
        self.loading: Progress = "waiting"
        self.load_seconds: float | None = None
        self.began: float | None = None  # when its first task was started, in seconds on `_threads.deadline.clock`

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
