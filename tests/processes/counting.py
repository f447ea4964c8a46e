"""A world whose plugin writes a line for each run of its hook, so that runs are counted across processes."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence

    from hosts import Result
    from worlds import World

INSIDE = Path(__file__).resolve().parent / "inside"

# What the hook sets differs at each run, so a process can tell whose run it sees.
PLUGIN = """
import os, subprocess, sys, time
from datetime import datetime, timedelta, timezone
from prefect_preflight import SetupResult, register_hook
{before}

@register_hook
{keyword} setup_environment(*, ctx):
    with open(os.environ["HOOK_LOG"], "a") as log:
        log.write(str(os.getpid()) + "\\n")
    with open(os.environ["HOOK_LOG"]) as log:
        again = len(log.readlines()) > 1
{body}
    now = datetime.now(timezone.utc)
    token = str(os.getpid()) + "-" + str(time.time_ns())
    return SetupResult(env={{"HOOK_TOKEN": token, "HOOK_FIXED": "fixed"}}, {options})
"""


@dataclasses.dataclass(frozen=True)
class Counting:
    """A world, and how many times its plugin's hook has run."""

    world: World

    @property
    def log(self) -> Path:
        """The file with the process IDs of the runs, one a line."""
        return self.world.overlay / "hook.log"

    @property
    def runs(self) -> int:
        """How many times the hook has run."""
        return len(self.pids)

    @property
    def pids(self) -> list[int]:
        """The processes that ran the hook, in order."""
        return [int(line) for line in self.log.read_text().split()] if self.log.exists() else []

    def install(
        self, *, options: str = "", body: str = "", before: str = "", keyword: str = "def", version: str = "0.1.0"
    ) -> None:
        """Installs the plugin, and the modules that children import.

        Args:
            options: Further arguments of the `SetupResult`, such as ``"inherit=True"``; ``now`` is an aware datetime,
                and ``again`` as in the body.
            body: Statements of the hook, not indented, after the run is counted; ``again`` is whether there was a run
                before.
            before: What stands before the hook in its module.
            keyword: ``"async def"`` for an async hook.
            version: The plugin's version.
        """
        indented = "\n".join("    " + line for line in body.strip().splitlines())
        source = PLUGIN.format(before=before, keyword=keyword, body=indented, options=options)
        inside = {path.name: path.read_text() for path in INSIDE.glob("*.py")}
        self.world.plugin("counting-plugin", source, version=version, extra_files=inside)

    def variables(self, more: Mapping[str, str | None]) -> dict[str, str | None]:
        """The environment in which the hook runs and is counted."""
        return {"PREFECT_PLUGINS_ENABLED": "1", "HOOK_LOG": str(self.log), **more}

    def run(self, code_or_args: str | Sequence[str], *, timeout: float = 60, **variables: str | None) -> Result:
        """Runs a child to its end; see `World.run`."""
        return self.world.run(code_or_args, env=self.variables(variables), timeout=timeout)

    def start(self, code_or_args: str | Sequence[str], **variables: str | None) -> subprocess.Popen[str]:
        """Starts a child; see `World.start`."""
        return self.world.start(code_or_args, env=self.variables(variables))

    def json(self, code_or_args: str | Sequence[str], *, timeout: float = 60, **variables: str | None) -> Any:
        """Runs a child that has to end well, and reads the last line that it printed, which has to be JSON."""
        result = self.run(code_or_args, timeout=timeout, **variables)
        assert result.returncode == 0, str(result)
        assert result.stdout.strip(), str(result)
        return json.loads(result.stdout.splitlines()[-1])
