"""A flow whose tasks run elsewhere; ``python -m pooled RUNNER`` prints what flow and tasks saw."""

from __future__ import annotations

import json
import sys


def make_runner(kind: str) -> object:
    """The task runner of that kind."""
    if kind == "process-pool":
        from prefect.task_runners import ProcessPoolTaskRunner

        return ProcessPoolTaskRunner(max_workers=2)
    if kind == "dask":
        from prefect_dask import DaskTaskRunner

        arguments = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
        return DaskTaskRunner(cluster_kwargs=arguments)
    from prefect_ray import RayTaskRunner

    return RayTaskRunner(init_kwargs={"num_cpus": 2, "include_dashboard": False, "_temp_dir": sys.argv[2]})


def main() -> None:
    """Runs two tasks, and prints."""
    import probe
    from flows import look_in_task
    from prefect import flow

    @flow(task_runner=make_runner(sys.argv[1]))
    def pooled() -> list[dict[str, object]]:
        futures = [look_in_task.submit(number) for number in range(2)]
        return [future.result() for future in futures]

    children = pooled()
    sys.stdout.write(json.dumps({"parent": probe.look(), "children": children}) + "\n")


if __name__ == "__main__":
    main()
