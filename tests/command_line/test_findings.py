"""Findings: each code for its cause, and none for a healthy process."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

import diag_samples as samples
from hosts import ROOT
from prefect_preflight._command_line.diagnosis.prefect_import import ImportResult
from prefect_preflight._command_line.diagnosis.startup_files import Copy
from prefect_preflight._command_line.diagnosis.surroundings import Command, OtherPrefect, Surroundings
from prefect_preflight._command_line.findings import conclusions as checks
from prefect_preflight._command_line.findings import finding
from prefect_preflight._command_line.findings.catalogue import CATALOGUE, code_of
from prefect_preflight._statuses import SEVERITIES
from prefect_preflight.report import ErrorInfo

pytestmark = pytest.mark.core

DOCS = ROOT / "docs"


def found(*plugins: Any, now: Any = samples.BEFORE, **parts: Any) -> list[tuple[str, str]]:
    """Codes and severities of what is found, in their order."""
    return [(one.code, one.severity) for one in checks.find(samples.diagnosis(*plugins, **parts), now)]


def test_a_healthy_process_has_no_findings() -> None:
    """Nothing is found where nothing is wrong, and the exit status is 0."""
    assert found() == []
    assert checks.exit_status([]) == 0


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"state": "no-site", "no_site": True}, "PF101", "-S"),
        ({"state": "no-startup-file", "startup_files": ()}, "PF102", "there is no prefect_preflight.pth"),
        ({"state": "no-startup-file", "unread_files": ("/t/prefect_preflight.pth",)}, "PF102", "in /t, which"),
        ({"state": "no-startup-file", "unread_files": ("/t/x.start",)}, "PF102", "reads no file such as /t/x.start"),
        ({"state": "kill-switch"}, "PF103", "PREFECT_PREFLIGHT_DISABLE"),
        ({"state": "imported-before"}, "PF104", "before the start-up hook"),
        ({"state": "finder-in-front", "finders_in_front": ("tracer.Finder",)}, "PF105", "tracer.Finder"),
        ({"state": "not-registered"}, "PF106", "prefect_preflight.pth names the hook"),
        ({"state": "foreign-package", "prefect": ("/cwd/prefect.py", None, None)}, "PF108", "/cwd/prefect.py"),
    ],
)
def test_each_reason_for_not_being_active_has_its_finding(changes: dict[str, Any], code: str, says: str) -> None:
    """The finding names which one applies, and has a remedy."""
    from prefect_preflight._command_line.diagnosis.activation import PrefectFound

    if "prefect" in changes:
        changes = {**changes, "prefect": PrefectFound(*changes["prefect"])}
    diagnosis = samples.diagnosis(
        samples.unloaded(status="not-run"),
        activation=samples.activation(by=None, **changes),
        imported=ImportResult("skipped"),
    )
    (one,) = checks.find(diagnosis, samples.BEFORE)
    assert (one.code, one.severity) == (code, "error")
    assert says in one.message and one.remedy
    assert ("prefect-preflight run -- COMMAND" in one.remedy) == (code == "PF102")


def test_an_activation_by_the_command_itself_is_told() -> None:
    """`--run` does not hide that other processes run no hooks."""
    diagnosis = samples.diagnosis(activation=samples.activation(state="no-site", activated_here=True))
    (one,) = checks.find(diagnosis, samples.BEFORE)
    assert one.code == "PF101" and "--run has activated it for this command alone" in one.message


def test_another_copy_is_found() -> None:
    """Both copies are named, with their versions."""
    activation = samples.activation(copies=(Copy("/old/prefect_preflight", "0.0.9"),))
    (one,) = checks.find(samples.diagnosis(activation=activation), samples.BEFORE)
    assert one.code == "PF107" and "0.1.0" in one.message and "/old/prefect_preflight (0.0.9)" in one.message


@pytest.mark.parametrize(
    ("imported", "code", "says"),
    [
        (ImportResult("missing"), "PF109", "not installed"),
        (ImportResult("failed", ErrorInfo("NameError", "name 'x'")), "PF110", "NameError: name 'x'"),
        (ImportResult("strict-exit", ErrorInfo("SystemExit", "[plugins] no 'a'")), "PF404", "[plugins] no 'a'"),
    ],
)
def test_an_import_that_does_not_end_well_is_found(imported: ImportResult, code: str, says: str) -> None:
    """Prefect missing, Prefect broken, and strict mode are told apart."""
    (one,) = checks.find(samples.diagnosis(imported=imported), samples.BEFORE)
    assert one.code == code and says in one.message


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"hooks_run_in": "importing thread"}, "PF405"),
        ({"outcome": "inside-hook"}, "PF406"),
        ({"outcome": "internal-error", "reason": "internal error in the late stage: E: x"}, "PF407"),
        ({"conflicts": {"A": ("one", "two")}}, "PF501"),
    ],
)
def test_what_the_run_as_a_whole_shows(changes: dict[str, Any], code: str) -> None:
    """Outcomes that no plugin is to blame for have findings of their own."""
    assert [one for one, _ in found(report=samples.report(**changes))] == [code]


def test_a_native_runner_that_was_not_superseded_is_found() -> None:
    """It matters where the hooks ran, not where plugins are disabled."""
    from prefect_preflight.report import PrefectInfo

    native = PrefectInfo("prefect", "3.8.8", "/p", "present")
    assert found(report=samples.report(prefect=native)) == [("PF111", "warning")]
    disabled = samples.report(prefect=native, outcome="disabled", settings=samples.settings(enabled=False))
    assert found(report=disabled) == []


@pytest.mark.parametrize(
    ("slug", "code"),
    [
        ("bad-value", "PF201"),
        ("unknown-name", "PF202"),
        ("conflict", "PF203"),
        ("broken-file", "PF204"),
        ("unknown-profile", "PF205"),
        ("internal-error", "PF407"),
    ],
)
def test_each_problem_of_the_settings_has_its_code(slug: str, code: str) -> None:
    """The problem's own line is the message, whether plugins are enabled or not."""
    for enabled in (True, False):
        report = samples.report(
            settings=samples.settings(enabled=enabled), problems=(samples.problem(slug, "that is wrong"),)
        )
        (one,) = checks.find(samples.diagnosis(report=report), samples.BEFORE)
        assert (one.code, one.message, one.subject) == (code, "that is wrong", "PREFECT_PLUGINS_STRICT")


