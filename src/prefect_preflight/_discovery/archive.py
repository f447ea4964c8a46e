"""Zip files on the path, as far as they hold metadata of distributions.

The import system keeps the tables of contents of zip files. Mostly it has read that of each one on the path by
now, since `site` looks along all of it for `usercustomize`. Single files are read here: `zipimporter.get_data` opens
the archive anew for each of them, which takes three times as long, and compares no checksum. `zipfile` makes an object
for each entry, which takes longer than all the rest. It reads the archives that are not plain, or not as the
table has them: a comment, encryption, zip64, an unusual compression, file names in an old encoding, damage.

A table may be older than its archive. Another number of entries is noticed, and so is whatever is read and is not
where the table has it. Apart from that the table counts, as it does for an import of the plugin itself, until the
program calls `importlib.invalidate_caches`.
"""

from __future__ import annotations

import os
import zipimport
from struct import Struct
from zlib import crc32, decompress, decompressobj

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Union
    from zipfile import ZipFile

    Reader = Union["_Indexed", ZipFile]

_POINTS = "/entry_points.txt"
_METADATA = ("/METADATA", "/PKG-INFO")

# PKWARE's APPNOTE.TXT, 4.3.16 and 4.3.7; only the fields that are looked at.
_END = Struct("<4s6xH10x")  # signature, number of entries; a comment would follow
_LOCAL = Struct("<4s22x2H")  # signature, lengths of name and extra field, which follow, and then the data
_STORED, _DEFLATED = 0, 8
_HEAD = 2048  # bytes in which the headers of most metadata end


class Archive:
    """A zip file on the path; `children` are the names at its top.

    Raises:
        Exception: there is no zip file, or it cannot be read.
    """

    __slots__ = ("_metadata", "_names", "_points", "children", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        if not os.path.isfile(path):  # to open a pipe would block
            raise FileNotFoundError(path)
        # Read at once, so that a thousand archives are not open side by side.
        names, self._points = self._read(_POINTS)
        self._names = frozenset(names)
        self._metadata: dict[str, bytes] | None = None
        self.children = list(dict.fromkeys([name.partition("/")[0] for name in names]))

    def points(self, child: str) -> bytes | None:
        """The content of its file of entry points, None if there is none or it cannot be read."""
        return self._points.get(child + _POINTS)

    def metadata(self, child: str) -> bytes:
        """Its core metadata, of which the headers may be all, empty if there is none or it cannot be read."""
        if self._metadata is None:
            # That of all at once, since whoever asks for one needs all, and with the archive opened once.
            self._metadata = self._read(*_METADATA)[1]
        files = [self._metadata.get(child + ending) for ending in _METADATA]
        return files[0] or files[1] or b""

    def has_metadata(self, child: str) -> bool:
        """Whether there is any, be it empty."""
        names = self._names
        return any(child + ending in names for ending in _METADATA) or child in names

    def named(self, child: str) -> bool:
        """Whether `importlib_metadata` takes the distribution's name from the metadata's file name."""
        return child in self._names  # but not a directory's: a zip file has it end in a slash

    def _read(self, *endings: str) -> tuple[list[str], dict[str, bytes]]:
        """The names of all files, and those files in directories at the top whose names end so."""
        try:
            return _contents(_Indexed(self.path), endings)
        except Exception:  # `_DoubtError`, or whatever comes of damage, or of a table that is not as we know it
            from zipfile import ZipFile

            return _contents(ZipFile(self.path), endings, Exception)


def _contents(
    archive: Reader, endings: tuple[str, ...], *ignored: type[Exception]
) -> tuple[list[str], dict[str, bytes]]:
    """The same of an open archive, which is closed then; an error that is ignored is one of a single file."""
    files = {}
    with archive:
        names = archive.namelist()
        for name in names:
            if name.endswith(endings) and name.count("/") == 1:
                try:
                    files[name] = archive.read(name)
                except ignored:
                    continue
    return names, files


class _DoubtError(Exception):
    """Something that only `zipfile` understands, or finds damaged."""


class _Indexed:
    """An open archive, by the import system's table of it, with as much of `ZipFile` as is needed.

    Raises:
        Exception: it is no zip file, or one for `zipfile`.
    """

    __slots__ = ("_file", "_places")

    def __init__(self, path: str) -> None:
        archive = zipimport.zipimporter(path).archive  # reads the table, if nobody has
        # Private; seen to work on CPython 3.9 to 3.15, whose `pkgutil` looks into it too: for each archive the
        # entries by name, as tuples of path, method, packed size, size, position, time, date and checksum; newer
        # ones add None for directories that have no entry of their own. Were it gone, or of another shape, that
        # would be an error here or in `read`, and so a matter for `zipfile`.
        table: dict[str, Any] = zipimport._zip_directory_cache[archive]  # type: ignore[attr-defined]
        self._places = {name.replace(os.sep, "/"): place for name, place in table.items() if place is not None}
        self._file = open(path, "rb")  # noqa: SIM115  # closed by `__exit__`

    def __enter__(self) -> _Indexed:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def namelist(self) -> list[str]:
        """The names of all entries, with slashes on every system."""
        self._file.seek(-_END.size, os.SEEK_END)
        # The table may be an older one; and up to 3.12 `zipimport` takes for its end what is damaged, or zip64's.
        if _END.unpack(self._file.read()) != (b"PK\5\6", len(self._places)):
            raise _DoubtError
        return list(self._places)

    def read(self, name: str) -> bytes:
        """The content of a file; of core metadata perhaps just the headers, for a description is long."""
        _, method, packed, _, position, _, _, crc = self._places[name]
        self._file.seek(position)
        signature, length, extra = _LOCAL.unpack(self._file.read(_LOCAL.size))
        data = self._file.read(length + extra + packed)
        if signature != b"PK\3\4" or data[:length] != name.encode():
            raise _DoubtError
        data = data[length + extra :]
        if method == _DEFLATED:
            if name.endswith(_METADATA):
                head = decompressobj(-15).decompress(data, _HEAD)
                if b"\n\n" in head:
                    return head
            data = decompress(data, -15)
        elif method != _STORED:
            raise _DoubtError
        if crc32(data) != crc:
            raise _DoubtError
        return data
