"""The environments that are compared: real ones, made by uv, all byte-compiled."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

PREFECTS = ("3.8.8", "3.4.24")
"""The newest Prefect that installs, and the first one with a plugin system of its own."""

# FastAPI 0.150 and newer do not work with the server of these.
_PREFECT_PINS = ("fastapi<0.150",)

# The plugins that exist on the package index.
PUBLISHED = ("prefect-aws==0.7.12", "prefect-azure==0.4.13", "prefect-otel==0.0.1")

_PLUGIN = """
from {module} import SetupResult, register_hook

@register_hook
def setup_environment(*, ctx):
    return SetupResult(env={{"NOOP_{number}": "1"}})
"""


@dataclasses.dataclass(frozen=True)
class Environment:
    """A virtual environment."""

    directory: Path

    @property
    def python(self) -> str:
        """The path of its interpreter."""
        return str(self.directory / "bin" / "python")

    @property
    def site(self) -> Path:
        """Its site-packages."""
        return next(self.directory.glob("lib/python3.*/site-packages"))


class Environments:
    """Makes environments in ``root``, each once; delete the directory to start afresh."""

    def __init__(self, root: Path, wheel: Path, python: str = sys.executable) -> None:
        self.root = root
        self._wheel = wheel
        self._python = python
        self.home = root / "home"
        self.nowhere = root / "nowhere"  # an empty working directory
        for directory in (self.home, self.nowhere):
            directory.mkdir(parents=True, exist_ok=True)

    def child_environment(self, variables: Mapping[str, str] | None = None) -> dict[str, str]:
        """A small environment, the same for every child; nothing in it keeps Python from writing byte code."""
        return {"PATH": os.defpath, "HOME": str(self.home), "LANG": "C.UTF-8", "DO_NOT_TRACK": "1", **(variables or {})}

    def with_packages(self, name: str, *requirements: str) -> Environment:
        """An environment with these packages; ``"ours"`` is the wheel under test, which is always put in anew."""
        environment = Environment(self.root / name)
        others = [requirement for requirement in requirements if requirement != "ours"]
        stamp = environment.directory / "requirements.txt"
        if not stamp.exists() or stamp.read_text() != "\n".join(requirements):
            shutil.rmtree(environment.directory, ignore_errors=True)
            _uv("venv", "--quiet", "--python", self._python, str(environment.directory))
            if others:
                self._install(environment, others)
            stamp.write_text("\n".join(requirements))
        if "ours" in requirements:
            self._install(environment, [str(self._wheel)], "--reinstall-package", "prefect-preflight")
        return environment

    @contextmanager
    def without_collector(self, environment: Environment) -> Iterator[None]:
        """While inside, no start of the environment's Python runs the garbage collector.

        It runs after each so many hundred allocations. A program that makes only a few more than another may so
        have one run of it more, which costs a quarter of a million instructions, or may not: by chance.
        """
        file = environment.site / "000_no_collector.pth"
        file.write_text("import gc; gc.set_threshold(0)\n")
        try:
            yield
        finally:
            file.unlink()

    def with_prefect(self, version: str, *more: str) -> Environment:
        """An environment with a Prefect."""
        name = "-".join(["prefect", version, *more])
        return self.with_packages(name, f"prefect=={version}", *_PREFECT_PINS, *more)

    def with_prefect_without_runner(self, version: str) -> Environment:
        """An environment with a Prefect whose package does not call its own plugin runner any more."""
        environment = self.with_packages(f"prefect-{version}-without-runner", f"prefect=={version}", *_PREFECT_PINS)
        file = environment.site / "prefect" / "__init__.py"
        text = file.read_text()
        without = text.replace("\n_initialize_plugins()\n", "\n")
        if without != text:
            file.unlink()  # it may be the same file as the one in uv's cache
            file.write_text(without)
            _compile(environment, file.parent)
        return environment

    def with_bare_python(self) -> Environment:
        """An environment with nothing in it but what the maker of environments puts into each, byte-compiled."""
        environment = self.with_packages("bare")
        _compile(environment, environment.site)
        return environment

    def with_empty_module(self) -> Environment:
        """An environment whose ``.pth`` file imports an empty module: the least that a start-up hook can cost."""
        environment = self.with_packages("empty-module")
        (environment.site / "empty_start_up_module.py").write_text("")
        (environment.site / "empty_start_up_module.pth").write_text("import empty_start_up_module\n")
        _compile(environment, environment.site)
        return environment

    def with_start_file(self) -> Environment:
        """An environment with ours, started by a ``.start`` file (PEP 829) in place of the ``.pth`` file."""
        environment = self.with_packages("start-file", "ours")
        (environment.site / "prefect_preflight.pth").unlink()
        # It is the import that registers the finder; but such a file has to name something that can be called.
        (environment.site / "prefect_preflight.start").write_text("_prefect_preflight:environ.copy\n")
        return environment

    def plugins(self, environment: Environment, prefect: str, count: int = 3) -> Path:
        """A directory with no-op plugins, each a distribution, that import the API from Prefect's own place."""
        directory = self.root / f"plugins-{prefect}-{count}"
        module = "prefect.plugins" if prefect >= "3.7" else "prefect._experimental.plugins"
        for number in range(count):
            write_distribution(directory, f"noop_{number}", f"noop_{number} = noop_{number}")
            (directory / f"noop_{number}.py").write_text(_PLUGIN.format(module=module, number=number))
        _compile(environment, directory)
        return directory

    def _install(self, environment: Environment, requirements: Sequence[str], *options: str) -> None:
        _uv("pip", "install", "--quiet", "--compile-bytecode", "--python", environment.python, *options, *requirements)


def write_distribution(directory: Path, name: str, points: str) -> None:
    """Writes the metadata of an installed distribution, with entry points of our group."""
    info = directory / f"{name}-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[prefect.plugins]\n{points}\n")


def _compile(environment: Environment, directory: Path) -> None:
    subprocess.run([environment.python, "-m", "compileall", "-q", str(directory)], check=True, env=_without_ours())


def _uv(*args: str) -> None:
    command = [sys.executable, "-m", "uv", *args]
    done = subprocess.run(command, capture_output=True, text=True, env=_without_ours(), check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} exits with {done.returncode}\n{done.stderr}")


def _without_ours() -> dict[str, str]:
    """The environment without what would steer uv or Python elsewhere."""
    hidden = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if name not in hidden}
