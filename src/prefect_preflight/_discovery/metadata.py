"""Which installed distributions declare entry points of a group, without importing `importlib_metadata`.

`importlib_metadata.entry_points` reads and parses what every distribution declares, and is itself one of the
most expensive imports there are. Here the path is listed as there, but a file of entry points is parsed only if the
group's name is somewhere in it, and metadata is read only of distributions that declare something. What lies in a
directory is read here, what lies in a zip file in `archive`. The answer
is the same, except that a distribution with broken metadata spoils nobody else's: a property test compares them.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Optional, Union

    from .archive import Archive

    Place = Union["Directory", Archive]
    Declaration = tuple[str, str, Optional[str], Optional[str]]

_SUFFIXES = (".dist-info", ".egg-info")
_POINTS = os.sep + "entry_points.txt"
_BINARY = getattr(os, "O_BINARY", 0)  # Windows would end a file at Ctrl-Z
_CHUNK = 8192


def is_foreign(finder: "Any") -> bool:
    """Whether a finder finds distributions otherwise than the standard library does, or a copy of the backport."""
    if getattr(finder, "find_distributions", None) is None:
        return False
    module = getattr(finder, "__module__", None) or ""
    standard = module in ("_frozen_importlib_external", "importlib.metadata")
    return not (standard or module.rpartition(".")[2] == "importlib_metadata")


def look_up(group: str) -> "Iterator[Declaration]":
    """Yield the entry points of `group` that are on the path; see `_discovery.declarations`."""
    found = [_distributions(entry) for entry in list(sys.path)]
    word = group.encode()
    declaring = [distribution for part in found for distribution in part if word in (distribution.points or b"")]
    if not declaring:
        return
    keys = {distribution.key() for distribution in declaring}
    first: dict[object, Distribution] = {}
    for distribution in (distribution for part in found for distribution in _grouped(part)):
        key = distribution.key()
        if key in keys:
            other = first.get(key)
            if other is None or (not other.has_metadata() and distribution.has_metadata()):
                first[key] = distribution
    for distribution in declaring:
        if first[distribution.key()] is distribution:
            points = distribution.entry_points(group)
            identity = distribution.identity() if points else (None, None)
            for point in points:
                yield (*point, *identity)


def _grouped(distributions: "list[Distribution]") -> "Iterator[Distribution]":
    """In the order of `importlib_metadata`: within an entry of the path, metadata with like file names together."""
    groups: dict[tuple[str, str], list[Distribution]] = {}
    for distribution in distributions:
        stem, dot, _ = distribution.child.lower().rpartition(".")
        groups.setdefault((dot, normalized(stem.partition("-")[0])), []).append(distribution)
    for group in groups.values():
        yield from group


def entry_points(text: str, group: str) -> "Iterator[tuple[str, str]]":
    """Yield names and values of a group (entry points specification, "File format"); leave out what is neither."""
    section: str | None = None
    for line in map(str.strip, text.splitlines()):
        name, separator, value = line.partition("=")
        if line.startswith("[") and line.endswith("]"):
            section = line.strip("[]")
        elif line.startswith("[") and not separator:
            section = None  # not closed: whatever it was to be, what follows is not the section before
        elif separator and section == group and not line.startswith("#"):
            yield name.strip(), value.strip()


class Distribution:
    """An installed distribution: the place on the path where it lies, and its metadata's name there."""

    __slots__ = ("_key", "child", "place", "points")

    def __init__(self, place: "Place", child: str) -> None:
        self.place = place
        self.child = child
        self.points = place.points(child)
        self._key: object = None

    def key(self) -> object:
        """What makes it the same distribution as another one: its name, or itself if it has none."""
        if self._key is None:
            stem, suffix = os.path.splitext(self.child)
            name = stem.partition("-")[0] if suffix in _SUFFIXES and self.place.named(self.child) else ""
            self._key = normalized(name or self.identity()[0] or "") or self
        return self._key

    def identity(self) -> "tuple[str | None, str | None]":
        """Name and version as the metadata has them."""
        return headers(self.place.metadata(self.child).decode("utf-8", "replace"))

    def has_metadata(self) -> bool:
        """Whether there is any, be it empty."""
        return self.place.has_metadata(self.child)

    def entry_points(self, group: str) -> "list[tuple[str, str]]":
        """Names and values of the group, none if the file is not UTF-8."""
        try:
            return list(entry_points((self.points or b"").decode(), group))
        except UnicodeDecodeError:
            return []


