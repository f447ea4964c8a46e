"""What a hook returned, checked and copied: plain data, whatever the plugin's objects do."""

from __future__ import annotations

from . import PluginWarning
from .describe import kind_of
from .returned_environment import validated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any


class HookResult:
    """What a hook returned, checked, its environment copied."""

    __slots__ = ("env", "expires_at", "inherit", "note", "required", "warnings")

    def __init__(self, result: Any) -> None:
        self.warnings: list[PluginWarning] = []
        self.env = {} if result is None else validated(result.env)
        self.note = _note(getattr(result, "note", None))
        self.required = bool(getattr(result, "required", False))
        self.inherit = bool(getattr(result, "inherit", False))
        self.expires_at: datetime | None = None
        expires_at = getattr(result, "expires_at", None)
        if expires_at is not None:
            self._set_expiry(expires_at)

    def _set_expiry(self, expires_at: Any) -> None:
        from datetime import datetime

        if not isinstance(expires_at, datetime):
            problem = kind_of(expires_at)
        elif expires_at.tzinfo is None:
            problem = "a datetime without a time zone"
        else:
            try:
                self.expires_at = _plain_datetime(expires_at)
                return
            except Exception as error:
                problem = f"a datetime that is no point in time ({type(error).__name__})"
        text = f"expires_at is {problem} and is ignored; give an aware datetime"
        self.warnings.append(PluginWarning("bad-expiry", text))


def _plain_datetime(aware: datetime) -> datetime:
    """The same point in time, of the standard class and with a fixed offset: it executes none of the plugin's code.

    Raises:
        Exception: if it is none, or whatever its time zone's own code raises.
    """
    from datetime import datetime, timezone

    offset = aware.utcoffset()
    if offset is None:
        raise ValueError("no offset")
    date, time = (aware.year, aware.month, aware.day), (aware.hour, aware.minute, aware.second, aware.microsecond)
    plain = datetime(*date, *time, tzinfo=timezone(offset))
    plain.timestamp()
    return plain


def _note(note: object) -> str | None:
    return None if note is None else str.__str__(str(note))
