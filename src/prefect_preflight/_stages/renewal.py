"""Renew what expires in the background, for as long as the process lives: `PREFECT_PREFLIGHT_RENEW=1`.

One daemon thread sleeps until the first values are due, calls the hooks that return them, and replaces the variables'
values. It does what `refresh` does, but for three things. The environment is never the hooks' own: see
`_environment.background`. A failure ends nothing, in strict mode either: it is told in one line, and tried again. And a
process that a program starts meanwhile counts as started by the program, not by a hook.
"""

from __future__ import annotations

import atexit
import logging
import os
from contextlib import suppress
from copy import copy
from time import time

from prefect_preflight._environment.background import BackgroundEnvironment
from prefect_preflight._environment.c_library import why_not_replace
from prefect_preflight._environment.hooks_view import forget_in_child, seen_by_hooks
from prefect_preflight._redaction.loggers import SafeLogger
from prefect_preflight._redaction.outlet import complain
from prefect_preflight._settings import RENEW
from prefect_preflight._state import state
from prefect_preflight._threads import Bell, start_thread

from .pauses import MOST_AT_ONCE, Pauses
from .refresh import due, runner_for, taken_over, turn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from prefect_preflight._plugins import Plugin
    from prefect_preflight._running.waves import Runner

    from . import PrefectImport

_LONGEST_SLEEP = 30.0  # seconds, for clocks are set, and machines sleep
_SHORTEST_SLEEP = 0.01

_present: Renewal | None = None


def begin(run: PrefectImport) -> None:
    """Have what expires renewed from now on, if anything does, and if that is safe here; else say why not."""
    global _present
    if run.runner is None or run.logger is None or all(plugin.renew_at is None for plugin in run.runner.plugins):
        run.renewal = "idle"
        return
    reason = why_not_replace()
    if reason is None:
        renewal = Renewal(run, run.logger)
        try:
            renewal.start()
        except RuntimeError as error:
            reason = f"no thread can be started here ({error})"
        else:
            if _present is None:  # once per process: a registration cannot be taken back
                _register()
            _present = renewal
            return
    run.renewal, run.renewal_reason = "refused", reason
    complain(f"{RENEW} has no effect: {reason}; call prefect_preflight.refresh() where that is safe in your program")


def _register() -> None:
    atexit.register(_at_exit)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_in_child)


def _at_exit() -> None:
    if _present is not None:
        _present.end()


def _in_child() -> None:
    """Begin anew in a forked child: of the parent's threads it has none but the one that forked."""
    global _present
    try:
        if forget_in_child():
            _present = None  # a hook's own process: what it needs fresh is the hook's matter
        elif _present is not None:
            _present = Renewal(_present.run, _present.logger)
            _present.start()
    except Exception as error:  # Python would print a traceback and go on
        complain(f"nothing is renewed in a forked process, {type(error).__name__}: {error}")


