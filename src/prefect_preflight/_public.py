"""The package's public names, and the modules that define them; imported at the first use of one."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._reports import last_report
    from ._stages.refresh import refresh
    from .api import (
        PREFECT_PLUGIN_API_VERSION,
        HookContext,
        HookSpec,
        SetupResult,
        SetupSummary,
        register_hook,
        run_startup_hooks,
    )
    from .report import Report

__all__ = [
    "PREFECT_PLUGIN_API_VERSION",
    "HookContext",
    "HookSpec",
    "Report",
    "SetupResult",
    "SetupSummary",
    "last_report",
    "refresh",
    "register_hook",
    "run_startup_hooks",
]


def look_up(name: str) -> "Any":
    """The public object of that name.

    Raises:
        AttributeError: there is none, in the words of a module without the attribute.
    """
    if name == "__all__":
        return sorted([*__all__, "init"])
    if name == "__version__":
        import prefect_preflight._version as home
    elif name == "Report":
        import prefect_preflight.report as home  # type: ignore[no-redef]
    elif name == "last_report":
        import prefect_preflight._reports as home  # type: ignore[no-redef]
    elif name == "refresh":
        import prefect_preflight._stages.refresh as home  # type: ignore[no-redef]
    elif name in __all__:
        import prefect_preflight.api as home  # type: ignore[no-redef]
    else:
        raise AttributeError(f"module {__package__!r} has no attribute {name!r}")
    return getattr(home, name)
