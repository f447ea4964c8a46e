"""Runs the plugins: loads them, calls their hooks in waves under one deadline, applies what they return.

Everything here happens in the importing thread, but for `_work`, which is the workers' part. The importing
thread alone decides, applies and logs, in the order of the plugins' names, so that the result is the same
every time.
"""

from __future__ import annotations

import logging
from concurrent.futures import wait

from . import _environment, _inherit
from ._executor import DaemonExecutor, Deadline, Task, clock
from ._importlock import DeadlockError, can_tell, waiting_for_workers
from ._logging import SafeLogger
from ._plugin import WAVES, Hook, Plugin, PluginProblem, call, describe, load, plugin_traceback
from ._progress import Progress
from ._strict import is_required
from .api import PREFECT_PLUGIN_API_VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ._discovery import Candidate
    from ._inherit import Inheritance
    from ._plugin import Loaded, Outcome
    from ._redaction import Redactor
    from ._settings import Settings
    from .api import HookContext

# While something else still has to run afterwards, a wait ends early, so that a plugin that hangs cannot keep
# the others from their turn. It goes on running, and what it returns before the deadline is applied then.
_SHARE_OF_LOADING = 0.5
_SHARE_OF_A_WAVE = 0.75
_PATIENCE = 1.0  # seconds that a load may take before the next one starts beside it


