"""Failure modes of imports and threads."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

import standin
from snippets import ENABLED
from toys import PLUGIN, PYTHONS, hook, repetitions, toy_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from hosts import Host, Hosts
    from worlds import World

MakeWorld = "Callable[[Host], World]"


@pytest.fixture(params=PYTHONS)
def toy(request: pytest.FixtureRequest, hosts: Hosts, new_world: Callable[[Host], World]) -> World:
    """A world with the toy Prefect, on every Python."""
    return toy_world(hosts, new_world, request.param)


# A hook's thread imports while the importer waits under an import lock

STDLIB = "decimal, sqlite3, wsgiref.simple_server, xml.dom.minidom, mailbox, ftplib, pdb, xmlrpc.client, http.cookiejar"

IN_THE_HOOK = f"import {STDLIB}"
IN_A_HELPER_THREAD = f"""
    from concurrent.futures import ThreadPoolExecutor
    def work():
        import {STDLIB}
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: work(), range(4)))
"""
IN_TO_THREAD = f"""
    import asyncio
    def work():
        import {STDLIB}
        from prefect.plugins import SetupResult
    async def main():
        await asyncio.gather(*[asyncio.to_thread(work) for _ in range(4)])
    asyncio.run(main())
"""


TIMED = """
    import time
    started = time.perf_counter()
    {statement}
    seconds = time.perf_counter() - started
    import prefect, prefect_preflight
    plugin, = prefect_preflight.last_report().plugins
    assert plugin.status == "success", plugin
    assert plugin.stage == {stage!r}, plugin
    assert prefect.SEEN == ("set-by-the-hook" if plugin.stage == "early" else None)
    assert sum(hook.seconds for hook in plugin.hooks) < {limit}, plugin
