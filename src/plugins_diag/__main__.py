"""`python -m plugins_diag`, the same as `prefect-preflight diagnose`."""

from __future__ import annotations

from prefect_preflight._command_line.diagnose import diagnose

if __name__ == "__main__":
    diagnose.main(prog_name="python -m plugins_diag")
