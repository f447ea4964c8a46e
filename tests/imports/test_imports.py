"""Hooks' workers get through the import lock, everyone else waits: on every interpreter, with a small package.

The package `prefect` of these tests is a stand-in of three files with real metadata, so that one child takes a
tenth of a second on each Python; what depends on Prefect itself is in `test_stages`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import interpreters
import standin
from prefect_preflight._imports import cpython
from snippets import ENABLED, TELL, Told, hook, returning, told
from toys import PYTHONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from hosts import Host, Hosts
    from worlds import World


FILES = {"prefect/sub.py": "import prefect\nX = prefect.SEEN\n"}

# What hooks do in their workers, and how they end.
HOOKS = {
    "stdlib": hook(
        """
started = time.perf_counter()
import decimal, sqlite3, wsgiref.simple_server, xml.dom.minidom, smtplib, multiprocessing.pool
return SetupResult(env={"STDLIB": str(time.perf_counter() - started)})
"""
    ),
    "statement": hook('import prefect\nreturn SetupResult(env={"STATEMENT": prefect.__version__})'),
    "api": hook('from prefect.plugins import SetupResult as R\nreturn R(env={"API": "1"})'),
    "token": hook('time.sleep(0.4)\nreturn SetupResult(env={"TOKEN": "sesame"})'),
    "from_import": hook('from prefect import SEEN\nreturn SetupResult(env={"FROM_IMPORT": str(SEEN)})'),
    "submodule": hook('import prefect.sub\nreturn SetupResult(env={"SUBMODULE": str(prefect.sub.X)})'),
    "import_module": hook(
        'import importlib\nmodule = importlib.import_module("prefect")\n'
        'return SetupResult(env={"IMPORT_MODULE": module.__name__})'
    ),
    "import_submodule": hook(
        'import importlib\nmodule = importlib.import_module("prefect.flows")\n'
        'return SetupResult(env={"IMPORT_SUBMODULE": str(callable(module.flow))})'
    ),
    "import_module_late": hook(
        'import importlib\nmodule = importlib.import_module("prefect")\n'
        'return SetupResult(env={"IMPORT_MODULE_LATE": str(module.DONE)})',
        before="from prefect import flow",
    ),
    "in_a_thread": hook(
        "def look():\n    import prefect, ftplib\n    return prefect.__version__\n"
        'return SetupResult(env={"IN_A_THREAD": await asyncio.to_thread(look)})',
        keyword="async def",
    ),
}

# Threads of the application that import Prefect while the hooks run.
PROGRAM = """
import sys, threading
seen, errors = [], []
def look(how):
    try:
        if how == 0:
            import prefect
            seen.append((prefect.DONE, prefect.SEEN))
        elif how == 1:
            from prefect import flow, SEEN
            seen.append((callable(flow), SEEN))
        elif how == 2:
            import prefect.sub
            seen.append((prefect.DONE, prefect.sub.X))
        else:
            from prefect.flows import flow
            import prefect
            seen.append((callable(flow), prefect.SEEN))
    except BaseException as error:
        errors.append(f"{type(error).__name__}: {error}")
