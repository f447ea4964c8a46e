"""The process' environment: what plugins returned is applied to it, and what it tells of ancestors is read from it."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def apply(environment: Mapping[str, str]) -> None:
    """Set the variables of a validated environment.

    To be called by the importing thread alone, and only during the import: `setenv` in one thread while C
    code of another one calls `getenv` is a crash (cpython#83556).
    """
    for name, value in environment.items():
        os.environ[name] = value
