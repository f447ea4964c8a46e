"""Running hooks: the executor, the deadline, the waves, the order in which results are applied, conflicts."""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import wait
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from prefect_preflight._imports import cpython
from prefect_preflight._imports.workers import working_for
from prefect_preflight._running.task import Task
from prefect_preflight._threads import Bell
from prefect_preflight._threads import deadline as _deadline
from prefect_preflight._threads.deadline import Deadline
from prefect_preflight._threads.executor import DaemonExecutor, InlineExecutor
from snippets import ENABLED, IMPORT_AND_TELL, TELL, Told, hook, limited, returning, told

if TYPE_CHECKING:
    from hosts import Host
    from worlds import World

pytestmark = pytest.mark.core

ENOUGH = 100  # seconds in which a child ends on any machine, unless it waits for a hook that hangs (for 600)


class TestExecutor:
    """`DaemonExecutor`, in this process."""

    def test_runs_tasks_in_daemon_threads(self) -> None:
        """A task runs in a daemon thread, so it cannot keep the process from exiting."""
        with DaemonExecutor() as executor:
            thread: threading.Thread = executor.submit(threading.current_thread).result(10)
        assert thread.daemon and thread is not threading.current_thread()

    def test_runs_tasks_side_by_side(self) -> None:
        """Each task has a thread of its own while others run."""
        barrier = threading.Barrier(8)
        executor = DaemonExecutor()
        futures = [executor.submit(barrier.wait, 10) for _ in range(8)]
        assert sorted(future.result(10) for future in futures) == list(range(8))
        executor.shutdown()

    def test_uses_idle_threads_again(self) -> None:
        """A thread that has nothing to do takes the next task."""
        executor = DaemonExecutor()
        idents = set()
        for _ in range(20):
            idents.add(executor.submit(threading.get_ident).result(10))
            time.sleep(0.005)  # for the thread to become idle
        assert len(idents) < 10
        executor.shutdown()

    @pytest.mark.parametrize("kind", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit])
    def test_keeps_what_a_task_raises(self, kind: type[BaseException]) -> None:
        """Whatever a task raises is its future's exception, and the next task runs."""

        def fail() -> None:
            raise kind("no")

        executor = DaemonExecutor()
        assert isinstance(executor.submit(fail).exception(10), kind)
        assert executor.submit(int, "7").result(10) == 7
        executor.shutdown()

    def test_without_threads(self) -> None:
        """Without threads a task has run when `submit` returns, in the calling thread, and what it raises is kept."""
        executor = InlineExecutor()
        future = executor.submit(threading.get_ident)
        assert future.done() and future.result() == threading.get_ident()
        assert isinstance(executor.submit(int, "x").exception(0), ValueError)
        assert isinstance(executor.submit(sys.exit).exception(0), SystemExit)

    def test_an_interrupt_without_threads(self) -> None:
        """In the calling thread a KeyboardInterrupt is the user's own."""

        def interrupt() -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            InlineExecutor().submit(interrupt)

    def test_where_no_thread_starts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where threads are refused, as in some subinterpreters, a first task is too; a later one waits its turn."""
        start, allowed = threading.Thread.start, [1]

        def refuse(self: threading.Thread) -> None:
            if not allowed:
                raise RuntimeError("can't start new thread")
            allowed.pop()
            start(self)

        monkeypatch.setattr(threading.Thread, "start", refuse)
        executor = DaemonExecutor()
        release = threading.Event()
        first, second = executor.submit(release.wait, 30), executor.submit(int, "7")
        release.set()
        assert (first.result(10), second.result(10)) == (True, 7)
        with pytest.raises(RuntimeError):
            DaemonExecutor().submit(int)

    def test_shutdown_ends_idle_threads(self) -> None:
        """When `shutdown` returns, the threads whose tasks are done have ended."""
        executor = DaemonExecutor()
        barrier = threading.Barrier(4)
        futures = [executor.submit(lambda: (barrier.wait(10), threading.current_thread())[1]) for _ in range(4)]
        threads = [future.result(10) for future in futures]
        executor.shutdown()
        assert not any(thread.is_alive() for thread in threads)

    def test_shutdown_does_not_wait(self) -> None:
        """Shutting down returns at once, whatever still runs; the thread ends when its task does."""
        release = threading.Event()
        executor = DaemonExecutor()
        future = executor.submit(release.wait, 30)
        started = time.perf_counter()
        executor.shutdown(wait=True)
        assert time.perf_counter() - started < 5 and not future.done()
        release.set()
        assert future.result(10) is True

    def test_a_cancelled_task_does_not_run(self) -> None:
        """A task that was cancelled before its turn is passed over."""
        ran: list[int] = []
        executor = DaemonExecutor(limit=1)
        release = threading.Event()
        first, second = executor.submit(release.wait, 30), executor.submit(ran.append, 1)
        assert second.cancel()
        release.set()
        assert first.result(10) and executor.submit(len, ran).result(10) == 0
        executor.shutdown()


def a_task(has_gate: bool = False) -> Task:
    """Returns a task of no plugin in particular."""
    return Task(SimpleNamespace(name="mine"), None, Bell(), has_gate)  # type: ignore[arg-type]


class TestTask:
    """`Task`, in this process."""

    def test_says_for_whom_it_works(self) -> None:
        """Within a task, and only there, `working_for` is the task: also in a context copied by asyncio."""
        import asyncio

        task = a_task()
        seen: list[object] = []

        async def main() -> None:
            loop = asyncio.get_running_loop()
            seen.append(working_for.get())
            loop.call_soon(lambda: seen.append(working_for.get()))
            await asyncio.sleep(0)

        task.run(lambda _: asyncio.run(main()))
        assert seen == [task, task] and working_for.get() is None

    def test_knows_when_it_ran(self) -> None:
        """A task's begin and end are noted, after an error too."""
        task = a_task()

        def fail(_: Task) -> None:
            time.sleep(0.05)
            raise ValueError

        with pytest.raises(ValueError):  # noqa: PT011  # raised three lines above
            task.run(fail)
        assert 0.04 < task.ended - task.started < 5

    def test_the_gate(self) -> None:
        """A task with a gate waits there until it is admitted, or given up; the one who made it opens it."""
        task = a_task(has_gate=True)
        assert task.gate.owner == cpython.ident() and not task.admitted
        task.wait_at_gate("prefect.flows")
        assert task.at_gate and task.needs == "prefect.flows"
        task.admit()
        task.admit()
        assert task.gate.owner is None and not task.at_gate
        given_up = a_task(has_gate=True)
        given_up.abandon()
        assert given_up.gate.owner is None and given_up.abandoned and given_up.future.cancelled()


