"""`python -m plugins_diag`, the same as `prefect-preflight diagnose`."""

from __future__ import annotations

import sys

from prefect_preflight._command_line import run_diagnose

if __name__ == "__main__":
    run_diagnose(sys.argv[1:], "python -m plugins_diag")
