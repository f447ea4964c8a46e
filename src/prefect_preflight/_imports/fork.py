"""A process that is forked while hooks run: Prefect can be imported there as if nobody had begun to.

Of the threads of a process only the forking one exists in the child (fork(2)). What the others were at stays half done
for good: the import of Prefect, and the module locks of the import system, which nobody will release. An `import
prefect` in the child would wait for the importing thread for ever. So the child puts in order what concerns imports,
once, while it has but one thread.
"""

from __future__ import annotations

import os
import sys
from _thread import get_ident

from prefect_preflight._redaction.outlet import complain
from prefect_preflight._state import finish, forget_asking, state

from . import cpython
from .workers import working_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Protocol

    class UnderWay(Protocol):
        """What is asked of an import of Prefect that is under way: see `_stages.PrefectImport`."""

        module: ModuleType
        body_executed: bool

        def forget_refresh_in_child(self, by_hook: bool) -> None: ...
        def forget_in_child(self, by_hook: bool) -> None: ...
        def new_modules(self) -> list[str]: ...


_registered = False


def register() -> None:
    """Have children put in order, from now on; once per process, since a registration cannot be taken back."""
    global _registered
    if not _registered and hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
        _registered = True
        os.register_at_fork(after_in_child=_in_child)


def _in_child() -> None:
    try:
        # A child of a hook's worker is a process of its own: what may be imported early, or after the
        # deadline, is no matter for it.
        by_hook = working_for.get() is not None
        working_for.set(None)
        forget_asking()
        run = state.run
        if run is not None and state.phase == "running" and run.thread != get_ident():
            _repair(run, by_hook)
        elif run is not None:
            run.forget_refresh_in_child(by_hook)
    except Exception as error:  # Python would print a traceback and go on
        complain(f"a process forked while hooks ran may not be able to import Prefect: {error!r}")


def _repair(run: UnderWay, by_hook: bool) -> None:
    half_done = cpython.forget_other_threads() if cpython.usable() else set()
    run.forget_in_child(by_hook)
    if run.body_executed:
        # Prefect is complete, only the plugins that run after it are not.
        cpython.count_as_initialized(run.module)
        half_done.discard("prefect")
        finish()
    else:
        half_done.add("prefect")
        half_done.update(run.new_modules())
        state.phase = "waiting"
    for name in half_done:
        sys.modules.pop(name, None)
