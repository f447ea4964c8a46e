"""Imports Prefect for real, so that the start-up hook makes the run that it makes in any process."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefect_preflight.report import ErrorInfo, redacted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

__all__ = ["ImportResult", "document_stream", "import_prefect"]


@dataclass(frozen=True)
class ImportResult:
    """How `import prefect` ended.

    Attributes:
        status: "imported", "missing" (Prefect is not installed), "strict-exit", "failed" (an exception of Prefect's
            own), or "skipped" (not tried, since it would not have run the hooks).
        error: the exception's type and message, redacted.
    """

    status: str
    error: ErrorInfo | None = None


def import_prefect() -> ImportResult:
    """Import Prefect; whatever comes of it is returned, but for the user's own Ctrl-C.

    Raises:
        KeyboardInterrupt: on Ctrl-C.
    """
    try:
        import prefect  # noqa: F401  # for what happens meanwhile
    except KeyboardInterrupt:
        raise
    except SystemExit as error:
        message = str(error.code)
        status = "strict-exit" if message.startswith("[plugins]") else "failed"
        return ImportResult(status, ErrorInfo("SystemExit", _line(message)))
    except ModuleNotFoundError as error:
        status = "missing" if error.name == "prefect" else "failed"
        return ImportResult(status, ErrorInfo(type(error).__name__, _line(error)))
    except BaseException as error:
        return ImportResult("failed", ErrorInfo(type(error).__name__, _line(error)))
    return ImportResult("imported")


def _line(message: object) -> str:
    try:
        return redacted(" ".join(str(message).split()))
    except Exception:  # the exception's own `__str__`
        return "(its message cannot be shown)"


@contextmanager
def document_stream() -> Iterator[TextIO]:
    """Where the report goes: the standard output, which is then nobody else's until the process ends.

    Prefect and the plugins may print when they are imported, in threads that go on, in child processes and at exit. So
    the file descriptor 1 itself becomes the standard error's; only the stream that is returned writes to the old one.
    """
    stdout = sys.stdout
    try:
        owns_descriptor = stdout.fileno() == 1
    except (AttributeError, OSError, ValueError):  # a test's or a notebook's stream, or none
        owns_descriptor = False
    if not owns_descriptor:
        sys.stdout = sys.stderr
        try:
            yield stdout
        finally:
            sys.stdout = stdout
        return
    stdout.flush()
    # Without inheritance: a child that outlives us must not keep a pipe's reader waiting.
    stream = os.fdopen(os.dup(1), "w", encoding=stdout.encoding, errors=stdout.errors)
    try:
        os.dup2(2, 1)
    except OSError:  # no standard error
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.close(null)
    sys.stdout = sys.stderr
    try:
        yield stream
    finally:
        try:
            stream.close()
        except OSError:  # what could not be written a moment ago: nobody reads any more, or the disk is full
            pass
