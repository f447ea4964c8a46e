"""Imports Prefect for real, so that the start-up hook makes the run that it makes in any process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefect_preflight._redaction.outlet import shown
from prefect_preflight.report import ErrorInfo

if TYPE_CHECKING:
    from prefect_preflight._statuses import ImportStatus

__all__ = ["ImportResult", "import_prefect"]


@dataclass(frozen=True)
class ImportResult:
    """How `import prefect` ended.

    Attributes:
        status: "imported", "missing" (Prefect is not installed), "strict-exit", "failed" (an exception of Prefect's
            own), or "skipped" (not tried, since it would not have run the hooks).
        error: the exception's type and message, redacted, each on one line.
    """

    status: ImportStatus
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
        message = str(error)
        status: ImportStatus = "strict-exit" if message.startswith("[plugins]") else "failed"
        return ImportResult(status, ErrorInfo("SystemExit", _line(message)))
    except ModuleNotFoundError as error:
        status = "missing" if error.name == "prefect" else "failed"
        return ImportResult(status, ErrorInfo(type(error).__name__, _line(error)))
    except BaseException as error:
        return ImportResult("failed", ErrorInfo(type(error).__name__, _line(error)))
    return ImportResult("imported")


def _line(message: object) -> str:
    try:
        return shown(" ".join(str(message).split()))
    except Exception:  # the exception's own `__str__`
        return "(its message cannot be shown)"
