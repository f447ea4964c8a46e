"""`prefect-preflight new NAME`: a plugin project to start from, with a typed module and tests that pass."""

from __future__ import annotations

import keyword
import os
import re
import sys
from contextlib import suppress
from importlib.resources import files
from shlex import quote
from string import Template

import click

from prefect_preflight._version import __version__

from .terminal import CONTEXT, say

__all__ = ["NameProblem", "check_that_it_is_free", "contents", "new"]

# What a distribution may be called (PEP 508), and what a package may, so that the one gives the other.
_NAME = re.compile(r"[A-Za-z]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_LONGEST = 100
# A project of this name would hide the package that it is for, its own tests, or another one of these.
_TAKEN = ("prefect", "prefect_client", "prefect_preflight", "plugins_diag", "pytest", "test", "tests", "src")
# The files of a project, and their templates in this package.
_FILES = {
    "pyproject.toml": "pyproject.toml.txt",
    "README.md": "README.md.txt",
    ".gitignore": "gitignore.txt",
    "src/$module/__init__.py": "module.py.txt",
    "src/$module/py.typed": None,
    "tests/test_$module.py": "test_module.py.txt",
}


class NameProblem(ValueError):
    """A name that no project can have; the message says why."""


def contents(name: str) -> dict[str, str]:
    """The files of a new project: their paths, with "/", and their texts.

    Args:
        name: the project's name, as `pip install` would take it.

    Raises:
        NameProblem: no project can have that name.
    """
    module = _module(name)
    words = {
        "name": name,
        "module": module,
        "prefix": module.upper(),
        "version": __version__,
    }
    templates = files("prefect_preflight") / "_command_line" / "project_template"
    texts = {
        path: "" if template is None else (templates / template).read_text(encoding="utf-8")
        for path, template in _FILES.items()
    }
    return {Template(path).substitute(words): Template(text).substitute(words) for path, text in texts.items()}


def check_that_it_is_free(name: str) -> None:
    """See that nothing in this environment has the name: the plugin would hide it, or be hidden by it.

    Args:
        name: one that `contents` takes.

    Raises:
        NameProblem: an installed distribution, a plugin or a module has it.
    """
    from importlib.util import find_spec

    from importlib_metadata import PackageNotFoundError, version  # which compares names alike on each Python

    from prefect_preflight._discovery import canonical
    from prefect_preflight._reports import survey

    with suppress(PackageNotFoundError):
        raise NameProblem(f"{name} {version(name)} is installed in this environment; {_remedy(name)}")
    for plugin in survey().plugins:
        if canonical(plugin.name) == canonical(name):
            owner = f"{plugin.distribution} {plugin.version}" if plugin.distribution else plugin.value
            raise NameProblem(f"{owner} has a plugin {plugin.name!r} in this environment; {_remedy(name)}")
    module = _module(name)
    spec = find_spec(module)
    if spec is not None:
        place = spec.origin or ", ".join(spec.submodule_search_locations or ())
        raise NameProblem(f"a module {module!r} is there already, {place}; {_remedy(name)}")


def _remedy(name: str) -> str:
    return f"take another name, such as '{name}-plugin'"


def _module(name: str) -> str:
    """The package's name."""
    if len(name) > _LONGEST or not _NAME.fullmatch(name):
        raise NameProblem(
            f"{name!r} is no name for a package: begin with a letter, end with a letter or a digit, and use ASCII "
            f"letters, digits, '-', '_' and '.' only, {_LONGEST} characters at most; such as 'acme-credentials'"
        )
    module = re.sub(r"[-_.]+", "_", name).lower()
    if keyword.iskeyword(module):
        raise NameProblem(f"{module!r} is a keyword of Python, so no module can have that name; {_remedy(name)}")
    if module in _TAKEN or module in getattr(sys, "stdlib_module_names", sys.builtin_module_names):
        raise NameProblem(f"a package {module!r} exists already and would be hidden; {_remedy(name)}")
    return module


@click.command(context_settings=CONTEXT, short_help="Make a plugin project.")
@click.argument("name")
@click.option(
    "--directory",
    type=click.Path(file_okay=False),
    default=".",
    show_default="the working directory",
    help="Where to make the project's directory.",
)
def new(name: str, directory: str) -> None:
    """Make a plugin project called NAME: packaging, a typed module, and tests that pass.

    NAME is what `pip install` would take, such as acme-credentials. It is the name of the new directory and of the
    plugin; nothing of that name may exist, in this environment either.

    \b
    Exit status:
      0  the project is there
      1  it could not be written; nothing is left of it
      2  NAME cannot be used
    """  # noqa: D301  # the backspace itself, with which Click keeps the lines below it as they are
    try:
        texts = contents(name)
        check_that_it_is_free(name)
    except NameProblem as problem:
        raise click.BadParameter(str(problem), param_hint="NAME") from None
    project = os.path.normpath(os.path.join(directory, name))
    try:
        _write(project, texts)
    except FileExistsError:
        raise click.ClickException(f"{project} exists; it is left as it is") from None
    except OSError as error:
        raise click.ClickException(f"cannot write {error.filename or project}: {error.strerror or error}") from None
    for path in texts:
        say(os.path.join(project, *path.split("/")))
    for line in ("", "Next:", f"  cd {quote(project)}", "  python -m pip install -e . pytest", "  python -m pytest"):
        say(line)


def _write(project: str, texts: dict[str, str]) -> None:
    """Write the files, all or none.

    Raises:
        FileExistsError: `project` exists.
        OSError: something cannot be written.
    """
    os.makedirs(os.path.dirname(project) or os.curdir, exist_ok=True)
    os.mkdir(project)  # fails where anything of that name is, so that nothing is ever overwritten
    try:
        for path, text in texts.items():
            file = os.path.join(project, *path.split("/"))
            os.makedirs(os.path.dirname(file), exist_ok=True)
            with open(file, "x", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
    except BaseException:
        import shutil

        shutil.rmtree(project, ignore_errors=True)  # all of it is ours: it was made a moment ago
        raise
