"""Fixtures of the tests about processes: two hosts with all that they need, and worlds that count hook runs.

``nox -s processes`` runs them. They are left out where pytest is not told of this directory by name, since their hosts
take a minute to install.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from counting import Counting

import interpreters
import standin
from hosts import NEW, OLD, Host, Hosts, Preset

if TYPE_CHECKING:
    from collections.abc import Callable

    from worlds import World

HERE = Path(__file__).resolve().parent
# One host of each Prefect for all: joblib brings loky, nbclient and ipykernel the notebook, moto plays STS.
EXTRAS = ("joblib>=1.3", "ipykernel>=6", "nbclient>=0.8", "moto[server]>=5", "botocore>=1.34")
HOSTS = {preset.name: Preset(preset.name, (*preset.requirements, *EXTRAS), preset.pythons) for preset in (NEW, OLD)}
# The newest Pythons, for launches of every kind alone.
NEWEST = {
    version: Preset(version, (*NEW.requirements, EXTRAS[0]), (version,)) for version in interpreters.VERSIONS[-2:]
}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves this directory out unless it, or something in it, was asked for."""
    asked = [config.invocation_params.dir.joinpath(str(arg).partition("::")[0]) for arg in config.args]
    return None if any(HERE in (path.resolve(), *path.resolve().parents) for path in asked) else True


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Gives `each_host` its values; ``--prefect`` narrows them down."""
    if "each_host" in metafunc.fixturenames:
        only = metafunc.config.getoption("--prefect")
        newest = NEWEST if metafunc.function.__name__ == "test_child_on_the_newest_pythons" else {}
        metafunc.parametrize("each_host", [only] if only else list(newest or HOSTS), indirect=True)


@pytest.fixture(scope="session")
def each_host(request: pytest.FixtureRequest, hosts: Hosts) -> Host:
    """The host of this round: the newest Prefect, the old one, for launches the newest one on the newest Pythons."""
    if request.param in NEWEST and not interpreters.find(request.param):
        pytest.skip(f"no Python {request.param} on this machine")
    return hosts.preset({**HOSTS, **NEWEST}[request.param])


@pytest.fixture(scope="session")
def new_host(hosts: Hosts) -> Host:
    """The host with the newest Prefect."""
    return hosts.preset(HOSTS["new"])


@pytest.fixture
def counting(each_host: Host, new_world: Callable[[Host], World]) -> Counting:
    """A world on `each_host` whose plugin counts its runs; the test installs it: ``counting.install()``."""
    return Counting(new_world(each_host))


@pytest.fixture
def counting_new(new_host: Host, new_world: Callable[[Host], World]) -> Counting:
    """The same, on the newest Prefect alone."""
    return Counting(new_world(new_host))


@pytest.fixture
def counting_standin(bare: Host, new_world: Callable[[Host], World]) -> Counting:
    """The same, on the stand-in for Prefect: for what concerns our own records, and starts many processes."""
    world = new_world(bare)
    standin.install(world)
    return Counting(world)
