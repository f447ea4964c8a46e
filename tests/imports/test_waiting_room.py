"""Whoever needs Prefect waits for it: threads, hooks, circular imports, on Pythons whose import systems differ.

The package ``prefect`` here is a stand-in of a few modules that import one another, as Prefect's do.
"""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

import standin
from snippets import hook, limited, returning

if TYPE_CHECKING:
    from collections.abc import Callable

    from hosts import Host, Hosts
    from worlds import World

PYTHONS = ("3.9", "3.12", "3.14", "3.15")
"""The oldest, the last change of module locks, the newest two: from 3.15 on an import looks at the parent first."""

EXECUTED = "import sys\nvars(sys).setdefault('executed', []).append(__name__)\n"
APPLICATION = {
    "applib.py": "import time; time.sleep(0.05); from prefect.flows import flow; X = 1",
    "app2.py": "import applib, time; time.sleep(0.03); from prefect.tasks import task; Z = applib.X",
    "appmain.py": "VALUE = 1\nimport prefect\nDONE = 1",
    "swallow.py": "try:\n    from prefect import flow\nexcept ImportError:\n    flow = None",
    "lib.py": "import time; time.sleep(0.3)\nimport prefect.tasks\nY = 1",
    "lib2.py": "import prefect\nimport time; time.sleep(0.3)\nimport prefect.client.orchestration as o\nW = o.client",
    "package/__init__.py": "import prefect\nP = prefect.DONE",
    "package/inner.py": "from prefect.tasks import task\nQ = 1",
    "hang.py": "import prefect.flows, time; time.sleep(600)",
}

HEAD = """
import importlib, json, os, sys, threading, time
problems = []

def thread(function, *arguments):
    def guarded():
        try:
            function(*arguments)
        except BaseException as error:
            problems.append(f"{arguments}: {type(error).__name__}: {error}")
    made = threading.Thread(target=guarded, daemon=True)
    made.start()
    return made

def end(*threads):
    for one in threads:
        one.join(20)
        assert not one.is_alive(), "hang"
    assert not problems, problems
"""

TAIL = """
from prefect_preflight import last_report
report = last_report()
table = sys.modules["_frozen_importlib"]._module_locks
print(json.dumps({
    "statuses": {plugin.name: plugin.status for plugin in report.plugins},
    "stages": {plugin.name: plugin.stage for plugin in report.plugins},
    "errors": {plugin.name: plugin.error.message for plugin in report.plugins if plugin.error},
    "twice": sorted({name for name in vars(sys).get("executed", []) if sys.executed.count(name) > 1}),
    "lanes": [name for name, entry in list(table.items()) if type(entry).__module__.startswith("prefect_preflight")],
    "finders": [
        getattr(finder, "__name__", type(finder).__name__) for finder in sys.meta_path
        if (getattr(finder, "__module__", None) or "").startswith("prefect_preflight")
    ],
    "seconds": report.seconds,
}))
"""


def stand_in_world(hosts: Hosts, new_world: Callable[[Host], World], version: str) -> World:
    """Returns a world with the stand-in and an application's modules."""
    files = {path: text if path.endswith("__init__.py") else EXECUTED + text for path, text in APPLICATION.items()}
    return standin.world_on(hosts, new_world, version, files)


@pytest.fixture(params=PYTHONS)
def toy(request: pytest.FixtureRequest, hosts: Hosts, new_world: Callable[[Host], World]) -> World:
    """A world with the stand-in, on each of the Pythons that this machine has."""
    return stand_in_world(hosts, new_world, request.param)


def play(world: World, program: str, *, seconds: float = 20, env: dict[str, str] | None = None, **hooks: str) -> Any:
    """Runs a program with plugins whose hooks have these bodies, and returns what the child tells."""
    for name, text in hooks.items():
        source = text if "@register_hook" in text else hook(text, before="import importlib")
        world.plugin(f"hook-{name}", source, entry_points={name: f"hook_{name}"})
    variables = {
        "PREFECT_PLUGINS_ENABLED": "1",
        **limited(seconds),
        "STANDIN_PACE": "1",
        **(env or {}),
    }
    result = world.run(HEAD + textwrap.dedent(program) + TAIL, env=variables, timeout=60, check=True)
    told = json.loads(result.stdout)
    assert told["lanes"] == [] and told["twice"] == [], told
    told["stderr"] = result.stderr
    return told


EARLY = returning("EARLY")


