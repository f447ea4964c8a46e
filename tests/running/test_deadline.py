"""Failure modes of the deadline and of ends: time-outs, exits, forks, interrupts, frozen clocks."""

from __future__ import annotations

import signal
import textwrap
import time
from typing import TYPE_CHECKING

import pytest

from snippets import ENABLED, limited
from toys import COMPANIONS, PLUGIN, SOME_PYTHONS, hook, repetitions, toy_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from hosts import Host, Hosts
    from worlds import World

SECOND = {**ENABLED, **limited(1)}
PLENTY = 100
"""Seconds in which any machine runs such a child to its end, far fewer than a hook lasts that hangs.

A child that has ended by itself before that did not wait for the hook. How long its start, Prefect's own import and its
end took is the machine's affair, above all beside a hook that spins.
"""
TIMED = """
    import time
    clock = lambda: time.clock_gettime(time.CLOCK_MONOTONIC)
    {before}
    started = clock()
    import prefect
    seconds = clock() - started
    import json, os, prefect_preflight
    report = prefect_preflight.last_report()
    print(json.dumps({{
        "seconds": seconds,
        "ours": report.seconds,
        "statuses": {{plugin.name: plugin.status for plugin in report.plugins}},
        "token": os.environ.get("TOKEN"),
        "late": os.environ.get("LATE"),
    }}))
    {after}
"""


@pytest.fixture(params=SOME_PYTHONS)
def toy(request: pytest.FixtureRequest, hosts: Hosts, new_world: Callable[[Host], World]) -> World:
    """A world with the toy Prefect, on several Pythons."""
    return toy_world(hosts, new_world, request.param)


def timed(before: str = "", after: str = "") -> str:
    """A program that imports Prefect and prints how long that took and what became of the plugins."""
    return TIMED.format(before=before, after=after)


# A sync hook ignores the deadline

STUBBORN = {
    "sleeps": "import time; time.sleep(600)",
    "spins": "while True: pass",
    "blocks-in-c": "import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()",
    "reads": "import os; os.read(os.pipe()[0], 1)",
    "swallows": """
        import time
        while True:
            try:
                time.sleep(600)
            except BaseException:
                pass
    """,
    "recurses": """
        def again():
            try:
                again()
            finally:
                again()
        again()
    """,
    # The child ends with its parent.
    "waits-for-child": "import subprocess, sys; subprocess.run([sys.executable, '-c', "
    "'import os, time; parent = os.getppid()\\nwhile os.getppid() == parent: time.sleep(0.1)'], "
    "stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)",
    "joins-a-thread": "import threading, time; t = threading.Thread(target=time.sleep, args=(600,), daemon=True); "
    "t.start(); t.join()",
}


@pytest.mark.parametrize("how", STUBBORN)
def test_sync_hook_ignores_the_deadline(toy: World, how: str) -> None:
    """`import prefect` returns by deadline + 0.5 s, what finished in time is applied, and the process ends."""
    toy.plugin("stubborn", hook(STUBBORN[how]).replace("TOKEN", "LATE"))
    toy.plugin("good", PLUGIN)
    result = toy.run(timed(), env=SECOND, timeout=PLENTY)
    assert result.returncode == 0, result
    assert result.json["ours"] < 1.5, result
    assert result.json["statuses"] == {"good": "success", "stubborn": "timed-out"}
    assert (result.json["token"], result.json["late"]) == ("set-by-the-hook", None)


@pytest.mark.parametrize("stage", ["load", "early", "late"])
def test_with_prefect_itself(world: World, each_prefect: Host, stage: str) -> None:
    """The deadline holds for loading, for early hooks and for late ones; Prefect's own time does not count."""
    stubborn = "import time; time.sleep(600)"
    body = {"load": "", "early": stubborn, "late": f"from prefect import flow; {stubborn}"}[stage]
    world.plugin("stubborn", hook(body, stubborn if stage == "load" else "").replace("TOKEN", "LATE"))
    world.plugin("good", PLUGIN)
    program = timed()
    if stage == "late":  # the import of it has the plugin's part of Prefect executed too
        program = program.replace("import prefect\n", "from prefect import flow\n", 1)
    native = world.run(program, PREFECT_PREFLIGHT_DISABLE="1", PREFECT_PLUGINS_ENABLED="0")
    result = world.run(timed(), env={**ENABLED, **limited(2)}, check=True)
    assert result.json["ours"] < 2.5, result
    assert result.json["seconds"] < 2.5 + 2 * native.json["seconds"], (result, native)  # on a busy machine
    assert result.json["statuses"] == {"good": "success", "stubborn": "timed-out"}
    assert result.json["token"] == "set-by-the-hook"


