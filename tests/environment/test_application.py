"""The environment that plugins return: applied wholly or not at all, by the importing thread, in a running loop too."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from snippets import ENABLED
from toys import PLUGIN, PYTHONS, hook, toy_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from hosts import Host, Hosts
    from worlds import World


@pytest.fixture
def toy(hosts: Hosts, new_world: Callable[[Host], World]) -> World:
    """A world with the toy Prefect."""
    return toy_world(hosts, new_world, "3.12")


# Import inside a running event loop

IN_A_LOOP = """
    import asyncio, json, os
    async def main():
        ticks = []
        async def tick():
            while True:
                ticks.append(1)
                await asyncio.sleep(0.01)
        task = asyncio.ensure_future(tick())
        await asyncio.sleep(0.05)
        import prefect
        assert asyncio.get_running_loop() and asyncio.current_task() is not None
        await asyncio.sleep(0.05)
        task.cancel()
    asyncio.run(main())
"""


@pytest.mark.parametrize("stage", ["early", "late"])
def test_running_loop(world: World, each_prefect: Host, stage: str) -> None:
    """The environment is the same inside and outside a running loop."""
    late = "from prefect import flow\n" if stage == "late" else ""
    source = hook(late + "import asyncio\nawait asyncio.sleep(0.01)\nasyncio.get_running_loop()")
    world.plugin("asynchronous", source.replace("def setup", "async def setup").replace("TOKEN", "ASYNC"))
    world.plugin("synchronous", hook(late + "import asyncio\nasyncio.run(asyncio.sleep(0))"))
    ours = "import json, os\nprint(json.dumps({name: os.environ.get(name) for name in ('TOKEN', 'ASYNC')}))"
    outside = world.run("import prefect\n" + ours, env=ENABLED, check=True)
    inside = world.run(textwrap.dedent(IN_A_LOOP) + ours, env=ENABLED, check=True)
    assert outside.json == inside.json == {"TOKEN": "set-by-the-hook", "ASYNC": "set-by-the-hook"}


# `setenv` races `getenv`

AUDIT = """
    import os, sys, threading
    seen = []
    def audit(event, args):
        if event in ("os.putenv", "os.unsetenv"):
            seen.append((event, args[0], threading.get_ident()))
    sys.addaudithook(audit)
    import prefect
    during = list(seen)
    import time, prefect_preflight
    time.sleep(0.6)
    prefect_preflight.last_report().as_dict()
    import prefect.plugins
    assert seen == during, seen[len(during):]
    assert {ident for _, _, ident in during} == {threading.get_ident()}, during
    assert b"TOKEN" in {name for _, name, _ in during}
"""


@pytest.mark.parametrize("version", PYTHONS)
def test_putenv(hosts: Hosts, new_world: Callable[[Host], World], version: str) -> None:
    """`os.putenv` audit events come from the importing thread only, never after the import."""
    world = toy_world(hosts, new_world, version)
    world.plugin("good", PLUGIN)
    world.plugin("asynchronous", hook("").replace("def setup", "async def setup").replace("TOKEN", "ASYNC"))
    world.plugin("late", hook("from prefect import flow").replace("TOKEN", "LATE"))
    world.plugin("stubborn", hook("import time; time.sleep(0.7)").replace("TOKEN", "STUBBORN"))
    world.run(AUDIT, env={**ENABLED, "PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS": "0.4"}, check=True)


# Bad environment values

BAD = {
    "nul-value": "{'A': '1', 'B': 'x\\0', 'C': '3'}",
    "nul-name": "{'A': '1', 'B\\0': 'x', 'C': '3'}",
    "equals": "{'A': '1', 'B=C': 'x', 'C': '3'}",
    "empty-name": "{'A': '1', '': 'x', 'C': '3'}",
    "number": "{'A': '1', 'B': 2, 'C': '3'}",
    "none": "{'A': '1', 'B': None, 'C': '3'}",
    "bytes": "{'A': '1', 'B': b'x', 'C': '3'}",
    "bytes-name": "{'A': '1', b'B': 'x', 'C': '3'}",
    "high-surrogate": "{'A': '1', 'B': '\\ud800', 'C': '3'}",
    "too-long": "{'A': '1', 'B': 'x' * 10_000_000, 'C': '3'}",
    "pairs": "[('A', '1'), ('C', '3')]",
    "string": "'A=1'",
    "iterator": "iter([('A', '1')])",
    "raises-at-third": "Raises(3)",
    "exits-at-third": "Exits()",
    "changes-its-mind": "Changes()",
    "endless": None,
}
HOSTILE = """
    from collections.abc import Mapping
    class Raises(Mapping):
        def __init__(self, at): self.at = at
        def __len__(self): return 3
        def __iter__(self):
            yield "A"
            yield "B"
            self.fail()
        def __getitem__(self, name): return "x"
        def fail(self): raise OSError("no")
    class Exits(Raises):
        def __init__(self): pass
        def fail(self): raise SystemExit(3)
    class Changes(dict):
        def __init__(self): super().__init__(A="1", C="3"); self.asked = 0
        def __getitem__(self, name): self.asked += 1; return "x" if self.asked < 2 else "\\0"
        def keys(self): return ["A", "C", "B="]
        def items(self): return [("A", "1"), ("B=", "x")]
"""


@pytest.mark.parametrize("bad", [name for name in BAD if BAD[name]])
def test_bad_environment_values(toy: World, bad: str) -> None:
    """Any returned mapping applies wholly or not at all."""
    toy.plugin("bad", hook(f"return SetupResult(env={BAD[bad]})", HOSTILE))
    toy.plugin("good", PLUGIN)
    result = toy.run(
        """
        import json, os
        before = set(os.environ)
        import prefect, prefect_preflight, subprocess, sys
        subprocess.run([sys.executable, "-c", ""], check=True)
        plugins = {plugin.name: plugin for plugin in prefect_preflight.last_report().plugins}
        assert plugins["good"].status == "success"
        names = set(os.environ) - before - {"PREFECT_PREFLIGHT_INHERITED"}
        print(json.dumps([sorted(names), plugins["bad"].status]))
        """,
        env=ENABLED,
        check=True,
    )
    names, status = result.json
    if bad == "changes-its-mind":
        assert (names, status) in ((["TOKEN"], "invalid-result"), (["A", "C", "TOKEN"], "success")), result
    else:
        assert (names, status) == (["TOKEN"], "failed" if "third" in bad else "invalid-result"), result
        assert "Plugin bad failed: " in result.stderr and "Traceback" not in result.stderr, result


def test_values_that_are_odd_and_allowed(toy: World) -> None:
    """Whatever the operating system takes is applied exactly, to the byte, and reaches a child."""
    toy.plugin(
        "odd",
        hook("return SetupResult(env={'EMPTY': '', 'ÜMLAUT 日本': 'ß\\n\\t\\x7f', 'RAW': '\\udcff', 'LOWER x': '=='})"),
    )
    result = toy.run(
        """
        import os, prefect, subprocess, sys
        names = ("EMPTY", "ÜMLAUT 日本", "RAW", "LOWER x")
        code = f"import os; print(ascii([os.environ[name] for name in {names!a}]))"
        print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout, end="")
        """,
        env=ENABLED,
        check=True,
    )
    assert result.stdout == "['', '\\xdf\\n\\t\\x7f', '\\udcff', '==']\n", result
