"""The values of a file that SOPS has encrypted. Needs the program sops; the entry point is `sops-file = sops_file`."""

from __future__ import annotations

import json
import os
import subprocess

from prefect_preflight import HookContext, SetupResult, register_hook

PREFECT_PLUGIN_API_REQUIRES = ">=0.1,<1"


@register_hook
def setup_environment(*, ctx: HookContext) -> SetupResult | None:
    """Set a variable for each value at the top of the file SOPS_FILE, which may be YAML, JSON or a .env file."""
    path = os.environ.get("SOPS_FILE")
    if not path:
        ctx.logger_factory("sops-file").debug("SOPS_FILE is not set, so there is nothing to do")
        return None
    done = subprocess.run(
        ["sops", "--decrypt", "--output-type", "json", path],
        stdin=subprocess.DEVNULL,  # it must not ask for a passphrase, which nobody is there to type
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"sops cannot decrypt {path}: {done.stderr.strip()[-200:]}")
    values = json.loads(done.stdout)
    return SetupResult(
        env={name: value for name, value in values.items() if isinstance(value, str)},
        note=f"Values of {path}",
        required=True,
        inherit=True,
    )
