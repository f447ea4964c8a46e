"""What must hold after every chaos world, whatever its plugins did.

The deadline is judged by two clocks. The report's own figure, which counts while plugins have the floor, must be
within the deadline and half a second. The driver's figure, taken outside of us, may exceed it by what Prefect's
body took, which the stand-in measures itself, and by a second for all else that we do (settings, discovery, our own
imports). So a busy machine, or a plugin that fights for the interpreter's lock while Prefect loads, is not held
against us, and time that we lose anywhere is. On a real Prefect, whose own time is not known, the second figure gets
a generous allowance. The caller repeats a
world in which time was exceeded, up to twice: a bug that is in our code is there each time.
"""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scenario import Guest, Scenario

GRACE = 0.5
"""Seconds after the deadline by which the plugins must be done with."""

OTHER = 1.0
"""Seconds that we may take besides, for what is neither a plugin's time nor Prefect's."""

REAL = 30.0
"""The same on a real Prefect, its own time included."""

LATE = ("deadline", "overhead", "turn")
"""The invariants about time: "turn" is that of a plugin that should have had some, and did not."""


HALF_REGISTERED = "Exception ignored in atfork callback <built-in method release of _thread.lock object"
"""CPython's: a plugin forks at the moment at which another one imports `concurrent.futures.thread`, which then has its
lock released after the fork and not acquired before it. Without us it is the same."""

CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069]")
"""What moves a terminal's cursor, or changes its colours or the direction of its text; line ends are counted."""


@dataclasses.dataclass(frozen=True)
class Violation:
    """An invariant that did not hold, by its name, and how."""

    invariant: str
    detail: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.detail}"


@dataclasses.dataclass(frozen=True)
class Child:
    """What a scenario's child left: ``found`` is what its driver wrote, None if it did not come so far."""

    returncode: int | None
    stdout: str
    stderr: str
    stack: str
    found: dict[str, Any] | None


def judge(scenario: Scenario, child: Child) -> list[Violation]:
    """Returns the invariants that do not hold."""
    return [Violation(name, detail) for name, detail in _judge(scenario, child)]


def _judge(scenario: Scenario, child: Child) -> Iterator[tuple[str, str]]:
    if child.returncode is None or child.stack:
        yield "exits", f"the child hung\n{child.stack}\n{child.stderr}"
        return
    if child.found is None:
        yield "exits", f"status {child.returncode}, and nothing was written down\n{child.stderr}"
        return
    yield from _time(scenario, child.found)
    yield from _exit(scenario, child)
    yield from _output(scenario, child)
    yield from _environment(scenario, child.found)
    yield from _report(scenario, child.found)
    if not _strictly_ended(scenario):
        yield from _prefect(scenario, child.found)


def _strictly_ended(scenario: Scenario) -> bool:
    return scenario.strict and bool(scenario.culprits)