class Runner:
    """The plugins of one `import prefect`, and what becomes of them."""

    def __init__(
        self,
        settings: Settings,
        candidates: Sequence[Candidate],
        context: HookContext,
        redactor: Redactor,
        logger: logging.Logger,
        inherited: Mapping[Candidate, Inheritance],
    ) -> None:
        self.plugins = [Plugin(candidate) for candidate in candidates]
        self.deadline = Deadline(settings.setup_timeout_seconds)
        self.writers: dict[str, list[str]] = {}  # variable -> the plugins that set it, in the order of application
        self._settings = settings
        self._context = context
        self._redactor = redactor
        self._logger = SafeLogger(logger)
        self._running: list[Task] = []
        self._executor = DaemonExecutor(threads=can_tell)
        self._progress = Progress(self.deadline.seconds)
        for plugin in self.plugins:
            if plugin.candidate in inherited:
                self._take_over(plugin, inherited[plugin.candidate])

    @property
    def inline(self) -> bool:
        """Whether plugins ran in the importing thread, where no deadline can hold, for want of workers."""
        return self._executor.inline

    @property
    def unfinished(self) -> bool:
        """Whether anything is left for the late stage."""
        return any(plugin.pending for plugin in self.plugins)

    @property
    def writes(self) -> int:
        """How many variables were set, each as often as it was."""
        return sum(len(writers) for writers in self.writers.values())

    @property
    def stragglers(self) -> bool:
        """Whether a task of the early stage still runs."""
        return bool(self._running)

    def _take_over(self, plugin: Plugin, inheritance: Inheritance) -> None:
        """An ancestor has run the plugin, and what it set still stands: nothing is loaded."""
        plugin.status, plugin.env, plugin.inherit = "inherited", inheritance.env, True
        plugin.expires_at, plugin.due = inheritance.expires_at, inheritance.due
        for name, value in plugin.env.items():
            self._redactor.learn(name, value)
        self._logger.debug("Plugin %s: an ancestor of this process ran it, its environment is inherited", plugin.name)

    def early(self) -> None:
        """Load the plugins and run their hooks, as far as they need no more of Prefect than the plugin API."""
        with self.deadline:
            self._load_side_by_side()
            self._run_waves(late=False)

    def late(self) -> None:
        """Load and run what needs Prefect itself, then wait for what is still running, until the deadline."""
        with self.deadline:
            while self.deadline.remaining() > 0:
                self._load_one_by_one()
                self._run_waves(late=True)
                if not self._running:
                    break
                self._wait_for_one()
        for plugin in self.plugins:
            if plugin.pending:
                self._timed_out(plugin)
        self.give_up()

    def give_up(self) -> None:
        """Abandon what still runs: the deadline has passed, or the import has ended otherwise."""
        straggling = [task for task in self._running if not task.abandoned]
        if straggling:
            from ._stragglers import end_at_exit  # here, since in nearly every process nothing straggles

            end_at_exit(straggling)
        for task in straggling:
            task.abandon()
        self._executor.shutdown()

    # Loading

    def _load_side_by_side(self) -> None:
        """Load all plugins one after the other, and beside one another as soon as one is slow.

        Imports are not made for parallel execution (circular imports within a plugin's dependencies fail),
        and gain nothing from it either.
        """
        plugins = [plugin for plugin in self.plugins if plugin.pending]
        tasks = []
        with waiting_for_workers():
            for index, plugin in enumerate(plugins):
                tasks.append(self._start(plugin, None, late=False))
                behind = len(plugins) - index
                wait([tasks[-1].future], min(_PATIENCE, self.deadline.remaining() / (2 * behind)))
            self._wait(tasks, _SHARE_OF_LOADING)
        self._settle(tasks)

    def _load_one_by_one(self) -> None:
        """Load late plugins: Prefect's own circular imports allow one thread at a time only."""
        for plugin in self.plugins:
            if plugin.pending and plugin.loading == "waiting" and self.deadline.remaining() > 0:
                with waiting_for_workers():
                    task = self._start(plugin, None, late=True)
                    self._wait([task], _SHARE_OF_LOADING)
                self._settle([task])

    def _loaded(self, plugin: Plugin, found: Loaded) -> None:
        """Take over what loading found, unless the version fence or safe mode keeps the hooks from running."""
        plugin.requires, plugin.hook_names = found.requires, found.hook_names
        for warning in found.warnings:
            self._warn(plugin, warning)
        fits = found.fits
        versions = (plugin.name, found.requires, PREFECT_PLUGIN_API_VERSION)
        if fits is False:
            plugin.status = "incompatible"
            self._logger.warning("Skipping plugin %s: requires API version %s, current version is %s", *versions)
            return
        if fits is None:
            invalid = "Plugin %s has invalid version specifier %r, ignoring version check"
            self._logger.debug(invalid, plugin.name, found.requires)
            self._warn(plugin, f"PREFECT_PLUGIN_API_REQUIRES is {found.requires!r}, which is no version specifier")
        self._logger.debug("Loaded plugin %s (requires API %s, current %s)", *versions)
        plugin.hooks = found.hooks
        if not found.hooks:
            plugin.status = "no-hook"
        elif self._settings.safe_mode:
            plugin.status = "loaded"

    # Hooks

    def _run_waves(self, late: bool) -> None:
        """Call the waiting hooks wave by wave; a wave's environment is applied before the next one starts."""
        for wave in WAVES:
            members = [
                (plugin, hook) for plugin in self.plugins for hook in plugin.waiting_hooks() if hook.wave == wave
            ]
            for group in [[member] for member in members] if late else [members]:
                if group and self.deadline.remaining() > 0:
                    with waiting_for_workers():
                        tasks = [self._start(plugin, hook, late) for plugin, hook in group]
                        self._wait(tasks, _SHARE_OF_A_WAVE)
                    self._settle(tasks)

    def _returned(self, plugin: Plugin, outcome: Outcome) -> None:
        """Take over what a hook returned."""
        for name, value in outcome.env.items():
            self._redactor.learn(name, value)
        for warning in outcome.warnings:
            self._warn(plugin, warning)
        plugin.required = plugin.required or outcome.required
        plugin.note, plugin.inherit = outcome.note, outcome.inherit
        plugin.expires_at, plugin.due = outcome.expires_at, _inherit.due(outcome.expires_at)
        if outcome.required and not outcome.env:
            empty = "it returned required=True with an empty environment; return None if there is nothing to do"
            self._failed(plugin, "invalid-result", ("ValueError", empty))
            return
        _environment.apply(outcome.env)
        plugin.env.update(outcome.env)
        for name in outcome.env:
            writers = self.writers.setdefault(name, [])
            writers.append(plugin.name)
            if len(writers) > 1:
                self._logger.warning("Plugins %s set %s: the last one's value holds", ", ".join(writers), name)
        self._logger.debug("Plugin %s set %d environment variables", plugin.name, len(outcome.env))

    # Tasks of either kind

    def _start(self, plugin: Plugin, hook: Hook | None, late: bool) -> Task:
        plugin.stage = "late" if late else "early"
        plugin.began = clock() if plugin.began is None else plugin.began
        task = Task(plugin, hook, late)
        _set_state(task, "running")
        self._running.append(task)
        task.future = self._executor.submit(task.run, self._work)
        return task

    def _work(self, task: Task) -> Loaded | Outcome:
        """The worker's part: execute the plugin's code.

        All of it: an error is described here too, since its `__str__` may exit, or never return.
        """
        try:
            if task.hook is None:
                return load(task.plugin.candidate)
            return call(task.hook, self._context, task)
        except BaseException as error:
            task.failure = describe(error)
            if self._logger.is_enabled_for(logging.DEBUG):
                task.traceback = plugin_traceback(error)
            raise

    def _wait(self, tasks: Sequence[Task], share: float) -> None:
        """Wait for `tasks`: as long as there is time, or for a share of it if anything else has to run."""
        futures = [task.future for task in tasks]
        self._progress.wait(futures, self.deadline.remaining() * share, self._names_running)
        if not self._others_wait(tasks):
            self._progress.wait(futures, self.deadline.remaining(), self._names_running)

    def _others_wait(self, tasks: Sequence[Task]) -> bool:
        """Whether something has still to run that does not depend on those of `tasks` that go on running."""
        own = {id(task.plugin) for task in tasks}
        if len(own) > 1 and tasks[0].hook is None:
            return True  # whoever's load hangs, the hooks of those that are loaded have not run
        if any(task.future.done() and _needs_prefect(task) for task in tasks):
            return True
        return any(plugin.pending and id(plugin) not in own for plugin in self.plugins)

    def _names_running(self) -> str:
        return ", ".join(dict.fromkeys(task.plugin.name for task in self._running if not task.future.done()))

    def _wait_for_one(self) -> None:
        """Wait until something that was slow ends."""
        tasks = list(self._running)
        with waiting_for_workers():
            futures = [task.future for task in tasks]
            self._progress.wait(futures, self.deadline.remaining(), self._names_running, "FIRST_COMPLETED")
        self._settle(tasks)

    def _settle(self, tasks: Sequence[Task]) -> None:
        """Take over the results of the tasks that have ended, in their order; the others go on running."""
        for task in tasks:
            if task.future.done():
                self._running.remove(task)
                self._settle_one(task)

    def _settle_one(self, task: Task, here: bool = False) -> None:
        plugin, hook, error = task.plugin, task.hook, task.future.exception()
        if _needs_prefect(task):
            plugin.deferred = task.touched or str(error)
            self._logger.debug("Plugin %s runs late: it needs %s", plugin.name, plugin.deferred)
            _set_state(task, "waiting")
            return
        if isinstance(error, DeadlockError) and not here:
            self._settle_one(self._again_here(task), here=True)
            return
        _set_state(task, "done")
        if hook is not None:
            hook.started, hook.ended = task.started, task.ended
        else:
            plugin.load_seconds = task.ended - task.started
        if error is not None:
            self._raised(task, error)
        elif hook is not None:
            self._returned(plugin, task.future.result())
            if plugin.pending and all(other.state == "done" for other in plugin.hooks):
                plugin.status = "success"
        else:
            self._loaded(plugin, task.future.result())

    def _again_here(self, task: Task) -> Task:
        """Do in the importing thread what no worker can: import a module that this very thread is importing."""
        again = Task(task.plugin, task.hook, late=True)
        again.future = DaemonExecutor(threads=False).submit(again.run, self._work)
        return again

    # What goes wrong

    def _raised(self, task: Task, error: BaseException) -> None:
        kind, message = task.failure or (type(error).__name__, "(its message cannot be shown)")
        if isinstance(error, PluginProblem):
            self._failed(task.plugin, "invalid-result" if task.hook else "load-failed", (kind, message))
        else:
            self._failed(task.plugin, "failed" if task.hook else "load-failed", (kind, f"{kind}: {message}"))
            if task.traceback is not None:
                self._logger.debug("Traceback of plugin %s:\n%s", task.plugin.name, task.traceback)

    def _failed(self, plugin: Plugin, status: str, error: tuple[str, str]) -> None:
        plugin.status, plugin.error = status, error
        what = "Failed to load plugin %s: %s" if status == "load-failed" else "Plugin %s failed: %s"
        # What strict mode exits with says the same: one line is enough.
        level = logging.DEBUG if is_required(self._settings, plugin) else logging.ERROR
        self._logger.log(level, what, plugin.name, error[1])

    def _timed_out(self, plugin: Plugin) -> None:
        running = any(task.plugin is plugin for task in self._running)
        what = "it was still running" if running else "its turn had not come"
        message = f"{what} when the {self.deadline.seconds:g} s that all plugins share were over"
        self._failed(plugin, "timed-out", ("TimeoutError", message))

    def _warn(self, plugin: Plugin, warning: str) -> None:
        plugin.warnings.append(warning)
        self._logger.warning("Plugin %s has a problem: %s", plugin.name, warning)


def _needs_prefect(task: Task) -> bool:
    """Whether a task that has ended reached for Prefect too early."""
    return not task.late and (task.touched is not None or isinstance(task.future.exception(), DeadlockError))


def _set_state(task: Task, state: str) -> None:
    if task.hook is not None:
        task.hook.state = state
    else:
        task.plugin.loading = state
