"""The wheel and what installers make of it: start-up files in place, clean starts, nothing left behind."""

from __future__ import annotations

import base64
import csv
import hashlib
import re
import shutil
import subprocess
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from markdown_it import MarkdownIt

import interpreters
import prefect_preflight
from hosts import ROOT, WHEEL_SOURCES, Host, Hosts, uv

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from email.message import Message

pytestmark = pytest.mark.core

STARTUP_FILE = "prefect_preflight.pth"

COUNT_FINDERS = """
import sys
names = [getattr(finder, "__name__", type(finder).__module__) for finder in sys.meta_path]
print(sum(name.partition(".")[0] in ("_prefect_preflight", "prefect_preflight") for name in names))
"""


@pytest.fixture(scope="module")
def contents(wheel: Path) -> dict[str, bytes]:
    """The files of the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def metadata(contents: dict[str, bytes]) -> Message:
    """The wheel's METADATA."""
    return Parser().parsestr(contents[_dist_info(contents, "METADATA")].decode())


@pytest.fixture
def environment(hosts: Hosts, tmp_path: Path) -> Host:
    """An environment of this test's own with nothing but pip."""
    return hosts.fresh(tmp_path / "environment")


@pytest.fixture(params=["pip", "uv"])
def installer(request: pytest.FixtureRequest, environment: Host) -> Callable[..., None]:
    """Calls pip, or uv's pip interface, on `environment`: ``installer("install", "--no-deps", path)``."""

    def with_pip(*args: str | Path) -> None:
        command = ["-m", "pip", "--disable-pip-version-check", "--quiet", *map(str, args)]
        # With the caller's environment, since an editable install fetches its build backend from their index.
        subprocess.run([environment.python, *command], check=True)

    def with_uv(command: str, *args: str | Path) -> None:
        uv(
            "pip",
            command,
            "--quiet",
            "--python",
            environment.python,
            *(arg for arg in args if arg != "--yes"),
        )

    return with_pip if request.param == "pip" else with_uv


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of what the wheel is built from, to be changed by a test."""
    copy = tmp_path / "sources"
    copy.mkdir()
    for name in WHEEL_SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, copy / name)
    return copy


def test_the_start_up_file_is_at_the_root_of_the_wheel_and_in_its_record(contents: dict[str, bytes]) -> None:
    """It lies where site-packages will be, with the module that it imports; RECORD lists both, so uninstalling does."""
    lines = contents[_dist_info(contents, "RECORD")].decode().splitlines()
    recorded = {path: (digest, size) for path, digest, size in csv.reader(lines)}
    for name in (STARTUP_FILE, "_prefect_preflight.py"):
        digest = base64.urlsafe_b64encode(hashlib.sha256(contents[name]).digest()).rstrip(b"=").decode()
        assert recorded[name] == (f"sha256={digest}", str(len(contents[name])))


def test_the_start_up_file_is_one_import(contents: dict[str, bytes]) -> None:
    """Any encoding can read it, and a reviewer or scanner sees at once that it hides no code."""
    assert contents[STARTUP_FILE].decode("ascii") == "import _prefect_preflight\n"
    assert not [name for name in contents if name.endswith(".start")]  # see `setup_hooks.py`


def test_metadata(metadata: Message) -> None:
    """Name, version, licence and Python are right."""
    assert metadata["Name"] == "prefect-preflight"
    assert metadata["Version"] == prefect_preflight.__version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["License-File"] == "LICENSE"
    assert metadata["Requires-Python"] in (">=3.9,<3.18", "<3.18,>=3.9")
    classifiers = metadata.get_all("Classifier", [])
    assert "Typing :: Typed" in classifiers
    assert [f"Programming Language :: Python :: {version}" for version in interpreters.VERSIONS] == [
        line for line in classifiers if re.fullmatch(r"Programming Language :: Python :: 3\.\d+", line)
    ]


def test_the_index_shows_the_readme_with_links_that_lead_somewhere(metadata: Message) -> None:
    """There a relative link or image would point below the index; each leads to this version's page instead."""
    assert metadata["Description-Content-Type"] == "text/markdown"
    urls = dict(line.split(", ") for line in metadata.get_all("Project-URL", []))
    assert {"Homepage", "Documentation", "Source", "Issues", "Changelog", "Security"} == set(urls)
    page = f"{urls['Source']}/blob/v{metadata['Version']}/"
    shown, here = _targets(str(metadata.get_payload())), _targets((ROOT / "README.md").read_text(encoding="utf-8"))
    raw = page.replace("https://github.com", "https://raw.githubusercontent.com").replace("/blob/", "/")
    assert shown == [
        target if target.startswith("https://") else (raw if target.endswith(".svg") else page) + target
        for target in here
    ]
    assert len([target for target in shown if target.startswith(page)]) > 5  # or there is nothing to see
    assert not re.search(r"<(a|img|source)\b", str(metadata.get_payload()))  # whose targets nobody has looked at


