"""Entry points as `importlib_metadata` finds them, for processes in which somebody's own finder has some."""

from __future__ import annotations

from importlib_metadata import distributions, entry_points

from . import metadata

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from .metadata import Declaration


def ask(group: str) -> Iterator[Declaration]:
    """Yield the entry points of `group`, of all finders; see `_discovery.declarations`."""
    try:
        return iter([(point.name, point.value, *_identity(point.dist)) for point in entry_points(group=group)])
    except Exception:  # by one distribution with broken metadata, or of a class that an older version does not know
        return _ask_one_by_one(group)


def _ask_one_by_one(group: str) -> Iterator[Declaration]:
    seen: set[str] = set()
    for distribution in distributions():
        identity = _identity(distribution)
        if identity[0] is not None:
            key = metadata.normalized(identity[0])
            if key in seen:
                continue
            seen.add(key)
        for point in _points(distribution, group):
            yield (*point, *identity)


def _identity(distribution: Any) -> tuple[str | None, str | None]:
    """Name and version; a distribution with broken metadata has none, and hides no other (importlib_metadata#534)."""
    try:
        fields = distribution.metadata
        return fields["Name"], fields["Version"]
    except Exception:
        return None, None


def _points(distribution: Any, group: str) -> Iterable[tuple[str, str]]:
    try:
        return [(point.name, point.value) for point in distribution.entry_points.select(group=group)]
    except Exception:
        pass
    try:
        # Up to importlib_metadata 8 one value that is no object reference, of any group, makes it refuse all of the
        # distribution's. Read line by line, the bad ones are plugins that fail to load, and the others run.
        return list(metadata.entry_points(distribution.read_text("entry_points.txt") or "", group))
    except Exception:
        return ()
