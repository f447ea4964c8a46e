"""The loader of `prefect`: Prefect's own, with the stages around it.

`import prefect` finds it by the finder in `__init__`, and its `exec_module` does all the work, once per
process:

    early   the module exists, its body has not run: the plugins' hooks run, their environment is applied
    body    Prefect's own `__init__` is executed by Prefect's own loader
    late    plugins that need Prefect itself run

Errors of ours are one line on stderr, and Prefect loads. Only strict mode ends the import.
"""

import os
import sys

from ._hold import Hold
from ._settings import PREFIXES, TRUE, resolve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Callable

    from ._run import Run
    from ._settings import Settings


class State:
    """What this process has come to.

    `phase` is "waiting" (for an `import prefect`), "running", or "done"; a failed import makes it "waiting"
    again.
    """

    def __init__(self) -> None:
        self.phase = "waiting"
        self.reason: str | None = None  # why no hook ran, if that is so
        self.refusal: str | None = None  # what strict mode ended the import with before there was a run
        self.settings: Settings | None = None
        self.run: Run | None = None
        self.hold: Hold | None = None


state = State()


def find_staged_spec(path: "Sequence[str] | None", target: "ModuleType | None") -> "ModuleSpec | None":
    """The spec of `prefect` that the other finders give, its loader wrapped; None leaves the answer to them."""
    finder = sys.modules[__package__]
    from ._bridge import ask_other_finders

    try:
        spec = ask_other_finders(finder, "prefect", path, target)
    except Exception:
        return None  # another finder's error: the import system meets it again, without us in the traceback
    if spec is None or spec.submodule_search_locations is None or not hasattr(spec.loader, "exec_module"):
        return None  # nothing, a module `prefect.py`, a namespace package: not Prefect
    if not isinstance(spec.loader, StagedLoader):
        staged: Any = StagedLoader(spec.loader)
        spec.loader = staged
    return spec


class StagedLoader:
    """Stands for the real loader until `exec_module`, whose first act is to put the real one back."""

    def __init__(self, loader: "Any") -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> "Any":
        # Whoever only looks at the spec sees the real loader's attributes; `__dict__`, so that a copy that
        # has not been initialized yet does not ask for itself.
        if "_loader" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self._loader, name)

    def exec_module(self, module: "ModuleType") -> None:
        """Execute Prefect's body, with the hooks before it and the late ones after it (PEP 451).

        Raises:
            SystemExit: in strict mode, if a required plugin failed.
            KeyboardInterrupt: on the user's Ctrl-C; the next import begins afresh.
            BaseException: whatever Prefect's body raises.
        """
        loader = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = loader
        module.__loader__ = loader
        # Before anything else, for several threads may import Prefect at this very moment.
        state.hold = hold = Hold()
        try:
            _exec_staged(module, loader, hold)
        finally:
            hold.release()


def _exec_staged(module: "ModuleType", loader: "Any", hold: "Hold") -> None:
    run = _begin(module)
    if run is None:
        hold.release()
        loader.exec_module(module)
        return
    completed = False
    try:
        _guarded(run.early, run)
        run.body(loader)
        hold.release()  # not later, for plugins that need Prefect itself may have threads of their own
        _guarded(run.late, run)
        completed = True
    finally:
        if completed:
            finish()
        else:
            state.phase = "waiting"
        run.close(completed)


def _begin(module: "ModuleType") -> "Run | None":
    """The run to be made, or None if Prefect is to be loaded as if we were not here."""
    if state.phase != "waiting":
        return None  # the hooks have run: a reload, or a spec that someone kept
    state.phase, state.refusal = "running", None
    try:
        state.settings = settings = resolve(os.environ)
        if not settings.enabled and not settings.problems:
            _finish_disabled()
            return None
        from ._host import identify

        host = identify(module)
        if host is None:
            state.phase, state.reason = "waiting", f"{module.__file__} does not belong to an installed Prefect"
            return None
        _tell_problems(settings)
        if not settings.enabled:
            _finish_disabled()
            return None
        from ._run import Run

        state.run = Run(module, host, settings)
        return state.run
    except Exception as error:
        state.phase, state.reason = "done", f"internal error: {type(error).__name__}: {error}"
        if _is_strict():
            state.phase = "waiting"  # the next import fails again
            raise _refusal(f"[plugins] {state.reason}") from error
        complain(f"no plugin hooks run, {state.reason}")
        return None
    except BaseException:
        state.phase = "waiting"
        raise


def _finish_disabled() -> None:
    """Leave Prefect alone, unless this process is `prefect plugins diagnose`: that answers on every Prefect."""
    finish("plugins are disabled")
    if "plugins" in getattr(sys, "argv", ()):
        from ._cli_bridge import CliFinder

        CliFinder.install_if_asked_for(sys.argv)


def _tell_problems(settings: "Settings") -> None:
    """Say what is wrong with the settings, and fail closed on what cannot be read: it may have required a plugin.

    Raises:
        SystemExit: in strict mode.
    """
    bad = [problem for problem in settings.problems if problem.slug in ("bad-value", "broken-file", "internal-error")]
    if settings.strict and bad:
        state.reason = "a setting cannot be read"
        raise _refusal(f"[plugins] {bad[0].text}")
    for problem in settings.problems:
        # With plugins disabled, a file that cannot be read is no business of ours, but a bad ENABLED is.
        if settings.enabled or problem.field == "enabled":
            complain(problem.text)


def _is_strict() -> bool:
    """Whether strict mode is on: by the settings, or by the environment alone if it was those that broke."""
    if state.settings is not None:
        return state.settings.strict
    return all(
        any(os.environ.get(prefix + name, "").lower() in TRUE for prefix in PREFIXES) for name in ("ENABLED", "STRICT")
    )


def _refusal(text: str) -> SystemExit:
    """What strict mode ends an import with before there is a run; its report is written where that is asked for."""
    state.refusal = text
    if os.environ.get("PREFECT_PREFLIGHT_REPORT_DIR"):
        from . import _report_file

        _report_file.write(None)
    return SystemExit(text)


def _guarded(stage: "Callable[[], None]", run: "Run") -> None:
    """Run a stage so that an error of ours is one line on stderr, and Prefect loads."""
    try:
        stage()
    except Exception as error:
        reason = f"internal error in the {stage.__name__} stage: {type(error).__name__}: {error}"
        run.internal_errors.append(reason)
        if run.settings.strict:
            raise SystemExit(f"[plugins] {reason}") from error
        complain(reason)


def complain(text: str) -> None:
    """One line on stderr, if there is a stderr."""
    if sys.stderr is not None:
        try:
            sys.stderr.write(f"prefect-preflight: {text}\n")
        except Exception:  # closed, nobody reads it any more, or not a stream at all
            pass


def finish(reason: "str | None" = None) -> None:
    """The hooks have run, or will not for `reason`; no further import costs anything because of the start-up finder."""
    state.phase, state.reason = "done", reason
    finder: Any = sys.modules[__package__]
    if finder in sys.meta_path:
        sys.meta_path.remove(finder)
