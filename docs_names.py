"""Tells Griffe, which reads the sources for the API pages, of the names that the package finds at run time."""

from __future__ import annotations

from typing import Any

import griffe


class PublicNames(griffe.Extension):
    """Has `prefect_preflight.refresh` and the like be found where users import them from.

    `_public` imports them for type checkers alone, so Griffe takes none of them for a name of the package.
    """

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Add the names of `_public` to the package."""
        if pkg.path == "prefect_preflight":
            for name in pkg["_public"].exports:
                pkg.set_member(name, griffe.Alias(name, f"{pkg.path}._public.{name}"))
