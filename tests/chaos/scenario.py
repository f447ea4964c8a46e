"""A chaos world made from a seed: which plugins, which settings, which Prefect, and what must come of it."""

from __future__ import annotations

import base64
import dataclasses
import json
import random
from pathlib import Path
from typing import TYPE_CHECKING

from palette import BAD, GOOD, HEAD, Kind

import standin
from corpus_redaction import CANARIES, noise

if TYPE_CHECKING:
    from worlds import World

APIS = ("prefect_preflight", "prefect.plugins", "prefect._experimental.plugins")
FAILURES = ("failed", "invalid-result", "load-failed", "timed-out")
MANNERS = ("plain", "plain", "name", "submodule", "importlib", "loop", "thread", "threads", "strangers", "strangers")
STRICT_MANNERS = ("plain", "name", "submodule", "importlib", "loop")
"""Those in which the exception reaches the main thread."""

REAL_NEW, REAL_OLD = 3, 13
"""Seeds that end so, in twenties, are on a real Prefect; the others on the stand-in."""

APPLICATION = {
    "chaos_app.py": "import time; time.sleep(0.02)\nfrom prefect.flows import Flow\nimport prefect.tasks\nDONE = 1\n",
    "chaos_app_two.py": "import chaos_app, time\ntime.sleep(0.02)\nfrom prefect import flow\nDONE = chaos_app.DONE\n",
}
"""Modules of an application that imports Prefect; hooks import them too."""

_MOST_WAITS = 2  # each of them takes up to three quarters of what is left of the time
_MANY = {"load": 3, "late": 1}  # how many plugins may hang in one place, by default eight
_HANGS = 8


@dataclasses.dataclass
class Guest:
    """A plugin in a scenario."""

    name: str
    kind: Kind
    env: dict[str, str]
    secret: str
    text: str
    filtered: bool = False

    @property
    def statuses(self) -> tuple[str, ...]:
        """What the report may say."""
        return ("filtered",) if self.filtered else self.kind.statuses

    @property
    def sets(self) -> bool:
        """Whether its variables must be there afterwards."""
        return self.kind.sets and not self.filtered


@dataclasses.dataclass
class Scenario:
    """All that a seed decides."""

    seed: int
    host: str  # "new" or "old" for a real Prefect, else a stand-in's kind and a Python's version: "new 3.12"
    guests: list[Guest]
    deadline: float
    manner: str
    strict: bool
    required: list[str] | None
    safe_mode: bool
    level: str
    asks_all: bool  # whether a finder stands in front that asks all the others for every name

    @property
    def hogs(self) -> bool:
        """Whether a plugin keeps the interpreter's lock busy."""
        return any(guest.kind.hogs and not guest.filtered for guest in self.guests)

    @property
    def holds(self) -> float:
        """Seconds for which nobody but one plugin could run."""
        return sum(guest.kind.holds for guest in self.guests)

    @property
    def culprits(self) -> list[str]:
        """The plugins that strict mode may name."""
        listed = (*FAILURES, "no-hook", "incompatible") if self.required is not None else FAILURES
        failed = [guest.name for guest in self.guests if set(guest.statuses) & set(listed)]
        if self.safe_mode:
            failed = [guest.name for guest in self.guests if guest.statuses == ("load-failed",)]
        if self.required is None:
            return failed
        by_itself = [guest.name for guest in self.guests if guest.kind.name == "required and empty"]
        return [name for name in failed if name in self.required or name in by_itself]

    def __str__(self) -> str:
        settings = f"strict {self.strict}, required {self.required}, safe mode {self.safe_mode}, level {self.level}"
        how = f"{self.manner}{' behind a finder that asks all' * self.asks_all}"
        lines = [f"seed {self.seed} on {self.host}: manner {how}, deadline {self.deadline:g} s, {settings}"]
        lines += [f"  {guest.name}: {guest.kind.name}{' (denied)' * guest.filtered}" for guest in self.guests]
        return "\n".join(lines)


def make(seed: int, pythons: list[str]) -> Scenario:
    """Returns the scenario of a seed; the same one every time, given the same Pythons."""
    generator = random.Random(seed)
    place = seed % 20
    host = "new" if place == REAL_NEW else "old" if place == REAL_OLD else None
    waits = _places_to_wait(generator)[: 1 if host else _MOST_WAITS]
    strict = generator.random() < 0.2
    count = min(50, 2 + int(generator.expovariate(1 / 12)))
    kinds = _kinds(generator, count, waits, strict, real=host is not None)
    # The late plugins' time is also the time of what they import, which on a real Prefect is seconds.
    deadline = (40.0, 30.0)[len(waits)] if host else (10.0, 2.0, 6.0)[len(waits)]
    guests = [_guest(generator, seed, number, kind, deadline) for number, kind in enumerate(kinds)]
    safe_mode = not strict and generator.random() < 0.05
    required = None
    if strict and generator.random() < 0.5:
        required = [guest.name for guest in guests if generator.random() < 0.3] or None  # an empty list is none
    if generator.random() < 0.2:
        for guest in guests:
            # Not one that is required: that is a failure of another kind, which is tested elsewhere.
            guest.filtered = generator.random() < 0.2 and guest.name not in (required or ())
    return Scenario(
        seed=seed,
        host=host or f"{generator.choice(('new', 'old'))} {generator.choice(pythons)}",
        guests=guests,
        deadline=deadline,
        manner=generator.choice(STRICT_MANNERS if strict else MANNERS),
        strict=strict,
        required=required,
        safe_mode=safe_mode,
        level=generator.choice(("WARNING", "INFO", "DEBUG")),
        asks_all=generator.random() < 0.2,
    )


