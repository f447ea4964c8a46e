"""The command line: options, exit statuses, terminals."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
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


def test_check_for_programs(world: World) -> None:
    """--check --format json is the verdict and what counts; github has the findings as a workflow's annotations."""
    world.plugin("traced", TRACED)
    env = {**ENABLED, "PREFECT_PLUGINS_STRICTT": "1", "PREFECT_PLUGINS_DENY": "other, 100%"}
    document = world.run((*JSON, "--check"), env=env).json
    assert [finding["name"] for finding in document["findings"]] == ["unknown-setting"]
    assert document["verdict"].startswith(
        "1 problem in 1 plugin: a setting's name is unknown (PREFECT_PLUGINS_STRICTT)"
    )
    assert sorted(document) == ["exit_status", "findings", "outcome", "schema_version", "verdict"]
    result = world.run((*DIAG, "--format", "github"), env=env)
    lines = result.stdout.splitlines()
    assert result.returncode == 1 and lines[0].startswith("::warning title=PF202 unknown-setting::PREFECT_PLUGINS_STRI")
    assert [line.partition("::")[2].partition(":")[0] for line in lines[1:]] == [
        "notice title=PF207 unknown-plugin-name"
    ] * 2
    assert "'100%25'" in lines[2]
    assert world.run((*DIAG, "--format", "github", "--check"), env=env).stdout.splitlines() == lines[:1]


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


@pytest.mark.parametrize("name", ["FORCE_COLOR", "CLICOLOR_FORCE"])
def test_colours_can_be_forced(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Into a pipe too, as a CI asks for; NO_COLOR is stronger, and 0 forces nothing."""
    from prefect_preflight._command_line.terminal import painter

    for other in ("FORCE_COLOR", "CLICOLOR_FORCE", "NO_COLOR"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, "1")
    assert painter(io.StringIO())("bad", "bad") == "\x1b[31mbad\x1b[0m"
    monkeypatch.setenv(name, "0")
    assert painter(io.StringIO())("bad", "bad") == "bad"
    monkeypatch.setenv(name, "1")
    monkeypatch.setenv("NO_COLOR", "1")
    assert painter(io.StringIO())("bad", "bad") == "bad"


@pytest.mark.parametrize(
    ("columns", "width"), [("20", 40), ("40", 40), ("100", 100), ("300", 120), ("", 80), ("x", 80)]
)
def test_the_width_is_the_terminals(monkeypatch: pytest.MonkeyPatch, columns: str, width: int) -> None:
    """Between 40 and 120 columns; 80 where nobody says."""
    from prefect_preflight._command_line.terminal import columns as columns_of

    monkeypatch.setenv("COLUMNS", columns)
    assert columns_of(io.StringIO()) == width


@pytest.mark.skipif(IS_WINDOWS, reason="Windows has no pseudo-terminals")
def test_a_real_terminal(world: World) -> None:
    """On a terminal the report fits it, with colours."""
    import fcntl
    import pty
    import struct
    import termios

    world.plugin("traced", TRACED)
    main, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 50, 0, 0))
    env = world.host.environment({**ENABLED, "PYTHONPATH": str(world.overlay), "TERM": "xterm"})
    with subprocess.Popen([world.host.python, *DIAG], env=env, stdout=terminal, stderr=subprocess.DEVNULL) as child:
        os.close(terminal)
        text = b""
        while chunk := _read(main):
            text += chunk
    os.close(main)
    shown = text.decode()
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in shown.splitlines()]
    assert child.returncode == 0 and "\x1b[32m  • traced: success\x1b[0m" in shown
    assert all(len(line) <= 50 or len(line.split()) == 1 for line in lines) and max(map(len, lines)) > 40


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # how Linux says that nobody has the terminal's other side any more
        return b""


def test_help_fits_a_narrow_terminal(bare: Host) -> None:
    """And the line that switches completion on can be copied."""
    script = str(bare.bin / "prefect-preflight")
    for width in ("40", "80"):
        shown = bare.run((script, "--help"), env={"COLUMNS": width}).stdout
        assert '\n  eval "$(_PREFECT_PREFLIGHT_COMPLETE=bash_source prefect-preflight)"\n' in shown
        assert "diagnose  What the plugins do here, and why." in " ".join(shown.split("\n"))


def test_a_program_gets_its_standard_output_back(world: World, each_prefect: Host) -> None:
    """One that calls Prefect's command line itself goes on after `prefect plugins diagnose`."""
    world.plugin("traced", TRACED)
    code = """
        import os, subprocess, sys
        sys.argv = ["prefect", "plugins", "diagnose"]
        before = sys.stdout
        try:
            from prefect.cli import app
            app()
        except SystemExit as error:
            print("status", error.code, flush=True)
        assert sys.stdout is before
        os.write(1, b"as ever\\n")
        subprocess.run([sys.executable, "-c", "print('a child too')"])
    """
    result = world.run(code, env=ENABLED)
    assert result.stdout.splitlines()[-3:] == ["status 0", "as ever", "a child too"], result
    assert "  • traced: success" in result.stdout
