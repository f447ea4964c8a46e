"""Real Prefects between threads, import hooks and green threads of other people's: as without us, and hooks once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import interpreters
from snippets import ENABLED, hook, returning
from toys import FULL, repetitions

if TYPE_CHECKING:
    from collections.abc import Callable

    from hosts import Host, Hosts
    from worlds import World

GREEN = ("eventlet", "gevent")
TRACERS = ("ddtrace", "wrapt")
REAL = {
    # what to install, on which Python; the newest on those whose import systems differ
    "2.20.26": (("prefect==2.20.26", *GREEN, *TRACERS, "setuptools<81"), "3.11"),
    "3.4.23": (("prefect==3.4.23",), "3.9"),
    "3.4.24": (("prefect==3.4.24", *TRACERS), "3.12"),
    "3.8.8": (("prefect==3.8.8", "fastapi<0.150", *GREEN, *TRACERS), "3.12"),
    "3.8.8 on 3.14": (("prefect==3.8.8", "fastapi<0.150"), "3.14"),
    "3.8.8 on 3.15": (("prefect==3.8.8", "fastapi<0.150"), "3.15"),
}
LATE = hook('from prefect import flow\nimport prefect.client.orchestration\nreturn SetupResult(env={"LATE": "1"})')


@pytest.fixture
def real(request: pytest.FixtureRequest, hosts: Hosts, new_world: Callable[[Host], World]) -> World:
    """A world on one of `REAL`."""
    requirements, python = REAL[request.param]
    if not interpreters.find(python):
        pytest.skip(f"no Python {python} on this machine")
    return new_world(hosts(*requirements, python=python))


def on(*names: str) -> pytest.MarkDecorator:
    """Has a test run on these."""
    return pytest.mark.parametrize("real", names, indirect=True)


TWELVE = """
import importlib, os, sys, threading
NAMES = ["", ".flows", ".tasks", ".settings", ".client.orchestration", ".states", ".blocks.core", ".engine",
         ".context", ".futures", ".results", ".deployments"]
problems, barrier = [], threading.Barrier(12)
def go(name):
    barrier.wait()
    try:
        module = importlib.import_module("prefect" + name)
        assert sys.modules["prefect" + name] is module, "another module"
        assert os.environ.get("EARLY") == "1", "no environment"
        getattr(module, {"": "flow", ".flows": "Flow", ".tasks": "Task"}.get(name, "__name__"))
    except BaseException as error:
        problems.append(f"{name}: {error!r}")
threads = [threading.Thread(target=go, args=(name,), daemon=True) for name in NAMES]
for thread in threads: thread.start()
for thread in threads: thread.join(90)
problems += [name for name, thread in zip(NAMES, threads) if thread.is_alive()]
from prefect_preflight import last_report
problems += [str(plugin) for plugin in last_report().plugins if plugin.status != "success"]
assert not problems, problems
"""


@pytest.mark.parametrize("late", [False, True], ids=["early", "late"])
@pytest.mark.parametrize("seconds", [0, 0.5])
@on("2.20.26", "3.4.23", "3.8.8", "3.8.8 on 3.14", "3.8.8 on 3.15")
def test_twelve_modules_in_twelve_threads(real: World, seconds: float, late: bool) -> None:
    """Twelve threads import twelve modules of Prefect at once: no failure, no deadlock, no module twice.

    Without us the same program fails in every run, on each of these but the last.
    """
    real.plugin("early", hook(f'time.sleep({seconds})\nreturn SetupResult(env={{"EARLY": "1"}})'))
    if late:
        real.plugin("late", LATE)
    for _ in range(repetitions(20, 1)):
        real.run(TWELVE, env=ENABLED, timeout=120, check=True)


@on("2.20.26")
def test_a_thread_holds_what_the_body_imports(real: World) -> None:
    """Prefect 2 imports what `PREFECT_EXTRA_ENTRYPOINTS` names, a thread's module that imports more of Prefect."""
    (real.overlay / "lib.py").write_text("import time; time.sleep(0.4)\nimport prefect.infrastructure\nY = 1\n")
    real.plugin("early", returning("EARLY"))
    program = """
        import threading, time
        other = threading.Thread(target=__import__, args=("lib",), daemon=True)
        other.start(); time.sleep(0.1)
        main = threading.Thread(target=__import__, args=("prefect",), daemon=True)
        main.start()
        for thread in (main, other):
            thread.join(60)
            assert not thread.is_alive()
        import prefect, lib
        assert lib.Y == 1 and prefect.flow
    """
    for delay in ("0.1", "0.4", "0.8"):
        text = program.replace("time.sleep(0.1)", f"time.sleep({delay})")
        real.run(text, env=ENABLED, PREFECT_EXTRA_ENTRYPOINTS="lib", timeout=100, check=True)


LOOK = """
import os
from prefect import flow, task
import prefect.flows, prefect.plugins, prefect.client.orchestration
assert callable(flow)
from prefect_preflight import last_report
print(sorted((plugin.name, plugin.status, plugin.stage) for plugin in last_report().plugins))
"""

ASK_ALL = """
import sys
class AsksAll:
    finding = set()
    def find_spec(self, name, path=None, target=None):
        if name in self.finding: return None
        self.finding.add(name)
        try:
            specs = (finder.find_spec(name, path, target) for finder in list(sys.meta_path) if finder is not self)
            return self.given(next((spec for spec in specs if spec is not None), None))
        finally: self.finding.discard(name)
    def given(self, spec):
        return spec
"""

