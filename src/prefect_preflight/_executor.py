"""A small `concurrent.futures` executor of daemon threads, the tasks that run on it, and their one deadline."""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextvars import Context
from threading import TIMEOUT_MAX, Thread, get_ident

from ._importlock import working_for

# The implementation in C, where there is one: gevent's `patch_all()` replaces the name in `queue`, and a thread of
# the operating system cannot wait for a queue of gevent's.
try:
    from _queue import Empty, SimpleQueue
except ImportError:
    from queue import Empty, SimpleQueue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional

    from ._plugin import Hook, Plugin

    Item = tuple[Future[Any], Callable[..., Any], tuple[Any, ...], dict[str, Any]]


if hasattr(time, "clock_gettime"):
    _gettime, _MONOTONIC = time.clock_gettime, time.CLOCK_MONOTONIC

    def clock() -> float:
        """Seconds on the system's monotonic clock; not `time.monotonic`, which freezegun stops."""
        return _gettime(_MONOTONIC)

else:
    clock = time.monotonic


class Deadline:
    """One span of time for all plugins together, which passes only inside the `with` statement.

    So the time that Prefect's own body takes between the early and the late stage does not count.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = min(seconds, TIMEOUT_MAX)  # what a lock can wait for; some 292 years
        self._spans: list[tuple[float, float]] = []  # begin and end of each time inside, on `clock`
        self._since: float | None = None  # begin of the present one

    def __enter__(self) -> Deadline:
        self._since = clock()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._since is not None:
            self._spans.append((self._since, clock()))
        self._since = None

    def spent(self, until: float | None = None) -> float:
        """Seconds that the plugins had so far, or had `until` a moment on `clock`."""
        now = clock() if until is None else until
        spans = self._spans if self._since is None else [*self._spans, (self._since, now)]
        return sum(max(0.0, min(end, now) - begin) for begin, end in spans)

    def remaining(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self.seconds - self.spent())

    def passed_at(self, moment: float) -> bool:
        """Whether it had passed at a moment on `clock`, whenever that is asked."""
        return self.spent(moment) > self.seconds


class Task:
    """One load of a plugin, or one call of a hook of its: what it may import, when it ran."""

    __slots__ = (
        "abandoned",
        "cancel",
        "ended",
        "failure",
        "future",
        "here",
        "hook",
        "ident",
        "late",
        "locked_out",
        "plugin",
        "started",
        "touched",
        "traceback",
    )

    def __init__(self, plugin: Plugin, hook: Hook | None, late: bool, here: bool = False) -> None:
        self.plugin = plugin
        self.hook = hook  # None: the plugin is loaded
        self.late = late
        self.here = here  # whether it runs in the importing thread, because it cannot run in a worker
        self.abandoned = False
        self.touched: str | None = None  # the first part of Prefect that was reached for too early
        self.locked_out = False  # whether, late, it met a lock of the importing thread's that cannot be passed
        self.cancel: Callable[[], object] | None = None  # set while an async hook runs
        self.failure: tuple[str, str] | None = None  # type's name and message of what it raised
        self.traceback: str | None = None  # formatted, if anybody wants to see it
        self.ident: int | None = None  # of the thread that executes it
        self.started = 0.0
        self.ended = 0.0
        self.future: Future[Any]

    @property
    def may_import_prefect(self) -> bool:
        """Whether all of Prefect is importable for it: in the late stage, until the deadline."""
        return self.late and not self.abandoned

    def abandon(self) -> None:
        """Give up on it: what it still returns is discarded, and it can import nothing further of Prefect."""
        self.abandoned = True
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
        self.ident = get_ident()
        self.started = clock()
        try:
            return work(self)
        finally:
            self.ended = clock()


class DaemonExecutor(Executor):
    """Runs each task at once: in an idle worker, else in a new daemon thread, else in the calling thread.

    Not `ThreadPoolExecutor`, whose threads are joined at exit: a hook that never returns would keep the
    process from ending. Where no thread can be started (a subinterpreter that refuses daemon threads, a
    process at its limit), `submit` runs the task itself before it returns.
    """

    def __init__(self, threads: bool = True, limit: float = float("inf")) -> None:
        self.inline = not threads  # whether a task had to run, or has to, in the calling thread
        self._pid = os.getpid()
        self._queue: SimpleQueue[Optional[Item]] = SimpleQueue()
        self._idle: SimpleQueue[None] = SimpleQueue()  # an entry for each worker that waits, or is about to
        self._workers = 0
        self._limit = limit  # of workers; above it tasks wait

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Schedule `fn(*args, **kwargs)`; see `concurrent.futures.Executor.submit`."""
        item: Item = (Future(), fn, args, kwargs)
        if self._workers >= self._limit or self._take_idle_worker():
            self._queue.put(item)
        elif self.inline or not self._start_worker(item):
            _execute(item)
        return item[0]

    def _take_idle_worker(self) -> bool:
        try:
            self._idle.get_nowait()
        except Empty:
            return False
        return True

    def _start_worker(self, item: Item) -> bool:
        try:
            _start_thread(lambda: self._work(item), f"prefect-preflight-{self._workers}")
        except RuntimeError:
            self.inline = True
            return False
        self._workers += 1
        return True

    def _work(self, item: Optional[Item]) -> None:
        while item is not None:
            _execute(item)
            if os.getpid() != self._pid:
                _end_child(item[0])
            del item  # an idle worker keeps nobody's result alive
            try:
                item = self._queue.get_nowait()
            except Empty:
                self._idle.put(None)
                item = self._queue.get()

    def shutdown(self, wait: bool = False, *, cancel_futures: bool = False) -> None:
        """Let the workers end, each after its present task; never waits, whatever `wait` says."""
        for _ in range(self._workers):
            self._queue.put(None)


