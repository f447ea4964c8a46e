"""A world of leases made from a seed, the hook of its plugins, and the program that lives in it.

All three are here, and this file imports the standard library alone: it is copied into the world, where the plugins
import it, and where the host's interpreter runs it. Arguments of the program: the plan's path, its role ("first", or
"child" for a process that the first one starts), the path to write to, seconds by which its clock is wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import faulthandler
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from typing import Any, Callable

BASE = "base"
"""What stands, before the import, in the one variable of each plugin that its hook replaces."""

CHANGED = "for the time of the call"
"""What hooks put in its place that change the environment themselves."""

WAVES = ({}, {}, {"tryfirst": True}, {"trylast": True})
"""The options of `register_hook` that a plugin may have."""

KINDS = {
    "fine": 30,
    "slow": 8,
    "async": 8,
    "changes the environment": 6,
    "fewer variables": 6,
    "one more variable": 6,
    "expired already": 5,
    "no expiry": 2,
    "an hour": 2,
    "None": 5,
    "nothing": 5,
    "raises": 7,
    "exits": 4,
    "invalid": 5,
    "hangs": 3,
    "hangs awaiting": 2,
    "changes the environment and hangs": 2,
}
"""What one call of a hook may come to, and how often it does."""

SETS = frozenset(list(KINDS)[:9])
"""Those that return variables which can be set."""

PATIENCE = 30.0
"""Seconds that a process has for all it does, be the machine as busy as it may."""


@dataclasses.dataclass(frozen=True)
class Lessee:
    """A plugin in a world: its name, how long its values live, whether its hook is always fine."""

    name: str
    lease: float
    steady: bool
    inherit: bool
    options: dict[str, bool]

    @property
    def variables(self) -> tuple[str, str, str]:
        """Two that are new, and one that replaces another value."""
        return (f"{self.name}_NEW".upper(), f"{self.name}_TOO".upper(), f"{self.name}_BASE".upper())

    @property
    def more(self) -> str:
        """The one more variable."""
        return f"{self.name}_MORE".upper()


@dataclasses.dataclass(frozen=True)
class Plan:
    """All that a seed decides.

    Attributes:
        seed: the seed.
        python: a version such as "3.12".
        lessees: the plugins.
        deadline: seconds that hooks have.
        renew: whether what expires is renewed in the background.
        strict: whether strict mode is on.
        refreshers: how many threads call `refresh()`.
        jumps: when the clock jumps, in seconds after the import, and by how much it is wrong from then on.
        forks: when the program forks, in seconds after the import; None if it does not.
        starts: when it starts another process that imports Prefect, likewise.
        reports: whether there is a directory of reports.
        life: seconds that the program lives after the import.
    """

    seed: int
    python: str
    lessees: list[Lessee]
    deadline: float
    renew: bool
    strict: bool
    refreshers: int
    jumps: list[tuple[float, float]]
    forks: float | None
    starts: float | None
    reports: bool
    life: float

    @property
    def alone(self) -> bool:
        """Whether the renewing thread is the only one that renews."""
        return self.renew and not self.refreshers

    def __str__(self) -> str:
        lines = [f"{name} {value}" for name, value in vars(self).items() if name != "lessees"]
        return "\n  ".join([", ".join(lines), *map(str, self.lessees)])


def make(seed: int, pythons: list[str]) -> Plan:
    """Returns the world of a seed; the same one every time, given the same Pythons."""
    generator = random.Random(seed)
    renew = generator.random() < 0.85
    life = generator.uniform(2.2, 2.7)
    jumps = []
    if generator.random() < 0.5:
        for _ in range(generator.randrange(1, 5)):
            jumps.append((generator.uniform(0, life), generator.choice((1, 10, 3600)) * generator.uniform(-1, 1)))
    return Plan(
        seed=seed,
        python=generator.choice(pythons),
        lessees=[_lessee(generator, number) for number in range(generator.randrange(1, 7))],
        deadline=generator.uniform(0.3, 1),
        renew=renew,
        strict=generator.random() < 0.3,
        refreshers=generator.choice((0, 0, 0, 1, 2, 3) if renew else (1, 2, 3)),
        jumps=sorted(jumps),
        forks=generator.uniform(0.1, 1.5) if generator.random() < 0.5 else None,
        starts=generator.uniform(0.1, 1.8) if generator.random() < 0.5 else None,
        reports=generator.random() < 0.5,
        life=life,
    )


def _lessee(generator: random.Random, number: int) -> Lessee:
    return Lessee(
        name=f"lease_{number}",
        lease=round(generator.choice((generator.uniform(0.1, 0.5), generator.uniform(0.5, 2))), 2),
        steady=generator.random() < 0.3,
        inherit=generator.random() < 0.4,
        options=generator.choice(WAVES),
    )


def as_json(plan: Plan) -> str:
    """The plan as text, of which `from_json` makes it again."""
    return json.dumps(dataclasses.asdict(plan))


def from_json(text: str) -> Plan:
    """The plan that `as_json` was given."""
    fields = json.loads(text)
    fields["lessees"] = [Lessee(**lessee) for lessee in fields["lessees"]]
    return Plan(**fields)


# The hook


@dataclasses.dataclass
class Call:
    """One call of a hook.

    Attributes:
        process: the ID of the process that it is in.
        run: its number in that process, from 1 on, which is in what it returns.
        kind: what it comes to.
        thread: the ident of its thread.
        begin: on the system's monotonic clock.
        background: whether the renewing thread makes it, which does not mark the environment.
        saw: what it saw of its plugin's own variables, and of the one more.
        beside: the calls of the same hook, in the same process, that had not ended, and had not been given up.
        returned: the names of the variables that it returned.
        end: likewise; None as long as it has not ended.
    """

    process: int
    run: int
    kind: str
    thread: int
    begin: float
    background: bool
    saw: dict[str, str | None]
    beside: list[int]
    returned: list[str] = dataclasses.field(default_factory=list)
    end: float | None = None


class Leases:
    """The hook's memory in this process, and, after a fork, its parent's.

    Args:
        lessee: its plugin.
        plan: its world.
        role: of the process; the draws depend on it.
        notes: the path of the file that all processes note their calls in.
    """

    def __init__(self, lessee: Lessee, plan: Plan, role: str, notes: str) -> None:
        self.lessee = lessee
        self.plan = plan
        self.role = role
        self.notes = notes
        # Calls with what the product has them done as: that alone knows whether it has given one up.
        self.calls: list[tuple[Call, Any]] = []

    def own(self) -> list[tuple[Call, Any]]:
        """The calls of this very process, the present one included."""
        return [(call, task) for call, task in self.calls if call.process == os.getpid()]

    def begin(self) -> Call:
        """Note that a call begins, and what it sees."""
        from prefect_preflight._imports.workers import working_for

        own = self.own()
        run = len(own) + 1
        call = Call(
            process=os.getpid(),
            run=run,
            kind=self._draw(run),
            thread=threading.get_ident(),
            begin=clock(),
            # There it is in the view of hooks alone, which this does not go through.
            background=b"PREFECT_PREFLIGHT_IN_HOOK" not in os.environb,
            saw={name: os.environ.get(name) for name in (*self.lessee.variables, self.lessee.more)},
            beside=[other.run for other, task in own if other.end is None and not given_up(task)],
        )
        self.calls.append((call, working_for.get()))
        self._note("begin", call)
        return call

    def end(self, call: Call) -> None:
        """Note that it ends."""
        call.end = clock()
        self._note("end", call)

    def _draw(self, run: int) -> str:
        """What a call comes to: always the same, given the world, the role of the process and the call's number."""
        if self.lessee.steady or (self.role == "first" and run == 1 and not self.calls):
            return "fine"
        role = "forked" if any(call.process != os.getpid() for call, _ in self.calls) else self.role
        generator = random.Random(f"{self.plan.seed} {self.lessee.name} {role} {run}")
        return generator.choices(list(KINDS), list(KINDS.values()))[0]

    def _note(self, what: str, call: Call) -> None:
        line = json.dumps([what, self.lessee.name, dataclasses.asdict(call)]) + "\n"
        descriptor = os.open(self.notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)


