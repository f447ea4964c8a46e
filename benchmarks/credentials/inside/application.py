"""The applications of the lab: they use AWS, and do nothing about credentials but where it is what is shown.

Arguments: ``alone SECONDS [refresh]``, ``parent``, or ``child``. What came of each request is a line in the file that
``LAB_REQUESTS`` names.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from datetime import datetime
from typing import Any

import prefect  # noqa: F401  # for what its import does

INTERVAL = 0.5  # seconds between two requests


def make_client() -> Any:
    """Returns a client of STS, as boto3 makes it."""
    return importlib.import_module("boto3").client("sts")  # boto3 has no types


def ask(client: Any) -> None:
    """Makes a request, and writes down what came of it."""
    error, sent = None, True
    try:
        client.get_caller_identity()
    except Exception as raised:
        answer = getattr(raised, "response", None)  # a ClientError has it: the service said no
        error, sent = (answer["Error"]["Code"], True) if answer else (type(raised).__name__, False)
        sys.stderr.write(f"{type(raised).__name__}: {raised}\n")
    with open(os.environ["LAB_REQUESTS"], "a") as file:
        file.write(json.dumps({"time": time.time(), "process": os.getpid(), "error": error, "sent": sent}) + "\n")


def ask_for(seconds: float, refresh: bool = False) -> None:
    """Makes a request with one client every half second."""
    client = make_client()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if refresh:
            importlib.import_module("prefect_preflight").refresh()
        ask(client)
        time.sleep(INTERVAL)


def ask_a_few_times() -> None:
    """Makes three requests."""
    client = make_client()
    for _ in range(3):
        ask(client)
        time.sleep(INTERVAL / 5)


def be_a_parent() -> None:
    """Starts a child at once, and one when the first credentials of this process have expired."""
    lease = float(os.environ["LAB_LEASE"])
    until = os.environ.get("AWS_CREDENTIAL_EXPIRATION")
    end = datetime.fromisoformat(until).timestamp() if until else time.time() + lease
    ask_a_few_times()
    subprocess.run([sys.executable, __file__, "child"], check=True)
    time.sleep(max(0.0, end + 0.5 - time.time()))
    late = json.loads(os.environ["LAB_LATE_CHILD"])
    subprocess.run([sys.executable, __file__, "child"], env={**os.environ, **late}, check=True)


if __name__ == "__main__":
    if sys.argv[1] == "alone":
        ask_for(float(sys.argv[2]), "refresh" in sys.argv)
    elif sys.argv[1] == "parent":
        be_a_parent()
    else:
        ask_a_few_times()
