"""When the hook of a plugin may be called again in the background: pauses that grow with each failure in a row."""

from __future__ import annotations

from prefect_preflight._threads.deadline import clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Future
    from typing import Any

    from prefect_preflight._discovery import Candidate
    from prefect_preflight._plugins import Plugin

_LEAST = 0.5  # seconds between two calls of a hook, however short its values live
_FIRST, _LONGEST = (0.25, 8.0), 60.0  # seconds from a failure to the next attempt
_ATTEMPTS = 16  # the first pause is this part of the time from when the values are due to their expiry
MOST_AT_ONCE = 3  # calls of a hook that were given up and still run; each has a thread
_LOOK_AGAIN = 5.0  # seconds from one look whether one of them has ended to the next


class _Failures:
    """How often a plugin has failed in a row, and until when to pause, on `clock`."""

    __slots__ = ("count", "renewed_at", "until")

    def __init__(self, count: int, until: float, renewed_at: float | None) -> None:
        self.count = count
        self.until = until
        self.renewed_at = renewed_at  # of the plugin at that time


class Pauses:
    """The pauses of all plugins of a process."""

    def __init__(self) -> None:
        self._failures: dict[Candidate, _Failures] = {}
        self._called: dict[Candidate, float] = {}  # when last, on `clock`
        self._running: dict[Candidate, list[Future[Any]]] = {}  # calls that were given up

    def called(self, plugins: Iterable[Plugin], still_running: Iterable[tuple[Plugin, Future[Any]]]) -> None:
        """Note that the hooks of plugins were called just now, and which of these calls were given up."""
        for plugin in plugins:
            self._called[plugin.candidate] = clock()
        for plugin, future in still_running:
            self._running.setdefault(plugin.candidate, []).append(future)

    def failed(self, plugin: Plugin) -> None:
        """Note that a plugin was not renewed."""
        count = self._failures[plugin.candidate].count if plugin.candidate in self._failures else 0
        margin = plugin.expires_at.timestamp() - plugin.renew_at if plugin.expires_at and plugin.renew_at else 0.0
        least, most = _FIRST
        pause = min(most, max(least, margin / _ATTEMPTS)) * 2 ** min(count, 10)
        self._failures[plugin.candidate] = _Failures(count + 1, clock() + min(_LONGEST, pause), plugin.renewed_at)

    def succeeded(self, plugin: Plugin) -> bool:
        """Note that a plugin was renewed; return whether it had failed before."""
        return self._failures.pop(plugin.candidate, None) is not None

    def was_renewed_elsewhere(self, plugin: Plugin) -> bool:
        """Whether `refresh` has renewed a plugin since it failed."""
        failures = self._failures.get(plugin.candidate)
        return failures is not None and failures.renewed_at != plugin.renewed_at

    def hangs(self, plugin: Plugin) -> bool:
        """Whether so many calls of a plugin's hook hang that there must not be one more."""
        running = [future for future in self._running.pop(plugin.candidate, ()) if not future.done()]
        if running:
            self._running[plugin.candidate] = running
        return len(running) >= MOST_AT_ONCE

    def remaining(self, plugin: Plugin) -> float:
        """Seconds until a plugin's hook may be called, zero if it may; the shortest, if that is not known."""
        ends = [self._called.get(plugin.candidate, -_LEAST) + _LEAST]
        if self.hangs(plugin):
            ends.append(clock() + _LOOK_AGAIN)
        if plugin.candidate in self._failures and not self.was_renewed_elsewhere(plugin):
            ends.append(self._failures[plugin.candidate].until)
        return max(0.0, max(ends) - clock())
