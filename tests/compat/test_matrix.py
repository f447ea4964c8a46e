"""The same set of plugins gives the same result on every Prefect.

Each test runs in every cell of `cells.CELLS` that its `only` lets through.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, TypeVar

from cells import AWS, AZURE, OTEL
from plugins import CALLED, EXPECTED_ENVIRONMENT, LATE, LATE_URL

import snippets

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cells import Cell

    from hosts import Result
    from worlds import World

HERE = Path(__file__).resolve().parent
NEW, LEGACY = "PREFECT_PLUGINS_", "PREFECT_EXPERIMENTS_PLUGINS_"
REAL = {AWS: "aws", AZURE: "azure", OTEL: "prefect_otel"}
OURS = (*snippets.OURS, "plugins_diag")

_F = TypeVar("_F", bound=Callable[..., None])


def only(wanted: Callable[[Cell], bool]) -> Callable[[_F], _F]:
    """Mark a test that does not apply to every cell."""

    def mark(function: _F) -> _F:
        function.wanted = wanted  # type: ignore[attr-defined]
        return function

    return mark


def has_command_line(cell: Cell) -> bool:
    """Whether this distribution has the program `prefect`."""
    return not cell.is_client


def run(
    world: World, *arguments: str | Path, prefix: str = NEW, deny: Iterable[str] = REAL.values(), **variables: str
) -> Result:
    """Run a child with plugins enabled; calls of hooks are counted in the file `calls` of the working directory.

    The published plugins are denied by default, since they load for seconds, and have tests of their own.
    """
    env = {
        f"{prefix}ENABLED": "1",
        f"{prefix}DENY": ",".join(("denied", *deny)),
        f"{prefix}SETUP_TIMEOUT_SECONDS": "90",  # machines may be slow; the deadline has tests elsewhere
        "MATRIX_CALLS": str(world.cwd / "calls"),
        **variables,
    }
    return world.run([str(argument) for argument in arguments], env=env, timeout=180)


def prefect(world: World, *arguments: str, **keywords: Any) -> Result:
    """Run the program `prefect`."""
    return run(world, world.host.bin / "prefect", *arguments, **keywords)


def calls(world: World) -> list[str]:
    """The hooks that were called, by their plugins' names; the file is emptied."""
    file = world.cwd / "calls"
    found = sorted(file.read_text().split()) if file.exists() else []
    file.unlink(missing_ok=True)
    return found


def test_the_same_result(cell: Cell, cell_world: World) -> None:
    """Every kind of plugin does the same, once, and Prefect's settings hold what it returned."""
    result = run(cell_world, HERE / "probe.py")
    assert result.returncode == 0, result
    seen = result.json
    assert seen["environment"] == {**EXPECTED_ENVIRONMENT, "MATRIX_VERSION": cell.prefect}, result
    assert seen["version"] == cell.prefect
    assert seen["distribution"] == cell.distribution
    assert seen["settings"] == dict.fromkeys(("setting", "settings", "client"), LATE_URL)
    assert seen["offers"] == {
        "missing": [],
        "result": True,
        "same": True,
        "context": "1",
        "marked": True,
        "natives": ["load_prefect_collections", "safe_load_entrypoints"],
        "summaries": sorted(CALLED),
    }
    assert seen["once more"] == []
    assert seen["outcome"] == "success", result
    assert seen["native_runner"] == ("superseded" if cell.has_native_system else "none")
    expected = {name: ["success", "late" if name in LATE else "early"] for name in CALLED}
    denied = {name: ["filtered", None] for name in ("denied", *REAL.values()) if name in seen["plugins"]}
    assert seen["plugins"] == {**expected, **denied}
    assert seen["calls"] == sorted(CALLED)
    # Nothing of ours stays where Prefect's own loader belongs, and nothing is said twice.
    assert seen["loader"] == "_frozen_importlib_external"
    assert result.stderr.count("early and informed") == 1
    assert result.stderr.count("late and informed") == 1
    assert "a detail" not in result.stderr


def test_prefect_starts_as_often(cell_world: World) -> None:
    """The API's names come first, from user code, under the legacy prefix: no warning of ours, no second run."""
    (cell_world.overlay / "users_own.py").write_text(
        "from prefect._experimental.plugins.spec import SetupResult\n"
        "from prefect._experimental.plugins import register_hook, HookContext, run_startup_hooks\n"
        "from prefect.plugins import load_prefect_collections\n"
    )
    program = """if True:
        import warnings

        seen = []
        warnings.simplefilter("always")
        warnings.showwarning = lambda text, kind, file, *rest, **more: seen.append((kind.__name__, file, str(text)))
        from prefect.plugins import HookContext, SetupResult, SetupSummary, register_hook, run_startup_hooks
        import prefect.plugins, sys
        # A plugin's module, and other code of the user's.
        import matrix_early_function
        before = list(seen)
        import users_own

        assert matrix_early_function.SetupResult is SetupResult is users_own.SetupResult, "another class"
        assert matrix_early_function.HookContext is HookContext is users_own.HookContext, "another class"
        assert SetupResult(env={}, expires_at=None, inherit=True).inherit
        ours = [w for w in seen if "prefect_preflight" in w[1]]
        early = [w for w in before if w[0] == "DeprecationWarning" and "plugins" in w[2]]
        assert not ours, ours
        assert not early, early
        from prefect import flow, task  # as every program does; no late plugin has imported it before
    """
    result = run(cell_world, "-c", program, prefix=LEGACY, deny=(*LATE, *REAL.values()))
    assert result.returncode == 0, result
    assert calls(cell_world) == sorted(set(CALLED) - set(LATE))


