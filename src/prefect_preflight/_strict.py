"""Strict mode: which plugins are required, and what to exit with when one of them did not succeed."""

from __future__ import annotations

from ._discovery import canonical

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._plugin import Plugin
    from ._settings import Settings

_FAILURES = ("load-failed", "failed", "invalid-result", "timed-out")
_VERBS = {"load-failed": "could not be loaded", "timed-out": "timed out"}


def failures(settings: Settings, plugins: Sequence[Plugin]) -> list[tuple[str, str]]:
    """Name and reason of each required plugin that is known to have failed by now, in the order of names.

    Required are the plugins in `PREFECT_PLUGINS_REQUIRED` and those that returned `required=True`; without
    that list, all that are allowed and not fenced out by their API version.
    """
    listed = None if settings.required is None else {canonical(name): name for name in settings.required}
    found = []
    for plugin in plugins:
        by_name = listed is not None and canonical(plugin.name) in listed
        if by_name or listed is None or plugin.required:
            reason = _reason(plugin, by_name)
            if reason is not None:
                found.append((plugin.name, reason))
    installed = {canonical(plugin.name) for plugin in plugins}
    missing = [(name, "is not installed") for key, name in (listed or {}).items() if key not in installed]
    return sorted(found + missing)


def _reason(plugin: Plugin, by_name: bool) -> str | None:
    if by_name and plugin.status == "filtered":
        return f"is not allowed to run: it is {plugin.candidate.filtered}"
    if by_name and plugin.status == "incompatible":
        return f"requires plugin API version {plugin.requires}"
    if plugin.status in _FAILURES:
        message = plugin.error[1] if plugin.error else "no reason known"
        return f"{_VERBS.get(plugin.status, 'failed')}: {message}"
    return None


def message(found: Sequence[tuple[str, str]]) -> str:
    """The one line that the process exits with."""
    name, reason = found[0]
    others = ", ".join(repr(other) for other, _ in found[1:])
    return f"[plugins] required plugin {name!r} {reason}" + (f" (and so did not: {others})" if others else "")