"""


@pytest.mark.parametrize("body", [IN_THE_HOOK, IN_A_HELPER_THREAD, IN_TO_THREAD], ids=["hook", "pool", "to_thread"])
def test_hook_imports_unloaded_stdlib_modules(toy: World, body: str) -> None:
    """A hook that imports unloaded stdlib modules finishes in under 1 s on every Python."""
    toy.plugin("imports", hook(body))
    toy.run(f"import {STDLIB}")  # once, so that the time to compile them is not what is measured
    toy.run(TIMED.format(statement="import prefect", limit=1, stage="early"), env=ENABLED, check=True)


@pytest.mark.parametrize(
    "statement",
    [
        "import prefect.flows",
        "from prefect.plugins import register_hook",
        "import prefect._experimental.plugins",
        "import importlib; importlib.import_module('prefect.blocks')",
        "import application",
    ],
)
def test_whatever_imports_prefect_first(toy: World, statement: str) -> None:
    """It does not matter which module locks the importing thread holds above that of Prefect.

    The hook's module `application` imports Prefect: it is there where the program is importing it, else it waits.
    """
    toy.plugin(
        "imports", hook("import application, decimal; from prefect.plugins import HookContext", "import application")
    )
    toy.overlay.joinpath("application.py").write_text("import prefect\nimport helpers\n")
    toy.overlay.joinpath("helpers.py").write_text("import application\n")
    stage = "early" if statement == "import application" else "late"
    toy.run(TIMED.format(statement=statement, limit=1, stage=stage), env=ENABLED, check=True)


# A plugin imports half-initialised Prefect

AWS = {"new": ("prefect==3.8.8", "fastapi<0.150", "prefect-aws>=0.7.2"), "old": ("prefect==3.4.23", "prefect-aws")}


@pytest.mark.parametrize("which", AWS)
def test_prefect_aws(hosts: Hosts, new_world: Callable[[Host], World], which: str) -> None:
    """With prefect-aws enabled `import prefect` works on every version; prefect-aws is left to the server."""
    world = new_world(hosts(*AWS[which], python={"new": "3.12", "old": "3.9"}[which]))
    world.plugin("my-plugin", PLUGIN)
    result = world.run(
        """
        import json, os, sys, prefect, prefect_preflight
        from prefect import flow, task
        assert os.environ["TOKEN"] == "set-by-the-hook"
        report = prefect_preflight.last_report()
        print(json.dumps({plugin.name: [plugin.status, plugin.stage] for plugin in report.plugins}))
        import prefect_aws
        """,
        env={**ENABLED, "PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS": "60"},
        timeout=120,
        check=True,
    )
    found = result.json
    assert found.pop("my_plugin") == ["success", "early"]
    # Older releases of prefect-aws, which fit the old Prefect, are no plugins.
    assert found == ({"aws": ["no-startup-hook", None]} if which == "new" else {})


SWALLOWS = {
    "early": "",
    "late": "import prefect.flows\n",
}
STARTS = {
    # The program's first import, and what the plugin needs: the importing thread has its lock.
    "submodule": ("import prefect.flows", "from prefect.flows import flow as found"),
    "submodule-by-name": ("import prefect.flows", "import importlib; found = importlib.import_module('prefect.flows')"),
    "prefect-by-name": ("import prefect", "import importlib; found = importlib.import_module('prefect').flow"),
    "application-by-name": ("import app", "import importlib; found = importlib.import_module('app')"),
}


@pytest.mark.parametrize("where", ["load", "hook"])
@pytest.mark.parametrize("stage", SWALLOWS)
@pytest.mark.parametrize("start", STARTS)
def test_swallowed_deadlocks(toy: World, start: str, stage: str, where: str) -> None:
    """A plugin that would swallow what Python raises for a locked module has nothing to swallow."""
    statement, wanted = STARTS[start]
    toy.overlay.joinpath("app.py").write_text("ONE = 1\nimport prefect\n")
    body = f"{SWALLOWS[stage]}try:\n    {wanted}\nexcept Exception:\n    found = None\n"
    tell = "os.write(2, b'FOUND' if found is not None else b'MISSING')"
    toy.plugin("swallows", hook(body + tell) if where == "hook" else hook(tell, body))
    result = toy.run(f"{statement}\nimport prefect; print(prefect.DONE)", env=ENABLED, timeout=60, check=True)
    assert result.stdout == "True\n" and result.stderr.endswith("FOUND"), result


# A timed-out thread goes on importing and races the rest

RACER = """
    import importlib, os, pkgutil, random, sys, threading
    from prefect.plugins import register_hook, SetupResult

    NAMES = [name for name in sys.stdlib_module_names] if hasattr(sys, "stdlib_module_names") else [
        "decimal", "sqlite3", "wsgiref.simple_server", "xml.dom.minidom", "mailbox", "ftplib", "pdb", "xmlrpc.client"]
    NAMES = [name for name in NAMES if name not in ("antigravity", "this", "idlelib", "turtle", "turtledemo", "tkinter")
             and not name.startswith("_")]

    def work():
        while True:
            for name in random.sample(NAMES, len(NAMES)):
                for statement in (f"import {name}", "import prefect.flows", "from prefect import flow",
                                  "import prefect.blocks"):
                    try:
                        exec(statement)
                    except ImportError:
                        pass
                    except SystemExit:
                        return  # the process ends, and we are asked to
                    except BaseException as error:
                        os.write(2, f"RACER {error!r}\\n".encode())

    @register_hook
    def setup_environment(*, ctx):
        for _ in range(2):
            threading.Thread(target=work, daemon=True).start()
        work()
