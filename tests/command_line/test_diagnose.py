"""The command line: options, exit statuses, terminals."""

from __future__ import annotations

import io
import os
import signal
from typing import TYPE_CHECKING

import pytest

from diag_runs import DIAG, JSON, TRACED, codes, trace, valid
from hosts import IS_WINDOWS
from snippets import ENABLED

if TYPE_CHECKING:
    from collections.abc import Callable

    from hosts import Host
    from worlds import World


def test_only_one_plugin_with_a_deadline(world: World) -> None:
    """--plugin leaves the others alone, REQUIRED too, and --timeout replaces a bad value from elsewhere."""
    world.plugin("traced", TRACED)
    world.plugin(
        "my-sleeper",
        """
        import time
        from prefect_preflight import register_hook

        @register_hook
        def setup_environment(*, ctx):
            time.sleep(600)
        """,
    )
    env = {**ENABLED, "PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS": "abc", "PREFECT_EXPERIMENTS_PLUGINS_ALLOW": "x"}
    env.update(PREFECT_PLUGINS_STRICT="1", PREFECT_PLUGINS_REQUIRED="traced,other")
    result = world.run((*JSON, "--plugin", "My.Sleeper", "--timeout", "1"), env=env, timeout=100)
    document = valid(result, 1)
    assert codes(document) == ["PF403"] and trace(world) == ""
    sources = {setting["name"]: setting["source"] for setting in document["settings"]}
    assert (sources["allow"], sources["setup_timeout_seconds"]) == ("--plugin", "--timeout")


def test_an_option_without_effect_is_refused(world: World) -> None:
    """Where a setting beats the option, nothing is run and the exit status is 2."""
    world.plugin("traced", TRACED)
    env = {"PREFECT_PLUGINS": '{"enabled": true, "safe_mode": false}'}
    result = world.run((*JSON, "--no-run"), env=env)
    assert result.returncode == 2 and result.stdout == "" and trace(world) == ""
    assert "--no-run has no effect: PREFECT_PLUGINS (JSON) decides on safe_mode" in result.stderr


def test_check(world: World) -> None:
    """--check is silent while all is well, and prints what is not."""
    world.plugin("traced", TRACED)
    result = world.run((*DIAG, "--check"), env=ENABLED)
    assert (result.returncode, result.stdout) == (0, "")
    result = world.run((*DIAG, "--check"), env={**ENABLED, "PREFECT_PLUGINS_STRICTT": "1"})
    assert result.returncode == 1 and result.stdout.startswith(
        "  PF202 unknown-setting (warning): PREFECT_PLUGINS_STRICTT"
    )


@pytest.mark.core
def test_a_terminal_without_unicode(world: World) -> None:
    """A terminal that has no bullets gets stars."""
    world.plugin("traced", TRACED.replace('"TRACED"', '"MY_TOKEN"'))
    result = world.run(DIAG, env={**ENABLED, "LANG": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert result.returncode == 0, str(result)
    assert "  * traced: success" in result.stdout and "MY_TOKEN=******" in result.stdout


@pytest.mark.core
def test_the_command_line(bare: Host, new_world: Callable[[Host], World]) -> None:
    """The console script has the command, help with the exit statuses, a version, and the shells' completion."""
    world = new_world(bare)
    world.plugin("my-plugin", "")
    script = str(bare.bin / "prefect-preflight")
    shown = world.run((script, "diagnose", "--help"), check=True).stdout
    for text in ("--no-run", "--plugin NAME", "--timeout SECONDS", "--check", "  0  healthy", "  2  no diagnosis"):
        assert text in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert "diagnose" in world.run((script, "--help"), check=True).stdout
    assert world.run((script, "--version"), check=True).stdout.startswith("prefect-preflight, version ")
    valid(world.run((script, "diagnose", "--format", "json"), env=ENABLED), 1)
    completed = world.run(
        (script,),
        env={"_PREFECT_PREFLIGHT_COMPLETE": "bash_complete", "COMP_WORDS": "x diagnose --plugin my", "COMP_CWORD": "3"},
    )
    assert completed.stdout.split() == ["plain,my_plugin"]


@pytest.mark.parametrize("arguments", [("--format", "yaml"), ("--timeout", "0"), ("--timeout", "nan"), ("surplus",)])
def test_a_wrong_command_line_cannot_be_diagnosed(bare: Host, arguments: tuple[str, ...]) -> None:
    """The exit status is 2, with the usage on stderr."""
    result = bare.run((*DIAG, *arguments))
    assert result.returncode == 2 and result.stdout == "" and "Usage:" in result.stderr


@pytest.mark.core
@pytest.mark.skipif(IS_WINDOWS, reason="Windows has no such signal")
def test_an_interruption_cannot_be_diagnosed(world: World) -> None:
    """Ctrl-C while a hook is waited for ends the command with one line, and the exit status 2."""
    world.plugin(
        "sleeper",
        """
        import sys, time
        from prefect_preflight import register_hook

        @register_hook
        def setup_environment(*, ctx):
            print("sleeping", file=sys.stderr, flush=True)
            time.sleep(60)
        """,
    )
    with world.start(DIAG, env={**ENABLED, "PREFECT_PLUGINS_SETUP_TIMEOUT_SECONDS": "60"}) as child:
        assert child.stderr is not None and child.stderr.readline() == "sleeping\n"
        child.send_signal(signal.SIGINT)
        stdout, stderr = child.communicate(timeout=30)
    assert (child.returncode, stdout) == (2, "")
    assert stderr.splitlines()[-1] == "Error: cannot diagnose: interrupted" and "Traceback" not in stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_full_disk_cannot_be_diagnosed(bare: Host) -> None:
    """A report that cannot be written is one line on stderr, not a traceback."""
    full = "import os; os.dup2(os.open('/dev/full', os.O_WRONLY), 1); "
    result = bare.run(full + "from prefect_preflight._command_line.diagnose import diagnose; diagnose([])")
    assert result.returncode == 2, str(result)
    assert result.stderr.startswith("Error: cannot diagnose: OSError") and len(result.stderr.splitlines()) == 1


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colours_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal gets colours; a pipe, a dumb terminal, and whoever sets NO_COLOR do not."""
    from prefect_preflight._command_line.terminal import painter

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert painter(_Terminal())("bad", "bad") == "\x1b[31mbad\x1b[0m"
    assert painter(io.StringIO())("bad", "bad") == "bad"
    monkeypatch.setenv("NO_COLOR", "1")
    assert painter(_Terminal())("bad", "bad") == "bad"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert painter(_Terminal())("bad", "bad") == "bad"
