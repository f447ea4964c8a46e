"""Chaos: up to 50 plugins of all sorts in one process, and what must hold whatever they do.

``nox -s chaos -- --seeds 2000`` makes as many worlds, ``nox -s chaos -- --seed 17`` makes one again. Most are on a
stand-in for Prefect, on each Python that there is; one in ten is on a real Prefect, the newest or an old one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import invariants
import pytest
import scenario as scenarios

from hosts import NEW, OLD, kill
from toys import pythons
from worlds import World

if TYPE_CHECKING:
    from hosts import Host, Hosts

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the palette forks and blocks in C as POSIX does")

DRIVER = Path(__file__).with_name("driver.py")
PATIENCE = 30.0
"""Seconds after the deadline after which a child hangs, be the machine as busy as it may."""


def test_whatever_they_do(seed: int, hosts: Hosts, tmp_path: Path) -> None:
    """All invariants hold in the world of this seed."""
    scenario = scenarios.make(seed, pythons())
    host = _host(hosts, scenario.host)
    for attempt in range(3):
        child = run(scenario, World.create(host, tmp_path / str(attempt)))
        violations = invariants.judge(scenario, child)
        # On a machine that is busy with something else, being late has consequences, too.
        if all(violation.invariant not in invariants.LATE for violation in violations):
            break
    if violations:
        lines = "\n".join(f"VIOLATED {violation}" for violation in violations)
        pytest.fail(f"{scenario}\n{lines}\nagain: nox -s chaos -- --seed {seed}\n{child.stderr[-4000:]}", pytrace=False)


def run(scenario: scenarios.Scenario, world: World) -> invariants.Child:
    """Runs a scenario's child to its end, and ends whatever it has started."""
    scenarios.install(scenario, world)
    plan, found = world.home / "plan.json", world.home / "found.json"
    stack = Path(f"{found}.stack")
    too_late = any(guest.kind.waits for guest in scenario.guests)
    expected = [name for guest in scenario.guests if guest.sets and not scenario.safe_mode for name in guest.env]
    early = {guest.name for guest in scenario.guests if guest.sets and not guest.kind.late and not scenario.safe_mode}
    patience = 2 * scenario.deadline + PATIENCE
    plan.write_text(
        json.dumps(
            {
                "seed": scenario.seed,
                "manner": scenario.manner,
                "patience": patience,
                "linger": 0.4 if too_late else 0.0,
                "expected": expected,
                "early": [name for guest in scenario.guests if guest.name in early for name in guest.env],
                "asks_all": scenario.asks_all,
            }
        )
    )
    child = world.start([str(DRIVER), str(plan), str(found)], env=scenarios.environment(scenario))
    returncode: int | None
    try:
        stdout, stderr = child.communicate(timeout=patience + 15)
        returncode = child.returncode
    except subprocess.TimeoutExpired:
        kill(child)
        stdout, stderr = child.communicate()
        returncode = None
    finally:
        kill(child)
    return invariants.Child(
        returncode,
        stdout,
        stderr,
        stack.read_text() if stack.exists() else "",
        json.loads(found.read_text()) if found.exists() else None,
    )


def _host(hosts: Hosts, name: str) -> Host:
    kind, _, version = name.partition(" ")
    return hosts(python=version) if version else hosts.preset({"new": NEW, "old": OLD}[kind])
