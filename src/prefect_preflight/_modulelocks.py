"""Who holds the locks on modules that are being imported, and how a lock changes hands.

A thread that imports `a.b` holds the module lock of `a.b`, and gets that of `a` besides while `a` is imported first.
So a thread that waits for another one, in a loader or for its hooks, may keep a lock that the other one needs. Each
function here resolves one such case, by the public methods of the locks where there are any.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from importlib import import_module
from threading import get_ident
from time import sleep

from ._importlock import DeadlockError, forget_waiting_threads, waited_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


@contextmanager
def without_locks_on(package: str) -> Iterator[None]:
    """Give up, for the time of a wait, the calling thread's module locks on `package`'s submodules.

    Whoever waits in a loader holds them, and the thread that is waited for may import the same submodules.

    Raises:
        Exception: CPython's `_DeadlockError`, if the locks could not be had back within a second.
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
            if getattr(spec, "_initializing", False):  # private, see `_importlock._SharedSpec`
                half_done.add(name)
    forget_waiting_threads()
    return half_done


def _waits_for(thread: int, me: int) -> bool:
    return any(_owner(lock) == me for lock in waited_for(thread))


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
    """CPython's table of weak references to module locks, by names of modules.

    Private; seen to work on CPython 3.9 to 3.13. Where it is gone, no lock changes hands, and what happens in the cases
    above is what the import system makes of them.
    """
    table: dict[str, Any] = getattr(sys.modules.get("_frozen_importlib"), "_module_locks", {})
    return table


def _owner(lock: Any) -> int | None:
    """The ident of the thread that has a module lock, None if nobody has it.

    Private; seen to work on CPython 3.9 to 3.13. Where it is gone, all locks count as nobody's, as without the table.
    """
    owner: int | None = getattr(lock, "owner", None)
    return owner
