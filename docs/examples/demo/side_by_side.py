"""The same programs with Prefect's own plugin system and with prefect-preflight, and what came of each: a table.

Prefect's own is what runs where ``PREFECT_PREFLIGHT_DISABLE`` is set: then this package does nothing.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DEADLINE = 2  # seconds
PATIENCE = 60  # seconds for one program
NATIVE, OURS = "Prefect's own", "prefect-preflight"
SIDES: dict[str, dict[str, str]] = {NATIVE: {"PREFECT_PREFLIGHT_DISABLE": "1"}, OURS: {}}
PROGRAM = "import prefect, os; print(os.environ.get('DEMO_TOKEN', 'no token'))"

TOKEN = """
from prefect.plugins import SetupResult, register_hook

@register_hook
def setup_environment(*, ctx):
    return SetupResult(env={"DEMO_TOKEN": "a token"})
"""
HANGS = """
import time
from prefect.plugins import register_hook

@register_hook
def setup_environment(*, ctx):
    time.sleep(10)
"""
SLOW = """
import asyncio
from prefect.plugins import register_hook

@register_hook
async def setup_environment(*, ctx):
    await asyncio.sleep(10)
"""
SECOND = """
import time
from prefect.plugins import register_hook

@register_hook
def setup_environment(*, ctx):
    time.sleep(1)
"""


class Case(NamedTuple):
    """A program's plugins, by their names, and its settings."""

    title: str
    plugins: Mapping[str, str]
    settings: Mapping[str, str]


class Seen(NamedTuple):
    """What came of a program: its exit status, how long it took, what it and its plugins printed."""

    status: int
    seconds: float
    stdout: str
    stderr: str

    def __str__(self) -> str:
        if self.status:
            return f"exit status {self.status} after {self.seconds:.1f} s"
        return f"{self.stdout.strip() or 'nothing'}, after {self.seconds:.1f} s"


CASES = (
    Case("a hook of 10 s that hangs, beside another one", {"hangs": HANGS, "token": TOKEN}, {}),
    Case("an async hook that is too slow, beside another one", {"slow": SLOW, "token": TOKEN}, {}),
    Case("the same in strict mode", {"slow": SLOW, "token": TOKEN}, {"PREFECT_PLUGINS_STRICT": "1"}),
    Case("three hooks of a second each", {"one": SECOND, "two": SECOND, "three": SECOND, "token": TOKEN}, {}),
)


def compare(base: Mapping[str, str], directory: Path) -> list[tuple[str, dict[str, Seen]]]:
    """Runs each case on both sides, and returns what was seen.

    Args:
        base: The environment of the programs.
        directory: Where to put the plugins.
    """
    found = []
    for number, case in enumerate(CASES):
        plugins = directory / str(number)
        for name, source in case.plugins.items():
            install(plugins, name, source)
        settings = {
            "PYTHONPATH": str(plugins),
            "PREFECT_PLUGINS_ENABLED": "1",
            "PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS": str(DEADLINE if number < 3 else 20),
            **case.settings,
        }
        found.append((case.title, {side: see({**base, **settings, **SIDES[side]}) for side in SIDES}))
    return found


def install(directory: Path, name: str, source: str) -> None:
    """Writes a plugin as an installer would: a module, and the metadata that names it."""
    metadata = directory / f"demo_{name}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (directory / f"demo_{name}.py").write_text(source, encoding="utf-8")
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: demo-{name}\nVersion: 1.0\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text(f"[prefect.plugins]\n{name} = demo_{name}\n", encoding="utf-8")


def see(environment: Mapping[str, str]) -> Seen:
    """Runs the program."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return Seen(done.returncode, time.monotonic() - began, done.stdout, done.stderr)


def table(found: list[tuple[str, dict[str, Seen]]]) -> str:
    """What was seen, as a table for a terminal of 80 columns."""
    rows = [("", *SIDES), *((title, *(str(seen[side]) for side in SIDES)) for title, seen in found)]
    widths = (28, 23, 23)
    lines = []
    for row in rows:
        cells = [textwrap.wrap(cell, width) or [""] for cell, width in zip(row, widths)]
        for index in range(max(map(len, cells))):
            parts = [cell[index] if index < len(cell) else "" for cell in cells]
            lines.append("  ".join(f"{part:<{width}}" for part, width in zip(parts, widths)).rstrip())
        lines.append("")
    return "\n".join(lines)


def kept(found: list[tuple[str, dict[str, Seen]]]) -> bool:
    """Whether ours did what is promised: each import returns in time, with the token, or exits in strict mode."""
    ours = [seen[OURS] for _, seen in found]
    strict = ours.pop(2)
    line = "required plugin 'slow' timed out"
    return all(seen.stdout == "a token\n" for seen in ours) and strict.status == 1 and line in strict.stderr
