"""Looks for plugins among generated distributions, our way and `importlib_metadata`'s; prints microseconds each.

Arguments: the entries of the path, separated by spaces, and before them how many distributions there are.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any, Callable

count, *entries = sys.argv[1:]

from prefect_preflight import _discovery  # noqa: E402  # what is imported is not the question
from prefect_preflight._discovery import archive, metadata  # noqa: E402, F401

REPETITIONS = 10


def least(look: Callable[[], Any], repetitions: int = REPETITIONS) -> float:
    """The least number of microseconds of processor time for each distribution."""
    values = []
    for _ in range(repetitions):
        started = time.process_time()  # the files are in memory; a busy machine would tell in the time on the clock
        look()
        values.append(time.process_time() - started)
    return min(values) / int(count) * 1e6


def ours() -> list[Any]:
    """Looks up the plugins as `import prefect` does."""
    return list(_discovery.declarations(_discovery.GROUP))


own = sys.path[:]
sys.path[:] = [*entries, *(entry for entry in own if "site-packages" not in entry)]
microseconds = least(ours)
found = sorted(item[:2] for item in ours())
sys.path[:] = own  # where `importlib_metadata` is, and all that it imports lazily
import importlib_metadata  # noqa: E402

importlib_metadata.entry_points(group=_discovery.GROUP)
importlib_metadata.version("importlib_metadata")


def theirs() -> list[Any]:
    """Looks up the same with `importlib_metadata`, nothing remembered from before."""
    importlib_metadata.MetadataPathFinder.invalidate_caches()
    return [(point.name, point.value) for point in importlib_metadata.entry_points(group=_discovery.GROUP)]


sys.path[:] = [*entries, *own]
slow = least(theirs, 1 if int(count) > 2000 else 2)
assert found == sorted(theirs()), "the two ways do not agree"
json.dump({"ours": microseconds, "theirs": slow, "found": len(found)}, sys.stdout)