"""


@pytest.mark.parametrize("touches", [False, True], ids=["stdlib-only", "prefect-too"])
def test_timeouts_raise_no_deadlock_error(toy: World, touches: bool) -> None:
    """100 timeouts produce no `_DeadlockError`."""
    source = RACER if touches else RACER.replace('"import prefect.flows", "from prefect import flow",', "")
    toy.plugin("racer", source.replace('"import prefect.blocks"', "") if not touches else source)
    toy.plugin("good", PLUGIN)
    for _ in range(repetitions(100, 2)):
        result = toy.run(
            """
            import prefect, prefect.blocks, decimal, sqlite3, wsgiref.simple_server, xml.dom.minidom, mailbox, ftplib
            import os
            from prefect import flow
            assert prefect.DONE and os.environ["TOKEN"] == "set-by-the-hook"
            """,
            env={**ENABLED, "PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS": "0.3"},
        )
        assert result.returncode == 0, result
        assert "Deadlock" not in result.stderr, result
        assert "RACER" not in result.stderr, result


# Look-ups trigger the work

COUNTING = hook("os.write(2, b'RUN\\n')", "os.write(2, b'LOAD\\n')")


def test_look_ups_run_nothing(world: World, each_prefect: Host) -> None:
    """`find_spec` and `walk_packages` run nothing; reload and re-import never run again."""
    world.plugin("counting", COUNTING)
    looking = """
        import importlib.util, importlib.machinery, pkgutil, sys
        spec = importlib.util.find_spec("prefect")
        assert spec.origin.endswith("__init__.py") and spec.loader.get_source("prefect")
        assert spec.loader.is_package("prefect") and spec.loader.get_filename("prefect") == spec.origin
        import copy, pickle; copy.copy(spec.loader); repr(spec); importlib.util.module_from_spec(spec)
        assert "prefect" in {module.name for module in pkgutil.iter_modules()}
        names = {module.name for module in pkgutil.iter_modules(spec.submodule_search_locations, "prefect.")}
        assert "prefect.flows" in names
        assert not [name for name in sys.modules if name.partition(".")[0] == "prefect"]
    """
    result = world.run(looking, env=ENABLED, check=True)
    assert (result.stdout, result.stderr) == ("", "")

    again = """
        import importlib, os, pkgutil, sys
        import prefect
        os.environ["TOKEN"] = "changed"
        importlib.reload(prefect)
        for package in ("types", "events"):
            list(pkgutil.walk_packages([prefect.__path__[0] + "/" + package], f"prefect.{package}."))
        for name in [name for name in sys.modules if name.partition(".")[0] == "prefect"]:
            del sys.modules[name]
        import prefect
        importlib.import_module("prefect.plugins")
        importlib.reload(sys.modules["prefect.plugins"])
        assert os.environ["TOKEN"] == "changed"
    """
    result = world.run(again, env=ENABLED, check=True)
    assert result.stderr.count("LOAD") == result.stderr.count("RUN") == 1, result


def test_a_kept_loader_runs_nothing_again(toy: World) -> None:
    """A spec that was found before the import, and executed by hand after it, runs the body and no hook."""
    toy.plugin("counting", COUNTING)
    result = toy.run(
        """
        import importlib.util, sys
        first, second = importlib.util.find_spec("prefect"), importlib.util.find_spec("prefect")
        import prefect
        module = importlib.util.module_from_spec(first)
        first.loader.exec_module(module)
        assert module.DONE
        sys.modules["prefect"] = module = importlib.util.module_from_spec(second)
        second.loader.exec_module(module)
        assert module.DONE and type(module.__loader__).__name__ == "SourceFileLoader"
        """,
        env=ENABLED,
        check=True,
    )
    assert result.stderr.count("RUN") == 1, result


# `./prefect/` or `prefect.py` shadows the package


@pytest.mark.parametrize("kind", ["package", "module", "namespace"])
def test_only_the_installed_prefect_runs_hooks(world: World, kind: str) -> None:
    """Hooks run only for the installed Prefect package."""
    world.plugin("counting", COUNTING)
    text = "import os\nMINE = os.environ.get('TOKEN', 'mine')\n"
    if kind == "module":
        (world.cwd / "prefect.py").write_text(text)
    else:
        (world.cwd / "prefect").mkdir()
        (world.cwd / "prefect" / ("__init__.py" if kind == "package" else "mine.py")).write_text(text)
    result = world.run("import prefect; print(getattr(prefect, 'MINE', 'not mine'))", env=ENABLED, check=True)
    # A namespace package in front of a regular one does not shadow it: Python prefers the regular one.
    assert result.stdout.strip() == ("not mine" if kind == "namespace" else "mine")
    assert result.stderr.count("RUN") == (1 if kind == "namespace" else 0), result


def test_the_installed_one_still_runs_them_after_a_shadow(toy: World) -> None:
    """A package of the same name that was imported and dropped again does not use up the run."""
    toy.plugin("counting", COUNTING)
    (toy.cwd / "prefect").mkdir()
    (toy.cwd / "prefect" / "__init__.py").write_text("MINE = True\n")
    result = toy.run(
        """
        import sys, prefect
        assert prefect.MINE
        sys.path.remove("")
        del sys.modules["prefect"]
        import prefect
        assert prefect.SEEN == "set-by-the-hook"
        """,
        env=ENABLED,
        check=True,
    )
    assert result.stderr.count("RUN") == 1, result


def test_prefect_client_counts(hosts: Hosts, new_world: Callable[[Host], World]) -> None:
    """The distribution `prefect-client` ships the same package, so hooks run for it."""
    world = new_world(hosts(python="3.12"))
    standin.install(world, distribution="prefect-client")
    world.plugin("my-plugin", PLUGIN)
    assert world.run("import prefect; print(prefect.SEEN)", env=ENABLED, check=True).stdout == "set-by-the-hook\n"


# Subinterpreters refuse daemon threads


IN_A_SUBINTERPRETER = """
    try:
        import _interpreters as interpreters
    except ImportError:
        import _xxsubinterpreters as interpreters
    interpreter = interpreters.create()
    print(interpreters.run_string(interpreter, {code!r}) or "")
    interpreters.destroy(interpreter)
