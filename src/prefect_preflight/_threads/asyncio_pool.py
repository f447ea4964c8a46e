"""The threads of `asyncio.to_thread` and `run_in_executor` in an async hook.

Imported for async hooks alone: `concurrent.futures.thread`, which asyncio wants the class of, refuses to be imported
once the main thread has ended.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from .executor import DaemonExecutor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from concurrent.futures import Future
    from typing import Any, Callable

_MOST = 32  # asyncio's own executor has at most as many threads


class DaemonThreadPool(ThreadPoolExecutor):
    """A `ThreadPoolExecutor` for asyncio, which accepts no other class, with a `DaemonExecutor`'s threads.

    Python joins asyncio's own at exit: one that hangs would keep the process.
    """

    def __init__(self) -> None:
        super().__init__(max_workers=1)  # it starts none before a task is submitted, which never happens
        self._daemons = DaemonExecutor(limit=_MOST)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """See `DaemonExecutor.submit`; `fn` is called in the caller's context, and so works for the same hook."""
        return self._daemons.submit(copy_context().run, fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """See `DaemonExecutor.shutdown`."""
        self._daemons.shutdown()
