"""Runs a plugin in this process: the runner of `import prefect`, with Prefect as the hooks see it, isolated."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from prefect_preflight._command_line import run_diagnose
from prefect_preflight._environment import unmark
from prefect_preflight._environment.direct import DirectEnvironment
from prefect_preflight._imports import cpython
from prefect_preflight._imports.room import WaitingRoom
from prefect_preflight._prefect import install
from prefect_preflight._prefect.plugin_api import API_MODULES, serve_early, withdraw
from prefect_preflight._redaction import Redactor
from prefect_preflight._redaction.loggers import SafeLogger
from prefect_preflight._running.waves import Runner
from prefect_preflight._settings import Settings
from prefect_preflight._state import state
from prefect_preflight.api import HookContext

from ._advice import about_code, about_environ, about_second_call, about_texts
from ._isolation import Recorder, captured_stdout, environment
from ._outcome import LogLine, Observed, run_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from ._conditions import Conditions
    from ._outcome import PluginRun
    from ._target import Target

__all__ = ["run_in_process"]


def run_in_process(target: Target, conditions: Conditions) -> PluginRun:
    """Run it and tell; see `run_plugin`."""
    redactor = Redactor()
    recorder = Recorder(redactor)
    seen_early = "prefect" not in sys.modules
    isolated = environment(conditions.variables)
    with isolated, captured_stdout() as printed, recorder.listening() as logger_factory, target.present():
        context = HookContext(_prefect_version(), conditions.api_url, logger_factory)
        make = partial(_runner, target, conditions, context, redactor)
        before = dict(os.environ)
        runner = _run(make())
        plugin = runner.plugins[0]
        # Prefect sets variables of its own when it is imported.
        advice = [] if plugin.stage == "late" else list(about_environ(before, plugin.env))
        records, stdout = recorder.records[:], printed.text
        if conditions.twice and plugin.status == "success":
            advice += about_second_call(plugin, _run(make()).plugins[0])
        # Where Prefect is there already, the plugin may import more of it, which is not what is measured here.
        advice += about_code(plugin, conditions.slow_import if seen_early else float("inf"))
    own = [message for name, _, message in records if name != "prefect.plugins"]
    advice += about_texts(redactor, plugin.note, own, stdout)
    observed = Observed(
        stage=plugin.stage if seen_early or plugin.stage == "late" else None,
        seconds=runner.seconds,
        logs=tuple(LogLine(*record) for record in records),
        stdout=stdout,
        advice=tuple(advice),
    )
    return run_of(plugin, target.candidate, redactor, observed)


def _runner(target: Target, conditions: Conditions, context: HookContext, redactor: Redactor) -> Runner:
    settings = Settings()
    settings.setup_timeout_seconds = settings.load_timeout_seconds = conditions.timeout
    logger = SafeLogger(context.logger_factory("prefect.plugins"))
    return Runner(settings, [target.candidate], context, redactor, logger, DirectEnvironment(), formers={})


def _run(runner: Runner) -> Runner:
    """Take a runner through its stages, as `_stages` does.

    A Prefect that has been imported is left in its place, since other threads may use it.
    """
    if not runner.can_use_threads():
        runner.run_inline()
    has_room = "prefect" not in sys.modules and cpython.usable() and not runner.inline
    room = WaitingRoom("prefect") if has_room else None
    try:
        if room is not None:
            _run_early(runner, room)
        elif not runner.inline:
            with _completed_api():
                runner.early(None)
        if runner.unfinished:
            with _no_hooks_at_import(), _completed_api():
                _import_prefect(room)
                runner.late()
    finally:
        unmark()
        runner.give_up()
        if room is not None:
            room.close(runner.stragglers)
    return runner


def _run_early(runner: Runner, room: WaitingRoom) -> None:
    room.open()
    served = serve_early(room.answer)
    try:
        runner.early(room)
    finally:
        withdraw(served)


def _import_prefect(room: WaitingRoom | None) -> None:
    """Let Prefect be there for those who wait for it; if that fails, they will meet the error themselves."""
    if room is not None:
        room.begin_body()
    try:
        import_module("prefect")
    except Exception:
        pass


@contextmanager
def _no_hooks_at_import() -> Iterator[None]:
    """While inside, an import of Prefect gets the installed one, and runs no hooks of its own."""
    phase = state.phase
    state.phase = "running" if phase == "waiting" else phase
    try:
        yield
    finally:
        state.phase = phase


@contextmanager
def _completed_api() -> Iterator[None]:
    """While inside, the modules of the plugin API can be imported and are complete, on every Prefect."""
    present: dict[str, tuple[ModuleType, dict[str, Any]]] = {
        name: (sys.modules[name], dict(vars(sys.modules[name]))) for name in API_MODULES if name in sys.modules
    }
    finders = sys.meta_path[:]
    finder: Any = install(run_diagnose)
    try:
        yield
    finally:
        if finder not in finders and finder in sys.meta_path:
            sys.meta_path.remove(finder)
        for module, names in present.values():
            vars(module).clear()
            vars(module).update(names)


def _prefect_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    for distribution in ("prefect", "prefect-client"):
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return "3.0.0"  # none is installed: the plugin API's documentation has this one as its example
