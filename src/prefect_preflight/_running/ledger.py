"""What becomes of the plugins: what they return is applied, and what goes wrong with them recorded and logged.

In the importing thread alone, and without executing any of the plugins' code.
"""

from __future__ import annotations

import logging
import os
from time import time

from prefect_preflight._environment.inherit import renewal_time
from prefect_preflight._plugins import PREFECT_PLUGIN_API_VERSION, PluginProblem, PluginWarning
from prefect_preflight._plugins.duplicates import Originals, mark
from prefect_preflight._redaction.characters import quoted
from prefect_preflight._statuses import RAN

from .strict import WHY_WITHOUT_HOOK, is_listed, is_required

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from prefect_preflight._discovery import Candidate
    from prefect_preflight._environment.background import BackgroundEnvironment
    from prefect_preflight._environment.direct import DirectEnvironment
    from prefect_preflight._environment.former import FormerOutput
    from prefect_preflight._plugins import Hook, Plugin
    from prefect_preflight._plugins.entry_point import Loaded
    from prefect_preflight._plugins.hook_result import HookResult
    from prefect_preflight._redaction import Redactor
    from prefect_preflight._redaction.loggers import SafeLogger
    from prefect_preflight._settings import Settings
    from prefect_preflight._statuses import PluginStatus

    from .task import Task


