"""Dask and Ray, by way of Prefect's task runners and started without Prefect."""

from __future__ import annotations

import shutil
import tempfile
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Server
    from counting import Counting

KINDS = pytest.mark.parametrize("kind", ["dask", "ray"])
VARIABLES = {"RAY_USAGE_STATS_ENABLED": "0"}


@pytest.fixture
def short() -> Iterator[str]:
    """A directory with a short path: Ray keeps sockets there, whose paths are limited to 107 bytes."""
    path = tempfile.mkdtemp(prefix="r", dir="/tmp")  # TMPDIR may already be too long
    yield path
    shutil.rmtree(path, ignore_errors=True)


@KINDS
@pytest.mark.parametrize("inherit", [False, True], ids=["own", "inherit"])
def test_task_runner(clusters: Counting, cluster_server: Server, short: str, kind: str, inherit: bool) -> None:
    """Tasks on the workers of a local cluster that the task runner starts see the variables."""
    clusters.install(options=f"inherit={inherit}")
    variables = {**VARIABLES, "PREFECT_API_URL": cluster_server.api}
    told = clusters.json(["-m", "pooled", kind, short], timeout=240, **variables)
    assert told["parent"]["token"]
    for child in told["children"]:
        assert child["pid"] != told["parent"]["pid"]
        assert child["outcome"] == "success" and child["token"], told
        assert child["statuses"] == {"counting_plugin": "inherited" if inherit else "success"}, told
        assert (child["token"] == told["parent"]["token"]) == inherit, told
    workers = {child["pid"] for child in told["children"]}
    assert clusters.runs == 1 if inherit else clusters.runs >= 1 + len(workers), (clusters.pids, told)


@KINDS
def test_cluster_started_without_prefect(clusters: Counting, short: str, kind: str) -> None:
    """Workers of a cluster whose parent never imports Prefect run the hooks at their own first import."""
    clusters.install()
    told = clusters.json(["-m", "bare_cluster", kind, short], timeout=240, **VARIABLES)
    assert told["parent"] == {"prefect": False}
    assert len(told["children"]) == 2
    for child in told["children"]:
        assert child["statuses"] == {"counting_plugin": "success"} and child["token"], told
    workers = {child["pid"] for child in told["children"]}
    assert sorted(set(clusters.pids)) == sorted(workers), (clusters.pids, told)
    assert clusters.runs == len(workers)
