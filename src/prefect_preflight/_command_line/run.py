"""`prefect-preflight run -- COMMAND …`: activates the start-up hook where Python reads no `.pth` file of ours.

Python reads start-up files from site directories alone: not from a directory on `PYTHONPATH`, such as one that `pip
install --target` filled, and not from a zip archive. What it does there is to import `sitecustomize` from the path. The
package brings one, in a directory of its own that is on no path until this command puts it first on `PYTHONPATH`; child
processes inherit that.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

import click

from .diagnosis.startup_files import ACTIVATION_PATH
from .terminal import CONTEXT, say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ActivationProblem", "activated", "run"]

# As the shell and env(1) have it.
_CANNOT_RUN, _NOT_FOUND = 126, 127


class ActivationProblem(Exception):
    """The hook cannot be activated by `PYTHONPATH` in this place; the message says why."""


def activated(environment: Mapping[str, str]) -> dict[str, str]:
    """A copy of `environment` in which every Python process activates the hook at its start.

    Nothing is written anywhere, so there is nothing to be cleaned up when the last of the processes has ended.

    Raises:
        ActivationProblem: the package lies where `PYTHONPATH` cannot point to.
    """
    directory = ACTIVATION_PATH
    if os.pathsep in directory:
        raise ActivationProblem(f"{directory!r} cannot be on PYTHONPATH, where {os.pathsep!r} separates the entries")
    if not _holds_startup_module(directory):
        raise ActivationProblem(f"there is no sitecustomize in {directory!r}: neither a directory nor a zip archive")
    present = environment.get("PYTHONPATH", "")
    others = [entry for entry in present.split(os.pathsep) if entry != directory] if present else []
    return {**environment, "PYTHONPATH": os.pathsep.join([directory, *others])}


def _holds_startup_module(directory: str) -> bool:
    from importlib.machinery import PathFinder

    spec = PathFinder.find_spec("sitecustomize", [directory])
    return spec is not None and spec.loader is not None


@click.command(
    short_help="Run a command with the hook active.",
    context_settings={
        **CONTEXT,
        "ignore_unknown_options": True,
        "allow_interspersed_args": False,  # what follows COMMAND is COMMAND's
    },
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND [ARGUMENT]...")
def run(command: Sequence[str]) -> None:
    """Run COMMAND with the start-up hook active in it and in all its children.

    For places where Python reads no start-up file: packages on PYTHONPATH or installed with pip's --target, and zip
    archives. Where prefect-preflight is installed into the environment itself, nothing has to be run this way.

    The command takes this process' place, so that signals reach it and its exit status is its own. Where the packages
    are not installed: python -m plugins_diag.run_command COMMAND.

    \b
    Exit status, if the command does not start:
      2    a wrong command line, or the hook cannot be activated
      126  the command cannot be executed
      127  there is no such command
    """  # noqa: D301  # the backspace itself, with which Click keeps the lines below it as they are
    try:
        environment = activated(os.environ)
    except ActivationProblem as problem:
        _fail(f"cannot activate the hook: {problem}", 2)
    try:
        _become(command, environment)
    except FileNotFoundError:
        _fail(f"there is no command {command[0]!r}", _NOT_FOUND)
    except OSError as error:
        _fail(f"cannot run {command[0]!r}: {error.strerror}", _CANNOT_RUN)


def _become(command: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Execute `command` in this process, or, on Windows, which cannot do that, as a child of it.

    Raises:
        OSError: it cannot be executed.
    """
    if sys.platform == "win32":
        import subprocess

        sys.exit(subprocess.run(command, env=dict(environment), check=False).returncode)
    else:
        # Python ignores these from its start on, and an ignored signal stays so in the next program; `subprocess`
        # restores the same ones.
        for name in ("SIGPIPE", "SIGXFSZ"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.SIG_DFL)
        os.execvpe(command[0], list(command), dict(environment))


def _fail(message: str, status: int) -> NoReturn:
    say(f"Error: {message}", error=True)
    sys.exit(status)
