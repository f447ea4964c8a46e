"""What came with Python 3.14 and 3.15: interpreters of the standard library, more import times, a debugger's door."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from snippets import ENABLED
from toys import hook, toy_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from hosts import Host, Hosts
    from worlds import World


@pytest.fixture(params=["3.14", "3.15"])
def world(request: pytest.FixtureRequest, hosts: Hosts, new_world: Callable[[Host], World]) -> World:
    """The stand-in for Prefect, with an early plugin and a late one, each of which tells when it runs."""
    world = toy_world(hosts, new_world, request.param)
    world.plugin("early", hook("os.write(2, b'RUN ')"))
    world.plugin("late", hook("from prefect import flow\nos.write(2, b'RUN ')").replace("TOKEN", "LATE"))
    return world


IN_AN_INTERPRETER = """
import os, prefect, prefect_preflight
report = prefect_preflight.last_report()
assert prefect.DONE and os.environ["TOKEN"] == os.environ["LATE"] == "set-by-the-hook"
assert report.outcome == "success" and report.hooks_run_in == "importing thread", report
"""
CONCURRENT = {
    "exec": f"""
from concurrent import interpreters
for _ in range(3):
    interpreter = interpreters.create()
    interpreter.exec({IN_AN_INTERPRETER!r})
    interpreter.close()
""",
    "pool": f"""
from concurrent.futures import InterpreterPoolExecutor
with InterpreterPoolExecutor(3) as pool:
    assert list(pool.map(exec, [{IN_AN_INTERPRETER!r}] * 3)) == [None] * 3
""",
    "pool, imported before": """
import prefect
from concurrent.futures import InterpreterPoolExecutor
with InterpreterPoolExecutor(1) as pool:
    pool.submit(exec, "import os, prefect; assert os.environ['TOKEN'] and prefect.DONE").result()
""",
}


@pytest.mark.parametrize("how", CONCURRENT)
def test_interpreters(world: World, how: str) -> None:
    """Each interpreter runs the hooks at its own first import, in that thread, since it has no daemon threads."""
    result = world.run(f"if __name__ == '__main__':\n{_indented(CONCURRENT[how])}", env=ENABLED, timeout=60)
    assert result.returncode == 0 and "Traceback" not in result.stderr, result
    assert result.stderr.count("RUN ") % 2 == 0 and result.stderr.count("RUN ") >= 2, result


def _indented(text: str) -> str:
    return "\n".join("    " + line for line in text.splitlines())


@pytest.mark.parametrize("options", [("-X", "importtime=2"), ("-P",), ("-X", "importtime=2", "-I")])
def test_options(world: World, options: tuple[str, ...]) -> None:
    """`-X importtime=2`, which tells of modules that are there too, and a safe path change nothing."""
    # `-I` ignores PYTHONPATH, on which the world's packages are.
    head = f"import sys; sys.path.insert(0, {str(world.overlay)!r}); " if "-I" in options else ""
    result = world.run([*options, "-c", head + "import prefect; print(prefect.SEEN)"], env=ENABLED, check=True)
    assert result.stdout == "set-by-the-hook\n" and result.stderr.count("RUN ") == 2, result


ATTACH = """
import os, sys, tempfile, threading
with tempfile.NamedTemporaryFile("w", suffix=".py", delete=False) as file:
    file.write("import os, sys, threading; "
               "sys.attached = (threading.current_thread() is threading.main_thread(), 'prefect' in sys.modules)")
sys.remote_exec(os.getpid(), file.name)
import time
for _ in range(200):
    if hasattr(sys, "attached"):
        break
    time.sleep(0.05)
"""


def test_a_debugger_attaches_while_hooks_run(world: World) -> None:
    """A script that is injected (PEP 768) is executed by the main thread at once, though it waits for a hook."""
    world.plugin("attaches", hook(ATTACH))
    program = """
    import json, sys, prefect, prefect_preflight
    plugins = prefect_preflight.last_report().plugins
    print(json.dumps([sys.attached, {plugin.name: plugin.status for plugin in plugins}]))
    """
    result = world.run(program, env=ENABLED, check=True, timeout=60)
    statuses = dict.fromkeys(("attaches", "early", "late"), "success")
    assert json.loads(result.stdout) == [[True, False], statuses], result