"""

IMPORT_AND_CHECK = """
import os, prefect, prefect_preflight
assert prefect.DONE
report = prefect_preflight.last_report()
assert report.outcome == "success" and os.environ["TOKEN"] == "set-by-the-hook"
# Without threads hooks run after the body, and the report says so.
assert (prefect.SEEN, report.hooks_run_in) in ((None, "importing thread"), ("set-by-the-hook", "workers"))
os.write(1, b"imported")
"""

# A function in C that takes keywords, called in a subinterpreter: CPython 3.12.1 may crash at its end, where it frees
# the other interpreter's tuples (`_PyTuple_Fini`). Whether by SIGABRT or SIGSEGV is up to what lies there in memory.
ENCODE = "import base64; base64.b64encode(b'abc')"


@pytest.mark.parametrize("strict", ["0", "1"])
def test_subinterpreters(toy: World, strict: str) -> None:
    """Import never raises there, and the hooks run."""
    toy.plugin("my-plugin", hook("import decimal"))
    code = IN_A_SUBINTERPRETER.format(code=IMPORT_AND_CHECK)
    result = toy.run(code, env={**ENABLED, "PREFECT_PLUGINS_STRICT": strict})
    assert result.stdout.strip() == "imported", result
    if result.returncode:
        control = toy.run(IN_A_SUBINTERPRETER.format(code=ENCODE), PREFECT_PREFLIGHT_DISABLE="1")
        assert control.returncode < 0 and result.returncode in (-6, -11), result


# A loader wrapper breaks resources


def test_the_original_loader_is_in_place(world: World, each_prefect: Host) -> None:
    """After the import the original loader is in place."""
    world.plugin("my-plugin", PLUGIN)
    result = world.run(
        """
        import importlib.machinery, importlib.resources, inspect, pkgutil, sys
        import prefect
        for module in (prefect, *(sys.modules[name] for name in list(sys.modules) if name.startswith("prefect."))):
            loader = module.__spec__.loader
            assert loader is module.__loader__, module
            assert type(loader) in (importlib.machinery.SourceFileLoader, importlib.machinery.NamespaceLoader
                                    if hasattr(importlib.machinery, "NamespaceLoader") else type(loader)), module
            assert "get_code" not in vars(loader), module
            assert type(module.__spec__) is importlib.machinery.ModuleSpec, module
        assert "def __getattr__" in inspect.getsource(prefect)
        assert (importlib.resources.files("prefect") / "py.typed").is_file()
        assert pkgutil.get_data("prefect", "py.typed") is not None
        import prefect.plugins
        assert inspect.getsource(prefect.plugins)
        """,
        env=ENABLED,
    )
    assert result.returncode == 0, result


# Two threads import first at once

EIGHT_THREADS = """
    import importlib, os, sys, threading
    {before}
    go, seen = threading.Barrier(8), []

    def statement():
        import prefect
        return prefect.DONE, prefect.SEEN

    def from_import():
        from prefect import flow, DONE, SEEN
        return DONE, SEEN

    def submodule():
        import prefect.flows
        return prefect.DONE, prefect.flows.SEEN

    def from_submodule():
        from prefect.flows import SEEN
        import prefect
        return prefect.DONE, SEEN

    def package():
        import prefect.blocks
        return prefect.DONE, prefect.SEEN

    def by_name():
        prefect = importlib.import_module("prefect")
        return prefect.DONE, prefect.SEEN

    def package_by_name():
        importlib.import_module("prefect.blocks")
        return from_import()

    def plugin_api():
        from prefect.plugins import register_hook
        return statement()

    def work(function):
        go.wait()
        try:
            result = function()
        except BaseException as error:
            result = repr(error), os.environ.get("TOKEN")
        seen.append((function.__name__, result))

    functions = [statement, from_import, submodule, from_submodule, package, by_name, package_by_name, plugin_api]
    threads = [threading.Thread(target=work, args=(function,), daemon=True) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive(), seen
    print([pair for pair in seen if pair[1] != (True, {expected!r})])
    print(type(sys.modules["prefect.flows"].__spec__.loader).__name__)
"""


@pytest.mark.parametrize("body", ["import time; time.sleep(0.2)", "from prefect import flow"], ids=["early", "late"])
def test_eight_threads_at_once(toy: World, body: str) -> None:
    """Eight threads importing at once: hooks run once, all eight see the environment and a complete module."""
    toy.plugin("counting", hook(f"os.write(2, b'RUN\\n'); {body}"))
    late = "from prefect" in body
    code = EIGHT_THREADS.format(before="", expected=None if late else "set-by-the-hook")
    for _ in range(repetitions(50, 3)):
        result = toy.run(code + "\n    assert os.environ['TOKEN'] == 'set-by-the-hook'", env=ENABLED)
        assert result.stdout.split("\n")[:2] == ["[]", "SourceFileLoader"], result
        assert result.stderr.count("RUN") == 1, result


# What Python gives, without us too, to threads that waited for an import that then failed: the unfinished module.
UNFINISHED = ("has no attribute", "cannot import name 'DONE'", "KeyError('prefect')")


def test_a_failing_import_in_eight_threads(toy: World) -> None:
    """If the import fails it fails in each thread, after the hooks; none hangs, and none is told of a deadlock."""
    body = "import os\nfrom prefect.flows import flow, SEEN\nif os.environ.get('TOKEN') != 'other': raise OSError\n"
    standin.install(toy, body=body + "DONE = True\n")
    toy.plugin("my-plugin", hook("import time; time.sleep(0.2)"))
    result = toy.run(EIGHT_THREADS.format(before="pass", expected="set-by-the-hook"), env=ENABLED, timeout=60)
    seen = ast.literal_eval(result.stdout.split("\n")[0])
    assert len({name for name, _ in seen}) == len(seen) == 8, result
    for name, (error, token) in seen:
        assert error == "OSError()" or any(words in error for words in UNFINISHED), (name, result)
        assert token == "set-by-the-hook", (name, "did not wait", result)
    # Without us the body's error reaches whoever executes it, and so it must with us.
    assert "OSError()" in [error for _, (error, _) in seen], result
