"""Executed by a child in each cell: imports Prefect, looks at everything, prints what it saw as JSON.

It must run on every Python and every Prefect of the matrix, and says nothing about what is right.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
from typing import Any, Callable

HOOK_API = (
    "PREFECT_PLUGIN_API_VERSION",
    "HookContext",
    "HookSpec",
    "SetupResult",
    "SetupSummary",
    "register_hook",
    "run_startup_hooks",
)
PLACES = {
    "prefect.plugins": HOOK_API,
    "prefect._experimental.plugins": HOOK_API,
    "prefect._experimental.plugins.spec": HOOK_API[:4],
    "prefect._experimental.plugins.manager": ("register_hook",),
    "prefect._experimental.plugins.diagnostics": ("SetupSummary",),
}


def environment() -> dict[str, Any]:
    """Return what the hooks can have set."""
    names = [name for name in os.environ if name.startswith("MATRIX_") or name == "PREFECT_API_URL"]
    return {name: os.environ[name] for name in sorted(names) if name != "MATRIX_CALLS"}


def settings() -> dict[str, Any]:
    """Return the API's URL by every way in which this Prefect tells it."""
    import prefect.settings

    seen: dict[str, Any] = {"setting": prefect.settings.PREFECT_API_URL.value()}
    current = prefect.settings.get_current_settings()
    seen["settings"] = current.api.url if hasattr(current, "api") else current.PREFECT_API_URL
    from prefect.client.orchestration import get_client

    # The client adds a slash.
    seen["client"] = str(get_client().api_url).rstrip("/")
    return seen


def offers() -> dict[str, Any]:
    """Return what is wrong with the plugin API's names, and where Prefect's own loaders come from."""
    missing = [f"{place}.{name}" for place in PLACES for name in PLACES[place] if not _has(place, name)]
    plugins = importlib.import_module("prefect.plugins")
    result = plugins.SetupResult(env={}, expires_at=None, inherit=True)
    experimental = importlib.import_module("prefect._experimental.plugins")

    def hook() -> None:
        pass

    plugins.register_hook(tryfirst=True)(hook)
    natives = ("load_prefect_collections", "safe_load_entrypoints")
    return {
        "missing": missing,
        "result": result.inherit,
        "same": all(getattr(plugins, name) is getattr(experimental, name) for name in ("SetupResult", "HookContext")),
        "context": plugins.HookContext("1", None, None).prefect_version,
        "marked": getattr(hook, "prefect-experimental_impl")["tryfirst"],
        "natives": [name for name in natives if getattr(plugins, name).__module__.startswith("prefect.")],
        "summaries": sorted(summary.plugin for summary in asyncio.run(plugins.run_startup_hooks(None))),
    }


def _has(place: str, name: str) -> bool:
    try:
        getattr(importlib.import_module(place), name)
    except (ImportError, AttributeError):
        return False
    return True


def once_more() -> list[str]:
    """Import Prefect again in every way there is, none of which may call a hook; return the API names missing.

    That Prefect 2 and some of 3 cannot be executed twice in a process is no business of ours.
    """
    prefect = importlib.import_module("prefect")
    _whatever_happens(lambda: importlib.reload(prefect))
    _whatever_happens(lambda: importlib.reload(importlib.import_module("prefect.plugins")))
    missing: list[str] = offers()["missing"]
    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "prefect"}
    if _whatever_happens(lambda: importlib.import_module("prefect")):
        missing += offers()["missing"]
    for name in [name for name in sys.modules if name.split(".")[0] == "prefect"]:
        del sys.modules[name]
    sys.modules.update(kept)
    return missing


def _whatever_happens(action: Callable[[], object]) -> bool:
    try:
        action()
    except Exception:
        return False
    return True


def main() -> None:
    """Print everything."""
    import prefect

    seen: dict[str, Any] = {"environment": environment(), "version": prefect.__version__}
    seen["settings"] = settings()
    seen["offers"] = offers()
    seen["loader"] = type(prefect.__spec__.loader).__module__
    seen["once more"] = once_more()
    from prefect_preflight import last_report

    report = last_report()
    seen["outcome"] = report.outcome
    seen["native_runner"] = report.prefect and report.prefect.native_runner
    seen["plugins"] = {plugin.name: [plugin.status, plugin.stage] for plugin in report.plugins}
    seen["distribution"] = report.prefect and report.prefect.distribution
    with open(os.environ["MATRIX_CALLS"]) as calls:
        seen["calls"] = sorted(calls.read().split())
    sys.stdout.write(json.dumps(seen) + "\n")


if __name__ == "__main__":
    main()
