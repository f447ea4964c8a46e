"""Lazy imports (PEP 810, Python 3.15): the hooks run at the first use of a lazy name, once, as at any import."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from snippets import ENABLED
from toys import hook, toy_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from hosts import Host, Hosts
    from worlds import World

COUNTING = "os.write(2, b'RUN ')\n"
TELL = """
import json, os, prefect_preflight
report = prefect_preflight.last_report()
print(json.dumps({
    "statuses": {plugin.name: plugin.status for plugin in report.plugins},
    "stages": {plugin.name: plugin.stage for plugin in report.plugins},
    "token": os.environ.get("TOKEN"), "late": os.environ.get("LATE"),
    "outcome": report.outcome, "run in": report.hooks_run_in,
}))
"""
USES = {
    "lazy import": ("lazy import prefect", "prefect.flow"),
    "lazy from": ("lazy from prefect import flow", "flow(len)"),
    "lazy submodule": ("lazy import prefect.flows", "prefect.flows.Flow"),
    "lazy from submodule": ("lazy from prefect.flows import Flow", "Flow(len)"),
    "all, import": ("import prefect", "prefect.flow"),
    "all, from": ("from prefect import flow", "flow(len)"),
}


@pytest.fixture
def world(hosts: Hosts, new_world: Callable[[Host], World]) -> World:
    """The stand-in for Prefect on 3.15, with an early plugin and a late one, each of which tells when it runs."""
    world = toy_world(hosts, new_world, "3.15")
    world.plugin("early", hook(COUNTING))
    world.plugin("late", hook("from prefect import flow\n" + COUNTING).replace("TOKEN", "LATE"))
    return world


def play(world: World, program: str, *options: str) -> dict[str, Any]:
    """Runs a program from a file, since `-c` has no lazy imports of its own, and returns what it tells."""
    (world.cwd / "program.py").write_text(program)
    result = world.run([*options, "program.py"], env=ENABLED, timeout=60)
    assert result.returncode == 0, result
    assert result.stderr.count("RUN ") == 2 and "prefect-preflight:" not in result.stderr, result
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def succeeded(told: dict[str, Any]) -> None:
    """Asserts that both plugins ran, each in its stage, in workers."""
    assert told["statuses"] == {"early": "success", "late": "success"}, told
    assert told["stages"] == {"early": "early", "late": "late"}, told
    assert (told["token"], told["late"]) == ("set-by-the-hook", "set-by-the-hook")
    assert (told["outcome"], told["run in"]) == ("success", "workers")


@pytest.mark.parametrize("use", USES)
def test_at_the_first_use(world: World, use: str) -> None:
    """Before a lazy name is used, no hook has run and nothing is in the environment; after it, all is as ever."""
    statement, expression = USES[use]
    before = 'import os, sys\nassert "prefect" not in sys.modules and "TOKEN" not in os.environ\n'
    options = ("-X", "lazy_imports=all") if use.startswith("all") else ()
    succeeded(play(world, f"{statement}\n{before}{expression}\n{TELL}", *options))


def test_by_threads_at_once(world: World) -> None:
    """Eight threads that use a lazy name first at the same moment all see the whole module, and the hooks run once."""
    program = f"""
lazy import prefect
import threading
barrier, seen = threading.Barrier(8), []
def use():
    barrier.wait()
    seen.append((prefect.DONE, prefect.SEEN))
threads = [threading.Thread(target=use) for _ in range(8)]
[thread.start() for thread in threads], [thread.join() for thread in threads]
assert seen == [(True, "set-by-the-hook")] * 8, seen
{TELL}
"""
    succeeded(play(world, program))


@pytest.mark.parametrize(
    ("lazy", "used", "stage"),
    [
        ("lazy import decimal", "decimal.Decimal(1)", "early"),
        ("lazy from prefect import flow", "", "early"),
        ("lazy from prefect import flow", "flow(len)", "late"),
        ("lazy import prefect.flows", "prefect.flows.Flow", "late"),
    ],
)
def test_in_a_plugin(world: World, lazy: str, used: str, stage: str) -> None:
    """A plugin that imports Prefect lazily is late if its hook uses it, and early if it does not."""
    world.plugin("own", hook(f"{used}\n", lazy).replace("TOKEN", "OWN"))
    told = play(world, f"import prefect\n{TELL}")
    assert told["statuses"]["own"] == "success" and told["stages"]["own"] == stage, told


def test_a_lazy_hook(world: World) -> None:
    """A hook that a plugin imports lazily, by its own name, is found."""
    world.plugin("own", "lazy from own_hooks import setup_environment\n")
    (world.overlay / "own_hooks.py").write_text(
        "from prefect.plugins import SetupResult, register_hook\n@register_hook\n"
        "def setup_environment(*, ctx):\n    return SetupResult(env={'OWN': '1'})\n"
    )
    assert play(world, f"import prefect\n{TELL}")["statuses"]["own"] == "success"


def test_all_of_a_process(world: World) -> None:
    """With `-X lazy_imports=all` our own modules and the plugins' are imported lazily too, while hooks run."""
    world.plugin("logs", hook("import logging\nctx.logger_factory('x').warning('token=%s', 'a-secret-1234567')"))
    world.plugin("awaits", hook("import asyncio\nawait asyncio.to_thread(int)").replace("def setup", "async def setup"))
    world.plugin("raises", hook("raise ValueError('no')"))
    result = world.run(["-X", "lazy_imports=all", "-c", f"import prefect\nprefect.flow\n{TELL}"], env=ENABLED)
    assert result.returncode == 0 and "a-secret" not in result.stderr, result
    expected = {"awaits": "success", "early": "success", "late": "success", "logs": "success", "raises": "failed"}
    assert json.loads(result.stdout)["statuses"] == expected, result
