"""The reports of this process: what happened at `import prefect`, what would happen, and texts without secrets."""

from __future__ import annotations

from prefect_preflight._state import state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from prefect_preflight.report import Report

    from .record import ImportRecord


def last_report() -> Report:
    """Tell what happened at the last `import prefect` in this process.

    Returns:
        The report, frozen and redacted. If Prefect has not been imported, or plugins are disabled, it says so and lists
        no plugins.
    """
    from .builder import of_process  # here and below, since the builder loads what few processes need

    return of_process(state, last_import())


def survey() -> Report:
    """What would be run: the resolved settings and the plugins found, without importing Prefect or any plugin."""
    from .builder import of_what_is_installed

    return of_what_is_installed(state.reason)


def last_import() -> ImportRecord | None:
    """What is known of the last `import prefect` that had hooks to run."""
    record: ImportRecord | None = state.run
    return record
