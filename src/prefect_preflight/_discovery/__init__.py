"""What is installed: the plugins, which are entry points of a group, the lists applied; the Prefect that they are for.

Both here, since each import of Prefect with plugins enabled needs both, and a module costs more than what is in it.
"""

import os
import sys

from .metadata import is_foreign, look_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from prefect_preflight._settings import Settings

    from .metadata import Declaration

GROUP = "prefect.plugins"
HOOK = "setup_environment"
SERVER_HOOK = "set_database_connection_params"
"""A hook that Prefect's server calls, by a plugin manager of its own."""


class Candidate:
    """A plugin as its distribution declares it; nothing of it has been imported."""

    __slots__ = ("attribute", "distribution", "for_server", "module", "name", "value", "version", "why_excluded")

    def __init__(self, name: str, value: str, distribution: "str | None", version: "str | None") -> None:
        self.name = name
        self.value = value
        self.distribution = distribution
        self.version = version
        # "module:attribute.path [extras]", by the entry points specification
        module, _, attribute = value.partition("[")[0].partition(":")
        self.module = module.strip()
        self.attribute = attribute.strip()
        self.for_server = False  # whether it is known to have no start-up hook, but one for Prefect's server
        self.why_excluded: str | None = None  # why it is not to be loaded

    @property
    def may_run(self) -> bool:
        """Whether it is to be loaded, for it may have a start-up hook."""
        return self.why_excluded is None and not self.for_server

    def __repr__(self) -> str:
        return f"Candidate({self.name!r}, {self.value!r})"


def canonical(name: str) -> str:
    """`name` as package names are compared (PEP 503): case, and runs of `-`, `_`, `.`, do not matter."""
    return "-".join(part for part in name.lower().replace("_", "-").replace(".", "-").split("-") if part)


def discover(settings: "Settings") -> "list[Candidate]":
    """All plugins, those that the lists exclude too, sorted by name: results are applied in this order."""
    candidates = sorted(_candidates(), key=lambda candidate: (candidate.name, candidate.value))
    allow = settings.allow and [canonical(name) for name in settings.allow]
    deny = [canonical(name) for name in settings.deny or ()]
    for candidate in candidates:
        name = canonical(candidate.name)
        if settings.allow is not None and name not in (allow or ()):
            candidate.why_excluded = "not in allow list"
        elif name in deny:
            candidate.why_excluded = "in deny list"
    return candidates


def declarations(group: str) -> "Iterator[Declaration]":
    """Yield the entry points of `group`: name, value, and the distribution's name and version, None if unknown.

    Of several distributions with the same name only the first on the path counts, as in an import; one without
    metadata hides none that has some.
    """
    if any(map(is_foreign, sys.meta_path)):
        # Somebody's own finder knows distributions that are not on the path: only `importlib_metadata` asks it.
        from .foreign_finders import ask

        return ask(group)
    return look_up(group)


def _candidates() -> "Iterator[Candidate]":
    """Each plugin once, however often it is declared."""
    seen: set[tuple[str, str]] = set()
    for name, value, distribution, version in declarations(GROUP):
        if (name, value) not in seen:
            seen.add((name, value))
            yield Candidate(name, value, distribution, version)


# The installed Prefect

# `prefect-client` ships the same package; the first name wins where both lie in one directory.
DISTRIBUTIONS = ("prefect", "prefect-client")


class InstalledPrefect:
    """The installed distribution that the package comes from."""

    __slots__ = ("distribution", "location", "version")

    def __init__(self, distribution: str, version: str, location: str) -> None:
        self.distribution = distribution
        self.version = version
        self.location = location  # the package's directory


def identify(file: object) -> "InstalledPrefect | None":
    """The Prefect whose package has this `__file__`; None for somebody's own package of that name.

    The hooks run for an installed Prefect alone: a folder `prefect` in the working directory must not trigger
    them.
    """
    if not isinstance(file, str):
        return None
    return _beside(file) or _by_metadata(file)


def _beside(file: str) -> "InstalledPrefect | None":
    """By the metadata's directory beside the package, as every ordinary installation has it; a few microseconds."""
    package = os.path.dirname(file)
    try:
        names = [name for name in os.listdir(os.path.dirname(package)) if name[:7].lower() == "prefect"]
    except OSError:  # such as a zip archive
        return None
    for distribution in DISTRIBUTIONS:
        prefix = distribution.replace("-", "_") + "-"
        for name in names:
            lower = name.lower()
            if lower.startswith(prefix) and lower.endswith((".dist-info", ".egg-info")):
                return InstalledPrefect(distribution, name[len(prefix) : name.rindex(".")].partition("-")[0], package)
    return None


def _by_metadata(file: str) -> "InstalledPrefect | None":
    """By asking each distribution of that name for its files: editable installations and archives."""
    from importlib_metadata import distributions

    for name in DISTRIBUTIONS:
        for distribution in distributions(name=name):
            try:
                if _owns(distribution, file):
                    return InstalledPrefect(name, distribution.version, os.path.dirname(file))
            except Exception:
                continue
    return None


def _owns(distribution: "Any", file: str) -> bool:
    if os.path.abspath(str(distribution.locate_file("prefect/__init__.py"))) == os.path.abspath(file):
        return True
    # PEP 610: an editable installation records the directory that it points to.
    origin = distribution.read_text("direct_url.json")
    if not origin:
        return False
    import json
    from urllib.parse import unquote, urlparse

    url = urlparse(json.loads(origin)["url"])
    root = os.path.join(os.path.realpath(unquote(url.path)), "")
    return url.scheme == "file" and os.path.realpath(file).startswith(root)
