"""What a finding is, and the catalogue of all codes; `docs/findings.md` has a section for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prefect_preflight._statuses import Severity

__all__ = ["CATALOGUE", "Finding", "finding"]

CATALOGUE: dict[str, tuple[Severity, str]] = {
    # How the hook stands in this interpreter, and Prefect with it
    "PF101": ("error", "Python was started with -S"),
    "PF102": ("error", "No start-up file is read"),
    "PF103": ("error", "The kill switch is on"),
    "PF104": ("error", "Prefect was imported before the start-up hook"),
    "PF105": ("error", "Another finder answers for Prefect"),
    "PF106": ("error", "The start-up file had no effect"),
    "PF107": ("warning", "More than one copy of prefect-preflight"),
    "PF108": ("error", "The package prefect is not an installed Prefect"),
    "PF109": ("error", "Prefect is not installed"),
    "PF110": ("error", "Prefect cannot be imported"),
    "PF111": ("warning", "Prefect's own plugin runner was left in place"),
    # Settings
    "PF201": ("error", "A setting has a bad value"),
    "PF202": ("warning", "A setting's name is unknown"),
    "PF203": ("warning", "Two names of a setting contradict each other"),
    "PF204": ("error", "A settings file cannot be read"),
    "PF205": ("warning", "The profile does not exist"),
    "PF206": ("info", "Settings are made, but plugins are disabled"),
    "PF207": ("warning", "A listed name is not that of an installed plugin"),
    "PF208": ("warning", "Safe mode is on"),
    "PF209": ("warning", "Plugins are enabled, but none is installed"),
    "PF210": ("info", "The list of required plugins is empty"),
    # Loading plugins
    "PF301": ("warning", "A plugin does not fit the plugin API's version"),
    "PF302": ("warning", "A plugin's API requirement is no version specifier"),
    "PF303": ("error", "A plugin cannot be loaded"),
    "PF304": ("warning", "A plugin has no hook"),
    "PF305": ("warning", "A plugin has a hook of an unknown name"),
    "PF306": ("warning", "An entry point names a class, not an instance"),
    "PF307": ("info", "A plugin is filtered"),
    "PF308": ("warning", "A hook is marked as a wrapper"),
    # Running hooks
    "PF401": ("error", "A hook failed"),
    "PF402": ("error", "A hook returned an invalid result"),
    "PF403": ("error", "A plugin timed out"),
    "PF404": ("error", "Strict mode ends the import"),
    "PF405": ("warning", "Hooks ran in the importing thread"),
    "PF406": ("warning", "A hook started this process"),
    "PF407": ("error", "An internal error of prefect-preflight"),
    "PF408": ("error", "A hook did not renew what has expired"),
    "PF409": ("warning", "Nothing is renewed in the background"),
    # What the hooks returned
    "PF501": ("warning", "Plugins set the same variable"),
    "PF502": ("error", "A plugin's values have expired"),
    "PF503": ("warning", "A plugin's values expire soon"),
    "PF504": ("warning", "Something in a plugin should be fixed"),
    "PF505": ("warning", "A variable cannot be renewed in the background"),
}
"""Each code's severity and title. A code keeps its meaning; one that is given up is not used again."""


@dataclass(frozen=True)
class Finding:
    """One conclusion from the report.

    Attributes:
        code: stable, such as "PF303".
        severity: one of `_statuses.SEVERITIES`.
        title: the code's title, the same for all findings of the code.
        subject: the plugin, setting or file that it is about, None if it is about the whole.
        message: what is the matter, in one line.
        remedy: what to do about it, in one line.
        anchor: where the documentation says more.
    """

    code: str
    severity: Severity
    title: str
    subject: str | None
    message: str
    remedy: str
    anchor: str

    @property
    def counts(self) -> bool:
        """Whether it makes the exit status 1."""
        return self.severity != "info"


def finding(
    code: str, message: str, remedy: str, *, subject: str | None = None, severity: Severity | None = None
) -> Finding:
    """A finding by its code.

    Args:
        code: a key of `CATALOGUE`.
        message: what is the matter.
        remedy: what to do about it.
        subject: what it is about.
        severity: another one than the catalogue's.

    Raises:
        KeyError: for a code that is not in the catalogue.
    """
    usual, title = CATALOGUE[code]
    return Finding(code, severity or usual, title, subject, message, remedy, f"docs/findings.md#{code.lower()}")