def test_early_hooks_run_before_the_body_and_in_parallel(toy: World) -> None:
    """While hooks run, `prefect` does not exist; the body sees what they set."""
    # Each waits for the other one, so that they succeed at the same time or not at all.
    meet = 'import threading\nvars(sys).setdefault("barrier", threading.Barrier(2)).wait(15)\n'
    slow = meet + 'assert "prefect" not in sys.modules\nreturn SetupResult(env={"%s": "1"})'
    told = play(toy, "import prefect\nassert prefect.SEEN == '1'", a=slow % "EARLY", b=slow % "OTHER")
    assert told["stages"] == {"a": "early", "b": "early"} and set(told["statuses"].values()) == {"success"}
    assert told["finders"] == ["ApiFinder"]


def test_the_plugin_api_is_served_early_and_native_afterwards(toy: World) -> None:
    """A hook has the API without Prefect; afterwards `prefect.plugins` is Prefect's own module."""
    uses = 'from prefect.plugins import register_hook, SetupResult as R\nreturn R(env={"EARLY": "1"})'
    told = play(toy, "import prefect, prefect.plugins\nassert prefect.SEEN == '1' and prefect.plugins.native", a=uses)
    assert told["stages"] == {"a": "early"}


def test_a_hook_that_needs_prefect_waits_and_is_executed_once(toy: World) -> None:
    """It goes on in the middle of its import, and holds up no hook that needs nothing."""
    late = """
os.environ["CALLS"] = str(int(os.environ.get("CALLS", "0")) + 1)
from prefect import flow, task
import prefect.client.orchestration as o
return SetupResult(env={"LATE": str(o.client)})
"""
    program = "import prefect\nassert prefect.SEEN == 'EARLY' and os.environ['LATE'] == os.environ['CALLS'] == '1'"
    told = play(toy, program, a=late, b=EARLY)
    assert told["stages"] == {"a": "late", "b": "early"} and told["seconds"] < 1


def test_by_import_module_and_in_helper_threads(toy: World) -> None:
    """`importlib.import_module` waits as statements do, and so do threads that work for a hook."""
    one = 'return SetupResult(env={"A": str(importlib.import_module("prefect.client.orchestration").client)})'
    two = """
async def go():
    loop = asyncio.get_running_loop()
    first = await asyncio.to_thread(importlib.import_module, "prefect.tasks")
    second = await loop.run_in_executor(None, importlib.import_module, "prefect.client.orchestration")
    return first.__name__ + " " + str(second.client)
return SetupResult(env={"B": asyncio.run(go())})
"""
    three = """
async def setup_environment(*, ctx):
    found = await asyncio.get_running_loop().run_in_executor(None, importlib.import_module, "prefect.flows")
    return SetupResult(env={"C": found.__name__})
"""
    source = (
        "import asyncio, importlib\nfrom prefect_preflight import SetupResult, register_hook\n@register_hook\n"
        + three[1:]
    )
    program = """
import prefect
assert [os.environ[n] for n in "ABC"] == ["1", "prefect.tasks 1", "prefect.flows"]
"""
    told = play(toy, program, a=one, b=two, c=source)
    assert set(told["stages"].values()) == {"late"} and told["seconds"] < 3


def test_what_would_swallow_an_import_error_gets_the_real_thing(toy: World) -> None:
    """`try: from prefect import flow / except ImportError` finds the flow."""
    told = play(
        toy,
        "import prefect\nassert os.environ['S'] == 'True'",
        a='import swallow\nreturn SetupResult(env={"S": str(swallow.flow is not None)})',
    )
    assert told["statuses"] == {"a": "success"}


def test_twenty_threads(toy: World) -> None:
    """All see the environment and a whole Prefect, each module once, whatever they import."""
    program = """
names = ["prefect", "prefect.flows", "prefect.tasks", "prefect.client.orchestration", "applib"]
wanted = {"prefect": ["DONE", "flow"], "prefect.flows": ["flow"], "prefect.tasks": ["task"], "applib": ["X"]}
barrier = threading.Barrier(20)
def go(name):
    barrier.wait()
    module = importlib.import_module(name)
    for attribute in wanted.get(name, ["client"]):
        getattr(module, attribute)
    assert os.environ["EARLY"] == "EARLY" and sys.modules[name] is module
end(*[thread(go, names[i % 5]) for i in range(20)])
"""
    late = 'return SetupResult(env={"T": __import__("prefect.tasks", fromlist=["task"]).__name__})'
    told = play(toy, program, a="time.sleep(0.4)\n" + 'return SetupResult(env={"EARLY": "EARLY"})', b=late)
    assert told["statuses"] == {"a": "success", "b": "success"} and told["seconds"] < 5