class TestDeadline:
    """`Deadline`, in this process."""

    def test_passes_only_inside(self) -> None:
        """Time counts inside the `with` statement alone, and adds up."""
        deadline = Deadline(10)
        assert deadline.spent() == 0 and deadline.remaining() == 10
        with deadline:
            time.sleep(0.05)
            assert deadline.spent() >= 0.04
        spent = deadline.spent()
        time.sleep(0.05)
        assert deadline.spent() == spent
        with deadline:
            time.sleep(0.05)
        assert deadline.spent() >= spent + 0.04 and deadline.remaining() < 10

    def test_when_it_had_passed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whether a moment was in time is the same whenever one asks, and time outside counts for nobody."""
        now = 100.0
        monkeypatch.setattr(_deadline, "clock", lambda: now)
        deadline = Deadline(10)
        with deadline:
            now = 104.0
        now = 200.0
        with deadline:
            now = 300.0
            moments = (99.0, 104.0, 150.0, 205.9, 206.1, 300.0)
            inside = [deadline.passed_at(moment) for moment in moments]
        now = 400.0
        assert inside == [deadline.passed_at(moment) for moment in moments] == [False] * 4 + [True] * 2
        assert deadline.passed_at(350.0) and deadline.remaining() == 0 and deadline.spent() == 104

    def test_never_below_zero(self) -> None:
        """There is no negative time left."""
        with Deadline(0.01) as deadline:
            time.sleep(0.03)
            assert deadline.remaining() == 0

    def test_a_frozen_clock(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The deadline passes while `time.monotonic` and `time.time` stand still, as under freezegun."""
        if not hasattr(time, "clock_gettime"):
            pytest.skip("this system has no other monotonic clock")
        for name in ("monotonic", "time", "perf_counter"):
            monkeypatch.setattr(time, name, lambda: 1.0)
        with Deadline(10) as deadline:
            threading.Event().wait(0.05)
            assert deadline.spent() > 0.01


def run(world: World, program: str = IMPORT_AND_TELL, **variables: str) -> Told:
    """Runs a child with plugins enabled."""
    return told(world.run(program, env={**ENABLED, **variables}, timeout=ENOUGH))


