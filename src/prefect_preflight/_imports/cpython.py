"""Every private contact with CPython's import system, and a check that it is as we know it.

Seen to work on CPython 3.9 to 3.15. What is touched, all of it in `importlib._bootstrap`:

- `_module_locks`: a dict of weak references to module locks, by the names of modules;
- `_ModuleLock`: their class, with `owner` (a thread's ident, or None), `count` and, inside, `lock` and `wakeup`;
- `_blocking_on`: which locks a thread waits for; a lock up to 3.11, a list of locks from 3.12 on;
- `_DeadlockError`: what a lock raises where waiting would never end.

Where any of it is gone or behaves otherwise, `usable()` is False: then all hooks run after Prefect's body, in the
importing thread, and the report says so.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_frozen: Any = sys.modules.get("_frozen_importlib")
_table: Any = getattr(_frozen, "_module_locks", None)
_blocking_on: Any = getattr(_frozen, "_blocking_on", None)


class _NeverRaised(Exception):
    """Stands in for `_DeadlockError` where the import system has none."""


DeadlockError: type[BaseException] = getattr(_frozen, "_DeadlockError", _NeverRaised)

_PROBE = "prefect_preflight looks whether the table of module locks is used"


class _Probe:
    """An entry in the table that notes what the import system does with it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self) -> _Probe:
        return self

    def acquire(self) -> None:
        self.asked.append("acquire")

    def release(self) -> None:
        self.asked.append("release")


_verdict: bool | None = None


def usable() -> bool:
    """Whether the import system is as we know it; looked at once, at first use."""
    global _verdict
    if _verdict is None:
        try:
            _verdict = _is_as_known()
        except Exception:
            _verdict = False
    return _verdict


def _is_as_known() -> bool:
    lock, me, probe = new_lock(_PROBE), ident(), _Probe()
    lock.acquire()
    owned = lock.owner == me and times_held(lock) == 1
    lock.release()
    _table[_PROBE] = probe
    try:
        _frozen._lock_unlock_module(_PROBE)
    finally:
        _table.pop(_PROBE, None)
    free, idle = lock.owner is None, not _waited_for(me)
    return owned and free and idle and probe.asked == ["acquire", "release"] and DeadlockError is not _NeverRaised


def ident() -> int:
    """The calling thread's ident as the import system knows it, which under gevent is the greenlet's."""
    me: int = _frozen._thread.get_ident()
    return me


def new_lock(name: str) -> Any:
    """A module lock that is in no table. It blocks the thread of the operating system, whatever has been patched."""
    from prefect_preflight._threads import RLock, allocate_lock

    lock = _frozen._ModuleLock(name)
    # What `__init__` made of `_thread` may be gevent's, and could not be waited for in another thread.
    lock.lock, lock.wakeup = RLock(), allocate_lock()
    return lock


def use_real_locks() -> Any:
    """Have the import system make module locks that any thread of the operating system can wait for.

    gevent replaces what it makes them of. A greenlet's lock, in the hands of a hook's worker, ends the importing
    thread's wait with `LoopExit`. (eventlet sees to that itself.)

    Returns:
        What the import system made them of before, for `put_back_locks`; None if that is what Python started with.
    """
    from prefect_preflight._threads import RLock, allocate_lock

    before = _frozen._thread
    if before.allocate_lock is allocate_lock:
        return None
    real = {"allocate_lock": allocate_lock, "RLock": RLock}
    _frozen._thread = SimpleNamespace(**{**vars(before), **real})  # the idents stay: locks have owners by now
    return before


def put_back_locks(before: Any) -> None:
    """Undo `use_real_locks`, given what it returned; more than once does no harm."""
    if before is not None:
        _frozen._thread = before


def lock_of(name: str) -> Any:
    """The lock of a module, as `import` would get it; made if there is none."""
    return _frozen._get_module_lock(name)


def times_held(lock: Any) -> int:
    """How often its owner has acquired a module lock; `count` is a list from Python 3.12 on."""
    return lock.count if isinstance(lock.count, int) else len(lock.count)


def entries() -> list[tuple[str, Any, Any]]:
    """Name, reference and lock of each entry of the table; the lock that a `Lane` stands for where there is one."""
    found = [(name, reference, reference()) for name, reference in list(_table.items())]
    return [(name, reference, getattr(lock, "real", lock)) for name, reference, lock in found if lock is not None]


def put(name: str, entry: Any) -> None:
    """Make `entry` the one of that name."""
    _table[name] = entry


def put_back(name: str, entry: Any, reference: Any) -> None:
    """Make `reference` the entry of that name again, if `entry` is still there."""
    if _table.get(name) is entry:
        _table[name] = reference


def waits_for(thread: int, target: int) -> bool:
    """Whether `thread` waits, by itself or through others, for a module lock that the thread `target` owns."""
    seen, to_do = set(), [thread]
    while to_do:
        current = to_do.pop()
        if current not in seen:
            seen.add(current)
            owners = [lock.owner for lock in _waited_for(current)]
            if target in owners:
                return True
            to_do += [owner for owner in owners if owner is not None]
    return False


def _waited_for(thread: int) -> list[Any]:
    waiting = _blocking_on.get(thread)
    if waiting is None:
        return []
    return list(waiting) if hasattr(waiting, "__iter__") else [waiting]


def forget_other_threads() -> set[str]:
    """Forget, in a forked child, the locks of threads that do not exist there, and what they waited for.

    Python leaves both as they were at the fork, so an import of such a module would wait for ever, and the idents of
    lost threads are given to new ones.

    Returns:
        The names of the modules that those threads were importing.
    """
    me, half_done = ident(), set()
    for name, reference, lock in entries():
        if lock.owner not in (None, me):
            _table.pop(name, None)
            if is_initializing(sys.modules.get(name)):
                half_done.add(name)
        elif reference() is not lock:
            _table.pop(name, None)  # a lane: its owner goes on with the lock that it has
    own = _blocking_on.get(me)
    _blocking_on.clear()
    if own is not None:
        _blocking_on.setdefault(me, own)
    return half_done


def is_initializing(module: Any) -> bool:
    """Whether `module` is being imported just now."""
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


def count_as_initialized(module: Any) -> None:
    """Have no importer wait for `module` any more: in a forked child, whoever was importing it is not there."""
    if module.__spec__ is not None:
        module.__spec__._initializing = False
