"""The stand-in for Prefect: installed like it, shaped like it, started in a fraction of its time, on every Python.

It has what matters about the real package: a body with a circular import, names that are imported lazily by the
package's ``__getattr__``, settings that are read from the environment and kept, a plugin runner of its own at the end
of its body or none. For what concerns the interpreter and us rather than Prefect; what Prefect itself does, tests see
on Prefect itself.

For the tests: the body notes in ``SEEN`` what a hook has set by then and in ``sys.executed`` which modules were
executed; ``STANDIN_PACE=1`` makes them take as long as those of a small real package, so that threads can meet in them;
``BODY_IMPORTS`` names a module that the body imports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import interpreters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hosts import Host, Hosts
    from worlds import World

VERSION = "3.99.0"

_HEAD = """
import os, sys, time
vars(sys).setdefault("executed", []).append(__name__)
SEEN = os.environ.get("TOKEN") or os.environ.get("EARLY")
def _take(seconds):
    pace = os.environ.get("STANDIN_PACE")
    if pace:
        time.sleep(float(pace) * seconds)
"""
# Not `time.monotonic`, which freezegun stops; Windows has nothing else.
_BODY = """
_clock = (lambda: time.clock_gettime(time.CLOCK_MONOTONIC)) if hasattr(time, "clock_gettime") else time.monotonic
_began = _clock()
vars(sys).setdefault("bodies", []).append(sorted(name for name in sys.modules if name.startswith("prefect.")))
__version__ = "3.99.0"
_take(0.1)
if os.environ.get("BODY_IMPORTS"):
    __import__(os.environ["BODY_IMPORTS"])
from prefect import context
from prefect.settings import url
from prefect.flows import Flow

{runner}

def __getattr__(name):
    if name in ("flow", "task"):
        from prefect import main
        return getattr(main, name)
    raise AttributeError(f"module 'prefect' has no attribute {{name!r}}")

{call}
DONE = True
sys.body_seconds = _clock() - _began
"""
_RUNNER = """
def _initialize_plugins():
    try:
        import asyncio
        from prefect.plugins import run_startup_hooks
        asyncio.run(run_startup_hooks(None))
    finally:
        sys.native_runs = vars(sys).get("native_runs", 0) + 1
"""
_MODULES = {
    "context.py": """
class Settings:
    def __init__(self):
        self.seen = dict(os.environ)
def root_settings_context():
    return Settings()
GLOBAL_SETTINGS_CONTEXT = root_settings_context()
""",
    "settings.py": """
_take(0.02)
from prefect.context import GLOBAL_SETTINGS_CONTEXT
url = "x"
""",
    # As in Prefect, this module and the next two need one another, and one of them needs the package.
    "flows.py": """
import prefect
import prefect.context, prefect.settings
_take(0.05)
class Flow:
    def __init__(self, function=None):
        self.fn = function
    def run(self):
        from prefect.main import task
        return task
def flow(function):
    return Flow(function)
""",
    "main.py": """
from prefect.flows import Flow, flow
import prefect.tasks
task = prefect.tasks.task
""",
    "tasks.py": """
import prefect.flows
_take(0.05)
def task(function):
    return function
""",
    "client/__init__.py": "",
    "client/orchestration.py": """
from prefect.tasks import task
from prefect import url
_take(0.05)
client = 1
""",
    "blocks/__init__.py": "from prefect import flow\n",
}
_PLUGINS = {
    True: """
native = True
class SetupResult:
    def __init__(self, env, note=None, required=False):
        self.env, self.note, self.required = env, note, required
def register_hook(function=None, **options):
    def mark(function):
        setattr(function, "prefect-experimental_impl", options)
        return function
    return mark if function is None else mark(function)
async def run_startup_hooks(ctx):
    sys.native_hooks = True
""",
    False: "native = True\ndef load_prefect_collections():\n    return {}\n",
}


def install(
    world: World,
    *,
    runner: bool = False,
    body: str | None = None,
    distribution: str = "prefect",
    extra_files: Mapping[str, str] | None = None,
) -> None:
    """Installs the stand-in into a world.

    Args:
        world: The world.
        runner: Whether it has a plugin runner of its own, as Prefect has from 3.4.24 on.
        body: Another text for its ``__init__.py``.
        distribution: The name of the distribution that it belongs to.
        extra_files: More files, by their path on the world's path.
    """
    texts = {**_MODULES, "plugins.py": _PLUGINS[runner]}
    files = {f"prefect/{path}": _HEAD + text for path, text in texts.items()}
    if body is None:
        body = _HEAD + _BODY.format(runner=_RUNNER if runner else "", call="_initialize_plugins()" if runner else "")
    world.plugin(
        distribution,
        body,
        entry_points={},
        module="prefect",
        version=VERSION,
        extra_files={**files, **(extra_files or {})},
    )


def world_on(
    hosts: Hosts, new_world: Callable[[Host], World], version: str, extra_files: Mapping[str, str] | None = None
) -> World:
    """Returns a world with the stand-in on a Python of ``version``; skips the test where this machine has none."""
    if not interpreters.find(version):
        pytest.skip(f"no Python {version} on this machine")
    world = new_world(hosts(python=version))
    install(world, extra_files=extra_files)
    return world
