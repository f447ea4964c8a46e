"""One `import prefect` with plugins enabled: its three stages, and what is tidied up after them.

early   the plugins' hooks run, before any Prefect code
body    Prefect's own `__init__`, without its own plugin runner
late    plugins that need Prefect itself go on
"""

import os
import sys
from _thread import get_ident  # not `threading`, which is not needed unless there are plugins

from prefect_preflight._environment import apply, inside_hook, unmark
from prefect_preflight._prefect import install, load_as_native, superseding_native_runner, variables_for_native
from prefect_preflight._settings import REPORT_DIR, REPORT_LINE, TRUE
from prefect_preflight._state import refuse, state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager, ExitStack
    from types import ModuleType
    from typing import Any, Callable

    from prefect_preflight._discovery import Candidate, InstalledPrefect
    from prefect_preflight._environment.background import BackgroundEnvironment
    from prefect_preflight._environment.direct import DirectEnvironment
    from prefect_preflight._environment.former import FormerOutput
    from prefect_preflight._imports.room import WaitingRoom
    from prefect_preflight._plugins import Plugin
    from prefect_preflight._redaction import Redactor
    from prefect_preflight._redaction.loggers import SafeLogger
    from prefect_preflight._running.waves import Runner
    from prefect_preflight._settings import Settings
    from prefect_preflight._statuses import RenewalState
    from prefect_preflight.api import HookContext


_PATIENCE = 0.2  # seconds that a failing import waits for hooks that have been given up, and hear of it soon


def find_candidates(settings: "Settings") -> "list[Candidate]":
    """The plugins that there are, none in a process that a hook started; imports what is needed to run them, if any.

    In most processes with plugins enabled but none installed, none of it is needed.
    """
    if inside_hook(settings.longest_seconds):
        return []
    from prefect_preflight._discovery import discover

    candidates = discover(settings)
    for candidate in candidates:
        if candidate.may_run and not state.loads_all:
            from prefect_preflight._discovery.source import is_for_server

            candidate.for_server = is_for_server(candidate)
    if candidates:
        # For the time that it takes, not for the names.
        import prefect_preflight._imports.fork
        import prefect_preflight._imports.room
        import prefect_preflight._redaction.loggers
        import prefect_preflight._running.waves
        import prefect_preflight.api  # noqa: F401
    return candidates


