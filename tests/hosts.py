"""Host environments: real interpreters with a real Prefect and the project's built wheel.

An environment is made once by uv, kept in ``.hosts/`` of the checkout (or in the directory that the variable
``PREFLIGHT_HOSTS`` names) and used again by later runs; only the wheel is put in anew when it has changed.
File locks make that safe between the processes of pytest-xdist. Delete the directory to start afresh.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from filelock import FileLock

import interpreters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("PREFLIGHT_HOSTS") or ROOT / ".hosts")
WHEEL_SOURCES = ("LICENSE", "README.md", "docs", "pth", "pyproject.toml", "setup_hooks.py", "src")
IS_WINDOWS = sys.platform == "win32"


@dataclasses.dataclass(frozen=True)
class Preset:
    """A Prefect that the tests run on: what to install, and the Pythons to look for, best first."""

    name: str
    requirements: tuple[str, ...]
    pythons: tuple[str, ...] = ()


NEW = Preset("new", ("prefect==3.8.8", "fastapi<0.150"), interpreters.MAIN_VERSIONS)
"""The newest Prefect that installs. FastAPI 0.150 and newer do not work with its server."""

OLD = Preset("old", ("prefect==3.4.23",), (interpreters.OLDEST_VERSION,))
"""The last Prefect without a plugin system of its own."""

BARE = Preset("bare", ())
"""No Prefect at all."""


@dataclasses.dataclass(frozen=True)
class Result:
    """What a child interpreter did. ``seconds`` is wall-clock time, start of the interpreter included."""

    code_or_args: str | Sequence[str]
    returncode: int
    stdout: str
    stderr: str
    seconds: float

    def __str__(self) -> str:
        return (
            f"exit status {self.returncode} after {self.seconds:.2f} s: {self.code_or_args}\n"
            f"--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"
        )

    @property
    def json(self) -> Any:
        """The child's stdout, parsed as one JSON document."""
        return json.loads(self.stdout)


@dataclasses.dataclass(frozen=True)
class Host:
    """An environment with a Python in it. ``home`` is the HOME that its children see by default."""

    directory: Path
    home: Path

    @property
    def bin(self) -> Path:
        """The directory of the environment's programs."""
        return self.directory / ("Scripts" if IS_WINDOWS else "bin")

    @property
    def python(self) -> str:
        """The path of the environment's interpreter."""
        return str(self.bin / "python")

    @property
    def site(self) -> Path:
        """The environment's site-packages."""
        if IS_WINDOWS:
            return self.directory / "Lib" / "site-packages"
        return next(self.directory.glob("lib/python3.*/site-packages"))

    def environment(self, variables: Mapping[str, str | None] | None = None) -> dict[str, str]:
        """Returns a small, clean environment plus ``variables``; a value of None takes the name away."""
        wanted: dict[str, str | None] = {
            "PATH": os.pathsep.join([str(self.bin), os.defpath]),
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "DO_NOT_TRACK": "1",  # Prefect's telemetry asks for it
            # Else a child that is pytest deletes what earlier runs of these tests left, for longer than it may take.
            "PYTEST_DEBUG_TEMPROOT": str(self.home),
        }
        if IS_WINDOWS:
            wanted.update(USERPROFILE=str(self.home), SYSTEMROOT=os.environ["SYSTEMROOT"])
        wanted.update(variables or {})
        return {name: value for name, value in wanted.items() if value is not None}

    def start(
        self,
        code_or_args: str | Sequence[str],
        *,
        env: Mapping[str, str | None] | None = None,
        cwd: str | Path | None = None,
    ) -> subprocess.Popen[str]:
        """Starts a child and returns at once, for tests that send signals.

        Args:
            code_or_args: A program's text for ``python -c``, or the arguments of ``python``.
            env: Variables on top of the clean environment; None takes one away.
            cwd: The working directory, `home` by default.
        """
        args = ["-c", code_or_args] if isinstance(code_or_args, str) else list(code_or_args)
        return subprocess.Popen(
            (self.python, *args),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="backslashreplace",
            env=self.environment(env),
            cwd=cwd or self.home,
            start_new_session=True,  # so that grandchildren can be ended too
        )

    def run(
        self,
        code_or_args: str | Sequence[str],
        *,
        env: Mapping[str, str | None] | None = None,
        cwd: str | Path | None = None,
        timeout: float = 60,
        check: bool = False,
    ) -> Result:
        """Runs a child to its end.

        Args:
            code_or_args: As for `start`.
            env: As for `start`.
            cwd: As for `start`.
            timeout: Seconds after which the child and all its children are killed.
            check: Whether an exit status other than 0 fails the test.

        Raises:
            AssertionError: The time ran out, or `check` is set and the child failed; shows its output.
        """
        started = time.perf_counter()
        with self.start(code_or_args, env=env, cwd=cwd) as child:
            try:
                stdout, stderr = child.communicate(timeout=timeout)
                in_time = True
            except subprocess.TimeoutExpired:
                in_time = False
            except BaseException:
                kill(child)
                raise
            if not in_time:
                kill(child)
                stdout, stderr = child.communicate()
        __tracebackhide__ = True  # the caller's line and the child's output are what a failure is about
        seconds = time.perf_counter() - started
        result = Result(code_or_args, child.returncode, stdout, stderr, seconds)
        if not in_time:
            raise AssertionError(f"still running after {timeout} s: {result}")
        if check and result.returncode:
            raise AssertionError(str(result))
        return result


