"""For the tests that run `python -m plugins_diag` in real interpreters: arguments, a plugin, a look at the document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import diag_samples as samples

if TYPE_CHECKING:
    from hosts import Result
    from worlds import World

DIAG = ("-m", "plugins_diag")

JSON = (*DIAG, "--format", "json")

# Appends a line to a file for each load and each call.
TRACED = """
    import os
    from prefect_preflight import register_hook, SetupResult

    def trace(what):
        with open(os.path.expanduser("~/trace"), "a") as file:
            file.write(what + " ")

    trace("loaded")

    @register_hook
    def setup_environment(*, ctx):
        trace("called")
        return SetupResult({"TRACED": "1"})
"""


def trace(world: World) -> str:
    """What the traced plugin did."""
    file = world.home / "trace"
    return file.read_text() if file.exists() else ""


def codes(document: dict[str, Any]) -> list[str]:
    """The codes of the findings, in their order."""
    return [finding["code"] for finding in document["findings"]]


def valid(result: Result, status: int) -> dict[str, Any]:
    """The document that a run with `--format json` printed, after a look at its schema and the exit status."""
    assert result.returncode == status, str(result)
    document: dict[str, Any] = result.json
    samples.VALIDATOR.validate(document)
    assert document["exit_status"] == status
    return document
