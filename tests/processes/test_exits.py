"""Processes that end while a hook is still running."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from toys import repetitions

if TYPE_CHECKING:
    from counting import Counting

# Starts the processes two at a time; only what is not "exit status 0 and no fatal error" is told.
MANY = """
    import json, os, subprocess, sys, time
    from concurrent.futures import ThreadPoolExecutor
    def one(number):
        began = time.monotonic()
        try:
            done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=60)
        except subprocess.TimeoutExpired:
            return "hang"
        wrong = done.returncode or "Fatal" in done.stderr or "DeadlockError" in done.stderr or done.stdout != "end"
        return [done.returncode, done.stdout, done.stderr] if wrong else None
    with ThreadPoolExecutor(2) as pool:
        print(json.dumps([found for found in pool.map(one, range(COUNT)) if found]))
"""

# Two of them pause a little, or the rest of the import could hardly get hold of the interpreter.
HANGING = {
    "sleeping": "time.sleep(60)",
    "computing": """
while True:
    sum(range(1000))
""",
    "importing": """
import importlib
while True:
    sys.modules.pop("colorsys", None)
    importlib.import_module("colorsys")
    time.sleep(0.001)
""",
    "printing": """
while True:
    open(os.devnull, "w").write("x")
    sys.stderr.write("")
    time.sleep(0.001)
""",
    "awaiting": "import asyncio; await asyncio.sleep(60)",
}


@pytest.mark.parametrize("kind", HANGING)
def test_exits_after_a_timed_out_hook(counting_new: Counting, kind: str) -> None:
    """200 exits (``PREFLIGHT_FULL=1``; else fewer) with an abandoned hook: no fatal error, no hang, exit status 0."""
    counting_new.install(body=HANGING[kind], keyword="async def" if kind == "awaiting" else "def")
    code = "import prefect, sys; sys.stdout.write('end')"
    count = repetitions(40, 4)
    program = MANY.replace("COUNT", str(count)).replace("CODE", repr(code))
    wrong = counting_new.json(program, timeout=60 + 10 * count, PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS="1")
    assert wrong == [], json.dumps(wrong, indent=1)
    # On a slow machine a hook may get no turn in its second.
    assert 0 < counting_new.runs <= count