@pytest.mark.parametrize("first", ["hook", "thread"])
def test_a_module_that_a_thread_and_a_hook_import(toy: World, first: str) -> None:
    """Both get the one complete module, whoever comes first."""
    program = """
got = []
def go():
    import applib
    got.append((getattr(applib, "X", None), sys.modules["applib"] is applib))
main = thread(__import__, "prefect")
time.sleep(DELAY)
other = thread(go)
end(main, other)
assert got == [(1, True)] and os.environ["X"] == "1", (got, os.environ.get("X"))
""".replace("DELAY", {"hook": "0.25", "thread": "0.1"}[first])
    wait = {"hook": "", "thread": "time.sleep(0.4)\n"}[first]
    told = play(toy, program, a=wait + 'import applib\nreturn SetupResult(env={"X": str(applib.X)})')
    assert told["statuses"] == {"a": "success"} and told["seconds"] < 5


def test_two_hooks_that_import_the_same_application_module(toy: World) -> None:
    """The second one waits for the first, who waits for Prefect: neither takes the time of the other hooks."""
    one = 'import applib\nreturn SetupResult(env={"ONE": str(applib.X)})'
    two = 'time.sleep(0.02)\nimport app2\nreturn SetupResult(env={"TWO": str(app2.Z)})'
    program = "import prefect\nassert (os.environ['ONE'], os.environ['TWO'], prefect.SEEN) == ('1', '1', 'EARLY')"
    told = play(toy, program, a=one, b=two, c=EARLY)
    assert told["seconds"] < 3 and told["stages"] == {"a": "late", "b": "late", "c": "early"}


def test_a_stranger_holds_a_module_that_the_body_imports(toy: World) -> None:
    """A thread in the middle of `lib` waits for Prefect, whose body imports `lib`: as in any circular import."""
    program = """
other = thread(__import__, "lib")
time.sleep(0.1)
main = thread(__import__, "prefect")
end(main, other)
import prefect, lib
assert prefect.DONE and lib.Y == 1
"""
    play(toy, program, env={"BODY_IMPORTS": "lib"}, a='time.sleep(0.6)\nreturn SetupResult(env={"EARLY": "1"})')


def test_a_stranger_comes_back_for_more_while_the_body_needs_what_it_holds(toy: World) -> None:
    """A thread that holds `lib` imports an unloaded `prefect.x` while the body imports `lib`."""
    program = """
other = thread(__import__, "lib")  # it sleeps 0.3 s, then imports prefect.tasks, when the body is at its own sleep
time.sleep(0.2)
main = thread(__import__, "prefect")
end(main, other)
import prefect, lib
assert prefect.DONE and lib.Y == 1
"""
    play(toy, program, env={"BODY_IMPORTS": "lib"}, a="return None")


def test_the_programs_own_module_imported_by_the_hook(toy: World) -> None:
    """A module that is importing Prefect is there for hooks as far as it has come."""
    told = play(
        toy,
        "import appmain\nassert os.environ['V'] == '1' and appmain.DONE == 1",
        a='return SetupResult(env={"V": str(__import__("appmain").VALUE)})',
    )
    assert told["stages"] == {"a": "early"}


def test_a_program_that_begins_with_a_submodule(toy: World) -> None:
    """A late hook imports the very module whose import has begun all this."""
    late = 'return SetupResult(env={"T": importlib.import_module("prefect.tasks").task.__name__})'
    told = play(toy, "from prefect.tasks import task\nassert os.environ['T'] == 'task'", a=late, b=EARLY)
    assert told["statuses"] == {"a": "success", "b": "success"} and told["seconds"] < 2


def test_a_submodule_of_a_package_that_imports_prefect(toy: World) -> None:
    """`import package.inner` holds the lock of `package.inner` while `package` waits for Prefect."""
    program = """
main, other = thread(__import__, "prefect"), thread(__import__, "package.inner")
end(main, other)
assert os.environ["Q"] == "1" and sys.modules["package.inner"].Q == 1
"""
    told = play(
        toy, program, a='time.sleep(0.1)\nimport package.inner\nreturn SetupResult(env={"Q": str(package.inner.Q)})'
    )
    assert told["statuses"] == {"a": "success"} and told["seconds"] < 5


def test_a_slow_hook_that_needs_prefect_while_the_body_runs(toy: World) -> None:
    """A hook that is not done when the body begins, and then imports a submodule, waits too, up to Python 3.14."""
    slow = """
while "prefect" not in sys.modules:
    time.sleep(0.01)
import prefect.client.orchestration as o
return SetupResult(env={"SLOW": str(sys.modules["prefect"].DONE) + str(o.client)})
"""
    late = 'from prefect import task\nreturn SetupResult(env={"LATE": "1"})'
    # That something waits for the late stage ends the wait for the slow one, after three quarters of the time.
    told = play(toy, "import prefect\nassert os.environ['SLOW'] == 'True1'", seconds=4, slow=slow, waits=late)
    assert told["statuses"] == {"slow": "success", "waits": "success"}


