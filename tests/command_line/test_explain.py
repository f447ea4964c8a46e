"""`prefect-preflight explain`: the documentation of findings, without the documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from prefect_preflight._command_line.explain import section
from prefect_preflight._command_line.findings import CATALOGUE

if TYPE_CHECKING:
    from hosts import Host

PROGRAM = (
    "import sys; from prefect_preflight._command_line.main import main; "
    "main(sys.argv[1:], prog_name='prefect-preflight')"
)


@pytest.mark.parametrize("code", CATALOGUE)
def test_each_code_has_a_section(code: str) -> None:
    """What is printed begins with the finding's title, and says more than that."""
    text = section(code)
    assert text.startswith(f"**{CATALOGUE[code][1]}** ({CATALOGUE[code][0]})") and len(text.splitlines()) > 2
    assert "\n## " not in text


def test_in_an_installed_wheel(bare: Host) -> None:
    """The wheel brings the page along; case does not matter."""
    result = bare.run(["-c", PROGRAM, "explain", "pf102"])
    assert result.returncode == 0 and result.stdout.startswith("PF102: **No start-up file is read**"), result
    assert "prefect-preflight run -- COMMAND" in result.stdout


def test_an_unknown_code(bare: Host) -> None:
    """An unknown code is a clear error that names the known ones."""
    result = bare.run(["-c", PROGRAM, "explain", "PF999"])
    assert result.returncode == 2 and "'PF999' is not one of PF101, PF102" in result.stderr, result
