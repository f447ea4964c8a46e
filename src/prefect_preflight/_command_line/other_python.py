"""`diagnose --python PATH`: the same command, in another interpreter."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from click.core import ParameterSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    import click

__all__ = ["OtherPythonProblem", "diagnose_with"]

_LOOK = "import importlib.util, sys; print(sys.version_info >= (3, 9), bool(importlib.util.find_spec('plugins_diag')))"
_PATIENCE = 60.0  # seconds for a Python to start


class OtherPythonProblem(Exception):
    """The other Python cannot be diagnosed; the message says why, and what to do."""


def diagnose_with(path: str, context: click.Context) -> int:
    """Run the command with another Python, and return its exit status.

    `PATH` begins with that Python's directory and `VIRTUAL_ENV` is not set, as if its environment were activated.

    Args:
        path: of an interpreter, or of an environment's directory.
        context: of the command, whose other options are passed on.

    Raises:
        OtherPythonProblem: it is no Python, or lacks prefect-preflight.
    """
    python = _interpreter(path)
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    environment["PATH"] = os.pathsep.join([os.path.dirname(python), environment.get("PATH", os.defpath)])
    recent, installed = _look(python, environment)
    if not recent:
        raise OtherPythonProblem(f"{python} is older than Python 3.9, where prefect-preflight cannot be installed")
    if not installed:
        raise OtherPythonProblem(
            f"prefect-preflight is not installed for {python}, so no hook runs there: "
            f"{python} -m pip install prefect-preflight"
        )
    sys.stdout.flush()
    return subprocess.run([python, "-m", "plugins_diag", *_arguments(context)], env=environment, check=False).returncode


def _interpreter(path: str) -> str:
    if not os.path.isdir(path):
        return os.path.abspath(path)  # not resolved: a virtual environment's Python is a link
    for folder in ("bin", "Scripts", ""):
        found = shutil.which("python", path=os.path.join(os.path.abspath(path), folder))
        if found is not None:
            return found
    raise OtherPythonProblem(f"there is no Python in the directory {path!r}")


def _look(python: str, environment: dict[str, str]) -> tuple[bool, bool]:
    """Whether a Python is recent enough, and whether the command is installed there."""
    try:
        done = subprocess.run(
            [python, "-c", _LOOK], env=environment, capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
        recent, installed = done.stdout.split()[-2:]
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise OtherPythonProblem(f"{python!r} does not start as a Python ({type(error).__name__})") from None
    return recent == "True", installed == "True"


def _arguments(context: click.Context) -> Iterator[str]:
    """The command line's other options, as they were given."""
    for parameter in context.command.params:
        name = parameter.name or ""
        if name == "python" or context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        value: Any = context.params[name]
        if value is True:
            yield parameter.opts[0]
        elif value is False:
            yield parameter.secondary_opts[0]
        else:
            yield from (parameter.opts[0], str(value))
