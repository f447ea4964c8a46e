"""A stand-in for Prefect: installed like it, shaped like it, started in a fraction of its time.

It has what matters about the real package: a body with a circular import, names that are imported lazily by the
package's ``__getattr__``, settings that are read from the environment and kept, a plugin runner of its own at
the end of its body (`NEW`) or none (`OLD`). The body notes when and how often it was executed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worlds import World

_BODY = """
import sys, time
_began = time.clock_gettime(time.CLOCK_MONOTONIC)
vars(sys).setdefault("chaos_bodies", []).append(sorted(name for name in sys.modules if name.startswith("prefect.")))
from prefect import context
from prefect.flows import Flow

{runner}

def __getattr__(name):
    if name in ("flow", "task"):
        from prefect import main
        return getattr(main, name)
    raise AttributeError(f"module 'prefect' has no attribute {{name!r}}")

{call}
COMPLETE = True
sys.chaos_body_seconds = time.clock_gettime(time.CLOCK_MONOTONIC) - _began
"""
_RUNNER = """
def _initialize_plugins():
    try:
        import asyncio
        from prefect.plugins import run_startup_hooks
        asyncio.run(run_startup_hooks(None))
    finally:
        sys.chaos_native = vars(sys).get("chaos_native", 0) + 1
"""
_MODULES = {
    "context": """
import os
class Settings:
    def __init__(self):
        self.seen = dict(os.environ)
def root_settings_context():
    return Settings()
GLOBAL_SETTINGS_CONTEXT = root_settings_context()
""",
    # As in Prefect, this module and the next need one another, and one of them needs the package.
    "flows": """
import prefect
import prefect.context
class Flow:
    def run(self):
        from prefect.main import task
        return task
""",
    "main": """
from prefect.flows import Flow
import prefect.tasks
def flow(function):
    return Flow()
task = prefect.tasks.task
""",
    "tasks": """
import prefect.flows
def task(function):
    return function
""",
    "settings": "from prefect.context import GLOBAL_SETTINGS_CONTEXT\n",
}
_PLUGINS = {
    "new": """
import sys
class SetupResult:
    def __init__(self, env, note=None, required=False):
        self.env, self.note, self.required = env, note, required
def register_hook(function=None, **options):
    def mark(function):
        setattr(function, "prefect-experimental_impl", options)
        return function
    return mark if function is None else mark(function)
async def run_startup_hooks(ctx):
    sys.chaos_native_run = True
""",
    "old": "def load_prefect_collections():\n    return {}\n",
}


def install(world: World, kind: str) -> None:
    """Installs the stand-in into a world.

    Args:
        world: The world.
        kind: "new" for one with a plugin runner of its own, "old" for one without.
    """
    has_runner = kind == "new"
    body = _BODY.format(runner=_RUNNER if has_runner else "", call="_initialize_plugins()" if has_runner else "")
    files = {f"prefect/{name}.py": text for name, text in {**_MODULES, "plugins": _PLUGINS[kind]}.items()}
    version = "3.88.0" if has_runner else "3.44.0"
    world.plugin("prefect", body, entry_points={}, module="prefect", version=version, extra_files=files)
