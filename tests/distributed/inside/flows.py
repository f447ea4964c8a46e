"""The flows of the tests; each run writes what it saw to the file that ``SEEN_FILE`` names."""

from __future__ import annotations

import json
import os

import probe
from prefect import flow, task


def write(seen: object) -> None:
    """Adds a line to the file."""
    with open(os.environ["SEEN_FILE"], "a") as file:
        file.write(json.dumps(seen) + "\n")


@flow
def look() -> None:
    """Writes what the process of the flow run has."""
    write(probe.look())


@task
def look_in_task(number: int) -> dict[str, object]:
    """Returns what the process of the task run has."""
    return probe.look()
