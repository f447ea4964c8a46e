"""The one span of time that all plugins share, and the clock that it goes by."""

from __future__ import annotations

import time
from threading import TIMEOUT_MAX

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
