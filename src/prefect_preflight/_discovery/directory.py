"""Directories on the path, as far as they hold metadata of distributions."""

from __future__ import annotations

import os

_BINARY = getattr(os, "O_BINARY", 0)  # Windows would end a file at Ctrl-Z
_CHUNK = 8192


class Directory:
    """A directory on the path; `children` are the names in it.

    Raises:
        OSError: there is no such directory, or it cannot be read.
    """

    __slots__ = ("children", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self.children = os.listdir(path or ".")

    def points(self, child: str) -> bytes | None:
        """The content of its file of entry points, None if there is none or it cannot be read."""
        return _read(os.path.join(self.path, child, "entry_points.txt"))

    def metadata(self, child: str) -> bytes:
        """Its core metadata, empty if there is none or it cannot be read."""
        path = os.path.join(self.path, child)
        # The last is a file of its own, as distutils wrote it.
        return _read(os.path.join(path, "METADATA")) or _read(os.path.join(path, "PKG-INFO")) or _read(path) or b""

    def has_metadata(self, child: str) -> bool:
        """Whether there is any, be it empty."""
        path = os.path.join(self.path, child)
        exists = os.path.exists
        return exists(os.path.join(path, "METADATA")) or exists(os.path.join(path, "PKG-INFO")) or os.path.isfile(path)

    def named(self, child: str) -> bool:  # noqa: ARG002  # as in an archive, where not all are
        """Whether `importlib_metadata` takes the distribution's name from the metadata's file name."""
        return True


def _read(path: str) -> bytes | None:
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
