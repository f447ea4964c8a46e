"""What was measured: tables, targets, charts."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from benchmarks.measuring import Sample


@dataclasses.dataclass(frozen=True)
class Table:
    """A table; the first column holds names, the others figures."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def lines(self) -> list[str]:
        """The table in Markdown, its columns aligned."""
        cells = [list(self.headings), *map(list, self.rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(self.headings))]
        rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
        body = [
            "| " + " | ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))]) + " |"
            for row in (cells[0], rule, *cells[1:])
        ]
        return [f"### {self.title}", "", *body, *(["", self.note] if self.note else []), ""]


@dataclasses.dataclass(frozen=True)
class Target:
    """A figure that must not be above a limit."""

    name: str
    figure: float
    limit: float
    unit: str

    @property
    def met(self) -> bool:
        """Whether it is not."""
        return self.figure <= self.limit


@dataclasses.dataclass
class Results:
    """Everything that one run of the benchmarks found."""

    machine: Mapping[str, str]
    tables: list[Table] = dataclasses.field(default_factory=list)
    targets: list[Target] = dataclasses.field(default_factory=list)
    charts: list[tuple[str, Mapping[str, float]]] = dataclasses.field(default_factory=list)

    def table(self, table: Table) -> None:
        """Adds a table."""
        self.tables.append(table)

    def target(self, name: str, figure: float, limit: float, unit: str) -> None:
        """Adds a target and the figure that was reached."""
        self.targets.append(Target(name, figure, limit, unit))

    def chart(self, title: str, bars: Mapping[str, float]) -> None:
        """Adds a bar chart."""
        self.charts.append((title, bars))

    def targets_table(self) -> Table:
        """The targets, each with its figure."""
        rows = [
            [
                target.name,
                f"{target.limit:g} {target.unit}".strip(),
                f"{target.figure:.4g} {target.unit}".strip(),
                "yes" if target.met else "**no**",
            ]
            for target in self.targets
        ]
        return Table("Targets", ["what", "at most", "measured", "met"], rows)

    def markdown(self) -> str:
        """All of it, for people."""
        machine = ", ".join(f"{name}: {value}" for name, value in self.machine.items())
        tables = [line for table in (self.targets_table(), *self.tables) for line in table.lines()]
        return "\n".join([f"Measured on {machine}.", "", *tables])


@dataclasses.dataclass(frozen=True)
class Section:
    """What a benchmark writes of a page of the documentation: all between two lines, which stay."""

    page: Path
    begin: str
    end: str

    def around(self) -> tuple[str, str]:
        """Returns what stands before the first line and after the second one.

        Raises:
            SystemExit: The page is not there, or lacks them.
        """
        text = self.page.read_text(encoding="utf-8") if self.page.is_file() else ""
        before, begin, rest = text.partition(self.begin)
        _, end, after = rest.partition(self.end)
        if not (begin and end):
            sys.exit(f"nothing to write to: {self.page.name} has no lines {self.begin} and {self.end}")
        return before, after

    def write(self, text: str) -> None:
        """Puts ``text`` there, into the page as it is by now: it may have changed while the benchmark ran."""
        before, after = self.around()
        self.page.write_text(f"{before}{self.begin}\n\n{text}\n{self.end}{after}", encoding="utf-8")


def plain(sample: Sample, scale: float, digits: int) -> str:
    """A sample's median and spread."""
    return f"{sample.median * scale:.{digits}f} ± {sample.spread * scale:.{digits}f}"


def difference(value: float, digits: int) -> str:
    """A difference, with its sign."""
    return f"{value:+.{digits}f}"
