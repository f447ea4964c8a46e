"""Findings about the start-up hook in this interpreter, Prefect, and the run as a whole."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from . import finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prefect_preflight._command_line.diagnosis import Diagnosis
    from prefect_preflight._command_line.diagnosis.activation import Activation
    from prefect_preflight._command_line.diagnosis.surroundings import Surroundings
    from prefect_preflight.report import Report

    from . import Finding

__all__ = ["find"]

_INSTALL = "install it into the environment itself: python -m pip install prefect-preflight"
_REINSTALL = "reinstall it: python -m pip install --force-reinstall --no-deps prefect-preflight"
_RUN = "prefect-preflight run -- COMMAND"


def find(diagnosis: Diagnosis) -> Iterator[Finding]:
    """The findings of this module."""
    activation = diagnosis.activation
    yield from _inactive(activation)
    for copy in activation.copies:
        yield finding(
            "PF107",
            f"{activation.location} ({activation.version}) is in use, and {copy.location} "
            f"({copy.version or 'version unknown'}) is on the path too",
            "uninstall the one that is not wanted; which one is used depends on the path's order",
            subject=copy.location,
        )
    yield from _prefect(diagnosis)
    if diagnosis.surroundings is not None:
        yield from _surroundings(diagnosis.surroundings)
    yield from _run(diagnosis)


def _inactive(activation: Activation) -> Iterator[Finding]:
    """Why the hook is not active: one finding."""
    here = "; --run has activated it for this command alone" if activation.activated_here else ""
    if activation.state == "no-site":
        yield finding(
            "PF101",
            f"Python was started with -S, so it read no start-up file and the hook is not active{here}",
            "start Python without -S, or call prefect_preflight.init() before Prefect is imported",
        )
    elif activation.state == "no-startup-file":
        yield _no_startup_file(activation, here)
    elif activation.state == "kill-switch":
        yield finding(
            "PF103",
            "PREFECT_PREFLIGHT_DISABLE is set, so the hook is not active",
            "unset PREFECT_PREFLIGHT_DISABLE, or set it to 0",
            subject="PREFECT_PREFLIGHT_DISABLE",
        )
    elif activation.state == "imported-before":
        yield finding(
            "PF104",
            "Prefect was imported before the start-up hook was there, so no hook ran",
            "find what imports Prefect while Python starts (python -X importtime), such as a .pth file whose name "
            "comes before prefect_preflight.pth, and let it import Prefect later",
        )
    elif activation.state == "finder-in-front":
        names = ", ".join(activation.finders_in_front) or "a finder"
        yield finding(
            "PF105",
            f"{names} answers for `prefect` before the hook is asked{here}",
            "let that finder be installed before prefect-preflight's, or call prefect_preflight.init() after it",
        )
    elif activation.state == "not-registered":
        paths = ", ".join(file.path for file in activation.startup_files)
        yield finding(
            "PF106",
            f"{paths} names the hook, but the hook is not active: the file was not read, or failed, or something "
            f"has taken the finder off sys.meta_path{here}",
            f"`python -c 'import _prefect_preflight'` shows whether it can be loaded; {_REINSTALL}",
        )


def _no_startup_file(activation: Activation, here: str) -> Finding:
    home, unread = os.path.dirname(activation.location), activation.unread_files
    if any(path.endswith(".pth") for path in unread):
        message = f"Python does not read the start-up files in {os.path.dirname(unread[0])}, which is no site directory"
        remedy = (
            f"{_INSTALL}; where that cannot be, as with --target or PYTHONPATH, start programs by `{_RUN}`, which is "
            "also `python -m plugins_diag.run_command COMMAND`"
        )
    else:
        message = (
            f"there is no prefect_preflight.pth in {' or '.join(activation.site_directories) or 'any site directory'}"
        )
        message += "".join(f", and this Python reads no file such as {path}" for path in unread)
        # Where it is installed, pip has nothing to do.
        remedy = f"{_REINSTALL if home in activation.site_directories else _INSTALL}; or start programs by `{_RUN}`"
    return finding("PF102", f"{message}, so the hook is not active{here}", remedy)


def _prefect(diagnosis: Diagnosis) -> Iterator[Finding]:
    imported, found = diagnosis.imported, diagnosis.activation.prefect
    if found is not None and found.distribution is None:
        yield finding(
            "PF108",
            f"`import prefect` gives {found.location}, which does not belong to an installed Prefect, "
            "so no hook runs for it",
            "rename that file or directory, or start Python elsewhere: `python -m` looks in the working directory",
            subject=found.location,
        )
    elif imported.status == "missing":
        yield finding(
            "PF109",
            "Prefect is not installed for this Python, so there is nothing to run hooks for",
            "install it (python -m pip install prefect), or diagnose with the Python that has it",
        )
    elif imported.status == "failed" and imported.error is not None:
        yield finding(
            "PF110",
            f"`import prefect` fails with {imported.error.type}: {imported.error.message}",
            "see whether it fails with PREFECT_PREFLIGHT_DISABLE=1 too: then it is Prefect's installation",
        )
    report = diagnosis.report
    came_to_the_body = report.outcome not in ("disabled", "not-run", "interrupted", "strict-exit")
    if came_to_the_body and report.prefect is not None and report.prefect.native_runner == "present":
        yield finding(
            "PF111",
            "Prefect's own plugin runner could not be taken out of its import; it is answered with our run, so "
            "that hooks still run once, but its time is spent",
            "report the version of Prefect, and what else changes how it is imported, to prefect-preflight",
        )


def _surroundings(surroundings: Surroundings) -> Iterator[Finding]:
    """What may be taken for this environment."""
    here = f"this is {sys.executable}"
    switch = "activate the environment that is meant, or diagnose the other one: --python"
    if surroundings.virtual_env is not None:
        yield finding(
            "PF112",
            f"the activated environment (VIRTUAL_ENV) is {surroundings.virtual_env}, and {here}",
            f"{switch} {surroundings.virtual_env}",
            subject="VIRTUAL_ENV",
        )
    for command in surroundings.commands:
        yield finding(
            "PF112",
            f"{command.name!r} on PATH is {command.path}, which starts {command.interpreter}, and {here}",
            f"{switch} {command.interpreter}",
            subject=command.name,
            # In an image `python` often is the system's, and nobody calls it.
            severity="info" if command.name == "python" else None,
        )
    for other in surroundings.prefects:
        installed = " and ".join(other.distributions) or "a copy without metadata"
        yield finding(
            "PF113",
            f"{other.location} ({installed}) is on the path too, or lies over the one in use",
            "uninstall the one that is not wanted; where both lie in one directory, uninstall both and install one",
            subject=other.location,
        )


def _way_out(report: Report) -> str:
    """What to do about a strict exit, which a plugin or a setting caused."""
    if report.problems and not any(plugin.failed for plugin in report.plugins):
        return "correct the setting"
    if report.setting("required") is None:
        return "fix the plugin, or let PREFECT_PLUGINS_REQUIRED name those alone that are required"
    return "fix what is named there, or take the plugin off PREFECT_PLUGINS_REQUIRED"


def _run(diagnosis: Diagnosis) -> Iterator[Finding]:
    report, imported = diagnosis.report, diagnosis.imported
    if imported.status == "strict-exit" and imported.error is not None:
        message = f"`import prefect` exits with status 1: {imported.error.message}"
        yield finding("PF404", message, f"{_way_out(report)}, or switch strict mode off")
    if report.hooks_run_in != "workers":
        yield finding(
            "PF405",
            "hooks ran in the importing thread, one after the other, where no deadline can hold",
            "such as in a subinterpreter or at a limit of threads; run Prefect in a main interpreter",
        )
    if report.outcome == "inside-hook":
        yield finding(
            "PF406",
            "a hook of another process started this one, so it runs no hooks itself",
            "diagnose from a process that no hook has started; unset PREFECT_PREFLIGHT_IN_HOOK if it was left over",
        )
    if report.outcome == "internal-error" or (report.reason or "").startswith("internal error"):
        yield finding(
            "PF407",
            f"{report.reason}; Prefect loads as if prefect-preflight were not installed",
            "report this line to prefect-preflight, with the versions below `Activation`",
        )