@only(has_command_line)
def test_the_command_line(cell_world: World) -> None:
    """Both commands show the run of their own process, in text and as JSON, and run nothing twice."""
    result = prefect(cell_world, "plugins", "diagnose", "--format", "json")
    assert result.stdout.startswith("{"), result
    report = result.json
    assert report["outcome"] == "success", result
    assert result.returncode == report["exit_status"]
    statuses = {plugin["name"]: plugin["status"] for plugin in report["plugins"] if plugin["name"] in CALLED}
    assert statuses == dict.fromkeys(CALLED, "success")
    assert calls(cell_world) == sorted(CALLED)
    result = prefect(cell_world, "--no-prompt", "experimental", "plugins", "diagnose", prefix=LEGACY)
    assert "\nPrefect Experimental Plugin System Diagnostics\n\nEnabled: True\n" in result.stdout, result
    for expected in ("• early-function: success", "• late: success", "• denied: filtered", "MATRIX_SECRET=••••••"):
        assert expected in result.stdout, result
    assert "fed\n" not in result.stdout
    assert calls(cell_world) == sorted(CALLED)


@only(has_command_line)
def test_the_command_line_when_disabled(cell_world: World) -> None:
    """With plugins disabled both commands say so, and how to enable them; no hook is called."""
    for command in (["plugins", "diagnose"], ["experimental", "plugins", "diagnose"]):
        result = prefect(cell_world, *command, PREFECT_PLUGINS_ENABLED="0")
        assert result.returncode == 0, result
        assert "Enabled: False" in result.stdout, result
        assert "PREFECT_PLUGINS_ENABLED=1" in result.stdout, result
    result = prefect(cell_world, "plugins", "--help", PREFECT_PLUGINS_ENABLED="0")
    assert result.returncode == 0, result
    assert "diagnose" in result.stdout, result
    assert calls(cell_world) == []


@only(has_command_line)
def test_debug_shows_the_version_check(cell: Cell, cell_world: World) -> None:
    """`PREFECT_LOGGING_LEVEL=DEBUG prefect --version` tells every plugin's API requirement, on stderr."""
    result = prefect(cell_world, "--version", PREFECT_LOGGING_LEVEL="DEBUG")
    assert result.returncode == 0, result
    assert result.stdout == f"{cell.prefect}\n"
    for name in CALLED:
        expected = f"Loaded plugin {name} (requires API >=0.1,<1, current 0.1)"
        assert result.stderr.count(expected) == 1, result
    assert result.stderr.count("a detail") == 1, result


def test_logging(cell_world: World) -> None:
    """A logger that a plugin keeps goes on: nothing twice, in Prefect's format once Prefect has configured logging."""
    cell_world.plugin(
        "matrix-keeper",
        """
        from prefect.plugins import register_hook

        @register_hook
        def setup_environment(*, ctx):
            global logger
            logger = ctx.logger_factory("keeper")
            logger.warning("before Prefect")
        """,
    )
    program = """if True:
        import prefect
        import matrix_keeper
        from prefect.logging.configuration import setup_logging

        setup_logging()
        matrix_keeper.logger.info("after Prefect")
        matrix_keeper.logger.debug("nothing to see")
    """
    result = run(cell_world, "-c", program, deny=(*LATE, *REAL.values()))
    assert result.returncode == 0, result
    lines = result.stderr.splitlines()
    before = [line for line in lines if "before Prefect" in line]
    after = [line for line in lines if "after Prefect" in line]
    assert len(before) == 1 and before[0].endswith("| prefect.keeper | WARNING: before Prefect"), result
    assert len(after) == 1 and after[0].endswith("| INFO    | prefect.keeper - after Prefect"), result
    assert "nothing to see" not in result.stderr


def test_strict_and_secret(cell_world: World) -> None:
    """In a thread, with Prefect's own `.env`: strict mode is one line, without a secret and on one line."""
    token = "tkn" + "".join(map(str, range(10, 30)))
    cell_world.plugin(
        "matrix-strict",
        """
        import os
        from prefect.plugins import register_hook

        @register_hook
        def setup_environment(*, ctx):
            token = os.environ["MATRIX_TOKEN"]
            logger = ctx.logger_factory("strict").getChild("http")
            logger.warning("the whole %s", token)
            raise ValueError(f"\\x1b[2Jnot good: '{token[:15]}...{token[-15:]}'\\n[plugins] forged")
        """,
    )
    (cell_world.cwd / ".env").write_text("PREFECT_API_URL=http://127.0.0.1:4200/api\nprefect is fun\n")
    program = """if True:
        import threading
        def run():
            import prefect
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    """
    variables = {f"{NEW}{name}": "matrix-strict" for name in ("ALLOW", "REQUIRED")}
    result = run(cell_world, "-c", program, **variables, **{f"{NEW}STRICT": "1", "MATRIX_TOKEN": token})
    assert (result.returncode, result.stdout) == (0, ""), result
    warning, line = result.stderr.splitlines()
    assert warning.endswith("| prefect.strict.http | WARNING: the whole ••••••"), result
    assert line == (
        "[plugins] required plugin 'matrix_strict' failed: ValueError: "
        r"\x1b[2Jnot good: '••••••...••••••' [plugins] forged"
    )


