"""The JSON form of a diagnosis, as `docs/report.schema.json` describes it; the schema lies in this package too."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from prefect_preflight._redaction.data import without_secrets
from prefect_preflight._redaction.outlet import redactor

from .text.verdict import verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prefect_preflight._command_line.findings import Finding

    from .diagnosis import Diagnosis

__all__ = ["as_dict", "as_json", "findings_as_json"]


def as_dict(diagnosis: Diagnosis, findings: Sequence[Finding], status: int) -> dict[str, Any]:
    """The report's own fields, and beside them the activation, the import, the findings and the exit status."""
    beside = {
        "verdict": verdict(diagnosis.report, findings),
        "activation": asdict(diagnosis.activation),
        "import": asdict(diagnosis.imported),
        "surroundings": None if diagnosis.surroundings is None else asdict(diagnosis.surroundings),
        "options": dict(diagnosis.options),
        "findings": [asdict(finding) for finding in findings],
        "exit_status": status,
    }
    return {
        **diagnosis.report.as_dict(),
        **without_secrets(beside, redactor()),
    }  # the report has been redacted as a whole


def as_json(diagnosis: Diagnosis, findings: Sequence[Finding], status: int) -> str:
    """The document, indented, in ASCII alone: any terminal and any log can hold it."""
    return json.dumps(as_dict(diagnosis, findings, status), indent=2, ensure_ascii=True)


def findings_as_json(diagnosis: Diagnosis, findings: Sequence[Finding], status: int) -> str:
    """The verdict and the findings alone, for health checks: the fields of the same names in the whole document."""
    document = as_dict(diagnosis, findings, status)
    fields = ("schema_version", "outcome", "verdict", "findings", "exit_status")
    return json.dumps({name: document[name] for name in fields}, indent=2, ensure_ascii=True)
