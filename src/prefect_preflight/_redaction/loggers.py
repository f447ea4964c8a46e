"""Where log records go while plugins run: standard loggers below `prefect`, to stderr until Prefect configures them."""

from __future__ import annotations

import logging
from contextlib import contextmanager

from prefect_preflight._state import write

from .characters import escaped, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Callable

    from . import Redactor

# The level and the message stand together as in Prefect's documentation ("WARNING: Skipping plugin ...").
_FORMAT = "%(asctime)s.%(msecs)03d | %(name)s | %(levelname)s: %(message)s"


_CLEAN = "_prefect_preflight"  # says of a record who has redacted it; redacting a long traceback twice takes time


class _StderrHandler(logging.Handler):
    """Writes to whatever `sys.stderr` is at the time; silent where somebody else shows the record.

    It redacts whatever it shows: records come from loggers too that have no filter of ours, such as children that a
    plugin makes of its logger.
    """

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor
        self.setFormatter(logging.Formatter(_FORMAT, "%H:%M:%S"))

    def emit(self, record: logging.LogRecord) -> None:
        # An application that configured the root logger gets the record there, and must not see it twice.
        if logging.root.handlers:
            return
        try:
            if vars(record).get(_CLEAN) is not self._redactor:
                record = logging.makeLogRecord(vars(record))  # other handlers get it as it is
                if record.exc_info:
                    record.exc_text = None  # a handler before us may have left its own
                _clean(record, self._redactor)
            write(escaped(self.format(record)) + "\n")
        except Exception:
            # `handleError` would write to stderr too, and raise in whoever logs.
            pass


class _RedactingFilter(logging.Filter):
    """Takes secrets out of the records of one logger, before any handler sees them."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        _clean(record, self._redactor)
        return True


def _clean(record: logging.LogRecord, redactor: Redactor) -> None:
    """Take secrets and control characters out of a record's texts, each of which becomes one line, or marked lines."""
    try:
        record.msg = escaped(redactor.text(record.getMessage()))
    except Exception as error:  # wrong arguments: what `logging` itself would only print a traceback about
        record.msg = f"(a message that cannot be formatted: {escaped(redactor.text(type(error).__name__))})"
    record.args = None
    record.name = escaped(redactor.text(record.name))
    if record.exc_info and not record.exc_text:
        record.exc_text = _marked(logging.Formatter().formatException(record.exc_info), redactor)
    if record.stack_info:
        record.stack_info = _marked(record.stack_info, redactor)
    vars(record)[_CLEAN] = redactor


def _marked(text: str, redactor: Redactor) -> str:
    return escaped(quoted(redactor.text(text))).lstrip("\n")


class SafeLogger:
    """Logs what we have to say ourselves: a handler or filter of somebody else's that raises costs the line alone."""

    __slots__ = ("_logger",)

    def __init__(self, logger: logging.Logger | SafeLogger) -> None:
        self._logger: logging.Logger = logger._logger if isinstance(logger, SafeLogger) else logger

    def is_enabled_for(self, level: int) -> bool:
        """Whether anybody wants to see records of `level`."""
        return self._logger.isEnabledFor(level)

    def log(self, level: int, message: str, *args: object) -> None:
        """As `logging.Logger.log`; never raises."""
        try:
            self._logger.log(level, message, *args)
        except Exception:
            pass

    def note(self, message: str, *args: object) -> None:
        """Log with the level INFO, for an application that has configured its logs, and for whoever wants to see all.

        Elsewhere it would be one more line on stderr in each process, which Prefect's own system does not write there.
        """
        # Prefect's own handlers, which are there in the late stage, write to stderr in each process too.
        handlers = [handler for handler in logging.root.handlers if not type(handler).__module__.startswith("prefect.")]
        if handlers or self.is_enabled_for(logging.DEBUG):
            self.log(logging.INFO, message, *args)

    def debug(self, message: str, *args: object) -> None:
        """Log with the level DEBUG."""
        self.log(logging.DEBUG, message, *args)

    def warning(self, message: str, *args: object) -> None:
        """Log with the level WARNING."""
        self.log(logging.WARNING, message, *args)

    def error(self, message: str, *args: object) -> None:
        """Log with the level ERROR."""
        self.log(logging.ERROR, message, *args)


def make_logger_factory(redactor: Redactor) -> Callable[[str], logging.Logger]:
    """The `logger_factory` of a hook's context: names become children of `prefect`, as in Prefect itself."""

    def logger_factory(name: str) -> logging.Logger:
        if name != "prefect" and not name.startswith("prefect."):
            name = f"prefect.{name}"
        logger = logging.getLogger(name)
        # One process has one redactor, so a filter that is there already is the right one.
        if not any(isinstance(present, _RedactingFilter) for present in logger.filters):
            logger.addFilter(_RedactingFilter(redactor))
        return logger

    return logger_factory


@contextmanager
def shown(level: str, redactor: Redactor) -> Iterator[None]:
    """Show the records below `prefect` on stderr, from `level` on, unless Prefect has configured its loggers.

    Prefect's configuration replaces the handler and the level; then there is nothing to take back.
    """
    logger = logging.getLogger("prefect")
    if logger.handlers:
        yield
        return
    handler = _StderrHandler(redactor)
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(level)
    try:
        yield
    finally:
        if handler in logger.handlers:
            logger.removeHandler(handler)
            logger.setLevel(before)
