"""How the start-up hook stands in this interpreter: whether it is active, by which file, and if not, why.

To be looked at before Prefect is imported, since the hook leaves `sys.meta_path` when it has done its work.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from prefect_preflight._discovery import identify
from prefect_preflight._settings import DISABLE, FIELDS, LOAD_TIMEOUT, PREFIXES, RENEW, REPORT_DIR, REPORT_LINE, TRUE
from prefect_preflight._state import finder, register, state
from prefect_preflight._version import __version__

from . import startup_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prefect_preflight._statuses import ActivationState

    from .startup_files import Copy, StartupFile

__all__ = ["Activation", "PrefectFound", "look"]


@dataclass(frozen=True)
class PrefectFound:
    """What `import prefect` would import: its place, and the distribution that it belongs to (None: to none)."""

    location: str
    distribution: str | None
    version: str | None


@dataclass(frozen=True)
class Activation:
    """How the start-up hook stands.

    Attributes:
        state: "active", or why it is not: "kill-switch", "no-site" (`python -S`), "no-startup-file", "not-registered"
            (there is a file, and still no finder), "imported-before" (Prefect was, before the hook could see it),
            "finder-in-front" (another finder answers for Prefect), "foreign-package" (`prefect` is no installed
            Prefect).
        by: the start-up file that activated it, None if it is not active or if nobody knows.
        activated_here: whether this command itself activated it, because of `--run`.
        startup_files: the files that Python reads at its start and that name the hook.
        unread_files: start-up files of ours that Python does not read, since their directory is no site directory.
        site_directories: where Python reads such files.
        finders_in_front: names of the finders that are asked before ours.
        location: the directory of the package `prefect_preflight` in use.
        version: that package's version.
        copies: the other copies on the path.
        no_site: `sys.flags.no_site`.
        isolated: `sys.flags.isolated`.
        ignore_environment: `sys.flags.ignore_environment`.
        prefect: what `import prefect` finds, None if it finds nothing.
        misspelt: names in the environment that look like a setting's, each with the name that was probably meant.
    """

    state: ActivationState
    by: str | None
    activated_here: bool
    startup_files: tuple[StartupFile, ...]
    unread_files: tuple[str, ...]
    site_directories: tuple[str, ...]
    finders_in_front: tuple[str, ...]
    location: str
    version: str
    copies: tuple[Copy, ...]
    no_site: bool
    isolated: bool
    ignore_environment: bool
    prefect: PrefectFound | None
    misspelt: tuple[tuple[str, str], ...]

    @property
    def works(self) -> bool:
        """Whether `import prefect` runs the hooks in this process."""
        return self.state == "active" or self.activated_here


def look(activate: bool = False) -> Activation:
    """Look at this interpreter; imports neither Prefect nor a plugin.

    Args:
        activate: put the finder in its place where it is missing, for this process alone.
    """
    directories = startup_files.site_directories()
    files = startup_files.found(directories)
    location = startup_files.PACKAGE
    spec, staged = _prefect_spec()
    prefect = None if spec is None else _described(spec)
    found = _activation_state(prefect, staged, bool(files))
    activated = activate and found != "active" and _activate(found)
    return Activation(
        state=found,
        by=startup_files.responsible(files) if found == "active" else None,
        activated_here=activated,
        startup_files=files,
        unread_files=startup_files.unread(location, directories),
        site_directories=directories,
        finders_in_front=_finders_in_front(),
        location=location,
        version=__version__,
        copies=startup_files.other_copies(location),
        no_site=bool(sys.flags.no_site),
        isolated=bool(sys.flags.isolated),
        ignore_environment=bool(sys.flags.ignore_environment),
        prefect=prefect,
        misspelt=_misspelt(os.environ),
    )


def _prefect_spec() -> tuple[Any, bool]:
    """What the import system says about `prefect`, and whether its loader is ours, or wraps ours."""
    module = sys.modules.get("prefect")
    if module is not None:
        return getattr(module, "__spec__", None) or SimpleNamespace(origin=getattr(module, "__file__", None)), False
    before = state.specs
    try:
        spec = find_spec("prefect")
    except Exception:  # somebody's finder: the import itself will tell
        return None, False
    return spec, spec is not None and state.specs > before


def _described(spec: Any) -> PrefectFound:
    installed = identify(spec.origin)
    if installed is not None:
        return PrefectFound(installed.location, installed.distribution, installed.version)
    places = list(getattr(spec, "submodule_search_locations", None) or ())
    return PrefectFound(spec.origin or (str(places[0]) if places else "nowhere"), None, None)


def _activation_state(prefect: PrefectFound | None, staged: bool, files: bool) -> ActivationState:
    if _has_run():
        return "active"
    if "prefect" in sys.modules:
        return "imported-before"
    if os.environ.get(DISABLE, "").lower() in TRUE:
        return "kill-switch"
    if finder() in _finders():
        if prefect is None or (staged and prefect.distribution is not None):
            return "active"
        return "foreign-package" if prefect.distribution is None else "finder-in-front"
    if sys.flags.no_site:
        return "no-site"
    return "not-registered" if files else "no-startup-file"


def _has_run() -> bool:
    """Whether `import prefect` went through our loader already, such as in a `.pth` file that imports Prefect."""
    return state.settings is not None


def _activate(found: ActivationState) -> bool:
    """Register the finder in front of all others, where that helps; the kill switch is respected."""
    if found in ("kill-switch", "imported-before", "foreign-package"):
        return False
    if finder() in sys.meta_path:
        sys.meta_path.remove(finder())
    register()
    return _prefect_spec()[1]


def _finders() -> list[object]:
    return list(sys.meta_path)


def _finders_in_front() -> tuple[str, ...]:
    finders = _finders()
    if finder() not in finders:
        return ()
    return tuple(_name(other) for other in finders[: finders.index(finder())])


def _name(other: object) -> str:
    kind = other if isinstance(other, type) else type(other)
    return f"{kind.__module__}.{kind.__qualname__}"


def _misspelt(environ: Any) -> tuple[tuple[str, str], ...]:
    """Names outside our prefixes that differ little from a setting's; those under a prefix are the settings' matter."""
    known = [prefix + field.upper() for prefix in PREFIXES for field in FIELDS]
    known += [prefix.rstrip("_") for prefix in PREFIXES]  # the group as one JSON object
    ours = (DISABLE, LOAD_TIMEOUT, RENEW, REPORT_DIR, REPORT_LINE)
    found = []
    for name in sorted(environ):
        upper = name.upper()
        if upper.startswith(PREFIXES) or upper in known or upper in ours:
            continue
        if "PLUGIN" in upper and "ECT" in upper:
            close = _close(upper, known)
        elif upper.startswith("PREFECT_PREFLIGHT"):
            close = _close(upper, ours)
        else:
            continue
        found += [(name, likely) for likely in close]
    return tuple(found)


def _close(name: str, known: Sequence[str]) -> list[str]:
    from difflib import get_close_matches  # here, since few environments have such a name

    return get_close_matches(name, known, 1, 0.85)