class Directory:
    """A directory on the path; `children` are the names in it.

    Raises:
        OSError: there is no such directory, or it cannot be read.
    """

    __slots__ = ("_prefix", "children")

    def __init__(self, path: str) -> None:
        self.children = os.listdir(path or ".")
        self._prefix = os.path.join(path, "")

    def points(self, child: str) -> "bytes | None":
        """The content of its file of entry points, None if there is none or it cannot be read."""
        return _read(f"{self._prefix}{child}{_POINTS}")  # `os.path.join` takes longer than the system's `open`

    def metadata(self, child: str) -> bytes:
        """Its core metadata, empty if there is none or it cannot be read."""
        path = self._prefix + child
        # The last is a file of its own, as distutils wrote it.
        return _read(os.path.join(path, "METADATA")) or _read(os.path.join(path, "PKG-INFO")) or _read(path) or b""

    def has_metadata(self, child: str) -> bool:
        """Whether there is any, be it empty."""
        path = self._prefix + child
        exists = os.path.exists
        return exists(os.path.join(path, "METADATA")) or exists(os.path.join(path, "PKG-INFO")) or os.path.isfile(path)

    def named(self, child: str) -> bool:  # noqa: ARG002  # as in an archive, where not all are
        """Whether `importlib_metadata` takes the distribution's name from the metadata's file name."""
        return True


def _read(path: str) -> "bytes | None":
    # Not `open`, which takes twice as long; this runs once for every distribution there is.
    try:
        file = os.open(path, os.O_RDONLY | _BINARY)
    except OSError:
        return None
    try:
        data = part = os.read(file, _CHUNK)
        while len(part) == _CHUNK:
            part = os.read(file, _CHUNK)
            data += part
    except OSError:  # a directory
        return None
    finally:
        os.close(file)
    return data


def _distributions(entry: "Any") -> "list[Distribution]":
    """The distributions in one entry of the path; it may be no directory, or not be there at all."""
    try:
        path: str = os.fspath(entry)
        place = _place(path)
        # The end first: mostly it is another one, and this runs for every name on the path.
        children = [
            child for child in place.children if child[-5:].lower() == "-info" and child.lower().endswith(_SUFFIXES)
        ]
        if os.path.basename(path).lower().endswith(".egg"):
            children += [child for child in place.children if child.lower() == "egg-info"]
    except Exception:  # also an entry that is no `str`, which nobody can import from either
        return []
    return [Distribution(place, child) for child in children]


def _place(path: str) -> "Place":
    try:
        return Directory(path)
    except NotADirectoryError:
        from .archive import Archive  # here, since hardly ever a zip file is on the path

        return Archive(path)


def normalized(name: str) -> str:
    """`name` as `importlib_metadata` compares names."""
    name = name.lower().replace("_", "-").replace(".", "-")
    while "--" in name:
        name = name.replace("--", "-")
    return name


def headers(text: str) -> "tuple[str | None, str | None]":
    """The first `Name` and the first `Version` of core metadata (they are like e-mail headers)."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        field, colon, value = line.partition(":")
        if line[:1] in (" ", "\t"):
            continue  # belongs to the line before
        if not colon or " " in field:
            break  # the end of the headers
        if field.lower() in ("name", "version"):
            found.setdefault(field.lower(), value.strip())
            if len(found) == 2:
                break
    return found.get("name"), found.get("version")