def _time(scenario: Scenario, found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    own = found["report"]["seconds"] or 0.0
    waits = {guest.kind.waits for guest in scenario.guests} - {""}
    # Loads and hooks have a deadline each; what waits "late" may do either.
    both = "late" in waits or ("load" in waits and len(waits) > 1)
    allowed = scenario.deadline * (2 if both else 1) + GRACE + scenario.holds
    if own > allowed:
        yield "deadline", f"the plugins had {own:.2f} s, more than {allowed:.2f} s"
    body = found["body_seconds"] or 0.0
    rest = found["took"] - own - body
    if rest > (OTHER if " " in scenario.host else REAL):
        yield "overhead", f"{rest:.2f} s went to neither the plugins ({own:.2f} s) nor Prefect ({body:.2f} s)"


def _exit(scenario: Scenario, child: Child) -> Iterator[tuple[str, str]]:
    assert child.found is not None
    expected = 1 if _strictly_ended(scenario) else 0
    if child.returncode != expected:
        yield "status", f"{child.returncode} instead of {expected}; {child.found['problem']}\n{child.stderr}"
    if expected == 0 and child.found["problem"] is not None:
        yield "status", f"the import raised {child.found['problem']}"
    if expected == 1:
        yield from _last_words(scenario, child)


def _last_words(scenario: Scenario, child: Child) -> Iterator[tuple[str, str]]:
    assert child.found is not None
    problem = child.found["problem"] or ["nothing", ""]
    named = re.match(r"\[plugins\] required plugin '(.*?)' ", problem[1])
    if problem[0] != "SystemExit" or named is None or named[1] not in scenario.culprits:
        yield "strict", f"the import ended with {problem}, none of {scenario.culprits}"
    lines = [line for line in child.stderr.splitlines() if line.startswith("[plugins]")]
    if lines != [problem[1]]:
        yield "one line, exactly", f"{lines}"
    if child.found["prefect"] is not None:
        yield "strict", "Prefect is loaded all the same"


def _output(scenario: Scenario, child: Child) -> Iterator[tuple[str, str]]:
    foreign = [line for line in child.stdout.splitlines() if not line.startswith("NOISE chaos_")]
    if " " not in scenario.host:
        # Prefect's own console handler, where a plugin has taken stderr away.
        foreign = [line for line in foreign if " | DEBUG   | prefect.profiles - " not in line]
    if foreign:
        yield "stdout", f"{foreign}"
    lines = [line for line in child.stderr.splitlines() if not line.startswith(HALF_REGISTERED)]
    for sign in ("internal error", "prefect-preflight: ", "_DeadlockError", "Fatal Python error", "Exception ignored"):
        yield from (("stderr", line) for line in lines if sign in line)
    controls = CONTROL.search(child.stderr)
    if controls is not None:
        yield "no control character", repr(child.stderr[max(0, controls.start() - 200) : controls.end() + 50])
    text = json.dumps((child.found or {}).get("report"), ensure_ascii=False)
    for guest in scenario.guests:
        for secret in (guest.secret, guest.env[f"{guest.name.upper()}_TOKEN"]):
            where = [place for place, output in (("stderr", child.stderr), ("report", text)) if secret in output]
            if where:
                yield "canary", f"{secret} of {guest.name} ({guest.kind.name}) is in {where}"


def _environment(scenario: Scenario, found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The well-behaved plugins' variables, exactly; no mapping in half; nothing that comes too late."""
    changed: dict[str, str | None] = dict(found["changed"])
    if found["changed_later"] != changed:
        yield "late result", f"{changed} became {found['changed_later']}"
    changed.pop("PREFECT_PREFLIGHT_INHERITED", None)
    statuses = {plugin["name"]: plugin["status"] for plugin in found["report"]["plugins"]}
    strict = _strictly_ended(scenario)
    for guest in scenario.guests:
        direct = f"{guest.name.upper()}_DIRECT"
        here = {name: value for name, value in changed.items() if name.startswith(guest.name.upper())}
        for name in here:
            changed.pop(name)
        if guest.kind.direct and (strict or scenario.safe_mode or statuses.get(guest.name) == "success"):
            here.pop(direct, None)
        expected = guest.env if guest.sets and statuses.get(guest.name) == "success" else {}
        if here != expected and not (strict and guest.sets and here == {}):
            yield "environment", f"{guest.name} ({guest.kind.name}) left {here} instead of {expected}"
    if " " in scenario.host and changed:
        yield "environment", f"nobody's variables: {changed}"


def _report(scenario: Scenario, found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each culprit with the right status, and nobody else."""
    report = found["report"]
    plugins = {plugin["name"]: plugin for plugin in report["plugins"]}
    if sorted(plugins) != [guest.name for guest in scenario.guests]:
        yield "report", f"it lists {sorted(plugins)}"
        return
    strict = _strictly_ended(scenario)
    for guest in scenario.guests:
        plugin = plugins[guest.name]
        allowed = _allowed(scenario, guest, strict, report["seconds"] or 0.0)
        if plugin["status"] not in allowed:
            error = plugin["error"] and plugin["error"]["message"][:300]
            name = "turn" if plugin["status"] == "timed-out" else "report"
            yield name, f"{guest.name} ({guest.kind.name}) is {plugin['status']!r}, not {allowed}: {error}"
    loaded = set(found["modules"]) & {guest.name for guest in scenario.guests if guest.filtered}
    if loaded:
        yield "denied", f"{loaded} were imported"


def _allowed(scenario: Scenario, guest: Guest, strict: bool, seconds: float) -> set[str]:
    allowed = set(guest.statuses)
    if guest.filtered:
        return allowed
    if scenario.safe_mode and guest.kind.statuses not in (("load-failed",), ("no-hook",), ("incompatible",)):
        hangs = guest.kind.waits == "load" or guest.kind.name == "sleeps when loaded late"
        allowed = {"timed-out"} if hangs else {"loaded"}
    if strict:
        allowed.add("pending")  # the import ended before its turn
    if scenario.hogs and seconds > 0.9 * scenario.deadline:
        allowed.add("timed-out")  # the time was really used up, and by somebody who let nobody else run
    return allowed


def _prefect(scenario: Scenario, found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Prefect is as if nothing had been: loaded once, complete, by its own loader, and it sees what was set."""
    if found["prefect"] is not True or not found["usable"]:
        yield "prefect", f"complete: {found['prefect']}, usable: {found['usable']}"
    if not found["loader"].startswith("_frozen_importlib"):
        yield "prefect", f"its loader is of {found['loader']}"
    if "_prefect_preflight" in found["finders"]:
        yield "finders", f"{found['finders']}"
    missing = [names for names in found["seen"] if names]
    if missing and not scenario.hogs:
        yield "threads", f"an importing thread did not see {missing}"
    if " " in scenario.host:
        bodies = found["bodies"] or []
        if len(bodies) != 1 or bodies[0]:
            yield "prefect", f"executed {len(bodies)} times, with {bodies} imported before"
        if found["native_runs"] or found["native_hooks"]:
            yield "native", "Prefect's own plugin runner ran"
        yield from _settings(scenario, found)
    calls = found["chaos_calls"] or []
    often = {name: calls.count(name) for name in calls if calls.count(name) > 1}
    if often:
        yield "calls", f"hooks were called too often: {often}"


def _settings(scenario: Scenario, found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    seen = found["settings_seen"] or {}
    statuses = {plugin["name"]: plugin["status"] for plugin in found["report"]["plugins"]}
    for guest in scenario.guests:
        if guest.sets and statuses.get(guest.name) == "success" and not guest.env.items() <= seen.items():
            yield "settings", f"Prefect's settings do not see what {guest.name} ({guest.kind.name}) set"
