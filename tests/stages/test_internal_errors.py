"""Errors of our own: one line on stderr, and Prefect loads; in strict mode they are the exit."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from snippets import ENABLED, limited
from toys import PLUGIN, toy_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from hosts import Host, Hosts
    from worlds import World

STRICT = {**ENABLED, "PREFECT_PLUGINS_STRICT": "1", **limited(2)}

SABOTAGE = {
    # What an interrupted upgrade, or another package's broken dependency, leaves behind.
    "_running/waves": "early",
    "_imports/cpython": "early",
    "_imports/room": "early",
    "_threads/__init__": "early",
    "_discovery/__init__": "early",
    "_settings/resolution": None,
    "_stages/__init__": None,
    "_loader": None,
}


@pytest.mark.parametrize("strict", ["0", "1"])
@pytest.mark.parametrize("module", SABOTAGE)
def test_an_internal_error(hosts: Hosts, new_world: Callable[[Host], World], module: str, strict: str) -> None:
    """An internal error is one stderr line, and Prefect loads; in strict mode it is the exit."""
    world = toy_world(hosts, new_world, "3.12")
    world.plugin("good", PLUGIN)
    shutil.copytree(world.host.site / "prefect_preflight", world.overlay / "prefect_preflight")
    (world.overlay / "prefect_preflight" / f"{module}.py").write_text("raise RuntimeError('sabotage')\n")
    result = world.run("import prefect; print(prefect.DONE)", env=STRICT, PREFECT_PLUGINS_STRICT=strict)
    lines = [line for line in result.stderr.splitlines() if "sabotage" in line]
    assert lines and "Traceback" not in result.stderr, result
    if strict == "1" and module != "_loader":  # without it, nobody can even tell whether strict mode is on
        assert (result.returncode, len(lines)) == (1, 1) and lines[0].startswith("[plugins] "), result
    else:
        assert result.stdout == "True\n" and len(lines) == 1, result


def test_a_broken_dependency(world: World) -> None:
    """Whatever of ours breaks at run time, Prefect works."""
    world.plugin("good", PLUGIN)
    (world.overlay / "importlib_metadata").mkdir()
    (world.overlay / "importlib_metadata" / "__init__.py").write_text("raise OSError('broken')\n")
    result = world.run("import prefect; print('imported')", env=ENABLED)
    assert (result.returncode, result.stdout) == (0, "imported\n"), result
    assert result.stderr.count("prefect-preflight:") <= 1 and "Traceback" not in result.stderr, result