def test_a_misspelt_name_outside_the_prefixes_is_found() -> None:
    """`PREFECT_PLUGIN_ENABLED` is no name that the settings look at, and the likeliest reason for being disabled."""
    activation = samples.activation(misspelt=(("PREFECT_PLUGIN_ENABLED", "PREFECT_PLUGINS_ENABLED"),))
    report = samples.report(outcome="disabled", settings=samples.settings(enabled=False))
    (one,) = checks.find(samples.diagnosis(report=report, activation=activation), samples.BEFORE)
    assert one.code == "PF202" and "did you mean PREFECT_PLUGINS_ENABLED?" in one.message


def test_settings_made_in_vain_are_for_information() -> None:
    """To be disabled is healthy; that other settings are made is worth a hint."""
    settings = samples.settings(enabled=False, deny=(["x"], "prefect.toml [plugins] deny"), api_url=("u", "X"))
    findings = checks.find(
        samples.diagnosis(report=samples.report(outcome="disabled", settings=settings)), samples.BEFORE
    )
    assert [(one.code, one.severity) for one in findings] == [("PF206", "info")]
    assert "deny (prefect.toml [plugins] deny)" in findings[0].message and "api_url" not in findings[0].message
    assert checks.exit_status(findings) == 0


@pytest.mark.parametrize("field", ["allow", "deny", "required"])
def test_listed_names_that_match_nothing_are_found(field: str) -> None:
    """Names compare like package names; one that is no plugin's gets the closest plugin's name."""
    settings = samples.settings(**{field: (["AWS_Setup", "aws-setpu"], "PREFECT_PLUGINS_X")})
    (one,) = checks.find(samples.diagnosis(report=samples.report(settings=settings)), samples.BEFORE)
    assert (one.code, one.severity) == ("PF207", "warning")
    assert "'aws-setpu'" in one.message and "did you mean 'aws-setup'?" in one.message


