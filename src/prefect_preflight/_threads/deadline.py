"""The spans of time that plugins share, and the clock that they go by."""

from __future__ import annotations

import sys
import time
from threading import TIMEOUT_MAX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    _Self = TypeVar("_Self", bound="Stopwatch")

if sys.platform != "win32":  # which has no `clock_gettime`
    _gettime, _MONOTONIC = time.clock_gettime, time.CLOCK_MONOTONIC

    def clock() -> float:
        """Seconds on the system's monotonic clock; not `time.monotonic`, which freezegun stops."""
        return _gettime(_MONOTONIC)

else:
    clock = time.monotonic


class Stopwatch:
    """Time that passes only inside the `with` statement, such as without that of Prefect's own body."""

    def __init__(self) -> None:
        self._spans: list[tuple[float, float]] = []  # begin and end of each time inside, on `clock`
        self._since: float | None = None  # begin of the present one

    def __enter__(self: _Self) -> _Self:
        self._since = clock()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._since is not None:
            self._spans.append((self._since, clock()))
        self._since = None

    def spent(self, until: float | None = None) -> float:
        """Seconds that have passed so far, or had passed `until` a moment on `clock`."""
        now = clock() if until is None else until
        return _total(self._spans if self._since is None else [*self._spans, (self._since, now)], now)


class Deadline(Stopwatch):
    """A span of time for all plugins together."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = min(seconds, TIMEOUT_MAX)  # what a lock can wait for; some 292 years
        self._left_out: list[tuple[float, float]] = []

    def leave_out(self, begin: float, end: float) -> None:
        """Have the time between two moments on `clock`, inside the `with` statement, not count."""
        self._left_out.append((begin, end))

    def spent(self, until: float | None = None) -> float:
        """Seconds that the plugins had so far, or had `until` a moment on `clock`."""
        now = clock() if until is None else until
        return super().spent(now) - _total(self._left_out, now)

    def remaining(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self.seconds - self.spent())

    def end(self) -> float:
        """When it passed, on `clock`; the present if it has not."""
        now = clock()
        return now - max(0.0, self.spent(now) - self.seconds)

    def passed_at(self, moment: float) -> bool:
        """Whether it had passed at a moment on `clock`, whenever that is asked."""
        return self.spent(moment) > self.seconds


def _total(spans: list[tuple[float, float]], until: float) -> float:
    return sum(max(0.0, min(end, until) - begin) for begin, end in spans)