def kill(child: subprocess.Popen[str]) -> None:
    """Kills a child of `Host.start` and whatever it has started."""
    if sys.platform == "win32":
        child.kill()
    else:
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def uv(*args: str | Path) -> str:
    """Runs uv and returns its stdout; a failure fails the test with uv's own words."""
    command = [sys.executable, "-m", "uv", *map(str, args)]
    # uv prefers an activated environment to its own arguments in places, so it must not see ours.
    env = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} exits with {done.returncode}\n{done.stderr}")
    return done.stdout


def unavailable(reason: str) -> NoReturn:
    """Skips the test because this machine lacks something; fails it on CI, where nothing may be lacking."""
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def interpreter(version: str | None) -> str:
    """Returns a Python of ``version``, the running one for None; skips the test where there is none."""
    path = sys.executable if version is None else interpreters.find(version)
    return path or unavailable(f"no Python {version} on this machine")


def built_wheel() -> Path:
    """Returns the wheel under test: the one that ``PREFLIGHT_WHEEL`` names, else the checkout's."""
    given = os.environ.get("PREFLIGHT_WHEEL")
    if given:
        return Path(given).resolve()
    digest = hashlib.sha256()
    for source in WHEEL_SOURCES:
        path = ROOT / source
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    directory = CACHE / "wheels" / digest.hexdigest()[:16]
    with _lock("wheels"):
        if not list(directory.glob("*.whl")):
            uv("build", "--wheel", "--python", sys.executable, "--out-dir", directory, ROOT)
        return next(directory.glob("*.whl"))


class Hosts:
    """Makes environments with the wheel in them, and remembers those it has made."""

    def __init__(self, wheel: Path, home: Path) -> None:
        self.wheel = wheel
        self._home = home
        self._made: dict[str, Host] = {}

    def preset(self, preset: Preset) -> Host:
        """Returns the host of a preset, on the first of its Pythons found here, or on the running one."""
        found = (version for version in preset.pythons if interpreters.find(version))
        return self(*preset.requirements, python=next(found, None))

    def without_wheel(self, preset: Preset) -> Host:
        """Returns an environment like that of `preset`, on the same Python, in which the project is not installed."""
        found = (version for version in preset.pythons if interpreters.find(version))
        return self(*preset.requirements, python=next(found, None), with_wheel=False)

    def __call__(
        self,
        *requirements: str,
        python: str | None = None,
        exclude_newer: str | None = None,
        with_wheel: bool = True,
    ) -> Host:
        """Returns an environment with ``requirements`` and the wheel installed, all byte-compiled.

        Args:
            requirements: Requirements as pip takes them, such as ``"prefect==3.8.8"``.
            python: A version such as ``"3.12"``; the running interpreter by default.
            exclude_newer: A date such as ``"2024-04-20"``: resolve as of that day, for Prefects whose
                dependencies have since moved on.
            with_wheel: Whether the wheel is installed too.
        """
        base = interpreter(python)
        # The wheel's own requirements are part of the key, since they are resolved together with Prefect's.
        parts = [
            interpreters.full_version(base),
            exclude_newer or "",
            *requirements,
            *(wheel_requirements(self.wheel) if with_wheel else ["no wheel"]),
        ]
        key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
        if key not in self._made:
            with _lock(key):
                wheel = self.wheel if with_wheel else None
                self._made[key] = self._make(CACHE / key, base, requirements, exclude_newer, wheel)
        return self._made[key]

    def fresh(self, directory: Path, *, python: str | None = None) -> Host:
        """Makes a throw-away environment with pip and nothing else in ``directory``."""
        uv("venv", "--quiet", "--seed", "--python", interpreter(python), directory)
        return Host(directory, self._home)

    def _make(
        self,
        directory: Path,
        base: str,
        requirements: Sequence[str],
        exclude_newer: str | None,
        wheel: Path | None,
    ) -> Host:
        host = Host(directory, self._home)
        stamp = directory / "wheel.sha256"  # written last: an environment without it was never finished
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest() if wheel else "no wheel"
        install = ("pip", "install", "--quiet", "--compile-bytecode", "--python", host.python)
        if not stamp.exists() or not Path(host.python).exists():  # its base interpreter may have been removed
            shutil.rmtree(directory, ignore_errors=True)
            uv("venv", "--quiet", "--python", base, directory)
            cutoff = ("--exclude-newer", exclude_newer) if exclude_newer else ()
            uv(*install, *cutoff, *requirements, *([wheel] if wheel else []))
        elif wheel and stamp.read_text() != digest:
            stamp.unlink()
            uv(*install, "--reinstall", "--no-deps", wheel)
        stamp.write_text(digest)
        return host


def wheel_requirements(wheel: Path) -> list[str]:
    """Returns the ``Requires-Dist`` lines of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode()).get_all("Requires-Dist", [])


def _lock(name: str) -> FileLock:
    CACHE.mkdir(parents=True, exist_ok=True)
    return FileLock(CACHE / f"{name}.lock")
