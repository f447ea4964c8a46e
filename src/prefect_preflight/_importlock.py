"""What the import system is told while the importing thread waits for its hooks.

The thread that executes `import prefect` holds the module lock of `prefect`, and of every module further up
that is being imported too, for as long as the hooks run in their workers. Two truths keep that from becoming
a deadlock:

- for a hook's worker Prefect is a module to be used as it is, for every other thread it is still initializing
  (`shared_with_workers`);
- the importing thread waits for its workers (`waiting_for_workers`), so a worker that asks for a lock of the
importing
  thread's is part of a circle, and Python's own detection of circular imports lets it pass.

Who works for a hook is a `ContextVar`, not a thread ident: it reaches the threads of `asyncio.to_thread` too,
while idents are used again and would name the wrong plugin.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from importlib.machinery import ModuleSpec
from threading import get_ident
from time import sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType
    from typing import Any

    from ._executor import Task

working_for: ContextVar[Task | None] = ContextVar("prefect_preflight_working_for", default=None)

# The table of CPython's import system that says which thread waits for which module locks. Private; seen to
# work on CPython 3.9 to 3.13: up to 3.11 a dict of one lock for each thread, from 3.12 on a weak-valued dict
# of lists. Where it is missing or of another shape, `can_tell` is False and the runner executes hooks on the
# importing thread instead.
_frozen: Any = sys.modules.get("_frozen_importlib")
_blocking_on: Any = getattr(_frozen, "_blocking_on", None)
_has_lists = hasattr(_frozen, "_BlockingOnManager")
_LockList: Any = getattr(_frozen, "_List", None)
can_tell = _blocking_on is not None and (_LockList is not None if _has_lists else type(_blocking_on) is dict)


class _NeverRaised(Exception):
    """Stands in for `_DeadlockError` where the import system has none."""


# What an import raises where a circle of module locks cannot be passed: `importlib.import_module` of a module
# that is being imported further up. Private; seen on CPython 3.9 to 3.13. Where it is gone, such an import is
# the plugin's failure like any other.
DeadlockError: type[BaseException] = getattr(_frozen, "_DeadlockError", _NeverRaised)


class _Edge:
    """Stands where CPython expects a module lock: the one that the importing thread is waiting for."""

    @property
    def owner(self) -> int | None:
        """The asking thread's own ident if it works for a hook: then it has found itself, which is a circle."""
        return get_ident() if working_for.get() is not None else None


@contextmanager
def waiting_for_workers() -> Iterator[None]:
    """Tell the import system that the calling thread waits for workers.

    To be entered before the first worker starts, for a thread asks only once, just before it begins to wait.
    Inside, the calling thread must import nothing: up to CPython 3.11 that would take the edge away again.
    """
    if not can_tell:
        yield
        return
    ident, edge = get_ident(), _Edge()
    if _has_lists:
        locks = _blocking_on.setdefault(ident, _LockList())  # kept in a local: the table only refers to it weakly
        locks.append(edge)
        try:
            yield
        finally:
            locks.remove(edge)
    else:
        _blocking_on[ident] = edge
        try:
            yield
        finally:
            _blocking_on.pop(ident, None)


@contextmanager
def without_locks_on(package: str) -> Iterator[None]:
    """Give up, for the time of a wait, the calling thread's module locks on `package`'s submodules.

    Whoever waits in a loader holds them, and the thread that is waited for may import the same submodules.
    """
    locks = []
    for name, reference in list(_module_locks().items()):
        lock = reference()
        while name.startswith(package + ".") and _owner(lock) == get_ident():
            lock.release()
            locks.append(lock)
    try:
        yield
    finally:
        _take_back(locks)


