"""Runs the plugins: loads them, calls their hooks in waves, each under one deadline, applies what they return.

Everything here happens in the importing thread, but for `_work`, which is the workers' part. The importing
thread alone decides, applies and logs (`ledger`), in the order of the plugins' names, so that the result is
the same every time.
"""

from __future__ import annotations

import logging

from prefect_preflight._plugins import Hook, Plugin
from prefect_preflight._plugins.describe import describe, plugin_traceback
from prefect_preflight._plugins.entry_point import load
from prefect_preflight._plugins.hook_call import call
from prefect_preflight._statuses import WAVES
from prefect_preflight._threads.deadline import Deadline, Stopwatch, clock
from prefect_preflight._threads.executor import DaemonExecutor, InlineExecutor

from .ledger import Ledger
from .prefect_time import PrefectTime
from .progress import ProgressLine
from .task import Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Executor, Future

    from prefect_preflight._discovery import Candidate
    from prefect_preflight._environment.background import BackgroundEnvironment
    from prefect_preflight._environment.direct import DirectEnvironment
    from prefect_preflight._environment.former import FormerOutput
    from prefect_preflight._imports.room import WaitingRoom
    from prefect_preflight._plugins.entry_point import Loaded
    from prefect_preflight._plugins.hook_result import HookResult
    from prefect_preflight._redaction import Redactor
    from prefect_preflight._redaction.loggers import SafeLogger
    from prefect_preflight._settings import Settings
    from prefect_preflight._statuses import Progress

# While something else still has to run afterwards, a wait ends early, so that a plugin that hangs cannot keep
# the others from their turn. It goes on running, and what it returns before the deadline is applied then.
_SHARE_OF_LOADING = 0.5
_SHARE_OF_A_WAVE = 0.75
_PATIENCE = 1.0  # seconds that a load may take before the next one starts beside it
_LOOK_AGAIN = 0.01  # seconds
_HELD_UP = "a module whose import waits for Prefect"


