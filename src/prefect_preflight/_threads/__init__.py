"""Threads and locks of the operating system, whatever has patched `threading` or `_thread` since Python started.

gevent and eventlet replace both by greenlets. A greenlet cannot be left behind when its time is over, and a lock of
theirs cannot be waited for in another thread. What they replace is kept from the start of Python on, by
the start-up finder.
"""

from __future__ import annotations

import _thread
import threading

from prefect_preflight._state import finder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

# A process that has read no `.pth` file, and called no `init()` either, has nothing kept.
_kept: Any = finder() or _thread
allocate_lock = _kept.allocate_lock
RLock = _kept.RLock
_start_new_thread = _kept.start_new_thread

__all__ = ["Bell", "RLock", "allocate_lock", "start_thread"]

_BUILTIN: type = type(len)


class Bell:
    """Wakes one thread that waits; rung before it waits, it wakes it at once. For any number of ringers."""

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._lock.acquire()

    def ring(self) -> None:
        """End the present wait, or the next one."""
        try:
            self._lock.release()
        except RuntimeError:  # it has been rung already
            pass

    def wait(self, seconds: float = -1) -> bool:
        """Wait until it rings, for `seconds` at most if that is not negative; return whether it rang."""
        return bool(self._lock.acquire(True, min(seconds, threading.TIMEOUT_MAX)))


def can_start_threads() -> bool:
    """Whether what is kept is the system's: without `.pth`, `init()` may have been called after a patch."""
    return type(_start_new_thread) is _BUILTIN


def start_thread(function: Callable[[], object], name: str) -> Callable[[float], object]:
    """Start a daemon thread of the operating system.

    Args:
        function: what it executes.
        name: its name, for debuggers.

    Returns:
        A function that waits until the thread has ended, for so many seconds at most.

    Raises:
        RuntimeError: if none can be started.
    """
    if not can_start_threads():
        raise RuntimeError("threads are patched")
    if not _is_patched():
        thread = threading.Thread(target=function, name=name, daemon=True)
        thread.start()
        return thread.join
    _start_new_thread(function, ())  # patched: `Thread` would run the function in this very thread
    return _no_join


def _no_join(seconds: float) -> None:
    """Nobody can wait for the end of a thread that `threading` does not know."""


def _is_patched() -> bool:
    """Whether `threading` starts something else than threads of the system.

    By its private names, `_start_joinable_thread` from 3.13 on; where both are gone it counts as patched, and threads
    have no names and are not waited for at the end.
    """
    starter: Any = getattr(threading, "_start_joinable_thread", None) or getattr(threading, "_start_new_thread", None)
    return any(type(function) is not _BUILTIN for function in (starter, getattr(threading, "_allocate_lock", starter)))