def test_a_thread_of_an_async_hook(toy: World) -> None:
    """What an async hook leaves in `asyncio.to_thread` does not keep the process from ending either."""
    source = hook("import asyncio, time\nawait asyncio.to_thread(time.sleep, 600)")
    toy.plugin("stubborn", source.replace("def setup", "async def setup").replace("TOKEN", "LATE"))
    source = hook(
        "import asyncio\nassert await asyncio.gather(*[asyncio.to_thread(int) for _ in range(99)]) == [0] * 99"
    )
    toy.plugin("good", source.replace("def setup", "async def setup"))
    result = toy.run(timed(), env=SECOND, timeout=PLENTY, check=True)
    assert result.json["statuses"] == {"good": "success", "stubborn": "timed-out"}
    assert result.json["ours"] < 1.5, result


def test_late_results_are_discarded(toy: World) -> None:
    """A result that comes after the deadline changes nothing, nor does one that comes while the process exits."""
    toy.plugin("slow", hook("import time; time.sleep(0.8)").replace("TOKEN", "LATE"))
    result = toy.run(
        timed(after="before = dict(os.environ); time.sleep(1); assert dict(os.environ) == before"),
        env={**ENABLED, **limited(0.4)},
        check=True,
    )
    assert result.json["late"] is None and result.json["statuses"] == {"slow": "timed-out"}


HOLDS = "import ctypes; ctypes.PyDLL(None).usleep(1_700_000)"
"""Keeps the interpreter's lock for 1.7 seconds, so that the importing thread comes back when the deadline is over."""


@pytest.mark.parametrize("what", ["load", "hook", "late"])
def test_ended_late_while_the_importing_thread_was_held_up(toy: World, what: str) -> None:
    """What ended after the deadline is discarded, although the importing thread sees it ended when it looks."""
    late = "from prefect import flow\n" if what == "late" else ""
    source = hook("", HOLDS) if what == "load" else hook(late + HOLDS)
    # Last, for while the lock is kept nobody else comes to an end.
    source = source.replace("@register_hook", "@register_hook(trylast=True)")
    toy.plugin("holds", source.replace("TOKEN", "LATE"))
    toy.plugin("good", PLUGIN)
    result = toy.run(timed(), env=SECOND, timeout=PLENTY, check=True)
    assert result.json["statuses"] == {"good": "success", "holds": "timed-out"}, result
    assert (result.json["token"], result.json["late"]) == ("set-by-the-hook", None)
    doing, spans = ("being loaded", "share for loading") if what == "load" else ("running", "share")
    assert f"it was still {doing} when the 1 s that all plugins {spans} were over" in result.stderr, result


def test_ended_in_time_while_the_importing_thread_was_held_up(toy: World) -> None:
    """What ended before the deadline is applied, although the importing thread sees that only afterwards."""
    toy.plugin(
        "in-time",
        hook("import builtins, time; time.sleep(1.2); builtins.ends = True").replace(
            "@register_hook", "@register_hook(tryfirst=True)"
        ),
    )
    waiting = "import builtins, time\nwhile not hasattr(builtins, 'ends'): time.sleep(0.01)\ntime.sleep(0.2)\n"
    toy.plugin("holds", hook(waiting + HOLDS).replace("TOKEN", "LATE"))
    variables = {**ENABLED, **limited(2)}
    result = toy.run(timed(), env=variables, timeout=PLENTY, check=True)
    assert result.json["statuses"] == {"holds": "timed-out", "in_time": "success"}, result
    assert (result.json["token"], result.json["late"]) == ("set-by-the-hook", None)


def test_in_the_importing_thread(toy: World) -> None:
    """Where no thread can be had the deadline ends no hook; what comes late is discarded, and nothing more started."""
    toy.plugin("a-good", PLUGIN)
    toy.plugin("b-slow", hook("import time; time.sleep(1.3)").replace("TOKEN", "LATE"))
    toy.plugin("c-without-a-turn", hook("os.write(2, b'RUN')").replace("TOKEN", "OTHER"))
    before = "from prefect_preflight._imports import cpython; cpython._verdict = False"
    result = toy.run(timed(before), env=SECOND, timeout=PLENTY, check=True)
    expected = {"a_good": "success", "b_slow": "timed-out", "c_without_a_turn": "timed-out"}
    assert result.json["statuses"] == expected, result
    assert (result.json["token"], result.json["late"]) == ("set-by-the-hook", None)
    assert "RUN" not in result.stderr and "b_slow failed: it was still running" in result.stderr, result
    assert "c_without_a_turn failed: its turn had not come" in result.stderr, result


