"""A status line on a terminal while hooks take long: what `import prefect` is waiting for."""

from __future__ import annotations

import sys
from concurrent.futures import wait

from ._executor import clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from concurrent.futures import Future
    from typing import Any

_QUIET = 2.0  # seconds before anything is said
_EVERY = 1.0  # seconds between two updates
_WIDTH = 78
_ERASE = "\r\x1b[K"


class Progress:
    """Waits for futures; says for what on stderr if that is a terminal, and takes it back when done."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds  # of the deadline, for people
        self._began = clock()

    def wait(
        self,
        futures: Collection[Future[Any]],
        timeout: float,
        waiting_for: Callable[[], str],
        until: str = "ALL_COMPLETED",
    ) -> None:
        """Wait until the `futures` are done, for `timeout` seconds at most.

        Args:
            futures: what to wait for.
            timeout: in seconds.
            waiting_for: names what is not done yet, called when the line is written.
            until: what to wait for, as in `concurrent.futures.wait`.
        """
        if not _is_terminal():
            wait(futures, timeout, until)
            return
        end = clock() + timeout
        pause = max(_QUIET - (clock() - self._began), 0.0)
        shown = False
        try:
            while not self._over(futures, min(pause, end - clock()), until) and clock() < end:
                shown = _write(self._line(waiting_for())) or shown
                pause = _EVERY
        finally:
            if shown:
                _write("")

    @staticmethod
    def _over(futures: Collection[Future[Any]], timeout: float, until: str) -> bool:
        done, not_done = wait(futures, max(timeout, 0.0), until)
        return not not_done or (until == "FIRST_COMPLETED" and bool(done))

    def _line(self, names: str) -> str:
        passed = clock() - self._began
        line = f"prefect-preflight: waiting for {names} ({passed:.0f} s of {self._seconds:g} s)"
        return line if len(line) <= _WIDTH else line[: _WIDTH - 3] + "..."


def _is_terminal() -> bool:
    try:
        return sys.stderr is not None and sys.stderr.isatty()
    except Exception:  # closed, or something that only looks like a stream
        return False


def _write(line: str) -> bool:
    try:
        sys.stderr.write(_ERASE + line)
        sys.stderr.flush()
    except Exception:  # the line is a courtesy
        return False
    return True
