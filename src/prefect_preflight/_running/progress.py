"""The importing thread's wait for its workers, with a status line on a terminal while it takes long."""

from __future__ import annotations

import sys

from prefect_preflight._redaction.outlet import shown
from prefect_preflight._threads import Bell
from prefect_preflight._threads.deadline import clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from prefect_preflight._threads.deadline import Deadline

_QUIET = 2.0  # seconds before anything is said
_EVERY = 1.0  # seconds between two updates
_LOOK = 0.05  # seconds between two looks at what no bell tells of: a worker that waits for another one that waits
_WIDTH = 78
_ERASE = "\r\x1b[K"


class ProgressLine:
    """Waits; says for what on stderr if that is a terminal, and takes it back when done.

    Args:
        silent: says nothing, since nobody is kept waiting.
    """

    def __init__(self, silent: bool = False) -> None:
        self._silent = silent
        self.bell = Bell()
        """To be rung when there is something to look at."""
        self._began = clock()

    def wait(
        self, over: Callable[[], bool], deadline: Deadline, seconds: float, waiting_for: Callable[[], str]
    ) -> None:
        """Wait until `over()`, for so many seconds of a deadline at most.

        Args:
            over: asked whenever the bell rings, and every 50 ms.
            deadline: whose time it is.
            seconds: of that time.
            waiting_for: names what is not done yet, called when the line is written.
        """
        end, next_line = deadline.spent() + seconds, max(self._began + _QUIET, clock())
        written = False
        try:
            while not over():
                left = end - deadline.spent()
                if left <= 0:
                    break
                self.bell.wait(min(_LOOK, left))
                if clock() >= next_line and not self._silent and _is_terminal():
                    written = _write(_line(waiting_for(), deadline)) or written
                    next_line = clock() + _EVERY
        finally:
            if written:
                _write("")


def _line(names: str, deadline: Deadline) -> str:
    line = f"prefect-preflight: waiting for {names} ({deadline.spent():.0f} s of {deadline.seconds:g} s)"
    line = shown(line)
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
