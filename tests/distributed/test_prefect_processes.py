"""Flow runs of a real server: by a process worker, by `serve`, by `flow-run execute`, and tasks in a process pool."""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from hosts import kill

if TYPE_CHECKING:
    from conftest import Deployed, Server

INHERIT = pytest.mark.parametrize("inherit", [False, True], ids=["own", "inherit"])


def tell(deployed: Deployed, server: Server, *args: str) -> str:
    """Runs `deploy.py` without plugins, and returns what it says."""
    result = deployed.run(["-m", "deploy", *args], timeout=120, PREFECT_API_URL=server.api)
    assert result.returncode == 0, str(result)
    return result.stdout.splitlines()[-1]


def seen(deployed: Deployed) -> dict[str, Any]:
    """What the one flow run saw."""
    (line,) = deployed.seen_file.read_text().splitlines()
    told: dict[str, Any] = json.loads(line)
    return told


def expect(deployed: Deployed, inherit: bool, runs: int) -> None:
    """Checks that the flow run had the environment, and counts the hook's runs on the way to it."""
    told = seen(deployed)
    assert told["outcome"] == "success" and told["token"], told
    assert told["statuses"] == {"counting_plugin": "inherited" if inherit else "success"}, told
    assert deployed.runs == (1 if inherit else runs), (deployed.pids, told)


def deployment(deployed: Deployed, server: Server, inherit: bool) -> tuple[str, str]:
    """Makes a work pool, a deployment and a flow run; returns the pool's name and the run's ID."""
    deployed.install(options=f"inherit={inherit}")
    pool = f"pool-{uuid.uuid4().hex[:8]}"
    off = {"PREFECT_API_URL": server.api, "PREFECT_PLUGINS_ENABLED": "0"}
    made = deployed.run(["-m", "prefect", "work-pool", "create", pool, "--type", "process"], timeout=120, **off)
    assert made.returncode == 0, str(made)
    name = tell(deployed, server, "deploy", pool)
    return pool, tell(deployed, server, "run", name)


@INHERIT
def test_process_worker(deployed: Deployed, server: Server, inherit: bool) -> None:
    """A flow run that a process worker starts sees the variables, though other programs run on the way to it."""
    pool, flow_run = deployment(deployed, server, inherit)
    command = ["-m", "prefect", "worker", "start", "--pool", pool, "--run-once"]
    worker = deployed.run(command, timeout=180, PREFECT_API_URL=server.api)
    assert tell(deployed, server, "state", flow_run) == "COMPLETED", str(worker)
    old = server.host.environment()["PATH"] and seen(deployed)["prefect"].startswith("3.4.")
    # The worker and the engine; between them, on newer Prefects, a supervisor in the engine's process.
    expect(deployed, inherit, 2 if old else 3)
    if not old and not inherit:
        assert len(set(deployed.pids)) == 2 and deployed.pids[-1] == seen(deployed)["pid"]


def test_project_directory(deployed: Deployed, server: Server) -> None:
    """A `prefect.toml` that enables plugins does so in its directory, and for a flow run that is executed elsewhere."""
    pool, flow_run = deployment(deployed, server, inherit=False)
    project = deployed.world.cwd / "project"
    project.mkdir()
    (project / "prefect.toml").write_text("[plugins]\nenabled = true\n")
    command = ["-m", "prefect", "worker", "start", "--pool", pool, "--run-once"]
    variables = deployed.variables({"PREFECT_API_URL": server.api, "PREFECT_PLUGINS_ENABLED": None})
    elsewhere = deployed.world.run(["-m", "prefect", "version"], env=variables, timeout=120)
    assert elsewhere.returncode == 0 and deployed.runs == 0, str(elsewhere)
    worker = deployed.world.run(command, env=variables, cwd=project, timeout=180)
    assert tell(deployed, server, "state", flow_run) == "COMPLETED", str(worker)
    told = seen(deployed)
    assert told["cwd"] != str(project) and told["statuses"] == {"counting_plugin": "success"}, told


@INHERIT
def test_flow_run_execute(deployed: Deployed, server: Server, inherit: bool) -> None:
    """`prefect flow-run execute` gives the run the variables."""
    _, flow_run = deployment(deployed, server, inherit)
    command = ["-m", "prefect", "flow-run", "execute", flow_run]
    result = deployed.run(command, timeout=180, PREFECT_API_URL=server.api)
    assert tell(deployed, server, "state", flow_run) == "COMPLETED", str(result)
    expect(deployed, inherit, 2 if seen(deployed)["prefect"].startswith("3.4.") else 3)


@INHERIT
def test_serve(deployed: Deployed, server: Server, inherit: bool) -> None:
    """A run of a served flow sees the variables; it is in a process that `multiprocessing` spawned."""
    deployed.install(options=f"inherit={inherit}")
    name = f"served-{uuid.uuid4().hex[:8]}"
    program = ["-c", f"import deploy; deploy.serve({name!r})"]
    # Older Prefects serve only what lies below the working directory.
    variables = deployed.variables({"PREFECT_API_URL": server.api})
    child = deployed.world.start(program, env=variables, cwd=deployed.world.overlay)
    try:
        deadline, asked = time.monotonic() + 120, ""
        while time.monotonic() < deadline and not asked and child.poll() is None:
            result = deployed.run(["-m", "deploy", "run", f"look/{name}"], timeout=60, PREFECT_API_URL=server.api)
            asked = result.stdout.strip() if result.returncode == 0 else ""
        while time.monotonic() < deadline and not deployed.seen_file.exists() and child.poll() is None:
            time.sleep(0.5)
    finally:
        kill(child)
        output = child.communicate()
    assert deployed.seen_file.exists(), (asked, *output)
    expect(deployed, inherit, 2)


@INHERIT
def test_process_pool_task_runner(deployed: Deployed, server: Server, inherit: bool) -> None:
    """Tasks in the processes of a `ProcessPoolTaskRunner` see the variables."""
    deployed.install(options=f"inherit={inherit}")
    told = deployed.json(["-m", "pooled", "process-pool"], timeout=180, PREFECT_API_URL=server.api)
    assert told["parent"]["token"]
    for child in told["children"]:
        assert child["pid"] != told["parent"]["pid"]
        assert child["outcome"] == "success" and child["token"], told
        assert child["statuses"] == {"counting_plugin": "inherited" if inherit else "success"}, told
        # The runner sends its own environment along with each task, so the values are the parent's either way.
        assert child["token"] == told["parent"]["token"], told
    workers = {child["pid"] for child in told["children"]}
    assert deployed.runs == 1 if inherit else deployed.runs >= 1 + len(workers), told
