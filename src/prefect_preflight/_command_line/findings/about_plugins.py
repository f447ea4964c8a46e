"""Findings about the single plugins: how they load, what became of their hooks, what they returned."""

from __future__ import annotations

from datetime import timedelta
from itertools import zip_longest
from shlex import quote
from typing import TYPE_CHECKING

from prefect_preflight._command_line.moments import expiry
from prefect_preflight._plugins import PREFECT_PLUGIN_API_VERSION
from prefect_preflight._plugins.returned_environment import lacks_expiry

from . import finding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from prefect_preflight.report import PluginInfo, Report

    from . import Finding

__all__ = ["SOON", "find"]

SOON = timedelta(minutes=5)
"""How long before its expiry an environment is reported."""

# The status of a plugin that did not succeed: code, what happened, what to do.
_FAILURES = {
    "load-failed": (
        "PF303",
        "cannot be loaded",
        "fix its entry point or what it imports; `python -c {import}` shows the traceback",
    ),
    "failed": (
        "PF401",
        "failed",
        "PREFECT_LOGGING_LEVEL=DEBUG shows the traceback",
    ),
    "invalid-result": (
        "PF402",
        "returned an invalid result",
        "a hook returns SetupResult(env={'NAME': 'value'}), or None for no changes",
    ),
    "timed-out": (
        "PF403",
        "timed out",
        "raise PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS, or make it faster: nothing of it was applied",
    ),
    "expired": (
        "PF408",
        "was called again and did not renew what it set before",
        "look into what its hook logs: where it starts from may be missing, such as credentials that it has replaced",
    ),
}
# By the slug of a plugin's warning: code, what to do.
_WARNINGS = {
    "bad-api-requirement": (
        "PF302",
        'write it by PEP 440, such as PREFECT_PLUGIN_API_REQUIRES = ">=0.1,<1"',
    ),
    "no-hook": (
        "PF304",
        "decorate the function: @register_hook above def setup_environment(*, ctx)",
    ),
    "unknown-hook": (
        "PF305",
        "rename it to setup_environment, or mark it with optionalhook=True",
    ),
    "class-not-instance": (
        "PF306",
        "make an instance at module level and name that",
    ),
    "not-replaced": (
        "PF505",
        "have the plugin return the same variables each time, or call prefect_preflight.refresh() in the program",
    ),
    "wrapper-hook": (
        "PF308",
        "mark it with @register_hook alone; its options tryfirst and trylast count",
    ),
}
_OTHER_WARNING = ("PF504", "fix it in the plugin, or tell its author")


def find(report: Report, now: datetime) -> Iterator[Finding]:
    """The findings of this module; `now` is aware."""
    chosen = any(setting.name == "allow" and setting.source == "--plugin" for setting in report.settings)
    for plugin in report.plugins:
        if not (chosen and plugin.reason == "not in allow list"):  # as the user has just asked for
            yield from _loading(plugin)
        yield from _running(plugin)
        yield from _warnings(plugin)
        yield from _unknown_expiry(plugin)
        yield from _expiry(plugin, now, report.renewal is not None and report.renewal.state == "on")
    if report.renewal is not None and report.renewal.state == "refused":
        yield finding(
            "PF409",
            f"PREFECT_PREFLIGHT_RENEW has no effect: {report.renewal.reason}",
            "call prefect_preflight.refresh() where a change of the environment is safe, or let processes end in time",
        )
    for variable, plugins in report.conflicts.items():
        yield finding(
            "PF501",
            f"{', '.join(plugins)} set {variable}; the value of {plugins[-1]} holds",
            "let one plugin set it, or deny the other: PREFECT_PLUGINS_DENY",
            subject=variable,
        )


def _loading(plugin: PluginInfo) -> Iterator[Finding]:
    if plugin.status == "filtered":
        yield finding(
            "PF307",
            f"{plugin.name} is {plugin.reason}, so it is not loaded",
            "change PREFECT_PLUGINS_ALLOW or PREFECT_PLUGINS_DENY if that is not meant",
            subject=plugin.name,
        )
    elif plugin.status == "incompatible":
        yield finding(
            "PF301",
            f"{plugin.name} requires plugin API version {plugin.api_requirement}, and the current version is "
            f"{PREFECT_PLUGIN_API_VERSION}, so it is skipped",
            "install a version of the plugin that fits, or adjust its PREFECT_PLUGIN_API_REQUIRES",
            subject=plugin.name,
        )


def _running(plugin: PluginInfo) -> Iterator[Finding]:
    failure = _FAILURES.get(plugin.status)
    if failure is not None:
        code, what, remedy = failure
        reason = f": {plugin.error.message}" if plugin.error is not None else ""
        remedy = remedy.replace("{import}", quote(f"import {plugin.value.partition(':')[0].strip()}"))
        yield finding(code, f"{plugin.name} {what}{reason}", remedy, subject=plugin.name)


def _warnings(plugin: PluginInfo) -> Iterator[Finding]:
    for warning, slug in zip_longest(plugin.warnings, plugin.warning_slugs, fillvalue=""):
        code, remedy = _WARNINGS.get(slug, _OTHER_WARNING)
        yield finding(code, f"{plugin.name}: {warning}", remedy, subject=plugin.name)


def _expiry(plugin: PluginInfo, now: datetime, renewed: bool) -> Iterator[Finding]:
    if plugin.expires_at is None or plugin.status == "expired":  # which has a finding of its own
        return
    left = plugin.expires_at - now
    if left <= timedelta(0):
        yield finding(
            "PF502",
            f"what {plugin.name} set expired {expiry(plugin.expires_at, now)}",
            "start the process anew, or have it renew them: PREFECT_PREFLIGHT_RENEW=1; if it has just started, look at "
            "this machine's clock and at the plugin",
            subject=plugin.name,
        )
    elif left <= SOON and not renewed:
        yield finding(
            "PF503",
            f"what {plugin.name} set expires {expiry(plugin.expires_at, now)}",
            "ask for a longer life of the credentials, set PREFECT_PREFLIGHT_RENEW=1, or call "
            "prefect_preflight.refresh() in the program",
            subject=plugin.name,
        )


def _unknown_expiry(plugin: PluginInfo) -> Iterator[Finding]:
    expiring = lacks_expiry(plugin.environment, plugin.expires_at)
    if expiring:
        yield finding(
            "PF506",
            f"{plugin.name} sets {', '.join(expiring)} without an expires_at, so nobody knows when to call it again",
            "return SetupResult(..., expires_at=...), such as STS's Expiration; or tell the plugin's author",
            subject=plugin.name,
        )
