"""`python -m plugins_diag` in real interpreters: it shows the run that `import prefect` really made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import diag_samples as samples
from diag_runs import DIAG, JSON, TRACED, codes, trace, valid
from snippets import ENABLED

if TYPE_CHECKING:
    from collections.abc import Callable

    from hosts import Host
    from worlds import World

AWS_SETUP = """
    import sys
    from datetime import datetime, timezone
    from prefect._experimental.plugins import register_hook, SetupResult

    print("loading prints this")

    class AwsSetup:
        @register_hook
        def setup_environment(self, *, ctx):
            print("the hook prints this")
            env = {
                "AWS_ACCESS_KEY_ID": "canary-access",
                "AWS_SECRET_ACCESS_KEY": "canary-secret",
                "AWS_SESSION_TOKEN": "canary-session",
                "AWS_REGION": "us-west-2",
            }
            note = "Assumed role PrefectRole"
            return SetupResult(env, note, expires_at=datetime(2099, 1, 15, 18, 30, tzinfo=timezone.utc))

    Plugin = AwsSetup()
"""


@pytest.mark.core
def test_the_documented_sample(world: World, each_prefect: Host) -> None:
    """A plugin of the sample's shape gives the sample's lines, with nothing of the plugin's own prints between."""
    world.plugin("prefect-aws-setup", AWS_SETUP, entry_points={"aws-setup": "prefect_aws_setup:Plugin"})
    result = world.run(DIAG, env=ENABLED)
    assert result.returncode == 0, str(result)
    for section in samples.DOCUMENTED_SECTIONS:
        lines = iter(result.stdout.splitlines())
        assert [line for line in section if line not in lines] == []
    assert "(2099-01-15 18:30 UTC)" in result.stdout
    assert "prints this" not in result.stdout and result.stderr.count("prints this") == 2
    assert "canary" not in result.stdout + result.stderr


@pytest.mark.core
def test_the_json_document_has_stdout_for_itself(world: World, each_prefect: Host) -> None:
    """Whatever prints (modules, hooks, child processes, threads that go on, exit handlers): stdout is one document."""
    noisy = """
        import atexit, os, subprocess, sys, threading, time
        from prefect_preflight import register_hook, SetupResult

        def go_on():
            for _ in range(100):
                os.write(1, b"still there\\n")  # not print: at exit a thread that holds the lock is fatal
                time.sleep(0.02)

        @register_hook
        def setup_environment(*, ctx):
            print("noise")
            os.write(1, b"noise")
            subprocess.run([sys.executable, "-S", "-c", "print('noise')"], check=True)
            threading.Thread(target=go_on, daemon=True).start()
            atexit.register(print, "noise")
            return SetupResult({"DB_URL": "postgres://me:canary-password@db/x"}, note="token=canary-token-123")
    """
    world.plugin("noisy", noisy)
    result = world.run(JSON, env=ENABLED)
    document = valid(result, 0)
    assert document["plugins"][0]["status"] == "success"
    assert "canary" not in result.stdout
    assert result.stderr.count("noise") == 4


@pytest.mark.core
def test_the_run_is_the_one_that_the_import_made(world: World) -> None:
    """Loading and the hook happen once; --no-run calls no hook."""
    world.plugin("traced", TRACED)
    document = valid(world.run(JSON, env=ENABLED), 0)
    assert trace(world) == "loaded called "
    assert document["outcome"] == "success" and document["import"]["status"] == "imported"
    document = valid(world.run((*JSON, "--no-run"), env=ENABLED), 0)
    assert trace(world) == "loaded called loaded "
    assert document["outcome"] == "safe-mode" and document["options"] == {"safe_mode": "--no-run"}
    assert codes(document) == ["PF208"]


@pytest.mark.core
def test_disabled(world: World, each_prefect: Host) -> None:
    """Disabled is healthy: it says how to enable, and lists the plugins without importing them."""
    world.plugin("traced", TRACED)
    result = world.run(DIAG)
    assert result.returncode == 0, str(result)
    assert "Enabled: False" in result.stdout and "export PREFECT_PLUGINS_ENABLED=1" in result.stdout
    assert "  • traced: not loaded" in result.stdout
    document = valid(world.run(JSON), 0)
    assert document["outcome"] == "disabled"
    assert document["prefect"]["version"] and document["findings"] == []
    assert trace(world) == ""


@pytest.mark.core
def test_strict_failure(world: World) -> None:
    """A strict exit does not take the report along: it is shown, with what Prefect's users will see."""
    world.plugin(
        "angry",
        """
        from prefect_preflight import register_hook

        @register_hook
        def setup_environment(*, ctx):
            raise RuntimeError("no luck with password=canary-password")
        """,
    )
    result = world.run(DIAG, env={**ENABLED, "PREFECT_PLUGINS_STRICT": "1"})
    assert result.returncode == 1, str(result)
    assert "Strict mode: True" in result.stdout and "  • angry: failed" in result.stdout
    text = " ".join(result.stdout.split())
    assert "[plugins] required plugin 'angry'" in text and "strict mode ended its import" in text
    assert "Remedy: fix the plugin, or let PREFECT_PLUGINS_REQUIRED name" in text
    assert "canary" not in result.stdout + result.stderr
    document = valid(world.run(JSON, env={**ENABLED, "PREFECT_PLUGINS_STRICT": "1"}), 1)
    assert codes(document) == ["PF401", "PF404"]
    assert (document["outcome"], document["import"]["status"]) == ("strict-exit", "strict-exit")
    assert document["prefect"]["native_runner"] == "unknown"  # it was not looked at


