"""Build hook: puts the start-up files at the root of every wheel.

Python reads ``*.pth`` (and, from 3.15 on, ``*.start``: PEP 829) only from the top of a site directory, which
is where the root of a wheel is unpacked. Hatchling's ``packages`` option takes packages, not loose files, so
the two files are force-included. An editable install gets a wheel of its own that holds only a path to the
sources; a hook can name files for that one too (``force_include_editable``), so that a developer's Python
starts as a user's does. Either way both files are listed in RECORD, and an uninstall removes them: a ``.pth``
file that outlived its package would print an error at every start of Python.

Hatchling's documentation: https://hatch.pypa.io/latest/plugins/builder/wheel/#build-data
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STARTUP_FILES = ("prefect_preflight.pth", "prefect_preflight.start")


class StartupFilesHook(BuildHookInterface):  # type: ignore[type-arg]  # generic over a private configuration class
    """Adds ``pth/*`` to the root of standard and editable wheels."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Names the files for the wheel about to be built.

        Args:
            version: The kind of wheel, ``"standard"`` or ``"editable"``.
            build_data: Hatchling's mutable description of the build.

        Raises:
            FileNotFoundError: A start-up file is missing, so the wheel would do nothing.
        """
        for name in STARTUP_FILES:
            source = Path(self.root, "pth", name)
            if not source.is_file():
                raise FileNotFoundError(source)
            # Hatchling ignores `force_include` in an editable build once `force_include_editable` has an
            # entry, so each kind of wheel is given its own.
            kind = "force_include_editable" if version == "editable" else "force_include"
            build_data[kind][str(source)] = name
