"""The fast look-up of entry points against `importlib_metadata`, which it must agree with in every odd case.

Layouts of installed distributions are generated: directories, eggs and zip files on the path, every form of
metadata there ever was, spellings of names that are the same, broken files. What `entry_points(group=…)`
answers for them is the measure.
"""

from __future__ import annotations

import dataclasses
import gc
import importlib
import importlib.metadata
import sys
import tempfile
import zipfile
import zipimport
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import importlib_metadata
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prefect_preflight._discovery import declarations
from prefect_preflight._discovery.metadata import entry_points
from toys import repetitions

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.core,
    # `importlib_metadata` keeps the zip files open that it has looked into.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]

GROUP = "prefect.plugins"
MANY = settings(
    max_examples=repetitions(1000, 80), deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
# Older ones let a distribution without metadata hide a whole one of the same name (importlib_metadata#534), refuse
# all of a distribution's entry points for one odd value, and do not know the standard library's distributions.
IS_NEW = hasattr(importlib_metadata, "_safe_has_metadata")

STEMS = ["alpha", "Alpha", "al_pha", "al-pha", "al.pha", "AL__PHA", "_alpha", "beta", "beta-1.0", "béta"]
SUFFIXES = ["-1.0.dist-info", "-2.0.dist-info", ".dist-info", "-1.0-py3.9.egg-info", ".egg-info", "-1.0.DIST-INFO"]
POINTS = [
    None,
    "",
    "[console_scripts]\nx = y:z\n",
    "[prefect.plugins]\none = module_one\n",
    "[prefect.plugins]\none = elsewhere\ntwo=module_two:object.part [extra]\n",
    "[other]\na = b\n\n[prefect.plugins]\r\n  spaced   =   out : there  \r\n[prefect.collections]\nc = d\n",
    "# [prefect.plugins]\nx = y\n",
    "[other]\nx = prefect.plugins\n",
    "[prefect.plugins.more]\nx = y\n[prefect.plugin]\nz = y\n",
    "[[prefect.plugins]]\ndoubled = brackets\n",
    "[ prefect.plugins ]\npadded = brackets\n",
    "\ufeff[prefect.plugins]\nbehind = mark\n",
    "[prefect.plugins]\n# comment = no\nsame = a\nsame = a\nsame = b\n",
    f"[prefect.plugins]\na = b{' = c' if IS_NEW else ''}\n[other]\n[prefect.plugins]\nagain = here\n",
    "a = b\n[prefect.plugins]\numläut = módulo\n",
    "[prefect.plugins]\x0cfeed = form\x85next = line\n",
    "[prefect.plugins]\n[x = y\n",
    "#" * 9000 + "\n[prefect.plugins]\nfar = below\n",
]
ONE = b"[prefect.plugins]\none = module_one\n"
TWO = b"[prefect.plugins]\none = module_one\ntwo=module_two:object.part [extra]\n"

METADATA = [
    "Metadata-Version: 2.1\nName: {name}\nVersion: 3.0\n",
    "Metadata-Version: 2.1\nName: {name}\nVersion: 3.0\nDescription: x\n\nName: body\nVersion: 9\n",
    "version: 4.0\nDescription: folded\n  Name: not-this\nNAME: {name}\n",
    "Name: somebody-else\nVersion: 1\nName: second\n",
]
BROKEN_METADATA = [None, b"", b"Metadata-Version: 2.1\n", b"no headers\nName: x\n", b"Name: b\xe9ta\nVersion: 1\n"]
BROKEN_POINTS = [
    b"[prefect.plugins]\n\xe9 = \xe9\n",
    b"[prefect.plugins\nx\n= y\n",
    b"[prefect.plugins]\nno value\nx = y\n",
    b"[prefect.plugins]\n" + b"\0" * 10,
    b"\xff\xfe[\0p\0",
]


@dataclasses.dataclass(frozen=True)
class Metadata:
    """One metadata directory, or file, in an entry of the path."""

    child: str
    metadata: tuple[str, bytes] | None  # file name and content; a name of "" makes the child itself the file
    points: bytes | None

    def files(self) -> dict[str, bytes]:
        """Its files by their paths in the entry of the path."""
        if self.metadata is not None and not self.metadata[0]:
            return {self.child: self.metadata[1]}
        files = {f"{self.child}/INSTALLER": b"tests\n"}
        if self.metadata is not None:
            files[f"{self.child}/{self.metadata[0]}"] = self.metadata[1]
        if self.points is not None:
            files[f"{self.child}/entry_points.txt"] = self.points
        return files


@dataclasses.dataclass(frozen=True)
class Entry:
    """One entry of the path: a directory or a zip file with distributions in it, or something else."""

    name: str
    kind: str
    contents: tuple[Metadata, ...] = ()

    def write(self, root: Path) -> str:
        """Makes it below ``root`` and returns what stands in `sys.path`."""
        path = root / self.name
        files = {name: data for item in self.contents for name, data in item.files().items()}
        if self.kind == "directory":
            path.mkdir(exist_ok=True)
            for name, data in files.items():
                file = path / name
                if not any(parent.is_file() for parent in file.parents) and not file.is_dir():
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(data)
        elif self.kind.startswith("zip"):
            _write_zip(path, files, self.kind)
        elif self.kind == "text":
            path.write_text("This is no zip file.")
        return str(path)


def _write_zip(path: Path, files: dict[str, bytes], kind: str) -> None:
    """Writes a zip file of one of the kinds that there are."""
    method = {"zip stored": zipfile.ZIP_STORED, "zip lzma": zipfile.ZIP_LZMA}.get(kind, zipfile.ZIP_DEFLATED)
    # What `zipfile` otherwise does from so many entries on as nobody wants to write in a test.
    limit = -1 if kind == "zip with a zip64 table" else zipfile.ZIP_FILECOUNT_LIMIT
    with mock.patch("zipfile.ZIP_FILECOUNT_LIMIT", limit), zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            parent = name.rpartition("/")[0] + "/"
            if kind == "zip with directories" and parent not in archive.namelist():
                archive.writestr(parent, b"")
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            with archive.open(info, "w", force_zip64=kind == "zip64") as file:
                file.write(data)
        if kind == "zip with a comment":
            archive.comment = b"made by hand"
    if kind == "zip behind a program":
        path.write_bytes(b"#!/usr/bin/env python3\n" + path.read_bytes())
    elif kind == "zip cut off":
        path.write_bytes(path.read_bytes()[:-30])


KINDS = [
    *("directory", "directory", "directory", "missing", "text"),
    *("zip", "zip stored", "zip lzma", "zip64", "zip with directories", "zip with a comment", "zip behind a program"),
    *("zip cut off", "zip with a zip64 table"),
]


@st.composite
def sound_metadata(draw: st.DrawFn, in_egg: bool, in_zip: bool) -> Metadata:
    """A distribution that `importlib_metadata` has no trouble with."""
    stem, suffix = draw(st.sampled_from(STEMS)), draw(st.sampled_from(SUFFIXES))
    child = draw(st.sampled_from(["EGG-INFO", "egg-info"])) if in_egg and draw(st.booleans()) else stem + suffix
    points = draw(st.sampled_from(POINTS))
    text = draw(st.sampled_from(METADATA)).format(name=stem).encode()
    named = child.endswith((".dist-info", ".egg-info"))  # otherwise its name is looked for in the metadata alone
    forms: list[tuple[str, bytes] | None] = [("METADATA", text), ("PKG-INFO", text)]
    if named and child.endswith(".egg-info"):
        forms.append(("", text))
    if named and IS_NEW and not in_zip:  # where all names are looked for in the metadata
        forms += [None, ("METADATA", b""), ("METADATA", b"Metadata-Version: 2.1\n")]
    return Metadata(child, draw(st.sampled_from(forms)), None if points is None else points.encode())


@st.composite
def broken_metadata(draw: st.DrawFn) -> Metadata:
    """A distribution that nobody else is named like, with something wrong in it."""
    child = draw(st.sampled_from(["broken-1.dist-info", "broken.egg-info", "broken-1.DIST-INFO", ".dist-info"]))
    content = draw(st.sampled_from(BROKEN_METADATA))
    points = draw(st.sampled_from(BROKEN_POINTS))
    return Metadata(child, None if content is None else ("METADATA", content), points)


@st.composite
def entries(draw: st.DrawFn, name: str) -> Entry:
    """An entry of the path."""
    kind = draw(st.sampled_from(KINDS))
    egg = draw(st.booleans())
    if kind in ("missing", "text"):
        return Entry(name, kind)
    contents = draw(
        st.lists(sound_metadata(egg, kind.startswith("zip")), max_size=5, unique_by=lambda item: item.child.lower())
    )
    return Entry(f"{name}-1.0-py3.9.egg" if egg else name, kind, tuple(contents))


@st.composite
def layouts(draw: st.DrawFn) -> tuple[list[Entry], list[int]]:
    """Entries of the path, and the order in which they stand there, some of them twice."""
    made = [draw(entries(f"entry{number}")) for number in range(draw(st.integers(1, 4)))]
    return made, draw(st.lists(st.integers(0, len(made) - 1), min_size=1, max_size=6))


@contextmanager
def on_the_path(paths: list[Any]) -> Iterator[None]:
    """Has the standard library and these entries on the path, nothing else."""
    before = sys.path[:]
    try:
        sys.path[:] = [*paths, *(entry for entry in before if "site-packages" not in entry)]
        importlib.invalidate_caches()
        yield
    finally:
        sys.path[:] = before


Found = list[tuple[str, str, str]]


def slowly() -> Found:
    """What `importlib_metadata.entry_points` finds: name, value, and the distribution's name and version, if known."""
    return sorted(
        (point.name, point.value, _known(point.dist, "Name") + " " + _known(point.dist, "Version"))
        for point in importlib_metadata.entry_points(group=GROUP)
    )


def _known(distribution: Any, field: str) -> str:
    try:
        return str(distribution.metadata[field])
    except (importlib_metadata.PackageNotFoundError, KeyError, TypeError, AttributeError, FileNotFoundError):
        return "None"


def fast() -> Found:
    """What the look-up finds, in the same form."""
    return sorted((name, value, f"{dist} {version}") for name, value, dist, version in declarations(GROUP))


@pytest.fixture(scope="module", autouse=True)
def _warm() -> Iterator[None]:
    """Loads what `importlib_metadata` imports lazily, for site-packages is not on the path in these tests.

    Afterwards what it keeps open is closed while the warnings about that are still ignored.
    """
    with tempfile.TemporaryDirectory() as directory, on_the_path([]):
        Entry("x.zip", "zip lzma", (Metadata("a-1.dist-info", None, ONE),)).write(Path(directory))
    importlib_metadata.entry_points(group=GROUP)
    importlib_metadata.version("pytest")
    yield
    importlib_metadata.MetadataPathFinder.invalidate_caches()
    gc.collect()


@MANY
@given(layouts())
def test_agrees_with_importlib_metadata(layout: tuple[list[Entry], list[int]]) -> None:
    """Whatever is installed, and however, both find the same plugins, from the same distributions."""
    made, order = layout
    with tempfile.TemporaryDirectory() as directory:
        paths = [entry.write(Path(directory)) for entry in made]
        with on_the_path([paths[index] for index in order]):
            assert fast() == slowly()


@MANY
@given(
    layouts(), st.lists(broken_metadata(), min_size=1, max_size=3, unique_by=lambda item: item.child), st.integers(0)
)
def test_broken_distributions_spoil_nothing(
    layout: tuple[list[Entry], list[int]], broken: list[Metadata], place: int
) -> None:
    """A distribution with broken metadata, for which `entry_points` often raises, changes nothing about the others."""
    made, order = layout
    with tempfile.TemporaryDirectory() as directory:
        paths = [entry.write(Path(directory)) for entry in made]
        paths_in_order = [paths[index] for index in order]
        with on_the_path(paths_in_order):
            expected = slowly()
        spoiled = Entry("spoiled", "directory", tuple(broken)).write(Path(directory))
        with on_the_path([*paths_in_order[: place % 7], spoiled, *paths_in_order[place % 7 :]]):
            found = fast()
    declared = [(name, value) for name, value, _ in found]
    for item in expected:
        found.remove(item)
    # What is left is what could be read of the broken ones.
    assert all(point in {("x", "y")} for point in ((name, value) for name, value, _ in found)), declared


@MANY
@given(st.text(alphabet="ab[]= \t\n\r#;\x0c\x1c.", max_size=60))
def test_the_parser_agrees(text: str) -> None:
    """Where `importlib_metadata` can parse a file of entry points, the same is found in it."""
    try:
        points = importlib_metadata.EntryPoints._from_text_for(text, None)
        expected = [(point.name, point.value) for point in points.select(group="a")]
    except (TypeError, ValueError):
        return
    assert list(entry_points(text, "a")) == expected


def test_entries_that_are_no_strings(tmp_path: Path) -> None:
    """A path object on the path counts; bytes, None and numbers, for which `importlib_metadata` raises, do no harm."""
    Entry("site", "directory", (Metadata("a-1.dist-info", None, ONE),)).write(tmp_path)
    with on_the_path([b"site", None, 7, tmp_path / "site"]):
        assert fast() == [("one", "module_one", "None None")]


def test_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty entry of the path is the working directory."""
    Entry("site", "directory", (Metadata("a-1.dist-info", None, ONE),)).write(tmp_path)
    monkeypatch.chdir(tmp_path / "site")
    with on_the_path([""]):
        assert fast() == slowly() == [("one", "module_one", "None None")]


class Provided(importlib.metadata.Distribution):
    """A distribution that is nowhere on the path."""

    def read_text(self, filename: str) -> str | None:
        """Gives the metadata."""
        return {"METADATA": "Name: provided\nVersion: 5\n", "entry_points.txt": ONE.decode()}.get(filename)

    def locate_file(self, path: Any) -> Any:
        """Has no files."""
        return Path("/nowhere", path)


class Provider:
    """A finder that knows a distribution, as those of archives and of remote file systems do."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        """Finds no module."""

    @staticmethod
    def find_distributions(context: Any = None) -> list[Provided]:
        """Finds the one distribution."""
        return [Provided()] if context is None or context.name in (None, "provided") else []


@pytest.mark.parametrize("broken", [False, True], ids=["all sound", "one broken"])
def test_somebody_elses_finder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: bool) -> None:
    """What a finder other than the standard one provides is found too, whatever is broken elsewhere."""
    contents = [Metadata("a-1.dist-info", ("METADATA", b"Name: a\nVersion: 1\n"), TWO)]
    if broken:
        contents.append(Metadata("broken-1.dist-info", None, BROKEN_POINTS[2]))
    Entry("site", "directory", tuple(contents)).write(tmp_path)
    monkeypatch.setattr(sys, "meta_path", [Provider, *sys.meta_path])
    with on_the_path([str(tmp_path / "site")]):
        found = fast()
        if IS_NEW and not broken:
            assert found == slowly()
    assert ("one", "module_one", "provided 5") in found
    assert ("two", "module_two:object.part [extra]", "a 1") in found


ENCRYPTED = 1  # the bit in an entry's flags; they are 6 bytes behind PK\3\4 and 8 behind PK\1\2


@pytest.mark.parametrize("encrypted", [False, True], ids=["damaged", "encrypted"])
def test_damage_in_a_zip_file_is_local(tmp_path: Path, encrypted: bool) -> None:
    """A file of entry points that cannot be read in a zip file hides no other one in it."""
    good, bad = (Metadata(f"{name}-1.dist-info", None, ONE) for name in ("good", "bad"))
    path = Path(Entry("x.zip", "zip stored", (good, bad)).write(tmp_path))
    data = bytearray(path.read_bytes())
    position = data.rindex(b"module_one")
    data[position : position + 10] = b"unreadable"
    if encrypted:
        data[data.rindex(b"PK\3\4") + 6] |= ENCRYPTED
        data[data.rindex(b"PK\1\2") + 8] |= ENCRYPTED
    path.write_bytes(data)
    with on_the_path([str(path)]):
        assert fast() == [("one", "module_one", "None None")]


def test_a_damaged_table_of_contents(tmp_path: Path) -> None:
    """What stands in front of the damage does not count either, on no Python."""
    contents = tuple(Metadata(f"{name}-1.dist-info", ("METADATA", b"Name: x\n"), ONE) for name in ("good", "bad"))
    path = Path(Entry("x.zip", "zip", contents).write(tmp_path))
    data = path.read_bytes()
    position = data.rindex(b"PK\1\2")
    path.write_bytes(data[:position] + b"PK??" + data[position + 4 :])
    with on_the_path([str(path)]):
        assert fast() == slowly() == []


def test_names_in_an_old_encoding(tmp_path: Path) -> None:
    """Names that are not marked as UTF-8 are in code page 437."""
    contents = Metadata("b?ta-1.dist-info", ("METADATA", "Name: béta\nVersion: 1\n".encode()), ONE)
    path = Path(Entry("x.zip", "zip", (contents,)).write(tmp_path))
    path.write_bytes(path.read_bytes().replace(b"b?ta", "béta".encode("cp437")))
    with on_the_path([str(path)]):
        assert fast() == slowly() == [("one", "module_one", "béta 1")]


ALPHA = Metadata("alpha-1.dist-info", ("METADATA", b"Name: alpha\nVersion: 1\n"), ONE)
CHANGES = {
    "nothing": (ALPHA,),
    "one more": (ALPHA, Metadata("beta-1.dist-info", ("METADATA", b"Name: beta\nVersion: 1\n"), TWO)),
    "other entry points, as long": (dataclasses.replace(ALPHA, points=ONE.replace(b"one", b"two")),),
    "other metadata": (dataclasses.replace(ALPHA, metadata=("METADATA", b"Name: gamma\nVersion: 10.0\n")),),
    "another order": (Metadata("beta-1.dist-info", ("METADATA", b"Name: beta\nVersion: 1\n"), TWO),),
    "all gone": (),
}


@pytest.mark.parametrize("kind", ["zip", "zip stored", "text"])
@pytest.mark.parametrize("change", CHANGES)
def test_an_archive_that_has_changed(tmp_path: Path, change: str, kind: str) -> None:
    """The table of contents that the import system has of a zip file may be older than the file."""
    path = Entry("x.zip", "zip" if kind == "text" else kind, (ALPHA,)).write(tmp_path)
    with on_the_path([path]):
        zipimport.zipimporter(path)
        Entry("x.zip", kind, CHANGES[change]).write(tmp_path)
        assert fast() == slowly()


def _longer(table: dict[str, Any]) -> dict[str, Any]:
    return {name: place and (*place, None) for name, place in table.items()}  # from 3.14 on, None for a directory


def _objects(table: dict[str, Any]) -> dict[str, Any]:
    return dict.fromkeys(table, object())


def _with_directories(table: dict[str, Any]) -> dict[str, Any]:
    return {**table, "alpha-1.dist-info/": None}


@pytest.mark.parametrize("shape", [None, list, _longer, _objects, _with_directories])
def test_another_table_of_contents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: Any) -> None:
    """Should the import system keep its private tables otherwise, or none, the same is found."""
    path = Entry("x.zip", "zip", (ALPHA,)).write(tmp_path)
    with on_the_path([path]):
        archive = zipimport.zipimporter(path).archive
        if shape is None:
            monkeypatch.delattr(zipimport, "_zip_directory_cache")
        else:
            table = zipimport._zip_directory_cache[archive]
            monkeypatch.setitem(zipimport._zip_directory_cache, archive, shape(table))
        assert fast() == slowly() == [("one", "module_one", "alpha 1")]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith("zip")])
def test_which_zip_files_need_zipfile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Plain zip files, which all others are compared with above, are read without `zipfile`."""
    path = Entry("x.zip", kind, (ALPHA,)).write(tmp_path)
    needed: list[str] = []
    original = zipfile.ZipFile
    monkeypatch.setattr(zipfile, "ZipFile", lambda path: needed.append(path) or original(path))
    plain = kind not in ("zip lzma", "zip with a comment", "zip cut off")
    if kind == "zip with a zip64 table":
        plain = sys.version_info >= (3, 13)
    with on_the_path([path]):
        assert bool(fast()) == (kind != "zip cut off")
    assert bool(needed) != plain
