"""Who works for a hook: the gate at which a worker waits for Prefect, and what it meets that comes too late."""

from __future__ import annotations

from contextvars import ContextVar

from prefect_preflight._threads.deadline import clock

from . import cpython

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from prefect_preflight._threads import Bell


class GatedWork:
    """Work that a worker does for a hook, and that may need Prefect before it is there.

    With a gate it waits there when it needs Prefect, until the importing thread, which makes it, admits it. Without one
    it finds all of Prefect.

    Args:
        label: for whom it is, for messages.
        bell: rung when it begins to wait.
        has_gate: whether it may begin before Prefect is there.
    """

    __slots__ = ("_bell", "_stopped", "_waited", "abandoned", "admitted", "gate", "ident", "label", "needs")

    def __init__(self, label: str, bell: Bell, has_gate: bool) -> None:
        self.label = label
        self.admitted = not has_gate
        self.gate: Any = None  # a module lock, so that CPython sees who waits for whom
        if has_gate:
            self.gate = cpython.new_lock(f"prefect, for {label}")
            self.gate.acquire()
        self.needs: str | None = None  # the first module of Prefect that it has waited for, or waits for
        self.abandoned = False
        self.ident: int | None = None  # of the thread that does it
        self._bell = bell
        self._stopped: float | None = None  # when it began to wait at the gate, on `clock`
        self._waited = 0.0  # seconds that it waited there

    def wait_at_gate(self, name: str) -> None:
        """Tell the importing thread, by its bell, that from now on this work waits for the module `name`."""
        if self.needs is None:
            self.needs, self._stopped = name, clock()
        self._bell.ring()

    def admit(self) -> None:
        """Let it go on; to be called by the thread that made it, once or more often."""
        if self._stopped is not None and not self.admitted:
            self._waited = clock() - self._stopped
        self.admitted = True
        if self.gate is not None and self.gate.owner == cpython.ident():
            self.gate.release()


working_for: ContextVar[GatedWork | None] = ContextVar("prefect_preflight_working_for", default=None)
"""The work that the calling thread does. A `ContextVar`, not a table of thread idents: it reaches the threads of
`asyncio.to_thread` too, and idents are used again and would name the wrong plugin."""


class PrefectNotReady(ImportError):
    """A worker that was given up reached for Prefect, or was waiting for it when it was given up."""


def not_ready(work: GatedWork, name: str) -> PrefectNotReady:
    """What to raise in a worker that needs the module `name` and cannot have it any more."""
    return PrefectNotReady(f"{name}: {work.label} was given up, its time was over", name=name)