class Ledger:
    """Takes over what a run's plugins came to, into their records, the environment and the log."""

    def __init__(
        self,
        settings: Settings,
        redactor: Redactor,
        logger: SafeLogger,
        environment: DirectEnvironment | BackgroundEnvironment,
        formers: Mapping[Candidate, FormerOutput],
    ) -> None:
        self.writers: dict[str, list[str]] = {}  # variable -> the plugins that set it, in the order of application
        self._settings = settings
        self._redactor = redactor
        self._logger = logger
        self.renewed: set[Candidate] = set()  # those whose hooks have returned values
        self._environment = environment
        self._formers = formers
        self._stood_there: dict[str, str | None] = {}  # before any plugin ran
        self._originals = Originals()

    def discovered(self, plugin: Plugin) -> None:
        """Take over what is known of a plugin before anything of it is loaded."""
        if self._is_another_name(plugin, self._originals.of_value(plugin)):
            return
        former = self._formers.get(plugin.candidate)
        if former is not None and former.reusable:
            self._inherited(plugin, former)
        elif plugin.candidate.for_server:
            plugin.status = "no-startup-hook"
            self._logger.debug("Plugin %s is not loaded: it has no start-up hook", plugin.name)

    def _inherited(self, plugin: Plugin, former: FormerOutput) -> None:
        """An ancestor has run the plugin, and what it set still stands: nothing is loaded."""
        plugin.status = "inherited"
        self._keeps_all(plugin, former)
        self._logger.debug("Plugin %s: an ancestor of this process ran it, its environment is inherited", plugin.name)

    def _keeps_all(self, plugin: Plugin, former: FormerOutput) -> None:
        """What the plugin set before is what it has."""
        plugin.inherit, plugin.expires_at, plugin.renew_at = former.inherit, former.expires_at, former.renew_at
        self._keeps(plugin, former, former.env)

    def _keeps(self, plugin: Plugin, former: FormerOutput, names: Iterable[str]) -> None:
        """These variables, which the plugin set before, are still its own."""
        for name in names:
            plugin.env[name] = former.env[name]  # which the redactor knows: it was returned here, or was there before
            if name in former.before:
                plugin.before[name] = former.before[name]
                if former.before[name] is None:
                    plugin.new.add(name)

    def _is_another_name(self, plugin: Plugin, original: Plugin) -> bool:
        if original is plugin:
            return False
        original.required = original.required or is_listed(self._settings, plugin)
        mark(plugin, original)
        self._logger.debug("Plugin %s is not called: it is %s", plugin.name, plugin.candidate.why_excluded)
        return True

    def loaded(self, plugin: Plugin, found: Loaded) -> None:
        """Take over what loading found, unless the version fence or safe mode keeps the hooks from running."""
        plugin.requires, plugin.hook_names = found.requires, found.hook_names
        for warning in found.warnings:
            # Strict mode's one line has it, if this is why a required plugin has done nothing.
            told = not found.hooks and warning.slug in WHY_WITHOUT_HOOK and is_listed(self._settings, plugin)
            self._warn(plugin, warning, logging.DEBUG if told else logging.WARNING)
        fits = found.fits
        versions = (plugin.name, found.requires, PREFECT_PLUGIN_API_VERSION)
        if fits is False:
            plugin.status = "incompatible"
            skipping = "Skipping plugin %s: requires API version %s, current version is %s"
            # Strict mode has one line, and it is about this.
            level = logging.DEBUG if is_listed(self._settings, plugin) else logging.WARNING
            self._logger.log(level, skipping, *versions)
            return
        if fits is None:
            invalid = "Plugin %s has invalid version specifier %r, ignoring version check"
            self._logger.debug(invalid, plugin.name, found.requires)
            text = f"PREFECT_PLUGIN_API_REQUIRES is {found.requires!r}, which is no version specifier"
            self._warn(plugin, PluginWarning("bad-api-requirement", text))
        self._logger.debug("Loaded plugin %s (requires API %s, current %s)", *versions)
        if self._is_another_name(plugin, self._originals.of_hooks(plugin, found.hooks)):
            return
        plugin.hooks = found.hooks
        if not found.hooks:
            plugin.status = "no-hook"
        elif self._settings.safe_mode:
            plugin.status = "loaded"

    def returned(self, plugin: Plugin, hook: Hook, result: HookResult) -> None:
        """Take over what a hook returned."""
        self._redactor.learn_result((plugin.candidate, plugin.hooks.index(hook)), result.env)
        for warning in result.warnings:
            self._warn(plugin, warning)
        plugin.required = plugin.required or result.required
        plugin.note, plugin.inherit = result.note, result.inherit
        plugin.expires_at, plugin.renew_at = result.expires_at, renewal_time(result.expires_at)
        problem = self._problem_of(plugin, result)
        if problem is not None:
            self._failed(plugin, "invalid-result", ("ValueError", problem))
            return
        self._apply(plugin, result.env)

    def _apply(self, plugin: Plugin, env: dict[str, str]) -> None:
        applied, before = self._environment.apply(plugin.candidate, env)
        for name, value in before.items():
            plugin.before.setdefault(name, value)
            if self._stood_there.setdefault(name, value) is None:
                plugin.new.add(name)
        left_alone = [name for name in env if name not in applied]
        if left_alone:
            text = (
                f"{', '.join(left_alone)} cannot be renewed in the background, where only what the plugin has set "
                f"before, and nobody else since, is replaced; prefect_preflight.refresh() sets it"
            )
            self._warn(plugin, PluginWarning("not-replaced", text))
        plugin.env.update(applied)
        for name in applied:
            writers = self.writers.setdefault(name, [])
            writers.append(plugin.name)
            if len(writers) > 1:
                self._logger.warning("Plugins %s set %s: the last one's value holds", ", ".join(writers), name)
        self._logger.debug("Plugin %s set %d environment variables", plugin.name, len(applied))
        if applied and not self._environment.in_background:
            # In Prefect's own words, for those who search their logs for them.
            self._logger.note("plugin env applied%s", f" — {plugin.note}" if plugin.note else "")

    def completed(self, plugin: Plugin) -> None:
        """All hooks of the plugin have returned."""
        former = self._formers.get(plugin.candidate)
        if plugin.env:
            self.renewed.add(plugin.candidate)
        if plugin.env or former is None or not former.expired:
            plugin.status = "success"
        else:
            self._failed(plugin, "expired", ("ValueError", "its hook returned nothing new"))

    def ended(self, plugin: Plugin) -> None:
        """Nothing more will come of the plugin: if that is nothing new, what it has set before stands again."""
        former = self._formers.get(plugin.candidate)
        if former is not None and not plugin.env:
            self._environment.put_back(plugin.candidate)
            if plugin.status in RAN:  # else nobody has called its hook, and nobody is to call it again
                self._keeps_all(plugin, former)
        elif former is not None and self._environment.in_background:
            # What it did not return again stands, so its hook does not see that the next time, and may replace it.
            left = [name for name in former.env if name not in plugin.env]
            self._keeps(plugin, former, [name for name in left if os.environ.get(name) == former.env[name]])

    def _problem_of(self, plugin: Plugin, result: HookResult) -> str | None:
        """Why what a hook returned cannot be what its plugin is required for, None if it may be."""
        if result.required and not result.env:
            return "it returned required=True with an empty environment; return None if there is nothing to do"
        expiry = result.expires_at
        if expiry is not None and is_required(self._settings, plugin) and expiry.timestamp() <= time():
            return f"what it returned expired at {expiry.isoformat()}; is this machine's clock right?"
        return None

    def raised(self, task: Task, error: BaseException) -> None:
        """Record what a load or a hook raised."""
        kind, message = task.failure or (type(error).__name__, "(its message cannot be shown)")
        if isinstance(error, PluginProblem):
            self._failed(task.plugin, "invalid-result" if task.hook else "load-failed", (kind, message))
        else:
            text = f"{kind}: {message}" if message else kind
            self._failed(task.plugin, "failed" if task.hook else "load-failed", (kind, text))
            if task.traceback is not None:
                self._logger.debug("Traceback of plugin %s:%s", task.plugin.name, quoted(task.traceback))

    def timed_out(self, plugin: Plugin, running: bool, seconds: float) -> None:
        """Record that a deadline of `seconds` passed, while the plugin was loaded or running or before its turn."""
        loading = plugin.loading != "done"
        doing = "being loaded" if loading else "running"
        what = f"it was still {doing}" if running else "its turn had not come"
        message = f"{what} when the {seconds:g} s that all plugins share{' for loading' if loading else ''} were over"
        self._failed(plugin, "timed-out", ("TimeoutError", message))

    def _failed(self, plugin: Plugin, status: PluginStatus, error: tuple[str, str]) -> None:
        former = self._formers.get(plugin.candidate)
        if former is not None and former.expires_at is not None and former.expired:
            until = former.expires_at.isoformat(" ", "seconds")
            error = (error[0], f"{error[1]}; what it set before expired at {until}")
        plugin.status, plugin.error = status, error
        what = "Failed to load plugin %s: %s" if status == "load-failed" else "Plugin %s failed: %s"
        level = logging.DEBUG if is_required(self._settings, plugin) else logging.ERROR
        self._logger.log(level, what, plugin.name, error[1])

    def _warn(self, plugin: Plugin, warning: PluginWarning, level: int = logging.WARNING) -> None:
        plugin.warnings.append(warning)
        self._logger.log(level, "Plugin %s has a problem: %s", plugin.name, warning.text)
