"""Run Prefect's plugin start-up hooks before any Prefect code executes.

Every Python process of the environment executes this file (`prefect_preflight.pth` calls `init`), so it
imports nothing but `sys`, defines no class, and leaves all work to the first `import prefect`: see `_loader`.

PYTEST_DONT_REWRITE: the package brings a pytest plugin, and it is imported before pytest could rewrite it, about
which pytest would warn in every session.
"""

import sys

# Kept for hooks' threads, before gevent or eventlet can replace them: see `_threads`. `_thread` is built in and loaded.
from _thread import RLock as _RLock
from _thread import allocate_lock as _allocate_lock
from _thread import start_new_thread as _start_new_thread

TYPE_CHECKING = False  # a type checker takes this name for true; importing it from `typing` would load `typing`
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Optional

    # All public names, for type checkers; `__getattr__` finds them at run time.
    from . import _public
    from ._public import *  # noqa: F403
    from ._version import __version__ as __version__

    __all__ = ["init"]
    __all__ += _public.__all__


def init() -> None:
    """Register this module as a meta-path finder, once per interpreter; what the start-up files call.

    Does nothing in a process whose `PREFECT_PREFLIGHT_DISABLE` is true. Never raises and never prints.
    """
    try:
        finder: Any = sys.modules[__name__]
        # Idempotent, since up to Python 3.14 a virtual environment executes each `.pth` line twice
        # (cpython#75723).
        if finder in sys.meta_path:
            return
        from os import environ  # costs nothing: `site` imported `os` before it read the first `.pth` file

        if environ.get("PREFECT_PREFLIGHT_DISABLE", "").lower() not in ("1", "true", "t", "yes", "y", "on"):
            sys.meta_path.insert(0, finder)
    except Exception:
        pass


# The finder is this module itself: the import system asks an entry of `sys.meta_path` for `find_spec` only
# (PEP 451), and a class would be one more object to build at every start of every Python.
def find_spec(
    name: "str", path: "Optional[Sequence[str]]" = None, target: "Optional[ModuleType]" = None
) -> "Optional[ModuleSpec]":
    """Answer for `prefect` with the spec that the other finders give, its loader wrapped (PEP 451).

    Runs no plugin: anyone may call it just to look. None for every other name.
    """
    if name != "prefect":
        return None
    try:
        from ._loader import find_staged_spec

        return find_staged_spec(path, target)
    except Exception as error:  # our own error is never the host's: Prefect loads as if we were not installed
        if sys.stderr is not None:
            sys.stderr.write(f"prefect-preflight: no plugin hooks run, {type(error).__name__}: {error}\n")
        return None


def __getattr__(name: str) -> "Any":
    """Import the public names at first use (PEP 562), so that start-up does not pay for them."""
    # What others ask each finder for, and what `from . import …` does before it imports a module.
    if name in ("find_distributions", "invalidate_caches") or (
        name[:1] == "_" and name not in ("__all__", "__version__")
    ):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ._public import look_up

    return look_up(name)


def __dir__() -> "list[str]":
    from ._public import look_up

    return sorted({*globals(), *look_up("__all__")})
