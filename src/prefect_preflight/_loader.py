"""The loader of `prefect`: Prefect's own, with the stages around it.

`import prefect` finds it by the finder `_prefect_preflight`, and its `exec_module` does all the work, once per
process:

    early   the module is not in `sys.modules`: the plugins' hooks run, their environment is applied
    body    Prefect's own `__init__` is executed by Prefect's own loader
    late    plugins that need Prefect itself go on

Errors of ours are one line on stderr, and Prefect loads. Only strict mode ends the import.
"""

import os
import sys

from ._settings import REPORT_DIR, REPORT_LINE, TRUE, Settings, anything_set
from ._state import ask_other_finders, begin_afresh, finish, is_asked_in_return, refuse, state, write
from ._state import finder as start_up_finder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Callable

    from ._discovery import Candidate, InstalledPrefect
    from ._stages import PrefectImport


def find_staged_spec(path: object, target: object) -> "ModuleSpec | None":
    """The spec of `prefect` that the other finders give, its loader wrapped; None leaves the answer to them."""
    finder = start_up_finder()
    if is_asked_in_return(finder, "prefect"):
        return None
    run: PrefectImport | None = state.run
    if run is not None and run.is_under_way_here():
        return _spec_under_way(run.module)
    try:
        spec = ask_other_finders(finder, "prefect", path, target)
    except Exception:
        return None  # another finder's error: the import system meets it again, without us in the traceback
    if spec is None or spec.submodule_search_locations is None or not hasattr(spec.loader, "exec_module"):
        return None  # nothing, a module `prefect.py`, a namespace package: not Prefect
    if not isinstance(spec.loader, StagedLoader):
        staged: Any = StagedLoader(spec.loader)
        spec.loader = staged
        state.specs += 1
    return spec


class StagedLoader:
    """Stands for the real loader until `exec_module`, whose first act is to put the real one back."""

    def __init__(self, loader: "Any") -> None:
        self._loader = loader
        self._prepared: _Preparation | None = None

    def __getattr__(self, name: str) -> "Any":
        # Whoever only looks at the spec sees the real loader's attributes; `__dict__`, so that a copy that
        # has not been initialized yet does not ask for itself.
        if "_loader" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self._loader, name)

    def create_module(self, spec: "ModuleSpec") -> "ModuleType | None":
        """Let the real loader make the module (PEP 451), and find out what there is to do while it does not exist.

        As soon as it is in `sys.modules`, other threads may import submodules of it (cpython#83065): what takes time is
        better done now. But no hook runs here. Whoever only makes a module of the spec gets one, and nothing has to be
        taken back between two calls of which the second may not come.
        """
        if state.phase == "waiting":
            self._prepared = _Preparation(spec.origin)
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: "ModuleType") -> None:
        """Execute Prefect's body, with the hooks before it and the late ones after it (PEP 451).

        Raises:
            SystemExit: in strict mode, if a required plugin failed.
            KeyboardInterrupt: on the user's Ctrl-C; the next import begins afresh.
            BaseException: whatever Prefect's body raises.
        """
        loader = self._loader
        ours: Any = self
        if module.__spec__ is not None and module.__spec__.loader is ours:  # not if somebody has wrapped us in turn
            module.__spec__.loader = loader
        if module.__loader__ is ours:
            module.__loader__ = loader
        if not self._runs_stages(module, loader):
            loader.exec_module(module)

    def _runs_stages(self, module: "ModuleType", loader: "Any") -> bool:
        """Take Prefect through its stages; False if there is nothing to do, and it is to be loaded as without us."""
        if state.phase != "waiting":
            return False  # the hooks have run: a reload, or a spec that someone kept
        # Twice, for an interrupt may come in the middle of what takes back what an interrupt has left.
        try:
            try:
                return _run_stages(_begin(module, self._take_preparation(module)), loader)
            except BaseException:
                _undo()
                raise
        except BaseException:
            _undo()
            raise

    def _take_preparation(self, module: "ModuleType") -> "_Preparation":
        """What `create_module` found out; anew if it was not called, or the environment has changed since."""
        prepared, self._prepared = self._prepared, None
        if prepared is None or prepared.environ != os.environ:  # such as under `LazyLoader`, at the module's first use
            prepared = _Preparation(getattr(module, "__file__", None))
        return prepared


class _Preparation:
    """What is known before the module exists: the settings, the installed Prefect, its plugins, or what went wrong."""

    def __init__(self, file: object) -> None:
        self.environ = dict(os.environ)
        self.settings: Settings | None = None
        self.prefect: InstalledPrefect | None = None
        self.candidates: list[Candidate] = []
        self.error: Exception | None = None
        try:
            self._look(file)
        except Exception as error:  # told when Prefect is executed
            self.error = error

    def _look(self, file: object) -> None:
        settings = Settings()
        if anything_set(os.environ):
            from ._settings.resolution import fill

            fill(settings, os.environ)
        self.settings = settings
        if settings.enabled or settings.problems:
            from ._discovery import identify

            self.prefect = identify(file)
        if settings.enabled and self.prefect is not None:
            from ._stages import find_candidates

            self.candidates = find_candidates(settings)


def _run_stages(run: "PrefectImport | None", loader: "Any") -> bool:
    if run is None:
        return False
    _guarded(run.early, run)
    _guarded(run.let_prefect_exist, run)
    run.body(loader)
    _guarded(run.late, run)
    _guarded(run.complete, run)

    def renewal() -> None:
        from ._stages.renewal import begin

        begin(run)

    if run.settings.renew:
        _guarded(renewal, run)
    _guarded(run.write_report, run)
    finish()
    return True


