"""Where Python looks for start-up files, which of them name the hook, and where copies of the package lie."""

from __future__ import annotations

import os
import site
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prefect_preflight._statuses import StartupFileKind

__all__ = [
    "ACTIVATION_PATH",
    "Copy",
    "StartupFile",
    "found",
    "other_copies",
    "responsible",
    "site_directories",
    "unread",
]

PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
"""The directory of the package `prefect_preflight` in use, or its place in a zip archive."""
_OURS = "prefect_preflight.pth"
_MARK = b"prefect_preflight"
# A directory, or a place in a zip archive, in which any Python finds `sitecustomize`.
ACTIVATION_PATH = os.path.join(PACKAGE, "_activation_path")
"""The directory that `prefect-preflight run` puts on `PYTHONPATH`."""


@dataclass(frozen=True)
class StartupFile:
    """A file that names the hook; its kind is "pth", "start" (PEP 829), "sitecustomize" or "usercustomize"."""

    path: str
    kind: StartupFileKind


@dataclass(frozen=True)
class Copy:
    """Another copy of the package: its directory, and its version if that can be read."""

    location: str
    version: str | None


def site_directories() -> tuple[str, ...]:
    """The directories whose `.pth` files Python reads, as far as they are on the path."""
    candidates: list[str] = []
    if not sys.flags.no_site:
        try:
            candidates += site.getsitepackages()
            if site.ENABLE_USER_SITE:
                candidates.append(site.getusersitepackages())
        except (AttributeError, OSError, TypeError):  # an embedded or a very old environment's `site`
            candidates += [path for path in sys.path if os.path.basename(path).endswith("-packages")]
    return tuple(dict.fromkeys(os.path.abspath(path) for path in candidates if os.path.isdir(path)))


def found(directories: tuple[str, ...]) -> tuple[StartupFile, ...]:
    """The start-up files that name the hook: ours, and any that a developer or an administrator wrote."""
    files = [
        StartupFile(path, kind)
        for directory in directories
        for path, kind in _startup_files(directory)
        if _names_the_hook(path, kind)
    ]
    if ACTIVATION_PATH in sys.path:  # it gives way to the next `sitecustomize`, so it is not the one in `sys.modules`
        files.append(StartupFile(os.path.join(ACTIVATION_PATH, "sitecustomize.py"), "sitecustomize"))
    for kind in ("sitecustomize", "usercustomize"):
        path = getattr(sys.modules.get(kind), "__file__", None)
        if path is not None and _names_the_hook(path, kind) and os.path.dirname(path) != ACTIVATION_PATH:
            files.append(StartupFile(path, kind))
    return tuple(files)


def responsible(files: tuple[StartupFile, ...]) -> str | None:
    """The file that activated the hook: a `.start` file keeps Python from the `.pth` of the same name (PEP 829)."""
    for kind in ("start", "pth", "sitecustomize", "usercustomize"):
        for file in files:
            if file.kind == kind:
                return file.path
    return None


def unread(package: str, directories: tuple[str, ...]) -> tuple[str, ...]:
    """Our start-up file beside the package, if Python does not read it there.

    Since the directory is none whose files Python reads; or since the file is a `.start` file, of another version,
    which Pythons before 3.15 do not know.
    """
    home = os.path.dirname(package)
    read = os.path.realpath(home) in map(os.path.realpath, directories)
    names = ([] if read else [_OURS]) + ([] if sys.version_info >= (3, 15) else [_OURS.replace(".pth", ".start")])
    paths = [os.path.join(home, name) for name in names]
    return tuple(path for path in paths if os.path.isfile(path))


def other_copies(package: str) -> tuple[Copy, ...]:
    """The copies of the package further along the path than the one in use, or hidden by how that one was found."""
    seen = {os.path.realpath(package)}
    copies = []
    for directory in sys.path:
        location = os.path.join(os.path.abspath(directory or os.curdir), "prefect_preflight")
        real = os.path.realpath(location)
        if real not in seen and os.path.isfile(os.path.join(location, "__init__.py")):
            seen.add(real)
            copies.append(Copy(location, _version(location)))
    return tuple(copies)


def _startup_files(directory: str) -> list[tuple[str, StartupFileKind]]:
    try:
        names = sorted(os.listdir(directory))
    except OSError:
        return []
    kinds: dict[str, StartupFileKind] = {".pth": "pth"}
    if sys.version_info >= (3, 15):  # before, Python does not know them
        kinds[".start"] = "start"
    # `site` skips names that begin with a dot.
    return [
        (os.path.join(directory, name), kinds[extension])
        for name in names
        if (extension := os.path.splitext(name)[1]) in kinds and not name.startswith(".")
    ]


def _names_the_hook(path: str, kind: str) -> bool:
    try:
        with open(path, "rb") as file:
            lines = [line for line in file.read().splitlines() if _MARK in line and not line.startswith(b"#")]
    except OSError:
        return False
    # Any other line of a `.pth` is a directory, such as that of an editable installation.
    return any(kind != "pth" or line.startswith((b"import ", b"import\t")) for line in lines)


def _version(location: str) -> str | None:
    """The version that a copy states, without importing it."""
    import ast

    for name in ("_version.py", "__init__.py"):  # the second one before 0.1
        try:
            with open(os.path.join(location, name), "rb") as file:
                tree = ast.parse(file.read())
        except (OSError, SyntaxError, ValueError):
            continue
        for node in tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
                if "__version__" in names:
                    return str(node.value.value)
    return None
