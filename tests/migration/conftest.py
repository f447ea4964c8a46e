"""Runs a scenario by both plugin systems: Prefect's own, in an environment without the project, and ours.

A scenario is run once for all tests that look at it, in whichever process of pytest-xdist comes to it first.
"""

from __future__ import annotations

import dataclasses
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
import scenarios
from filelock import FileLock

from hosts import NEW, Host, Hosts
from worlds import World

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Seen:
    """What a program did: its exit status, its output, and the files that it left in its working directory."""

    status: int
    stdout: str
    stderr: str
    files: list[str]

    @property
    def noted(self) -> list[list[Any]]:
        """What the plugins noted, in order."""
        return self._told["seen"]

    @property
    def env(self) -> dict[str, str]:
        """The environment in the end."""
        return self._told["env"]

    @property
    def _told(self) -> Any:
        assert self.stdout.startswith('{"seen"'), self
        return json.loads(self.stdout)

    @property
    def lines(self) -> list[str]:
        """The lines of stderr."""
        return self.stderr.splitlines()

    def says(self, text: str) -> int:
        """How many lines of stderr have `text` in them."""
        return sum(text in line for line in self.lines)


Both = tuple[Seen, Seen]


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that all processes of this run share."""
    base = tmp_path_factory.getbasetemp()
    directory = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "migration"
    directory.mkdir(exist_ok=True)
    return directory


@pytest.fixture
def both(real_prefect: Host, hosts: Hosts, shared: Path, tmp_path: Path) -> Callable[[str], Both]:
    """Returns what Prefect's own system and ours did with a scenario, by its name; in this order."""

    def seen(name: str) -> Both:
        scenario = scenarios.find(name)
        result = shared / f"{name}.json"
        with FileLock(result.with_suffix(".lock")):
            if not result.exists():
                sides = (hosts.without_wheel(NEW), real_prefect)
                worlds = [World.create(host, tmp_path / name / str(number)) for number, host in enumerate(sides)]
                result.write_text(json.dumps([dataclasses.asdict(run(scenario, world)) for world in worlds]))
        native, ours = (Seen(**fields) for fields in json.loads(result.read_text()))
        return native, ours

    return seen


def run(scenario: scenarios.Scenario, world: World) -> Seen:
    """Installs the plugins, all of one distribution so that their order is the same each time, and runs the program."""
    points = {name: scenario.values.get(name, name) for name in scenario.plugins}
    files = {f"{name}.py": scenarios.API + text for name, text in scenario.plugins.items()}
    world.plugin("plugins", None, entry_points=points, extra_files={**files, "recorder.py": scenarios.RECORDER})
    for path, text in scenario.installed.items():
        file = world.overlay / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8", errors="surrogateescape")
    for path, text in scenario.files.items():
        (world.cwd / path).write_text(text)
    env = {"PREFECT_PLUGINS_ENABLED": "1", **scenario.variables}
    done = world.run(scenario.program, env=env)
    return Seen(done.returncode, done.stdout, done.stderr, sorted(path.name for path in world.cwd.iterdir()))
