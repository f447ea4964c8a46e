"""The kit's one function."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    """Run a plugin as `import prefect` would, and tell what came of it.

    It never raises for what the plugin does: ask the result, or let `PluginRun.assert_ok` do it. `os.environ` is as it
    was before when this returns; what the plugin would set is in `PluginRun.env`.

    In this process the plugin sees Prefect as it is when the hooks run: the plugin API is there and nothing else yet.
    What needs more is run again with the installed Prefect, and `stage` is "late". A plugin that this process has
    imported already is used as it is, so that functions of it can be replaced for a test. Once Prefect itself has been
    imported into the process, it cannot be taken away: then `stage` is None, and `subprocess=True` knows more.

    With `subprocess=True` a new interpreter imports Prefect with this plugin alone enabled. Where no Prefect is
    installed an empty package stands in for it.

    Args:
        plugin: an entry point's value ("acme_plugin", "acme_plugin:plugin") or an installed one's name; a module; or an
            object: a plugin, its class, or just the function or method that is the hook.
        env: variables on top of this process' environment while the plugin runs; None takes one away.
        subprocess: whether to run it in a new interpreter, with the real Prefect where that is installed.
        name: the entry point's name, by default the module's, or the installed entry point's.
        timeout: seconds for loading and running it, as `PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS`.
        twice: whether to call it a second time, in the environment that it made, to see whether it is idempotent.
        slow_import: from how many seconds on loading it counts as slow.
        api_url: the hook's `ctx.api_url`.

    Raises:
        TypeError: `plugin` is nothing that could be one, or a value in `env` is no string.
        ValueError: with `subprocess=True`, for an object that no importable module has by name; for a `timeout` that is
            not a finite number above 0.
    """
    if not 0 < timeout < float("inf"):
        raise ValueError(f"timeout is {timeout!r}; it must be a finite number of seconds above 0")
    variables = dict(env or {})
    for key, value in variables.items():
        if not isinstance(value, (str, type(None))):
            raise TypeError(
                f"env[{key!r}] is of type {type(value).__name__}; it must be a str, or None to take it away"
            )
    target = Target.of(plugin, name)
    # Loaded here, since a session of tests mostly needs one of them only.
    if not subprocess:
        from ._in_process import run

        return run(target, variables, timeout=timeout, twice=twice, slow_import=slow_import, api_url=api_url)
    if not target.importable:
        raise ValueError(f"{plugin!r} cannot run in another process: no module has it under a name; give its module")
    from ._in_child import run_in_child

    return run_in_child(target, variables, timeout=timeout, twice=twice, slow_import=slow_import, api_url=api_url)