class Runner:
    """The plugins of one `import prefect`, and what becomes of them.

    In the early stage Prefect does not exist. A task that needs it waits at its gate, and is admitted in the late
    stage. Where there is no `room` for that, or no thread to be had, nothing runs early, and all runs late, in the
    importing thread.
    """

    def __init__(
        self,
        settings: Settings,
        candidates: Sequence[Candidate],
        context: object,
        redactor: Redactor,
        logger: SafeLogger,
        environment: DirectEnvironment | BackgroundEnvironment,
        formers: Mapping[Candidate, FormerOutput],
    ) -> None:
        self.plugins = [Plugin(candidate) for candidate in candidates]
        self.deadline = Deadline(settings.setup_timeout_seconds)
        self._loading = Deadline(settings.loading_seconds)  # for loads alone: the other one is the hooks'
        self._watch = Stopwatch()
        self._prefect_time = PrefectTime(self._loading.seconds)
        self.inline = False  # whether plugins run in the importing thread, where no deadline can hold
        self._context = context
        self._logger = logger
        self._environment = environment
        self._formers = formers
        self._hidden = False  # whether the plugins' former output is
        self._ledger = Ledger(settings, redactor, logger, environment, formers)
        self._room: WaitingRoom | None = None
        self._late = False
        self._running: list[Task] = []
        self._executor: Executor = DaemonExecutor()
        self._progress = ProgressLine(silent=environment.in_background)
        for plugin in self.plugins:
            if plugin.pending:
                self._ledger.discovered(plugin)

    @property
    def unfinished(self) -> bool:
        """Whether anything is left to do."""
        return any(plugin.pending for plugin in self.plugins)

    @property
    def writers(self) -> dict[str, list[str]]:
        """The plugins that set a variable, by its name, in the order of application."""
        return self._ledger.writers

    @property
    def renewed(self) -> set[Candidate]:
        """The plugins whose hooks have returned values."""
        return self._ledger.renewed

    @property
    def writes(self) -> int:
        """How many variables were set or put back, each as often as it was."""
        return sum(len(writers) for writers in self.writers.values()) + self._environment.restored

    @property
    def stragglers(self) -> bool:
        """Whether a task still runs that was given up."""
        return bool(self.given_up)

    @property
    def given_up(self) -> list[tuple[Plugin, Future[object]]]:
        """Those tasks, with whose they are."""
        return [(task.plugin, task.future) for task in self._running if not task.future.done()]

    @property
    def seconds(self) -> float:
        """How long loading and running has taken so far, without what Prefect's own modules took."""
        return self._watch.spent() - self._prefect_time.spent

    def can_use_threads(self) -> bool:
        """Whether a thread can be started; one is, and waits for its first task."""
        try:
            self._executor.submit(int)
        except RuntimeError:
            return False
        return True

    def run_inline(self) -> None:
        """Have everything done in the importing thread, from now on."""
        self.inline, self._executor = True, InlineExecutor()

    def early(self, room: WaitingRoom | None) -> None:
        """Load the plugins and run their hooks, as far as they need no more of Prefect than the plugin API.

        Without a `room` Prefect has been imported already, and they find all of it.
        """
        self._room = room
        self._hide_former_output()
        with self._watch:
            self._environment.mark(self._loading.remaining())
            self._load_side_by_side()
            self._environment.mark(self.deadline.remaining())
            self._run_waves(late=False)
        for task in self._running:
            if self._waits(task):
                self._defer(task)
        self._expire()
        self._end()

    def late(self) -> None:
        """Let those go on that need Prefect, one at a time, then wait for what is still running, until the deadline."""
        self._late = True
        self._hide_former_output()
        self._environment.mark(max(self._loading.remaining(), self.deadline.remaining()))
        with self._watch:
            while self._has_time():
                self._load_one_by_one()
                self._run_waves(late=True)
                if not self._wait_for_one():
                    break
        self._expire(all_of_them=True)
        self._end()
        self.give_up()

    def _hide_former_output(self) -> None:
        """Have those that are to run find the world as if for the first time."""
        if not self._hidden:
            self._hidden = True
            pending = {plugin.candidate for plugin in self.plugins if plugin.pending}
            self._environment.hide({candidate: self._formers[candidate] for candidate in pending & set(self._formers)})

    def _end(self) -> None:
        """Have those of which nothing more will come keep what they have set before, if that is nothing new."""
        for plugin in self.plugins:
            if not plugin.pending:
                self._ledger.ended(plugin)

    def _expire(self, all_of_them: bool = False) -> None:
        """Have those count as timed out whose time is over: nothing that is still to come can change that."""
        self._settle(list(self._running))  # what ended in time while this thread was held up until after the deadline
        for plugin in self.plugins:
            if plugin.pending and (all_of_them or self._deadline_of(plugin).remaining() <= 0):
                running = [task for task in self._running if task.plugin is plugin]
                for task in running:
                    if task.hook is not None and task.started:  # its thread may not have begun
                        task.hook.started, task.hook.ended = task.began, self.deadline.end()
                self._ledger.timed_out(plugin, bool(running), self._deadline_of(plugin).seconds)

    def _has_time(self) -> bool:
        """Whether there is time left for anything that is left to do."""
        return any(plugin.pending and self._deadline_of(plugin).remaining() > 0 for plugin in self.plugins)

    def _deadline_of(self, plugin: Plugin) -> Deadline:
        """Whose time a plugin needs next."""
        return self._loading if plugin.loading != "done" else self.deadline

    def wait_for_stragglers(self, seconds: float) -> None:
        """Give those who have been given up so many seconds to come to their end."""
        end = clock() + seconds
        while self.stragglers and clock() < end:
            self._progress.bell.wait(_LOOK_AGAIN)

    def give_up(self) -> None:
        """Abandon what still runs: the deadline has passed, or the import has ended otherwise."""
        straggling = [task for task in self._running if not task.abandoned]
        if straggling:
            from .stragglers import end_at_exit  # here, since in nearly every process nothing straggles

            end_at_exit(straggling)
        for task in straggling:
            task.abandon()
        self._executor.shutdown()
        self.put_back()

    def end(self) -> None:
        """Have what still runs end now, for the process does."""
        from .stragglers import end

        running = [task for task in self._running if not task.future.done()]
        for task in running:
            task.abandon()
        end(running)

    def stop_in_child(self) -> None:
        """In a forked child, which has none of the threads: nothing more will come of what is under way."""
        self._end()
        self.put_back()

    def put_back(self) -> None:
        """Have what plugins have set before stand again, where nothing new has come of them."""
        self._environment.put_all_back()

    # Loading

    def _load_side_by_side(self) -> None:
        """Load all plugins one after the other, and beside one another as soon as one is slow.

        Imports are not made for parallel execution (circular imports within a plugin's dependencies fail),
        and gain nothing from it either.
        """
        plugins = [plugin for plugin in self.plugins if plugin.pending]
        tasks = []
        with self._loading as deadline:
            for index, plugin in enumerate(plugins):
                if not deadline.remaining():
                    break  # this thread was held up
                tasks.append(self._start(plugin, None))
                behind = len(plugins) - index
                self._wait_until_over(tasks[-1:], deadline, min(_PATIENCE, deadline.remaining() / (2 * behind)))
            self._wait(tasks, deadline, _SHARE_OF_LOADING)
        self._settle(tasks)

    def _load_one_by_one(self) -> None:
        """Load what is not loaded yet: Prefect's own circular imports allow one thread at a time only."""
        with self._loading as deadline:
            for plugin in self.plugins:
                if plugin.pending and deadline.remaining() > 0:
                    self._take_turn(plugin, None, deadline)

    # Hooks

    def _run_waves(self, late: bool) -> None:
        """Call the hooks wave by wave; a wave's environment is applied before the next one starts."""
        with self.deadline as deadline:
            for wave in WAVES:
                opened = [(plugin, hook) for plugin in self.plugins for hook in plugin.open_hooks()]
                members = [(plugin, hook) for plugin, hook in opened if hook.wave == wave]
                if late:
                    for plugin, hook in members:
                        if deadline.remaining() > 0:
                            self._take_turn(plugin, hook, deadline)
                elif members and deadline.remaining() > 0:
                    tasks = [self._start(plugin, hook) for plugin, hook in members if hook.state == "waiting"]
                    self._wait(tasks, deadline, _SHARE_OF_A_WAVE)
                    self._settle(tasks)

    def _take_turn(self, plugin: Plugin, hook: Hook | None, deadline: Deadline) -> None:
        """In the late stage: start one load or hook, or admit it if it waits at its gate."""
        task = next((task for task in self._running if task.plugin is plugin and task.hook is hook), None)
        if task is None:
            if (plugin.loading if hook is None else hook.state) != "waiting":
                return
            task = self._start(plugin, hook, late=True)
        elif task.at_gate:
            self._defer(task)
            task.admit()
        else:
            return  # it is running, and is waited for in the end
        self._wait([task], deadline, _SHARE_OF_LOADING if hook is None else _SHARE_OF_A_WAVE)
        self._settle([task])

    # Tasks of either kind

    def _start(self, plugin: Plugin, hook: Hook | None, late: bool = False) -> Task:
        plugin.stage = "late" if late else "early"
        plugin.began = clock() if plugin.began is None else plugin.began
        task = Task(plugin, hook, self._progress.bell, has_gate=not late and self._room is not None)
        _set_state(task, "running")
        self._running.append(task)  # first, so that an interrupt in between cannot leave a worker at its gate for good
        task.future = self._executor.submit(task.run, self._work)
        task.future.add_done_callback(lambda _: self._progress.bell.ring())
        return task

    def _work(self, task: Task) -> Loaded | HookResult:
        """The worker's part: execute the plugin's code.

        All of it: an error is described here too, since its `__str__` may exit, or never return.
        """
        try:
            self._environment.enter()
            if task.hook is None:
                return load(task.plugin.candidate)
            return call(task.hook, self._context, task.set_cancel)
        except BaseException as error:
            task.failure = describe(error)
            if self._logger.is_enabled_for(logging.DEBUG):
                task.traceback = plugin_traceback(error)
            raise

    def _wait(self, tasks: Sequence[Task], deadline: Deadline, share: float) -> None:
        """Wait for `tasks`: as long as there is time, or for a share of it if anything else has to run."""
        self._wait_until_over(tasks, deadline, deadline.remaining() * share)
        if not self._others_wait(tasks):
            self._wait_until_over(tasks, deadline, deadline.remaining())

    def _wait_until_over(self, tasks: Sequence[Task], deadline: Deadline, seconds: float) -> None:
        def over() -> bool:
            self._look(tasks, deadline)
            return all(task.future.done() or self._waits(task) for task in tasks)

        self._prefect_time.begin()
        self._progress.wait(over, deadline, seconds, self._names_running)

    def _wait_for_one(self) -> bool:
        """Wait until something that was slow ends, or needs Prefect after all, or its time is over.

        Loads' time passes first, if any is slow; slow hooks go on meanwhile.

        Returns:
            Whether there is anything that has time left.
        """
        tasks = [task for task in self._running if self._deadline_of(task.plugin).remaining() > 0]
        if not tasks:
            return False
        loads = [task for task in tasks if task.hook is None]
        deadline = self._loading if loads else self.deadline

        def over() -> bool:
            self._look(loads or tasks, deadline)
            for task in tasks:
                self._waits(task)  # which may end the wait of a stranger's that it waits for
            return any(task.future.done() or task.at_gate for task in tasks)

        self._prefect_time.begin()
        with deadline:
            self._progress.wait(over, deadline, deadline.remaining(), self._names_running)
        self._settle(tasks)
        return True

    def _look(self, tasks: Sequence[Task], deadline: Deadline) -> None:
        """Look whether it is Prefect that takes the time."""
        executing = self._late and self._room is not None and any(map(self._room.executes_package, tasks))
        self._prefect_time.seen(executing, deadline)

    def _waits(self, task: Task) -> bool:
        """Whether a task waits for Prefect, and so for this thread: at its gate, or for somebody who waits."""
        if task.at_gate:
            return True
        if self._room is None or not self._room.is_held_up(task):
            return False
        if self._late:  # Prefect is whole: what keeps this one is a stranger, who waits for the end of the late stage
            self._room.let_strangers_in()
        return self._room.is_held_up(task)

    def _defer(self, task: Task) -> None:
        plugin = task.plugin
        if plugin.deferred is None:
            plugin.deferred, plugin.stage = task.needs or _HELD_UP, "late"
            self._logger.debug("Plugin %s runs late: it needs %s", plugin.name, plugin.deferred)

    def _others_wait(self, tasks: Sequence[Task]) -> bool:
        """Whether something has still to run that does not depend on those of `tasks` that go on running."""
        own = {id(task.plugin) for task in tasks}
        if len(own) > 1 and tasks[0].hook is None:
            return True  # whoever's load hangs, the hooks of those that are loaded have not run
        if any(task.at_gate for task in tasks):
            return True
        return any(plugin.pending and id(plugin) not in own for plugin in self.plugins)

    def _names_running(self) -> str:
        return ", ".join(dict.fromkeys(task.plugin.name for task in self._running if not task.future.done()))

    def _settle(self, tasks: Sequence[Task]) -> None:
        """Take over the results of the tasks that have ended in time, in their order.

        The others go on running, or count as if they did: this thread may have been held up by one that kept the
        interpreter's lock, and what became of a plugin must not depend on when somebody looks.
        """
        for task in tasks:
            if task.future.done() and not self._deadline_of(task.plugin).passed_at(task.ended):
                self._running.remove(task)
                self._settle_one(task)

    def _settle_one(self, task: Task) -> None:
        plugin, hook, error = task.plugin, task.hook, task.future.exception()
        _set_state(task, "done")
        if hook is not None:
            hook.started, hook.ended = task.began, task.ended
        else:
            plugin.load_seconds = task.ended - task.began
        if error is not None:
            self._ledger.raised(task, error)
        elif hook is not None:
            self._ledger.returned(plugin, hook, task.future.result())
            if plugin.pending and all(other.state == "done" for other in plugin.hooks):
                self._ledger.completed(plugin)
        else:
            self._ledger.loaded(plugin, task.future.result())


def _set_state(task: Task, state: Progress) -> None:
    if task.hook is not None:
        task.hook.state = state
    else:
        task.plugin.loading = state
