"""`prefect-preflight explain`: the documentation of findings, without the documentation."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from prefect_preflight._command_line.explain import section
from prefect_preflight._command_line.findings.catalogue import CATALOGUE

if TYPE_CHECKING:
    from hosts import Host

PROGRAM = (
    "import sys; from prefect_preflight._command_line.main import main; "
    "main(sys.argv[1:], prog_name='prefect-preflight')"
)


@pytest.mark.parametrize("code", CATALOGUE)
def test_each_code_has_a_section(code: str) -> None:
    """What is printed begins with the finding's severity, and says more than that."""
    text = section(code)
    assert text.startswith(f"*{CATALOGUE[code].severity.capitalize()}.* ") and len(text.split()) > 10
    assert "\n## " not in text


def test_in_an_installed_wheel(bare: Host) -> None:
    """The wheel brings the page along; code or name will do, and case does not matter. Without Rich it is Markdown."""
    result = bare.run(["-c", PROGRAM, "explain", "pf102"])
    assert result.returncode == 0, result
    assert result.stdout.startswith("## PF102 no-startup-file: No start-up file is read\n\n*Error.* "), result
    assert "`prefect-preflight run -- COMMAND`" in result.stdout
    assert bare.run(["-c", PROGRAM, "explain", "No-Startup-File"]).stdout == result.stdout


def test_as_a_terminal_shows_it() -> None:
    """With Rich, which every Prefect brings, Markdown's signs are gone, and lines fit the terminal."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "explain", "plugin-denied"],
        env={**os.environ, "COLUMNS": "40"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert "PF307 plugin-denied" in done.stdout and "`" not in done.stdout and "*" not in done.stdout
    assert len(lines) > 5 and max(map(len, lines)) <= 40
    coloured = subprocess.run(
        [sys.executable, "-c", PROGRAM, "explain", "plugin-denied"],
        env={**os.environ, "FORCE_COLOR": "1", "NO_COLOR": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "\x1b[" in coloured.stdout and "\x1b[" not in done.stdout


def test_all(bare: Host) -> None:
    """`--all` lists the codes, a line each."""
    result = bare.run(["-c", PROGRAM, "explain", "--all"], env={"COLUMNS": "120"})
    assert [line.split()[0] for line in result.stdout.splitlines()] == list(CATALOGUE), result
    assert "PF307 plugin-denied " in result.stdout


def test_an_unknown_code(bare: Host) -> None:
    """An unknown code is a clear error that says what was probably meant, and where the known ones are."""
    result = bare.run(["-c", PROGRAM, "explain", "PF999"])
    assert result.returncode == 2 and "'PF999' is no finding's code or name" in result.stderr, result
    result = bare.run(["-c", PROGRAM, "explain", "plugin-deny"])
    assert result.returncode == 2 and "did you mean plugin-denied?" in result.stderr, result
    assert bare.run(["-c", PROGRAM, "explain"]).returncode == 2
