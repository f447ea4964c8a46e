"""Lanes: one module lock is two for a time, so that some threads pass where all others wait.

The table of module locks maps names to references. A lane takes the place of one reference, and answers as the lock:
some of the threads that ask for it get the real lock, and so wait for its holder as in any import; those who may pass
get a second one. Who passes finds the module as the holder itself would find it in a circular import: as far as it has
come.

CPython never sees a lane waiting. What waits is a module lock, the real one or the second, so its detection of circles
sees everything.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager

from prefect_preflight._threads import Bell

from . import cpython

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Callable

_ATTEMPTS = 1000
_PAUSE = 0.001  # seconds between two of them


class Lane:
    """Stands in the table for the lock of the module `name`."""

    def __init__(self, name: str, reference: Any, lock: Any, passes: Callable[[Lane], bool]) -> None:
        self.name = name
        self.real = lock
        self._reference = reference
        self._passes = passes
        # Of those who pass, one may execute a module that does not exist yet, and the others wait for that one.
        self._executing = cpython.new_lock(name) if name not in sys.modules else None
        self._times_held = cpython.times_held(lock)
        self._taken: dict[int, list[Any]] = {}  # which of the two each thread has, by its ident

    def __call__(self) -> Lane:
        """The table holds references: this one is its own."""
        return self

    @property
    def owner(self) -> int | None:
        """The thread that has the real lock."""
        owner: int | None = self.real.owner
        return owner

    def acquire(self) -> bool:
        """As a module lock's: waits, unless the calling thread may pass.

        Raises:
            Exception: CPython's `_DeadlockError`, where waiting would never end.
        """
        lock = self._second() if self._passes(self) else self.real
        taken = self._taken.setdefault(cpython.ident(), [])
        taken.append(lock)
        try:
            return bool(lock.acquire())
        except BaseException:
            taken.pop()
            raise

    def _second(self) -> Any:
        """The lock for those who pass; one that nobody else has, where there is nothing to execute."""
        return cpython.new_lock(self.name) if self._executing is None else self._executing

    def release(self) -> None:
        """As a module lock's; of the one that this thread has acquired."""
        self._taken[cpython.ident()].pop().release()

    def open(self) -> None:
        """Take the place in the table."""
        cpython.put(self.name, self)

    def close(self) -> None:
        """Give the place back, and whatever an interrupt has left in the hands of the calling thread.

        A worker that was given up may still execute the module, on the second lock. It leaves `sys.modules` then, so
        that whoever asks next executes it anew.
        """
        cpython.put_back(self.name, self, self._reference)
        while self.real.owner == cpython.ident() and cpython.times_held(self.real) > self._times_held:
            self.real.release()
        if self._executing is not None and self._executing.owner is not None:
            sys.modules.pop(self.name, None)


def lanes_of(wanted: Callable[[str, int | None], bool], passes: Callable[[Lane], bool]) -> dict[str, Lane]:
    """Lanes for those locks that `wanted(name, owner)` picks, not yet open; a lock that has a lane keeps it."""
    return {
        name: Lane(name, reference, lock, passes)
        for name, reference, lock in cpython.entries()
        if reference() is lock and wanted(name, lock.owner)
    }


@contextmanager
def opened(lanes: dict[str, Lane]) -> Iterator[None]:
    """Have these lanes open inside."""
    try:
        for lane in lanes.values():
            lane.open()
        yield
    finally:
        for lane in lanes.values():
            lane.close()


@contextmanager
def without_locks_below(package: str) -> Iterator[list[str]]:
    """Give up, for the time of a wait, the calling thread's locks on submodules of `package`; gives their names.

    Up to Python 3.14 `import a.b` takes the lock of `a.b` before it looks at `a`. Whoever is waited for may need `a.b`.

    Raises:
        Exception: CPython's `_DeadlockError`, if a lock could not be had back within a second.
    """
    me, names, given_up = cpython.ident(), [], []
    try:
        for name, _, lock in cpython.entries():
            if name.startswith(package + ".") and lock.owner == me:
                names.append(name)
                while lock.owner == me:  # as often as it was acquired
                    given_up.append(lock)
                    lock.release()
        yield names
    finally:
        for lock in given_up:
            acquire(lock)


def acquire(lock: Any) -> None:
    """Acquire a lock, again and again where others have it and wait for one of ours: they will give it up."""
    for attempt in range(_ATTEMPTS):
        try:
            lock.acquire()
            return
        except cpython.DeadlockError:
            if attempt == _ATTEMPTS - 1:
                raise
            Bell().wait(_PAUSE)
