"""Fixtures of the tests with real Prefect servers, workers, and clusters: ``nox -s distributed``.

They take minutes, so they are left out where pytest is not told of this directory by name.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "processes"))  # where `counting` lies

from counting import Counting  # noqa: E402  # importable by the line above

from hosts import NEW, OLD, Preset, kill  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hosts import Host, Hosts
    from worlds import World

PRESETS = {preset.name: preset for preset in (NEW, OLD)}
CLUSTERS = Preset("clusters", (*NEW.requirements, "prefect-dask", "prefect-ray"), ("3.12", "3.11"))
HEALTH_SECONDS = 120


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves this directory out unless it, or something in it, was asked for."""
    asked = [config.invocation_params.dir.joinpath(str(arg).partition("::")[0]) for arg in config.args]
    return None if any(HERE in (path.resolve(), *path.resolve().parents) for path in asked) else True


class Server:
    """A running Prefect server: the address of its API."""

    def __init__(self, host: Host, api: str) -> None:
        self.host = host
        self.api = api


@pytest.fixture(scope="session", params=sorted(PRESETS))
def server(request: pytest.FixtureRequest, hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Prefect server of each host, one for all tests on it."""
    only = request.config.getoption("--prefect")
    if only and only != request.param:
        pytest.skip(f"--prefect {only}")
    with _serving(hosts.preset(PRESETS[request.param]), tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="session")
def cluster_server(hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Prefect server of the host with Dask and Ray."""
    with _serving(hosts.preset(CLUSTERS), tmp_path_factory.mktemp("server")) as server:
        yield server


@contextlib.contextmanager
def _serving(host: Host, home: Path) -> Iterator[Server]:
    """Runs a Prefect server with SQLite on a free port of the loopback interface."""
    port = _free_port()
    args = ["-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    log = home / "server.log"
    with log.open("w") as output:
        child = subprocess.Popen(
            [host.python, *args],
            env=host.environment({"PREFECT_HOME": str(home), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}),
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            text=True,
            start_new_session=True,
        )
    try:
        api = f"http://127.0.0.1:{port}/api"
        assert _healthy(f"{api}/health", child), log.read_text()
        yield Server(host, api)
    finally:
        child.terminate()
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            pass
        kill(child)  # and whatever the server has started


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _healthy(url: str, child: subprocess.Popen[str]) -> bool:
    """Returns whether the server answers within `HEALTH_SECONDS`."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + HEALTH_SECONDS
    while time.monotonic() < deadline and child.poll() is None:
        try:
            with opener.open(url, timeout=5) as answer:
                if answer.status == 200:
                    return True
        except OSError:
            time.sleep(0.3)
    return False


class Deployed(Counting):
    """A counting world whose processes talk to a server; flow runs write what they saw into a file."""

    def variables(self, more: object) -> dict[str, str | None]:
        """The environment in which the hook runs and is counted, the API's address in it."""
        own = {"PREFECT_HOME": str(self.world.home / "prefect"), "SEEN_FILE": str(self.seen_file)}
        return super().variables({**own, **more})  # type: ignore[dict-item]

    @property
    def seen_file(self) -> Path:
        """Where flow runs write what they saw, a line each."""
        return self.world.overlay / "seen.jsonl"


@pytest.fixture
def deployed(server: Server, new_world: Callable[[Host], World]) -> Deployed:
    """A world on the server's host; the test installs the plugin."""
    world = new_world(server.host)
    for path in (HERE / "inside").glob("*.py"):
        (world.overlay / path.name).write_text(path.read_text())
    return Deployed(world)


@pytest.fixture
def clusters(hosts: Hosts, new_world: Callable[[Host], World]) -> Counting:
    """A counting world on a host with prefect-dask and prefect-ray."""
    world = new_world(hosts.preset(CLUSTERS))
    for path in (HERE / "inside").glob("*.py"):
        (world.overlay / path.name).write_text(path.read_text())
    return Counting(world)
