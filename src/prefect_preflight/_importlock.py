"""What the import system is told while the importing thread waits for its hooks.

The thread that executes `import prefect` holds the module lock of `prefect`, and of every module further up that is
being imported too, for as long as the hooks run in their workers. Two truths keep that from becoming a deadlock:

- for a hook's worker Prefect is a module to be used as it is, for every other thread it is still initializing
  (`shared_with_workers`);
- the importing thread waits for its workers (`waiting_for_workers`), so a worker that asks for a lock of the
  importing thread's is part of a circle, and Python's own detection of circular imports lets it pass.

Who works for a hook is a `ContextVar`, not a thread ident: it reaches the threads of `asyncio.to_thread` too, while
idents are used again and would name the wrong plugin.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.machinery import ModuleSpec
from threading import get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType, ModuleType
    from typing import Any

    from ._executor import Task

working_for: ContextVar[Task | None] = ContextVar("prefect_preflight_working_for", default=None)

# The table of CPython's import system that says which thread waits for which module locks. Private; seen to work on
# CPython 3.9 to 3.13: up to 3.11 a dict of one lock for each thread, from 3.12 on a weak-valued dict of lists. Where
# it is missing or of another shape, `can_tell` is False and the runner executes hooks on the importing thread instead.
_frozen: Any = sys.modules.get("_frozen_importlib")
_blocking_on: Any = getattr(_frozen, "_blocking_on", None)
_has_lists = hasattr(_frozen, "_BlockingOnManager")
_LockList: Any = getattr(_frozen, "_List", None)
can_tell = _blocking_on is not None and (_LockList is not None if _has_lists else type(_blocking_on) is dict)


class _NeverRaised(Exception):
    """Stands in for `_DeadlockError` where the import system has none."""


# What an import raises where a circle of module locks cannot be passed: `importlib.import_module` of a module that is
# being imported further up. Private; seen to work on CPython 3.9 to 3.13. Where it is gone, such an import is the
# plugin's failure like any other.
DeadlockError: type[BaseException] = getattr(_frozen, "_DeadlockError", _NeverRaised)


class _Edge:
    """Stands where CPython expects a module lock: the one that the importing thread is waiting for."""

    @property
    def owner(self) -> int | None:
        """The asking thread's own ident if it works for a hook: then it has found itself, which is a circle."""
        task = working_for.get()
        if task is None:
            return None
        name = _refused(sys._getframe(1))
        if name is not None:
            from ._gate import lock_out  # which imports this module

            lock_out(task, name)
        return get_ident()


def _refused(frame: FrameType | None) -> str | None:
    """The module for which the asking thread is about to get a `DeadlockError`, None if Python lets it pass.

    Python asks for the owner in `_ModuleLock.acquire`. Where the module is there, and only not yet initialized,
    `_lock_unlock_module` swallows the error. Anywhere else it is raised, and a plugin may swallow that.
    """
    name = None
    while frame is not None and frame.f_globals is vars(_frozen):
        if frame.f_code.co_name == "_lock_unlock_module":
            return None
        if name is None:
            name = getattr(frame.f_locals.get("self"), "name", None)
        frame = frame.f_back
    return name or "a module that is being imported"


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


def waited_for(thread: int) -> list[Any]:
    """The module locks that a thread waits for, none if that cannot be told."""
    waiting = _blocking_on.get(thread) if can_tell else None
    if waiting is None:
        return []
    return list(waiting) if _has_lists else [waiting]


def forget_waiting_threads() -> None:
    """Forget, in a forked child, what all threads but the calling one waited for.

    The idents of lost threads are given to new ones, which wait for nothing.
    """
    if can_tell:
        me = get_ident()
        own = _blocking_on.get(me)
        _blocking_on.clear()
        if own is not None:
            _blocking_on.setdefault(me, own)


class _SharedSpec(ModuleSpec):
    """A spec whose module counts as initializing for everyone but the hooks' workers.

    `_initializing` is what `import` looks at before it waits for a module's lock. Private; seen to work on CPython 3.9
    to 3.13. Without it on a future version, `importlib.import_module("prefect")` in a worker raises `DeadlockError`,
    which defers the plugin; nothing else changes.
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
    # The class of the one spec changes, as `importlib.util.LazyLoader` does with modules: the import machinery holds
    # references to this object, so putting another one in its place would leave two that disagree.
    spec.__class__ = _SharedSpec
    try:
        yield
    finally:
        spec.__class__ = plain
