"""Ctrl-C between any two lines of ours: it is what is raised, and the next import begins afresh."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from snippets import hook, returning
from test_waiting_room import PYTHONS, stand_in_world
from toys import FULL, repetitions

if TYPE_CHECKING:
    from collections.abc import Callable

    from hosts import Host, Hosts
    from worlds import World

pytestmark = pytest.mark.skipif("sys.platform == 'win32'", reason="each line has a process of its own, forked")

AT_EACH_LINE = """
import faulthandler, os, signal, sys, threading, time, traceback
# What ours and the hooks import of the standard library: here once, not in each of the processes.
import asyncio, concurrent.futures, contextvars, dataclasses, functools, inspect, json, logging, typing

signal.signal(signal.SIGINT, signal.default_int_handler)
OURS = "prefect_preflight"
EVERY_OCCURRENCE = {every}

def traced(stop):
    # Counts the lines of ours that run in this thread, and raises at the one with the number `stop`.
    seen, places = [0], []
    def local(frame, event, argument):
        if event == "line":
            place = (frame.f_code.co_filename.rpartition(OURS)[2], frame.f_lineno)
            seen[0] += 1
            places.append(place)
            if seen[0] == stop:
                sys.settrace(None)
                raise KeyboardInterrupt(str(place))
        return local
    def trace(frame, event, argument):
        return local if OURS in frame.f_code.co_filename else None
    sys.settrace(trace)
    return places

def check():
    # Another thread's import does not hang, the next one of this thread runs all hooks, and nothing is left behind.
    other = threading.Thread(target=__import__, args=("prefect.flows",), daemon=True)
    other.start()
    other.join(20)
    if other.is_alive():
        faulthandler.dump_traceback(all_threads=True)
        for name, entry in list(sys.modules["_frozen_importlib"]._module_locks.items()):
            os.write(2, f"{{name}}: {{getattr(entry(), 'owner', None) or 0:#x}} {{entry}}\\n".encode())
    assert not other.is_alive(), "another thread hangs"
    import prefect, prefect.tasks, applib
    assert prefect.DONE and applib.X == 1
    got = [os.environ.get(name) for name in ("EARLY", "LATE", "ASYNC", "APP")]
    assert got == ["EARLY", "1", "1", "1"], got
    assert prefect.SEEN == "EARLY"
    assert "PREFECT_PREFLIGHT_IN_HOOK" not in os.environ
    from prefect_preflight import last_report
    assert last_report().outcome == "success", last_report()
    table = sys.modules["_frozen_importlib"]._module_locks
    assert not [name for name, entry in list(table.items()) if type(entry).__module__.startswith("prefect_preflight")]

def child(stop):
    signal.alarm(60)
    status = 3
    try:
        places = traced(stop)
        try:
            import prefect
        except KeyboardInterrupt:
            pass
        else:
            sys.settrace(None)
            assert len(places) < stop or not stop, f"swallowed at {{places[-1]}}"
            if stop:
                os._exit(0)  # how many lines there are depends on time: this one never came
        sys.settrace(None)
        if stop == 0:
            first = {{}}
            for number, place in enumerate(places, 1):
                first.setdefault(place if not EVERY_OCCURRENCE else number, number)
            with open("lines", "w") as file:
                file.write(" ".join(map(str, first.values())))
        for name in ("EARLY", "LATE", "ASYNC", "APP"):
            if stop:
                os.environ.pop(name, None)
        check()
        status = 0
    except BaseException:
        os.write(2, f"line {{stop}} {{places[-1] if places else ''}}: {{traceback.format_exc()[-1500:]}}\\n".encode())
    os._exit(status)

def forked(stop):
    pid = os.fork()
    if not pid:
        child(stop)
    return pid

def ended(pid):
    return os.waitpid(pid, 0)[1] == 0

assert ended(forked(0))
numbers = [int(number) for number in open("lines").read().split()]
numbers = numbers[{offset} % {step}::{step}]
bad, running = 0, []
while numbers or running:
    while numbers and len(running) < 4:
        running.append(forked(numbers.pop()))
    bad += not ended(running.pop(0))
print(bad)
"""

RANDOM_SIGNALS = """
import os, random, signal, sys, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)
seed = {seed}
random.seed(seed)
delay = random.random() * 0.9
main = threading.main_thread().ident
def send():
    time.sleep(delay)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=send, daemon=True).start()
interrupted = False
try:
    import prefect
    time.sleep(3)
    assert False, "no signal"
except KeyboardInterrupt:
    interrupted = True
for name in ("EARLY", "LATE"):
    if "prefect" not in sys.modules:
        os.environ.pop(name, None)
other = threading.Thread(target=__import__, args=("prefect.flows",), daemon=True)
other.start()
other.join(20)
assert not other.is_alive(), "another thread hangs"
import prefect
assert interrupted and prefect.DONE and (os.environ["EARLY"], os.environ["LATE"]) == ("EARLY", "1")
"""


@pytest.fixture(params=PYTHONS)
def toy(request: pytest.FixtureRequest, hosts: Hosts, new_world: Callable[[Host], World]) -> World:
    """A world with the stand-in and four plugins: early, late, async, and one with an application's module."""
    world = stand_in_world(hosts, new_world, request.param)
    plugins = {
        "early": returning("EARLY"),
        "late": hook('import prefect.tasks\nreturn SetupResult(env={"LATE": "1"})'),
        "async": hook('await asyncio.sleep(0.01)\nreturn SetupResult(env={"ASYNC": "1"})', keyword="async def"),
        "app": hook('import applib\nreturn SetupResult(env={"APP": str(applib.X)})'),
    }
    for name, source in plugins.items():
        world.plugin(f"hook-{name}", source, entry_points={name: f"hook_{name}"})
    return world


def test_an_interrupt_at_each_line(toy: World) -> None:
    """At every line of ours that runs in the importing thread: KeyboardInterrupt is raised, and nothing is lost.

    In an ordinary run each Python has a twentieth of the lines, another one than the others.
    """
    version = toy.host.site.parent.name
    offset = 5 * [f"python{python}" for python in PYTHONS].index(version)
    program = AT_EACH_LINE.format(every=FULL, step=repetitions(1, 20), offset=offset)
    result = toy.run(program, PREFECT_PLUGINS_ENABLED="1", STANDIN_PACE="1", timeout=3000, check=True)
    assert result.stdout == "0\n", str(result)


def test_signals_at_random_moments(toy: World) -> None:
    """A real SIGINT, whenever it comes: the next import has the environment, and no thread hangs."""
    for seed in range(repetitions(75, 4)):  # on each Python
        result = toy.run(RANDOM_SIGNALS.format(seed=seed), PREFECT_PLUGINS_ENABLED="1", STANDIN_PACE="1")
        assert result.returncode == 0, f"seed {seed}: {result}"
