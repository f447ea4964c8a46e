"""A process that is forked while hooks run: Prefect can be imported there as if nobody had begun to.

Of the threads of a process only the forking one exists in the child (fork(2)). What the others were at stays
half done for good: the import of Prefect, the module locks of the import system, which nobody will release,
our gate, which nobody will open. An `import prefect` in the child would wait for the importing thread for
ever. So the child puts in order what concerns imports, once, while it has but one thread.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from threading import get_ident

from . import _bridge, _importlock, _loader, _modulelocks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._run import Run

_registered = False


def register() -> None:
    """Have children repaired, from now on; once per process, since a registration cannot be taken back."""
    global _registered
    if not _registered and hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
        _registered = True
        os.register_at_fork(after_in_child=_in_child)


def _in_child() -> None:
    try:
        # A child of a hook's worker is a process of its own: what may be imported early, or after the
        # deadline, is no matter for it.
        _importlock.working_for.set(None)
        _bridge.asking.clear()  # the idents in it, those of lost threads, are given to new ones
        run = _loader.state.run
        if run is not None and _loader.state.phase == "running" and run.thread != get_ident():
            _repair(run)
    except Exception as error:  # Python would print a traceback and go on
        _loader.complain(f"a process forked while hooks ran may not be able to import Prefect: {error!r}")


def _repair(run: Run) -> None:
    if _loader.state.hold is not None:
        _loader.state.hold.release()
    half_done = _modulelocks.forget_other_threads()
    run.forget_in_child()
    if run.body_executed:
        # Prefect is complete, only the plugins that run after it are not.
        if run.module.__spec__ is not None:
            run.module.__spec__._initializing = False  # type: ignore[attr-defined]  # private, as in `_importlock`
        half_done.discard("prefect")
        _loader.finish()
    else:
        half_done.add("prefect")
        half_done.update(run.new_modules())
        # The plugin may have bound the package that is now nobody's: its names are those of the next one.
        run.module.__dict__["__getattr__"] = _attribute_of_successor
        _loader.state.phase = "waiting"
    for name in half_done:
        sys.modules.pop(name, None)


def _attribute_of_successor(name: str) -> Any:
    """`__getattr__` of the package object that was given up (PEP 562)."""
    successor = import_module("prefect")
    if successor.__dict__.get("__getattr__") is _attribute_of_successor:  # it is still the one that asks
        raise AttributeError(f"module 'prefect' has no attribute {name!r}")
    return getattr(successor, name)
