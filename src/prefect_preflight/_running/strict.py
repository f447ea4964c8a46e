"""Strict mode: which plugins are required, and what to exit with when one of them did not succeed."""

from __future__ import annotations

from prefect_preflight._discovery import canonical
from prefect_preflight._statuses import FAILED, SUCCEEDED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from prefect_preflight._plugins import Plugin, PluginWarning
    from prefect_preflight._settings import Settings

_WITHOUT_HOOK = ("no-hook", "no-startup-hook")
WHY_WITHOUT_HOOK = ("no-hook", "unknown-hook", "wrapper-hook")
"""What a plugin without a start-up hook is warned of, by `PluginWarning.slug`: it tells what the hook lacks."""
_VERBS = {"load-failed": "could not be loaded", "timed-out": "timed out", "expired": "was not renewed"}


def failures(settings: Settings, plugins: Sequence[Plugin]) -> list[tuple[str, str]]:
    """Name and reason of each required plugin that is known to have failed by now, in the order of names.

    Required are the plugins in `PREFECT_PLUGINS_REQUIRED` and those that returned `required=True`; without
    that list, all that are allowed and not fenced out by their API version.
    """
    listed = {canonical(name): name for name in settings.required or ()}
    found = []
    for plugin in plugins:
        if is_required(settings, plugin):
            reason = _reason(plugin, is_listed(settings, plugin))
            if reason is not None:
                found.append((plugin.name, reason))
    installed = {canonical(plugin.name) for plugin in plugins}
    missing = [(name, "is not installed") for key, name in listed.items() if key not in installed]
    return sorted(found + missing)


def is_required(settings: Settings, plugin: Plugin) -> bool:
    """Whether the plugin's failure ends the process, as far as that is known by now."""
    return settings.strict and (settings.required is None or is_listed(settings, plugin))


def is_listed(settings: Settings, plugin: Plugin) -> bool:
    """Whether there is a list of required plugins and it is on it, or says itself that it is required.

    Then its start-up hook has to have been called, and to have succeeded, here or in an ancestor: whatever else became
    of it is a failure too, but that safe mode is on.
    """
    names = settings.required
    if not settings.strict or names is None:
        return False
    return plugin.required or canonical(plugin.name) in map(canonical, names)


def _reason(plugin: Plugin, by_name: bool) -> str | None:
    if plugin.status in FAILED:
        message = plugin.error[1] if plugin.error else "no reason known"
        return f"{_VERBS.get(plugin.status, 'failed')}: {message}"
    if not by_name or plugin.status in (*SUCCEEDED, "pending", "loaded"):  # its turn is to come; safe mode
        return None
    if plugin.another_name_of is not None:  # under that it runs, and is required: see `Ledger`
        return None
    if plugin.status == "filtered":
        return f"is not allowed to run: it is {plugin.candidate.why_excluded}"
    if plugin.status == "incompatible":
        return f"requires plugin API version {plugin.requires}"
    if plugin.status in _WITHOUT_HOOK:
        other = plugin.hook_names or plugin.status == "no-startup-hook"
        lack = f"has no {'start-up ' if other else ''}hook, so it cannot have done what it is required for"
        return ": ".join([lack, *filter(None, map(_hint, plugin.warnings))])
    return f"did not run: it is {plugin.status}"


def _hint(warning: PluginWarning) -> str:
    """What a warning says of the hook that is missing, nothing if it is about something else."""
    if warning.slug == "no-hook":
        return warning.text.partition(": ")[2]
    return warning.text if warning.slug in WHY_WITHOUT_HOOK else ""


def message(found: Sequence[tuple[str, str]]) -> str:
    """The one line that the process exits with, and the only one about these failures."""
    return "[plugins] " + "; ".join(f"required plugin {name!r} {reason}" for name, reason in found)
