"""One `import prefect` with plugins enabled: its three stages, and what is tidied up after them."""

from __future__ import annotations

import os
import sys
from _thread import get_ident  # not `threading`, which is not needed unless there are plugins

from . import _bridge, _environment, _nested, _supersede

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import ExitStack
    from types import ModuleType
    from typing import Any, Callable

    from ._discovery import Candidate
    from ._host import Host
    from ._imports.room import WaitingRoom
    from ._redaction import Redactor
    from ._runner import Runner
    from ._settings import Settings


_PATIENCE = 0.2  # seconds that a failing import waits for hooks that have been given up, and hear of it soon


def find_candidates(settings: Settings) -> list[Candidate]:
    """The plugins that there are, none in a process that a hook started; imports what is needed to run them, if any.

    In most processes with plugins enabled but none installed, none of it is needed.
    """
    if _nested.inside_hook():
        return []
    from ._discovery import discover

    candidates = discover(settings)
    if candidates:
        from . import _inherit, _logging, _redaction, _runner, api  # noqa: F401  # for their time, not their names
        from ._imports import fork, room  # noqa: F401
    return candidates


class Run:
    """What `_loader` takes through the stages, and `report` tells about afterwards."""

    def __init__(self, module: ModuleType, host: Host, settings: Settings, candidates: list[Candidate]) -> None:
        self.module = module
        self.host = host
        self.settings = settings
        self.candidates = candidates
        self.runner: Runner | None = None
        self.redactor: Redactor | None = None
        self.superseded = False  # whether a native plugin runner was taken out of Prefect's body
        self.inside_hook = _nested.inside_hook()  # whether a hook of an ancestor started this process
        self.strict_exit: str | None = None
        self.thread = get_ident()  # the importing one
        self.body_executed = False
        self.internal_errors: list[str] = []
        self._new_runner: Callable[..., Runner] | None = None
        self._room: WaitingRoom | None = None  # None: hooks run after the body, in the importing thread
        self._resources: ExitStack | None = None
        self._modules_before = frozenset(name for name in sys.modules if name.startswith("prefect."))

    def early(self) -> None:
        """Run the plugins' hooks, before any Prefect code."""
        if self.candidates:
            self._open_room()
        _environment.apply({**self.settings.exports, **_supersede.variables_for_native(self.host.version)})
        if self.inside_hook:
            return
        if self.candidates:
            self._make_runner()
            self._run_early()
        self._check_strictly()

    def _open_room(self) -> None:
        """Have Prefect not exist, first of all; if the import system is as we know it."""
        from ._imports import cpython, fork
        from ._imports.room import WaitingRoom

        fork.register()
        if cpython.usable():
            self._room = room = WaitingRoom(self.module.__name__)
            try:
                room.open()
            except cpython.DeadlockError:
                self._close_room()

    def _close_room(self) -> None:
        if self._room is not None:
            self._room.close(stragglers=self.runner is not None and self.runner.stragglers)

    def _make_runner(self) -> None:
        from contextlib import ExitStack
        from functools import partial

        from . import _inherit
        from ._logging import make_logger_factory, shown
        from ._redaction import Redactor
        from ._runner import Runner
        from .api import HookContext

        self.redactor = Redactor()
        for name, value in os.environ.items():  # what a hook was given it may log, or raise with, as well
            self.redactor.learn(name, value)
        logger_factory = make_logger_factory(self.redactor)
        context = HookContext(self.host.version, self.settings.api_url, logger_factory)
        logger = logger_factory("prefect.plugins")
        self._new_runner = partial(Runner, self.settings, context=context, redactor=self.redactor, logger=logger)
        inherited = _inherit.recall(self.candidates, self.settings)
        self.runner = self._new_runner(self.candidates, inherited=inherited)
        self._resources = ExitStack()
        self._resources.enter_context(shown(self.settings.logging_level))

    def _run_early(self) -> None:
        """Run hooks now, if there is a room for those who need Prefect, and threads; else all in this one, late."""
        runner, room = self.runner, self._room
        if runner is None or not runner.unfinished:
            return
        if room is None or not room.is_open or not runner.can_use_threads():
            self._close_room()
            runner.run_inline()
            return
        served = _bridge.serve_early(room.answer)
        try:
            _nested.mark(self.settings.setup_timeout_seconds)
            runner.early(room)
        finally:
            _nested.unmark()
            _bridge.withdraw(served)

    def let_prefect_exist(self) -> None:
        """Prepare the body: the early stage is over."""
        _bridge.ApiFinder.install()
        if self._room is not None:
            self._room.begin_body()

    def body(self, loader: Any) -> None:
        """Let Prefect's own loader execute Prefect's body, the native plugin runner in it superseded."""
        with _supersede.superseding_native_runner(loader) as done:
            loader.exec_module(self.module)
        self.body_executed = True
        self.superseded = any(done)
        if self.superseded:
            _supersede.load_as_native(self.host.version)

    def late(self) -> None:
        """Let the plugins go on that need Prefect itself, and wait for the stragglers of the early stage."""
        if self.runner is not None and self.runner.unfinished:
            self._run_late(self.runner)
            self._check_strictly()

    def _run_late(self, runner: Runner) -> None:
        writes = runner.writes
        try:
            _nested.mark(runner.deadline.remaining())
            runner.late()
        finally:
            _nested.unmark()
        if runner.writes > writes:
            _supersede.refresh_settings()

    def refresh(self) -> None:
        """Run again, in the calling thread, the plugins whose environment has expired, or nearly so.

        Raises:
            SystemExit: in strict mode, if a required one failed.
        """
        from time import time

        from ._imports.room import workers_pass
        from ._logging import shown

        before, now = self.runner, time()
        if before is None or self._new_runner is None:
            return
        expired = {
            plugin.candidate: plugin for plugin in before.plugins if plugin.due is not None and now >= plugin.due
        }
        if not expired:
            return
        runner = self._new_runner(list(expired), inherited={})
        if not runner.can_use_threads():
            runner.run_inline()
        with shown(self.settings.logging_level), workers_pass():
            self._run_late(runner)
        for plugin in runner.plugins:
            if plugin.status != "success":  # what it set has still expired: the next refresh tries again
                plugin.due = expired[plugin.candidate].due
        renewed = {plugin.candidate: plugin for plugin in runner.plugins}
        before.plugins = [renewed.get(plugin.candidate, plugin) for plugin in before.plugins]
        self._leave_note()
        try:
            self._check_strictly()
        finally:
            self._write_report()

    def _leave_note(self) -> None:
        """Tell descendants what they need not do again."""
        if self.runner is not None and any(plugin.inherit for plugin in self.runner.plugins):
            from . import _inherit

            note = _inherit.note(self.runner.plugins, self.settings)
            if note is not None:
                _environment.apply({_inherit.NOTE: note})

    def _check_strictly(self) -> None:
        """Exit, in strict mode, if a required plugin is known to have failed.

        Raises:
            SystemExit: with one line that names the plugin, and the status 1.
        """
        if self.settings.strict:
            self.strict_exit = self._last_words()
            if self.strict_exit is not None:
                raise SystemExit(self.strict_exit)

    def _last_words(self) -> str | None:
        """What strict mode has to say, redacted.

        A function of its own: whoever raises the exit has no error message in its local variables as the plugin wrote
        it, which a renderer of tracebacks would print.
        """
        from . import _strict

        found = _strict.failures(self.settings, self.runner.plugins if self.runner else ())
        if not found:
            return None
        from ._respawn import pause_in_pool_worker

        text = _strict.message(found) + pause_in_pool_worker()
        return self.redactor.text(text) if self.redactor else text

    def complete(self) -> None:
        """Take back what was only for the time of the import, and leave what descendants and reports need."""
        if self._room is not None:
            self._room.import_what_is_wanted()
        self._close()
        self._leave_note()
        self._write_report()

    def undo(self) -> None:
        """The import has failed: take back all of it, and all of Prefect that was loaded.

        Whatever the import has come to by then, and once more if an interrupt ended this halfway.
        """
        _nested.unmark()
        self._close()
        if self.runner is not None:
            # In the middle of an application's module a hook still keeps its lock, and others would get a partial
            # module.
            self.runner.wait_for_stragglers(_PATIENCE)
        for name in self.new_modules():
            sys.modules.pop(name, None)
        self._write_report()

    def _close(self) -> None:
        if self.runner is not None:
            self.runner.give_up()
        self._close_room()
        if self._resources is not None:
            self._resources.close()

    def _write_report(self) -> None:
        if os.environ.get("PREFECT_PREFLIGHT_REPORT_DIR"):
            from . import _report_file  # only where it is asked for

            _report_file.write(self)

    def new_modules(self) -> list[str]:
        """The names of the modules of Prefect that were loaded since the run began."""
        names = [name for name in list(sys.modules) if name.startswith("prefect.")]
        return [name for name in names if name not in self._modules_before]

    def forget_in_child(self) -> None:
        """Take back, in a child that was forked during the run, what is only for the time of the import."""
        self.inside_hook = True
        if self._room is not None:
            self._room.forget_in_child()
        if self._resources is not None:
            self._resources.close()
