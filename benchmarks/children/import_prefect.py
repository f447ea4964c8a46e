"""Imports Prefect and tells how long that took, how many modules there are, and how much memory is in use."""

from __future__ import annotations

import sys
import time

started = time.perf_counter()
cpu = time.process_time()
import prefect  # noqa: E402, F401  # what is measured

seconds = time.perf_counter() - started
cpu = time.process_time() - cpu
modules = sorted(sys.modules)

import json  # noqa: E402  # not before the modules are counted
import os  # noqa: E402

with open("/proc/self/status") as status:
    kilobytes = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
noops = sum(name.startswith("NOOP_") for name in os.environ)
ours = [str(getattr(finder, "__module__", None) or getattr(finder, "__name__", "")) for finder in sys.meta_path]
json.dump(
    {
        "seconds": seconds,
        "cpu": cpu,
        "kilobytes": kilobytes,
        "modules": modules,
        "noops": noops,
        "finders": [name for name in ours if name.lstrip("_").startswith("prefect_preflight")],
    },
    sys.stdout,
)
