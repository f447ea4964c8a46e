"""A Dask or Ray cluster started without Prefect; ``python -m bare_cluster KIND`` prints what its workers saw."""

from __future__ import annotations

import json
import sys

import probe


def by_dask() -> list[object]:
    """Two worker processes of a LocalCluster."""
    from dask.distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        return list(client.run(probe.look).values())


def by_ray() -> list[object]:
    """Two tasks on a local Ray."""
    import ray

    ray.init(num_cpus=2, include_dashboard=False, _temp_dir=sys.argv[2])
    try:
        look = ray.remote(probe.look_again)
        return list(ray.get([look.remote(number) for number in range(2)], timeout=120))
    finally:
        ray.shutdown()


def main() -> None:
    """Starts the cluster, asks its workers, prints."""
    children = by_dask() if sys.argv[1] == "dask" else by_ray()
    parent = {"prefect": "prefect" in sys.modules}
    sys.stdout.write(json.dumps({"parent": parent, "children": children}) + "\n")


if __name__ == "__main__":
    main()
