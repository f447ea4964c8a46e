"""What becomes of threads that were given up when the process ends.

Up to Python 3.13 a daemon thread that wants the interpreter's lock while the interpreter is being finalized is
ended by `pthread_exit`, which unwinds its stack. Where frames of C++ or Rust are on it (pydantic's, for one,
while a late plugin imports Prefect) the C library aborts the process: "FATAL: exception not rethrown"
(cpython#87135). So threads that still execute Python code are asked to end before that.
"""

from __future__ import annotations

import atexit
import sys

from prefect_preflight._threads import Bell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .task import Task

_PATIENCE = 0.2  # seconds that the process waits for them at most, since a thread that sleeps hears nothing
_ATTEMPTS = 10


class GivenUp(SystemExit):
    """Raised in a thread that was given up, when the process ends; `threading` prints nothing about a `SystemExit`."""


_given_up: list[Task] = []
"""Those whose threads are to end when the process does."""


def end_at_exit(tasks: Sequence[Task]) -> None:
    """Have the threads of these tasks end, when the process does; needless from Python 3.14 on."""
    _given_up[:] = [task for task in (*_given_up, *tasks) if not task.future.done()]


def end(tasks: Sequence[Task]) -> None:
    """Have the threads of these tasks end now; needless from Python 3.14 on."""
    running = [task for task in tasks if not task.future.done() and task.ident is not None]
    if not running or sys.version_info >= (3, 14):
        return
    try:
        from ctypes import c_ulong, py_object, pythonapi  # here, since hardly any process comes to this
    except ImportError:  # a Python that was built without
        return
    hook = sys.unraisablehook

    def silent(unraisable: Any) -> None:
        # It may hit a callback, which swallows it, or `__del__`: then it is raised again.
        if unraisable.exc_type is not GivenUp:
            hook(unraisable)

    sys.unraisablehook = silent
    for _ in range(_ATTEMPTS):
        for task in running:
            if not task.future.done():
                pythonapi.PyThreadState_SetAsyncExc(c_ulong(task.ident or 0), py_object(GivenUp))
        Bell().wait(_PATIENCE / _ATTEMPTS)
        if all(task.future.done() for task in running):
            break


atexit.register(end, _given_up)  # once, however many there will be; this module is imported for the first one
