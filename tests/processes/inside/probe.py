"""What a child process sees of the plugin's environment; imported by the children, not by the tests."""

from __future__ import annotations

import json
import os
import sys


def look() -> dict[str, object]:
    """Imports Prefect, and tells what this process has then."""
    import prefect

    from prefect_preflight import last_report

    report = last_report()
    return {
        "pid": os.getpid(),
        "cwd": os.getcwd(),
        "token": os.environ.get("HOOK_TOKEN"),
        "outcome": report.outcome,
        "statuses": {plugin.name: plugin.status for plugin in report.plugins},
        "prefect": prefect.__version__,
    }


def look_again(_number: int) -> dict[str, object]:
    """The same, as a function of one argument, such as a pool maps."""
    return look()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(look()) + "\n")
