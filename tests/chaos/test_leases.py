"""Chaos over time: values that live for moments, hooks that fail when they run again, and clocks that jump.

Each seed makes a world on the stand-in for Prefect, in which the background, `refresh()` in up to three threads, a fork
and a new process meet. What is judged is what a process sees, and what each call of a hook saw: `leases.py` has both
write it down.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import leases
import pytest

import standin
from diag_samples import VALIDATOR
from hosts import kill
from toys import pythons
from worlds import World

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hosts import Hosts

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="renewal needs glibc")

SEEDS = 24
"""Worlds in an ordinary run: each lives for its own time, however fast the machine."""

LATE = ("renewed in time", "half")
"""The invariants about time. A machine that is busy with something else may break them, but hardly three times."""

SIGNS = ("internal error", "Traceback", "Exception ignored", "Fatal", "_DeadlockError", "(most recent call first)")
LINE = re.compile(r"\d\d:\d\d:\d\d\.\d{3} \| [\w.]+ \| [A-Z]+: (.*)")
STATUSES = {
    "None": {"success", "expired"},
    "nothing": {"success", "expired"},
    "raises": {"failed"},
    "exits": {"failed"},
    "invalid": {"invalid-result"},
}
"""What a plugin's status may be after calls that set nothing. Which of the two depends on the moment."""


@dataclasses.dataclass
class Seen:
    """What one process wrote down, and the calls of hooks in it, by plugin.

    Attributes:
        plan: the world.
        role: "first", "forked", or "child".
        found: what was written.
    """

    plan: leases.Plan
    role: str
    found: dict[str, Any]

    def calls(self, lessee: leases.Lessee) -> list[dict[str, Any]]:
        """The calls of a plugin's hook, the earliest first."""
        calls: list[dict[str, Any]] = self.found["calls"].get(lessee.name, [])
        return calls

    def applied(self, lessee: leases.Lessee) -> list[dict[str, Any]]:
        """Those of which what they returned was to be applied."""
        return [call for call in self.calls(lessee) if self._is_applied(call)]

    def _is_applied(self, call: Mapping[str, Any]) -> bool:
        if call["kind"] == "expired already" and self.plan.strict and not call["background"]:
            return False  # strict mode takes it for a failure; in the background nothing is strict
        return call["kind"] in leases.SETS and call["end"] is not None and not call["given_up"]

    @property
    def any_given_up(self) -> bool:
        """Whether the time of a call was over, which may have left others without their turn."""
        return any(call["given_up"] for calls in self.found["calls"].values() for call in calls)

    def spoilt(self, lessee: leases.Lessee) -> bool:
        """Whether the plugin itself has left things in a state that depends on the moment.

        By a hook that had been given up, and put back in all of the process what it found there before: in the
        background it changes nothing but what hooks see. Or, in strict mode, by values that ended while others' hooks
        still ran, which is a failure.
        """
        direct = [call for call in self.calls(lessee) if not call["background"]]
        if any(call["given_up"] and call["kind"].startswith("changes") for call in direct):
            return True
        everybody = [call for calls in self.found["calls"].values() for call in calls]
        return self.plan.strict and any(
            other["begin"] <= call["end"] + 0.5 and (other["end"] or math.inf) > call["end"] + lessee.lease * 0.7
            for call in direct
            for other in everybody
            if call["end"] is not None and not other["background"]
        )


def test_whatever_expires(seed: int, hosts: Hosts, tmp_path: Path) -> None:
    """All invariants hold in the world of leases of this seed."""
    plan = leases.make(seed, pythons())
    for attempt in range(3):
        directory = tmp_path / str(attempt)
        child = run(plan, World.create(hosts(python=plan.python), directory))
        violations = list(judge(plan, directory, *child))
        if all(name not in LATE for name, _ in violations):
            break
    if violations:
        lines = "\n".join(f"VIOLATED {name}: {detail}" for name, detail in violations)
        again = f"again: nox -s chaos -- -k leases --seed {seed}"
        pytest.fail(f"{plan}\n{lines}\n{again}\n{child[2][-4000:]}", pytrace=False)


