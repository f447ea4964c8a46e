"""Options of the chaos suite: ``--seeds``, ``--first-seed``, ``--seed``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options."""
    seeds = os.environ.get("PREFLIGHT_CHAOS_SEEDS")
    parser.addoption("--seeds", type=int, default=seeds, help="how many worlds each test makes, if not its own number")
    parser.addoption("--first-seed", type=int, default=0, help="the first one's seed")
    parser.addoption("--seed", type=int, help="run this one only")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Gives `seed` its values."""
    if "seed" in metafunc.fixturenames:
        option = metafunc.config.getoption
        only, first = option("--seed"), option("--first-seed")
        count = option("--seeds") or getattr(metafunc.module, "SEEDS", 200)
        metafunc.parametrize("seed", [only] if only is not None else range(first, first + count))
