"""The waiting room: who needs Prefect while its hooks run waits for it, by Python's own locks.

While hooks run, the module `prefect` does not exist: it is not in `sys.modules`, and the importing thread holds its
lock. So every other thread that imports it, or anything below it, waits for that lock, as in any import.

- **Workers**, the threads of hooks, pass where the importing thread holds a lock, as that thread itself would in a
  circular import. But at the lock of `prefect`, and at any lock below it, stands a gate: a worker waits there until it
  is admitted, in the late stage, and then goes on in the middle of its import. Nothing is raised, nothing is executed
  twice.
- **Strangers**, all other threads, wait until Prefect is whole. While they do, they keep nobody else from a module:
  they give up the locks below `prefect` that they have, and let the importing thread pass at their others.
- Where CPython detects a circle, a thread goes on as in any circular import, and is told of no deadlock.

Nobody waits here but for a module lock, so that CPython sees all of it. The one exception is the importing thread's
wait for its hooks, which the deadline bounds.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module

from . import cpython
from .lanes import acquire, lanes_of, opened, without_locks_below
from .strangers import StrangersFinder
from .workers import not_ready, working_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType
    from typing import Any

    from .lanes import Lane
    from .workers import GatedWork

_passing: ContextVar[WaitingRoom | None] = ContextVar("prefect_preflight_passing", default=None)
"""The room in which the calling thread, a stranger, passes, because it was found in a circle of imports."""


class WaitingRoom:
    """The importing thread's, for one import of `package`; each of its own steps is undone by `close`, at any time."""

    def __init__(self, package: str) -> None:
        self.package = package
        self.importer = cpython.ident()
        self._module: ModuleType | None = None
        self._lock: Any = None
        self._own_lock = False  # whether it was us who acquired the package's lock
        self._gave_way = False
        self._given_up: list[tuple[Any, int]] = []  # module locks, with how often each was held
        self._lanes: dict[str, Lane] = {}
        self._strangers = StrangersFinder(self)
        self._locks_before: Any = None
        self._wanted: dict[str, None] = {}  # submodules that strangers wait for, in the order of asking

    def is_about(self, name: str) -> bool:
        """Whether a module is the package, or below it."""
        return name == self.package or self._is_below(name)

    # What the importing thread does

    @property
    def is_open(self) -> bool:
        """Whether it has been opened, and not closed."""
        return self._lock is not None

    def open(self) -> None:
        """Let the package not exist, and let workers pass at all locks that the calling thread holds.

        They pass, and this thread too, at locks below the package that strangers hold by now: these have asked before
        there was a room, and wait for the real lock with another in their hands.

        Raises:
            Exception: CPython's `_DeadlockError`, if somebody who waits for this thread has the package's lock.
        """
        self._lock = cpython.lock_of(self.package)
        if self._lock.owner != self.importer:  # such as under `LazyLoader`, which executes a module at its first use
            self._own_lock = True
            self._lock.acquire()
        self._locks_before = cpython.use_real_locks()
        self._strangers.enter()
        me = self.importer
        own = lanes_of(lambda name, owner: owner == me, self._passes_at_own)
        earlier = lanes_of(
            lambda name, owner: self._is_below(name) and owner not in (None, me), self._passes_at_earlier
        )
        self._lanes = {**own, **earlier}
        self._wanted.update(dict.fromkeys(earlier))
        for lane in self._lanes.values():
            lane.open()
        self._module = sys.modules.get(self.package)
        sys.modules.pop(self.package, None)

    def begin_body(self) -> None:
        """Let the package exist."""
        self._put_back()

    def import_what_is_wanted(self) -> None:
        """Import the submodules that strangers wait for, before they go on.

        At the end of their wait all of them would go on at once, and Prefect's modules, which import one another, are
        not made for that: natively `_DeadlockError`, or "cannot import name … from partially initialized module".
        """
        while self._wanted and not self._gave_way:
            name = next(iter(self._wanted))
            del self._wanted[name]
            try:
                import_module(name)
            except Exception:  # who has asked for it will meet the error, by an import of its own
                pass

    def close(self, stragglers: bool = False) -> None:
        """Undo all of it; the finder stays if `stragglers` still run, which must not import Prefect any more."""
        lock = self._lock
        if lock is None:
            return
        # The import system releases these in the end. The package's comes last, as everywhere.
        for given_up, times in sorted(self._given_up, key=lambda pair: pair[0] is lock):
            while given_up.owner != self.importer or cpython.times_held(given_up) < times:
                acquire(given_up)
        self._put_back()
        for lane in self._lanes.values():
            lane.close()
        if not stragglers:
            self._strangers.leave()
        cpython.put_back_locks(self._locks_before)
        if self._own_lock and lock.owner == self.importer:
            lock.release()
        self._lock = None

    def _put_back(self) -> None:
        if self._module is not None and self._lock is not None:
            sys.modules.setdefault(self.package, self._module)

    def forget_in_child(self) -> None:
        """Undo it in a forked child, for which all locks but the forking thread's have been forgotten."""
        self._lock = None
        self._strangers.leave()
        cpython.put_back_locks(self._locks_before)

    def is_held_up(self, work: GatedWork) -> bool:
        """Whether the worker that does `work` waits for this thread, be it at the gate, or for somebody who waits."""
        return work.ident is not None and cpython.waits_for(work.ident, self.importer)

    def executes_package(self, work: GatedWork) -> bool:
        """Whether the worker that does `work` is executing a module of the package, or waits for somebody who is."""
        if work.ident is None or not work.admitted:
            return False
        return any(
            lock.owner is not None and (lock.owner == work.ident or cpython.waits_for(work.ident, lock.owner))
            for name, _, lock in cpython.entries()
            if self._is_below(name)
        )

    def let_strangers_in(self) -> None:
        """End the strangers' wait in the late stage: a worker that was admitted waits for one of them.

        It is the way out of a circle. Prefect is whole by then; what those strangers may lack are variables of late
        hooks.
        """
        if not self._gave_way:
            self._gave_way = True
            own = [
                lane.real for name, lane in self._lanes.items() if lane.owner == self.importer and self.is_about(name)
            ]
            self._given_up = [(lock, cpython.times_held(lock)) for lock in own]
            for lock, times in self._given_up:
                for _ in range(times):
                    lock.release()

    # What other threads do

    def _passes_at_own(self, lane: Lane) -> bool:
        work = working_for.get()
        if work is not None:
            if self.is_about(lane.name):
                self.reach(work, lane.name)
            return True
        if self.keeps_out_strangers():
            self.wait()
        return _passing.get() is self

    def _passes_at_earlier(self, lane: Lane) -> bool:
        work = working_for.get()
        if work is not None:
            self.reach(work, lane.name)
        return work is not None or cpython.ident() == self.importer

    def _is_below(self, name: str) -> bool:
        return name.startswith(self.package + ".")

    def _passes_at_shared(self, lane: Lane) -> bool:
        return cpython.ident() == self.importer

    def keeps_out_strangers(self) -> bool:
        """Whether the calling thread, if it works for no hook, has to wait.

        By the lock itself: should the import have ended in any way that we did not see, nobody waits.
        """
        lock = self._lock
        return (
            lock is not None
            and lock.owner == self.importer
            and cpython.ident() != self.importer
            and _passing.get() is not self
        )

    def wait(self) -> None:
        """A stranger waits until Prefect is whole, and meanwhile keeps neither a worker nor the body from a module."""
        lock = self._lock
        if lock is None:
            return
        try:
            with without_locks_below(self.package) as wanted, opened(self._shared()):
                self._wanted.update(dict.fromkeys(wanted))
                lock.acquire()
                lock.release()
        except cpython.DeadlockError:
            # The body waits for a module that this thread is importing, so it goes on, as in any circular import.
            _passing.set(self)

    def reach(self, work: GatedWork, name: str) -> None:
        """A worker needs the module `name` of Prefect: it waits at the gate until it is admitted.

        Raises:
            PrefectNotReady: if it was given up before that.
        """
        if not work.admitted:
            try:
                with without_locks_below(self.package) as wanted, opened(self._shared()):
                    work.wait_at_gate(max(wanted, key=len, default=name))
                    work.gate.acquire()
                    work.gate.release()
            except cpython.DeadlockError:  # as in `wait`, if there is something to go on with
                if self.package not in sys.modules:
                    raise not_ready(work, name) from None
        if work.abandoned:
            raise not_ready(work, name)

    def answer(self, module: ModuleType, name: str) -> Any:
        """A name that `module`, ours, of the plugin API, does not have: Prefect's own may have it (PEP 562).

        Raises:
            AttributeError: it has not either, or the importing thread itself asks while there is none.
        """
        is_special = name.startswith("__") and name.endswith("__")  # those are nobody's real wish
        if not is_special and (self.package in sys.modules or cpython.ident() != self.importer):
            work = working_for.get()
            if work is not None:
                self.reach(work, module.__name__)
            elif self.keeps_out_strangers():
                self.wait()
            real = import_module(module.__name__)
            if real is not module:
                return getattr(real, name)
        raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

    def _shared(self) -> dict[str, Lane]:
        """Lanes at which the importing thread passes a thread that waits for it."""
        me = cpython.ident()
        return lanes_of(lambda name, owner: owner == me, self._passes_at_shared)


@contextmanager
def workers_pass() -> Iterator[None]:
    """While inside, hooks' workers pass at all locks that the calling thread holds: it waits for them."""
    me = cpython.ident() if cpython.usable() else None
    with opened(lanes_of(lambda name, owner: owner == me, _works) if me is not None else {}):
        yield


def _works(lane: Lane) -> bool:
    return working_for.get() is not None
