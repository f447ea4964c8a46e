"""Other environments and other Prefects around this one, and the diagnosis of another interpreter."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from diag_runs import DIAG, JSON, TRACED, codes
from hosts import IS_WINDOWS
from snippets import ENABLED
from worlds import write_distribution

if TYPE_CHECKING:
    from pathlib import Path

    from hosts import Host, Hosts
    from worlds import World

pytestmark = pytest.mark.skipif(IS_WINDOWS, reason="the environments' layout here is that of POSIX")


@pytest.fixture(scope="module")
def empty(hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> Host:
    """Another environment, without prefect-preflight."""
    return hosts.fresh(tmp_path_factory.mktemp("empty") / "env")


def test_another_environment_is_activated(world: World, empty: Host) -> None:
    """`VIRTUAL_ENV` and the commands on PATH are compared with this environment."""
    world.plugin("traced", TRACED)
    other, here = str(empty.directory), str(world.host.directory)
    path = os.pathsep.join([str(empty.bin), str(world.host.bin)])
    document = world.run(JSON, env={**ENABLED, "VIRTUAL_ENV": other, "PATH": path}).json
    assert [(one["code"], one["severity"], one["subject"]) for one in document["findings"]] == [
        ("PF112", "warning", "VIRTUAL_ENV"),
        ("PF112", "info", "python"),  # the other one has no `prefect`
    ]
    assert document["surroundings"]["virtual_env"] == other and document["exit_status"] == 1
    document = world.run(JSON, env={**ENABLED, "VIRTUAL_ENV": here, "PATH": str(world.host.bin)}).json
    assert document["surroundings"] == {"virtual_env": None, "commands": [], "prefects": []}
    assert codes(document) == []


@pytest.mark.parametrize(
    ("script", "seen"),
    [
        ("#!{python}\nimport prefect.cli\n", True),
        ("#!/bin/sh\nexec somewhere/python\n", False),  # such as a version manager's shim: nobody knows
    ],
)
def test_a_prefect_of_another_environment(world: World, empty: Host, tmp_path: Path, script: str, seen: bool) -> None:
    """The `prefect` on PATH is told by the interpreter that its first line names."""
    world.plugin("traced", TRACED)
    command = tmp_path / "bin" / "prefect"
    command.parent.mkdir()
    command.write_text(script.format(python=empty.python))
    command.chmod(0o755)
    path = os.pathsep.join([str(command.parent), str(world.host.bin)])
    document = world.run(JSON, env={**ENABLED, "PATH": path}).json
    assert codes(document) == (["PF112"] if seen else [])
    if seen:
        assert str(command) in document["findings"][0]["message"] and empty.python in document["findings"][0]["message"]


def test_a_prefect_that_hides_another(world: World, tmp_path: Path) -> None:
    """Both are on the path; which one is imported depends on the order."""
    world.plugin("traced", TRACED)
    write_distribution(tmp_path, "prefect", "__version__ = '2.0.0'", entry_points={}, version="2.0.0")
    path = os.pathsep.join([str(world.overlay), str(tmp_path)])
    document = world.run(JSON, env={**ENABLED, "PYTHONPATH": path, "PREFECT_PLUGINS_SAFE_MODE": "0"}).json
    (finding,) = [finding for finding in document["findings"] if finding["code"] == "PF113"]
    installed = document["surroundings"]["prefects"]
    assert len(installed) == 1 and installed[0]["location"] in finding["message"]


def test_two_distributions_over_one_another(bare: Host, tmp_path: Path) -> None:
    """`prefect` and `prefect-client` in one directory have overwritten each other's files."""
    for name in ("prefect", "prefect-client"):
        write_distribution(tmp_path, name, "", entry_points={}, module="prefect", version="3.0.0")
    document = bare.run(JSON, env={"PYTHONPATH": str(tmp_path)}).json
    installed = ["prefect 3.0.0", "prefect-client 3.0.0"]
    assert document["surroundings"]["prefects"] == [
        {"location": str(tmp_path / "prefect"), "distributions": installed},
    ]
    assert "PF113" in codes(document)


def test_another_python(world: World, real_prefect: Host, bare: Host, empty: Host, tmp_path: Path) -> None:
    """`--python` takes an interpreter or an environment, and hands on the other options."""
    world.plugin("traced", TRACED)
    for path in (world.host.python, str(world.host.directory)):
        arguments = (*DIAG, "--python", path, "--format", "json", "--timeout", "7", "--no-run")
        result = bare.run(arguments, env={**ENABLED, "PYTHONPATH": str(world.overlay), "VIRTUAL_ENV": "/other"})
        document = result.json
        assert document["executable"].startswith(str(world.host.directory)) and result.returncode == 0, result
        assert document["options"] == {"safe_mode": "--no-run", "setup_timeout_seconds": "--timeout"}
        assert document["surroundings"]["virtual_env"] is None
    for path, says in (
        (empty.python, "is not installed for"),
        (shutil.which("true") or "", "does not start as a Python"),
        (str(tmp_path), "there is no Python in the directory"),
        (str(tmp_path / "nothing"), "does not exist"),
    ):
        result = bare.run((*DIAG, "--python", path))
        assert result.returncode == 2 and says in result.stderr and result.stdout == "", result
