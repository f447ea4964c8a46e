"""`prefect-preflight reports`: old files removed, metrics for Prometheus; and `audit`, by the same files."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families
from test_report_tree import document, write

from hosts import IS_WINDOWS
from prefect_preflight._command_line.main import main

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

pytestmark = pytest.mark.core

NOW = 1_900_000_000.0
DAY = 86400.0


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    """The present is a fixed moment for the command."""
    monkeypatch.setattr("prefect_preflight._command_line.reports.time", lambda: NOW)


def command(*arguments: str | Path) -> Result:
    """Runs `prefect-preflight` in this process."""
    return CliRunner().invoke(main, list(map(str, arguments)))


def aged(identity: str, days: float, parent: str | None = None) -> dict[str, Any]:
    """A report of some days ago."""
    return document(identity, parent, started=NOW - days * DAY - 1, written=NOW - days * DAY)


def names(directory: Path) -> list[str]:
    """The files that are left."""
    return sorted(path.name for path in directory.iterdir())


def test_removal_by_age(tmp_path: Path) -> None:
    """What is older goes, but for ancestors of what stays; other files, and links, are left alone."""
    reports = tmp_path / "reports"
    write(reports, aged("old", 8), aged("worker", 9), aged("engine", 1, "worker"), aged("older-engine", 9, "worker"))
    (reports / "settings.json").write_text("{}")
    (reports / "notes.txt").write_text("mine")
    os.utime(reports / "notes.txt", (0, 0))
    if not IS_WINDOWS:  # where only an administrator can make links
        elsewhere = tmp_path / "elsewhere.json"
        elsewhere.write_text(json.dumps(aged("linked", 99)))
        (reports / "link.json").symlink_to(elsewhere)
    kept = [name for name in names(reports) if name not in ("0000.json", "0003.json")]
    result = command("reports", reports, "--remove-older-than", "7d")
    assert "2 reports removed" in result.output, result.output
    assert names(reports) == kept
    assert "0 reports removed" in command("reports", reports, "--remove-older-than", "7d").output


@pytest.mark.parametrize("age", ["7", "d", "1.5d", "-1d", "7 years"])
def test_an_age_has_a_unit(tmp_path: Path, age: str) -> None:
    """A plain number could be anything, so it is refused, and nothing is removed."""
    write(tmp_path, aged("old", 99))
    result = command("reports", tmp_path, "--remove-older-than", age)
    assert result.exit_code == 2 and "is no age: write a whole number and a unit" in " ".join(result.output.split())
    assert names(tmp_path) == ["0000.json"]


def test_what_cannot_be_removed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that somebody else has removed meanwhile is no error; one that is protected is a line."""
    write(tmp_path, aged("gone", 9), aged("protected", 9))

    def unlink(path: str) -> None:
        raise FileNotFoundError(path) if "0000" in path else PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "unlink", unlink)
    result = command("reports", tmp_path, "--remove-older-than", "7d")
    assert "0 reports removed" in result.output and "not removed: 0001.json: Permission denied" in result.output


VAULT = {
    "name": 'va"ult\\',
    "status": "success",
    "error": None,
    "distribution": "acme-vault",
    "version": "1.2",
    "load_seconds": 0.25,
    "hooks": [{"wave": "normal", "started": 0.0, "seconds": 0.5}],
    "environment": {"VAULT_TOKEN": "dots", "SHARED": "1"},
    "expires_at": "2027-01-15T08:30:00+00:00",
}
LATE = {**VAULT, "status": "timed-out", "hooks": [], "environment": {}, "expires_at": None}
OTHER = {"name": "other", "status": "success", "error": None, "environment": {"SHARED": "2"}}


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """Those of a worker, which failed, and of a flow run that it started."""
    directory = tmp_path / "reports"
    write(
        directory,
        document("worker", kind="worker", machine="node-1", report={"outcome": "failures", "plugins": [LATE]}),
        document(
            "engine",
            "worker",
            kind="flow-run",
            machine="node-1",
            written=1_800_000_009.0,
            report={"plugins": [VAULT, OTHER]},
        ),
    )
    (directory / "x.json").write_text("{")
    return directory


def metrics(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """The samples of a text, as Prometheus' own parser reads it."""
    families = list(text_string_to_metric_families(text))
    assert all(family.type == "gauge" and family.documentation for family in families)
    assert len({family.name for family in families}) == len(families)
    return {
        (sample.name.removeprefix("prefect_preflight_"), tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_prometheus(reports: Path) -> None:
    """Of each plugin what became of it last, how long it took and until when it holds; no label is a process."""
    result = command("reports", reports, "--format", "prometheus")
    found = metrics(result.output)
    vault = ("plugin", 'va"ult\\')
    assert result.exit_code == 1
    assert found["processes", (("outcome", "failures"),)] == found["processes", (("outcome", "success"),)] == 1
    assert found["unreadable_files", ()] == 1
    assert found["last_report_timestamp_seconds", ()] == 1_800_000_009.0
    assert found["plugin_status", (vault, ("status", "success"))] == 1
    assert ("plugin_status", (vault, ("status", "timed-out"))) not in found
    assert found["plugin_processes", (vault, ("status", "timed-out"))] == 1
    assert found["plugin_duration_seconds", (vault,)] == found["plugin_duration_max_seconds", (vault,)] == 0.75
    assert found["plugin_variables", (vault,)] == 2
    assert found["plugin_expires_timestamp_seconds", (vault,)] == 1_800_001_800.0
    assert ("plugin_expires_timestamp_seconds", (("plugin", "other"),)) not in found


def test_the_collectors_file(reports: Path, tmp_path: Path) -> None:
    """It is replaced as a whole, with nothing beside it; one that cannot be written is an error."""
    file = tmp_path / "metrics" / "preflight.prom"
    assert command("reports", reports, "--format", "prometheus", "--output", file).exit_code == 2
    file.parent.mkdir()
    file.write_text("old")
    result = command("reports", reports, "--format", "prometheus", "--output", file)
    assert (result.exit_code, result.output) == (1, "")
    assert metrics(file.read_text()) and names(file.parent) == ["preflight.prom"]


def test_an_empty_directory_has_metrics_too(tmp_path: Path) -> None:
    """So that an alert on their absence is one on the collector."""
    assert metrics(command("reports", tmp_path, "--format", "prometheus").output) == {("unreadable_files", ()): 0.0}


def test_audit(reports: Path) -> None:
    """Each variable with its plugin, its expiry, and the processes that it was set in; no value."""
    result = command("audit", reports)
    text = " ".join(result.output.split())
    assert result.exit_code == 0 and text.startswith("2 variables, set in 2 processes, by the reports in ")
    assert "SHARED, which another plugin sets too by other in 1 process: flow-run on node-1" in text
    assert 'VAULT_TOKEN by va"ult\\ (acme-vault 1.2) expires' in text and "2027-01-15 08:30 UTC)" in text
    assert "dots" not in text
    found = json.loads(command("audit", reports, "--format", "json").output)["variables"]
    assert [(one["name"], one["plugin"], one["conflict"]) for one in found] == [
        ("SHARED", "other", True),
        ("SHARED", 'va"ult\\', True),
        ("VAULT_TOKEN", 'va"ult\\', False),
    ]
    assert found[2]["kinds"] == ["flow-run"] and found[2]["expires_at"] == "2027-01-15T08:30:00+00:00"


def test_audit_without_a_directory(tmp_path: Path) -> None:
    """It says which one it cannot read."""
    result = command("audit", tmp_path / "nowhere")
    assert result.exit_code == 2 and "nowhere" in result.output