class TestWaves:
    """Waves, order and conflicts, each of them early and late."""

    def names(self, number: int, before: str = "") -> str:
        """Returns a hook that notes its number and is the slower the lower it is, so that completion is reversed."""
        body = f'time.sleep({0.05 * (5 - number)})\nreturn SetupResult(env={{"LAST": "{number}", "SET_{number}": "1"}})'
        return hook(body, before=before)

    def test_the_order_is_that_of_names(self, world: World) -> None:
        """The last name wins, not the last to complete, and the report has the conflict; one warning says so."""
        for number in range(1, 5):
            world.plugin(f"plugin-{number}", self.names(number))
        found = run(world)
        assert found.env["LAST"] == "4"
        assert found.report["conflicts"] == {"LAST": ["plugin_1", "plugin_2", "plugin_3", "plugin_4"]}
        expected = "WARNING: Plugins plugin_1, plugin_2, plugin_3, plugin_4 set LAST: the last one's value holds"
        assert found.lines[-1].endswith(expected)

    def test_waves_follow_each_other(self, world: World) -> None:
        """What a `tryfirst` hook returns is there for the rest, and what they return for a `trylast` hook."""
        show = 'return SetupResult(env={{"{0}": os.environ.get("A", "-") + os.environ.get("B", "-")}})'
        world.plugin("z-first", hook('time.sleep(0.2)\nreturn SetupResult(env={"A": "a"})', options="tryfirst=True"))
        world.plugin("m-normal", hook('time.sleep(0.2)\nreturn SetupResult(env={"B": os.environ.get("A", "-") + "b"})'))
        world.plugin("n-normal", hook(show.format("BESIDE")))
        world.plugin("a-last", hook(show.format("AFTER"), options="trylast=True"))
        found = run(world)
        assert (found.env["B"], found.env["BESIDE"], found.env["AFTER"]) == ("ab", "a-", "aab")
        waves = {name: plugin["hooks"][0]["wave"] for name, plugin in found.plugins.items()}
        assert waves == {"z_first": "tryfirst", "m_normal": "normal", "n_normal": "normal", "a_last": "trylast"}

    def test_waves_of_the_late_stage(self, world: World, each_prefect: Host) -> None:
        """The late stage has its waves too, and comes after the early one."""
        late = "from prefect.settings import get_current_settings"
        world.plugin("z-first", hook('return SetupResult(env={"A": "a"})', before=late, options="tryfirst=True"))
        world.plugin("m-normal", hook('return SetupResult(env={"B": os.environ["A"] + "b"})', before=late))
        world.plugin("early", returning("EARLY", options="trylast=True"))
        world.plugin(
            "a-order", hook('return SetupResult(env={"C": os.environ["EARLY"] + os.environ["A"]})', before=late)
        )
        found = run(world)
        assert (found.env["B"], found.env["C"]) == ("ab", "EARLYa")
        assert set(found.statuses.values()) == {"success"}


class TestTime:
    """The deadline, and what runs at once."""

    def test_ten_hooks_of_a_second(self, world: World) -> None:
        """Hooks of one wave run in parallel: ten of a second take little more than one, sync and async mixed."""
        for number in range(10):
            sync = hook(f'time.sleep(1)\nreturn SetupResult(env={{"N{number}": "1"}})')
            asynchronous = hook(
                f'await asyncio.sleep(1)\nreturn SetupResult(env={{"N{number}": "1"}})', keyword="async def"
            )
            world.plugin(f"plugin-{number}", sync if number % 2 else asynchronous)
        found = run(world)
        assert {f"N{number}" for number in range(10)} <= set(found.env)
        assert 1.0 <= found.report["seconds"] < 5, "one after the other they take ten"

    def test_a_hook_that_sleeps(self, world: World) -> None:
        """The import returns at the deadline, the others' variables are set, and the process exits at once."""
        world.plugin("sleeps", hook('time.sleep(600)\nreturn SetupResult(env={"SLEEPER": "1"})'))
        world.plugin("works", returning("WORKS"))
        program = "import time; before = time.perf_counter()\nimport prefect\ntook = time.perf_counter() - before\n"
        program += "import os; os.environ['TOOK'] = str(took)\n" + TELL
        found = run(world, program, PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS="2")
        assert found.env["WORKS"] == "WORKS" and "SLEEPER" not in found.env
        assert found.statuses["sleeps"] == "timed-out"
        (line,) = found.lines
        assert line.endswith(
            "ERROR: Plugin sleeps failed: it was still running when the 2 s that all plugins share were over"
        )
        assert 1.9 < found.report["seconds"] < 2.5
        (called,) = found.plugins["sleeps"]["hooks"]
        assert 1 < called["seconds"] <= float(found.env["TOOK"])

    def test_everything_that_can_hang(self, world: World) -> None:
        """The deadline holds for loading, for async hooks, for those that refuse to be cancelled, and late ones."""
        world.plugin("loads", "import time\ntime.sleep(600)\n")
        world.plugin("async", hook("await asyncio.sleep(600)", keyword="async def"))
        stubborn = (
            "while True:\n    try:\n        await asyncio.sleep(600)\n    except asyncio.CancelledError:\n        pass"
        )
        world.plugin("stubborn", hook(stubborn, keyword="async def"))
        world.plugin("busy", hook("while True:\n    pass"))
        world.plugin("late", hook("time.sleep(600)", before="import prefect.settings"))
        world.plugin("works", returning("WORKS"))
        found = run(world, **limited(3))
        assert found.env["WORKS"] == "WORKS"
        assert [name for name, status in found.statuses.items() if status == "timed-out"] == [
            "async",
            "busy",
            "late",
            "loads",
            "stubborn",
        ]
        assert "_DeadlockError" not in found.result.stderr and len(found.lines) == 5

    def test_what_comes_late_is_discarded(self, world: World, real_prefect: Host) -> None:
        """A hook that goes on after the deadline changes nothing and can import nothing further of Prefect."""
        world.plugin(
            "straggler",
            hook(
                """
while not hasattr(sys, "prefect_is_imported"):
    time.sleep(0.05)
try:
    import prefect.blocks.core
    sys.straggler = "imported"
except BaseException as error:
    sys.straggler = type(error).__mro__[1].__name__
return SetupResult(env={"STRAGGLER": "1"})
"""
            ),
        )
        program = """
            import os, sys, time
            import prefect
            before = dict(os.environ)
            sys.prefect_is_imported = True
            for _ in range(200):
                if hasattr(sys, "straggler"):
                    break
                time.sleep(0.05)
            time.sleep(0.3)
            print(sys.straggler, before == dict(os.environ), "STRAGGLER" in before)
            import prefect.blocks.core
            print(prefect.blocks.core.Block.__name__)
        """
        result = world.run(program, env=ENABLED, PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS="0.5", check=True)
        assert result.stdout.splitlines() == ["ImportError True False", "Block"]

    def test_a_slow_first_wave_leaves_time_for_the_rest(self, world: World) -> None:
        """A `tryfirst` hook that hangs does not keep the other waves from their turn."""
        world.plugin("hangs", hook("time.sleep(600)", options="tryfirst=True"))
        world.plugin("normal", returning("NORMAL"))
        world.plugin("last", returning("LAST", options="trylast=True"))
        world.plugin("late", hook('return SetupResult(env={"LATE": "LATE"})', before="import prefect.settings"))
        found = run(world, PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS="8")
        assert (found.env["NORMAL"], found.env["LAST"], found.env["LATE"]) == ("NORMAL", "LAST", "LATE")

    def test_prefects_own_time_does_not_count(self, world: World) -> None:
        """A deadline shorter than the import of Prefect itself is no problem for a late plugin that is quick."""
        world.plugin(
            "late", hook('return SetupResult(env={"LATE": "1"})', before="from prefect import __version__, settings")
        )
        found = run(world, PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS="1.5")
        assert found.env["LATE"] == "1"