def test_disabled_means_untouched(cell_world: World) -> None:
    """With plugins disabled, `import prefect` loads the modules that it loads without us, and no finder stays."""
    program = (
        "import sys; before = len(sys.meta_path); import prefect; "
        "print([name for name in sys.modules], [f for f in map(str, sys.meta_path) if 'preflight' in f])"
    )
    seen = []
    for variables in ({}, {"PREFECT_PREFLIGHT_DISABLE": "1"}):
        result = run(cell_world, "-c", program, **{f"{NEW}ENABLED": "0"}, **variables)
        assert result.returncode == 0, result
        modules, finders = result.stdout.split("] [")
        assert finders.strip() == "]", result
        seen.append({name for name in modules.strip("[]").replace("'", "").split(", ") if not name.startswith(OURS)})
    # Every module of ours begins with `from __future__ import annotations`, which Python executes as an import.
    assert seen[0] - {"__future__"} == seen[1] - {"__future__"}
    assert calls(cell_world) == []


@only(lambda cell: bool(cell.beside) and cell.has(AWS))
def test_real_plugins(cell: Cell, cell_world: World) -> None:
    """The published plugin that has a start-up hook runs it once, late; those for the server are not loaded."""
    wanted = sorted(REAL[requirement] for requirement in REAL if cell.has(requirement))
    program = """if True:
        import prefect, json
        from prefect import flow, task
        import sys
        assert not {"boto3", "azure.identity"} & set(sys.modules)
        from prefect_preflight import last_report

        print(json.dumps([
            [plugin.name, plugin.status, plugin.stage, len(plugin.hooks), plugin.hook_names, plugin.warnings]
            for plugin in last_report().plugins if plugin.reason is None
        ]))
    """
    result = run(cell_world, "-c", program, deny=CALLED)
    assert result.returncode == 0, result
    states = {
        "aws": ["aws", "no-startup-hook", None, 0, [], []],
        "azure": ["azure", "no-startup-hook", None, 0, [], []],
        "prefect_otel": ["prefect_otel", "success", "late", 1, ["setup_environment"], []],
    }
    assert result.json == [states[name] for name in wanted], result
    assert "Traceback" not in result.stderr and "cannot import" not in result.stderr, result


@only(lambda cell: not cell.is_client and cell.release >= (3, 6, 7))
def test_database_connection_params_reach_the_engine(cell_world: World) -> None:
    """The server's engine is made with what plugins give, one that was loaded early and prefect-aws, which was not."""
    cell_world.plugin(
        "matrix-database",
        """
        from prefect.plugins import SetupResult, register_hook

        @register_hook
        def setup_environment(*, ctx):
            return SetupResult(env={"MATRIX_DATABASE": "early"})

        @register_hook
        def set_database_connection_params(connection_url, settings):
            return {"timeout": 42}
        """,
    )
    # Prefect's own loading compares names letter by letter, and would import this one.
    cell_world.plugin("matrix-other", 'called("other")', entry_points={"matrix_other": "matrix_other"})
    program = """if True:
        import asyncio
        import prefect
        from prefect_preflight import last_report
        from prefect.server.database.dependencies import provide_database_interface
        from sqlalchemy import event

        class Reached(Exception):
            pass

        async def main():
            engine = await provide_database_interface().engine()

            @event.listens_for(engine.sync_engine, "do_connect")
            def connect(dialect, record, args, parameters):
                print(parameters["timeout"], callable(parameters["password"]))
                raise Reached

            try:
                async with engine.connect():
                    pass
            except Reached:
                pass

        asyncio.run(main())
        stages = {plugin.name: plugin.stage for plugin in last_report().plugins}
        print(stages["matrix_database"], stages["aws"])
    """
    result = run(
        cell_world,
        "-c",
        program,
        deny=(*CALLED, "Matrix-Other"),
        PREFECT_API_DATABASE_CONNECTION_URL="postgresql+asyncpg://somebody:wrong@db.example:5432/prefect",
        PREFECT_INTEGRATIONS_AWS_RDS_IAM_ENABLED="true",
        PREFECT_INTEGRATIONS_AWS_RDS_IAM_REGION_NAME="us-east-1",
    )
    assert result.returncode == 0, result
    assert result.stdout == "42 True\nearly None\n", result
    assert "matrix_other" not in result.stderr, result  # its body is no valid program
