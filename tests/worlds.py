"""A world: a host environment plus plugin distributions of one test's own.

The plugins lie in an overlay directory that the child sees through ``PYTHONPATH``. They are complete
installed distributions (package and dist-info), so every finder of metadata sees them as it sees
site-packages; making one takes a millisecond, where an installer takes a second.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hosts import Host, Result

GROUP = "prefect.plugins"


@dataclasses.dataclass(frozen=True)
class PluginDistribution:
    """An installed plugin: ``files`` are the paths of all its files, ``dist_info`` its metadata directory."""

    dist_info: Path
    files: tuple[Path, ...]

    def uninstall(self) -> None:
        """Removes all its files."""
        for file in self.files:
            file.unlink()
        self.dist_info.rmdir()


def write_distribution(
    site: Path,
    name: str,
    source: str | None,
    *,
    entry_points: Mapping[str, str] | None = None,
    module: str | None = None,
    version: str = "0.1.0",
    requires: Sequence[str] = (),
    extra_files: Mapping[str, str] | None = None,
) -> PluginDistribution:
    """Installs a plugin distribution into the directory ``site``.

    Args:
        site: A directory that will be on the child's path.
        name: The distribution's name, such as ``"my-plugin"``.
        source: The text of its package's ``__init__.py``, dedented; None for metadata without a package.
        entry_points: Names to values in the group ``prefect.plugins``; by default one, the package's name.
        module: The package's name; by default that of the distribution with underscores.
        version: The distribution's version.
        requires: Its ``Requires-Dist`` lines.
        extra_files: More files, by their path under ``site``; the contents are dedented.
    """
    normalized = re.sub(r"[-_.]+", "_", name)
    module = module or normalized
    points = {module: module} if entry_points is None else entry_points
    dist_info = f"{normalized}-{version}.dist-info"
    contents = {path: textwrap.dedent(text) for path, text in (extra_files or {}).items()}
    if source is not None:
        contents[f"{module.replace('.', '/')}/__init__.py"] = textwrap.dedent(source)
    metadata = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    metadata += [f"Requires-Dist: {requirement}" for requirement in requires]
    lines = [f"[{GROUP}]", *(f"{key} = {value}" for key, value in points.items())]
    contents[f"{dist_info}/METADATA"] = "\n".join(metadata) + "\n"
    contents[f"{dist_info}/WHEEL"] = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    contents[f"{dist_info}/INSTALLER"] = "tests\n"
    contents[f"{dist_info}/entry_points.txt"] = "\n".join(lines) + "\n"
    record = "".join(_record_line(path, text) for path, text in contents.items())
    contents[f"{dist_info}/RECORD"] = f"{record}{dist_info}/RECORD,,\n"
    for path, text in contents.items():
        file = site / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
    return PluginDistribution(site / dist_info, tuple(site / path for path in contents))


def _record_line(path: str, text: str) -> str:
    """Returns a line of RECORD: path, digest (URL-safe base64 without padding), size in bytes."""
    data = text.encode()
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(data)}\n"


@dataclasses.dataclass(frozen=True)
class World:
    """A host with an overlay of plugins, a home and an empty working directory, all for one test."""

    host: Host
    overlay: Path
    home: Path
    cwd: Path

    @classmethod
    def create(cls, host: Host, directory: Path) -> World:
        """Makes a world in the empty directory ``directory``."""
        world = cls(host, directory / "overlay", directory / "home", directory / "cwd")
        for path in (world.overlay, world.home, world.cwd):
            path.mkdir(parents=True)
        return world

    def plugin(
        self,
        name: str,
        source: str | None,
        *,
        entry_points: Mapping[str, str] | None = None,
        module: str | None = None,
        version: str = "0.1.0",
        requires: Sequence[str] = (),
        extra_files: Mapping[str, str] | None = None,
    ) -> PluginDistribution:
        """Installs a plugin for the children of this world; see `write_distribution`."""
        return write_distribution(
            self.overlay,
            name,
            source,
            entry_points=entry_points,
            module=module,
            version=version,
            requires=requires,
            extra_files=extra_files,
        )

    def run(
        self,
        code_or_args: str | Sequence[str],
        *,
        env: Mapping[str, str | None] | None = None,
        cwd: str | Path | None = None,
        timeout: float = 60,
        check: bool = False,
        **variables: str | None,
    ) -> Result:
        """Runs a child in this world to its end; see `Host.run`. Keywords are environment variables too."""
        return self.host.run(
            _dedented(code_or_args),
            env=self._variables(env, variables),
            cwd=cwd or self.cwd,
            timeout=timeout,
            check=check,
        )

    def start(
        self,
        code_or_args: str | Sequence[str],
        *,
        env: Mapping[str, str | None] | None = None,
        cwd: str | Path | None = None,
        **variables: str | None,
    ) -> subprocess.Popen[str]:
        """Starts a child in this world and returns at once; see `Host.start`."""
        return self.host.start(_dedented(code_or_args), env=self._variables(env, variables), cwd=cwd or self.cwd)

    def _variables(
        self, env: Mapping[str, str | None] | None, variables: Mapping[str, str | None]
    ) -> dict[str, str | None]:
        own: dict[str, str | None] = {"PYTHONPATH": str(self.overlay), "HOME": str(self.home)}
        return {**own, **(env or {}), **variables}


def _dedented(code_or_args: str | Sequence[str]) -> str | Sequence[str]:
    return textwrap.dedent(code_or_args) if isinstance(code_or_args, str) else code_or_args
