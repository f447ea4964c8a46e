"""The scenarios: each has processes of its own, and makes one row of the table or two."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.credentials.lab import INSIDE, READY_SECONDS, Lab
from benchmarks.credentials.rows import (
    ALONE_ROWS,
    FAMILY_ROWS,
    FLOW,
    LATE,
    REFRESH,
    SERVER_ROWS,
    WORKER_ROWS,
    Row,
)

if TYPE_CHECKING:
    import subprocess
    from typing import Callable

PROGRAM = str(INSIDE / "application.py")
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


@dataclass(frozen=True)
class Case:
    """Something to run, and the rows that come of it."""

    rows: tuple[Row, ...]
    run: Callable[[Lab, tuple[Row, ...]], None]

    def matches(self, name: str) -> bool:
        """Whether ``--only`` means it."""
        return any(name in row.name for row in self.rows)


def alone(lab: Lab, rows: tuple[Row, ...]) -> None:
    """A process with one client, made at its start."""
    (row,) = rows
    seconds = 4 * lab.lease
    args = [PROGRAM, "alone", str(seconds), *(["refresh"] if row.fresh == REFRESH else [])]
    lab.run(row.name, args, lab.environment(row), seconds + READY_SECONDS)


def family(lab: Lab, rows: tuple[Row, ...]) -> None:
    """A parent that starts a child at once, and another one when its own first credentials have expired."""
    row, late = rows
    variables = {"LAB_LATE_CHILD": json.dumps(lab.own(late)), "LAB_LEASE": str(lab.lease)}
    lab.run(row.name, [PROGRAM, "parent"], {**lab.environment(row), **variables}, 3 * lab.lease + READY_SECONDS)


def server(lab: Lab, rows: tuple[Row, ...]) -> None:
    """A Prefect server with the plugin."""
    (row,) = rows
    with lab.serving(row.name, lab.environment(row)):
        time.sleep(5 * lab.lease)


def worker(lab: Lab, rows: tuple[Row, ...]) -> None:
    """A worker that has one flow run for five leases, and five short ones meanwhile."""
    row, long_row = rows
    pool = row.name
    args = ["-m", "prefect", "worker", "start", "--pool", pool, "--type", "process"]
    with lab.running(row.name, args, lab.environment(row)) as child:
        if not _started(lab, row, child):
            lab.faults.append(f"{row.name}: the worker does not start: {lab.output(row.name).read_text()[-500:]}")
            return
        begin = time.monotonic()
        runs = [_flow_run(lab, "long", pool, {"seconds": 4.5 * lab.lease}, {"env": lab.own(long_row)})]
        for number in range(5):
            # Not one in each lease, or all of them would begin when the worker's key is of the same age.
            time.sleep(max(0.0, begin + 1.2 * number * lab.lease - time.monotonic()))
            runs.append(_flow_run(lab, "few", pool, {}, {}))
        states = _wait_for(lab, runs, begin + 5 * lab.lease + READY_SECONDS)
    lab.faults += [f"{row.name}: a flow run is {state}" for state in states if state != "COMPLETED"]


def _started(lab: Lab, row: Row, child: subprocess.Popen[str]) -> bool:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and child.poll() is None:
        if "started!" in lab.output(row.name).read_text():
            return True
        time.sleep(0.3)
    return False


def _flow_run(lab: Lab, flow: str, pool: str, parameters: dict[str, Any], job: dict[str, Any]) -> str:
    deployment = lab.call(f"/deployments/name/{flow}/{pool}")["id"]
    data = {
        "state": {"type": "SCHEDULED"},
        "parameters": parameters,
        "job_variables": job,
        "idempotency_key": str(uuid.uuid4()),  # `call` may have to ask again
    }
    return str(lab.call(f"/deployments/{deployment}/create_flow_run", data)["id"])


def _wait_for(lab: Lab, runs: list[str], deadline: float) -> list[str]:
    """Returns the states that flow runs have come to."""
    while True:
        states = [str(lab.call(f"/flow_runs/{run}")["state_type"]) for run in runs]
        if all(state in ENDED for state in states) or time.monotonic() > deadline:
            return states
        time.sleep(1)


def deploy(lab: Lab, pools: list[str]) -> None:
    """Makes the pools and the deployments of all workers."""
    lab.run("deploy", [str(INSIDE / "deploy.py"), *pools], lab.plain("deploy"), READY_SECONDS)


# Those of a phase run at the same time, so many of them at once: most of their time is waiting. But on two processors
# the imports of many more would take so long that keys expire meanwhile.
PHASES: tuple[tuple[int, list[Case]], ...] = (
    (
        12,
        [
            *(Case((row,), server) for row in SERVER_ROWS),
            *(Case((row,), alone) for row in ALONE_ROWS),
            *(Case((row, row.of(LATE)), family) for row in FAMILY_ROWS),
        ],
    ),
    (2, [Case((row, row.of(FLOW)), worker) for row in WORKER_ROWS]),
)
