"""What a report is made of: what is asked of an import of Prefect, which is `_stages.PrefectImport`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from prefect_preflight._discovery import InstalledPrefect
    from prefect_preflight._redaction import Redactor
    from prefect_preflight._running.waves import Runner
    from prefect_preflight._settings import Settings
    from prefect_preflight._statuses import RenewalState


class ImportRecord(Protocol):
    """What one `import prefect` has come to.

    Attributes:
        prefect: the Prefect that is imported.
        settings: the settings in force.
        runner: the plugins, and how far they are; None if there are none.
        redactor: knows the plugins' secrets; None if there are no plugins.
        superseded: whether a native plugin runner was taken out of Prefect's body.
        body_executed: whether Prefect's body has been executed.
        inside_hook: whether a hook of an ancestor started this process.
        strict_exit: what strict mode ended the import with.
        internal_errors: errors of ours.
        renewal: whether what expires is renewed in the background.
        renewal_reason: why it is refused, None if it is not.
        renews_at: when the next renewal is due, in seconds since the epoch; None if none is.
    """

    prefect: InstalledPrefect
    settings: Settings
    runner: Runner | None
    redactor: Redactor | None
    superseded: bool
    body_executed: bool
    inside_hook: bool
    strict_exit: str | None
    internal_errors: list[str]
    renewal: RenewalState
    renewal_reason: str | None
    renews_at: float | None
