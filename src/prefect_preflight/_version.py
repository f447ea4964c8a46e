"""The version, which the build and the reports read; `__init__` defines nothing that start-up does not need."""

from __future__ import annotations

__version__ = "0.1.0"
