"""What prefect-preflight costs, side by side with what one would have otherwise: ``nox -s bench``."""

from __future__ import annotations
