"""Fixtures: host environments for child interpreters, and a clean slate for in-process tests.

- `world`: the stand-in for Prefect, with plugins of the test's own. ``world.plugin("my-plugin", SOURCE)`` installs
  one, ``world.run("import prefect", PREFECT_PLUGINS_ENABLED="1")`` runs a child.
- `real_prefect`: ask for it beside `world` and the test runs on the newest Prefect, since only that can show it.
- `each_prefect`: the same on the newest and on the old Prefect.
- `module_world`: like the latter, one for a whole module, for children that show many things in one run.
- `hosts`: any other environment, such as ``hosts("prefect==3.1.6", python="3.11")``; `new_world` puts a world
  on it.
- `bare`: the wheel without Prefect.

``--prefect none``, for a further round on another Python, leaves out what runs on a real Prefect: its Pythons are its
own, so the main round has shown it.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

import standin
from hosts import BARE, NEW, OLD, Host, Hosts, built_wheel
from worlds import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PRESETS = {preset.name: preset for preset in (NEW, OLD)}


REAL = ("each_prefect", "real_prefect")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds ``--prefect``."""
    parser.addoption(
        "--prefect",
        choices=[*sorted(PRESETS), "none"],
        help="of the tests on a real Prefect, run only those on this one",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Gives `each_prefect` and `real_prefect` their values."""
    only = metafunc.config.getoption("--prefect")
    for fixture, names in zip(REAL, (list(PRESETS), [NEW.name])):
        if fixture in metafunc.fixturenames:
            metafunc.parametrize(fixture, [name for name in names if only in (None, "none", name)], indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out the tests on a real Prefect where none is wanted."""
    if config.getoption("--prefect") == "none":
        out = [item for item in items if not {*REAL}.isdisjoint(getattr(item, "fixturenames", ()))]
        items[:] = [item for item in items if item not in out]
        config.hook.pytest_deselected(items=out)


@pytest.fixture(scope="session")
def wheel() -> Path:
    """The wheel under test."""
    return built_wheel()


@pytest.fixture(scope="session")
def hosts(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Hosts:
    """Makes host environments, each once."""
    return Hosts(wheel, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def each_prefect(request: pytest.FixtureRequest, hosts: Hosts) -> Host:
    """The host of this round: the newest Prefect, then the old one."""
    return hosts.preset(PRESETS[request.param])


@pytest.fixture(scope="session")
def real_prefect(request: pytest.FixtureRequest, hosts: Hosts) -> Host:
    """The host with the newest Prefect."""
    return hosts.preset(PRESETS[request.param])


@pytest.fixture
def bare(hosts: Hosts) -> Host:
    """A host without Prefect."""
    return hosts.preset(BARE)


@pytest.fixture
def new_world(tmp_path: Path) -> Callable[[Host], World]:
    """Makes worlds on hosts of the test's choice."""
    count = iter(range(sys.maxsize))
    return lambda host: World.create(host, tmp_path / f"world{next(count)}")


@pytest.fixture
def world(request: pytest.FixtureRequest, bare: Host, new_world: Callable[[Host], World]) -> World:
    """A world of this test's own: on the host of the real Prefect that the test asks for, else with the stand-in."""
    for fixture in REAL:
        if fixture in request.fixturenames:
            host: Host = request.getfixturevalue(fixture)
            return new_world(host)
    world = new_world(bare)
    standin.install(world)
    return world


@pytest.fixture(scope="module")
def module_world(each_prefect: Host, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world on the host of `each_prefect` that the tests of a module share, for children that show much at once."""
    return World.create(each_prefect, tmp_path_factory.mktemp("world"))


@pytest.fixture(autouse=True)
def _restored_environment() -> Iterator[None]:
    """Puts `os.environ` back as it was before the test."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(autouse=True)
def _restored_imports(tmp_path: Path) -> Iterator[None]:
    """Puts the import system back: `sys.path`, `sys.meta_path`, and what the test did to `sys.modules`.

    Modules that the test dropped or replaced return. Of the new ones only Prefect's and the test's own go:
    the standard library's may be imported lazily by pytest itself, and must not be imported twice.
    """
    path, meta_path, modules = sys.path[:], sys.meta_path[:], dict(sys.modules)
    yield
    sys.path[:], sys.meta_path[:] = path, meta_path
    for name in sys.modules.keys() - modules.keys():
        origin = getattr(sys.modules[name], "__file__", None) or ""
        if name.partition(".")[0] == "prefect" or origin.startswith(str(tmp_path)):
            del sys.modules[name]
    sys.modules.update(modules)