class Renewal:
    """The thread, and how far it is.

    Args:
        run: the import whose plugins are called again.
        logger: its logger.
    """

    def __init__(self, run: PrefectImport, logger: SafeLogger) -> None:
        self.run = run
        self.logger = logger
        self._logger = _Changes(logger)
        self._pauses = Pauses()
        self._complaint = ""
        self._runner: Runner | None = None

    def start(self) -> None:
        """Start the thread.

        Raises:
            RuntimeError: none can be started.
        """
        self.run.renews_at = self._next()
        start_thread(self._work, "prefect-preflight-renewal")
        self.run.renewal = "on"

    def end(self) -> None:
        """Have hooks end that run while the process ends."""
        if self._runner is not None:
            self._runner.end()

    def _work(self) -> None:
        never = Bell()
        while state.phase == "running":  # the import is about to end: it writes its report, for one
            never.wait(_SHORTEST_SLEEP)
        while True:
            self.run.renews_at = moment = self._next()
            seconds = _LONGEST_SLEEP if moment is None else moment - time()
            if seconds > 0:
                never.wait(min(seconds, _LONGEST_SLEEP))
                continue
            try:
                with turn:
                    self._renew(self._due())
            except Exception as error:  # ours
                self._complain(f"internal error in the background renewal: {type(error).__name__}: {error}")
                never.wait(_LONGEST_SLEEP)

    def _complain(self, text: str) -> None:
        if text != self._complaint:
            self._complaint = text
            complain(text)

    def _next(self) -> float | None:
        """When the next call of a hook is due, in seconds since the epoch; None if nothing expires."""
        now, plugins = time(), self.run.runner.plugins if self.run.runner is not None else []
        moments = [
            max(plugin.renew_at, now + self._pauses.remaining(plugin))
            for plugin in plugins
            if plugin.renew_at is not None and _stands(plugin)
        ]
        return min(moments, default=None)

    def _due(self) -> list[Plugin]:
        return [plugin for plugin in due(self.run) if _stands(plugin) and not self._pauses.remaining(plugin)]

    def _renew(self, plugins: list[Plugin]) -> None:
        if not plugins:  # `refresh` was faster
            return
        for plugin in plugins:
            if self._pauses.was_renewed_elsewhere(plugin):
                self._recovered(plugin)
        run, environment, settings = self.run, BackgroundEnvironment(), copy(self.run.settings)
        settings.strict = False
        self._runner = runner = runner_for(run, plugins, environment, settings, self._logger)
        try:
            with run.log_shown(), seen_by_hooks(environment.view, lambda: runner.stragglers):
                runner.late()
        finally:
            self._runner = None
            self._pauses.called(plugins, runner.given_up)
        if run.runner is None:
            return
        renewed = taken_over(run.runner.plugins, runner)
        # The note is about the very values, for whoever starts a process at this moment. And the record is changed in
        # the same time slice, for whoever forks.
        environment.replace(run.note_for_descendants({**os.environ, **environment.values}, renewed))
        run.runner.plugins = renewed
        run.strict_exit = None  # that of a `refresh`, which did not end the process
        if any(name.upper().startswith("PREFECT_") for name in environment.values):
            from prefect_preflight._prefect.settings_context import refresh_settings

            refresh_settings()
        for plugin in runner.plugins:
            self._pace(plugin, plugin.candidate in runner.renewed)
        run.renews_at = self._next()
        run.write_report("renewal", environment.replace)

    def _pace(self, plugin: Plugin, renewed: bool) -> None:
        """See when to call the plugin's hook again."""
        if renewed and (plugin.renew_at is None or plugin.renew_at > time()):
            level = logging.INFO if self._recovered(plugin) else logging.DEBUG
            self._logger.log(level, "Plugin %s was renewed in the background, until %s", plugin.name, plugin.expires_at)
            return
        self._pauses.failed(plugin)
        if self._pauses.hangs(plugin):
            what = (
                "Plugin %s failed to end: %d calls of its hook hang, and it is not called again until one of them ends"
            )
            self._logger.warning(what, plugin.name, MOST_AT_ONCE)

    def _recovered(self, plugin: Plugin) -> bool:
        """Have what is wrong with a plugin be news again, if it is again; return whether it had failed before."""
        self._logger.forget(plugin.name)
        return self._pauses.succeeded(plugin)


def _stands(plugin: Plugin) -> bool:
    """Whether anything that the plugin set still has its value: else there is nothing left to be renewed."""
    return any(os.environ.get(name) == value for name, value in plugin.env.items())


class _Changes(SafeLogger):
    """Logs what is not the same as at the last attempt: the rest has the level DEBUG."""

    __slots__ = ("_told",)

    def __init__(self, logger: SafeLogger) -> None:
        super().__init__(logger)
        self._told: dict[tuple[str, str], str] = {}

    def log(self, level: int, message: str, *args: object) -> None:
        """As `SafeLogger.log`; the first argument is the plugin's name."""
        text = message
        with suppress(Exception):
            text = message % args
        key = (str(args[0]) if args else "", message)
        if level >= logging.WARNING and self._told.get(key) == text:
            level = logging.DEBUG
        elif level >= logging.WARNING:
            self._told[key] = text
        super().log(level, message, *args)

    def forget(self, plugin: str) -> None:
        """Have what is wrong with a plugin be told again, if it is again: it was renewed."""
        for key in [key for key in self._told if key[0] == plugin and "failed" in key[1]]:
            del self._told[key]