def run(plan: leases.Plan, world: World) -> tuple[int | None, str, str]:
    """Runs a world's program to its end; returns its status, None if it hung, and what it printed."""
    standin.install(world)
    program = world.overlay / "leases.py"
    program.write_text(Path(leases.__file__).read_text(encoding="utf-8"), encoding="utf-8")
    for lessee in plan.lessees:
        source = (
            "from leases import make_hook\nfrom prefect_preflight import register_hook\n"
            f"setup_environment = register_hook(**{lessee.options})(make_hook({lessee.name!r}))\n"
        )
        world.plugin(lessee.name.replace("_", "-"), source)
    path = world.home / "plan.json"
    path.write_text(leases.as_json(plan))
    environment: dict[str, str | None] = {lessee.variables[2]: leases.BASE for lessee in plan.lessees}
    environment.update(
        PREFECT_PLUGINS_ENABLED="1",
        PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS=f"{plan.deadline:.3f}",
        PREFECT_PLUGINS_STRICT="1" if plan.strict else None,
        PREFECT_PREFLIGHT_RENEW="1" if plan.renew else None,
        PREFECT_PREFLIGHT_REPORT_DIR=str(world.home / "reports") if plan.reports else None,
        LEASES_PLAN=str(path),
        LEASES_NOTES=str(world.home / "notes"),
        LEASES_ROLE="first",
        PYTHONWARNINGS="ignore",  # of a fork beside threads, from Python 3.12 on
    )
    child = world.start([str(program), str(path), "first", str(world.home / "found"), "0"], env=environment)
    try:
        stdout, stderr = child.communicate(timeout=leases.PATIENCE + 15)
        return child.returncode, stdout, stderr
    except subprocess.TimeoutExpired:
        kill(child)
        return (None, *child.communicate())
    finally:
        kill(child)


def judge(
    plan: leases.Plan, directory: Path, status: int | None, stdout: str, stderr: str
) -> Iterator[tuple[str, str]]:
    """Yields the invariants that do not hold, by name, and how."""
    path = directory / "home" / "found"
    if status != 0 or not path.exists():
        yield "exits", f"status {status}\n{stderr}"
        return
    first = Seen(plan, "first", json.loads(path.read_text()))
    yield from _output(stdout, stderr)
    yield from _lines(first)
    yield from _notes(first, directory / "home" / "notes")
    yield from _names(first)
    yield from _process(first)
    yield from _environment(first, {})
    yield from _renewals(first)
    yield from _report_file(first)
    yield from _forked(first, path)
    yield from _child(first, path)
    for problem in first.found["problems"]:
        yield "refresh", problem


def _output(stdout: str, stderr: str) -> Iterator[tuple[str, str]]:
    if stdout != "imported\ndone\n":
        yield "stdout", repr(stdout)
    for sign in SIGNS:
        if sign in stderr:
            yield "stderr", next(line for line in stderr.splitlines() if sign in line)


def _lines(seen: Seen) -> Iterator[tuple[str, str]]:
    """Each line is of the log, or strict mode's; and the background says nothing about a plugin twice in a row."""
    latest: dict[str, tuple[float, str]] = {}
    for moment, written in seen.found["lines"]:
        for line in written.splitlines():
            match = LINE.fullmatch(line)
            if match is None:
                if not (seen.plan.strict and line.startswith("[plugins] required plugin ")):
                    yield "stderr", line
                continue
            for lessee in seen.plan.lessees:
                if lessee.name in match[1]:
                    since, before = latest.get(lessee.name, (0.0, ""))
                    latest[lessee.name] = (moment, match[1])
                    if before == match[1] and seen.plan.alone and not _renewed_between(seen, lessee, since, moment):
                        yield "told once", line


def _renewed_between(seen: Seen, lessee: leases.Lessee, begin: float, end: float) -> bool:
    """Whether the plugin was renewed in that time: from then on what goes wrong is news again."""
    return any(begin <= call["end"] <= end and call["kind"] != "expired already" for call in seen.applied(lessee))


def _notes(first: Seen, path: Path) -> Iterator[tuple[str, str]]:
    """No two calls at once, in no process; and in those that know what stood there before, none saw its own output."""
    knowing = (first.found["pid"], first.found.get("forked_pid"))
    spoilt = {lessee.name for lessee in first.plan.lessees if first.spoilt(lessee)}
    for text in path.read_text().splitlines():
        what, name, call = json.loads(text)
        if what != "begin":
            continue
        if call["beside"]:
            yield "one at a time", f"{name}: {call}"
        lessee = next(lessee for lessee in first.plan.lessees if lessee.name == name)
        expected = dict.fromkeys((*lessee.variables, lessee.more), None) | {lessee.variables[2]: leases.BASE}
        if call["process"] in knowing and call["saw"] != expected and name not in spoilt:
            yield "sees no former output", f"{name}: {call}"


def _names(seen: Seen) -> Iterator[tuple[str, str]]:
    """The background adds no name to the environment and removes none."""
    if seen.plan.alone and seen.found["changes"]:
        yield "no name is added or removed", str(seen.found["changes"])


