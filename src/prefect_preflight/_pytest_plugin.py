"""The pytest plugin: a fixture for testing a plugin of Prefect's.

pytest loads this module in every test session of an environment where the package is installed, so it imports nothing
but pytest itself, which is there already; the kit is imported by the first test that asks for it.
"""

from __future__ import annotations

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .testing import PluginRun

__all__ = ["run_plugin"]


@pytest.fixture
def run_plugin() -> Callable[..., PluginRun]:
    """`prefect_preflight.testing.run_plugin`: run a plugin as `import prefect` would, isolated, and see the outcome."""
    from .testing import run_plugin as run

    return run
