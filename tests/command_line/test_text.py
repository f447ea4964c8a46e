"""The text form: the documented sample line by line, and what any terminal and log can show of it."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

import diag_samples as samples
from prefect_preflight._command_line.diagnosis.prefect_import import ImportResult
from prefect_preflight._command_line.findings import conclusions as checks
from prefect_preflight._command_line.moments import expiry
from prefect_preflight._command_line.terminal import WIDTH, encodable
from prefect_preflight._command_line.text.report import as_text, findings_as_text
from prefect_preflight.report import ErrorInfo, HookInfo

pytestmark = pytest.mark.core


def plain(text: str, _style: str) -> str:
    """No style."""
    return text


def rendered(*plugins: Any, width: int = WIDTH, everything: bool = False, **parts: Any) -> list[str]:
    """The lines of the whole report, without styles."""
    form: dict[str, Any] = {"width": width, "everything": everything}
    diagnosis = samples.diagnosis(*plugins, **parts)
    return as_text(diagnosis, checks.find(diagnosis, samples.BEFORE), plain, samples.BEFORE, **form).splitlines()


def section(lines: list[str], title: str) -> list[str]:
    """The lines below `title` and its blank line, up to the next title."""
    start = lines.index(title) + 2
    length = next((i for i, line in enumerate(lines[start:]) if line and not line.startswith(" ")), None)
    return [line for line in lines[start:][:length] if line]


def test_the_documented_sample_comes_line_by_line() -> None:
    """Every line of the sample is there, letter for letter, and in its order within each section.

    But for the expiry, which says how far away it is.
    """
    lines = rendered()
    for section in samples.DOCUMENTED_SECTIONS:
        rest = iter(lines)
        assert [line for line in section if line not in rest] == []
    assert "    Expires: in 60 min (18:30 UTC)" in lines


def test_blank_lines_set_the_sections_apart_as_in_the_sample() -> None:
    """Titles stand between blank lines."""
    lines = rendered()
    for title in ("Discoverable Plugins (entry point group: prefect.plugins)", "Running Startup Hooks"):
        at = lines.index(title)
        assert lines[at - 1] == "" and lines[at + 1] == ""
    assert lines[1] == ""


def test_the_verdict_comes_first() -> None:
    """One line says how things stand; a healthy report has no list of findings."""
    assert rendered()[0] == "prefect-preflight 0.1.0 — All well: 1 plugin ran in 0.8 s"
    assert "Findings" not in rendered()
    error = ErrorInfo("OSError", "OSError: no")
    plugins = [samples.plugin(name=name, status="failed", error=error) for name in "abcd"]
    lines = rendered(*plugins, samples.plugin(name="fine"), width=120)
    problems = "a hook failed (a); a hook failed (b); a hook failed (c); 1 more"
    assert lines[0] == f"prefect-preflight 0.1.0 — 4 problems in 5 plugins: {problems}"
    assert lines[2:5:2] == ["Findings", "  PF401 hook-failed (error): a failed: OSError: no"]
    disabled = samples.report(outcome="disabled", settings=samples.settings(enabled=False))
    assert rendered(report=disabled)[0] == "prefect-preflight 0.1.0 — Plugins are disabled: no hook runs"


def test_many_variables_are_a_number_and_the_first_ten() -> None:
    """With `--all` all of them are shown."""
    plugin = samples.plugin(environment={f"VARIABLE_{number:03}": "1" for number in range(300)})
    lines = rendered(plugin)
    at = lines.index("    Environment variables: 300")
    assert lines[at + 10 : at + 12] == ["      VARIABLE_009=1", "      and 290 more: --all shows them"]
    lines = rendered(plugin, everything=True)
    assert "      VARIABLE_299=1" in lines and not any("more" in line for line in lines)


@pytest.mark.parametrize(
    ("left", "shown"),
    [
        (timedelta(minutes=59, seconds=59), "in 59 min (18:30 UTC)"),
        (timedelta(seconds=90), "in 90 s (18:30 UTC)"),
        (timedelta(hours=5), "in 5 h (18:30 UTC)"),
        (timedelta(hours=20), "in 20 h (2024-01-15 18:30 UTC)"),
        (timedelta(days=9), "in 9 days (2024-01-15 18:30 UTC)"),
        (-timedelta(minutes=3), "3 min ago (18:30 UTC)"),
    ],
)
def test_an_expiry_says_how_far_away_it_is(left: timedelta, shown: str) -> None:
    """And when it is, in UTC; with the date on another day."""
    assert expiry(samples.EXPIRY, samples.EXPIRY - left) == shown


def test_no_hook_is_shown_to_have_run_for_longer_than_the_deadline() -> None:
    """By the clock it may have: the deadline stands still while modules of Prefect's are executed."""
    plugin = samples.plugin(hooks=(HookInfo("normal", 0.0, 25.3),))
    assert "    Ran: early, for 20.00 s, loaded in 0.250 s" in rendered(plugin)


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
                "    Ran: not here; inherited from an ancestor",
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


