"""Fixtures of the tests of environments: a directory to work in, hosts with the tools, servers that are asked.

``nox -s environments`` runs them. They are left out where pytest is not told of this directory by name, since their
tools take minutes to install and to run.
"""

from __future__ import annotations

import csv
import os
import shutil
import socket
import subprocess
import time
import urllib.request
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from commands import RUNS

import standin
from hosts import NEW, Host, Hosts, kill
from toys import PLUGIN
from worlds import World, write_distribution

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ENABLED = {"PREFECT_PLUGINS_ENABLED": "1"}
AS_EARLY = "set-by-the-hook early"
"""What `look` returns where the hook has run before Prefect's body."""
NOTHING = "None None"
"""What it returns where no hook has run."""

LOOK = """
import os

def look():
    import prefect
    from prefect_preflight import last_report
    report = last_report()
    stages = [plugin.stage for plugin in report.plugins if plugin.status == "success"] if report else []
    return f"{os.environ.get('TOKEN')} {stages[0] if stages else None}"

def main():
    print(look())

def main_with_init():
    import prefect_preflight
    prefect_preflight.init()
    main()
"""
PROGRAMS = {
    "look.py": "from app import main\nmain()\n",
    "plain.py": "from app import main\nmain()\n",
    "with_init.py": "from app import main_with_init\nmain_with_init()\n",
    "parent.py": "import subprocess, sys\nsubprocess.run([sys.executable, 'look.py'], check=True)\n",
    "wsgi.py": "from app import look\ndef application(environ, start):\n"
    "    start('200 OK', [('Content-Type', 'text/plain')])\n    return [look().encode()]\n",
    "early.py": "import prefect\nfrom wsgi import application\n",
}
"""The programs that the commands name."""


HERE = Path(__file__).resolve().parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves this directory out unless it, or something in it, was asked for."""
    asked = [config.invocation_params.dir.joinpath(str(arg).partition("::")[0]) for arg in config.args]
    return None if any(HERE in (path.resolve(), *path.resolve().parents) for path in asked) else True


class Bench:
    """A directory with what the commands need, and a host whose programs they call."""

    def __init__(self, host: Host, world: World) -> None:
        self.host = host
        self.cwd = world.cwd
        self._world = world
        for name, text in PROGRAMS.items():
            (self.cwd / name).write_text(text)

    def environment(self, variables: dict[str, str]) -> dict[str, str]:
        """The caller's environment, since tools ask a package index, with a clean path and `variables`."""
        ours = ("PYTHON", "PREFECT_", "PYTEST")
        env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        own = {
            "PATH": os.pathsep.join([str(self.host.bin), os.environ["PATH"]]),
            "PYTHONPATH": os.pathsep.join([str(self._world.overlay), str(self.cwd)]),
            "VIRTUAL_ENV": str(self.host.directory),
            "DD_TRACE_ENABLED": "false",
            "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
            **{name: str(self._world.home / name.lower()) for name in ("PEX_ROOT", "SHIV_ROOT")},
        }
        return {**env, **own, **ENABLED, **variables}

    def run(self, name: str, command: str | None = None, **variables: str) -> str:
        """Runs a command of `RUNS` to its end, and returns the last line of its stdout.

        Raises:
            AssertionError: it fails; shows its output.
        """
        done = subprocess.run(
            ["sh", "-c", command or RUNS[name].command],
            env=self.environment(variables),
            cwd=self.cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return (done.stdout.strip().splitlines() or [""])[-1]

    @contextmanager
    def running(self, command: str, **variables: str) -> Iterator[None]:
        """A server or worker that runs meanwhile; it and its children are killed in the end."""
        with (self.cwd / "log").open("w") as log:
            child = subprocess.Popen(
                ["sh", "-c", f"exec {command}"],
                env=self.environment(variables),
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                text=True,
                start_new_session=True,
            )
            try:
                yield
            finally:
                child.terminate()
                try:
                    child.wait(10)
                except subprocess.TimeoutExpired:
                    pass
                kill(child)
                child.wait()

    def served(self, name: str, prefix: str = "") -> str:
        """Starts a server of `RUNS` on a free port in the place of 8000, and returns what it answers."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        assert "8000" in RUNS[name].command
        # No proxy of the caller's for our own port.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with self.running(prefix + RUNS[name].command.replace("8000", str(port))):
            for _ in range(300):
                try:
                    with opener.open(f"http://127.0.0.1:{port}/", timeout=30) as answer:
                        return str(answer.read().decode())
                except OSError:
                    time.sleep(0.1)
        raise AssertionError((self.cwd / "log").read_text())


def wheels(world: World, directory: Path) -> None:
    """Makes wheels of all distributions of a world."""
    directory.mkdir()
    for info in world.overlay.glob("*.dist-info"):
        paths = [row[0] for row in csv.reader((info / "RECORD").read_text().splitlines())]
        with zipfile.ZipFile(directory / f"{info.stem}-py3-none-any.whl", "w") as archive:
            for path in paths:
                archive.write(world.overlay / path, path)


@pytest.fixture(scope="session")
def tools(hosts: Hosts) -> Host:
    """The host with the tools for archives; neither Prefect nor this package is in it, but in what they make."""
    return hosts(*pins("pex", "pyinstaller", "shiv"), "pip", python="3.12", with_wheel=False)


@pytest.fixture(scope="session")
def servers(hosts: Hosts) -> Host:
    """The host with the newest Prefect, servers, workers and tracers."""
    names = ("apscheduler", "celery", "coverage", "ddtrace", "debugpy", "gunicorn", "opentelemetry-distro", "uwsgi")
    return hosts(*NEW.requirements, *pins(*names), python="3.12")


def pins(*names: str) -> list[str]:
    """The requirements of tools in the versions that the page names."""
    named = dict(tool.split() for run in RUNS.values() for tool in run.tools)
    return [f"{name}=={named[name]}" for name in names]


@pytest.fixture
def archives(tools: Host, wheel: Path, new_world: Callable[[Host], World]) -> Bench:
    """A bench with the wheels of the stand-in for Prefect, a plugin, an application and this package in `dist`."""
    world = new_world(tools)
    standin.install(world)
    world.plugin("my-plugin", PLUGIN)
    application = LOOK + "\nif __name__ == '__main__':\n    main()\n"
    world.plugin("app", None, entry_points={}, extra_files={"app.py": application})
    wheels(world, world.cwd / "dist")
    shutil.copy(wheel, world.cwd / "dist")
    shutil.rmtree(world.overlay)  # what is found is what the wheels were made into
    return Bench(tools, world)


@pytest.fixture
def bench(servers: Host, new_world: Callable[[Host], World]) -> Bench:
    """A bench with the newest Prefect; the plugin is on PYTHONPATH."""
    return bench_on(servers, new_world)


def bench_on(host: Host, new_world: Callable[[Host], World]) -> Bench:
    """A bench on a host that has Prefect."""
    world = new_world(host)
    write_distribution(world.overlay, "my-plugin", PLUGIN, extra_files={"app.py": LOOK})
    return Bench(host, world)
