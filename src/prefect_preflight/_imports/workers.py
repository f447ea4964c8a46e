"""Who works for a hook, and what a worker meets that reaches for Prefect before Prefect is there."""

from __future__ import annotations

from contextvars import ContextVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from prefect_preflight._task import Task

working_for: ContextVar[Task | None] = ContextVar("prefect_preflight_working_for", default=None)
"""The task that the calling thread works for. A `ContextVar`, not a table of thread idents: it reaches the threads of
`asyncio.to_thread` too, and idents are used again and would name the wrong plugin."""


class PrefectNotReady(ImportError):
    """A worker that was given up reached for Prefect, or was waiting for it when it was given up."""


def not_ready(task: Task, name: str) -> PrefectNotReady:
    """What to raise in a worker of `task` that needs the module `name` and cannot have it any more."""
    return PrefectNotReady(f"{name}: plugin {task.plugin.name!r} was given up, its time was over", name=name)
