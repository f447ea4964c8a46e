"""All findings that there can be, by their codes; `docs/findings.md` has a section for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from prefect_preflight._statuses import Severity

__all__ = ["CATALOGUE", "Code", "code_of"]


class Code(NamedTuple):
    """What all findings of one code have in common.

    Attributes:
        name: the code in words, such as "plugin-denied".
        severity: the usual one.
        title: what is the matter, in one phrase.
    """

    name: str
    severity: Severity
    title: str


CATALOGUE: dict[str, Code] = {
    # How the hook stands in this interpreter, and Prefect with it
    "PF101": Code("no-site", "error", "Python was started without its site module"),
    "PF102": Code("no-startup-file", "error", "No start-up file is read"),
    "PF103": Code("kill-switch", "error", "The kill switch is on"),
    "PF104": Code("prefect-imported-before", "error", "Prefect was imported before the start-up hook"),
    "PF105": Code("finder-in-front", "error", "Another finder answers for Prefect"),
    "PF106": Code("startup-file-without-effect", "error", "The start-up file had no effect"),
    "PF107": Code("several-copies", "warning", "More than one copy of prefect-preflight"),
    "PF108": Code("not-prefect", "error", "The package prefect is not an installed Prefect"),
    "PF109": Code("prefect-missing", "error", "Prefect is not installed"),
    "PF110": Code("prefect-broken", "error", "Prefect cannot be imported"),
    "PF111": Code("native-runner-left", "warning", "Prefect's own plugin runner was left in place"),
    "PF112": Code("other-environment", "warning", "A command on PATH belongs to another environment"),
    "PF113": Code("prefect-shadowed", "warning", "One Prefect hides another"),
    # Settings
    "PF201": Code("bad-setting", "error", "A setting has a bad value"),
    "PF202": Code("unknown-setting", "warning", "A setting's name is unknown"),
    "PF203": Code("contradicting-settings", "warning", "Two names of a setting contradict each other"),
    "PF204": Code("broken-settings-file", "error", "A settings file cannot be read"),
    "PF205": Code("unknown-profile", "warning", "The profile does not exist"),
    "PF206": Code("settings-without-effect", "info", "Settings are made, but plugins are disabled"),
    "PF207": Code("unknown-plugin-name", "warning", "A listed name is not that of an installed plugin"),
    "PF208": Code("safe-mode", "warning", "Safe mode is on"),
    "PF209": Code("no-plugins", "warning", "Plugins are enabled, but none is installed"),
    "PF210": Code("empty-required-list", "info", "The list of required plugins is empty"),
    "PF211": Code("required-plugin-denied", "error", "A required plugin may not run"),
    # Loading plugins
    "PF301": Code("plugin-incompatible", "warning", "A plugin does not fit the plugin API's version"),
    "PF302": Code("bad-api-requirement", "warning", "A plugin's API requirement is no version specifier"),
    "PF303": Code("plugin-broken", "error", "A plugin cannot be loaded"),
    "PF304": Code("no-hook", "warning", "A plugin has no hook"),
    "PF305": Code("unknown-hook", "warning", "A plugin has a hook of an unknown name"),
    "PF306": Code("class-not-instance", "warning", "An entry point names a class, not an instance"),
    "PF307": Code("plugin-denied", "info", "A plugin is filtered"),
    "PF308": Code("wrapper-hook", "warning", "A hook is marked as a wrapper"),
    # Running hooks
    "PF401": Code("hook-failed", "error", "A hook failed"),
    "PF402": Code("invalid-result", "error", "A hook returned an invalid result"),
    "PF403": Code("plugin-timed-out", "error", "A plugin timed out"),
    "PF404": Code("strict-exit", "error", "Strict mode ends the import"),
    "PF405": Code("hooks-in-importing-thread", "warning", "Hooks ran in the importing thread"),
    "PF406": Code("inside-hook", "warning", "A hook started this process"),
    "PF407": Code("internal-error", "error", "An internal error of prefect-preflight"),
    "PF408": Code("not-renewed", "error", "A hook did not renew what has expired"),
    "PF409": Code("no-renewal", "warning", "Nothing is renewed in the background"),
    # What the hooks returned
    "PF501": Code("variable-conflict", "warning", "Plugins set the same variable"),
    "PF502": Code("values-expired", "error", "A plugin's values have expired"),
    "PF503": Code("values-expire-soon", "warning", "A plugin's values expire soon"),
    "PF504": Code("plugin-warning", "warning", "Something in a plugin should be fixed"),
    "PF505": Code("variable-not-renewed", "warning", "A variable cannot be renewed in the background"),
    "PF506": Code("no-expiry", "info", "Nobody knows when a plugin's credentials expire"),
}
"""A code keeps its meaning and its name; one that is given up is not used again."""


def code_of(text: str) -> str | None:
    """The code that a user means by it, or by its name; in capitals or not. None if there is no such code."""
    if text.upper() in CATALOGUE:
        return text.upper()
    return next((code for code, known in CATALOGUE.items() if known.name == text.lower()), None)