def _undo() -> None:
    """Have the next `import prefect` begin as if there had been none; whatever this one had come to."""
    if state.run is not None:
        state.run.undo()
    begin_afresh()


class _UnderWayLoader:
    """Gives the importing thread the module that it is importing, as `sys.modules` does in any circular import.

    While hooks run it is not there, and this thread may import Prefect nevertheless: in a signal handler, in a handler
    of log records, in a finder of somebody's.
    """

    def __init__(self, module: "ModuleType") -> None:
        self._module = module
        self._spec = module.__spec__

    def create_module(self, spec: "ModuleSpec") -> "ModuleType":
        """The module that there is."""
        return self._module

    def exec_module(self, module: "ModuleType") -> None:
        """Its own thread executes it in the end. It gets its spec back, which the import system has replaced."""
        module.__spec__ = self._spec


def _spec_under_way(module: "ModuleType") -> "ModuleSpec":
    make: type[ModuleSpec] = type(__spec__)
    loader: Any = _UnderWayLoader(module)
    return make(module.__name__, loader, is_package=True)


def _begin(module: "ModuleType", prepared: _Preparation) -> "PrefectImport | None":
    """The run to be made, or None if Prefect is to be loaded as if we were not here."""
    state.phase, state.refusal, state.run = "running", None, None
    try:
        state.settings = settings = prepared.settings
        if prepared.error is not None or settings is None:
            raise prepared.error or RuntimeError("no settings")
        if not settings.enabled and not settings.problems:
            _finish_disabled()
            return None
        if prepared.prefect is None:
            state.phase, state.reason = "waiting", f"{module.__file__} does not belong to an installed Prefect"
            return None
        _tell_problems(settings)
        if not settings.enabled:
            _finish_disabled()
            return None
        from ._stages import PrefectImport

        state.run = run = PrefectImport(module, prepared.prefect, settings, prepared.candidates)
        return run
    except Exception as error:
        state.phase, state.reason = "done", f"internal error: {type(error).__name__}: {error}"
        if _is_strict():
            state.phase = "waiting"  # the next import fails again
            raise _refused(state.reason) from error
        _complain(f"no plugin hooks run, {state.reason}")
        return None


def _finish_disabled() -> None:
    """Leave Prefect alone, unless this process is `prefect plugins diagnose`: that answers on every Prefect."""
    finish("plugins are disabled")
    if "plugins" in getattr(sys, "argv", ()):
        from ._command_line import run_diagnose
        from ._prefect.command_line import install_if_asked_for

        install_if_asked_for(sys.argv, run_diagnose)


def _tell_problems(settings: "Settings") -> None:
    """Say what is wrong with the settings, and fail closed on what cannot be read: it may have required a plugin.

    Raises:
        SystemExit: in strict mode.
    """
    bad = [problem for problem in settings.problems if problem.slug in ("bad-value", "broken-file", "internal-error")]
    broken = any(problem.slug == "internal-error" for problem in bad)  # then even `strict` may not have been resolved
    if bad and (settings.strict or (broken and _is_strict_by_environment())):
        state.reason = "a setting cannot be read"
        raise _refused(bad[0].text)
    for problem in settings.problems:
        # With plugins disabled, a file that cannot be read is no business of ours, unless it names our settings: it may
        # have enabled them. So is a bad ENABLED.
        if settings.enabled or problem.field or broken:
            _complain(problem.text)
    if settings.enabled and settings.strict and settings.safe_mode and not state.safe_mode_asked_for:
        source = settings.sources["safe_mode"]
        _complain(f"safe mode is on ({source}), so no hook is called, and strict mode misses none")


def _is_strict() -> bool:
    """Whether strict mode is on: by the settings, or by the environment alone if it was those that broke."""
    if state.settings is not None:
        return bool(state.settings.strict)
    return _is_strict_by_environment()


def _is_strict_by_environment() -> bool:
    finder = start_up_finder()
    return finder is not None and bool(finder.is_strict())


def _refused(text: str) -> SystemExit:
    """What strict mode ends an import with before there is a run; its report is written where that is asked for."""
    state.refusal = f"[plugins] {text}"
    if os.environ.get(REPORT_DIR) or os.environ.get(REPORT_LINE):
        try:
            from ._reports import file, line

            if os.environ.get(REPORT_DIR):
                file.write(None)
            if os.environ.get(REPORT_LINE, "").lower() in TRUE:
                line.write_line("import")
        except Exception as error:  # something of ours is damaged, which must not keep strict mode from its exit
            _complain(f"no report is written, {type(error).__name__}: {error}")
    return _refusal(text)


def _complain(text: str) -> None:
    """Write one line to stderr, even if the part that hides its secrets is damaged: then without what it says."""
    try:
        from ._redaction.outlet import complain
    except Exception as error:
        write(f"prefect-preflight: {_damage(error)}\n")
    else:
        complain(text)


def _refusal(text: str) -> SystemExit:
    """What strict mode ends an import with, its line written; like `_complain`."""
    try:
        from ._redaction.outlet import refusal
    except Exception as error:
        return refuse(f"[plugins] {_damage(error)}")
    return refusal(f"[plugins] {text}")


def _damage(error: Exception) -> str:
    return f"the installation is damaged, reinstall prefect-preflight: {type(error).__name__}: {error}"


def _guarded(stage: "Callable[[], None]", run: "PrefectImport") -> None:
    """Run a stage so that an error of ours is one line on stderr, and Prefect loads."""
    try:
        stage()
    except Exception as error:
        reason = f"internal error in the {stage.__name__} stage: {type(error).__name__}: {error}"
        run.internal_errors.append(reason)
        if run.settings.strict:
            raise _refusal(reason) from error
        _complain(reason)
