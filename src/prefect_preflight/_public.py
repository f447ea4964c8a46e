"""The package's public names, and the modules that define them; imported at the first use of one."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from . import init
    from ._refresh import refresh
    from .api import (
        PREFECT_PLUGIN_API_VERSION,
        HookContext,
        HookSpec,
        SetupResult,
        SetupSummary,
        register_hook,
        run_startup_hooks,
    )
    from .report import Report, last_report

__all__ = [
    "PREFECT_PLUGIN_API_VERSION",
    "HookContext",
    "HookSpec",
    "Report",
    "SetupResult",
    "SetupSummary",
    "init",
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
    if name in ("Report", "last_report"):
        from . import report as module
    elif name == "refresh":
        from . import _refresh as module  # type: ignore[no-redef]
    elif name == "__all__":
        return __all__
    elif name in __all__:
        from . import api as module  # type: ignore[no-redef]
    else:
        raise AttributeError(f"module {__package__!r} has no attribute {name!r}")
    return getattr(module, name)
