"""One load of a plugin, or one call of a hook of its: what a worker is given to do, and how far it is."""

from __future__ import annotations

from concurrent.futures import Future
from contextvars import Context

from ._deadline import clock
from ._imports import cpython
from ._imports.workers import working_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from ._plugin import Hook, Plugin
    from ._threads import Bell


class Task:
    """What one worker executes for one plugin.

    With a gate it may be early: it waits there when it needs Prefect, until the importing thread, which makes the task,
    admits it. Without one it finds all of Prefect.
    """

    __slots__ = (
        "_bell",
        "_stopped",
        "_waited",
        "abandoned",
        "admitted",
        "cancel",
        "ended",
        "failure",
        "future",
        "gate",
        "hook",
        "ident",
        "needs",
        "plugin",
        "started",
        "traceback",
    )

    def __init__(self, plugin: Plugin, hook: Hook | None, bell: Bell, has_gate: bool) -> None:
        self.plugin = plugin
        self.hook = hook  # None: the plugin is loaded
        self.admitted = not has_gate
        self.gate: Any = None  # a module lock, so that CPython sees who waits for whom
        if has_gate:
            self.gate = cpython.new_lock(f"prefect, for plugin {plugin.name}")
            self.gate.acquire()
        self.needs: str | None = None  # the first module of Prefect that it has waited for, or waits for
        self.abandoned = False
        self.cancel: Callable[[], object] | None = None  # set while an async hook runs
        self.failure: tuple[str, str] | None = None  # type's name and message of what it raised
        self.traceback: str | None = None  # formatted, if anybody wants to see it
        self.ident: int | None = None  # of the thread that executes it
        self.started = 0.0  # on `clock`, as the next three
        self.ended = 0.0
        self._stopped: float | None = None  # when it began to wait at the gate
        self._waited = 0.0  # seconds that it waited there
        self.future: Future[Any] = Future()  # of the executor, as soon as it has the task
        self._bell = bell

    @property
    def began(self) -> float:
        """When it would have started, had it not waited at the gate: its end less the time in which it ran."""
        return self.started + self._waited

    @property
    def at_gate(self) -> bool:
        """Whether it waits to be admitted."""
        return self.needs is not None and not self.admitted and not self.future.done()

    def wait_at_gate(self, name: str) -> None:
        """Tell the importing thread, by its bell, that from now on this task waits for the module `name`."""
        if self.needs is None:
            self.needs, self._stopped = name, clock()
        self._bell.ring()

    def admit(self) -> None:
        """Let it go on; to be called by the thread that made the task, once or more often."""
        if self._stopped is not None and not self.admitted:
            self._waited = clock() - self._stopped
        self.admitted = True
        if self.gate is not None and self.gate.owner == cpython.ident():
            self.gate.release()

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