FINDERS = {
    "ddtrace": "import ddtrace.auto",
    "wrapt": "import wrapt\nwrapt.when_imported('prefect._experimental')(print)",
    "asks all": ASK_ALL + "sys.meta_path.insert(0, AsksAll()); sys.meta_path.append(type('Other', (AsksAll,), {})())",
    "LazyLoader": ASK_ALL
    + """
import importlib.util
class Lazy(AsksAll):
    def given(self, spec):
        if spec is not None and spec.name.startswith("prefect") and hasattr(spec.loader, "exec_module"):
            spec.loader = importlib.util.LazyLoader(spec.loader)
        return spec
sys.meta_path.insert(0, Lazy())
""",
}


@pytest.mark.parametrize("finder", FINDERS)
@on("2.20.26", "3.4.24", "3.8.8")
def test_finders_that_ask_all_others(real: World, finder: str) -> None:
    """Each name that a finder of ours answers gives the same module under such a finder as without it."""
    _asks_all_others(real, finder, plugins=True)


@pytest.mark.parametrize("finder", FINDERS)
@on(*("2.20.26", "3.4.24", "3.8.8")[0 if FULL else -1 :])
def test_finders_that_ask_all_others_without_plugins(real: World, finder: str) -> None:
    """The same where no plugin is installed, and so none of our finders stays; on each with ``PREFLIGHT_FULL=1``."""
    _asks_all_others(real, finder, plugins=False)


def _asks_all_others(real: World, finder: str, *, plugins: bool) -> None:
    if plugins:
        real.plugin("early", returning("EARLY"))
        real.plugin("late", LATE)
    program = f"{FINDERS[finder]}\n{LOOK}"
    tracing = {"DD_TRACE_ENABLED": "false", "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false"}
    without = real.run(program, env={**tracing, "PREFECT_PREFLIGHT_DISABLE": "1"}, timeout=100)
    result = real.run(program, env={**ENABLED, **tracing}, timeout=100)
    assert result.returncode == without.returncode, (result, without)
    if without.returncode == 0:
        ran = [("early", "success", "early"), ("late", "success", "late")] if plugins else []
        assert result.stdout.splitlines()[-1] == str(ran), result
    else:
        assert "LazyLoader" in finder and real.host is not None, without  # Prefect 2 does not stand it


@on("3.8.8")
def test_ddtrace_run(real: World) -> None:
    """`ddtrace-run` starts Python and Prefect's command line as it does without us; the diagnosis says "active"."""
    real.plugin("early", returning("EARLY"))
    run = str(real.host.bin / "ddtrace-run")
    env = {**ENABLED, "DD_TRACE_ENABLED": "false", "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false"}
    (real.cwd / "main.py").write_text(LOOK)
    found = real.run([run, str(real.host.python), "main.py"], env=env, timeout=100, check=True)
    assert found.stdout == "[('early', 'success', 'early')]\n"
    version = real.run([run, str(real.host.bin / "prefect"), "version"], env=env, timeout=100, check=True)
    assert "3.8.8" in version.stdout
    diagnosis = real.run([run, str(real.host.python), "-m", "plugins_diag"], env=env, timeout=100, check=True)
    assert "Hook: active" in diagnosis.stdout, diagnosis


PATCHES = {
    "eventlet": "import eventlet; eventlet.monkey_patch()",
    "gevent": "import gevent.monkey; gevent.monkey.patch_all()",
}


@pytest.mark.parametrize("patch", PATCHES)
@on("2.20.26", "3.8.8")
def test_green_threads(real: World, patch: str) -> None:
    """Hooks run in threads of the operating system; the deadline holds, and Prefect can be used afterwards."""
    real.plugin("sync", hook('time.sleep(0.2)\nreturn SetupResult(env={"SYNC": "1"})'))
    asynchronous = 'await asyncio.sleep(0.2)\nreturn SetupResult(env={"ASYNC": "1"})'
    real.plugin("asynchronous", hook(asynchronous, keyword="async def"))
    real.plugin("hangs", hook("time.sleep(600)"))
    program = f"""
{PATCHES[patch]}
import prefect, json
from prefect_preflight import last_report
report = last_report()
from prefect import flow
print(json.dumps([report.hooks_run_in, report.seconds, {{p.name: p.status for p in report.plugins}}]))
"""
    result = real.run(program, env=ENABLED, PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS="3", timeout=100, check=True)
    where, seconds, statuses = result.json
    assert where == "workers" and seconds < 3.5
    assert statuses == {"sync": "success", "asynchronous": "success", "hangs": "timed-out"}


@on("2.20.26", "3.4.23", "3.8.8")
def test_settings_during_refresh(real: World) -> None:
    """No read of Prefect's settings fails beside 100 calls of `refresh()`, and the last values are there afterwards."""
    body = """
from datetime import datetime, timedelta, timezone
import sys
sys.runs = getattr(sys, "runs", 0) + 1
number = str(sys.runs)
past = datetime.now(timezone.utc) - timedelta(seconds=1)
return SetupResult(env={"NUMBER": number, "PREFECT_API_URL": "http://localhost/" + number}, expires_at=past)
"""
    real.plugin("expires", hook(body))
    program = """
        import os, threading, time
        import prefect, prefect_preflight
        from prefect.context import get_settings_context
        from prefect.settings import PREFECT_API_URL
        reads, failed, over = [0], [], []
        def read():
            while not over:
                time.sleep(0.0002)
                try:
                    get_settings_context()
                    reads[0] += 1
                except BaseException as error:
                    failed.append(repr(error))
        threads = [threading.Thread(target=read, daemon=True) for _ in range(3)]
        for thread in threads: thread.start()
        for _ in range(100): prefect_preflight.refresh()
        over.append(1)
        for thread in threads: thread.join()
        assert not failed and reads[0] > 200, (failed[:1], reads)
        print(os.environ["NUMBER"], PREFECT_API_URL.value())
    """
    result = real.run(program, env=ENABLED, timeout=300, check=True)
    assert result.stdout == "101 http://localhost/101\n"
