"""What a child interpreter of the kit does at its end: tell its parent what came of the plugin."""

from __future__ import annotations

import base64
import os
import pickle
import sys

from prefect_preflight._reports import last_import, last_report

from ._advice import about_code
from ._in_child import Told

__all__ = ["tell"]


def tell(mark: str, slow_import: float) -> None:
    """Write the mark, and behind it what came of the run.

    Args:
        mark: what the parent looks for.
        slow_import: from how many seconds on loading counts as slow.
    """
    record = last_import()
    runner = record.runner if record is not None else None
    plugins = [plugin for plugin in (runner.plugins if runner is not None else ()) if plugin.status != "filtered"]
    plugin = plugins[0] if plugins else None
    told = Told(last_report(), plugin, () if plugin is None else tuple(about_code(plugin, slow_import)))
    if plugin is not None:
        plugin.hooks = []  # functions of the plugin's, which the parent may not be able to import
    text = base64.b64encode(pickle.dumps(told)).decode()
    if sys.stdout is not None:
        sys.stdout.flush()
    # Not through `sys.stdout`, which the plugin may have replaced.
    data = f"\n{mark} {text}\n".encode()
    while data:
        data = data[os.write(1, data) :]
