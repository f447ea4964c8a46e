"""Talks to the server: ``python -m deploy deploy POOL``, ``run DEPLOYMENT``, ``state FLOW_RUN``, ``serve``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

SOURCE = str(Path(__file__).resolve().parent)


def deploy(pool: str) -> str:
    """Makes a deployment of the flow for a process worker; returns its name."""
    from prefect import flow

    remote = flow.from_source(source=SOURCE, entrypoint="flows.py:look")
    remote.deploy(name="deployed", work_pool_name=pool, print_next_steps=False)  # type: ignore[union-attr]
    return "look/deployed"


def run(deployment: str) -> str:
    """Asks for a flow run; returns its ID without waiting for it."""
    from prefect.deployments import run_deployment

    return str(run_deployment(deployment, timeout=0).id)  # type: ignore[union-attr]


def state(flow_run: str) -> str:
    """Returns the type of the state that a flow run has come to."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        return str(client.read_flow_run(flow_run).state_type.value)  # type: ignore[arg-type,union-attr]


def serve(name: str) -> str:
    """Serves the flow until it is stopped."""
    from flows import look

    look.serve(name=name)
    return ""


if __name__ == "__main__":
    os.environ["PREFECT_PLUGINS_ENABLED"] = os.environ.get("PLUGINS_IN_DEPLOY", "0")
    sys.stdout.write(globals()[sys.argv[1]](sys.argv[2]) + "\n")
