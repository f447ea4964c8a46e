"""Moments as people read them: how far away, and by the clock."""

from __future__ import annotations

from datetime import timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["duration", "expiry", "span"]

_UNITS = (("days", 86400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0))


def expiry(moment: datetime, now: datetime) -> str:
    """An expiry, such as "in 59 min (14:05 UTC)", or "59 min ago (14:05 UTC)"; with the date on another day.

    Args:
        moment: when it is, aware.
        now: the present, aware.
    """
    moment, now = moment.astimezone(timezone.utc), now.astimezone(timezone.utc)
    seconds = (moment - now).total_seconds()
    distance = f"in {span(seconds)}" if seconds > 0 else f"{span(-seconds)} ago"
    return f"{distance} ({moment:{'%H:%M' if moment.date() == now.date() else '%Y-%m-%d %H:%M'}} UTC)"


def span(seconds: float) -> str:
    """A span of time in one unit, rounded down: what is left is never less than what is said."""
    name, size = next((unit for unit in _UNITS if seconds >= 2 * unit[1]), _UNITS[-1])
    return f"{int(seconds / size)} {name}"


def duration(seconds: float) -> str:
    """How long something took: in milliseconds below one second."""
    return f"{seconds:.3f} s" if seconds < 1 else f"{seconds:.2f} s"