class PrefectImport:
    """What `_loader` takes through the stages, and the report tells about afterwards (`_reports.record`)."""

    def __init__(
        self, module: "ModuleType", prefect: "InstalledPrefect", settings: "Settings", candidates: "list[Candidate]"
    ) -> None:
        self.module = module
        self.prefect = prefect
        self.settings = settings
        self.candidates = candidates
        self.runner: Runner | None = None
        self.in_forked_child: Callable[[bool], None] | None = None  # what to do there, while `refresh` is under way
        self.redactor: Redactor | None = None
        self.superseded = False  # whether a native plugin runner was taken out of Prefect's body
        self.inside_hook = inside_hook(settings.longest_seconds)  # whether a hook of an ancestor started this process
        self.strict_exit: str | None = None
        self.thread = get_ident()  # the importing one
        self.under_way = True
        self.body_executed = False
        self.internal_errors: list[str] = []
        self.renewal: RenewalState = "off"
        self.renewal_reason: str | None = None  # why it is refused
        self.renews_at: float | None = None  # when the next renewal is due, in seconds since the epoch
        self._context: HookContext | None = None
        self.logger: SafeLogger | None = None
        self._told = False  # whether the line about the import was written
        self._room: WaitingRoom | None = None  # None: hooks run after the body, in the importing thread
        self._resources: ExitStack | None = None
        self._modules_before = frozenset(name for name in sys.modules if name.startswith("prefect."))

    def is_under_way_here(self) -> bool:
        """Whether the calling thread is in the middle of its stages."""
        return self.under_way and self.thread == get_ident()

    def early(self) -> None:
        """Run the plugins' hooks, before any Prefect code."""
        if any(candidate.may_run for candidate in self.candidates):
            self._open_room()
        apply({**self.settings.exports, **variables_for_native(self.prefect.version)})
        if self.inside_hook:
            return
        if self.candidates:
            self._make_runner()
            self._run_early()
        self.check_strictly()

    def _open_room(self) -> None:
        """Have Prefect not exist, first of all; if the import system is as we know it."""
        from prefect_preflight._imports import cpython, fork
        from prefect_preflight._imports.room import WaitingRoom

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

        from prefect_preflight._environment.direct import DirectEnvironment
        from prefect_preflight._environment.inherit import recall
        from prefect_preflight._redaction import Redactor
        from prefect_preflight._redaction.loggers import SafeLogger, make_logger_factory, shown
        from prefect_preflight.api import HookContext

        self.redactor = Redactor()
        self.redactor.learn_all(os.environ)  # what a hook was given it may log, or raise with, as well
        logger_factory = make_logger_factory(self.redactor)
        self._context = HookContext(self.prefect.version, self.settings.api_url, logger_factory)
        self.logger = SafeLogger(logger_factory("prefect.plugins"))
        formers = recall(self.candidates, self.settings)
        self.runner = self.new_runner(self.candidates, formers, DirectEnvironment())
        self._resources = ExitStack()
        self._resources.enter_context(shown(self.settings.logging_level, self.redactor))

    def new_runner(
        self,
        candidates: "Sequence[Candidate]",
        formers: "Mapping[Candidate, FormerOutput]",
        environment: "DirectEnvironment | BackgroundEnvironment",
        settings: "Settings | None" = None,
        logger: "SafeLogger | None" = None,
    ) -> "Runner":
        """Whoever runs plugins of this import: all of them, or some of them again.

        Args:
            candidates: the plugins.
            formers: what they set before.
            environment: what they set is applied to.
            settings: other ones than this import's.
            logger: another one than this import's.
        """
        from prefect_preflight._running.waves import Runner

        redactor, logger = self.redactor, logger or self.logger
        if redactor is None or logger is None:
            raise RuntimeError("no plugin has run")
        return Runner(settings or self.settings, candidates, self._context, redactor, logger, environment, formers)

    def _run_early(self) -> None:
        """Run hooks now, if there is a room for those who need Prefect, and threads; else all in this one, late."""
        runner, room = self.runner, self._room
        if runner is None or not runner.unfinished:
            return
        if room is None or not room.is_open or not runner.can_use_threads():
            self._close_room()
            runner.run_inline()
            return
        from prefect_preflight._prefect.plugin_api import serve_early, withdraw

        served = serve_early(room.answer)
        try:
            runner.early(room)
        finally:
            unmark()
            withdraw(served)

    def let_prefect_exist(self) -> None:
        """Prepare the body: the early stage is over."""
        install(_run_diagnose)
        if self._room is not None:
            self._room.begin_body()

    def body(self, loader: "Any") -> None:
        """Let Prefect's own loader execute Prefect's body, the native plugin runner in it superseded."""
        with superseding_native_runner(loader) as done:
            loader.exec_module(self.module)
        self.body_executed = True
        self.superseded = any(done)
        if self.superseded:
            load_as_native(self.prefect.version)

    def late(self) -> None:
        """Let the plugins go on that need Prefect itself, and wait for the stragglers of the early stage."""
        if self.runner is not None and self.runner.unfinished:
            self.run_late(self.runner)
            self.check_strictly()

    def run_late(self, runner: "Runner") -> None:
        """Run what is left to do, Prefect being there, and have Prefect see what it changed."""
        writes = runner.writes
        try:
            runner.late()
        finally:
            unmark()
        if runner.writes > writes:
            from prefect_preflight._prefect.settings_context import refresh_settings

            refresh_settings()

    def leave_note(self) -> None:
        """Tell descendants what they need not do again."""
        apply(self.note_for_descendants(os.environ))

    def note_for_descendants(
        self, environ: "Mapping[str, str]", plugins: "Sequence[Plugin] | None" = None
    ) -> "dict[str, str]":
        """The variable that tells them, if there is anything to tell.

        Args:
            environ: the environment that they get.
            plugins: what it tells of; by default the plugins as they are.
        """
        if plugins is None:
            plugins = self.runner.plugins if self.runner is not None else ()
        if not any(plugin.env for plugin in plugins):
            return {}
        from prefect_preflight._environment.inherit import NOTE, note

        text = note(plugins, self.settings, environ)
        return {} if text is None else {NOTE: text}

    def check_strictly(self) -> None:
        """Exit, in strict mode, if a required plugin is known to have failed.

        Raises:
            SystemExit: with one line that names the plugin, and the status 1.
        """
        if self.settings.strict:
            self.strict_exit = self._last_words()
            if self.strict_exit is not None:
                raise refuse(self.strict_exit)

    def _last_words(self) -> "str | None":
        """What strict mode has to say, redacted.

        A function of its own: whoever raises the exit has no error message in its local variables as the plugin wrote
        it, which a renderer of tracebacks would print.
        """
        from prefect_preflight._redaction.outlet import shown
        from prefect_preflight._running.strict import failures, message

        found = failures(self.settings, self.runner.plugins if self.runner else ())
        if not found:
            return None
        from prefect_preflight._running.pool_backoff import pause_in_pool_worker

        return shown(message(found) + pause_in_pool_worker())

    def complete(self) -> None:
        """Take back what was only for the time of the import, and leave what descendants need."""
        self.under_way = False
        if self._room is not None:
            self._room.import_what_is_wanted()
        self._close()
        self.leave_note()

    def undo(self) -> None:
        """The import has failed: take back all of it, and all of Prefect that was loaded.

        Whatever the import has come to by then, and once more if an interrupt ended this halfway.
        """
        self.under_way = False
        unmark()
        self._close()
        if self.runner is not None:
            # In the middle of an application's module a hook still keeps its lock, and others would get a partial
            # module.
            self.runner.wait_for_stragglers(_PATIENCE)
        for name in self.new_modules():
            sys.modules.pop(name, None)
        self.write_report()

    def _close(self) -> None:
        if self.runner is not None:
            self.runner.give_up()
        self._close_room()
        if self._resources is not None:
            self._resources.close()

    def write_report(self, event: str = "import", tell: "Callable[[Mapping[str, str]], None]" = apply) -> None:
        """Write this process' report file, and the line about it, where these are asked for.

        Args:
            event: what the report is written after: "import", "refresh" or "renewal".
            tell: sets the variables that tell descendants which report is their parent's.
        """
        if os.environ.get(REPORT_DIR):
            from prefect_preflight._reports.file import write

            write(self, tell)
        told, self._told = event == "import" and self._told, True  # what ends an import early may come here twice
        if os.environ.get(REPORT_LINE, "").lower() in TRUE and not told:
            from prefect_preflight._reports.line import write_line

            write_line(event)

    def log_shown(self) -> "AbstractContextManager[None]":
        """What shows the log of plugins that run again; while it is entered."""
        from contextlib import nullcontext

        from prefect_preflight._redaction.loggers import shown

        return nullcontext() if self.redactor is None else shown(self.settings.logging_level, self.redactor)

    def new_modules(self) -> "list[str]":
        """The names of the modules of Prefect that were loaded since the run began."""
        names = [name for name in list(sys.modules) if name.startswith("prefect.")]
        return [name for name in names if name not in self._modules_before]

    def forget_refresh_in_child(self, by_hook: bool) -> None:
        """Take back, in a child that was forked during a `refresh` in another thread, what hooks alone are to see."""
        repair, self.in_forked_child = self.in_forked_child, None
        if repair is not None:
            repair(by_hook)

    def forget_in_child(self, by_hook: bool) -> None:
        """Take back, in a child that was forked during the run, what is only for the time of the import.

        Args:
            by_hook: whether a hook forked it, which is to see what hooks see.
        """
        self.under_way, self.inside_hook = False, True
        if self.runner is not None and not by_hook:
            self.runner.put_back()
        if self._room is not None:
            self._room.forget_in_child()
        if self._resources is not None:
            self._resources.close()


def _run_diagnose(arguments: "Sequence[str]", program: str) -> None:
    """What `prefect plugins diagnose` runs; nothing of it is loaded before."""
    from prefect_preflight._command_line import run_diagnose

    run_diagnose(arguments, program)
