"""What is put back after a plugin ran in this process: the environment, the loggers, the standard output."""

from __future__ import annotations

import io
import logging
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Callable

from prefect_preflight._redaction.loggers import make_logger_factory
from prefect_preflight._settings import PREFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prefect_preflight._redaction import Redactor

__all__ = ["Recorder", "captured_stdout", "environment", "settings_of_plugins"]

# The groups as one JSON object too, whose names are the prefixes without the last "_".
_PREFIXES = (*(prefix.rstrip("_") for prefix in PREFIXES), "PREFECT_PREFLIGHT_")


def settings_of_plugins(names: Mapping[str, object]) -> list[str]:
    """The names that decide on other plugins of this environment, and on this process' own run."""
    return [name for name in names if name.upper().startswith(_PREFIXES)]


@contextmanager
def environment(variables: Mapping[str, str | None]) -> Iterator[None]:
    """While inside, `variables` are set, or taken away; then `os.environ` is as it was, whatever was done to it."""
    before = dict(os.environ)
    try:
        for name in settings_of_plugins(before):
            del os.environ[name]
        for name, value in variables.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        yield
    finally:
        for name in [name for name in os.environ if name not in before]:
            del os.environ[name]
        for name, value in before.items():
            if os.environ.get(name) != value:
                os.environ[name] = value


class _Tee(io.TextIOBase):
    """Keeps what is written, and passes it on: a developer's `print` should be seen."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.text = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.text += text
        if self.stream is not None:
            self.stream.write(text)
        return len(text)

    def flush(self) -> None:
        if self.stream is not None:
            self.stream.flush()

    def fileno(self) -> int:  # as a child process' stdout, which nobody here would see
        if self.stream is None:
            raise OSError("there is no standard output")
        return int(self.stream.fileno())


@contextmanager
def captured_stdout() -> Iterator[_Tee]:
    """While inside, what any thread prints to `sys.stdout` is kept; a child's output is not."""
    before, tee = sys.stdout, _Tee(sys.stdout)
    stdout: Any = tee
    sys.stdout = stdout
    try:
        yield tee
    finally:
        if sys.stdout is stdout:
            sys.stdout = before


class Recorder(logging.Filter):
    """Keeps what the loggers of a hook's context are given, from DEBUG on, as it is before it is redacted."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self.records: list[tuple[str, str, str]] = []
        self._make = make_logger_factory(redactor)
        self._filters: dict[logging.Logger, list[Any]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the record; nothing is filtered."""
        try:
            message = record.getMessage()
            if record.exc_info and record.exc_info[0] is not None:
                message += "\n" + logging.Formatter().formatException(record.exc_info)
        except Exception as error:
            message = f"(a message that cannot be formatted: {type(error).__name__})"
        self.records.append((record.name, record.levelname, message))
        return True

    def logger_factory(self, name: str) -> logging.Logger:
        """The `logger_factory` of the context."""
        if name != "prefect" and not name.startswith("prefect."):
            name = f"prefect.{name}"
        logger = logging.getLogger(name)
        if logger not in self._filters:
            self._filters[logger] = logger.filters[:]
            self._make(name)  # adds the filter that redacts, as in production
            logger.filters.insert(0, self)
        return logger

    @contextmanager
    def listening(self) -> Iterator[Callable[[str], logging.Logger]]:
        """While inside, all levels are recorded, and Prefect's own handlers are quiet; the root's are not."""
        top = logging.getLogger("prefect")
        level, handlers = top.level, top.handlers
        top.setLevel(logging.DEBUG)
        # Its own list is left alone: one that is replaced is put back as it was.
        top.handlers = []
        quiet = logging.NullHandler() if not logging.root.handlers else None
        if quiet is not None:  # or `logging` would print warnings to stderr for want of any handler
            top.addHandler(quiet)
        try:
            yield self.logger_factory
        finally:
            top.handlers = handlers
            top.setLevel(level)
            for logger, filters in self._filters.items():
                logger.filters = filters
