"""The set of plugins that every cell of the matrix is given, and what they must come to everywhere.

Each of them imports the plugin API from another of its places, sets a variable of its own, and appends its
name to the file that `MATRIX_CALLS` names, so that calls can be counted over a whole process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worlds import World

EARLY_URL = "http://early.example/api"
LATE_URL = "http://late.example/api"

# What a hook of the early stage must not find loaded: anything of Prefect but the names that are served.
_PRELUDE = """
import os, sys

def called(name):
    with open(os.environ["MATRIX_CALLS"], "a") as file:
        print(name, file=file)

def prefect_modules():
    served = ("prefect.plugins", "prefect._experimental")
    return [name for name in sys.modules if name.startswith("prefect.") and not name.startswith(served)]
"""

SOURCES = {
    # As in the documentation: the older name, a decorated function in the module.
    "early-function": """
        from prefect._experimental.plugins import register_hook, HookContext, SetupResult

        PREFECT_PLUGIN_API_REQUIRES = ">=0.1,<1"

        @register_hook
        def setup_environment(*, ctx: HookContext) -> SetupResult:
            called("early-function")
            assert isinstance(ctx, HookContext)
            env = {
                "MATRIX_EARLY_FUNCTION": "set",
                "MATRIX_LOADED_BEFORE": ",".join(prefect_modules()) or "nothing",
                "MATRIX_VERSION": ctx.prefect_version,
                "MATRIX_URL_BEFORE": str(ctx.api_url),
            }
            logger = ctx.logger_factory("early-function")
            logger.debug("a detail")
            logger.info("early and informed")
            return SetupResult(env=env, note="from the early function", required=True)
        """,
    "early-async": """
        import asyncio

        from prefect.plugins import register_hook, HookContext, SetupResult

        @register_hook
        async def setup_environment(*, ctx: HookContext) -> SetupResult:
            called("early-async")
            await asyncio.sleep(0.01)
            loaded = await asyncio.to_thread(prefect_modules)
            return SetupResult(env={"MATRIX_EARLY_ASYNC": "set" if not loaded else str(loaded)})
        """,
    "class-instance": """
        from datetime import datetime, timezone

        from prefect._experimental.plugins.diagnostics import SetupSummary
        from prefect._experimental.plugins.manager import register_hook
        from prefect._experimental.plugins.spec import HookContext, HookSpec, SetupResult

        class MyPlugin:
            def __init__(self):
                self.state = "from its state"

            @register_hook
            def setup_environment(self, *, ctx: HookContext):
                called("class-instance")
                expires_at = datetime(2100, 1, 1, tzinfo=timezone.utc)
                return SetupResult(env={"MATRIX_CLASS_INSTANCE": self.state}, expires_at=expires_at)

        Plugin = MyPlugin()
        """,
    "late": """
        from prefect import flow
        from prefect.plugins import register_hook, SetupResult

        @flow
        def a_flow():
            return 1

        @register_hook
        def setup_environment(*, ctx):
            called("late")
            ctx.logger_factory("late").info("late and informed")
            return SetupResult(env={"MATRIX_LATE": a_flow.name})
        """,
    "lazy": """
        from prefect.plugins import register_hook, SetupResult

        @register_hook
        def setup_environment(*, ctx):
            from prefect.settings import PREFECT_API_URL

            called("lazy")
            return SetupResult(env={"MATRIX_LAZY": str(PREFECT_API_URL.value())})
        """,
    "swallowing": """
        try:
            from prefect import task
        except ImportError:
            task = None

        from prefect._experimental.plugins import register_hook, SetupResult

        @register_hook
        def setup_environment(*, ctx):
            called("swallowing")
            return SetupResult(env={"MATRIX_SWALLOWING": "without Prefect" if task is None else "with Prefect"})
        """,
    "a-consumer": """
        from prefect.plugins import register_hook, SetupResult

        @register_hook
        def setup_environment(*, ctx):
            called("a-consumer")
            return SetupResult(env={"MATRIX_CONSUMED": os.environ.get("MATRIX_SECRET", "nothing") + ", consumed"})
        """,
    "z-secrets": """
        from prefect.plugins import register_hook, SetupResult

        @register_hook(tryfirst=True)
        def setup_environment(*, ctx):
            called("z-secrets")
            return SetupResult(env={"MATRIX_SECRET": "fed"})
        """,
    "url-early": f"""
        from prefect.plugins import register_hook, SetupResult

        @register_hook
        def setup_environment(*, ctx):
            called("url-early")
            return SetupResult(env={{"PREFECT_API_URL": "{EARLY_URL}"}})
        """,
    # Prefect has read its settings, with the early URL, when this hook sets another one.
    "url-late": f"""
        import prefect.settings
        from prefect.plugins import register_hook, SetupResult

        @register_hook
        def setup_environment(*, ctx):
            called("url-late")
            before = prefect.settings.PREFECT_API_URL.value()
            return SetupResult(env={{"PREFECT_API_URL": "{LATE_URL}", "MATRIX_URL_BETWEEN": str(before)}})
        """,
    # Denied in every run: its module must never be imported.
    "denied": """
        called("denied")
        """,
}

EXPECTED_ENVIRONMENT = {
    "MATRIX_EARLY_FUNCTION": "set",
    "MATRIX_LOADED_BEFORE": "nothing",
    "MATRIX_URL_BEFORE": "None",
    "MATRIX_EARLY_ASYNC": "set",
    "MATRIX_CLASS_INSTANCE": "from its state",
    "MATRIX_LATE": "a-flow",
    "MATRIX_LAZY": EARLY_URL,
    "MATRIX_SWALLOWING": "with Prefect",
    "MATRIX_SECRET": "fed",
    "MATRIX_CONSUMED": "fed, consumed",
    "MATRIX_URL_BETWEEN": EARLY_URL,
    "PREFECT_API_URL": LATE_URL,
}
"""What the hooks leave in the environment; beside it `MATRIX_VERSION`, the cell's own version."""

LATE = ("late", "lazy", "swallowing", "url-late")
"""The plugins that need Prefect itself."""

CALLED = tuple(sorted(set(SOURCES) - {"denied"}))
"""The plugins whose hook must be called, each once."""


def install(world: World) -> None:
    """Install the set for the children of `world`."""
    for name, source in SOURCES.items():
        module = f"matrix_{name.replace('-', '_')}"
        value = f"{module}:Plugin" if name == "class-instance" else module
        text = "from matrix_prelude import *\nimport os\n" + _dedented(source)
        world.plugin(f"matrix-{name}", text, module=module, entry_points={name: value})
    (world.overlay / "matrix_prelude.py").write_text(_PRELUDE)


def _dedented(source: str) -> str:
    from textwrap import dedent

    return dedent(source)
