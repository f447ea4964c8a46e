"""What the values of settings mean: from what a source holds to what the rest of the package works with.

Prefect leaves this to pydantic, whose rules these are, with two exceptions: a plugin's name is never empty and has
no blanks around it, and a timeout is finite and above 0.
Loaded only when some source says something.
"""

from . import TRUE

TYPE_CHECKING = False  # importing `typing` would cost more than the rest
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

UNSET: "Any" = object()
"""The value of a source that is asked and says nothing: JSON's null for a list."""

ERRORS = (ValueError, TypeError, OverflowError, RecursionError)
"""What a parser raises for a bad value."""

_FALSE = ("0", "false", "f", "no", "n", "off")
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def parse(kind: str, value: "Any", is_text: bool) -> "Any":
    """The meaning of a value.

    Args:
        kind: one of the keys of `ALLOWED`.
        value: as the source has it.
        is_text: whether a list may be written as JSON, as in the environment and in `.env`.

    Raises:
        ValueError: it is not what `ALLOWED` says; so do the other `ERRORS`.
    """
    return _PARSERS[kind](value, is_text)


def export(value: "Any") -> str:
    """A plugin setting's value in a form for the environment, which resolves to it again."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return repr(value)
    if value is None:
        return "null"
    import json  # as an array, since an empty list must stay one, and a name may hold a comma

    return json.dumps(value)


def _boolean(value: "Any", _is_text: bool) -> bool:
    if isinstance(value, str):
        lower = value.lower()
        if lower in TRUE or lower in _FALSE:
            return lower in TRUE
    elif isinstance(value, (bool, int, float)) and value in (0, 1):
        return bool(value)
    raise ValueError


def _seconds(value: "Any", _is_text: bool) -> float:
    if not isinstance(value, (str, int, float)):
        raise ValueError
    seconds = float(value)
    if not 0 < seconds < float("inf"):  # false for nan too
        raise ValueError
    return seconds


def _names(value: "Any", is_text: bool) -> "Any":
    if is_text and _may_be_json(value):
        import json  # here, since names are mostly separated by commas

        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            pass
        else:
            if value is None:
                return UNSET
    if value is None:
        return None
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError
    stripped = (name.strip() for name in value)
    return tuple(dict.fromkeys(name for name in stripped if name))


def _may_be_json(text: str) -> bool:
    # What JSON can begin with; anything else spares the import.
    stripped = text.strip()
    return stripped[:1] in set('[{"-0123456789') or stripped in ("null", "true", "false", "NaN", "Infinity")


def _level(value: "Any", _is_text: bool) -> str:
    level: str = value.upper() if isinstance(value, str) else ""
    if level not in _LEVELS:
        raise ValueError
    return level


def _text(value: "Any", _is_text: bool) -> "str | None":
    if value is not None and not isinstance(value, str):
        raise ValueError
    return value


_PARSERS: "dict[str, Callable[[Any, bool], Any]]" = {
    "boolean": _boolean,
    "seconds": _seconds,
    "names": _names,
    "level": _level,
    "text": _text,
}
ALLOWED = {
    "boolean": "a boolean (1, 0, true, false, t, f, yes, no, y, n, on, off)",
    "seconds": "a number of seconds above 0",
    "names": "a list of plugin names (separated by commas, or a JSON array)",
    "level": "a logging level (DEBUG, INFO, WARNING, ERROR, CRITICAL)",
    "text": "a string",
}
"""What each kind of value may be, for people."""