def test_denying_in_advance_is_no_mistake() -> None:
    """A name in the deny list that resembles no plugin is for information."""
    settings = samples.settings(deny=(["legacy"], "PREFECT_PLUGINS_DENY"))
    assert found(report=samples.report(settings=settings)) == [("PF207", "info")]


def test_safe_mode_counts_unless_the_command_asked_for_it() -> None:
    """Left over in the environment it is a finding; with --no-run it is what was asked for."""
    by_variable = samples.report(settings=samples.settings(safe_mode=(True, "PREFECT_PLUGINS_SAFE_MODE")))
    assert found(report=by_variable) == [("PF208", "warning")]
    by_option = samples.report(settings=samples.settings(safe_mode=(True, "--no-run")))
    assert found(report=by_option, options={"safe_mode": "--no-run"}) == [("PF208", "info")]


def test_enabled_without_a_plugin_is_found() -> None:
    """Whoever enables plugins expects one."""
    assert found(report=samples.report(plugins=())) == [("PF209", "warning")]


ERROR = ErrorInfo("E", "E: because")


@pytest.mark.parametrize(
    ("plugin", "expected"),
    [
        (samples.plugin(status="incompatible", api_requirement=">=1"), [("PF301", "warning")]),
        (samples.unloaded(status="load-failed", error=ERROR), [("PF303", "error")]),
        (samples.unloaded(status="filtered", reason="in deny list"), [("PF307", "info")]),
        (samples.plugin(status="failed", error=ERROR), [("PF401", "error")]),
        (samples.plugin(status="invalid-result", error=ERROR), [("PF402", "error")]),
        (samples.plugin(status="timed-out", error=ERROR), [("PF403", "error")]),
        (samples.plugin(status="no-hook", hook_names=("set_database_connection_params",)), []),
        (samples.plugin(warnings=("something else",)), [("PF504", "warning")]),
        (
            samples.plugin(warnings=("one", "two"), warning_slugs=("no-hook", "new")),
            [("PF304", "warning"), ("PF504", "warning")],
        ),
    ],
    ids=lambda value: value.status if hasattr(value, "status") else "",
)
def test_each_status_of_a_plugin_has_its_finding(plugin: Any, expected: list[tuple[str, str]]) -> None:
    """The finding is about that plugin, and a failure's says why."""
    findings = checks.find(samples.diagnosis(plugin), samples.BEFORE)
    assert [(one.code, one.severity) for one in findings] == expected
    assert all(one.subject == "aws-setup" and "aws-setup" in one.message for one in findings)
    if plugin.error is not None:
        assert "E: because" in findings[0].message


@pytest.mark.parametrize(
    ("slug", "code"),
    [
        ("bad-api-requirement", "PF302"),
        ("no-hook", "PF304"),
        ("unknown-hook", "PF305"),
        ("class-not-instance", "PF306"),
        ("wrapper-hook", "PF308"),
        ("bad-expiry", "PF504"),
    ],
)
def test_the_slug_of_a_warning_decides_on_its_code(slug: str, code: str) -> None:
    """Whatever the warning says, in this version or a later one."""
    plugin = samples.plugin(warnings=("it has no hook, it is marked as a wrapper",), warning_slugs=(slug,))
    assert found(plugin) == [(code, "warning")]


def test_the_others_are_no_findings_where_one_plugin_was_asked_for() -> None:
    """`--plugin NAME` filters the others, which is no news to the user."""
    settings = samples.settings(allow=(["aws-setup"], "--plugin"))
    other = samples.unloaded(name="other", status="filtered", reason="not in allow list")
    assert found(report=samples.report(samples.plugin(), other, settings=settings)) == []


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (timedelta(hours=1), []),
        (timedelta(minutes=4), [("PF503", "warning")]),
        (timedelta(0), [("PF502", "error")]),
        (timedelta(hours=-1), [("PF502", "error")]),
    ],
)
def test_expiry_is_found_before_it_hurts(left: timedelta, expected: list[tuple[str, str]]) -> None:
    """Expired is an error, about to expire a warning."""
    assert found(now=samples.EXPIRY - left) == expected


