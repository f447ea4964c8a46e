"""Errors of our own: one line on stderr, and Prefect loads; in strict mode they are the exit."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hosts import ROOT
from snippets import ENABLED, limited
from toys import PLUGIN, toy_world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hosts import Host, Hosts
    from worlds import World

STRICT = {**ENABLED, "PREFECT_PLUGINS_STRICT": "1", **limited(2)}

FAILING = """
    from prefect.plugins import register_hook

    @register_hook
    def setup_environment(*, ctx):
        raise ValueError("no")
"""
PACKAGE = ROOT / "src" / "prefect_preflight"
# The parts that an import can need. The others are the command line and the kit, which no import loads.
ROOMS = sorted(
    path.name
    for path in PACKAGE.iterdir()
    if path.name not in ("_command_line", "testing", "_activation_path", "_pytest_plugin.py", "py.typed", "__pycache__")
)
PROGRAM = "import os, prefect; print(os.environ.get('TOKEN'))"


def overlaid(world: World) -> Path:
    """Returns a copy of the package that the world's children find in the installed one's place."""
    return Path(shutil.copytree(world.host.site / "prefect_preflight", world.overlay / "prefect_preflight"))


def parts(package: Path, room: str) -> Iterator[tuple[str, Path]]:
    """Yields the modules of a room, by name and file."""
    files = sorted((package / room).rglob("*.py")) if (package / room).is_dir() else [package / room]
    for file in files:
        dotted = ".".join(file.relative_to(package.parent).with_suffix("").parts)
        yield dotted.removesuffix(".__init__"), file


@pytest.mark.parametrize("room", ROOMS)
def test_each_part_damaged_or_missing(hosts: Hosts, new_world: Callable[[Host], World], room: str) -> None:
    """Whichever module of ours is gone or broken: strict mode fails closed with one line, else Prefect loads with one.

    Such as after an interrupted upgrade, or on a disk that was full. Who does not need the module has a hook that runs.
    """
    world = toy_world(hosts, new_world, "3.12")
    world.plugin("good", PLUGIN)
    package = overlaid(world)
    for name, file in parts(package, room):
        text = file.read_text()
        for damage in (None, "raise RuntimeError('damaged')\n"):
            file.unlink() if damage is None else file.write_text(damage)
            strictly, leniently = (world.run(PROGRAM, env=STRICT, PREFECT_PLUGINS_STRICT=value) for value in "10")
            assert leniently.returncode == 0 and "Traceback" not in leniently.stderr, (name, leniently)
            if strictly.returncode:
                assert leniently.stderr.startswith("prefect-preflight: "), (name, leniently)
                assert leniently.stderr.count("\nprefect-preflight: ") == 0, (name, leniently)
                assert (strictly.returncode, strictly.stdout) == (1, ""), (name, strictly)
                (line,) = strictly.stderr.splitlines()
                assert line.startswith("[plugins] "), (name, line)
            else:  # nobody needs it, or a package can do without its `__init__`
                expected = ("set-by-the-hook\n", "")
                assert (strictly.stdout, strictly.stderr) == (leniently.stdout, leniently.stderr) == expected, name
        file.write_text(text)


@pytest.mark.parametrize("room", ROOMS)
def test_a_failure_and_a_damage_at_once(hosts: Hosts, new_world: Callable[[Host], World], room: str) -> None:
    """What is needed only to tell of a failure may be missing too: strict mode ends the process, with one line."""
    world = toy_world(hosts, new_world, "3.12")
    world.plugin("fails", FAILING)
    for name, file in parts(overlaid(world), room):
        hidden = file.rename(file.with_suffix(".hidden"))
        result = world.run("import prefect; print('loaded')", env=STRICT)
        assert (result.returncode, result.stdout) == (1, ""), (name, result)
        (line,) = result.stderr.splitlines()
        assert line.startswith("[plugins] "), (name, line)
        hidden.rename(file)


def test_a_broken_dependency(world: World) -> None:
    """Whatever of ours breaks at run time, Prefect works."""
    world.plugin("good", PLUGIN)
    (world.overlay / "importlib_metadata").mkdir()
    (world.overlay / "importlib_metadata" / "__init__.py").write_text("raise OSError('broken')\n")
    result = world.run("import prefect; print('imported')", env=ENABLED)
    assert (result.returncode, result.stdout) == (0, "imported\n"), result
    assert result.stderr.count("prefect-preflight:") <= 1 and "Traceback" not in result.stderr, result