def _start_thread(function: Callable[[], object], name: str) -> None:
    """Start a daemon thread of the operating system.

    Raises:
        RuntimeError: if none can be started.
    """
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None and monkey.is_module_patched("threading"):
        # Gevent makes `Thread` run its target in this very thread: a hook that blocks would block the importing
        # thread too, which could not keep the deadline.
        monkey.get_original("_thread", "start_new_thread")(function, ())
    else:
        Thread(target=function, name=name, daemon=True).start()


class DaemonThreadPool(ThreadPoolExecutor):
    """A `ThreadPoolExecutor` for asyncio, which accepts no other class, with a `DaemonExecutor`'s threads."""

    def __init__(self) -> None:
        super().__init__(max_workers=1)  # it starts none before a task is submitted, which never happens
        self._daemons = DaemonExecutor(limit=32)  # asyncio's own is at most that large

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """See `DaemonExecutor.submit`."""
        return self._daemons.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """See `DaemonExecutor.shutdown`."""
        self._daemons.shutdown()


def _execute(item: Item) -> None:
    future, function, args, kwargs = item
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = function(*args, **kwargs)
    except BaseException as error:  # SystemExit and KeyboardInterrupt of a plugin too: they are its failure
        future.set_exception(error)
    else:
        future.set_result(result)


def _end_child(future: Future[Any]) -> None:
    """End a process that a hook forked and then let return, or raise.

    The worker is the only thread there, and what it would return to exists in the parent alone: it would wait
    for its next task for ever. So the process ends as a program does whose main module has come to its end.
    """
    error, status = future.exception(), 0
    if isinstance(error, SystemExit):
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
        if status and not isinstance(error.code, int) and sys.stderr is not None:
            sys.stderr.write(f"{error.code}\n")
    elif error is not None:
        status = 1
        sys.excepthook(type(error), error, error.__traceback__)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:  # None, or closed, or nobody reads it any more
            pass
    os._exit(status & 0xFF)
