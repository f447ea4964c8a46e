"""A flow that says which AWS identity it has, in its own process and in a child process."""

from __future__ import annotations

import subprocess
import sys

import whoami
from prefect import flow, task

CHILD = "import whoami; whoami.report('A child process of the flow')"


@task
def in_this_process() -> None:
    """Reports from the flow's own process."""
    whoami.report("The flow's process")


@task
def in_a_child_process() -> None:
    """Reports from a new Python that has nothing from us but its environment."""
    subprocess.run([sys.executable, "-c", CHILD], check=True)


@flow(name="who-am-i")
def who_am_i() -> None:
    """Reports from both."""
    in_this_process()
    in_a_child_process()


if __name__ == "__main__":
    who_am_i()
