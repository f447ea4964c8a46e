"""What we load into a process, counted in modules: times belong in the benchmark, where they can be compared."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from snippets import ENABLED, OURS, returning

if TYPE_CHECKING:
    from hosts import Host
    from worlds import World

pytestmark = pytest.mark.core

MODULES = "import json, sys; {program}; names = sorted(sys.modules); print(json.dumps(names))"
# Prefect as we load it, its native plugin runner taken out, and nothing else of ours.
SUPERSEDED = """
import json, sys
from importlib.util import find_spec, module_from_spec
from prefect_preflight._prefect import superseding_native_runner
spec = find_spec("prefect")
sys.modules["prefect"] = module_from_spec(spec)
with superseding_native_runner(spec.loader):
    spec.loader.exec_module(sys.modules["prefect"])
print(json.dumps(sorted(sys.modules)))
"""
IMPORT = MODULES.format(program="import prefect")
AWAY = {"PREFECT_PREFLIGHT_DISABLE": "1"}

# Packages that take longer to import than all of ours together.
EXPENSIVE = {"asyncio", "click", "importlib_metadata", "packaging", "tomli"}


def loaded(world: World, program: str, **variables: str | None) -> set[str]:
    """The modules that a child has loaded at its end."""
    return set(world.run(program, env=variables, check=True).json)


def foreign(modules: set[str]) -> set[str]:
    """Those of the modules that are not ours."""
    return {name for name in modules if name.partition(".")[0] not in OURS}


def test_a_start_of_python(world: World) -> None:
    """A Python process that does not import Prefect has one module more because of us."""
    world.plugin("stand-in", "", module="_prefect_preflight", entry_points={})
    without = loaded(world, MODULES.format(program="pass"), PYTHONPATH=str(world.overlay))
    with_us = loaded(world, MODULES.format(program="pass"), PYTHONPATH=None)
    assert len(with_us) <= len(without)  # the stand-in is one module too
    assert {name for name in with_us if "prefect" in name} == {"_prefect_preflight"}


def test_disabled(world: World, each_prefect: Host) -> None:
    """With plugins disabled few modules are loaded, all of them ours."""
    with_us = loaded(world, IMPORT)
    without = loaded(world, IMPORT, **AWAY)
    assert foreign(with_us) == foreign(without)
    assert len(with_us - without) <= 4


def test_enabled_without_plugins(world: World, each_prefect: Host) -> None:
    """Enabled with no plugin installed, no module is loaded but ours, and few of these."""
    added = loaded(world, IMPORT, **ENABLED) - loaded(world, SUPERSEDED, **AWAY)
    assert foreign(added) == set()
    assert len(added) <= 14


def test_three_plugins(world: World, each_prefect: Host) -> None:
    """To find and run synchronous plugins that need no version check, no expensive package is loaded."""
    for name in ("noop-a", "noop-b", "noop-c"):
        world.plugin(name, returning("DONE"))
    added = loaded(world, IMPORT, **ENABLED) - loaded(world, SUPERSEDED, **AWAY)
    assert {"noop_a", "noop_b", "noop_c"} <= added
    # On Python 3.14 `logging` imports them, by way of `traceback`.
    expensive = EXPENSIVE | (set() if sys.version_info[:2] == (3, 14) else {"dataclasses", "inspect"})
    assert {name.partition(".")[0] for name in added} & expensive == set()
