"""The JSON form and its schema."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import diag_samples as samples
from hosts import ROOT
from prefect_preflight import report as reports
from prefect_preflight._command_line.diagnosis.activation import PrefectFound
from prefect_preflight._command_line.diagnosis.prefect_import import ImportResult
from prefect_preflight._command_line.diagnosis.startup_files import Copy
from prefect_preflight._command_line.document import as_json
from prefect_preflight._command_line.findings import conclusions as checks
from prefect_preflight.report import ErrorInfo

pytestmark = pytest.mark.core

DOCS = ROOT / "docs"


def test_the_documented_schema_is_the_one_in_the_package() -> None:
    """docs/report.schema.json and the package's copy are the same, well-formed, and of the report's version."""
    assert json.loads((DOCS / "report.schema.json").read_text(encoding="utf-8")) == samples.SCHEMA
    Draft202012Validator.check_schema(samples.SCHEMA)
    assert samples.SCHEMA["properties"]["schema_version"]["const"] == reports.SCHEMA_VERSION


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"report": samples.report(plugins=(), prefect=None, seconds=None, outcome="not-run", reason="so")},
        {"report": samples.report(conflicts={"A": ("one", "two")}, problems=(samples.problem("conflict", "c"),))},
        {"report": samples.report(samples.plugin(status="failed", error=ErrorInfo("E", "m"), warnings=("w",)))},
        {"imported": ImportResult("failed", ErrorInfo("E", "m"))},
        {
            "activation": samples.activation(
                state="foreign-package",
                by=None,
                prefect=PrefectFound("/cwd/prefect.py", None, None),
                copies=(Copy("/x", None),),
                misspelt=(("PREFECT_PLUGIN_ENABLED", "PREFECT_PLUGINS_ENABLED"),),
            ),
            "options": {"allow": "--plugin"},
        },
    ],
)
def test_documents_are_what_the_schema_says(parts: dict[str, Any]) -> None:
    """Every field is described, and none is missing."""
    diagnosis = samples.diagnosis(**parts)
    findings = checks.find(diagnosis, samples.BEFORE)
    document = json.loads(as_json(diagnosis, findings, checks.exit_status(findings)))
    samples.VALIDATOR.validate(document)
    assert [one["code"] for one in document["findings"]] == [one.code for one in findings]


def test_the_document_is_the_report_and_more() -> None:
    """The fields of `Report.as_dict` come as they are, an expiry in ISO 8601."""
    document = json.loads(as_json(samples.diagnosis(), [], 0))
    report = json.loads(json.dumps(samples.report().as_dict()))
    assert {name: document[name] for name in report} == report
    assert document["plugins"][0]["expires_at"] == "2024-01-15T18:30:00+00:00"
    samples.VALIDATOR.validate(report)


def test_the_document_is_ascii() -> None:
    """Any terminal and any log can hold it."""
    assert as_json(samples.diagnosis(samples.plugin(note="• 日本 \udcff")), [], 0).isascii()
