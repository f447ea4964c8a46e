"""Where the start-up hook is not active, or there is no Prefect, `plugins_diag` says which, and pretends nothing."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from diag_runs import DIAG, JSON, TRACED, codes, trace, valid
from snippets import ENABLED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hosts import Host, Hosts
    from worlds import World


@pytest.mark.core
def test_without_prefect(bare: Host, new_world: Callable[[Host], World]) -> None:
    """Without Prefect it says so, and shows the settings and the plugins found."""
    world = new_world(bare)
    world.plugin("traced", TRACED)
    result = world.run(DIAG, env=ENABLED)
    assert result.returncode == 1, str(result)
    assert "Prefect: not installed" in result.stdout and "  • traced: not loaded" in result.stdout
    document = valid(world.run(JSON, env=ENABLED), 1)
    assert codes(document) == ["PF109"] and document["import"]["status"] == "missing"
    assert trace(world) == ""


def test_without_site(world: World) -> None:
    """With -S nothing is pretended: no plugin runs, and the finding says why; --run runs them and keeps the finding."""
    world.plugin("traced", TRACED)
    env = {**ENABLED, "PYTHONPATH": f"{world.overlay}:{world.host.site}"}
    document = valid(world.run(("-S", *JSON), env=env), 1)
    assert codes(document) == ["PF101"] and document["activation"]["state"] == "no-site"
    assert document["import"]["status"] == "skipped" and trace(world) == ""
    document = valid(world.run(("-S", *JSON, "--run"), env=env), 1)
    assert codes(document) == ["PF101"] and document["activation"]["activated_here"] is True
    assert document["plugins"][0]["status"] == "success" and trace(world) == "loaded called "


def test_isolated_mode_is_no_obstacle(world: World, real_prefect: Host) -> None:
    """With -I start-up files are read all the same."""
    document = valid(world.run(("-I", *JSON), env=ENABLED), 1)
    assert codes(document) == ["PF209"]  # PYTHONPATH with the plugins does not count, the settings do
    assert document["activation"]["state"] == "active" and document["activation"]["isolated"] is True


def test_a_target_installation(bare: Host, hosts: Hosts, tmp_path: Path) -> None:
    """A copy that lies where Python reads no start-up file is recognised by the files beside it."""
    target = tmp_path / "target"
    shutil.copytree(bare.site, target)
    host = hosts.fresh(tmp_path / "env")
    document = valid(host.run(JSON, env={**ENABLED, "PYTHONPATH": str(target)}), 1)
    assert document["activation"]["state"] == "no-startup-file"
    assert str(target / "prefect_preflight.pth") in document["activation"]["unread_files"]
    (finding,) = [finding for finding in document["findings"] if finding["code"] == "PF102"]
    assert str(target) in finding["message"] and "prefect-preflight run -- COMMAND" in finding["remedy"]


def test_the_kill_switch(world: World) -> None:
    """The kill switch is named, and --run does not overrule it."""
    world.plugin("traced", TRACED)
    env = {**ENABLED, "PREFECT_PREFLIGHT_DISABLE": "1"}
    for args in (JSON, (*JSON, "--run")):
        document = valid(world.run(args, env=env), 1)
        assert codes(document) == ["PF103"] and document["import"]["status"] == "skipped"
    assert trace(world) == ""


def test_prefect_imported_before(world: World) -> None:
    """If Prefect was there before the hook, that is the finding, and no run is shown."""
    world.plugin("traced", TRACED)
    code = """
        import sys, _prefect_preflight
        sys.meta_path.remove(_prefect_preflight)
        import prefect
        from prefect_preflight._command_line.diagnose import diagnose
        diagnose(["--format", "json"])
    """
    document = valid(world.run(code, env={**ENABLED, "PREFECT_PLUGINS_SAFE_MODE": "1"}), 1)
    assert codes(document) == ["PF104", "PF208"] and document["plugins"][0]["status"] == "not-run"


def test_another_finder_in_front(world: World) -> None:
    """A finder that answers for Prefect before ours is named; --run puts ours in front of it."""
    world.plugin("traced", TRACED)
    code = """
        import sys
        from importlib.machinery import PathFinder

        class Tracer:
            @staticmethod
            def find_spec(name, path=None, target=None):
                return PathFinder.find_spec(name, path) if name == "prefect" else None

        sys.meta_path.insert(0, Tracer)
        from prefect_preflight._command_line.diagnose import diagnose
        diagnose(["--format", "json", *sys.argv[1:]])
    """
    document = valid(world.run(code, env=ENABLED), 1)
    assert codes(document) == ["PF105"] and "__main__.Tracer" in document["findings"][0]["message"]
    assert trace(world) == ""
    document = valid(world.run(code.replace("*sys.argv[1:]", "'--run'"), env=ENABLED), 1)
    assert codes(document) == ["PF105"] and trace(world) == "loaded called "


@pytest.mark.core
def test_a_package_that_is_not_prefect(world: World) -> None:
    """A `prefect.py` in the working directory is named as what it is, and not executed."""
    (world.cwd / "prefect.py").write_text("raise SystemExit('executed')")
    document = valid(world.run(JSON, env=ENABLED), 1)
    assert "PF108" in codes(document)
    assert str(world.cwd / "prefect.py") in document["findings"][0]["message"]


def test_prefect_that_runs_at_start(world: World) -> None:
    """Where a sitecustomize imports Prefect, that run is shown; options would come too late, and are refused."""
    world.plugin("traced", TRACED, extra_files={"sitecustomize.py": "import prefect"})
    document = valid(world.run(JSON, env=ENABLED), 0)
    assert document["plugins"][0]["status"] == "success" and trace(world) == "loaded called "
    result = world.run((*DIAG, "--no-run"), env=ENABLED)
    assert result.returncode == 2 and "too late" in result.stderr and result.stdout == ""


def test_a_program_that_is_started_by_run(bare: Host, hosts: Hosts, tmp_path: Path) -> None:
    """Where `prefect-preflight run` has activated the hook, that is told."""
    target = tmp_path / "target"
    shutil.copytree(bare.site, target)
    host = hosts.fresh(tmp_path / "env")
    args = ("-m", "plugins_diag.run_command", host.python, *JSON)
    document = valid(host.run(args, env={**ENABLED, "PYTHONPATH": str(target)}), 1)
    assert document["activation"]["state"] == "active"
    assert document["activation"]["by"] == str(target / "prefect_preflight" / "_activation_path" / "sitecustomize.py")
    assert "PF102" not in codes(document)


def test_prefect_that_does_not_import(world: World, real_prefect: Host) -> None:
    """An exception of Prefect's own import is caught and told; the hooks had run before it."""
    world.plugin("traced", TRACED)
    code = """
        import sys
        sys.modules["prefect._build_info"] = None  # the first that Prefect's own package imports
        from prefect_preflight._command_line.diagnose import diagnose
        diagnose(["--format", "json"])
    """
    document = valid(world.run(code, env=ENABLED), 1)
    assert codes(document) == ["PF110"] and "_build_info" in document["import"]["error"]["message"]
    assert document["plugins"][0]["status"] == "success"