def test_base_exceptions_are_failures(world: World) -> None:
    """`sys.exit` and the like in a hook or a module are that plugin's recorded failure; the process goes on."""
    world.plugin("exits", hook("sys.exit(3)"))
    world.plugin("exits-silently", hook("raise SystemExit"))
    world.plugin("exits-at-load", "import sys\nsys.exit('goodbye')\n")
    world.plugin("interrupts", hook("raise KeyboardInterrupt"))
    world.plugin("exits-late", hook("sys.exit(4)", before="import prefect.settings"))
    world.plugin("exits-async", hook("sys.exit(5)", keyword="async def"))
    world.plugin("own-kind", hook("raise Odd('odd')", before="class Odd(BaseException): pass"))
    world.plugin("works", returning("WORKS"))
    found = run(world)
    assert found.statuses == {
        "exits": "failed",
        "exits_async": "failed",
        "exits_at_load": "load-failed",
        "exits_late": "failed",
        "exits_silently": "failed",
        "interrupts": "failed",
        "own_kind": "failed",
        "works": "success",
    }
    assert found.plugins["exits"]["error"]["message"] == "SystemExit: the plugin called sys.exit(3)"
    assert len(found.lines) == 7 and all(" ERROR: " in line for line in found.lines)


def test_a_raised_exception_with_a_bad_message(world: World) -> None:
    """An exception whose text has many lines, or cannot be had at all, is one line."""
    world.plugin("lines", hook('raise ValueError("first\\nsecond\\n\\n  third")'))
    world.plugin("broken", hook("raise Bad()", before="class Bad(Exception):\n    def __str__(self):\n        1 / 0"))
    found = run(world)
    assert found.plugins["lines"]["error"]["message"] == "ValueError: first second third"
    assert "Bad" in found.plugins["broken"]["error"]["message"]
    assert len(found.lines) == 2


def test_wait_is_not_fooled() -> None:
    """`concurrent.futures.wait` takes the executor's futures, as any others."""
    executor = DaemonExecutor()
    release = threading.Event()
    futures = [executor.submit(release.wait, 30), executor.submit(int)]
    done, pending = wait(futures, timeout=1)
    assert (len(done), len(pending)) == (1, 1)
    release.set()
    executor.shutdown()
