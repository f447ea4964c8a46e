"""`prefect plugins diagnose` and `prefect experimental plugins diagnose`, on every Prefect with a command line.

Both show what `python -m plugins_diag` shows: the run that `import prefect` made in this very process. Prefect
builds its command line with Typer (`prefect.cli.root:app`) up to 3.6.19 and with cyclopts
(`prefect.cli._app:_app`) from 3.6.20; when such a module has been imported, our group takes its place in it. A
native command of the name is replaced: it would import the modules of denied plugins, and knows less.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from importlib import import_module

from prefect_preflight._state import ask_other_finders, is_asked_in_return

from .completion import completed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Callable

    RunDiagnose = Callable[[Sequence[str], str], None]

# Each module that holds a group of commands, and the group's name in it.
_GROUPS = {
    "prefect.cli.root": "app",
    "prefect.cli._app": "_app",
    "prefect.cli.experimental": "experimental_app",
}
_PROGRAM = "prefect plugins diagnose"  # what the user typed, for messages
_EXPERIMENTAL = "prefect.cli.experimental"
_HELP = "Show what the plugins do at Prefect's start, or why they do nothing."
_HELP_EXPERIMENTAL = "Access experimental features (subject to change)."
# How `sys.argv[0]` ends in a process that runs Prefect's command line; during `python -m prefect`, while the
# package is imported, it is "-m".
_PROGRAMS = ("prefect", "prefect.exe", "prefect-script.py", "__main__.py", "-m")


class CommandLineFinder:
    """Meta-path finder for the command line's modules alone, for a process whose plugins are disabled.

    Disabled means untouched: no finder of ours stays. The one exception is a process in which somebody types
    `prefect plugins …`: there the answer is "disabled", on old Prefects too, and not an unknown command.
    """

    def __init__(self, run_diagnose: RunDiagnose) -> None:
        self._run_diagnose = run_diagnose

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answer for the command line's modules (PEP 451)."""
        if name not in _GROUPS or is_asked_in_return(self, name):
            return None
        return completed_spec(self, name, path, target, self._run_diagnose)


def install_if_asked_for(arguments: Sequence[str], run_diagnose: RunDiagnose) -> None:
    """Put the finder in front if `arguments`, a `sys.argv`, look like those of `prefect plugins diagnose`.

    Args:
        arguments: the process' command line.
        run_diagnose: as of `_prefect.install`.
    """
    asked_for = "plugins" in arguments[1:] and os.path.basename(arguments[0]) in _PROGRAMS
    if asked_for and not any(isinstance(finder, CommandLineFinder) for finder in sys.meta_path):
        finder: Any = CommandLineFinder(run_diagnose)
        sys.meta_path.insert(0, finder)


def completed_spec(
    finder: object, name: str, path: Sequence[str] | None, target: ModuleType | None, run_diagnose: RunDiagnose
) -> ModuleSpec | None:
    """The spec that the other finders give for a module of the command line, to be completed when executed."""
    if name not in _GROUPS:
        return None
    return completed(ask_other_finders(finder, name, path, target), partial(_complete, run_diagnose))


def _complete(run_diagnose: RunDiagnose, module: ModuleType) -> None:
    """Put our group into the one that `module` defines; an error of ours costs the command, not the command line."""
    try:
        group: Any = getattr(module, _GROUPS[module.__name__], None)
        if group is None:
            return
        add = _add_to_typer if hasattr(group, "add_typer") else _add_to_cyclopts
        add(group, run_diagnose, experimental=module.__name__ != _EXPERIMENTAL and not _has_experimental())
    except Exception as error:
        from prefect_preflight._redaction.outlet import complain  # here, since nobody needs it when all is well

        complain(f"`prefect plugins diagnose` is not ours: {type(error).__name__}: {error}; use python -m plugins_diag")


def _has_experimental() -> bool:
    """Whether this Prefect has a group `experimental` of its own, which is completed when it is imported."""
    from importlib.util import find_spec

    return find_spec(_EXPERIMENTAL) is not None


def _add_to_typer(app: Any, run_diagnose: RunDiagnose, experimental: bool) -> None:
    """Add the group to a Typer app. A later group of the same name wins in Typer, so a native one is replaced."""
    typer: Any = import_module("typer")

    def diagnose(context: Any) -> None:
        run_diagnose(context.args, _PROGRAM)

    diagnose.__annotations__ = {"context": typer.Context}  # Typer reads annotations at run time
    # The arguments, `--help` too, are for our own command to read.
    raw = {"ignore_unknown_options": True, "allow_extra_args": True}
    plugins = typer.Typer(name="plugins", help=_HELP)
    plugins.command("diagnose", help=_HELP, context_settings=raw, add_help_option=False)(diagnose)
    app.add_typer(plugins, name="plugins", help=_HELP)
    if experimental:
        group = typer.Typer(name="experimental", help=_HELP_EXPERIMENTAL, hidden=True)
        group.add_typer(plugins, name="plugins", help=_HELP)
        app.add_typer(group, name="experimental", hidden=True)


def _add_to_cyclopts(app: Any, run_diagnose: RunDiagnose, experimental: bool) -> None:
    """Add the group to a cyclopts app, in the place of a native one."""
    from typing import Annotated  # Python 3.9 and newer; Prefect's cyclopts needs 3.10 anyway

    cyclopts: Any = import_module("cyclopts")

    def diagnose(*tokens: str) -> None:
        run_diagnose(tokens, _PROGRAM)

    # The arguments, `--help` too, are for our own command to read.
    raw = cyclopts.Parameter(show=False, allow_leading_hyphen=True)
    diagnose.__annotations__ = {"tokens": Annotated[str, raw]}
    plugins = cyclopts.App(name="plugins", help=_HELP, version_flags=[], help_flags=["--help"])
    plugins.command(diagnose, name="diagnose", help=_HELP, help_flags=[], version_flags=[])
    if "plugins" in app:
        del app["plugins"]
    app.command(plugins, name="plugins")
    if experimental:
        group = cyclopts.App(name="experimental", help=_HELP_EXPERIMENTAL, version_flags=[], help_flags=["--help"])
        group.command(plugins, name="plugins")
        app.command(group, name="experimental")
