"""Strict mode in a worker of `multiprocessing.Pool`, which replaces a worker that ends by another one, without end.

A pool whose workers import Prefect at their start, and exit because a required plugin failed, would so call the hooks
several times a second for as long as its program waits for a result. That is not ours to stop; how fast it goes is.
`ProcessPoolExecutor` and joblib's loky give up at the first worker that ends, and are left alone.
"""

from __future__ import annotations

import sys
from time import sleep

# Seconds: the first worker of a pool waits one, the tenth ten, none longer than this.
_LONGEST = 30


def pause_in_pool_worker() -> str:
    """Wait, if this process is a worker of a pool, the longer the more there were before it.

    Returns:
        What is to be said about it in the process' last line; nothing in any other process.
    """
    seconds = min(_number(), _LONGEST)
    if not seconds:
        return ""
    sleep(seconds)
    return (
        f"; this worker waited {seconds} s before it exits, since multiprocessing.Pool replaces such workers without "
        "end: import prefect in the main process too, or use concurrent.futures.ProcessPoolExecutor, which gives up"
    )


def _number() -> int:
    """Which worker of a pool this is, counted by its parent, as in `SpawnPoolWorker-3`; 0 if it is none."""
    process = sys.modules.get("multiprocessing.process")  # loaded before anything else in such a worker
    if process is None:
        return 0
    _, is_worker, number = process.current_process().name.partition("PoolWorker-")
    try:
        return int(number.rpartition(":")[2]) if is_worker else 0
    except ValueError:
        return 0