def _targets(markdown: str) -> list[str]:
    """The targets of a page's links and images."""
    inline = [child for token in MarkdownIt().parse(markdown) for child in token.children or ()]
    return [str(token.attrs[name]) for token in inline for name in ("href", "src") if name in token.attrs]


def test_dependencies(metadata: Message) -> None:
    """Three dependencies, one more on old Pythons, none capped, and never Prefect: it is the host."""
    required = metadata.get_all("Requires-Dist", [])
    names = {re.split(r"[<>=!~; ]", line)[0]: line for line in required}
    assert sorted(names) == ["click", "importlib-metadata", "packaging", "tomli"]
    assert re.search(r"python_version < ['\"]3\.11['\"]", names["tomli"])
    assert not any("<" in line.partition(";")[0] for line in required)


def test_the_wheel_has_the_typed_packages_and_nothing_else(contents: dict[str, bytes]) -> None:
    """Two typed packages, the start-up file and its module, the metadata with the licence: no stray top-level name."""
    top_level = {name.partition("/")[0] for name in contents}
    dist_info = _dist_info(contents, "METADATA").partition("/")[0]
    assert top_level == {"_prefect_preflight.py", "prefect_preflight", "plugins_diag", dist_info, STARTUP_FILE}
    assert {"prefect_preflight/py.typed", "plugins_diag/py.typed"} <= contents.keys()
    assert f"{dist_info}/licenses/LICENSE" in contents
    script = "prefect-preflight = prefect_preflight._command_line.main:main"
    assert script in contents[f"{dist_info}/entry_points.txt"].decode()
    assert b"Root-Is-Purelib: true" in contents[f"{dist_info}/WHEEL"]


def test_the_sdist_builds_the_same_wheel(wheel: Path, contents: dict[str, bytes], tmp_path: Path) -> None:
    """Who builds from the sdist gets what the release has, start-up files included."""
    uv("build", "--quiet", "--sdist", "--out-dir", tmp_path, ROOT)
    (sdist,) = tmp_path.glob("*.tar.gz")
    uv("build", "--quiet", "--wheel", "--out-dir", tmp_path, sdist)
    with zipfile.ZipFile(tmp_path / wheel.name) as archive:
        assert sorted(archive.namelist()) == sorted(contents)


@pytest.mark.parametrize("version", interpreters.VERSIONS)
def test_python_starts_cleanly_with_the_wheel(hosts: Hosts, wheel: Path, tmp_path: Path, version: str) -> None:
    """On every Python that this machine has: silent, one finder although a venv runs each .pth line twice."""
    if not interpreters.find(version):
        pytest.skip(f"no Python {version} on this machine")
    environment = hosts.fresh(tmp_path / "environment", python=version)
    uv("pip", "install", "--quiet", "--no-deps", "--python", environment.python, wheel)
    _assert_starts_cleanly(environment, finders=1)


