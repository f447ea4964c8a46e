"""Build hook: puts the start-up file at the root of every wheel.

Python reads ``*.pth`` only from the top of a site directory, which is where the root of a wheel is unpacked.
Hatchling's ``packages`` option takes Python code, not data, so the file is force-included. An editable install gets a
wheel of its own that holds only a path to the sources; a hook can name files for that one too
(``force_include_editable``), so that a developer's Python starts as a user's does. Either way the file is listed in
RECORD, and an uninstall removes it: a ``.pth`` file that outlived its package would print an error at every start of
Python.

There is no ``.start`` file (PEP 829) beside it. On Python 3.15 `site` imports `pkgutil` and `re` to read one, which
costs many times what the line in the ``.pth`` file costs, at every start of every Python (docs/performance.md). Lines
that import work up to Python 3.17; from 3.18 on they are ignored, so ``requires-python`` ends below that.

Hatchling's documentation: https://hatch.pypa.io/latest/plugins/builder/wheel/#build-data
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STARTUP_FILE = "prefect_preflight.pth"


class StartupFileHook(BuildHookInterface):  # type: ignore[type-arg]  # generic over a private configuration class
    """Adds the file in ``pth`` to the root of standard and editable wheels."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Names the file for the wheel about to be built.

        Args:
            version: The kind of wheel, ``"standard"`` or ``"editable"``.
            build_data: Hatchling's mutable description of the build.

        Raises:
            FileNotFoundError: The start-up file is missing, so the wheel would do nothing.
        """
        source = Path(self.root, "pth", STARTUP_FILE)
        if not source.is_file():
            raise FileNotFoundError(source)
        # Hatchling ignores `force_include` in an editable build once `force_include_editable` has an entry, so each
        # kind of wheel is given its own.
        kind = "force_include_editable" if version == "editable" else "force_include"
        build_data[kind][str(source)] = STARTUP_FILE
