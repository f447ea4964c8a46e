"""A small `concurrent.futures` executor of daemon threads."""

from __future__ import annotations

import os
import sys
from collections import deque
from concurrent.futures import Executor, Future
from threading import Condition

from . import Bell, allocate_lock, start_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional

_PATIENCE = 1.0  # seconds to wait at most for the end of a thread that has nothing left to do


class _Future(Future):  # type: ignore[type-arg]
    """A future that any thread of the operating system can complete.

    Its condition would be made of whatever has patched `threading`: a worker that finds gevent's or eventlet's lock
    taken for a moment by the importing thread would wait for ever. Private; seen on 3.9 to 3.15. Without it only that
    is so again.
    """

    def __init__(self) -> None:
        super().__init__()
        self._condition = Condition(allocate_lock())


class _Item:
    """One call, and the future of its result."""

    __slots__ = ("args", "function", "future", "kwargs")

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.future = _Future()
        self.function = function
        self.args = args
        self.kwargs = kwargs

    def execute(self) -> None:
        """Make the call. Whatever it raises is the future's, SystemExit and KeyboardInterrupt too."""
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            result = self.function(*self.args, **self.kwargs)
        except BaseException as error:
            self.future.set_exception(error)
        else:
            self.future.set_result(result)


class _Worker:
    """A thread, and what it has to do next."""

    __slots__ = ("bell", "future", "item", "join")

    def __init__(self, item: _Item) -> None:
        self.bell = Bell()
        self.item: Optional[_Item] = item
        self.future: Future[Any] = item.future  # the latest that it has worked for
        self.join: Callable[[float], object] | None = None


class DaemonExecutor(Executor):
    """Runs each task at once: in an idle worker, else in a new daemon thread.

    Not `ThreadPoolExecutor`, whose threads are joined at exit: a hook that never returns would keep the process from
    ending. Where no further thread can be started, tasks wait for an idle worker.
    """

    def __init__(self, limit: float = float("inf")) -> None:
        self._pid = os.getpid()
        self._workers: list[_Worker] = []
        self._idle: list[_Worker] = []
        self._waiting: deque[_Item] = deque()  # for an idle worker
        self._limit = limit  # of workers
        self._ending = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Schedule `fn(*args, **kwargs)`; see `concurrent.futures.Executor.submit`.

        Raises:
            RuntimeError: no thread can be started, not even a first one; nothing is scheduled then.
        """
        item = _Item(fn, args, kwargs)
        try:
            worker = self._idle.pop()  # atomic, as `append` is: no lock of ours is needed
        except IndexError:
            self._start_or_wait(item)
        else:
            worker.item = item
            worker.bell.ring()
        return item.future

    def _start_or_wait(self, item: _Item) -> None:
        if len(self._workers) < self._limit:
            worker = _Worker(item)
            self._workers.append(worker)  # first, so that it is told to end even if an interrupt comes in between
            try:
                worker.join = start_thread(lambda: self._work(worker), f"prefect-preflight-{len(self._workers)}")
                return
            except RuntimeError:
                self._workers.remove(worker)
                if not self._workers:
                    raise
        self._waiting.append(item)
        if self._idle:  # somebody became idle just now, and has not seen it
            self._wake()

    def _wake(self) -> None:
        try:
            self._idle.pop().bell.ring()
        except IndexError:
            pass

    def _work(self, worker: _Worker) -> None:
        while True:
            item, worker.item = worker.item, None
            if item is None:
                try:
                    item = self._waiting.popleft()
                except IndexError:
                    if self._ending:
                        return
                    self._idle.append(worker)
                    if self._waiting:  # it came in between, when nobody was idle
                        self._wake()
                    worker.bell.wait()
                    continue
            worker.future = item.future
            item.execute()
            if os.getpid() != self._pid:
                _end_child(item.future)
            del item  # an idle worker keeps nobody's result alive

    def shutdown(self, wait: bool = False, *, cancel_futures: bool = False) -> None:
        """Let the workers end, each after its present task; those that have none have ended when this returns.

        Whatever `wait` says, the others are left alone. A thread that still exists when a subinterpreter ends is a
        fatal error of Python's.
        """
        self._ending = True
        for worker in self._workers:
            worker.bell.ring()
            if worker.join is not None and worker.item is None and worker.future.done():
                worker.join(_PATIENCE)


class InlineExecutor(Executor):
    """Executes each task in the calling thread, before `submit` returns, where there are no threads to be had.

    A KeyboardInterrupt there is the user's, and is raised.
    """

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """See `concurrent.futures.Executor.submit`."""
        item = _Item(fn, args, kwargs)
        item.execute()
        error = item.future.exception()
        if isinstance(error, KeyboardInterrupt):
            raise error
        return item.future


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
