"""How it is measured: children in rounds, so that what else the machine does hits all alike; callgrind counts."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

SEEDS = range(1, 5)
"""Values of PYTHONHASHSEED that instruction counts are averaged over: names collide in dicts, or do not."""


@dataclasses.dataclass(frozen=True)
class Sample:
    """Several measurements of one thing."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    @property
    def least(self) -> float:
        """The smallest one, the least disturbed by what else the machine did."""
        return min(self.values)

    @property
    def spread(self) -> float:
        """Half the distance between the quartiles."""
        if len(self.values) < 2:
            return 0.0
        low, _, high = statistics.quantiles(self.values, n=4, method="inclusive")
        return (high - low) / 2


@dataclasses.dataclass(frozen=True)
class Child:
    """A command to be run, with its environment and working directory."""

    command: Sequence[str]
    env: Mapping[str, str]
    cwd: Path

    def run(self) -> str:
        """Runs it and returns its stdout.

        Raises:
            RuntimeError: It failed; the message has its stderr.
        """
        done = subprocess.run(
            self.command,
            env=self.env,
            cwd=self.cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{self.command} exits with {done.returncode}\n{done.stderr}")
        return done.stdout

    def json(self) -> Any:
        """Runs it and returns its stdout, parsed."""
        return json.loads(self.run())

    def seconds(self) -> float:
        """Runs it and returns how long that took."""
        started = time.perf_counter()
        self.run()
        return time.perf_counter() - started

    def processor_seconds(self) -> float:
        """Runs it and returns the processor time that it took, its own children's included.

        Raises:
            RuntimeError: On Windows, which does not tell.
        """
        if sys.platform != "win32":
            from resource import RUSAGE_CHILDREN, getrusage

            before = getrusage(RUSAGE_CHILDREN)
            self.run()
            after = getrusage(RUSAGE_CHILDREN)
            return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        raise RuntimeError("Windows does not tell the processor time of children that have ended")


def in_rounds(cases: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, Sample]:
    """Measures each case once in every round, after a round that does not count."""
    values: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(rounds + 1):
        for name, measure in cases.items():
            value = measure()
            if number:
                values[name].append(value)
    return {name: Sample(tuple(found)) for name, found in values.items()}


def pairwise(one: Sample, other: Sample) -> Sample:
    """The differences between two samples, round by round."""
    return Sample(tuple(a - b for a, b in zip(one.values, other.values)))


def can_count() -> bool:
    """Whether instructions can be counted here."""
    return shutil.which("valgrind") is not None


def instructions(child: Child, seeds: Sequence[int] = SEEDS) -> Sample:
    """The instructions that a child executes, in millions, for several hash seeds."""
    counts = []
    for seed in seeds:
        command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *child.command]
        env = {**child.env, "PYTHONHASHSEED": str(seed)}
        done = subprocess.run(command, env=env, cwd=child.cwd, capture_output=True, text=True, check=False)
        found = re.findall(r"Collected : (\d+)", done.stderr)
        if done.returncode or not found:
            raise RuntimeError(f"valgrind cannot run {child.command}:\n{done.stderr}")
        counts.append(max(map(int, found)) / 1e6)  # a process that it forks tells its own count
    return Sample(tuple(counts))