def _places_to_wait(generator: random.Random) -> list[str]:
    if generator.random() < 0.55:
        return []
    places = ["load", "tryfirst", "normal", "trylast", "late"]
    return generator.sample(places, generator.choice((1, 1, _MOST_WAITS)))


def _kinds(generator: random.Random, count: int, waits: list[str], strict: bool, real: bool) -> list[Kind]:
    """Draws kinds: about a third well-behaved, so that there is always somebody to be disturbed."""
    left = {place: _MANY.get(place, _HANGS) for place in waits}
    may_hog = generator.random() < 0.3
    hogs = int(may_hog)
    heavy = 0 if waits else 2
    fit = [kind for kind in BAD if not kind.waits or kind.waits in waits]
    kinds = [generator.choice(GOOD)]
    while len(kinds) < count:
        kind = generator.choice(GOOD if generator.random() < 0.35 else fit)
        if (strict and not kind.certain) or (waits and kind.holds):
            continue
        if kind.narrow and (real or may_hog):
            continue  # the time of Prefect's body does not count, so it may be in time after all
        if kind.silences and real:
            continue  # Prefect itself does not stand a closed stderr
        if kind.waits:
            if not left[kind.waits] or (kind.hogs and not hogs):
                continue
            left[kind.waits] -= 1
            hogs -= kind.hogs
        if kind.heavy:
            if not heavy:
                continue
            heavy -= 1
        kinds.append(kind)
    generator.shuffle(kinds)
    return kinds


def _guest(generator: random.Random, seed: int, number: int, kind: Kind, deadline: float) -> Guest:
    name = f"chaos_{number:02}"
    variable = name.upper()
    secret = noise(f"chaos {seed} {number}", 24)
    env = {f"{variable}_A": f"value of {name}", f"{variable}_TOKEN": secret, f"{variable}_Z": "us-east-1"}
    # A shape of the corpus, which must be known by its looks alone: the plugin never returns it.
    canary = generator.choice([canary for canary in CANARIES if canary.text.isascii()])
    data = base64.b64encode(json.dumps([variable, env, canary.text, deadline]).encode()).decode()
    head = HEAD.format(api=generator.choice(APIS), data=data)
    return Guest(name, kind, env, canary.secret, head + kind.source)


def install(scenario: Scenario, world: World) -> None:
    """Installs a scenario's plugins into a world, and the stand-in where it is on one."""
    if " " in scenario.host:
        standin.install(world, runner=scenario.host.startswith("new "))
    for name, text in APPLICATION.items():
        Path(world.overlay, name).write_text(text, encoding="utf-8")
    generator = random.Random(-scenario.seed)
    guests = list(scenario.guests)
    while guests:  # in distributions of one to ten
        size = generator.choice((1, 1, 3, 10))
        group, guests = guests[:size], guests[size:]
        points = {guest.name: ":".join(filter(None, (guest.name, guest.kind.hook))) for guest in group}
        for guest in group:
            Path(world.overlay, guest.name).mkdir()
            Path(world.overlay, guest.name, "__init__.py").write_text(guest.text, encoding="utf-8")
        world.plugin(group[0].name.replace("_", "-"), None, entry_points=points)


def environment(scenario: Scenario) -> dict[str, str | None]:
    """Returns the environment of a scenario's child."""
    denied = [guest.name.replace("_", "-") for guest in scenario.guests if guest.filtered]
    return {
        "PREFECT_PLUGINS_ENABLED": "1",
        "PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS": f"{scenario.deadline:g}",
        "PREFECT_PREFLIGHT_LOAD_TIMEOUT_SECONDS": f"{scenario.deadline:g}",
        "PREFECT_PLUGINS_STRICT": "1" if scenario.strict else None,
        "PREFECT_PLUGINS_REQUIRED": None if scenario.required is None else json.dumps(scenario.required),
        "PREFECT_PLUGINS_SAFE_MODE": "1" if scenario.safe_mode else None,
        "PREFECT_PLUGINS_DENY": ",".join(denied) or None,
        "PREFECT_LOGGING_LEVEL": scenario.level,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
