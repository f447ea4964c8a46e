"""Texts of programs and plugins that several test modules use, and readers of what they print."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hosts import Result

ENABLED = {"PREFECT_PLUGINS_ENABLED": "1"}

OURS = ("_prefect_preflight", "prefect_preflight")
"""What an `import prefect` may load of ours: the module of the start-up file, the package."""
"""The environment in which plugins run."""

TELL = """
import json, os, sys
from prefect_preflight import last_report
print(json.dumps({"report": last_report().as_dict(), "env": dict(os.environ)}))
"""
"""The end of a program that `told` reads."""

IMPORT_AND_TELL = "import prefect\n" + TELL


def returning(*variables: str, options: str = "", **values: str) -> str:
    """Returns a plugin whose hook sets each of ``variables`` to its own name, and ``values`` as given.

    Args:
        variables: Names of environment variables.
        options: Arguments of ``register_hook``, such as ``"tryfirst=True"``.
        values: Names with values.
    """
    env = {**{name: name for name in variables}, **values}
    return f"""
from prefect_preflight import SetupResult, register_hook

@register_hook({options})
def setup_environment(*, ctx):
    return SetupResult(env={env!r})
"""


def hook(
    body: str,
    *,
    before: str = "",
    keyword: str = "def",
    options: str = "",
    imports: str = "asyncio, json, os, sys, threading, time",
    api: str = "prefect_preflight",
) -> str:
    """Returns a plugin whose hook has the given body, one line or several.

    Args:
        body: The statements of the hook, not indented.
        before: What stands before the hook in its module.
        keyword: ``"async def"`` for an async hook.
        options: Arguments of ``register_hook``.
        imports: The standard library's modules that its module imports.
        api: Where its module has the plugin API from.
    """
    marker = f"@register_hook({options})" if options else "@register_hook"
    indented = "\n".join("    " + line for line in body.strip().splitlines())
    return f"""
import {imports}
from {api} import SetupResult, register_hook
{before}

{marker}
{keyword} setup_environment(*, ctx):
{indented}
"""


@dataclasses.dataclass(frozen=True)
class Told:
    """What a child told by `TELL`: its report, its plugins by name, its environment, and its stderr's lines."""

    report: Mapping[str, Any]
    plugins: Mapping[str, Mapping[str, Any]]
    env: Mapping[str, str]
    lines: tuple[str, ...]
    result: Result

    @property
    def statuses(self) -> dict[str, str]:
        """The plugins' statuses by name."""
        return {name: plugin["status"] for name, plugin in self.plugins.items()}

    def lines_with(self, text: str) -> list[str]:
        """The lines on stderr that contain ``text``."""
        return [line for line in self.lines if text in line]


def limited(seconds: float) -> dict[str, str]:
    """Returns the variables that give all plugins so many seconds for loading, and as many for their hooks."""
    names = ("PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS", "PREFECT_PREFLIGHT_LOAD_TIMEOUT_SECONDS")
    return dict.fromkeys(names, f"{seconds:g}")


def told(result: Result) -> Told:
    """Reads the last line that a child printed; there must be an exit status of 0.

    Raises:
        AssertionError: The child failed, or printed something else; shows its output.
    """
    assert result.returncode == 0, str(result)
    assert result.stdout.startswith('{"report"') and result.stdout.count("\n") == 1, str(result)
    data = result.json
    plugins = {plugin["name"]: plugin for plugin in data["report"]["plugins"]}
    return Told(data["report"], plugins, data["env"], tuple(result.stderr.splitlines()), result)