def _process(seen: Seen) -> Iterator[tuple[str, str]]:
    """What a report and the note for descendants say, in any process."""
    report, found = seen.found["report"], seen.found
    for error in VALIDATOR.iter_errors(report):
        yield "schema", f"{seen.role}: {error.message}"
    if seen.found["mark"] is not None and report["outcome"] != "inside-hook":
        yield "mark", f"{seen.role}: processes that are started now count as started by a hook: {seen.found['mark']}"
    if "exit" in found or report["outcome"] == "inside-hook":
        return
    statuses = {plugin["name"]: plugin["status"] for plugin in report["plugins"]}
    for lessee in seen.plan.lessees:
        if seen.spoilt(lessee):
            continue
        allowed = _statuses(seen, lessee)
        if allowed is not None and statuses.get(lessee.name) not in allowed:
            yield "status", f"{seen.role}: {lessee.name} is {statuses.get(lessee.name)}, not {allowed}"
    failed = {"failed", "invalid-result", "timed-out", "expired"} & {*statuses.values()}
    outcomes = {"failures", "strict-exit"} if failed and seen.plan.strict else {"failures"} if failed else {"success"}
    if report["outcome"] not in outcomes:
        yield "outcome", f"{seen.role}: {report['outcome']} with {statuses}: {report['reason']}"
    yield from _renewal(seen)
    for name, record in found["records"].items():
        if seen.spoilt(_lessee(seen.plan, name)) or leases.CHANGED in found["at_end"][name].values():
            continue
        if record[0] and found["recalled"].get(name) != record:
            yield "note", f"{seen.role}: of {name} it says {found['recalled'].get(name)}, what stands is {record}"
        standing = {variable: found["at_end"][name].get(variable) for variable in record[0]}
        if standing != record[0]:
            yield "record", f"{seen.role}: {name} has {record[0]}, what stands is {standing}"


def _lessee(plan: leases.Plan, name: str) -> leases.Lessee:
    return next(lessee for lessee in plan.lessees if lessee.name == name)


def _statuses(seen: Seen, lessee: leases.Lessee) -> set[str] | None:
    """Those that the latest call allows; None where that was in another process."""
    calls = seen.calls(lessee)
    if not calls:
        return {"inherited", *({"timed-out"} if seen.any_given_up else ())} if seen.role == "child" else None
    latest = calls[-1]
    if latest["given_up"]:
        return {"timed-out"}
    strictly = latest["kind"] == "expired already" and latest not in seen.applied(lessee)
    allowed = {"invalid-result"} if strictly else STATUSES.get(latest["kind"], {"success"})
    return allowed | {"timed-out"} if seen.any_given_up else allowed


def _renewal(seen: Seen) -> Iterator[tuple[str, str]]:
    renewal = seen.found["report"]["renewal"]
    states = {"on"} if seen.role == "first" else {"on", "idle"}
    if renewal["state"] not in (states if seen.plan.renew else {"off"}):
        yield "renewal", f"{seen.role}: {renewal}"
    if renewal["state"] != "on" and renewal["next"] is not None:
        yield "renewal", f"{seen.role}: {renewal}"
    moments = [plugin["renewed_at"] for plugin in seen.found["report"]["plugins"] if plugin["renewed_at"] is not None]
    if renewal["last"] != max(moments, default=None):
        yield "renewal", f"{seen.role}: {renewal}, but {moments}"


def _environment(seen: Seen, initial: Mapping[str, Mapping[str, str | None]]) -> Iterator[tuple[str, str]]:
    """What stands is what the latest run returned, all of it; of what is `initial`, by plugin, where there was none."""
    for lessee in seen.plan.lessees:
        if leases.CHANGED in initial.get(lessee.name, {}).values():
            continue  # forked in the middle of a call
        states = list(_history(seen, lessee, _own(initial.get(lessee.name, {}))))
        if seen.found["at_end"][lessee.name] != states[-1] and not seen.spoilt(lessee):
            expected = {name: value for name, value in states[-1].items() if value is not None}
            kinds = [[call["run"], call["kind"], call["background"]] for call in seen.calls(lessee)]
            yield "values", f"{seen.role}: {seen.found['at_end'][lessee.name]} instead of {expected}, after {kinds}"


def _history(seen: Seen, lessee: leases.Lessee, stands: dict[str, str]) -> Iterator[dict[str, str | None]]:
    """The plugin's variables before the calls and after each that was applied."""
    nothing = {**dict.fromkeys((*lessee.variables, lessee.more)), lessee.variables[2]: leases.BASE}
    yield {**nothing, **stands}
    for call in seen.applied(lessee):
        values = _returned(call)
        # In the background nothing is added, and what is not returned stays.
        stands = {name: values.get(name, stands[name]) for name in stands} if call["background"] else values
        yield {**nothing, **stands}


def _own(state: Mapping[str, str | None]) -> dict[str, str]:
    """Of variables and what stands in them, those in which a plugin's values do."""
    return {name: value for name, value in state.items() if value is not None and leases.run_of(value)}


