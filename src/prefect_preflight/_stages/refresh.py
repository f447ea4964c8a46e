"""Renew what has expired: when the program asks for it, in the calling thread. `renewal` does so in the background."""

from __future__ import annotations

import os
from _thread import get_ident
from functools import partial

from prefect_preflight._environment import unmark
from prefect_preflight._imports.workers import working_for
from prefect_preflight._reports import last_report
from prefect_preflight._state import state
from prefect_preflight._threads import allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from prefect_preflight._environment.background import BackgroundEnvironment
    from prefect_preflight._environment.direct import DirectEnvironment
    from prefect_preflight._plugins import Plugin
    from prefect_preflight._redaction.loggers import SafeLogger
    from prefect_preflight._running.waves import Runner
    from prefect_preflight._settings import Settings
    from prefect_preflight.report import Report

    from . import PrefectImport


class Turn:
    """Lets one thread at a time run hooks again: a context manager. A lock of the system's, whatever is patched."""

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._owner: int | None = None

    def __enter__(self) -> None:
        self._lock.acquire()
        self._owner = get_ident()

    def __exit__(self, *exc: object) -> None:
        self._owner = None
        self._lock.release()

    def is_waited_for(self) -> bool:
        """Whether the calling thread is what it would wait for: it works for a hook, or a signal came to the owner."""
        return self._owner == get_ident() or working_for.get() is not None

    def forget_in_child(self) -> None:
        """Make the lock anew in a forked child: the thread that held it may not exist there."""
        self._lock, self._owner = allocate_lock(), None


turn = Turn()
if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=turn.forget_in_child)


def refresh() -> Report:
    """Call the hooks of those plugins again whose environment has expired, or is about to, and apply what they return.

    Made for processes that live longer than credentials: call it where a change of `os.environ` is safe, such as at the
    start of a flow or between two polls. It works in the calling thread, which waits until the plugins are done or
    their deadline has passed; hooks that nothing says an expiry of are not called. Without plugins, or with nothing
    expired, it costs microseconds. While the hooks run, what they set before is out of the environment. A hook that
    calls it gets the report at once, and so does the handler of a signal that interrupts it.

    Returns:
        The report of this process, with the renewed plugins.

    Raises:
        SystemExit: in strict mode, if a required plugin failed.
    """
    run: PrefectImport | None = state.run
    if run is not None and not turn.is_waited_for():
        with turn:
            plugins = due(run)
            if plugins:
                _refresh(run, plugins)
    return last_report()


def due(run: PrefectImport) -> list[Plugin]:
    """The plugins whose values have to be obtained anew by now."""
    from time import time

    now, plugins = time(), run.runner.plugins if run.runner is not None else []
    return [plugin for plugin in plugins if plugin.renew_at is not None and now >= plugin.renew_at]


def _refresh(run: PrefectImport, plugins: list[Plugin]) -> None:
    from prefect_preflight._environment.direct import DirectEnvironment
    from prefect_preflight._imports.room import workers_pass

    runner = runner_for(run, plugins, DirectEnvironment())
    run.in_forked_child = partial(_repair_in_child, run, runner)
    try:
        with run.log_shown(), workers_pass():
            run.run_late(runner)
        take_over(run, runner)
        run.leave_note()
    finally:
        run.in_forked_child = None
    try:
        run.check_strictly()
    finally:
        run.write_report("refresh")


def _repair_in_child(run: PrefectImport, runner: Runner, by_hook: bool) -> None:
    """Have what plugins set before stand again in a child that was forked meanwhile, unless a hook forked it."""
    if not by_hook:
        unmark()
        runner.stop_in_child()
        take_over(run, runner)
        run.leave_note()


def runner_for(
    run: PrefectImport,
    plugins: list[Plugin],
    environment: DirectEnvironment | BackgroundEnvironment,
    settings: Settings | None = None,
    logger: SafeLogger | None = None,
) -> Runner:
    """Whoever runs these plugins again; the last two arguments are as of `PrefectImport.new_runner`."""
    from prefect_preflight._environment.former import former_output

    formers = {plugin.candidate: former_output(plugin) for plugin in plugins}
    runner = run.new_runner(list(formers), formers, environment, settings, logger)
    if not runner.can_use_threads():
        runner.run_inline()
    return runner


def take_over(run: PrefectImport, runner: Runner) -> None:
    """Have the plugins of an import be what came of running some of them again."""
    if run.runner is not None:
        run.runner.plugins = taken_over(run.runner.plugins, runner)


def taken_over(plugins: list[Plugin], runner: Runner) -> list[Plugin]:
    """The plugins, those that were run again as what came of that."""
    from time import time

    again = {plugin.candidate: plugin for plugin in runner.plugins if not plugin.pending}
    for plugin in plugins:
        if plugin.candidate in again:
            renewed = plugin.candidate in runner.renewed
            again[plugin.candidate].renewed_at = time() if renewed else plugin.renewed_at
    return [again.get(plugin.candidate, plugin) for plugin in plugins]
