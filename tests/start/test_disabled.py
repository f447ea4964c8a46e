"""Disabled means untouched: `import prefect` does what it does without us."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from snippets import OURS, hook

if TYPE_CHECKING:
    from hosts import Host
    from worlds import World

pytestmark = pytest.mark.core

STAND_IN = ""
"""In the place of what the start-up file imports, so that the base line is the same environment without us."""

LOOK = """
import json, sys
import prefect
print(json.dumps({
    "modules": sorted(sys.modules),
    "finders": [getattr(f, "__name__", type(f).__name__) for f in sys.meta_path],
    "path hooks": len(sys.path_hooks),
    "loader": type(prefect.__loader__).__name__,
    "spec": type(prefect.__spec__).__name__,
    "names": sorted(vars(prefect)),
}))
"""

# What discovers, loads or runs plugins, or reports on them: nothing of it is needed to find out that they are disabled.
WORKING_PARTS = (
    *("_discovery", "_imports", "_plugins", "_redaction", "_reports", "_running", "_stages", "_threads"),
    *("api", "report"),
)


def ours(modules: list[str]) -> set[str]:
    """Those of the modules that are ours."""
    return {name for name in modules if name.partition(".")[0] in OURS}


def others(modules: list[str]) -> set[str]:
    """Those of the modules that are not."""
    return set(modules) - ours(modules)


def look(world: World, **variables: str | None) -> dict[str, Any]:
    """What a child sees after `import prefect`; it must be silent."""
    result = world.run(LOOK, check=True, **variables)
    assert result.stderr == ""
    seen: dict[str, Any] = result.json
    return seen


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"PREFECT_PLUGINS_ENABLED": "0"},
        {"PREFECT_EXPERIMENTS_PLUGINS_ENABLED": "false"},
        {"PREFECT_API_URL": "http://127.0.0.1:4200/api", "PREFECT_LOGGING_LEVEL": "DEBUG"},
    ],
    ids=["unset", "zero", "legacy", "other settings"],
)
def test_exactly_the_same_modules(world: World, each_prefect: Host, variables: dict[str, str]) -> None:
    """Disabled, `import prefect` loads the modules that it loads without us, apart from a few of ours."""
    with_us = look(world, **variables)
    world.plugin("stand-in", STAND_IN, module="_prefect_preflight", entry_points={})
    without = look(world, **variables)
    assert ours(without["modules"]) == {"_prefect_preflight"}
    assert not ours(with_us["modules"]) & {f"prefect_preflight.{name}" for name in WORKING_PARTS}
    assert others(with_us["modules"]) == others(without["modules"])
    for what in ("finders", "path hooks", "loader", "spec", "names"):
        assert with_us[what] == without[what], what


def test_a_pyproject_of_somebody_elses(world: World) -> None:
    """A `pyproject.toml` without a word on Prefect in the working directory makes no parser load."""
    (world.cwd / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1"\n')
    with_us = look(world)
    world.plugin("stand-in", STAND_IN, module="_prefect_preflight", entry_points={})
    without = look(world)
    assert others(with_us["modules"]) == others(without["modules"])


def test_plugins_are_not_imported(world: World) -> None:
    """No plugin is imported, or called."""
    world.plugin("noisy", "print('imported')\n" + hook("print('called')"))
    seen = look(world)
    assert "noisy" not in seen["modules"]


def test_the_report_says_so(world: World) -> None:
    """`last_report()` tells that plugins are disabled."""
    program = """
        import json, prefect, prefect_preflight
        report = prefect_preflight.last_report()
        print(json.dumps([report.outcome, report.reason, len(report.plugins), report.setting("enabled")]))
    """
    assert world.run(program, check=True).json == ["disabled", "plugins are disabled", 0, False]


def test_the_environment_is_untouched(world: World, each_prefect: Host) -> None:
    """Disabled, no variable changes by `import prefect`."""
    program = "import os; before = dict(os.environ); import prefect; print(before == dict(os.environ))"
    assert world.run(program, check=True).stdout == "True\n"
