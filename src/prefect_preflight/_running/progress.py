"""The importing thread's wait for its workers, with a status line on a terminal while it takes long."""

from __future__ import annotations

import sys

from prefect_preflight._threads import Bell
from prefect_preflight._threads.deadline import clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_QUIET = 2.0  # seconds before anything is said
_EVERY = 1.0  # seconds between two updates
_LOOK = 0.05  # seconds between two looks at what no bell tells of: a worker that waits for another one that waits
_WIDTH = 78
_ERASE = "\r\x1b[K"


class ProgressLine:
    """Waits; says for what on stderr if that is a terminal, and takes it back when done."""

    def __init__(self, seconds: float) -> None:
        self.bell = Bell()
        """To be rung when there is something to look at."""
        self._seconds = seconds  # of the deadline, for people
        self._began = clock()

    def wait(self, over: Callable[[], bool], timeout: float, waiting_for: Callable[[], str]) -> None:
        """Wait until `over()`, for `timeout` seconds at most.

        Args:
            over: asked whenever the bell rings, and every 50 ms.
            timeout: in seconds.
            waiting_for: names what is not done yet, called when the line is written.
        """
        end, next_line = clock() + timeout, max(self._began + _QUIET, clock())
        shown = False
        try:
            while not over():
                now = clock()
                if now >= end:
                    break
                self.bell.wait(min(_LOOK, end - now))
                if clock() >= next_line and _is_terminal():
                    shown = _write(self._line(waiting_for())) or shown
                    next_line = clock() + _EVERY
        finally:
            if shown:
                _write("")

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
