"""Failure modes of strict mode, and of our own errors.

row  test
4    test_04_*
10   test_10_*
17   test_17_*
23   test_23_*
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from snippets import ENABLED
from toys import PLUGIN, hook, toy_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from hosts import Host, Hosts
    from worlds import World

STRICT = {**ENABLED, "PREFECT_PLUGINS_STRICT": "1", "PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS": "2"}
LATE = "from prefect import flow\n"
ENV = "return SetupResult(env={})"

# 4: strict passes silently on timeout, load error, NUL value, running loop

FAILURES = {
    "raises": hook("raise OSError('no')"),
    "raises-late": hook(LATE + "raise OSError('no')"),
    "exits": hook("raise SystemExit(0)"),
    "times-out": hook("import time; time.sleep(600)"),
    "times-out-loading": hook("", "import time; time.sleep(600)"),
    "times-out-late": hook(LATE + "import time; time.sleep(600)"),
    "load-error": "import nothing_of_this_name\n",
    "load-error-late": "from prefect import flow, nothing_of_this_name\n",
    "load-exit": "raise SystemExit(0)\n",
    "syntax-error": "def\n",
    "nul-value": hook(ENV.format("{'A': 'x', 'B': 'y\\0'}")),
    "nul-name": hook(ENV.format("{'A': 'x', 'B\\0': 'y'}")),
    "equals-in-name": hook(ENV.format("{'A': 'x', 'B=': 'y'}")),
    "no-str": hook(ENV.format("{'A': 'x', 'B': 1}")),
    "no-mapping": hook(ENV.format("[('A', 'x')]")),
    "no-result": hook("return {'A': 'x'}"),
    "a-generator": hook("yield 1"),
    "empty-required": hook("return SetupResult(env={}, required=True)"),
    "signature": hook("").replace("*, ctx", "a, b"),
    "async-raises": hook("raise OSError('no')").replace("def setup", "async def setup"),
    "async-times-out": hook("import asyncio; await asyncio.sleep(600)").replace("def setup", "async def setup"),
    "async-cancelled": hook("import asyncio; raise asyncio.CancelledError").replace("def setup", "async def setup"),
    "swallows-imports": "try:\n    from prefect import nothing_of_this_name\nexcept ImportError:\n    raise\n",
}
IMPORTS = {
    "plain": "import prefect",
    "submodule": "import prefect.flows",
    "loop": """
        import asyncio
        async def main():
            import prefect
        asyncio.run(main())
    """,
    "except": """
        try:
            import prefect
        except Exception:
            print("swallowed")
    """,
}


@pytest.mark.parametrize("failure", FAILURES)
def test_04_every_failure_of_a_required_plugin(hosts: Hosts, new_world: Callable[[Host], World], failure: str) -> None:
    """Strict exits non-zero for every non-success of a required plugin: status 1, and one line that names it."""
    world = toy_world(hosts, new_world, "3.12")
    world.plugin("bad-plugin", FAILURES[failure], module="bad")
    world.plugin("good", PLUGIN)
    for required in (None, "bad", "good,BAD"):
        result = world.run("import prefect; print('imported')", env=STRICT, PREFECT_PLUGINS_REQUIRED=required)
        assert (result.returncode, result.stdout) == (1, ""), (failure, required, result)
        line = result.stderr.splitlines()[-1]
        assert line.startswith("[plugins] required plugin 'bad' "), result
        assert result.stderr.count("[plugins]") == 1 and "Traceback" not in result.stderr, result
    # The same plugin, where nobody requires it: with a list, only that list and `required=True` count.
    result = world.run("import prefect; print('imported')", env=STRICT, PREFECT_PLUGINS_REQUIRED="good")
    wanted = (1, "") if failure == "empty-required" else (0, "imported\n")
    assert (result.returncode, result.stdout) == wanted, (failure, result)


@pytest.mark.parametrize("how", IMPORTS)
@pytest.mark.parametrize("failure", ["times-out", "load-error", "nul-value", "raises-late"])
def test_04_wherever_it_is_imported(world: World, failure: str, how: str) -> None:
    """The same wherever Prefect is imported."""
    assert_strict_exit(world, FAILURES[failure], IMPORTS[how])


@pytest.mark.parametrize(
    ("failure", "how"),
    [("times-out", "plain"), ("load-error", "submodule"), ("nul-value", "loop"), ("raises-late", "except")],
)
def test_04_with_prefect_itself(world: World, each_prefect: Host, failure: str, how: str) -> None:
    """The same with Prefect."""
    assert_strict_exit(world, FAILURES[failure], IMPORTS[how])


def assert_strict_exit(world: World, plugin: str, program: str) -> None:
    """Asserts that strict mode ends a program because of a plugin called ``bad``, with one line."""
    world.plugin("bad-plugin", plugin, module="bad")
    result = world.run(program + "\n", env=STRICT)
    assert (result.returncode, result.stdout) == (1, ""), result
    assert result.stderr.splitlines()[-1].startswith("[plugins] required plugin 'bad' "), result


@pytest.mark.parametrize(
    ("variables", "word"),
    [
        ({"PREFECT_PLUGINS_REQUIRED": "not-there"}, "is not installed"),
        ({"PREFECT_PLUGINS_REQUIRED": "good", "PREFECT_PLUGINS_DENY": "Good"}, "deny list"),
        ({"PREFECT_PLUGINS_REQUIRED": "good", "PREFECT_PLUGINS_ALLOW": "other"}, "allow list"),
        ({"PREFECT_PLUGINS_REQUIRED": "fenced"}, "API version"),
        ({"PREFECT_PLUGINS_REQUIRED": "undecorated"}, "lacks the decorator @register_hook"),
        ({"PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS": "soon"}, "SETUP_TIMEOUT_SECONDS"),
        ({"PREFECT_PLUGINS_ENABLED": "maybe"}, "ENABLED"),
    ],
)
def test_04_what_is_required_and_cannot_run(
    hosts: Hosts, new_world: Callable[[Host], World], variables: dict[str, str], word: str
) -> None:
    """A required plugin that is missing, denied or fenced out fails, and so does a setting that cannot be read."""
    world = toy_world(hosts, new_world, "3.12")
    world.plugin("good", PLUGIN)
    if variables.get("PREFECT_PLUGINS_REQUIRED") == "fenced":
        world.plugin("fenced", hook("", "PREFECT_PLUGIN_API_REQUIRES = '>=1'"))
    if variables.get("PREFECT_PLUGINS_REQUIRED") == "undecorated":
        world.plugin("undecorated", "def setup_environment(*, ctx):\n    pass\n")
    result = world.run("import prefect", env={**STRICT, **variables})
    (line,) = result.stderr.splitlines()
    assert result.returncode == 1 and line.startswith("[plugins] ") and word in line, result
    result = world.run("import prefect", env={**STRICT, **variables, "PREFECT_PLUGINS_STRICT": "0"})
    assert result.returncode == 0, result


# 10: exit at import in a spawn pool: endless respawn


def test_10_a_strict_failure_in_a_spawn_pool(hosts: Hosts, new_world: Callable[[Host], World]) -> None:
    """The message says so; a failing plugin under `Pool(2)` does not fetch credentials hundreds of times."""
    world = toy_world(hosts, new_world, "3.12")
    world.plugin("bad", hook("os.write(2, b'RUN\\n'); raise OSError('no')"))
    (world.cwd / "tasks.py").write_text("import prefect\ndef task(x): return x\n")
    (world.cwd / "main.py").write_text(
        "import multiprocessing, sys, threading, os\n"
        "if __name__ == '__main__':\n"
        "    import tasks_stub\n"
        "    threading.Timer(6, os._exit, (9,)).start()\n"
        "    with multiprocessing.get_context('spawn').Pool(2) as pool:\n"
        "        print(pool.map(tasks_stub.task, range(4)))\n"
    )
    (world.cwd / "tasks_stub.py").write_text(
        "import multiprocessing\n"
        "if multiprocessing.parent_process() is not None:\n    import prefect\n"
        "def task(x): return x\n"
    )
    result = world.run(["main.py"], env=STRICT, timeout=30)
    runs = result.stderr.count("RUN\n")
    assert result.returncode == 9 and runs, result  # the pool has no way to learn that its workers will never live
    assert runs <= 30, f"{runs} runs in 6 s"
    assert any("[plugins] required plugin 'bad'" in line for line in result.stderr.splitlines()), result


# 17: a guard swallows its own report

SABOTAGE = {
    # What an interrupted upgrade, or another package's broken dependency, leaves behind.
    "_running/waves": "early",
    "_imports/cpython": "early",
    "_imports/room": "early",
    "_threads/__init__": "early",
    "_discovery/__init__": "early",
    "_settings/resolution": None,
    "_stages/__init__": None,
    "_loader": None,
}


@pytest.mark.parametrize("strict", ["0", "1"])
@pytest.mark.parametrize("module", SABOTAGE)
def test_17_an_internal_error(hosts: Hosts, new_world: Callable[[Host], World], module: str, strict: str) -> None:
    """An internal error is one stderr line, and Prefect loads; in strict mode it is the exit."""
    world = toy_world(hosts, new_world, "3.12")
    world.plugin("good", PLUGIN)
    shutil.copytree(world.host.site / "prefect_preflight", world.overlay / "prefect_preflight")
    (world.overlay / "prefect_preflight" / f"{module}.py").write_text("raise RuntimeError('sabotage')\n")
    result = world.run("import prefect; print(prefect.DONE)", env=STRICT, PREFECT_PLUGINS_STRICT=strict)
    lines = [line for line in result.stderr.splitlines() if "sabotage" in line]
    assert lines and "Traceback" not in result.stderr, result
    if strict == "1" and module != "_loader":  # without it, nobody can even tell whether strict mode is on
        assert (result.returncode, len(lines)) == (1, 1) and lines[0].startswith("[plugins] "), result
    else:
        assert result.stdout == "True\n" and len(lines) == 1, result


def test_17_a_broken_dependency(world: World) -> None:
    """Whatever of ours breaks at run time, Prefect works."""
    world.plugin("good", PLUGIN)
    (world.overlay / "importlib_metadata").mkdir()
    (world.overlay / "importlib_metadata" / "__init__.py").write_text("raise OSError('broken')\n")
    result = world.run("import prefect; print('imported')", env=ENABLED)
    assert (result.returncode, result.stdout) == (0, "imported\n"), result
    assert result.stderr.count("prefect-preflight:") <= 1 and "Traceback" not in result.stderr, result


# 23: SystemExit at import escapes `except ImportError`


def test_23_one_exit_code_only_when_strict(world: World) -> None:
    """Strict failure has one documented exit code, only when strict is on."""
    world.plugin("bad", hook("raise SystemExit(77)"))
    code = """
        try:
            import prefect
        except ImportError:
            print("swallowed")
        else:
            print("imported")
    """
    off = world.run(code, env=STRICT, PREFECT_PLUGINS_STRICT="0")
    assert (off.returncode, off.stdout) == (0, "imported\n"), off
    on = world.run(code, env=STRICT)
    assert (on.returncode, on.stdout) == (1, ""), on


def test_23_the_next_import_fails_again(hosts: Hosts, new_world: Callable[[Host], World]) -> None:
    """Who catches the exit and imports again is told again; nothing of Prefect is left behind meanwhile."""
    world = toy_world(hosts, new_world, "3.12")
    world.plugin("bad", hook("raise OSError('no')"))
    world.plugin("late", hook(LATE))
    result = world.run(
        """
        import sys
        for _ in range(3):
            try:
                import prefect
            except SystemExit as error:
                print(str(error).partition(":")[0], [name for name in sys.modules if name.startswith("prefect.")])
        """,
        env=STRICT,
        check=True,
    )
    assert result.stdout.splitlines() == ["[plugins] required plugin 'bad' failed []"] * 3, result
