"""One line of JSON on stderr for each import, for those who collect that: `PREFECT_PREFLIGHT_REPORT_LINE=1`.

Opt-in: without that variable this module is not even imported. The keys are in `docs/report.md`.
"""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone

from prefect_preflight._redaction.data import without_secrets
from prefect_preflight._redaction.outlet import complain, redactor
from prefect_preflight._state import write

from . import last_report
from .process import kind, machine, program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from prefect_preflight.report import PluginInfo, Report

LONGEST = 16 * 1024  # characters: what collectors take for one line
_NAMES = 20  # variables of a plugin that are named, where the line would be too long with all


def write_line(event: str) -> None:
    """Write the line; a failure costs the line alone.

    Args:
        event: "import", "refresh" or "renewal".
    """
    try:
        report = last_report()
        text = _text(report, event, None)
        if len(text) > LONGEST:
            text = _text(report, event, _NAMES)
        if len(text) > LONGEST:
            text = _text(report, event, 0)
        write(f"{text}\n")
    except Exception as error:
        complain(f"the line about the import was not written, {type(error).__name__}: {error}")


def _text(report: Report, event: str, names: int | None) -> str:
    """The line, with so many names of each plugin's variables, None for all; without its plugins, if still too long."""
    line: dict[str, Any] = {
        "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        "logger": "prefect_preflight",
        "event": event,
        "version": report.preflight_version,
        "machine": machine(),
        "pid": os.getpid(),
        "kind": kind(),
        "program": program(),
        "outcome": report.outcome,
        "reason": report.reason,
        "seconds": report.seconds,
        "failed": [plugin.name for plugin in report.plugins if plugin.failed],
        "plugins": [_plugin(plugin, names) for plugin in report.plugins],
    }
    text = _json(line)
    if names == 0 and len(text) > LONGEST:
        line.update(plugins=len(report.plugins), failed=len(line["failed"]), truncated=True)
        text = _json(line)
    return text


def _json(line: dict[str, Any]) -> str:
    # Item by item: in the text as a whole, a name such as "token" and what stands behind it would look like a secret.
    return json.dumps(without_secrets(line, redactor()))


def _plugin(plugin: PluginInfo, names: int | None) -> dict[str, Any]:
    seconds = [hook.seconds for hook in plugin.hooks if hook.seconds is not None]
    return {
        "name": plugin.name,
        "status": plugin.status,
        "seconds": round(sum(seconds) + (plugin.load_seconds or 0.0), 6),
        "variables": sorted(plugin.environment)[:names],
        "variables_count": len(plugin.environment),
        "expires_at": None if plugin.expires_at is None else plugin.expires_at.isoformat(),
        "error": None if plugin.error is None else plugin.error.message,
        "deferred_by": plugin.deferred_by,
    }