def given_up(task: Any) -> bool:
    """Whether the product has given up a call: its deadline has passed."""
    return bool(getattr(task, "abandoned", False))


def clock() -> float:
    """Seconds on the system's monotonic clock, which does not jump."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def make_hook(name: str) -> Callable[..., Any]:
    """Returns the hook of the plugin with this name, for the plugin to register."""
    with open(os.environ["LEASES_PLAN"], encoding="utf-8") as file:
        plan = from_json(file.read())
    lessee = next(lessee for lessee in plan.lessees if lessee.name == name)
    leases = Leases(lessee, plan, os.environ["LEASES_ROLE"], os.environ["LEASES_NOTES"])
    MEMORY[name] = leases

    def setup_environment(*, ctx: object) -> Any:
        assert ctx is not None
        call = leases.begin()
        if call.kind in ("async", "hangs awaiting"):
            return _awaited(leases, call)
        try:
            return _result(leases, call)
        finally:
            leases.end(call)

    return setup_environment


MEMORY: dict[str, Leases] = {}
"""The memories of the plugins that this process has loaded. In the program, which is another module, it is empty."""


async def _awaited(leases: Leases, call: Call) -> Any:
    try:
        await asyncio.sleep(0.02 if call.kind == "async" else 60)
        return _result(leases, call)
    finally:
        leases.end(call)


def _result(leases: Leases, call: Call) -> Any:
    from prefect_preflight import SetupResult

    kind, lessee, deadline = call.kind, leases.lessee, leases.plan.deadline
    if kind == "None":
        return None
    if kind == "nothing":
        return SetupResult({})
    if kind == "raises":
        raise OSError("no way")
    if kind == "exits":
        sys.exit("no more")
    env: dict[str, Any] = {name: f"{name} {call.process}.{call.run}" for name in lessee.variables}
    if kind == "invalid":
        env[lessee.variables[1]] = 1
    if kind == "slow":
        time.sleep(0.1)
    if kind == "hangs":
        time.sleep(deadline * 1.5 if call.run % 2 else 60)
    if kind.startswith("changes"):
        _change_the_environment(lessee, deadline * 1.5 if "hangs" in kind else 0.01)
    if kind == "fewer variables":
        del env[lessee.variables[call.run % 3]]
    if kind == "one more variable":
        env[lessee.more] = f"{lessee.more} {call.process}.{call.run}"
    call.returned = list(env)
    if kind == "no expiry":
        return SetupResult(env, inherit=lessee.inherit)
    seconds = {"expired already": -1.0, "an hour": 3600.0}.get(kind, lessee.lease)
    # By the clock that jumps, for a machine has one clock: what a lease is worth after a jump is not the question here.
    expires_at = datetime.fromtimestamp(time.time(), timezone.utc) + timedelta(seconds=seconds)
    return SetupResult(env, expires_at=expires_at, inherit=lessee.inherit)


def _change_the_environment(lessee: Lessee, seconds: float) -> None:
    """As hooks do that call a library which can be told something by variables alone."""
    name, temporary = lessee.variables[2], f"{lessee.name}_TEMPORARY".upper()
    before = os.environ.get(name)
    os.environ[name] = CHANGED
    os.environ[temporary] = CHANGED
    try:
        time.sleep(seconds)
    finally:
        os.environ.pop(temporary, None)
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before


# The program


class JumpingClock:
    """Stands for `time.time`."""

    def __init__(self, offset: float) -> None:
        self.offset = offset
        self._time = time.time

    def __call__(self) -> float:
        """Seconds since the epoch, more or less."""
        return self._time() + self.offset


class Lines:
    """Stands for `sys.stderr`, and remembers when which text was written."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.texts: list[tuple[float, str]] = []

    def write(self, text: str) -> int:
        """Write it, and remember it."""
        self.texts.append((clock(), text))
        return int(self._stream.write(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Program:
    """What a process does: import Prefect, live, look, and write down."""

    def __init__(self, plan: Plan, role: str, path: str, offset: float) -> None:
        self.plan = plan
        self.role = role
        self.path = path
        self.clock = JumpingClock(offset)
        self.found: dict[str, Any] = {"pid": os.getpid(), "problems": [], "halves": []}
        self._ends = threading.Event()
        self._halves: dict[str, tuple[float, dict[str, str | None]]] = {}
        self._forked: int | None = None
        self._started: subprocess.Popen[bytes] | None = None
        self._changes: list[list[str]] = []

    def run(self) -> None:
        """All of it."""
        # Before anything of the product is loaded, which may keep what it finds.
        time.time = self.clock
        sys.stderr = lines = Lines(sys.stderr)
        self.found["at_start"] = self.variables()
        try:
            import prefect  # noqa: F401
        except SystemExit as error:
            self.found["exit"] = str(error)
        else:
            self.live()
        self.snapshot(self.found)
        self.found.update(lines=lines.texts, changes=self._changes)
        self.write()

    def write(self) -> None:
        """Write down what was found."""
        with open(self.path, "w", encoding="utf-8") as file:
            json.dump(self.found, file)

    def live(self) -> None:
        """What happens between the import and the end."""
        if self.role == "child":
            time.sleep(0.2)
            return
        print("imported", flush=True)  # noqa: T201  # so that there is some of it
        self.watch_names()
        threads = [threading.Thread(target=self.refresh, args=(number,)) for number in range(self.plan.refreshers)]
        for thread in threads:
            thread.start()
        began = self.found["imported"] = clock()
        happenings: list[tuple[float, Callable[[], None]]] = [
            (moment, lambda by=by: setattr(self.clock, "offset", by))  # type: ignore[misc]
            for moment, by in self.plan.jumps
        ]
        happenings += [(self.plan.forks, self.fork)] if self.plan.forks is not None else []
        happenings += [(self.plan.starts, self.start)] if self.plan.starts is not None else []
        happenings.sort(key=lambda happening: happening[0])
        while clock() < began + self.plan.life:
            while happenings and clock() >= began + happenings[0][0]:
                happenings.pop(0)[1]()
            if self.plan.alone:
                self.look_for_halves()
            time.sleep(0.005)
        self._ends.set()
        for thread in threads:
            thread.join()
        self.wait_for_children()
        print("done", flush=True)  # noqa: T201

    def refresh(self, number: int) -> None:
        """What a thread does that calls `refresh()` at moments of its own."""
        import prefect_preflight

        generator = random.Random(f"{self.plan.seed} {number}")
        while not self._ends.wait(generator.choice((0.01, 0.1, 0.5)) * generator.random()):
            try:
                prefect_preflight.refresh()
            except SystemExit as error:  # strict mode
                if not self.plan.strict:
                    self.found["problems"].append(f"refresh() exits: {error}")
            except BaseException as error:
                self.found["problems"].append(f"refresh() raises {error!r}")

    def watch_names(self) -> None:
        """Note each name that is added to the environment, or removed from it."""
        names, process = set(os.environ), os.getpid()

        def watch(event: str, arguments: tuple[Any, ...]) -> None:
            if event in ("os.putenv", "os.unsetenv") and os.getpid() == process:
                name = os.fsdecode(arguments[0])
                if event == "os.unsetenv" or name not in names:
                    self._changes.append([event, name])

        sys.addaudithook(watch)

    def look_for_halves(self) -> None:
        """Note each half of a result that stands beside half of another one for longer than a thread can be held up."""
        for lessee in self.plan.lessees:
            values = {name: os.environ.get(name) for name in lessee.variables}
            if len(set(map(run_of, values.values()))) == 1:
                self._halves.pop(lessee.name, None)
                continue
            since, before = self._halves.setdefault(lessee.name, (clock(), values))
            if before != values:
                self._halves[lessee.name] = (clock(), values)
            elif clock() > since + 0.1:
                self.found["halves"].append([lessee.name, since, values])
                self._halves[lessee.name] = (float("inf"), values)

    def fork(self) -> None:
        """Fork a child, which writes down what it was born with, lives for a second, and looks again."""
        self._forked = os.fork()
        if self._forked:
            self.found.update(forked=clock(), forked_pid=self._forked)
            return
        status = 1
        try:
            self.path += ".forked"
            self.found = {"pid": os.getpid(), "problems": [], "halves": [], "at_start": self.variables()}
            time.sleep(1)
            self.snapshot(self.found)
            self.write()
            status = 0
        finally:
            os._exit(status)

    def start(self) -> None:
        """Start a process that imports Prefect."""
        command = [sys.executable, __file__, sys.argv[1], "child", f"{self.path}.child", str(self.clock.offset)]
        environment = {**os.environ, "LEASES_ROLE": "child"}
        self.found["started"] = clock()
        with open(f"{self.path}.child.stderr", "wb") as stderr:
            self._started = subprocess.Popen(command, env=environment, stderr=stderr)

    def wait_for_children(self) -> None:
        """See what becomes of them."""
        if self._started is not None:
            self.found["child_status"] = self._started.wait(PATIENCE / 2)
        if self._forked is not None:
            self.found["forked_status"] = self._wait_for_fork(self._forked, clock() + PATIENCE / 3)

    def _wait_for_fork(self, process: int, until: float) -> int:
        """Its status. One that hangs is ended by a signal at which `faulthandler` shows where.

        Not by a watch of its own: `faulthandler` would wait there for the parent's watch to end, which a fork does not
        have.
        """
        while clock() < until:
            ended, status = os.waitpid(process, os.WNOHANG)
            if ended:
                return status
            time.sleep(0.01)
        os.kill(process, signal.SIGABRT)
        return os.waitpid(process, 0)[1]

    def report_files(self) -> list[Any]:
        """The reports that this process has left."""
        directory = os.environ.get("PREFECT_PREFLIGHT_REPORT_DIR", "")
        names = os.listdir(directory) if directory and os.path.isdir(directory) else []
        documents = []
        for name in names:
            if name.endswith(".json"):
                with open(os.path.join(directory, name), encoding="utf-8") as file:
                    documents.append(json.load(file))
        return [document["report"] for document in documents if document["pid"] == os.getpid()]

    def variables(self) -> dict[str, dict[str, str | None]]:
        """What stands in the plugins' variables, by plugin."""
        return {
            lessee.name: {name: os.environ.get(name) for name in (*lessee.variables, lessee.more)}
            for lessee in self.plan.lessees
        }

    def snapshot(self, found: dict[str, Any]) -> None:
        """What the process has come to, at a moment when no hook runs again."""
        from prefect_preflight import last_report
        from prefect_preflight._environment.inherit import recall
        from prefect_preflight._stages.refresh import turn
        from prefect_preflight._state import state

        memory: dict[str, Leases] = getattr(sys.modules.get("leases"), "MEMORY", {})
        with turn:
            found["report"] = last_report().as_dict()
            found["at_end"] = self.variables()
            found["mark"] = os.environ.get("PREFECT_PREFLIGHT_IN_HOOK")
            found["files"] = self.report_files()
            found["calls"] = {
                name: [{**dataclasses.asdict(call), "given_up": given_up(task)} for call, task in leases.own()]
                for name, leases in memory.items()
            }
            plugins = state.run.runner.plugins if state.run is not None and state.run.runner is not None else []
            found["records"] = {
                plugin.name: [plugin.env, plugin.expires_at and plugin.expires_at.timestamp()] for plugin in plugins
            }
            recalled = recall([plugin.candidate for plugin in plugins], state.settings)
            found["recalled"] = {
                candidate.name: [former.env, former.expires_at and former.expires_at.timestamp()]
                for candidate, former in recalled.items()
            }


def run_of(value: str | None) -> str | None:
    """The process and the run that a value is of; None if it is no plugin's."""
    return value.rpartition(" ")[2] if value is not None and "." in value else None


def main() -> None:
    """Run the program that the arguments tell of."""
    plan_path, role, path, offset = sys.argv[1:]
    faulthandler.enable()
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    with open(plan_path, encoding="utf-8") as file:
        plan = from_json(file.read())
    with contextlib.suppress(KeyboardInterrupt):
        Program(plan, role, path, float(offset)).run()


if __name__ == "__main__":
    main()
