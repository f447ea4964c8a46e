"""`python -m plugins_diag.probe`, the same as `prefect-preflight probe`, without loading the other commands."""

from __future__ import annotations

from prefect_preflight._command_line.probe import probe

if __name__ == "__main__":
    probe.main(prog_name="python -m plugins_diag.probe")
