"""How a native plugin system is superseded, so that the hooks run once and Prefect's settings know their results.

What is left to it are the hooks that Prefect calls later: its server asks plugins for parameters of the database
connection, through a plugin manager of its own.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType
    from typing import Any, Callable


@contextmanager
def superseding_native_runner(loader: Any) -> Iterator[list[bool]]:
    """While `loader` executes Prefect's body, make a native `_initialize_plugins()` do nothing.

    From Prefect 3.4.24 on the body ends by calling that function. The loader's own `exec_module` runs, so a
    loader that instruments code still does; only the code object that its `get_code` returns has the
    function's code replaced. The yielded list says whether that happened. A loader without `get_code`, or a
    body without that function, runs as it is: then the native runner finds our `run_startup_hooks` in
    `prefect.plugins`, and still no hook runs twice.
    """
    done: list[bool] = []
    original = getattr(loader, "get_code", None)
    if original is None:
        yield done
        return

    def get_code(name: str) -> CodeType | None:
        code: CodeType | None = original(name)
        replaced = _without_native_runner(code) if code is not None else None
        done.append(replaced is not None)
        return replaced or code

    try:
        loader.get_code = get_code
    except AttributeError:  # an instance that takes no attribute
        yield done
        return
    try:
        yield done
    finally:
        del loader.get_code


class _AgainLoader:
    """Loader of a Prefect that has been imported in this process, and is executed again."""

    def __init__(self, native: Any) -> None:
        self._native = native

    def __getattr__(self, name: str) -> Any:
        if "_native" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self._native, name)

    def exec_module(self, module: ModuleType) -> None:
        """Execute the body, its own loader back in its place, without the native runner (PEP 451)."""
        module.__loader__ = native = self._native
        if module.__spec__ is not None:
            module.__spec__.loader = native
        with superseding_native_runner(native):
            native.exec_module(module)


def spec_of_reload(spec: ModuleSpec | None) -> ModuleSpec | None:
    """`spec` of Prefect for `importlib.reload`, or for an import after someone took it out of `sys.modules`.

    The hooks have run. The native runner would find nothing to run either, but complain inside a running loop, as in a
    notebook. As long as the hooks have not run, such as after a failed import, the spec is another finder's matter.
    """
    from ._loader import state

    if spec is None or state.phase != "done" or not hasattr(spec.loader, "exec_module"):
        return spec
    loader: Any = _AgainLoader(spec.loader)
    spec.loader = loader
    return spec


def _nothing() -> None:
    """Stands where Prefect's `_initialize_plugins` was: prefect-preflight has run the hooks already."""


def _without_native_runner(code: CodeType) -> CodeType | None:
    """The module code with `_initialize_plugins` emptied, or None if it has no such function.

    Functions are constants of their module's code object; seen on CPython 3.9 to 3.13 with Prefect 3.4.24 to
    3.8.8.
    """
    constants = list(code.co_consts)
    for index, constant in enumerate(constants):
        if isinstance(constant, type(code)) and constant.co_name == "_initialize_plugins":
            if constant.co_freevars or constant.co_argcount:
                return None
            # Name and place stay the original's, so that tracebacks and `inspect` point where the function
            # stands.
            constants[index] = _nothing.__code__.replace(
                co_name=constant.co_name,
                co_filename=constant.co_filename,
                co_firstlineno=constant.co_firstlineno,
            )
            return code.replace(co_consts=tuple(constants))
    return None


def refresh_settings() -> None:
    """Make Prefect read its settings again, if it has read them: late hooks have changed the environment since.

    Prefect keeps them in `prefect.context.GLOBAL_SETTINGS_CONTEXT`, made by `root_settings_context()`; seen
    from 2.14 to 3.8. Where these are gone, settings that were read before the late stage stay as they were. If
    a plugin's value is one that Prefect refuses, they stay as they were too, and an error is logged.
    """
    context: Any = sys.modules.get("prefect.context")
    if not (hasattr(context, "GLOBAL_SETTINGS_CONTEXT") and hasattr(context, "root_settings_context")):
        return
    from contextvars import copy_context

    try:
        # In a context of its own: up to 3.0 the function enters the new one, for a moment.
        context.GLOBAL_SETTINGS_CONTEXT = copy_context().run(_from_environment(context))
    except Exception as error:
        import logging

        message = " ".join(str(error).split())
        logging.getLogger("prefect.plugins").error(
            "Prefect's settings stay as they were before the late plugins: %s: %s", type(error).__name__, message
        )


def _from_environment(context: Any) -> Callable[[], Any]:
    """Prefect's `root_settings_context`, as it works before there are settings.

    Up to 3.0 it builds upon the settings that are there, by `use_profile`, and would keep what it finds in them. To
    take them away for a moment would leave other threads without any. So it is a copy that runs, which finds another
    `use_profile`.
    """
    from functools import partial
    from types import FunctionType

    function, use_profile = context.root_settings_context, getattr(context, "use_profile", None)
    if not isinstance(function, FunctionType) or use_profile is None:
        return function  # type: ignore[no-any-return]
    names = {**function.__globals__, "use_profile": partial(use_profile, include_current_context=False)}
    return FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)


def load_as_native(version: str) -> None:
    """Import what a superseded native runner would have imported, where later imports rely on that.

    In Prefect 3.6.19 to 3.7.1 `prefect.context`, `prefect.task_runners` and `prefect.logging.handlers` import one
    another, which works only if the first one is the first; the native runner saw to that by reading the
    settings. Without it `from prefect import flow` fails ("cannot import name 'TaskRunner'"). In other versions
    nothing is imported, which is most of what superseding saves.
    """
    if (3, 6, 19) <= _release(version) < (3, 7, 2):
        try:
            import prefect.context  # noqa: F401  # for what it imports
        except Exception:  # such as settings that Prefect refuses: the native runner kept silent about that too
            pass


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3] if part.isdigit())


def variables_for_native(version: str) -> dict[str, str]:
    """What a Prefect of `version` must find in the environment to know that plugins are enabled.

    Prefect 3.4.24 to 3.6.29 know that setting by its older name alone, and their server calls no plugin's
    `set_database_connection_params` without it.
    """
    return {"PREFECT_EXPERIMENTS_PLUGINS_ENABLED": "1"} if (3, 4, 24) <= _release(version) < (3, 7) else {}


def filter_native_loading(module: ModuleType) -> None:
    """Have the native `load_entry_point_plugins` in `module` leave out the plugins that our settings exclude.

    It compares names letter by letter, takes an empty allow list for none, and knows one prefix only on older
    Prefects, so it would import the modules of plugins that are denied.
    """
    native = module.__dict__.get("load_entry_point_plugins")
    if native is None:
        return

    def load_entry_point_plugins(*args: Any, **options: Any) -> Any:
        from . import _loader

        run = _loader.state.run
        if run is not None and run.runner is not None:
            excluded = [plugin.name for plugin in run.runner.plugins if plugin.status in ("filtered", "incompatible")]
            options.update(allow=None, deny={*(options.get("deny") or ()), *excluded})
        return native(*args, **options)

    module.__dict__["load_entry_point_plugins"] = load_entry_point_plugins