# Fork with live threads or locks

FORK = """
    import prefect, signal, sys
    from prefect.plugins import SetupResult as known_before
    {head}
    pid = os.fork()
    if pid == 0:
        signal.alarm(10)
        import importlib, time
        started = time.monotonic()
        import prefect.blocks
        from prefect import flow, DONE
        import prefect.plugins, decimal
        assert prefect.DONE and globals()["kept"].DONE and importlib.import_module("prefect") is prefect
        assert time.monotonic() - started < 2
        import prefect_preflight
        assert prefect_preflight.last_report().outcome == "inside-hook"
        {end}
    assert os.waitpid(pid, 0)[1] == {status}, "the child did not end well"
"""
ENDS = {
    "os._exit": ("os._exit(3)", 3 << 8),
    "sys.exit": ("sys.exit(4)", 4 << 8),
    "returns": ("return None", 0),
    "raises": ("raise OSError", 1 << 8),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("stage", ["early", "late"])
def test_fork_in_a_hook(toy: World, stage: str, end: str) -> None:
    """A child forked while hooks run can import Prefect within the deadline, and ends however the hook goes on."""
    head = "from prefect import flow" if stage == "late" else ""
    toy.plugin("forks", hook(FORK.format(head=head, end=ENDS[end][0], status=ENDS[end][1]), "import prefect as kept"))
    toy.plugin("slow", hook("import time; time.sleep(0.3)"))
    result = toy.run(timed(), env=ENABLED, timeout=30, check=True)
    assert result.json["statuses"] == {"forks": "success", "slow": "success"}, result


@pytest.mark.parametrize("stage", ["early", "late"])
def test_multiprocessing_fork_in_a_hook(world: World, each_prefect: Host, stage: str) -> None:
    """The same with Prefect itself and multiprocessing, from a helper thread of an async hook."""
    source = """
        import asyncio, multiprocessing, os
        from prefect.plugins import register_hook, SetupResult

        def child(queue):
            import prefect
            from prefect import flow, task
            from prefect.blocks.core import Block
            queue.put([prefect.__version__, Block.__name__])

        def start():
            context = multiprocessing.get_context("fork")
            queue = context.Queue()
            process = context.Process(target=child, args=(queue,))
            process.start()
            answer = queue.get(timeout=15)
            process.join()
            return answer

        @register_hook
        async def setup_environment(*, ctx):
            HEAD
            version, name = await asyncio.to_thread(start)
            return SetupResult(env={"TOKEN": f"{version} {name}"})
    """
    world.plugin("forks", source.replace("HEAD", "from prefect import flow" if stage == "late" else "pass"))
    result = world.run(timed(after="print(prefect.__version__)"), env=ENABLED, check=True)
    first, version = result.stdout.splitlines()
    assert f'"token": "{version} Block"' in first, result


def test_fork_by_an_application_thread(toy: World) -> None:
    """Also a child that an application's thread forks meanwhile, while a third one waits for Prefect."""
    toy.plugin("slow", hook("import builtins, time; builtins.hook_runs = True; time.sleep(1)"))
    result = toy.run(
        timed(
            before="""
    import os, threading
    def fork():
        import builtins
        while not hasattr(builtins, "hook_runs"):
            time.sleep(0.01)
        time.sleep(0.3)
        pid = os.fork()
        if pid == 0:
            import signal
            signal.alarm(5)
            import prefect, prefect.blocks
            os._exit(7 if prefect.DONE else 8)
        statuses.append(os.waitpid(pid, 0)[1])
    def wait():
        time.sleep(0.2)
        import prefect.flows
        seen.append(prefect.flows.SEEN)
    statuses, seen = [], []
    threads = [threading.Thread(target=fork), threading.Thread(target=wait)]
    for thread in threads:
        thread.start()
            """.strip(),
            after="""
    for thread in threads:
        thread.join(10)
    assert statuses == [7 << 8], statuses
    assert seen == ["set-by-the-hook"], seen
            """.strip(),
        ),
        env=ENABLED,
        timeout=30,
    )
    assert result.returncode == 0, result


def test_fork_after_the_import(toy: World) -> None:
    """A fork once everything is done, or while a thread that was given up still runs, is left alone."""
    toy.plugin("stubborn", hook("import time; time.sleep(600)"))
    after = """
    import sys
    pid = os.fork()
    if pid == 0:
        import prefect.blocks
        os._exit(7 if prefect is sys.modules["prefect"] else 8)
    assert os.waitpid(pid, 0)[1] == 7 << 8
    """.strip()
    toy.run(timed(after=after), env={**ENABLED, **limited(0.3)}, check=True)


# Daemon threads at finalization


@pytest.mark.parametrize("how", ["sleeps", "spins", "imports", "allocates", "logs"])
def test_exits_after_a_timeout(toy: World, how: str) -> None:
    """200 exits after a timeout: no fatal error, no hang."""
    body = {
        "sleeps": STUBBORN["sleeps"],
        "spins": STUBBORN["spins"],
        "imports": "import importlib, json\nwhile True: importlib.reload(json)",
        "allocates": "while True: [object() for _ in range(100)]",
        "logs": "logger = ctx.logger_factory('x')\nwhile True: logger.debug('x')",
    }[how]
    toy.plugin("stubborn", hook(body))
    toy.plugin("another", hook("import asyncio; asyncio.run(asyncio.sleep(600))"))
    for _ in range(repetitions(40, 2)):
        variables = {**ENABLED, **limited(0.1)}
        result = toy.run("import prefect", env=variables, timeout=PLENTY)
        assert result.returncode == 0, result
        assert "Fatal" not in result.stderr and "Traceback" not in result.stderr, result


@pytest.mark.parametrize("delay", ["0.1", "0.3", "0.5", "0.7", "0.9"])
def test_exits_while_a_plugin_imports_prefect(world: World, each_prefect: Host, delay: str) -> None:
    """The same while the thread that was given up is deep in compiled code, which must not be unwound."""
    body = "from prefect import flow\nimport prefect.main, prefect.server.schemas.core, prefect.client.orchestration"
    world.plugin("imports", hook(body))
    for _ in range(repetitions(40, 1)):
        result = world.run("import prefect", env={**ENABLED, **limited(float(delay))})
        assert result.returncode == 0, result
        assert "FATAL" not in result.stderr and "Traceback" not in result.stderr, result


# `sys.exit` in a hook

RAISES = {
    "SystemExit": "raise SystemExit(3)",
    "sys.exit": "import sys; sys.exit('bye')",
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "GeneratorExit": "raise GeneratorExit",
    "CancelledError": "import asyncio; raise asyncio.CancelledError",
    "own": "class Own(BaseException): pass\nraise Own",
    "unprintable": "class Own(BaseException):\n    def __str__(self): raise SystemExit(5)\nraise Own",
    "StopIteration": "raise StopIteration",
    "MemoryError": "raise MemoryError",
    "RecursionError": "def again(): again()\nagain()",
    "async": "import asyncio\nasync def main(): raise SystemExit(3)\nasyncio.run(main())",
    "group": "raise BaseExceptionGroup('both', [SystemExit(3), KeyboardInterrupt()])",
}


@pytest.mark.parametrize("where", ["load", "hook", "late"])
@pytest.mark.parametrize("what", RAISES)
def test_base_exceptions(hosts: Hosts, new_world: Callable[[Host], World], what: str, where: str) -> None:
    """Any plugin `BaseException` is a recorded failure."""
    world = toy_world(hosts, new_world, "3.12")
    body = "from prefect import flow\n" if where == "late" else ""
    world.plugin("raises", hook("", RAISES[what]) if where == "load" else hook(body + RAISES[what]))
    world.plugin("good", PLUGIN)
    result = world.run(timed(), env=ENABLED, timeout=PLENTY)
    assert result.returncode == 0, result
    expected = "load-failed" if where == "load" else "failed"
    assert result.json["statuses"] == {"good": "success", "raises": expected}, result
    assert result.stderr.count("\n") == 1, result


@pytest.mark.parametrize("what", ["SystemExit", "KeyboardInterrupt", "CancelledError", "own"])
def test_base_exceptions_on_every_python(toy: World, what: str) -> None:
    """The same from async hooks, whose event loop gives some of these a meaning of their own."""
    lines = "\n".join("    " + line for line in RAISES[what].splitlines())
    head = "from prefect.plugins import register_hook\n@register_hook\nasync def setup_environment(*, ctx):\n"
    toy.plugin("raises", head + lines + "\n")
    toy.plugin("good", PLUGIN)
    result = toy.run(timed(), env=ENABLED, timeout=PLENTY, check=True)
    assert result.json["statuses"] == {"good": "success", "raises": "failed"}, result


# Frozen clocks, 33: gevent


@pytest.fixture(params=["3.9", "3.12", "3.13", "3.14"])
def companions(request: pytest.FixtureRequest, hosts: Hosts, new_world: Callable[[Host], World]) -> World:
    """A world with freezegun and gevent; on 3.12 with Prefect itself."""
    if request.param == "3.12":
        return new_world(hosts(*COMPANIONS, python="3.12"))
    import standin

    world = new_world(hosts("freezegun", "gevent", python=request.param))
    standin.install(world)
    return world


@pytest.mark.parametrize("moment", ["1999-12-31", "2199-12-31"])
def test_frozen_clock(companions: World, moment: str) -> None:
    """The deadline holds under frozen time."""
    companions.plugin("stubborn", hook(STUBBORN["sleeps"]))
    companions.plugin("good", PLUGIN)
    companions.plugin("asynchronous", hook("import asyncio; asyncio.run(asyncio.sleep(0))").replace("TOKEN", "OTHER"))
    before = f"import freezegun; freezer = freezegun.freeze_time('{moment}'); freezer.start()"
    result = companions.run(timed(before, "freezer.stop()"), env=SECOND, timeout=PLENTY)
    assert result.returncode == 0, result
    assert result.json["statuses"] == {"asynchronous": "success", "good": "success", "stubborn": "timed-out"}
    assert result.json["ours"] < 1.5, result


@pytest.mark.parametrize("how", ["sleeps", "spins", "blocks-in-c", "joins-a-thread"])
def test_gevent(companions: World, how: str) -> None:
    """The deadline holds after `patch_all()`."""
    companions.plugin("stubborn", hook(STUBBORN[how]).replace("TOKEN", "LATE"))
    companions.plugin("good", PLUGIN)
    companions.plugin("imports", hook("import decimal, wsgiref.simple_server").replace("TOKEN", "OTHER"))
    before = "import gevent.monkey; gevent.monkey.patch_all()"
    # Beside a hook that spins, an import is slow: it gets the interpreter back only every 5 ms, after each read.
    seconds = 4 if how == "spins" else 1
    variables = {**ENABLED, "PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS": str(seconds)}
    result = companions.run(timed(before), env=variables, timeout=PLENTY)
    assert result.returncode == 0, result
    assert result.json["statuses"] == {"good": "success", "imports": "success", "stubborn": "timed-out"}, result
    assert result.json["ours"] < seconds + 0.5, result


# Ctrl-C during the wait


@pytest.mark.parametrize("stage", ["load", "early", "late"])
def test_interrupted_import(toy: World, stage: str) -> None:
    """The next import applies the environment or fails visibly."""
    slow = """
        import time
        if not os.path.exists("interrupted"):
            os.write(2, b"WAITING\\n")
            time.sleep(600)
    """
    body = textwrap.dedent(slow)
    if stage == "load":
        toy.plugin("slow", hook("", body))
    else:
        toy.plugin("slow", hook(("from prefect import flow\n" if stage == "late" else "") + body))
    child = toy.start(
        """
        import os, signal, sys
        signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever the shell said that ran the tests
        try:
            import prefect
        except KeyboardInterrupt:
            open("interrupted", "w").close()
            assert "prefect" not in sys.modules
            import prefect_preflight
            assert prefect_preflight.last_report().outcome == "interrupted"
            import prefect, prefect.blocks
            print(os.environ.get("TOKEN"), prefect.DONE)
            print(prefect_preflight.last_report().outcome)
        """,
        env={**ENABLED, **limited(3)},
    )
    assert child.stderr is not None
    assert child.stderr.readline() == "WAITING\n"
    time.sleep(0.2)
    child.send_signal(signal.SIGINT)
    stdout, stderr = child.communicate(timeout=20)
    # A module whose first import was given up is still being imported by that thread: nobody else can have it.
    expected = "None True\nfailures\n" if stage == "load" else "set-by-the-hook True\nsuccess\n"
    assert stdout == expected, (stdout, stderr)
    assert ("slow" in stderr) == (stage == "load"), stderr
    assert child.returncode == 0, stderr


# Loading has a time of its own


def test_a_slow_load(toy: World) -> None:
    """A module that takes longer to load than hooks may run is loaded, and all hooks have all their time."""
    toy.plugin("slow", hook("import time; time.sleep(0.4)", "import time; time.sleep(1.2)").replace("TOKEN", "LATE"))
    toy.plugin("good", PLUGIN)
    variables = {**ENABLED, "PREFECT_PLUGINS_STRICT": "1", "PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS": "1"}
    result = toy.run(timed(), env=variables, timeout=PLENTY, check=True)
    assert result.json["statuses"] == {"good": "success", "slow": "success"}, result


def test_loads_and_hooks_that_hang(toy: World) -> None:
    """`import prefect` returns when both times are over, and whoever does not hang has its turn."""
    toy.plugin("a-load", "import time; time.sleep(600)")
    toy.plugin("b-hook", hook("import time; time.sleep(600)").replace("TOKEN", "LATE"))
    toy.plugin("c-late", hook("from prefect import flow\nimport time; time.sleep(600)").replace("TOKEN", "LATE"))
    toy.plugin("good", PLUGIN)
    toy.plugin("last", hook("", "import prefect.flows").replace("TOKEN", "LAST"))
    result = toy.run(timed(), env={**ENABLED, **limited(1.5)}, timeout=PLENTY, check=True)
    hanging = dict.fromkeys(("a_load", "b_hook", "c_late"), "timed-out")
    assert result.json["statuses"] == {**hanging, "good": "success", "last": "success"}, result
    assert 2.9 < result.json["ours"] < 3.5, result
    assert "a_load failed: it was still being loaded when the 1.5 s" in result.stderr, result
    assert "b_hook failed: it was still running when the 1.5 s" in result.stderr, result


@pytest.mark.parametrize("where", ["load", "hook", "thread"])
def test_prefects_own_modules_take_nobodys_time(hosts: Hosts, new_world: Callable[[Host], World], where: str) -> None:
    """What a plugin imports of Prefect may take longer than the plugin's own time."""
    world = toy_world(hosts, new_world, "3.12")
    (world.overlay / "prefect" / "cold.py").write_text("import time; time.sleep(2.5)\n")
    bodies = {
        "load": hook("", "import prefect.cold"),
        "hook": hook("import prefect.cold"),
        "thread": hook("import asyncio\nawait asyncio.to_thread(__import__, 'prefect.cold')").replace(
            "def setup", "async def setup"
        ),
    }
    world.plugin("slow", bodies[where])
    result = world.run(timed(), env={**ENABLED, **limited(1.5)}, timeout=PLENTY, check=True)
    status = "timed-out" if where == "thread" else "success"  # whose import that is cannot be told
    assert result.json["statuses"] == {"slow": status}, result
    assert result.json["ours"] < 2 and (result.json["seconds"] > 2.5) == (status == "success"), result


def test_a_part_of_prefect_that_hangs(toy: World) -> None:
    """There is a limit to that too: as long as loading may take."""
    (toy.overlay / "prefect" / "cold.py").write_text("import time; time.sleep(600)\n")
    toy.plugin("hangs", hook("import prefect.cold").replace("TOKEN", "LATE"))
    toy.plugin("good", PLUGIN)
    result = toy.run(timed(), env={**ENABLED, **limited(1)}, timeout=PLENTY, check=True)
    assert result.json["statuses"] == {"good": "success", "hangs": "timed-out"}
    assert 1.9 < result.json["seconds"] < 5 and result.json["ours"] < 1.5, result


def test_a_bad_time_for_loading(toy: World) -> None:
    """It is one line that names the variable, the value and what is allowed."""
    variables = {**ENABLED, "PREFECT_PREFLIGHT_LOAD_TIMEOUT_SECONDS": "soon"}
    toy.plugin("good", PLUGIN)
    result = toy.run(timed(), env=variables, check=True)
    assert result.json["statuses"] == {"good": "success"}
    line = "prefect-preflight: PREFECT_PREFLIGHT_LOAD_TIMEOUT_SECONDS='soon' is not a number of seconds above 0; "
    assert result.stderr.startswith(line) and result.stderr.count("\n") == 1, result
    strict = toy.run(timed(), env={**variables, "PREFECT_PLUGINS_STRICT": "1"})
    assert strict.returncode == 1 and strict.stderr.startswith("[plugins] PREFECT_PREFLIGHT_LOAD_TIMEOUT_SECONDS="), (
        strict
    )
