"""Looks at the source of the published plugins, in a fresh process each; prints milliseconds by entry point."""

from __future__ import annotations

import json
import subprocess
import sys

CODE = """
import sys, time
from prefect_preflight._discovery import Candidate
from prefect_preflight._discovery.source import is_for_server
candidate = Candidate("x", sys.argv[1], None, None)
started = time.perf_counter()
is_for_server(candidate)
print(time.perf_counter() - started)
"""
VALUES = ("prefect_aws.plugins", "prefect_azure.plugins", "prefect_opentelemetry")

found = {}
for value in VALUES:
    runs = [subprocess.run([sys.executable, "-c", CODE, value], capture_output=True, check=True) for _ in range(7)]
    found[value] = min(float(run.stdout) for run in runs) * 1e3
json.dump(found, sys.stdout)
