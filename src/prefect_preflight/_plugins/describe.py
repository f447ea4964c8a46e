"""A plugin's values and errors as plain text, whatever their own methods do."""

from __future__ import annotations


def kind_of(value: object) -> str:
    """What the value is, without executing code of its own."""
    return f"an object of type {type(value).__module__}.{type(value).__qualname__}"


def plain(value: object) -> str:
    """A text without code of the plugin's: subclasses of `str` may have any."""
    if isinstance(value, str):
        return str.__str__(value)
    try:
        return str.__str__(repr(value))
    except Exception:
        return kind_of(value)


def describe(error: BaseException) -> tuple[str, str]:
    """Type and message of a plugin's error, on one line, whatever its `__str__` does; to be called in the worker."""
    kind = type(error).__name__
    try:
        message = " ".join(str(error).split())
    except BaseException:
        message = "(its message cannot be shown)"
    if isinstance(error, SystemExit):
        message = f"the plugin called sys.exit({message})"
    return kind, message


def plugin_traceback(error: BaseException) -> str:
    """The formatted traceback, without our own frames above the plugin's."""
    from traceback import format_exception

    trace, ours = error.__traceback__, __name__.partition(".")[0] + "."
    while trace is not None and trace.tb_frame.f_globals.get("__name__", "").startswith(ours):
        trace = trace.tb_next
    return "".join(format_exception(type(error), error, trace)).rstrip()
