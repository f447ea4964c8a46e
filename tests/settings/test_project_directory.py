"""A project directory whose `prefect.toml` enables plugins: in it, below it by inheritance, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from snippets import returning

if TYPE_CHECKING:
    from pathlib import Path

    from worlds import World

pytestmark = pytest.mark.core

PROGRAM = """
import json, os, subprocess, sys
import prefect

print(json.dumps([os.getcwd(), os.environ.get("FROM_HOOK"), os.environ.get("PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS")]))
sys.stdout.flush()
if len(sys.argv) > 1:
    subprocess.run([sys.executable, __file__], cwd=sys.argv[1], check=True)
"""


@pytest.fixture
def project(world: World) -> Path:
    """The directory, with a plugin installed and a program beside it; no variable enables plugins."""
    world.plugin("my-plugin", returning(FROM_HOOK="set"))
    (world.overlay / "program.py").write_text(PROGRAM)
    directory = world.cwd / "project"
    directory.mkdir()
    (directory / "prefect.toml").write_text("[plugins]\nenabled = true\nsetup_timeout_seconds = 7\n")
    return directory


def lines(world: World, cwd: Path, *args: Path) -> list[str]:
    """What the program and its child print, run in a directory."""
    command = [str(world.overlay / "program.py"), *map(str, args)]
    return world.run(command, cwd=cwd, check=True).stdout.splitlines()


def test_in_the_directory_and_in_a_child_elsewhere(world: World, project: Path) -> None:
    """The hook runs in a process that starts there, and in its child, whose working directory is another one."""
    here, child = lines(world, project, world.cwd)
    assert here == f'["{project}", "set", "7.0"]'
    assert child == f'["{world.cwd}", "set", "7.0"]'


def test_outside(world: World, project: Path) -> None:
    """A process that starts elsewhere, and a child that stays there, run no hook."""
    assert lines(world, world.cwd, world.cwd) == [f'["{world.cwd}", null, null]'] * 2
