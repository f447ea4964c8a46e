"""Prefect's own settings: read again, if Prefect has read them before the late plugins changed the environment."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable


def refresh_settings() -> None:
    """Make Prefect read its settings again, if it has read them: late hooks have changed the environment since.

    Prefect keeps them in `prefect.context.GLOBAL_SETTINGS_CONTEXT`, made by `root_settings_context()`; seen
    from 2.14 to 3.8. Where these are gone, settings that were read before the late stage stay as they were. If
    a plugin's value is one that Prefect refuses, they stay as they were too, and an error is logged.
    """
    context: Any = sys.modules.get("prefect.context")
    if not (hasattr(context, "GLOBAL_SETTINGS_CONTEXT") and hasattr(context, "root_settings_context")):
        return
    from contextvars import copy_context

    try:
        # In a context of its own: up to 3.0 the function enters the new one, for a moment.
        context.GLOBAL_SETTINGS_CONTEXT = copy_context().run(_called_by(context, _from_environment(context)))
    except Exception as error:
        import logging

        message = " ".join(str(error).split())
        logging.getLogger("prefect.plugins").error(
            "Prefect's settings stay as they were before the late plugins: %s: %s", type(error).__name__, message
        )


def _called_by(module: Any, function: Callable[[], Any]) -> Callable[[], Any]:
    """A call of `function` as if by code of `module`: a warning that is meant for the caller names that file."""
    from types import FunctionType

    def call() -> Any:
        return function()

    names = {
        "__name__": module.__name__,
        "__warningregistry__": vars(module).setdefault("__warningregistry__", {}),
    }
    code = call.__code__.replace(co_filename=module.__file__, co_firstlineno=1)
    return FunctionType(code, names, closure=call.__closure__)


def _from_environment(context: Any) -> Callable[[], Any]:
    """Prefect's `root_settings_context`, as it works before there are settings.

    Up to 3.0 it builds upon the settings that are there, by `use_profile`, and would keep what it finds in them. To
    take them away for a moment would leave other threads without any. So it is a copy that runs, which finds another
    `use_profile`.
    """
    from functools import partial
    from types import FunctionType

    function, use_profile = context.root_settings_context, getattr(context, "use_profile", None)
    if not isinstance(function, FunctionType) or use_profile is None:
        return function  # type: ignore[no-any-return]
    names = {**function.__globals__, "use_profile": partial(use_profile, include_current_context=False)}
    return FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
