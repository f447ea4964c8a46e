"""Zip files on the path, as far as they hold metadata of distributions.

`zipfile` makes an object for every entry of an archive, which would take longer than all the rest. Here the
table of contents is stepped through once; an archive that is not plain (a comment, encryption, zip64, an unusual
compression, names beyond ASCII, damage) is left to `zipfile`.
"""

from __future__ import annotations

import os
from struct import Struct
from zlib import crc32, decompress, decompressobj

from ._metadata import headers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from ._metadata import Identity

    _Place = tuple[int, int, int, int]  # where an entry begins, its method, checksum, packed size

# PKWARE's APPNOTE.TXT, 4.3.16, 4.3.12 and 4.3.7; only the fields that are looked at.
_END = Struct("<4s4H2LH")  # signature, disk, disk, entries, entries, size and offset of the table, comment's length
_ENTRY = Struct("<4s2x3H4x2L4x3H8xL")  # signature, version, flags, method, crc, packed size, three lengths, offset
_LOCAL = Struct("<4s22x2H")  # signature, lengths of name and extra field
_NEWEST = 63  # version needed to extract; `zipfile` refuses newer ones
_PLAIN_FLAGS = 0x080E  # how hard the compressor tried, sizes that follow the data, UTF-8: nothing that matters here
_STORED, _DEFLATED = 0, 8
_WANTED = (b"/entry_points.txt", b"/METADATA", b"/PKG-INFO")
_HEAD = 2048  # bytes in which the headers of most metadata end


class _UnusualError(Exception):
    """Something that only `zipfile` understands, or finds damaged."""


class Archive:
    """A zip file on the path; `children` are the names at its top.

    Raises:
        Exception: there is no zip file, or it cannot be read.
    """

    __slots__ = ("_identities", "_names", "_places", "_points", "children", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        if not os.path.isfile(path):  # to open a pipe would block
            raise FileNotFoundError(path)
        self._points: dict[str, bytes] = {}  # read at once, so that a thousand archives are not open side by side
        self._places: dict[str, _Place] | None = {}
        self._identities: dict[str, Identity] | None = None
        try:
            names = self._read_plain()
        except Exception:  # `_UnusualError`, or damage that shows otherwise
            names = self._read_any()
        self._names = frozenset(names)
        self.children = list(dict.fromkeys([name.partition("/")[0] for name in names]))

    def points(self, child: str) -> bytes | None:
        """The content of its file of entry points, None if there is none or it cannot be read."""
        return self._points.get(f"{child}/entry_points.txt")

    def has_metadata(self, child: str) -> bool:
        """Whether there is any, be it empty."""
        names = self._names
        return f"{child}/METADATA" in names or f"{child}/PKG-INFO" in names or child in names

    def named(self, child: str) -> bool:
        """Whether `importlib_metadata` takes the distribution's name from the metadata's file name."""
        return child in self._names  # but not a directory's: a zip file has it end in a slash

    def identity(self, child: str) -> Identity:
        """Name and version as the metadata has them."""
        if self._identities is None:
            # Those of all at once, since whoever asks for one needs all, and with the archive opened once.
            read = self._all_metadata if self._places is None else self._plain_metadata
            self._identities = {}
            for path, text in read():
                self._identities.setdefault(path.partition("/")[0], headers(text.decode("utf-8", "replace")))
        return self._identities.get(child, (None, None))

    def _read_plain(self) -> list[str]:
        """Read the files of entry points, return the names of all files."""
        with open(self.path, "rb") as file:
            table, begin = _table(file)
            raw_names, places, position = [], {}, 0
            while position < len(table):
                signature, version, flags, *where, length, extra, comment, offset = _ENTRY.unpack_from(table, position)
                if signature != b"PK\1\2" or version > _NEWEST or flags & ~_PLAIN_FLAGS:
                    raise _UnusualError
                start = position + _ENTRY.size
                end = start + length
                raw_names.append(table[start:end])
                if table.endswith(_WANTED, start, end):
                    places[table[start:end].decode()] = (begin + offset, *where)
                position = end + extra + comment
            joined = b"\0".join(raw_names)  # so that all are examined and decoded in one go
            names = joined.decode("ascii").split("\0")
            if position != len(table) or len(names) != len(raw_names):
                raise _UnusualError
            for name, place in places.items():
                if name.endswith("/entry_points.txt"):
                    self._points[name] = _content(file, name, *place)
        self._places = places
        return names

    def _read_any(self) -> list[str]:
        from zipfile import ZipFile

        self._points.clear()
        self._places = None
        with ZipFile(self.path) as file:
            names = file.namelist()
            for name in names:
                if name.endswith("/entry_points.txt"):
                    try:
                        self._points[name] = file.read(name)
                    except Exception:  # of this one distribution alone
                        continue
        return names

    def _plain_metadata(self) -> Iterator[tuple[str, bytes]]:
        with open(self.path, "rb") as file:
            for kind in ("/METADATA", "/PKG-INFO"):
                for name, place in (self._places or {}).items():
                    if name.endswith(kind):
                        try:
                            text = _content(file, name, *place, headers_only=True)
                        except Exception:  # of this one distribution alone
                            continue
                        if text:
                            yield name, text

    def _all_metadata(self) -> Iterator[tuple[str, bytes]]:
        from zipfile import ZipFile

        with ZipFile(self.path) as file:
            for kind in ("/METADATA", "/PKG-INFO"):
                for name in file.namelist():
                    if name.endswith(kind):
                        try:
                            text = file.read(name)
                        except Exception:
                            continue
                        if text:
                            yield name, text


def _table(file: BinaryIO) -> tuple[bytes, int]:
    """The table of contents, and where the archive begins: something else may stand in front of it."""
    end = file.seek(-_END.size, os.SEEK_END)
    signature, *disks_and_counts, size, offset, comment = _END.unpack(file.read())
    begin = end - size - offset
    if signature != b"PK\5\6" or comment or any(disks_and_counts[:2]) or begin < 0 or 0xFFFF in disks_and_counts:
        raise _UnusualError
    file.seek(end - size)
    return file.read(size), begin


def _content(
    file: BinaryIO, name: str, position: int, method: int, crc: int, packed: int, headers_only: bool = False
) -> bytes:
    """One file of the archive; of core metadata the headers will do, for a description is long."""
    file.seek(position)
    start = _LOCAL.size + len(name)
    data = file.read(start + packed)
    signature, length, extra = _LOCAL.unpack_from(data)
    if signature != b"PK\3\4" or length != len(name) or data[_LOCAL.size : start] != name.encode():
        raise _UnusualError
    data = data[start + extra :] + file.read(extra)
    if method == _DEFLATED:
        if headers_only:
            head = decompressobj(-15).decompress(data, _HEAD)
            if b"\n\n" in head:
                return head
        data = decompress(data, -15)
    elif method != _STORED:
        raise _UnusualError
    if crc32(data) != crc:
        raise _UnusualError
    return data