def take_over_from_waiting(package: str) -> None:
    """Take the module locks on `package`'s submodules from threads that wait for the calling one.

    A thread that asked for a submodule at the very moment at which the calling one began to import the package holds
    the submodule's lock while it waits, and Python answers the package's body, which needs the same submodule, with
    `_DeadlockError` (cpython#83065). It happens without us as well; hooks make that moment longer. The waiting thread
    finds the submodule in `sys.modules` afterwards, and does not ask for the lock again.
    """
    me, table = get_ident(), _module_locks()
    for name, reference in list(table.items()):
        owner = _owner(reference())
        if name.startswith(package + ".") and owner not in (None, me) and _waits_for(owner, me):
            table.pop(name, None)  # whoever asks next gets a new one


def _waits_for(thread: int, me: int) -> bool:
    waiting = _blocking_on.get(thread) if can_tell else None
    locks = list(waiting or ()) if _has_lists else [waiting]
    return any(_owner(lock) == me for lock in locks)


def load_what_is_held(package: str) -> None:
    """Import those of `package`'s submodules whose locks the calling thread holds.

    The program asked for one of them first, and so imports the package: to a worker that needs the same module it
    would be locked until the package is there, and the package waits for the worker. A loaded module needs no lock.
    """
    for name, reference in list(_module_locks().items()):
        lock, wanted = reference(), name.startswith(package + ".") and name not in sys.modules
        if wanted and _owner(lock) == get_ident():
            try:
                import_module(name)
            except Exception:  # the program will meet it again, by its own import
                pass


def _take_back(locks: list[Any]) -> None:
    for attempt in range(100):
        taken = []
        try:
            for lock in locks:
                lock.acquire()
                taken.append(lock)
            return
        except DeadlockError:  # somebody has one of these locks and waits for another one that we have
            if attempt == 99:
                raise
            for lock in taken:
                lock.release()
            sleep(0.01)


def _module_locks() -> dict[str, Any]:
    """CPython's table of weak references to module locks by name. Private; seen on CPython 3.9 to 3.13."""
    table: dict[str, Any] = getattr(_frozen, "_module_locks", {})
    return table


def _owner(lock: Any) -> int | None:
    """The ident of the thread that has a module lock, None if nobody has, or a future Python does not tell."""
    owner: int | None = getattr(lock, "owner", None)
    return owner


def forget_other_threads() -> set[str]:
    """Forget, in a forked child, the module locks of threads that do not exist there; return what they were importing.

    Python leaves these locks as they were at the fork, so that an import of such a module would wait for ever.
    """
    me, half_done = get_ident(), set()
    for name, reference in list(_module_locks().items()):
        lock = reference()
        if _owner(lock) not in (None, me):
            _module_locks().pop(name, None)
            spec = getattr(sys.modules.get(name), "__spec__", None)
            if getattr(spec, "_initializing", False):
                half_done.add(name)
    if can_tell:
        # The idents of lost threads are given to new ones, which wait for nothing.
        own = _blocking_on.get(me)
        _blocking_on.clear()
        if own is not None:
            _blocking_on.setdefault(me, own)
    return half_done


class _SharedSpec(ModuleSpec):
    """A spec whose module counts as initializing for everyone but the hooks' workers.

    `_initializing` is what `import` looks at before it waits for a module's lock (private; seen on CPython
    3.9 to 3.13). Without it on a future version, `importlib.import_module("prefect")` in a worker raises
    `DeadlockError`, which defers the plugin; nothing else changes.
    """

    @property
    def _initializing(self) -> bool:
        return working_for.get() is None

    @_initializing.setter
    def _initializing(self, value: bool) -> None:
        self.__dict__["_initializing"] = value


@contextmanager
def shared_with_workers(module: ModuleType) -> Iterator[None]:
    """Let hooks' workers use `module` while every other thread waits at its import until this is left."""
    spec, plain = module.__spec__, ModuleSpec  # a local: at the end of the interpreter the global may be gone
    if type(spec) is not plain:  # a spec class of somebody's own: the edge alone has to do
        yield
        return
    # The class of the one spec changes, as `importlib.util.LazyLoader` does with modules: the import
    # machinery holds references to this object, so putting another one in its place would leave two that
    # disagree.
    spec.__class__ = _SharedSpec
    try:
        yield
    finally:
        spec.__class__ = plain
