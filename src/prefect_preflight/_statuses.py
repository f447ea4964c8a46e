"""The vocabulary: every word that says what became of something, and the groups that these words make.

The words are part of the report's JSON form, so they keep their meaning.
"""

from __future__ import annotations

from typing import Literal

PluginStatus = Literal[
    "not-run",  # nobody tried
    "pending",  # its turn has not come, or the import was ended before
    "filtered",  # the allow or the deny list excludes it, or it is another name of a plugin that runs
    "incompatible",  # it requires another version of the plugin API
    "load-failed",
    "no-hook",
    "no-startup-hook",  # it is not loaded: Prefect's server does that, when it needs it
    "loaded",  # and no more, in safe mode
    "inherited",  # an ancestor process ran it, and what it set still stands
    "success",
    "failed",  # its hook raised
    "invalid-result",
    "timed-out",
    "expired",  # what it set before has expired, and its hook returned nothing new
]
NOT_ALLOWED: tuple[PluginStatus, ...] = ("filtered", "incompatible")
"""It must not run, whatever it is."""
FAILED: tuple[PluginStatus, ...] = ("load-failed", "failed", "invalid-result", "timed-out", "expired")
"""It should have succeeded and did not."""
SUCCEEDED: tuple[PluginStatus, ...] = ("success", "inherited")
"""What it is there for stands in the environment."""
RAN: tuple[PluginStatus, ...] = (*SUCCEEDED, *FAILED)
"""Its hook was called, or should have been."""

Outcome = Literal[
    "not-run",  # Prefect was not imported, or not by us
    "disabled",
    "success",
    "failures",
    "strict-exit",
    "interrupted",
    "safe-mode",
    "inside-hook",  # a hook of another process started this one
    "internal-error",
]
"""What became of all the plugins of one process together."""
FAILED_OUTCOMES: tuple[Outcome, ...] = ("failures", "strict-exit", "interrupted", "internal-error")
"""Something should have succeeded and did not."""

Stage = Literal["early", "late"]
Wave = Literal["tryfirst", "normal", "trylast"]
WAVES: tuple[Wave, ...] = ("tryfirst", "normal", "trylast")
"""In the order in which they run."""
RenewalState = Literal[
    "off",  # nobody asked for it
    "idle",  # nothing expires
    "on",
    "refused",  # it cannot be done here
]
"""Whether a process renews what expires by itself."""
Progress = Literal["waiting", "running", "done"]
"""How far a load, or a call of a hook, has come."""
Executor = Literal["workers", "importing thread"]
"""Who runs the hooks; in the importing thread no deadline can hold."""
NativeRunner = Literal["superseded", "present", "none", "unknown"]
"""What became of Prefect's own plugin runner: see `report.PrefectInfo`."""

ImportStatus = Literal["imported", "missing", "strict-exit", "failed", "skipped"]
"""How the `import prefect` of a diagnosis ended: see `_command_line.diagnosis.prefect_import`."""
ActivationState = Literal[
    "active",
    "kill-switch",
    "no-site",  # `python -S`
    "no-startup-file",
    "not-registered",  # there is a start-up file, and still no finder
    "imported-before",  # Prefect was, before the hook could see it
    "finder-in-front",  # another finder answers for Prefect
    "foreign-package",  # `prefect` is no installed Prefect
]
"""How the start-up hook stands in an interpreter."""
StartupFileKind = Literal["pth", "start", "sitecustomize", "usercustomize"]
Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""Worst first. A finding of the last kind is for information, and does not change the exit status."""
