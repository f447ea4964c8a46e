"""The kit's one function.

In this process the plugin sees Prefect as it is when the hooks run: the plugin API is there and nothing else yet. What
needs more is run again with the installed Prefect, and `stage` is "late". A plugin that this process has imported
already is used as it is, so that functions of it can be replaced for a test. Once Prefect itself has been imported into
the process, it cannot be taken away: then `stage` is None, and `subprocess=True` knows more.

With `subprocess=True` a new interpreter imports Prefect with this plugin alone enabled. Where no Prefect is installed,
an empty package stands in for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._conditions import Conditions
from ._target import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._outcome import PluginRun

__all__ = ["run_plugin"]


def run_plugin(
    plugin: object,
    *,
    env: Mapping[str, str | None] | None = None,
    subprocess: bool = False,
    name: str | None = None,
    timeout: float = 20.0,
    twice: bool = True,
    slow_import: float = 1.0,
    api_url: str | None = None,
) -> PluginRun:
    """Run a plugin as `import prefect` would, and tell what came of it; `os.environ` is left as it was.

    It never raises for what the plugin does: ask the result, or let `PluginRun.assert_ok` do it.

    Args:
        plugin: an entry point's value ("acme_plugin", "acme_plugin:plugin") or an installed one's name; a module; or an
            object: a plugin, its class, or just the function or method that is the hook.
        env: variables on top of this process' environment while the plugin runs; None takes one away.
        subprocess: whether to run it in a new interpreter, with the real Prefect where that is installed.
        name: the entry point's name, by default the module's, or the installed entry point's.
        timeout: seconds for loading it, and as many for running it, as `PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS`.
        twice: whether to call it a second time, in the environment that it made, to see whether it is idempotent.
        slow_import: from how many seconds on loading it counts as slow.
        api_url: the hook's `ctx.api_url`.

    Raises:
        TypeError: `plugin` is nothing that could be one, or a value in `env` is no string.
        ValueError: with `subprocess=True`, for an object that no importable module has by name; for a `timeout` that is
            not a finite number above 0.
    """
    conditions = Conditions(dict(env or {}), timeout, twice, slow_import, api_url)
    return _run(Target.of(plugin, name), conditions, subprocess)


def _run(target: Target, conditions: Conditions, subprocess: bool) -> PluginRun:
    # Loaded here, since a session of tests mostly needs one of them only.
    if subprocess:
        from ._in_child import run_in_child

        return run_in_child(target, conditions)
    from ._in_process import run_in_process

    return run_in_process(target, conditions)
