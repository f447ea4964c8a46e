"""What `import prefect` costs: Prefect's own plugin system, and ours in its place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.environments import PREFECTS, PUBLISHED
from benchmarks.measuring import Child, Sample, can_count, in_rounds, instructions, pairwise
from benchmarks.results import Results, Table, plain

if TYPE_CHECKING:
    from benchmarks.environments import Environments

PROGRAM = str(Path(__file__).parent / "children" / "import_prefect.py")
AFTER = str(Path(__file__).parent / "children" / "after_import.py")
LOOK = str(Path(__file__).parent / "children" / "look_at_source.py")

OFF = "native, plugins off"
NATIVE = "native, three no-op plugins"
DISABLED = "ours, plugins off"
SUPERSEDED = "native runner taken out"
ENABLED = "ours, enabled, none installed"
THREE = "ours, three no-op plugins"
NAMES = (OFF, NATIVE, DISABLED, SUPERSEDED, ENABLED, THREE)

# What is expensive to import, and not needed as long as there is no plugin.
UNWANTED = ("importlib_metadata", "packaging", "asyncio", "click", "tomli")
RATIOS = {"3.8.8": 0.5, "3.4.24": 0.15}


def run(environments: Environments, results: Results, rounds: int) -> None:
    """Compares `import prefect` on each Prefect."""
    for prefect in PREFECTS:
        _Comparison(environments, results, prefect).run(rounds)
    _published(environments, results, max(3, rounds // 2))


def _published(environments: Environments, results: Results, rounds: int) -> None:
    """Compares `import prefect` with the plugins of the package index."""
    prefect = PREFECTS[0]
    native = environments.with_prefect(prefect, *PUBLISHED)
    ours = environments.with_prefect(prefect, *PUBLISHED, "ours")
    on = {"PREFECT_PLUGINS_ENABLED": "1"}
    cases = {
        "native, plugins off": (native, {}),
        "native, enabled": (native, on),
        "ours, enabled": (ours, on),
    }
    children = {
        name: Child([made.python, PROGRAM], environments.child_environment(variables), environments.nowhere)
        for name, (made, variables) in cases.items()
    }

    def measure(name: str) -> float:
        seconds: float = children[name].json()["seconds"]
        return seconds

    times = in_rounds({name: lambda name=name: measure(name) for name in cases}, rounds)  # type: ignore[misc]
    ratios = {name: pairwise_ratio(times[name], times["native, enabled"]).median for name in cases}
    rows = [
        [name, plain(times[name], 1e3, 0), f"{times[name].least * 1e3:.0f}", f"{ratios[name]:.2f}"] for name in cases
    ]
    title = f"`import prefect` {prefect} with {', '.join(PUBLISHED)}"
    results.table(Table(title, ["", "time (ms)", "least (ms)", "ratio"], rows, "Ratio: to native with them enabled."))
    results.target("published plugins: share of native with them", ratios["ours, enabled"], 0.3, "x")
    looks = Child([ours.python, LOOK], environments.child_environment(), environments.nowhere).json()
    for value, milliseconds in looks.items():
        results.target(f"published plugins: a look at the source of {value}", milliseconds, 0.2, "ms")


class _Comparison:
    """The six ways to import one Prefect."""

    def __init__(self, environments: Environments, results: Results, prefect: str) -> None:
        self.results = results
        self.prefect = prefect
        native, ours = environments.with_prefect(prefect), environments.with_prefect(prefect, "ours")
        without_runner = environments.with_prefect_without_runner(prefect)
        plugins = str(environments.plugins(native, prefect))
        # The name that Prefect had until 3.6, so that every Prefect with a plugin system knows it.
        on = {"PREFECT_EXPERIMENTS_PLUGINS_ENABLED": "1"}
        three = {**on, "PYTHONPATH": plugins}

        def child(python: str, variables: dict[str, str]) -> Child:
            return Child([python, PROGRAM], environments.child_environment(variables), environments.nowhere)

        self.children = {
            OFF: child(native.python, {}),
            NATIVE: child(native.python, three),
            DISABLED: child(ours.python, {}),
            SUPERSEDED: child(without_runner.python, {}),
            ENABLED: child(ours.python, on),
            THREE: child(ours.python, three),
        }
        self.after = Child([ours.python, AFTER], environments.child_environment(three), environments.nowhere)
        self.last: dict[str, Any] = {}
        self.memory: dict[str, list[float]] = {name: [] for name in NAMES}

    def run(self, rounds: int) -> None:
        """Measures them, and compares."""
        times = in_rounds({name: lambda name=name: self._measure(name) for name in NAMES}, rounds)  # type: ignore[misc]
        memory = {name: Sample(tuple(values[1:])) for name, values in self.memory.items()}
        counts: dict[str, Sample] = {}
        if can_count():
            counts = {name: instructions(self.children[name], seeds=(1, 2, 3)) for name in self._light()}
        self._table(times, memory, counts)
        self._targets(times, memory)
        self._after()
        self.results.chart(
            f"import prefect {self.prefect} (seconds, median)", {name: times[name].median for name in NAMES}
        )

    def _measure(self, name: str) -> float:
        told = self.children[name].json()
        plugins = 3 if name in (NATIVE, THREE) else 0
        if told["noops"] != plugins:
            raise RuntimeError(f"{name} on Prefect {self.prefect}: {told['noops']} of {plugins} plugins did their work")
        self.last[name] = told
        self.memory[name].append(told["kilobytes"])
        seconds: float = told["seconds"]
        return seconds

    def _light(self) -> list[str]:
        """What valgrind, which is some fifty times slower, can count in little time."""
        return [name for name in (SUPERSEDED, ENABLED, THREE) if self.last[name]["seconds"] < 0.3]

    def _table(self, times: dict[str, Sample], memory: dict[str, Sample], counts: dict[str, Sample]) -> None:
        rows = []
        for name in NAMES:
            count = f"{counts[name].median:.0f}" if name in counts else "-"
            ratio = pairwise_ratio(times[name], times[OFF]).median
            rows.append(
                [
                    name,
                    plain(times[name], 1e3, 0),
                    f"{times[name].least * 1e3:.0f}",
                    f"{ratio:.2f}",
                    str(len(self.last[name]["modules"])),
                    f"{memory[name].median / 1024:.1f}",
                    count,
                ]
            )
        headings = ["", "time (ms)", "least (ms)", "ratio", "modules", "memory (MB)", "instructions (M)"]
        note = "Ratio: to the first line, median of the rounds. Instructions: of the whole process, where few enough."
        self.results.table(Table(f"`import prefect` {self.prefect}", headings, rows, note))

    def _targets(self, times: dict[str, Sample], memory: dict[str, Sample]) -> None:
        prefect, target = f"Prefect {self.prefect}", self.results.target
        off = pairwise(times[DISABLED], times[OFF])
        # Noise is what the same thing differs by from round to round; half the distance of the quartiles covers half.
        noise = max(times[OFF].spread + times[DISABLED].spread, 0.002) * 1e3
        target(f"disabled, {prefect}: time added (limit: the noise)", off.median * 1e3, round(noise, 1), "ms")
        foreign = _foreign_modules(self.last[DISABLED], self.last[OFF])
        target(f"disabled, {prefect}: modules added that are not ours", len(foreign), 0, "")
        target(f"disabled, {prefect}: finders left", len(self.last[DISABLED]["finders"]), 0, "")
        added = set(self.last[ENABLED]["modules"]) - set(self.last[SUPERSEDED]["modules"])
        unwanted = [name for name in added if name.partition(".")[0] in UNWANTED]
        target(f"enabled without plugins, {prefect}: expensive modules imported", len(unwanted), 0, "")
        none = times[ENABLED].least - times[SUPERSEDED].least
        target(f"enabled without plugins, {prefect}: time added to the superseded import", none * 1e3, 4.0, "ms")
        part = times[THREE].least - times[SUPERSEDED].least
        target(f"three plugins, {prefect}: our own part", part * 1e3, 30.0, "ms")
        ratio = pairwise_ratio(times[THREE], times[OFF]).median
        target(f"three plugins, {prefect}: share of native with plugins off", ratio, RATIOS[self.prefect], "x")
        grown = (memory[THREE].median - memory[OFF].median) / 1024
        target(f"three plugins, {prefect}: memory above native with plugins off", grown, 1.0, "MB")

    def _after(self) -> None:
        told = self.after.json()
        slowest = max(told["microseconds"], default=0.0)
        self.results.target(f"after the import, {self.prefect}: answer of a finder that stays", slowest, 0.2, "µs")
        rows = [[name, f"{value:.3f}"] for name, value in zip(told["finders"], told["microseconds"])]
        rows.append(["a function that does nothing", f"{told['empty function']:.3f}"])
        title = f"After `import prefect` {self.prefect} with three plugins: each answer of what stays"
        self.results.table(Table(title, ["finder", "µs"], rows))


def _foreign_modules(one: Any, other: Any) -> set[str]:
    """Modules that `one` has loaded and `other` has not, without ours."""
    names: set[str] = set(one["modules"]) - set(other["modules"])
    return {name for name in names if name.partition(".")[0].lstrip("_") != "prefect_preflight"}


def pairwise_ratio(one: Sample, other: Sample) -> Sample:
    """The ratios of two samples, round by round."""
    return Sample(tuple(a / b for a, b in zip(one.values, other.values)))
