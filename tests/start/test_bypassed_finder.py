"""Failure modes of other finders: row 13, `test_13_*`; those that cooperate are in test_coexistence.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from snippets import ENABLED
from toys import COMPANIONS, PLUGIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from hosts import Host, Hosts
    from worlds import World


@pytest.fixture
def companions(hosts: Hosts, new_world: Callable[[Host], World]) -> World:
    """Prefect beside packages that have import hooks, and a plugin."""
    world = new_world(hosts(*COMPANIONS, python="3.12"))
    world.plugin("my-plugin", PLUGIN)
    return world


BYPASSES = {
    # typeguard asks the path finder alone, and answers before us.
    "typeguard": "import typeguard; typeguard.install_import_hook('prefect')",
    # So does any finder that somebody puts in front.
    "path-finder-first": "import importlib.machinery; sys.meta_path.insert(0, importlib.machinery.PathFinder)",
    # Tools that isolate imports rebuild the list.
    "list-replaced": "sys.meta_path[:] = [f for f in sys.meta_path if 'preflight' not in repr(f)]",
    "loaded-by-hand": """
    import importlib.machinery, importlib.util
    spec = importlib.machinery.PathFinder.find_spec("prefect")
    module = sys.modules["prefect"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    """,
}


@pytest.mark.parametrize("how", BYPASSES)
def test_bypassed_by_another_finder(companions: World, how: str) -> None:
    """The hooks still run, or the report says why not."""
    result = companions.run(
        f"""
    import os, sys
    {BYPASSES[how].strip()}
    import prefect, prefect_preflight
    report = prefect_preflight.last_report()
    print(os.environ.get("TOKEN"))
    print(report.outcome)
    print(report.reason)
        """,
        env=ENABLED,
        check=True,
    )
    token, outcome, reason = result.stdout.splitlines()
    if outcome == "success":
        assert token == "set-by-the-hook", result
    else:  # a Prefect that has a plugin system of its own has run the hooks in its own way, or nobody has
        assert outcome == "not-run" and "without" in reason and "Prefect has not been imported" not in reason, result


def test_pytest_loads_prefect_as_a_plugin(companions: World) -> None:
    """`pytest -p prefect`, whose assertion rewriter loads the module itself: the same."""
    (companions.cwd / "test_it.py").write_text(
        "import os, prefect_preflight\n"
        "def test_it():\n"
        "    report = prefect_preflight.last_report()\n"
        "    assert os.environ.get('TOKEN') == 'set-by-the-hook' or (\n"
        "        report.outcome == 'not-run' and 'without' in report.reason), report\n"
    )
    result = companions.run(["-m", "pytest", "-q", "-p", "prefect", "-p", "no:cacheprovider"], env=ENABLED)
    assert result.returncode == 0, result
