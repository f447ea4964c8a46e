"""The text form: the documented sample line by line, and what any terminal and log can show of it."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest

import diag_samples as samples
from prefect_preflight._command_line.diagnosis.prefect_import import ImportResult
from prefect_preflight._command_line.findings import conclusions as checks
from prefect_preflight._command_line.terminal import encodable
from prefect_preflight._command_line.text.report import as_text, findings_as_text
from prefect_preflight.report import ErrorInfo

pytestmark = pytest.mark.core


def plain(text: str, _style: str) -> str:
    """No style."""
    return text


def rendered(*plugins: Any, **parts: Any) -> list[str]:
    """The lines of the whole report, without styles."""
    diagnosis = samples.diagnosis(*plugins, **parts)
    return as_text(diagnosis, checks.find(diagnosis, samples.BEFORE), plain).splitlines()


def section(lines: list[str], title: str) -> list[str]:
    """The lines below `title` and its blank line, up to the next title."""
    start = lines.index(title) + 2
    length = next((i for i, line in enumerate(lines[start:]) if line and not line.startswith(" ")), None)
    return [line for line in lines[start:][:length] if line]


def test_the_documented_sample_comes_line_by_line() -> None:
    """Every line of the sample is there, letter for letter and in its order; others may stand between."""
    lines = iter(rendered())
    missing = [line for line in samples.DOCUMENTED.splitlines() if line and line not in lines]
    assert not missing


def test_blank_lines_set_the_sections_apart_as_in_the_sample() -> None:
    """Titles stand between blank lines."""
    lines = rendered()
    for title in ("Discoverable Plugins (entry point group: prefect.plugins)", "Running Startup Hooks"):
        at = lines.index(title)
        assert lines[at - 1] == "" and lines[at + 1] == ""
    assert lines[1] == ""


def test_lists_are_shown_with_commas() -> None:
    """`Allow list: a, b`; a list that is set and empty is told from none."""
    settings = samples.settings(allow=(["a", "b"], "PREFECT_PLUGINS_ALLOW"), deny=([], "PREFECT_PLUGINS_DENY"))
    lines = rendered(report=samples.report(settings=settings))
    assert "Allow list: a, b" in lines
    assert "Deny list: (empty)" in lines
    assert "  allow: PREFECT_PLUGINS_ALLOW" in lines


@pytest.mark.parametrize(
    ("plugin", "listed", "ran"),
    [
        (
            samples.unloaded(status="filtered", reason="not in allow list"),
            ["  • aws-setup: filtered", "    Reason: not in allow list", "    Module: prefect_aws_setup:Plugin"],
            [],
        ),
        (
            samples.plugin(status="incompatible", api_requirement=">=1.0"),
            ["  • aws-setup: incompatible", "    API requirement: >=1.0 (current version: 0.1)"],
            [],
        ),
        (
            samples.unloaded(status="load-failed", error=ErrorInfo("ImportError", "ImportError: no boto")),
            ["  • aws-setup: load failed", "    Error: ImportError: no boto"],
            [],
        ),
        (
            samples.plugin(status="failed", error=ErrorInfo("OSError", "OSError: no route")),
            ["  • aws-setup: active"],
            ["  • aws-setup: failed", "    Error: OSError: no route"],
        ),
        (
            samples.plugin(status="success", environment={}, note=None, expires_at=None),
            ["  • aws-setup: active"],
            ["  • aws-setup: success", "    No changes"],
        ),
        (
            samples.unloaded(status="timed-out", stage="early", error=ErrorInfo("TimeoutError", "too slow")),
            ["  • aws-setup: not loaded in time"],
            ["  • aws-setup: timed out", "    Error: too slow", "    Ran: early, not to its end"],
        ),
        (
            samples.plugin(status="loaded"),
            ["  • aws-setup: active"],
            [],
        ),
        (
            samples.unloaded(status="inherited", environment={"A": "1"}),
            ["  • aws-setup: not loaded: it ran in an ancestor process"],
            [
                "  • aws-setup: success, inherited",
                "      A=1",
                "    Ran: not here; inherited from an ancestor, valid in all its descendants",
            ],
        ),
        (
            samples.plugin(status="no-hook", hook_names=("set_database_connection_params",)),
            ["  • aws-setup: active, without a startup hook", "    Hooks: set_database_connection_params"],
            [],
        ),
    ],
    ids=lambda value: value.status if hasattr(value, "status") else "",
)
def test_each_status_has_its_lines(plugin: Any, listed: list[str], ran: list[str]) -> None:
    """What became of a plugin is told where Prefect's sample tells it: in the list, and below the hooks."""
    lines = rendered(plugin)
    discovered = section(lines, "Discoverable Plugins (entry point group: prefect.plugins)")
    hooks = section(lines, "Running Startup Hooks")
    assert [line for line in listed if line not in discovered] == []
    assert [line for line in ran if line not in hooks] == []
    assert bool(ran) == any(line.startswith("  •") for line in hooks)


