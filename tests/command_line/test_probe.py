"""`prefect-preflight probe`: whether hooks would run, without Prefect and without any of the plugins' code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from diag_runs import TRACED, trace
from snippets import ENABLED

if TYPE_CHECKING:
    from collections.abc import Callable

    from hosts import Host
    from worlds import World

PROBE = ("-m", "plugins_diag.probe")
STRICT = {**ENABLED, "PREFECT_PLUGINS_STRICT": "1", "PREFECT_PLUGINS_REQUIRED": "traced"}


@pytest.mark.core
def test_all_is_well(world: World) -> None:
    """Nothing is printed, the exit status is 0, and neither Prefect nor the plugin is imported."""
    world.plugin("traced", TRACED)
    result = world.run(PROBE, env=STRICT)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", ""), result
    code = """
        import sys
        from prefect_preflight._command_line.probe import probe
        try:
            probe([])
        except SystemExit as error:
            print(error.code, sorted({"prefect", "traced", "json", "importlib.metadata"} & set(sys.modules)))
    """
    assert world.run(code, env=STRICT).stdout == "0 []\n"
    assert trace(world) == ""


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"PREFECT_PLUGINS_REQUIRED": "traced,other"}, "PF207 unknown-plugin-name (warning)"),
        ({"PREFECT_PLUGINS_DENY": "traced"}, "PF211 required-plugin-denied (error)"),
        ({"PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS": "soon"}, "PF201 bad-setting (error)"),
        ({"PREFECT_PREFLIGHT_DISABLE": "1"}, "PF103 kill-switch (error)"),
        ({"PREFECT_PLUGINS_ENABLED": None}, "PF206 settings-without-effect (warning)"),
    ],
)
def test_what_would_keep_hooks_from_running(world: World, variables: dict[str, str | None], says: str) -> None:
    """It is printed, and the exit status is 1."""
    world.plugin("traced", TRACED)
    result = world.run(PROBE, env={**STRICT, **variables})
    assert result.returncode == 1 and says in result.stdout, result
    assert trace(world) == ""


def test_without_prefect(bare: Host, new_world: Callable[[Host], World]) -> None:
    """Prefect is not imported, but missed; the console script and JSON give the same findings."""
    world = new_world(bare)
    world.plugin("traced", TRACED)
    result = world.run(PROBE, env=STRICT)
    assert result.returncode == 1 and "PF109 prefect-missing (error)" in result.stdout, result
    document = world.run((str(bare.bin / "prefect-preflight"), "probe", "--format", "json"), env=STRICT).json
    assert [finding["name"] for finding in document["findings"]] == ["prefect-missing"]
    assert document["exit_status"] == 1 and document["verdict"].startswith("1 problem in 1 plugin: Prefect is not")


def test_disabled_is_healthy(world: World) -> None:
    """Whoever has not enabled plugins has nothing to check."""
    world.plugin("traced", TRACED)
    assert world.run(PROBE).returncode == 0
