"""The process' environment: what plugins returned is applied to it, and what it tells of ancestors is read from it."""

import os
from time import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# Set while hooks run, to the time (seconds since the epoch) until which it counts: a Python process that a
# hook starts inherits it and runs no hooks itself, and so cannot start another one, and so on. It counts for
# a time only, since a hook may start a process that stays and has children of its own later. No PID is in it:
# Prefect's workers become another program in the same process.
MARK = "PREFECT_PREFLIGHT_IN_HOOK"
_SLACK = 1.0  # seconds that it counts longer than hooks run


def apply(environment: "Mapping[str, str]") -> None:
    """Set the variables of a validated environment.

    To be called by the importing thread alone, and only during the import: `setenv` in one thread while C
    code of another one calls `getenv` is a crash (cpython#83556).
    """
    for name, value in environment.items():
        os.environ[name] = value


def mark(seconds: float) -> None:
    """Have processes that are started from now on, for `seconds` at most, known to be started by a hook."""
    os.environ[MARK] = mark_until(seconds)


def mark_until(seconds: float) -> str:
    """The value of that mark."""
    return f"{time() + seconds + _SLACK:.3f}"


def unmark() -> None:
    """End that; more than once does no harm."""
    os.environ.pop(MARK, None)


def inside_hook(longest: float) -> bool:
    """Whether a hook of another process started this one.

    Args:
        longest: seconds that hooks can run at most. A time further away is not of our making, and does not count: it
            would switch strict mode off for as long.
    """
    until = os.environ.get(MARK)
    if until is None:
        return False
    try:
        return 0 < float(until) - time() <= longest + 2 * _SLACK  # twice, for clocks are set now and then
    except ValueError:
        return False
