"""Each way to start a process; run as ``python -m launches KIND PARENT``, it prints what parent and children saw.

PARENT is "import" if the parent imports Prefect before it starts the children, else "plain".
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor

import probe

LOOK = [sys.executable, "-m", "probe"]


def by_subprocess() -> list[object]:
    """`subprocess`."""
    return [json.loads(subprocess.run(LOOK, stdout=subprocess.PIPE, check=True).stdout)]


def by_posix_spawn() -> list[object]:
    """`os.posix_spawn`, the result by way of a pipe."""
    read, write = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, write, 1)]
    child = os.posix_spawn(sys.executable, LOOK, os.environ, file_actions=actions)
    os.close(write)
    with os.fdopen(read) as stream:
        seen = json.load(stream)
    assert os.waitpid(child, 0)[1] == 0
    return [seen]


def _by_pool(method: str) -> list[object]:
    with multiprocessing.get_context(method).Pool(1) as pool:
        return [pool.apply(probe.look)]


def by_spawn() -> list[object]:
    """`multiprocessing`, start method "spawn"."""
    return _by_pool("spawn")


def by_forkserver() -> list[object]:
    """`multiprocessing`, start method "forkserver"."""
    return _by_pool("forkserver")


def by_fork() -> list[object]:
    """`multiprocessing`, start method "fork"."""
    return _by_pool("fork")


def by_executor() -> list[object]:
    """`ProcessPoolExecutor`, spawning."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return [pool.submit(probe.look).result()]


def by_loky() -> list[object]:
    """Joblib's loky."""
    from joblib import Parallel, delayed

    return list(Parallel(n_jobs=2)(delayed(probe.look)() for _ in range(1)))


def by_exec() -> list[object]:
    """Another program in this very process: what this one saw goes along in a variable."""
    os.execv(sys.executable, [sys.executable, "-m", "launches", "exec-end", ""])


def main(kind: str, parent: str) -> None:
    """Looks, launches, prints."""
    if kind == "exec-end":
        seen = json.loads(os.environ["SEEN_BY_PARENT"])
        children = [probe.look()]
    else:
        seen = probe.look() if parent == "import" else {"pid": os.getpid()}
        os.environ["SEEN_BY_PARENT"] = json.dumps(seen)
        children = globals()[f"by_{kind}"]()
    sys.stdout.write(json.dumps({"parent": seen, "children": children}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
