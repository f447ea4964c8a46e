"""The matrix as a table: from pytest's reports to lines of text and to docs/compatibility.md."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pytest
    from cells import Cell

COLUMNS = {
    "test_the_same_result": "hooks",
    "test_prefect_starts_as_often": "API",
    "test_the_command_line": "CLI",
    "test_the_command_line_when_disabled": "CLI off",
    "test_debug_shows": "debug",
    "test_logging": "log",
    "test_disabled": "untouched",
    "test_real_plugins": "real",
    "test_database": "database",
    "test_a_loader": "unusual",
    "test_the_native_runner": "unusual",
    "test_a_late_value": "unusual",
}
"""Each test of the matrix by the beginning of its name, and its column."""

_LIMITS = """## What is Prefect's own

- Prefect 2 and some of 3 cannot be executed twice in a process: after all of `prefect` has been taken out of
  `sys.modules`, its next import fails (2.14: RecursionError, 2.20: a duplicate validator) or complains (3.4.24:
  duplicated time series), with and without us. Hooks never run a second time.
- From 3.7 on, `prefect._experimental.plugins` warns that it has moved: a DeprecationWarning of Prefect's, once its own
  module answers. While early hooks run ours answers, without a warning.
- prefect-aws before 0.7.2 and prefect-azure before 0.4.12 have no entry point in the group `prefect.plugins`, so there
  is nothing to run. The newer ones require Prefect 3.4.7 and 3.7, prefect-otel requires 3.7.
- Prefect 2 has no `python -m prefect`; its program `prefect` works.

## What is ours

- `HookContext`, `SetupResult`, `SetupSummary` and `run_startup_hooks` are ours in `prefect.plugins` on every Prefect,
  also where it has its own: what a hook is given, and what it may return, is the same early and late.
- A module of a plugin that is imported before anything else imports Prefect is still being executed when the hooks run,
  so its own hook cannot be seen in that process. It is reported as a failure to load; the other plugins run.
- `prefect plugins diagnose` and `prefect experimental plugins diagnose` take the options of `python -m plugins_diag`,
  and replace native commands of those names, which would import the modules of denied plugins. With plugins disabled
  nothing of ours stays in a process, but for one thing: if its command line is `prefect ... plugins ...`, the commands
  are there to say "disabled", on Prefects that do not know them too.
- Settings that a late plugin changes are read again by Prefect. What other code had computed from them by then stays.
"""

_LEGEND = {
    "hooks": "Early, async, class, late, lazy, swallowing, tryfirst and settings plugins give the same result, each "
    "hook once, also after reloads; settings as Prefect reads them hold what the hooks returned.",
    "API": "Both of its places can be imported first, by user code, under the legacy prefix, without a warning of "
    "ours; nothing runs twice.",
    "CLI": "`prefect plugins diagnose` and `prefect experimental plugins diagnose` show this process' run.",
    "CLI off": "The same commands with plugins disabled.",
    "debug": "`PREFECT_LOGGING_LEVEL=DEBUG prefect --version` shows the version check.",
    "log": "Loggers early, late and after Prefect configured logging: each record once, in Prefect's format then.",
    "untouched": "With plugins disabled, `import prefect` loads the same modules as without us.",
    "real": "prefect-aws, prefect-azure, prefect-otel, as far as they can be installed.",
    "unusual": "On three of them: a loader that hides Prefect's code, the native runner by its private name, and a "
    "late value that Prefect's settings refuse.",
    "database": "`set_database_connection_params` reaches the server's engine (Prefect 3.6.7 and newer).",
}


@dataclasses.dataclass
class Row:
    """A cell's results: per column "passed", "failed" or "skipped"; seconds for its environment and its tests."""

    cell: Cell
    results: dict[str, str] = dataclasses.field(default_factory=dict)
    environment_seconds: float = 0.0
    test_seconds: float = 0.0


def rows(reports: Iterable[pytest.TestReport], cells: Sequence[Cell]) -> list[Row]:
    """Sort pytest's reports into rows, in the order of `cells`; cells without a report have none."""
    found: dict[str, Row] = {}
    by_name = {cell.name: cell for cell in cells}
    for report in reports:
        match = re.search(r"::(test_\w+)\[([^\]@]+)", getattr(report, "nodeid", ""))
        column = match and _column(match[1])
        if not match or not column or match[2] not in by_name:
            continue
        row = found.setdefault(match[2], Row(by_name[match[2]]))
        if row.results.get(column) != "failed":
            row.results[column] = report.outcome
        row.test_seconds += report.duration
        seconds = dict(report.user_properties).get("environment_seconds", 0.0)
        row.environment_seconds = max(row.environment_seconds, float(str(seconds)))
    return [found[cell.name] for cell in cells if cell.name in found]


def _column(test: str) -> str | None:
    matching = [prefix for prefix in COLUMNS if test.startswith(prefix)]
    return COLUMNS[max(matching, key=len)] if matching else None


def _prefect(cell: Cell) -> str:
    name = f"{cell.distribution} {cell.prefect}" if cell.is_client else cell.prefect
    return f"{name} ({cell.kind})" if cell.kind else name


_WORDS = {"passed": "ok", "failed": "FAILED", "skipped": "skipped"}


def _lines(found: Sequence[Row]) -> list[list[str]]:
    columns = list(dict.fromkeys(COLUMNS.values()))
    head = ["Prefect", "Python", *columns, "environment", "tests"]
    body = [
        [
            _prefect(row.cell),
            row.cell.python,
            *(_WORDS.get(row.results.get(column, ""), "–") for column in columns),
            f"{row.environment_seconds:.0f} s",
            f"{row.test_seconds:.0f} s",
        ]
        for row in found
    ]
    return [head, *body]


def as_text(found: Sequence[Row]) -> list[str]:
    """The table for a terminal."""
    lines = _lines(found)
    widths = [max(len(line[index]) for line in lines) for index in range(len(lines[0]))]
    return ["  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip() for line in lines]


def as_document(found: Sequence[Row]) -> str:
    """The text of docs/compatibility.md."""
    head, *body = _lines(found)
    table = [head, ["---"] * len(head), *body]
    total = sum(row.environment_seconds + row.test_seconds for row in found)
    return "\n".join(
        [
            "# Compatibility",
            "",
            "The last full run of the compatibility matrix (`nox -s compat -- --write-docs`, which writes this page).",
            "Each row is a real environment: the interpreter, that Prefect with its dependencies as of a fixed day,",
            "and the built wheel. The same set of plugins must come to the same result in every one of them.",
            "",
            *(f"| {' | '.join(line)} |" for line in table),
            "",
            f"{len(found)} environments, {total / 60:.0f} minutes in all. A dash: does not apply (`prefect-client`",
            "has no command line; prefect-aws installs from Prefect 3.4.24 on, the other two from 3.7).",
            "",
            "| column | what is shown |",
            "| --- | --- |",
            *(f"| {column} | {text} |" for column, text in _LEGEND.items()),
            "",
            *_environments(found),
            "",
            *_LIMITS.splitlines(),
            "",
        ]
    )


def _environments(found: Sequence[Row]) -> list[str]:
    lines = ["## Environments", "", "| Prefect | Python | beside it | resolved as of |", "| --- | --- | --- | --- |"]
    for row in found:
        cell = row.cell
        beside = ", ".join(f"`{requirement}`" for requirement in cell.beside) or "–"
        lines.append(f"| {cell.distribution} {cell.prefect} | {cell.python} | {beside} | {cell.as_of} |")
    notes = [f"- {row.cell.name}: {row.cell.note}" for row in found if row.cell.note]
    return [*lines, *(["", *notes] if notes else [])]