threads = [threading.Thread(target=look, args=(number % 4,)) for number in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(30)
import os
os.environ["ALIVE"] = str(sum(thread.is_alive() for thread in threads))
os.environ["SEEN"] = ascii(seen)
os.environ["ERRORS"] = ascii(errors)
os.environ["FINDERS"] = str([getattr(f, "__name__", type(f).__name__) for f in sys.meta_path])
os.environ["SPEC"] = type(sys.modules["prefect"].__spec__).__name__
"""


PATIENT = {**ENABLED, "STANDIN_PACE": "2", "PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS": "600"}
"""A deadline that no child lives to see: one that ends did not wait for it."""


def with_stand_in(world: World) -> World:
    """Installs the stand-in of Prefect in a world."""
    standin.install(world, extra_files=FILES)
    return world


def present(version: str) -> str:
    """`version` again; skips the test where this machine has no such Python, for nobody has all of them."""
    if not interpreters.find(version):
        pytest.skip(f"no Python {version} on this machine")
    return version


@pytest.fixture(scope="module", params=PYTHONS)
def eight_threads(request: pytest.FixtureRequest, hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """A child of one interpreter, eight threads of which import Prefect at once while the hooks run."""
    from worlds import World

    world = with_stand_in(World.create(hosts(python=present(request.param)), tmp_path_factory.mktemp("lock")))
    for name, text in HOOKS.items():
        world.plugin(f"hook-{name}".replace("_", "-"), text, entry_points={name: f"hook_{name}"})
    return told(world.run(PROGRAM + TELL, env=ENABLED, timeout=50))


class TestEightThreads:
    """Hooks that import, and eight threads that import Prefect meanwhile."""

    def test_all_hooks_succeed(self, eight_threads: Told) -> None:
        """Every way to import in a hook works, at the latest in the late stage."""
        assert eight_threads.statuses == dict.fromkeys(sorted(HOOKS), "success"), eight_threads.result
        assert eight_threads.report["hooks_run_in"] == "workers"
        assert eight_threads.lines == ()

    def test_the_stages(self, eight_threads: Told) -> None:
        """Who needs the plugin API alone, or other packages, is early; who needs Prefect is late."""
        early = {name for name, plugin in eight_threads.plugins.items() if plugin["stage"] == "early"}
        assert early == {"stdlib", "api", "token"}

    def test_other_imports_do_not_wait(self, eight_threads: Told) -> None:
        """A hook that imports modules of the standard library is done with it in under a second."""
        assert float(eight_threads.env["STDLIB"]) < 1

    def test_what_hooks_import_is_complete(self, eight_threads: Told) -> None:
        """Late hooks see Prefect after its body, with the early hooks' environment."""
        env = eight_threads.env
        assert (env["FROM_IMPORT"], env["SUBMODULE"], env["IMPORT_SUBMODULE"]) == ("sesame", "sesame", "True")
        assert (env["IMPORT_MODULE"], env["IMPORT_MODULE_LATE"]) == ("prefect", "True")

    def test_other_threads_wait(self, eight_threads: Told) -> None:
        """All eight threads see the environment and a complete module; none gets an error or hangs."""
        assert (eight_threads.env["ALIVE"], eight_threads.env["ERRORS"]) == ("0", "[]")
        assert eight_threads.env["SEEN"] == str([(True, "sesame")] * 8)

    def test_hooks_run_once(self, eight_threads: Told) -> None:
        """However many threads import, each hook is called once, and there is nothing left of the mechanism."""
        assert all(len(plugin["hooks"]) == 1 for plugin in eight_threads.plugins.values())
        assert eight_threads.env["SPEC"] == "ModuleSpec"
        finders = eight_threads.env["FINDERS"]
        assert "StrangersFinder" not in finders and "prefect_preflight" not in finders


@pytest.fixture(params=PYTHONS)
def small_world(request: pytest.FixtureRequest, hosts: Hosts, new_world: Callable[[Host], World]) -> World:
    """A world with the stand-in, on each interpreter."""
    return with_stand_in(new_world(hosts(python=present(request.param))))


def test_a_plugin_inside_the_importing_package(small_world: World) -> None:
    """A package that imports Prefect at its top may contain a plugin: its modules are importable for the hook.

    The package's own object cannot be, since its body waits for Prefect: that is one clear line.
    """
    small_world.plugin(
        "app",
        "import prefect\nFLOW = prefect.flow\n",
        entry_points={"inside": "app.plugin", "itself": "app", "relative": "app.deep.plugin:plugin"},
        extra_files={
            "app/plugin.py": returning("INSIDE"),
            "app/deep/__init__.py": "",
            "app/deep/plugin.py": "from ..helper import VALUE\n" + returning("RELATIVE") + "\nimport sys\n"
            "import types\nplugin = types.SimpleNamespace(setup_environment=setup_environment)\n",
            "app/helper.py": "VALUE = 1\n",
        },
    )
    found = told(small_world.run("import app\nassert callable(app.FLOW)\n" + TELL, env=PATIENT, timeout=100))
    assert (found.env["INSIDE"], found.env["RELATIVE"]) == ("INSIDE", "RELATIVE")
    assert found.statuses["itself"] == "load-failed"
    (line,) = found.lines
    assert "'app' was still being imported when it imported Prefect" in line


def test_hooks_that_import_one_another(small_world: World) -> None:
    """Two hooks that import two modules which import each other do not lock each other out."""
    for one, other in (("a", "b"), ("b", "a")):
        small_world.plugin(
            f"plugin-{one}",
            hook(f'import circle_{one}\nreturn SetupResult(env={{"CIRCLE_{one.upper()}": "1"}})'),
            extra_files={f"circle_{one}.py": f"import time\ntime.sleep(0.2)\nimport circle_{other}\n"},
        )
    found = told(small_world.run("import prefect\n" + TELL, env=PATIENT, timeout=100))
    assert {"CIRCLE_A", "CIRCLE_B"} <= set(found.env)


def test_a_failed_body_can_be_tried_again(small_world: World) -> None:
    """When Prefect's own body raises, the error is the program's, and the next import begins afresh."""
    (small_world.overlay / "prefect" / "__init__.py").write_text(
        "import os\nif 'BROKEN' in os.environ:\n    raise RuntimeError('broken body')\n"
    )
    small_world.plugin("counting", hook('return SetupResult(env={"N": str(int(os.environ.get("N", 0)) + 1)})'))
    program = """
        import os, sys
        os.environ["BROKEN"] = "1"
        try:
            import prefect
        except RuntimeError as error:
            print(error, "prefect" in sys.modules, os.environ["N"])
        del os.environ["BROKEN"]
        import prefect
        print(os.environ["N"], type(prefect.__loader__).__name__)
    """
    result = small_world.run(program, env=ENABLED, check=True)
    assert result.stdout.splitlines() == ["broken body False 1", "2 SourceFileLoader"]


@pytest.mark.skipif("sys.platform == 'win32'", reason="Ctrl-C cannot be sent to one child there")
def test_ctrl_c_while_hooks_run(small_world: World) -> None:
    """The user's Ctrl-C ends the import at once; the next import applies the environment."""
    waits = hook(
        """
if not os.path.exists("second"):
    open("started", "w").close()
    time.sleep(600)
return SetupResult(env={"SECOND": "1"})
"""
    )
    small_world.plugin("waits", waits)
    program = """
        import os, signal, sys, threading, time
        signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever the shell said that ran the tests
        def interrupt():
            while not os.path.exists("started"):
                time.sleep(0.05)
            os.kill(os.getpid(), signal.SIGINT)
        threading.Thread(target=interrupt, daemon=True).start()
        try:
            import prefect
        except KeyboardInterrupt:
            from prefect_preflight import last_report
            print("interrupted", last_report().outcome, "prefect" in sys.modules)
        open("second", "w").close()
        import prefect
        print(os.environ["SECOND"], prefect.DONE)
    """
    result = small_world.run(program, env=PATIENT, check=True, timeout=100)
    assert result.stdout.splitlines() == ["interrupted interrupted False", "1 True"]


def test_without_the_private_table(small_world: World) -> None:
    """Where the import system has no such table, hooks run on the importing thread, and the report says so."""
    for name in ("statement", "token", "submodule", "import_module"):
        small_world.plugin(f"hook-{name}", HOOKS[name])  # not by their bare names: `token` is a module of Python's
    # Python needs the table itself: our module is only told that it is not what we know.
    program = """
import prefect_preflight._imports.cpython as cpython
assert cpython.usable()
cpython._verdict = False  # as on an interpreter whose table has another shape
import prefect
"""
    found = told(small_world.run(program + TELL, env=ENABLED, timeout=30))
    assert found.report["hooks_run_in"] == "importing thread"
    assert set(found.statuses.values()) == {"success"}
    assert {plugin["stage"] for plugin in found.plugins.values()} == {"late"}
    assert found.env["TOKEN"] == "sesame" and found.env["SUBMODULE"] == "None"


def test_eight_threads_with_prefect_itself(world: World, each_prefect: Host) -> None:
    """Eight threads that import the real Prefect at once: hooks run once, all see the environment, none an error."""
    world.plugin(
        "counting", hook('time.sleep(0.3)\nreturn SetupResult(env={"N": str(int(os.environ.get("N", 0)) + 1)})')
    )
    program = """
        import os, threading
        seen = []
        def look(number):
            if number % 2:
                import prefect
                seen.append((os.environ["N"], callable(prefect.flow)))
            else:
                from prefect.settings import PREFECT_API_URL
                seen.append((os.environ["N"], PREFECT_API_URL is not None))
        threads = [threading.Thread(target=look, args=(number,)) for number in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join(40)
        print(seen == [("1", True)] * 8, seen)
    """
    result = world.run(program, env=ENABLED, check=True)
    assert result.stdout.startswith("True"), str(result)
    assert result.stderr == ""


def test_the_table_is_known_here() -> None:
    """On the interpreter that runs these tests the mechanism is available, and the check leaves nothing behind."""
    cpython._verdict = None
    assert cpython.usable()
    assert not any("prefect_preflight" in name for name, _, _ in cpython.entries())


@pytest.mark.parametrize("broken", ["_table", "_blocking_on", "DeadlockError"])
def test_what_is_not_as_known_is_not_used(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that the import system does not look at, or one that is gone, is found out at first use."""
    monkeypatch.setattr(cpython, "_verdict", None)
    monkeypatch.setattr(cpython, broken, {"_table": {}, "_blocking_on": None}.get(broken, cpython._NeverRaised))
    assert not cpython.usable()
