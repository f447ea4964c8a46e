"""Counts what the fronts, the applications and the reports say; and the one rule that must hold."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.credentials.rows import ALONE, NOTHING, SERVER, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from benchmarks.credentials.lab import Lab

HEADINGS = (
    "scenario",
    "base credentials",
    "`inherit`",
    "kept fresh by",
    "AssumeRole signed by",
    "of these refused",
    "requests: succeeded",
    "failed",
    "reports",
)
LEGEND = (
    "AssumeRole: how many requests were signed with the base key, and with the role's own. Requests: of the "
    "application; *not sent* are those that botocore did not sign, such as a RuntimeError where it knows from "
    "`AWS_CREDENTIAL_EXPIRATION` that the key has expired. Reports: how many processes had this outcome; after it the "
    "plugin's status where that is another word, and *renewed* if there were new values while the process lived. A "
    "flow run takes some seconds to start, and leases are short: a key that it takes over from its worker may end "
    "before its first request, since a tenth of the lease is all that is kept back (five minutes of an hour). *No "
    "expiry told*: by a plugin that returns no `expires_at`, as that of Prefect's documentation, and no "
    "`AWS_CREDENTIAL_EXPIRATION`, so nobody can know."
)
EXPIRED = "ExpiredToken"


@dataclass
class Evidence:
    """What there is to read about a row.

    Attributes:
        front: the front's entries.
        requests: what the applications wrote.
        reports: the processes' report files.
    """

    front: list[dict[str, Any]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    reports: list[dict[str, Any]] = field(default_factory=list)


def collect(lab: Lab, rows: Sequence[Row]) -> dict[Row, Evidence]:
    """Reads all logs."""
    entries = [entry for log in lab.front_logs() for entry in _lines(log)]
    evidence = {}
    for row in rows:
        reports = (lab.directory / "reports" / row.name).glob("*.json")
        evidence[row] = Evidence(
            [entry for entry in entries if entry["application"] == row.name],
            _lines(lab.requests(row)),
            [json.loads(report.read_text()) for report in sorted(reports)],
        )
    return evidence


def table(evidence: dict[Row, Evidence]) -> str:
    """Returns the table in Markdown."""
    cells = [HEADINGS, *(_cells(row, found) for row, found in evidence.items())]
    widths = [max(map(len, column)) for column in zip(*cells)]
    lines = [[cell.ljust(width) for cell, width in zip(row, widths)] for row in cells]
    lines.insert(1, ["-" * width for width in widths])
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def violations(evidence: dict[Row, Evidence]) -> list[str]:
    """Returns where the rule is broken, and where there is nothing to judge by.

    No request is signed with an expired key, but in rows where neither renewal nor `refresh` nor a new process could
    help; in those that are there to show it, one is.
    """
    found = []
    for row, seen in evidence.items():
        expired = Counter(entry["action"] for entry in seen.front if entry["verdict"] == EXPIRED)
        if expired and not row.helpless:
            found.append(f"{row.name}: signed with an expired key: {_counts(expired)}")
        if row.is_control and not expired:
            found.append(f"{row.name}: no expired key was refused, so the front does not do what it is for")
        missing = {
            "reports": not (seen.reports or row.native),
            "requests of an application": row.asks and not seen.requests,
        }
        found += [f"{row.name}: there are no {what}, so it did not run" for what, lacks in missing.items() if lacks]
    return found


def _cells(row: Row, found: Evidence) -> list[str]:
    assumed = [entry for entry in found.front if entry["action"] == "AssumeRole"]
    asked = [entry for entry in found.front if entry["action"] != "AssumeRole"]
    failed = Counter(_failure(request) for request in found.requests if request["error"])
    succeeded = len(found.requests) - failed.total()
    with_base = sum(entry["signer"] == "base" and entry["verdict"] == "ok" for entry in asked)
    of = f" of {len(found.requests)}"
    return [
        row.scenario + (", no expiry told" if row.silent else "") + (", Prefect's own system" if row.native else ""),
        row.base + (", the role trusts itself" if row.trusts_itself else ""),
        _inherit(row),
        "" if row.fresh == NOTHING else f"`{row.fresh}()`" if row.fresh == "refresh" else row.fresh,
        _counts(Counter(entry["signer"] for entry in assumed)),
        _counts(Counter(f"{entry['verdict']}, {entry['signer']}" for entry in assumed if entry["verdict"] != "ok")),
        (f"{succeeded}{of}" + (f" ({with_base} with the base key)" if with_base else "")) if row.asks else "",
        (f"{failed.total()}{of}: {_counts(failed)}" if failed else "0") if row.asks else "",
        "none" if row.native else _counts(Counter(map(_outcome, found.reports))),
    ]


def _inherit(row: Row) -> str:
    return "" if row.scenario in (ALONE, SERVER) else "yes" if row.inherit else "no"


def _failure(request: dict[str, Any]) -> str:
    return str(request["error"]) + ("" if request["sent"] else " (not sent)")


def _outcome(document: dict[str, Any]) -> str:
    """Returns what a report says, in short: the outcome, the plugin's status, and whether there was a renewal."""
    report = document["report"]
    (plugin,) = (plugin for plugin in report["plugins"] if plugin["status"] != "filtered")
    words = [report["outcome"]]
    if plugin["status"] != report["outcome"]:
        words.append(plugin["status"])
    if plugin.get("renewed_at"):
        words.append("renewed")
    return "/".join(words)


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {what}" for what, count in sorted(counter.items())) or "0"


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def unknown(lab: Lab, rows: Iterable[Row]) -> int:
    """Returns how many signed requests belong to no row."""
    names = {row.name for row in rows}
    entries = [entry for log in lab.front_logs() for entry in _lines(log)]
    return sum(entry["key"] is not None and entry["application"] not in names for entry in entries)
