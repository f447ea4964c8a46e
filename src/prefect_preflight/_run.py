"""One `import prefect` with plugins enabled: its three stages, and what is tidied up after them."""

from __future__ import annotations

import os
import sys
from _thread import get_ident  # not `threading`, which is not needed unless there are plugins

from . import _bridge, _environment, _nested, _supersede
from ._discovery import discover

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import ExitStack
    from types import ModuleType
    from typing import Any, Callable

    from ._discovery import Candidate
    from ._gate import Gate
    from ._host import Host
    from ._redaction import Redactor
    from ._runner import Runner
    from ._settings import Settings


class Run:
    """What `_loader` takes through the stages, and `report` tells about afterwards."""

    def __init__(self, module: ModuleType, host: Host, settings: Settings) -> None:
        self.module = module
        self.host = host
        self.settings = settings
        self.candidates: list[Candidate] = []
        self.runner: Runner | None = None
        self.redactor: Redactor | None = None
        self.superseded = False  # whether a native plugin runner was taken out of Prefect's body
        self.inside_hook = False  # whether a hook of an ancestor started this process
        self.strict_exit: str | None = None
        self.thread = get_ident()  # the importing one
        self.body_executed = False
        self.internal_errors: list[str] = []
        self._new_runner: Callable[..., Runner] | None = None
        self._gate: Gate | None = None
        self._resources: ExitStack | None = None
        self._modules_before = frozenset(name for name in sys.modules if name.startswith("prefect."))

    def early(self) -> None:
        """Run the plugins' hooks, before any Prefect code."""
        _environment.apply({**self.settings.exports, **_supersede.variables_for_native(self.host.version)})
        self.inside_hook = _nested.inside_hook()
        if self.inside_hook:
            return
        self.candidates = discover(self.settings)
        if self.candidates:
            self._prepare()
            self._run_early()
        self._check_strictly()

    def _prepare(self) -> None:
        # Imported only now: in most processes with plugins enabled but none installed, none of it is needed.
        from contextlib import ExitStack
        from functools import partial

        from . import _fork, _inherit
        from ._gate import Gate
        from ._importlock import shared_with_workers
        from ._logging import make_logger_factory, shown
        from ._redaction import Redactor
        from ._runner import Runner
        from .api import HookContext

        _fork.register()
        self.redactor = Redactor()
        for name, value in os.environ.items():  # what a hook was given it may log, or raise with, as well
            self.redactor.learn(name, value)
        logger_factory = make_logger_factory(self.redactor)
        context = HookContext(self.host.version, self.settings.api_url, logger_factory)
        logger = logger_factory("prefect.plugins")
        self._new_runner = partial(Runner, self.settings, context=context, redactor=self.redactor, logger=logger)
        inherited = _inherit.recall(self.candidates, self.settings)
        self.runner = self._new_runner(self.candidates, inherited=inherited)
        self._gate = Gate(self.module, self.host.version)
        self._resources = ExitStack()
        self._resources.enter_context(shared_with_workers(self.module))
        self._resources.enter_context(shown(self.settings.logging_level))

    def _run_early(self) -> None:
        assert self._gate is not None and self.runner is not None
        self._gate.close()
        try:
            with _nested.marked_for_children(self.settings.setup_timeout_seconds):
                self.runner.early()
        finally:
            self._gate.open()
            if not self.runner.stragglers:
                self._gate.leave()

    def body(self, loader: Any) -> None:
        """Let Prefect's own loader execute Prefect's body, the native plugin runner in it superseded."""
        _bridge.ApiFinder.install()
        if self.runner is not None:
            from ._modulelocks import take_over_from_waiting

            take_over_from_waiting("prefect")
        with _supersede.superseding_native_runner(loader) as done:
            loader.exec_module(self.module)
        self.body_executed = True
        self.superseded = any(done)
        if self.superseded:
            _supersede.load_as_native(self.host.version)

    def late(self) -> None:
        """Run the plugins that need Prefect itself, and wait for the stragglers of the early stage."""
        runner = self.runner
        if runner is None or not runner.unfinished:
            return
        from ._modulelocks import load_what_is_held

        load_what_is_held("prefect")  # outside of the deadline: it is Prefect's own time
        self._run_late(runner)
        self._check_strictly()

    def _run_late(self, runner: Runner) -> None:
        writes = runner.writes
        with _nested.marked_for_children(runner.deadline.remaining()):
            runner.late()
        if runner.writes > writes:
            _supersede.refresh_settings()

    def refresh(self) -> None:
        """Run again, in the calling thread, the plugins whose environment has expired, or nearly so.

        Raises:
            SystemExit: in strict mode, if a required one failed.
        """
        from time import time

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
        with shown(self.settings.logging_level):
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

    def close(self, completed: bool) -> None:
        """Take back what was only for the time of the import; after a failure, all of Prefect that was loaded."""
        if self.runner is not None and self._gate is not None:
            self.runner.give_up()
            if self.runner.stragglers:
                self._gate.stay()
            else:
                self._gate.leave()
        if self._resources is not None:
            self._resources.close()
        if completed:
            self._leave_note()
        else:
            for name in self.new_modules():
                sys.modules.pop(name, None)
        self._write_report()

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
        if self._gate is not None:
            self._gate.leave()
        if self._resources is not None:
            self._resources.close()
