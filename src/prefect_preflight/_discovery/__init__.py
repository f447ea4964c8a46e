"""Which plugins there are: the entry points of the group `prefect.plugins`, the allow and deny lists applied."""

import sys

from .metadata import is_foreign, look_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from prefect_preflight._settings import Settings

    from .metadata import Declaration

GROUP = "prefect.plugins"


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
