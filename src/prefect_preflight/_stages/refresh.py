"""Renew what has expired, when the program asks for it: there is no thread of ours in the background."""

from __future__ import annotations

import os
from threading import Lock

from prefect_preflight._reports import last_report
from prefect_preflight._state import state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from prefect_preflight.report import Report

    from . import PrefectImport

_one_at_a_time = Lock()


def _in_child() -> None:
    """Make the lock anew in a forked child: the thread that held it may not exist there."""
    global _one_at_a_time
    _one_at_a_time = Lock()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_in_child)


def refresh() -> Report:
    """Call the hooks of those plugins again whose environment has expired, or is about to, and apply what they return.

    Made for processes that live longer than credentials: call it where a change of `os.environ` is safe, such as at the
    start of a flow or between two polls. It works in the calling thread, which waits until the plugins are done or
    their deadline has passed; hooks that nothing says an expiry of are not called. Without plugins, or with nothing
    expired, it costs microseconds.

    Returns:
        The report of this process, with the renewed plugins.

    Raises:
        SystemExit: in strict mode, if a required plugin failed.
    """
    if state.run is not None:
        with _one_at_a_time:
            _renew(state.run)
    return last_report()


def _renew(run: PrefectImport) -> None:
    """Run again, in the calling thread, the plugins of `run` whose environment has expired, or nearly so.

    Raises:
        SystemExit: in strict mode, if a required one failed.
    """
    from time import time

    from prefect_preflight._imports.room import workers_pass
    from prefect_preflight._redaction.loggers import shown

    before, now = run.runner, time()
    if before is None or run.new_runner is None or run.redactor is None:
        return
    expired = {
        plugin.candidate: plugin for plugin in before.plugins if plugin.renew_at is not None and now >= plugin.renew_at
    }
    if not expired:
        return
    runner = run.new_runner(list(expired), inherited={})
    if not runner.can_use_threads():
        runner.run_inline()
    with shown(run.settings.logging_level, run.redactor), workers_pass():
        run.run_late(runner)
    for plugin in runner.plugins:
        if plugin.status != "success":  # what it set has still expired: the next refresh tries again
            plugin.renew_at = expired[plugin.candidate].renew_at
    renewed = {plugin.candidate: plugin for plugin in runner.plugins}
    before.plugins = [renewed.get(plugin.candidate, plugin) for plugin in before.plugins]
    run.leave_note()
    try:
        run.check_strictly()
    finally:
        run.write_report()