@pytest.mark.parametrize("width", [40, 64, 80, 100, 120])
def test_every_line_fits_the_terminal(width: int) -> None:
    """Lines are wrapped between words; only a name, a value or a path is longer, and whole."""
    long = "the plugin could not reach the service " * 9
    failed = samples.plugin(status="failed", error=ErrorInfo("OSError", long), warnings=(long,), note=long)
    slow = samples.plugin(name="another-one-with-a-long-name", hooks=(HookInfo("normal", 0.25, 12.5),))
    settings = samples.settings(allow=(["aws-setup", "another-one-with-a-long-name", "a-third-one"], "PREFECT_X"))
    lines = rendered(report=samples.report(failed, slow, settings=settings), width=width)
    too_long = [line for line in lines if len(line) > width]
    assert all(len(line.split()) == 1 for line in too_long), too_long
    assert max(map(len, lines)) > width - 12 or width > 100
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
    coloured = as_text(diagnosis, findings, lambda text, style: f"<{style}>{text}</>", samples.BEFORE)
    assert "<bad>  • aws-setup: failed</>" in coloured
    for style in ("title", "good", "bad", "warn", "dim"):
        coloured = coloured.replace(f"<{style}>", "")
    assert coloured.replace("</>", "") == as_text(diagnosis, findings, plain, samples.BEFORE)


def test_the_verdict_has_the_colour_of_the_worst_finding() -> None:
    """Green where all is well; none where plugins are disabled."""

    def first(**parts: Any) -> str:
        diagnosis = samples.diagnosis(**parts)
        findings = checks.find(diagnosis, samples.BEFORE)
        text = as_text(diagnosis, findings, lambda text, style: f"<{style}>{text}", samples.BEFORE)
        return text.partition(">")[0]

    safe_mode = samples.settings(safe_mode=(True, "PREFECT_PLUGINS_SAFE_MODE"))
    assert first() == "<good"
    assert first(report=samples.report(settings=safe_mode)) == "<warn"
    assert first(imported=ImportResult("missing")) == "<bad"
    assert first(report=samples.report(outcome="disabled", settings=samples.settings(enabled=False))) == "<title"


def test_findings_alone() -> None:
    """Each has its code and name, its remedy, and the command that says more."""
    assert findings_as_text([], plain) == ""
    failed = samples.diagnosis(samples.plugin(status="failed", error=ErrorInfo("OSError", "OSError: no")))
    lines = findings_as_text(checks.find(failed, samples.BEFORE), plain).splitlines()
    assert lines[0] == "  PF401 hook-failed (error): aws-setup failed: OSError: no"
    assert lines[-1] == "    More: prefect-preflight explain PF401"


def test_rendering_changes_nothing() -> None:
    """The environment is as it was, and the same data make the same text."""
    before = dict(os.environ)
    diagnosis = samples.diagnosis()
    same = replace(diagnosis)
    assert as_text(diagnosis, [], plain, samples.BEFORE) == as_text(same, [], plain, samples.BEFORE)
    assert dict(os.environ) == before
