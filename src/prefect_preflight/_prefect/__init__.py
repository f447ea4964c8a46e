"""The few modules of Prefect that we serve or complete, and the finder that answers for them.

It stays when Prefect has been imported. What it gives is in `plugin_api`, `command_line` and `native_runner`; what else
is done to Prefect, in `native_runner` and `settings_context`.
"""

import sys

from prefect_preflight._state import ask_other_finders, is_asked_in_return

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Callable


# Below these are all places of the plugin API that `plugin_api` knows, which is not loaded before one is asked for.
_API_PLACES = ("prefect.plugins", "prefect._experimental", "prefect._internal.plugins")


class ApiFinder:
    """Meta-path finder for the plugin API's modules, the command line's, and Prefect itself when it is reloaded."""

    def __init__(self, run_diagnose: "Callable[[Sequence[str], str], None]") -> None:
        self._run_diagnose = run_diagnose

    def find_spec(
        self, name: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        """Answer for what `_spec` knows (PEP 451)."""
        if name[:7] != "prefect":  # the cheapest test there is, since every further import of the process is asked
            return None
        return None if is_asked_in_return(self, name) else self._spec(name, path, target)

    def _spec(self, name: str, path: "Sequence[str] | None", target: "ModuleType | None") -> "ModuleSpec | None":
        if name.startswith(_API_PLACES):
            from .plugin_api import completed_spec

            return completed_spec(self, name, path, target)
        if name == "prefect":
            from .native_runner import spec_of_reload

            return spec_of_reload(ask_other_finders(self, name, path, target))
        if name.startswith("prefect.cli."):
            from .command_line import completed_spec as completed_command

            return completed_command(self, name, path, target, self._run_diagnose)
        return None


def install(run_diagnose: "Callable[[Sequence[str], str], None]") -> ApiFinder:
    """Put the finder in front, once; modules that are loaded already are completed where they are.

    Args:
        run_diagnose: what `prefect plugins diagnose` runs, given its arguments and what was typed before them.

    Returns:
        The finder, so that it can be taken away again.
    """
    installed = [finder for finder in sys.meta_path if isinstance(finder, ApiFinder)]
    finder: Any = installed[0] if installed else ApiFinder(run_diagnose)
    if not installed:
        sys.meta_path.insert(0, finder)
    for name in [name for name in sys.modules if name.startswith(_API_PLACES)]:
        from .plugin_api import complete

        complete(sys.modules[name])
    found: ApiFinder = finder
    return found