def _returned(call: Mapping[str, Any]) -> dict[str, str]:
    return {name: f"{name} {call['process']}.{call['run']}" for name in call["returned"]}


def _renewals(first: Seen) -> Iterator[tuple[str, str]]:
    """Who is always fine is renewed in time, and the report says so of whoever was renewed."""
    life = first.plan.life
    for lessee in first.plan.lessees:
        runs = len(first.applied(lessee))
        renewed_at = next(p["renewed_at"] for p in first.found["report"]["plugins"] if p["name"] == lessee.name)
        if (renewed_at is not None) != (runs > 1) and not first.spoilt(lessee):
            yield "renewed at", f"{lessee.name}: {renewed_at} after {runs} runs"
        if lessee.steady and first.plan.renew and lessee.lease >= 0.5 and not first.plan.jumps:
            period = lessee.lease * 0.9 + 0.25 + (2 * first.plan.deadline if first.any_given_up else 0.0)
            if runs - 1 < min(2, int(life / period)):
                yield "renewed in time", f"{lessee.name}: {runs - 1} times in {life:.1f} s"


def _report_file(first: Seen) -> Iterator[tuple[str, str]]:
    """There is one of the first process, and it is the latest."""
    if not first.plan.reports:
        return
    own = first.found["files"]
    if len(own) != 1:
        yield "report file", f"{len(own)} of the first process"
        return
    for error in VALIDATOR.iter_errors(own[0]):
        yield "schema", f"file: {error.message}"
    statuses = [[(p["name"], p["status"]) for p in report["plugins"]] for report in (own[0], first.found["report"])]
    if statuses[0] != statuses[1]:
        yield "report file", f"{statuses[0]} instead of {statuses[1]}"


def _forked(first: Seen, path: Path) -> Iterator[tuple[str, str]]:
    """A forked process is born with what stood, whole, and lives as the first one does."""
    if first.plan.forks is None:
        return
    own = path.with_name("found.forked")
    if first.found["forked_status"] != 0 or not own.exists():
        yield "forked", f"status {first.found['forked_status']}"
        return
    forked = Seen(first.plan, "forked", json.loads(own.read_text()))
    for lessee in first.plan.lessees:
        born = forked.found["at_start"][lessee.name]
        amid = [call["kind"] for call in first.calls(lessee) if _was_running(call, first.found["forked"])]
        stood = list(_history(first, lessee, {}))[1:]
        # Its own renewing thread may be faster than the thread that looks what it was born with.
        stood += [later for state in stood for later in _history(forked, lessee, _own(state))]
        if born not in stood and leases.CHANGED not in born.values() and not first.spoilt(lessee):
            yield "born whole", f"{born}, while {amid} ran"
    yield from _process(forked)
    yield from _environment(forked, forked.found["at_start"])


def _was_running(call: Mapping[str, Any], moment: float) -> bool:
    return bool(call["begin"] <= moment and (call["end"] is None or call["end"] >= moment - 0.1))


def _child(first: Seen, path: Path) -> Iterator[tuple[str, str]]:
    """A process that the first one starts is whole; its hooks see all of what it began with, or none of it."""
    if first.plan.starts is None:
        return
    own, stderr = path.with_name("found.child"), path.with_name("found.child.stderr").read_text()
    if first.found["child_status"] != 0 or not own.exists():
        yield "child", f"status {first.found['child_status']}\n{stderr}"
        return
    for sign in SIGNS:
        if sign in stderr:
            yield "child's stderr", next(line for line in stderr.splitlines() if sign in line)
    child = Seen(first.plan, "child", json.loads(own.read_text()))
    yield from _process(child)
    for lessee in first.plan.lessees:
        began, ended = child.found["at_start"][lessee.name], child.found["at_end"][lessee.name]
        nothing = {name: None if leases.run_of(value) else value for name, value in began.items()}
        for call in child.calls(lessee):
            if call["saw"] not in (began, nothing) and not child.spoilt(lessee):
                yield "sees all or nothing", f"{lessee.name} began with {began}: {call}"
        applied = child.applied(lessee)
        returned = _returned(applied[-1]) if applied else {}
        earlier = [_returned(call) for call in applied[:-1]]
        for name, value in ended.items():
            rest = (began[name], *((None, leases.BASE, *(env.get(name) for env in earlier)) if applied else ()))
            allowed = rest if name not in returned else (returned[name],)
            if applied and applied[-1]["background"]:
                allowed = (*allowed, *rest)  # what was not there is not set there
            if value not in allowed and not child.spoilt(lessee):
                yield "child's values", f"{lessee.name}: {ended}, began with {began}, after {child.calls(lessee)}"
                break
