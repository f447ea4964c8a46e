"""One load of a plugin, or one call of a hook of its: what a worker is given to do, and how far it is."""

from __future__ import annotations

from concurrent.futures import Future
from contextvars import Context

from prefect_preflight._imports import cpython
from prefect_preflight._imports.workers import GatedWork, working_for
from prefect_preflight._threads.deadline import clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from prefect_preflight._plugins import Hook, Plugin
    from prefect_preflight._threads import Bell


class Task(GatedWork):
    """What one worker executes for one plugin.

    Args:
        plugin: the plugin.
        hook: the one to call; None, if the plugin is to be loaded.
        bell: as of `GatedWork`.
        has_gate: as of `GatedWork`.
    """

    __slots__ = ("cancel", "ended", "failure", "future", "hook", "plugin", "started", "traceback")

    def __init__(self, plugin: Plugin, hook: Hook | None, bell: Bell, has_gate: bool) -> None:
        super().__init__(f"plugin {plugin.name!r}", bell, has_gate)
        self.plugin = plugin
        self.hook = hook
        self.cancel: Callable[[], object] | None = None  # set while an async hook runs
        self.failure: tuple[str, str] | None = None  # type's name and message of what it raised
        self.traceback: str | None = None  # formatted, if anybody wants to see it
        self.started = 0.0  # on `clock`, as the next one
        self.ended = 0.0
        self.future: Future[Any] = Future()  # of the executor, as soon as it has the task

    @property
    def began(self) -> float:
        """When it would have started, had it not waited at the gate: its end less the time in which it ran."""
        return self.started + self._waited

    @property
    def at_gate(self) -> bool:
        """Whether it waits to be admitted."""
        return self.needs is not None and not self.admitted and not self.future.done()

    def set_cancel(self, cancel: Callable[[], object] | None) -> None:
        """Note what cancels the hook while it is awaited; None when it has ended."""
        self.cancel = cancel

    def abandon(self) -> None:
        """Give up on it: what it still returns is discarded, and it can import nothing further of Prefect."""
        self.abandoned = True
        self.admit()
        self.future.cancel()
        cancel = self.cancel
        if cancel is not None:
            try:
                cancel()
            except RuntimeError:  # its event loop closed in this very moment
                pass

    def run(self, work: Callable[[Task], Any]) -> Any:
        """Execute `work(self)` in a context of its own that says for whom."""
        return Context().run(self._run, work)

    def _run(self, work: Callable[[Task], Any]) -> Any:
        working_for.set(self)
        self.ident = cpython.ident()
        self.started = clock()
        try:
            return work(self)
        finally:
            self.ended = clock()
