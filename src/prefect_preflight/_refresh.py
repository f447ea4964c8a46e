"""Renew what has expired, when the program asks for it: there is no thread of ours in the background."""

from __future__ import annotations

import os
from threading import Lock

from . import _loader
from .report import Report, last_report

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
    run = _loader.state.run
    if run is not None:
        with _one_at_a_time:
            run.refresh()
    return last_report()
