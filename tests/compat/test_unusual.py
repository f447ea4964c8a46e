"""Where Prefect, or what loads it, is not as expected: hooks run once all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugins import CALLED, LATE
from test_matrix import calls, only, run

if TYPE_CHECKING:
    from cells import Cell

    from worlds import World


def is_typical(cell: Cell) -> bool:
    """Whether the cell stands for the others: without a native system, with the first one, with today's."""
    return not cell.is_client and cell.prefect in ("3.4.23", "3.4.24", "3.8.8")


@only(is_typical)
def test_a_loader_that_executes_prefect_itself(cell_world: World) -> None:
    """Where Prefect's code cannot be had before it runs, its native runner finds ours, and runs no hook again."""
    program = """if True:
        import sys
        from importlib.machinery import PathFinder

        class Loader:
            def create_module(self, spec):
                return None

            def exec_module(self, module):
                with open(module.__file__) as file:
                    exec(compile(file.read(), module.__file__, "exec"), module.__dict__)

        class Finder:
            @staticmethod
            def find_spec(name, path=None, target=None):
                if name != "prefect":
                    return None
                spec = PathFinder.find_spec(name, path)
                spec.loader = Loader()
                return spec

        sys.meta_path.insert(1, Finder)  # behind ours
        import prefect
        from prefect_preflight import last_report

        assert type(prefect.__spec__.loader) is Loader, prefect.__spec__
        assert not hasattr(prefect.__spec__.loader, "get_code")
        assert last_report().outcome == "success"
        print(last_report().prefect.native_runner)
    """
    result = run(cell_world, "-c", program)
    assert result.returncode == 0, result
    assert "superseded" not in result.stdout, result
    assert calls(cell_world) == sorted(CALLED), result


@only(lambda cell: not cell.is_client and cell.prefect == "3.8.8")
def test_the_native_runner_by_its_private_name(cell_world: World) -> None:
    """Whoever awaits Prefect's runner from where it is defined is told of our run, and no hook runs again."""
    program = """if True:
        import asyncio
        import prefect
        from prefect._internal.plugins.startup import run_startup_hooks

        print(len(asyncio.run(run_startup_hooks(None))))
    """
    result = run(cell_world, "-c", program)
    assert result.stdout == f"{len(CALLED)}\n", result
    assert calls(cell_world) == sorted(CALLED)


@only(is_typical)
def test_a_late_value_that_prefect_refuses(cell_world: World) -> None:
    """A late plugin's bad value is one line; Prefect keeps the settings that it had, and the import goes on."""
    cell_world.plugin(
        "matrix-wrong",
        """
        import prefect.settings
        from prefect.plugins import SetupResult, register_hook

        @register_hook
        def setup_environment(*, ctx):
            prefect.settings.PREFECT_API_REQUEST_TIMEOUT.value()
            return SetupResult(env={"PREFECT_API_REQUEST_TIMEOUT": "soon"})
        """,
    )
    program = "from prefect.settings import PREFECT_API_REQUEST_TIMEOUT as timeout; print(timeout.value())"
    result = run(cell_world, "-c", program, deny=(*LATE, "aws", "azure", "prefect_otel"))
    assert result.returncode == 0, result
    assert result.stdout == "60.0\n", result
    assert result.stderr.count("Prefect's settings stay as they were before the late plugins: ") == 1, result
    assert "Traceback" not in result.stderr, result