def test_install_upgrade_uninstall(
    installer: Callable[..., None], environment: Host, wheel: Path, sources: Path, tmp_path: Path
) -> None:
    """Python starts cleanly after each step; an upgrade leaves no old file, uninstalling none at all."""
    before = set(_files(environment))
    installer("install", "--no-deps", _older_wheel(sources, tmp_path / "older"))
    _assert_starts_cleanly(environment, finders=1)
    assert (environment.site / "prefect_preflight" / "_retired.py").exists()

    installer("install", "--no-deps", "--upgrade", wheel)
    _assert_starts_cleanly(environment, finders=1)
    assert not (environment.site / "prefect_preflight" / "_retired.py").exists()
    assert (environment.site / STARTUP_FILE).is_file()

    installer("uninstall", "--yes", "prefect-preflight")
    _assert_starts_cleanly(environment, finders=0)
    left = set(_files(environment)) - before
    # uv leaves the byte code of single modules, such as six, which does nothing without its source; pip does not.
    assert [name for name in left if not re.search(r"/__pycache__/_prefect_preflight\.cpython-\d+\.pyc$", name)] == []
    assert before <= set(_files(environment))


def test_editable_install(installer: Callable[..., None], environment: Host, sources: Path) -> None:
    """A developer's install starts up as a user's does, from the sources, and goes without a trace."""
    before = set(_files(environment))
    installer("install", "--no-deps", "--editable", sources)
    assert (environment.site / STARTUP_FILE).is_file()
    _assert_starts_cleanly(environment, finders=1)
    file = environment.run("import prefect_preflight; print(prefect_preflight.__file__)", check=True).stdout
    assert Path(file.strip()).is_relative_to(sources)

    installer("uninstall", "--yes", "prefect-preflight")
    _assert_starts_cleanly(environment, finders=0)
    assert set(_files(environment)) == before


def test_a_missing_start_up_file_stops_the_build(sources: Path, tmp_path: Path) -> None:
    """A wheel without its start-up file would install and do nothing, so it cannot be built."""
    (sources / "pth" / "prefect_preflight.pth").unlink()
    with pytest.raises(RuntimeError, match=r"prefect_preflight\.pth"):
        uv("build", "--wheel", "--out-dir", tmp_path / "out", sources)


def _dist_info(contents: dict[str, bytes], name: str) -> str:
    """Returns the path of a metadata file in the wheel."""
    return next(path for path in contents if path.endswith(f".dist-info/{name}"))


def _files(environment: Host) -> Iterator[str]:
    """Yields all paths in an environment, but for the caches of modules that are not ours, and uv's lock."""
    for path in environment.directory.rglob("*"):
        relative = path.relative_to(environment.directory)
        ours = "prefect_preflight" in str(relative) or "plugins_diag" in str(relative)
        if ours or ("__pycache__" not in relative.parts and relative.name != ".lock"):
            yield str(relative)


def _older_wheel(sources: Path, directory: Path) -> Path:
    """Builds a wheel of an earlier version with one module more."""
    package = sources / "src" / "prefect_preflight"
    (package / "_retired.py").write_text("")
    text = (package / "_version.py").read_text()
    older = re.sub(r'^__version__ = ".*"$', '__version__ = "0.0.1"', text, count=1, flags=re.MULTILINE)
    (package / "_version.py").write_text(older)
    uv("build", "--quiet", "--wheel", "--out-dir", directory, sources)
    (wheel,) = directory.glob("prefect_preflight-0.0.1-*.whl")
    return wheel


def _assert_starts_cleanly(environment: Host, *, finders: int) -> None:
    """Asserts that Python starts in silence, and that so many of our finders are in place."""
    for flags in ([], ["-I"], ["-X", "dev"]):
        result = environment.run([*flags, "-c", "pass"])
        assert (result.returncode, result.stdout, result.stderr) == (0, "", ""), result
    assert environment.run(COUNT_FINDERS, check=True).stdout.strip() == str(finders)
