"""Runs the plugins: loads them, calls their hooks in waves under one deadline, applies what they return.

Everything here happens in the importing thread, but for `_work`, which is the workers' part. The importing
thread alone decides, applies and logs (`_outcomes`), in the order of the plugins' names, so that the result is
the same every time.
"""

from __future__ import annotations

import logging
from concurrent.futures import wait

from ._executor import DaemonExecutor, Deadline, Task, clock
from ._importlock import DeadlockError, can_tell, waiting_for_workers
from ._logging import SafeLogger
from ._outcomes import Outcomes
from ._plugin import WAVES, Hook, Plugin
from ._plugin.describe import describe, plugin_traceback
from ._plugin.entry_point import load
from ._plugin.hook_call import call
from ._progress import Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ._discovery import Candidate
    from ._inherit import Inheritance
    from ._plugin.entry_point import Loaded
    from ._plugin.hook_result import Outcome
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
        self._context = context
        self._logger = SafeLogger(logger)
        self._outcomes = Outcomes(settings, redactor, self._logger)
        self._running: list[Task] = []
        self._executor = DaemonExecutor(threads=can_tell)
        self._progress = Progress(self.deadline.seconds)
        for plugin in self.plugins:
            if plugin.pending:
                self._outcomes.discovered(plugin, inherited.get(plugin.candidate))

    @property
    def inline(self) -> bool:
        """Whether plugins ran in the importing thread, where no deadline can hold, for want of workers."""
        return self._executor.inline

    @property
    def unfinished(self) -> bool:
        """Whether anything is left for the late stage."""
        return any(plugin.pending for plugin in self.plugins)

    @property
    def writers(self) -> dict[str, list[str]]:
        """The plugins that set a variable, by its name, in the order of application."""
        return self._outcomes.writers

    @property
    def writes(self) -> int:
        """How many variables were set, each as often as it was."""
        return sum(len(writers) for writers in self.writers.values())

    @property
    def stragglers(self) -> bool:
        """Whether a task of the early stage still runs."""
        return any(not task.future.done() for task in self._running)

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
        self._settle(list(self._running))  # what ended in time while this thread was held up until after the deadline
        for task in self._running:
            if task.hook is not None and task.started:  # its thread may not have begun
                task.hook.started, task.hook.ended = task.started, clock()  # how long it ran up to the deadline
        for plugin in self.plugins:
            if plugin.pending:
                running = any(task.plugin is plugin for task in self._running)
                self._outcomes.timed_out(plugin, running, self.deadline.seconds)
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
                if not self.deadline.remaining():
                    break  # this thread was held up, or executes the loads itself
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

    # Hooks

    def _run_waves(self, late: bool) -> None:
        """Call the waiting hooks wave by wave; a wave's environment is applied before the next one starts."""
        apart = late or self.inline
        for wave in WAVES:
            members = [
                (plugin, hook) for plugin in self.plugins for hook in plugin.waiting_hooks() if hook.wave == wave
            ]
            for group in [[member] for member in members] if apart else [members]:
                if group and self.deadline.remaining() > 0:
                    with waiting_for_workers():
                        tasks = [self._start(plugin, hook, late) for plugin, hook in group]
                        self._wait(tasks, _SHARE_OF_A_WAVE)
                    self._settle(tasks)

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
        """Take over the results of the tasks that have ended in time, in their order.

        The others go on running, or count as if they did: this thread may have been held up by one that kept the
        interpreter's lock, and what became of a plugin must not depend on when somebody looks.
        """
        for task in tasks:
            if task.future.done() and not self.deadline.passed_at(task.ended):
                self._running.remove(task)
                self._settle_one(task)

    def _settle_one(self, task: Task) -> None:
        plugin, hook, error = task.plugin, task.hook, task.future.exception()
        if _needs_prefect(task):
            plugin.deferred = task.touched or str(error)
            self._logger.debug("Plugin %s runs late: it needs %s", plugin.name, plugin.deferred)
            _set_state(task, "waiting")
            return
        if (task.locked_out or isinstance(error, DeadlockError)) and not task.here:
            self._again_here(task)
            return
        _set_state(task, "done")
        if hook is not None:
            hook.started, hook.ended = task.started, task.ended
        else:
            plugin.load_seconds = task.ended - task.started
        if error is not None:
            self._outcomes.raised(task, error)
        elif hook is not None:
            self._outcomes.returned(plugin, task.future.result())
            if plugin.pending and all(other.state == "done" for other in plugin.hooks):
                plugin.status = "success"
        else:
            self._outcomes.loaded(plugin, task.future.result())

    def _again_here(self, task: Task) -> None:
        """Do in the importing thread what no worker can: import a module that this very thread is importing.

        No deadline can end it there. What it returns is discarded if it comes too late, as any result.
        """
        _set_state(task, "waiting")
        if self.deadline.remaining() > 0:
            again = Task(task.plugin, task.hook, late=True, here=True)
            _set_state(again, "running")
            self._running.append(again)
            again.future = DaemonExecutor(threads=False).submit(again.run, self._work)
            self._settle([again])


def _needs_prefect(task: Task) -> bool:
    """Whether a task that has ended reached for Prefect too early."""
    return not task.late and (task.touched is not None or isinstance(task.future.exception(), DeadlockError))


def _set_state(task: Task, state: str) -> None:
    if task.hook is not None:
        task.hook.state = state
    else:
        task.plugin.loading = state