def test_a_hook_that_hangs(toy: World) -> None:
    """The import returns at the deadline, with what the others did."""
    told = play(
        toy, "import prefect\nassert prefect.DONE and os.environ['EARLY']", seconds=1, a="time.sleep(600)", b=EARLY
    )
    assert told["statuses"] == {"a": "timed-out", "b": "success"} and told["seconds"] < 1.5
    assert told["finders"] == ["ApiFinder", "StrangersFinder"]  # for the one that still runs


def test_a_late_hook_that_hangs_in_a_module_of_the_applications(toy: World) -> None:
    """Who was admitted and hangs is given up too."""
    told = play(toy, "import prefect\nassert prefect.DONE", seconds=1, a="import hang\nreturn None", b=EARLY)
    assert told["statuses"] == {"a": "timed-out", "b": "success"} and told["seconds"] < 1.5


def test_a_straggler_keeps_nobody_from_a_module(toy: World) -> None:
    """A hook that was given up can import nothing further of Prefect; a module that it aborts is there for others."""
    program = """
import prefect
time.sleep(0.55)
got = []
end(thread(lambda: got.append(__import__("applib").X)))
assert got == [1], got
"""
    # `prefect.flows` is loaded, so what the straggler executes of `applib` is complete.
    straggler = 'time.sleep(1.5)\nimport applib, prefect.client\nreturn SetupResult(env={"X": "1"})'
    told = play(toy, program, seconds=1, a=straggler)
    assert told["statuses"] == {"a": "timed-out"}


def test_whoever_waits_when_the_import_fails_is_released(toy: World) -> None:
    """A hook that waits in the middle of an application's module lets that module go when the body raises."""
    program = """
try:
    import prefect
except ImportError as error:
    assert "nosuchmodule" in str(error)
else:
    raise AssertionError
assert "prefect" not in sys.modules
del os.environ["BODY_IMPORTS"]
sys.executed.clear()
import prefect
end(thread(__import__, "applib"))
assert prefect.DONE and os.environ["X"] == "1"
"""
    hooks = {"a": 'import applib\nreturn SetupResult(env={"X": str(applib.X)})', "b": EARLY}
    told = play(toy, program, env={"BODY_IMPORTS": "nosuchmodule"}, **hooks)
    assert told["statuses"] == {"a": "success", "b": "success"} and told["seconds"] < 5


@pytest.mark.skipif("sys.platform == 'win32'", reason="there is no fork")
def test_a_fork_in_a_hook(toy: World) -> None:
    """The child imports Prefect as if nobody had begun to."""
    forks = """
pid = os.fork()
if pid == 0:
    try:
        import prefect
        os._exit(7 if prefect.DONE else 1)
    except BaseException:
        import traceback; traceback.print_exc()
        os._exit(2)
return SetupResult(env={"F": str(os.waitpid(pid, 0)[1] >> 8)})
"""
    told = play(toy, "import prefect\nassert os.environ['F'] == '7', os.environ['F']", a=forks)
    assert told["seconds"] < 5


def test_the_importing_thread_may_import_prefect_while_hooks_run(toy: World) -> None:
    """A signal handler that imports Prefect gets the module that is being imported, as in any circular import."""
    program = """
import signal
seen = []
def handler(*_):
    import prefect
    seen.append(hasattr(prefect, "DONE"))
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.3)
import prefect
assert seen == [False] and prefect.DONE and sys.modules["prefect"] is prefect
assert type(prefect.__spec__.loader).__name__ == "SourceFileLoader"
"""
    told = play(toy, program, a='time.sleep(0.7)\nimport prefect.flows\nreturn SetupResult(env={"A": "1"})')
    assert told["statuses"] == {"a": "success"}


def test_a_thread_after_the_main_thread_has_ended(toy: World) -> None:
    """An import of Prefect in a thread that outlives the main thread runs the hooks, async ones and late ones too."""
    slow = (
        "async def setup_environment(*, ctx):\n    await asyncio.sleep(0.01)\n    return SetupResult(env={'B': '1'})\n"
    )
    source = "import asyncio, time\nfrom prefect_preflight import SetupResult, register_hook\n@register_hook\n" + slow
    for name, text in {
        "a": EARLY,
        "b": source,
        "c": hook("import prefect.tasks\nreturn SetupResult(env={'C': '1'})"),
    }.items():
        toy.plugin(f"hook-{name}", text, entry_points={name: f"hook_{name}"})
    program = """
import os, threading
def late():
    main.join()
    import time; time.sleep(0.3)
    import prefect
    print(prefect.DONE, os.environ["EARLY"], os.environ["C"], os.environ.get("B"), flush=True)
main = threading.main_thread()
threading.Thread(target=late).start()
"""
    result = toy.run(program, PREFECT_PLUGINS_ENABLED="1", check=True)
    assert (result.stdout, result.stderr) == ("True EARLY 1 1\n", "")
