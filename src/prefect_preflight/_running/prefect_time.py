"""The time that Prefect's own modules take is nobody's, as far as it can be told.

A plugin that imports a part of Prefect has it executed, if nobody has had before: on a cold disk, or under a profiler,
for longer than the plugins' time. It would be executed without the plugin too, a little later.
"""

from __future__ import annotations

from prefect_preflight._threads.deadline import clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from prefect_preflight._threads.deadline import Deadline


class PrefectTime:
    """What is left out of the plugins' time, from one look to the next, and at most so many seconds of it in all.

    The limit is for whatever hangs while it seems to be Prefect that is executed.
    """

    def __init__(self, seconds: float) -> None:
        self.spent = 0.0
        """Seconds that were left out."""
        self._most = seconds
        self._last: float | None = None  # when it was last seen, on `clock`

    def begin(self) -> None:
        """Begin a series of looks: what was before is not known."""
        self._last = None

    def seen(self, executing: bool, deadline: Deadline) -> None:
        """Take note of a look at whether Prefect is executed, in the time of `deadline`."""
        now, last = clock(), self._last
        self._last = now if executing else None
        if executing and last is not None and self.spent < self._most:
            deadline.leave_out(last, now)
            self.spent += now - last