def test_a_token_of_which_nobody_knows_the_expiry() -> None:
    """A session token with an expiry is fine, and so is a variable that need not expire; one without is told."""
    plain = samples.plugin(name="plain", expires_at=None, environment={"A_KEY": "x"})
    assert found(samples.plugin(), plain) == []
    assert found(samples.plugin(expires_at=None), plain) == [("PF506", "info")]


def test_findings_come_worst_first() -> None:
    """Errors, warnings, information; then by code."""
    report = samples.report(
        samples.unloaded(status="filtered", reason="in deny list"),
        samples.plugin(name="b", status="failed", error=ERROR),
        problems=(samples.problem("conflict", "c"), samples.problem("bad-value", "b")),
    )
    codes = found(report=report)
    assert codes == [("PF201", "error"), ("PF401", "error"), ("PF203", "warning"), ("PF307", "info")]


def test_every_code_is_documented() -> None:
    """docs/findings.md has a section for each code, with its name, title and severity, and for no other."""
    text = (DOCS / "findings.md").read_text(encoding="utf-8")
    sections = {part.split("\n", 1)[0]: part for part in text.split("\n## ")[1:]}
    assert list(sections) == [f"{code} {name}: {title}" for code, (name, _, title) in CATALOGUE.items()]
    for heading, (code, (_, severity, _)) in zip(sections, CATALOGUE.items()):
        assert sections[heading].partition("\n\n")[2].startswith(f"*{severity.capitalize()}.* ")
        assert severity in SEVERITIES
        # As Python-Markdown and GitHub make it of the heading.
        slug = re.sub(r"[^a-z0-9_ -]", "", heading.lower()).replace(" ", "-")
        assert "--" not in slug and finding(code, "m", "r").anchor == f"docs/findings.md#{slug}"


def test_a_code_has_a_name() -> None:
    """No two have the same; either stands for the code, in capitals or not."""
    names = [known.name for known in CATALOGUE.values()]
    assert len(set(names)) == len(names) and all(re.fullmatch(r"[a-z-]+", name) for name in names)
    assert [code_of(text) for text in ("PF307", "pf307", "plugin-denied", "Plugin-Denied")] == ["PF307"] * 4
    assert code_of("PF999") is None


@pytest.mark.parametrize(
    ("surroundings", "expected", "says"),
    [
        (Surroundings(virtual_env="/other"), [("PF112", "warning")], "(VIRTUAL_ENV) is /other"),
        (Surroundings(commands=(Command("prefect", "/b/prefect", "/b/python"),)), [("PF112", "warning")], "/b/python"),
        (Surroundings(commands=(Command("python", "/b/python", "/b/python"),)), [("PF112", "info")], "/b/python"),
        (Surroundings(prefects=(OtherPrefect("/p/prefect", ("prefect 2.0",)),)), [("PF113", "warning")], "prefect 2.0"),
    ],
)
def test_what_may_be_taken_for_this_environment(
    surroundings: Surroundings, expected: list[tuple[str, str]], says: str
) -> None:
    """A diagnosis in the wrong environment says so."""
    findings = checks.find(samples.diagnosis(surroundings=surroundings), samples.BEFORE)
    assert [(one.code, one.severity) for one in findings] == expected and says in findings[0].message


def test_a_required_plugin_that_is_denied() -> None:
    """Two lists contradict each other; strict mode will end each import."""
    settings = samples.settings(strict=True, required=(["AWS_setup"], "REQ"))
    denied = samples.unloaded(status="filtered", reason="in deny list")
    findings = checks.find(samples.diagnosis(report=samples.report(denied, settings=settings)), samples.BEFORE)
    assert [(one.code, one.severity) for one in findings] == [("PF211", "error"), ("PF307", "info")]
    assert findings[0].message == "REQ requires aws-setup, and it is in deny list"


def test_a_broken_plugins_remedy_can_be_copied() -> None:
    """It names the module, quoted for a shell."""
    plugin = samples.unloaded(value="a b;c:Plugin", status="load-failed", error=ERROR)
    (one,) = checks.find(samples.diagnosis(plugin), samples.BEFORE)
    assert "`python -c 'import a b;c'` shows the traceback" in one.remedy
