"""Makes a work pool for each name in the arguments, with the deployments of both flows under the same name."""

from __future__ import annotations

import sys
from pathlib import Path

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.workers.process import ProcessWorker

HERE = str(Path(__file__).resolve().parent)

if __name__ == "__main__":
    template = ProcessWorker.get_default_base_job_template()
    remotes = [flow.from_source(source=HERE, entrypoint=f"flows.py:{name}") for name in ("few", "long")]
    for pool in sys.argv[1:]:
        with get_client(sync_client=True) as client:
            client.create_work_pool(WorkPoolCreate(name=pool, type="process", base_job_template=template))
        for remote in remotes:
            remote.deploy(name=pool, work_pool_name=pool, print_next_steps=False)
