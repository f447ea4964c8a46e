"""Findings about the settings: what cannot be read, what has no effect, what is probably not meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect_preflight._discovery import canonical
from prefect_preflight._settings import PREFIXES
from prefect_preflight._settings.resolution import EMPTY

from . import finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prefect_preflight._command_line.diagnosis import Diagnosis
    from prefect_preflight.report import ProblemInfo, Report

    from . import Finding

__all__ = ["find"]

# The settings' own slug of a problem: its code, and what to do.
_PROBLEMS = {
    "bad-value": ("PF201", "correct the value; in strict mode a bad value ends the import"),
    "unknown-name": ("PF202", "correct the name, or remove it"),
    "conflict": ("PF203", "keep one of the two names"),
    "broken-file": ("PF204", "correct the file; until then nothing in it counts"),
    "unknown-profile": ("PF205", "correct the profile's name, or create it: prefect profile create NAME"),
    "internal-error": ("PF407", "report this line to prefect-preflight"),
}


def find(diagnosis: Diagnosis) -> Iterator[Finding]:
    """The findings of this module."""
    report = diagnosis.report
    for problem in report.problems:
        yield _problem(problem)
    for name, likely in diagnosis.activation.misspelt:
        yield finding(
            "PF202",
            f"{name} is not a setting of the plugin system and has no effect; did you mean {likely}?",
            "correct the name, or remove it",
            subject=name,
        )
    if not report.setting("enabled"):
        yield from _made_in_vain(report)
        return
    # An option that runs one plugin alone switches strict mode off, if it is none of the required ones.
    ignored = "required" if diagnosis.options.get("strict") == "--plugin" else ""
    yield from _listed_names(report, [field for field in ("allow", "deny", "required") if field != ignored])
    if report.setting("required") is None and _source(report, "required") != "default":
        yield finding(
            "PF210",
            f"{_source(report, 'required').removesuffix(EMPTY)} is empty, which counts as not set: in strict mode all "
            "plugins are required",
            "name the plugins that are required, or remove it",
        )
    yield from _denied(report)
    if report.setting("safe_mode"):
        by_option = "safe_mode" in diagnosis.options
        yield finding(
            "PF208",
            "safe mode is on: plugins are loaded, but no hook is called and no variable is set",
            "leave --no-run out to call them" if by_option else f"unset {_source(report, 'safe_mode')}",
            severity="info" if by_option else None,
        )
    if not report.plugins and report.outcome not in ("inside-hook", "internal-error"):
        yield finding(
            "PF209",
            "no installed distribution has an entry point in the group prefect.plugins",
            "install the plugin with this very Python; `python -m pip show -f NAME` lists its files",
        )


def _problem(problem: ProblemInfo) -> Finding:
    code, remedy = _PROBLEMS.get(problem.slug, ("PF201", "correct it"))
    return finding(code, problem.message, remedy, subject=problem.source or None)


def _made_in_vain(report: Report) -> Iterator[Finding]:
    made = [
        f"{setting.name} ({setting.source})"
        for setting in report.settings
        if setting.source != "default"
        and not setting.source.startswith("--")
        and setting.name not in ("enabled", "api_url", "logging_level")
    ]
    # Whoever wants strict mode wants to hear that there is none, unless plugins were disabled on purpose.
    insists = report.setting("strict") or report.setting("required") is not None
    forgotten = insists and _source(report, "enabled") == "default"
    if made:
        yield finding(
            "PF206",
            f"plugins are disabled, so these settings have no effect: {', '.join(made)}",
            f"set {PREFIXES[0]}ENABLED=1 to enable plugins, or 0 if they are to be disabled",
            severity="warning" if forgotten else None,
        )


def _listed_names(report: Report, fields: Sequence[str]) -> Iterator[Finding]:
    """Names in ALLOW, DENY and REQUIRED, which are compared with the plugins as package names are."""
    installed = {canonical(plugin.name): plugin.name for plugin in report.plugins}
    for field in fields:
        for name in report.setting(field) or ():
            if canonical(name) not in installed:
                likely = _closest(canonical(name), installed)
                hint = f"; did you mean {likely!r}?" if likely else ""
                yield finding(
                    "PF207",
                    f"{_source(report, field)} names {name!r}, and no such plugin is installed{hint}",
                    "a plugin's name is that of its entry point, as listed under Discoverable Plugins",
                    subject=name,
                    severity="info" if field == "deny" and not likely else None,
                )


def _denied(report: Report) -> Iterator[Finding]:
    """Plugins that a list requires and another one keeps from running."""
    if _source(report, "allow") == "--plugin":  # as the user has just asked for
        return
    required = {canonical(name) for name in report.setting("required") or ()}
    for plugin in report.plugins:
        if plugin.status == "filtered" and plugin.another_name_of is None and canonical(plugin.name) in required:
            yield finding(
                "PF211",
                f"{_source(report, 'required')} requires {plugin.name}, and it is {plugin.reason}",
                "take its name off one of the two lists",
                subject=plugin.name,
                severity=None if report.setting("strict") else "warning",
            )


def _closest(name: str, installed: dict[str, str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, list(installed), 1)
    return installed[close[0]] if close else ""


def _source(report: Report, name: str) -> str:
    return next(setting.source for setting in report.settings if setting.name == name)