def test_disabled_says_how_to_enable() -> None:
    """A disabled system says so, and the line to enable it can be copied."""
    report = samples.report(
        samples.unloaded(status="not-run"), outcome="disabled", seconds=None, settings=samples.settings(enabled=False)
    )
    lines = rendered(report=report)
    assert "Enabled: False" in lines
    assert section(lines, "Running Startup Hooks") == [
        "  None: plugins are disabled. To enable them:",
        "    export PREFECT_PLUGINS_ENABLED=1",
    ]
    assert "  • aws-setup: not loaded" in lines


def test_a_hook_that_is_not_active_is_not_pretended() -> None:
    """Without an active start-up hook no plugin is shown as having run."""
    report = samples.report(samples.unloaded(status="not-run"), outcome="not-run", seconds=None, prefect=None)
    lines = rendered(
        report=report, activation=samples.activation(state="no-site", by=None), imported=ImportResult("skipped")
    )
    assert "  Hook: not active: Python was started with -S" in lines
    assert any(line.startswith("  None: the start-up hook is not active") for line in lines)
    assert not any("success" in line for line in lines)


def test_every_sentence_fits_80_columns() -> None:
    """Messages are wrapped at 80 columns; only names, values and paths may be longer."""
    long = "the plugin could not reach the service " * 9
    failed = samples.plugin(status="failed", error=ErrorInfo("OSError", long), warnings=(long,), note=long)
    lines = rendered(failed)
    assert max(map(len, lines)) <= 80
    assert " ".join(" ".join(lines).split()).count(long.strip()) == 5  # error, note, warning, two findings


def test_a_plugin_cannot_move_the_cursor() -> None:
    """Control characters in what a plugin says are shown as escapes, and never break a line in two."""
    lines = rendered(samples.plugin(note="red \x1b[31m\r\nEnabled: False\x07"))
    assert "    Note: red \\x1b[31m\\r\\nEnabled: False\\x07" in lines


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8", "no-such-encoding", None])
def test_any_terminal_can_show_it(encoding: str | None) -> None:
    """What a terminal cannot encode is replaced: bullets and masks by stars, other characters by escapes."""
    text = encodable("\n".join(rendered(samples.plugin(note="naïve — 日本"))), encoding)
    assert text.encode(encoding if encoding not in (None, "no-such-encoding") else "ascii")
    if encoding == "ascii":
        assert "  * aws-setup: active" in text.splitlines()
        assert "      AWS_SESSION_TOKEN=******" in text.splitlines()
        assert "na\\xefve - \\u65e5\\u672c" in text


def test_undecodable_bytes_in_a_path_do_no_harm() -> None:
    """A lone surrogate, as Python makes of a path that is no UTF-8, is shown as an escape."""
    lines = rendered(activation=samples.activation(location="/home/\udcff/x"))
    text = encodable("\n".join(lines), "utf-8")
    assert "\\udcff" in text and text.encode("utf-8")


def test_styles_change_no_letter() -> None:
    """Colours are put around the lines; the text between them is the plain one."""
    diagnosis = samples.diagnosis(samples.plugin(status="failed", error=ErrorInfo("E", "bad")))
    findings = checks.find(diagnosis, samples.BEFORE)
    coloured = as_text(diagnosis, findings, lambda text, style: f"<{style}>{text}</>")
    assert "<bad>  • aws-setup: failed</>" in coloured
    for style in ("title", "good", "bad", "warn", "dim"):
        coloured = coloured.replace(f"<{style}>", "")
    assert coloured.replace("</>", "") == as_text(diagnosis, findings, plain)


def test_check_prints_what_counts_and_nothing_else() -> None:
    """Findings for information are no reason to print anything."""
    filtered = samples.diagnosis(samples.unloaded(status="filtered", reason="in deny list"))
    assert findings_as_text(checks.find(filtered, samples.BEFORE), plain) == ""
    failed = samples.diagnosis(samples.plugin(status="failed", error=ErrorInfo("OSError", "OSError: no")))
    lines = findings_as_text(checks.find(failed, samples.BEFORE), plain).splitlines()
    assert lines[0] == "  PF401 error: aws-setup failed: OSError: no"
    assert lines[-1] == "    More: prefect-preflight explain PF401"


def test_rendering_changes_nothing() -> None:
    """The environment is as it was, and the same data make the same text."""
    before = dict(os.environ)
    diagnosis = samples.diagnosis()
    same = replace(diagnosis)
    assert as_text(diagnosis, [], plain) == as_text(same, [], plain)
    assert dict(os.environ) == before
