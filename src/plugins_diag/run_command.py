"""`python -m plugins_diag.run_command COMMAND`: `prefect-preflight run`, where the packages are not installed."""

from __future__ import annotations

from prefect_preflight._command_line.run import run

if __name__ == "__main__":
    run.main(prog_name="python -m plugins_diag.run_command")