def test_a_bad_setting_in_strict_mode(world: World) -> None:
    """The exit that a bad value causes is told from the other exits, and the value's line is there."""
    world.plugin("traced", TRACED)
    env = {**ENABLED, "PREFECT_PLUGINS_STRICT": "1", "PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS": "abc"}
    document = valid(world.run(JSON, env=env), 1)
    assert {"PF201", "PF404"} == set(codes(document)) and trace(world) == ""
    assert document["outcome"] == "strict-exit"
    assert document["findings"][-1]["remedy"] == "correct the setting, or switch strict mode off"
    assert document["reason"] == document["import"]["error"]["message"]
    assert [plugin["status"] for plugin in document["plugins"]] == ["not-run"]


EXPIRING = """
from datetime import datetime, timezone
@register_hook
def setup_environment(*, ctx):
    return SetupResult({{"A": {}}}, expires_at=datetime({}))
"""

# A plugin for each thing that can be wrong with one, and the code that it must have.
FAULTY = {
    "a-class": ("PF306", "class Plugin:\n    @register_hook\n    def setup_environment(self, *, ctx): pass", ":Plugin"),
    "b-undecorated": ("PF304", "def setup_environment(*, ctx): pass", ""),
    "c-unknown": ("PF305", "@register_hook\ndef setup_enviroment(*, ctx): pass", ""),
    "d-specifier": (
        "PF302",
        "PREFECT_PLUGIN_API_REQUIRES = 'new'\n@register_hook\ndef setup_environment(*, ctx): pass",
        "",
    ),
    "e-wrapper": ("PF308", "@register_hook(wrapper=True)\ndef setup_environment(*, ctx): yield", ""),
    "f-future": (
        "PF301",
        "PREFECT_PLUGIN_API_REQUIRES = '>=5'\n@register_hook\ndef setup_environment(*, ctx): pass",
        "",
    ),
    "g-missing": ("PF303", "", ":nothing"),
    "h-raises": ("PF401", "@register_hook\ndef setup_environment(*, ctx): 1 / 0", ""),
    "i-returns": ("PF402", "@register_hook\ndef setup_environment(*, ctx): return 5", ""),
    "j-naive": ("PF504", EXPIRING.format("'1'", "2099, 1, 1"), ""),
    "k-expired": ("PF502", EXPIRING.format("'2'", "2020, 1, 1, tzinfo=timezone.utc"), ""),
    "l-denied": ("PF307", "@register_hook\ndef setup_environment(*, ctx): pass", ""),
}

# The slugs of those that are warned about.
SLUGS = {
    "a-class": "class-not-instance",
    "b-undecorated": "no-hook",
    "c-unknown": "unknown-hook",
    "d-specifier": "bad-api-requirement",
    "e-wrapper": "wrapper-hook",
    "j-naive": "bad-expiry",
}


@pytest.mark.core
def test_each_fault_of_a_plugin_has_its_code(world: World) -> None:
    """Every finding about plugins comes from a real plugin with that fault, and is about that plugin."""
    for name, (_, source, attribute) in FAULTY.items():
        module = name.replace("-", "_")
        source = "from prefect_preflight import register_hook, SetupResult\n" + source
        world.plugin(name, source, entry_points={name: module + attribute})
    env = {**ENABLED, "PREFECT_PLUGINS_DENY": "L_denied,a-clas"}
    document = valid(world.run(JSON, env=env), 1)
    found = {(one["subject"], one["code"]) for one in document["findings"]}
    expected = {(name, code) for name, (code, _, _) in FAULTY.items()}
    slugs = {plugin["name"]: plugin["warning_slugs"] for plugin in document["plugins"] if plugin["warnings"]}
    assert slugs == {name: [slug] for name, slug in SLUGS.items()}
    assert found == expected | {("A", "PF501"), ("a-clas", "PF207")}


@pytest.mark.core
def test_misspelt_settings(bare: Host, new_world: Callable[[Host], World]) -> None:
    """Names that nearly are a setting's get the one that was meant, inside and outside the prefixes."""
    world = new_world(bare)
    env = {"PREFECT_PLUGIN_ENABLED": "1", "PREFECT_PLUGINS_ENABLE": "1", "PREFECT_EXPERIMENTAL_PLUGINS_STRICT": "1"}
    env.update(PREFECT_AWS_SETUP_ROLE_ARN="x", MY_PLUGINS_ENABLED="1", PREFECT_PREFLIGHT_REPORTS_DIR="x")
    env.update(PREFECT_PREFLIGHT_REPORT_DIR="", PREFECT_PREFLIGHT_PARENT_REPORT="x")
    document = valid(world.run(JSON, env=env), 1)
    unknown = {one["subject"]: one["message"] for one in document["findings"] if one["code"] == "PF202"}
    assert unknown.keys() == {
        *("PREFECT_PLUGIN_ENABLED", "PREFECT_PLUGINS_ENABLE", "PREFECT_EXPERIMENTAL_PLUGINS_STRICT"),
        "PREFECT_PREFLIGHT_REPORTS_DIR",
    }
    assert "did you mean PREFECT_PREFLIGHT_REPORT_DIR?" in unknown["PREFECT_PREFLIGHT_REPORTS_DIR"]
    assert "did you mean PREFECT_PLUGINS_ENABLED?" in unknown["PREFECT_PLUGIN_ENABLED"]
    assert "did you mean PREFECT_EXPERIMENTS_PLUGINS_STRICT?" in unknown["PREFECT_EXPERIMENTAL_PLUGINS_STRICT"]
