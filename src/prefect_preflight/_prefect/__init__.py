"""What is done to Prefect in each import: its own plugin runner is superseded, and a finder stays.

So the hooks run once. What is left to the native system are the hooks that Prefect calls later: its server asks plugins
for parameters of the database connection, through a plugin manager of its own.

The finder answers for the few modules of Prefect that we serve or complete, in `plugin_api` and `command_line`.
`settings_context` has Prefect read its settings again.
"""

import sys
from contextlib import contextmanager

from prefect_preflight._state import ask_other_finders, is_asked_in_return, state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType
    from typing import Any, Callable


# The finder

# Below these are all places of the plugin API that `plugin_api` knows, which is not loaded before one is asked for.
_API_PLACES = ("prefect.plugins", "prefect._experimental", "prefect._internal.plugins")


class ApiFinder:
    """Meta-path finder for the plugin API's modules, the command line's, and Prefect itself when it is reloaded."""

    def __init__(self, run_diagnose: "Callable[[Sequence[str], str], None]") -> None:
        self._run_diagnose = run_diagnose

    def find_spec(
        self, name: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        """Answer for what `_spec` knows (PEP 451)."""
        if name[:7] != "prefect":  # the cheapest test there is, since every further import of the process is asked
            return None
        return None if is_asked_in_return(self, name) else self._spec(name, path, target)

    def _spec(self, name: str, path: "Sequence[str] | None", target: "ModuleType | None") -> "ModuleSpec | None":
        if name.startswith(_API_PLACES):
            from .plugin_api import completed_spec

            return completed_spec(self, name, path, target)
        if name == "prefect":
            return _spec_of_reload(ask_other_finders(self, name, path, target))
        if name.startswith("prefect.cli."):
            from .command_line import completed_spec as completed_command

            return completed_command(self, name, path, target, self._run_diagnose)
        return None


def install(run_diagnose: "Callable[[Sequence[str], str], None]") -> ApiFinder:
    """Put the finder in front, once; modules that are loaded already are completed where they are.

    Args:
        run_diagnose: what `prefect plugins diagnose` runs, given its arguments and what was typed before them.

    Returns:
        The finder, so that it can be taken away again.
    """
    installed = [finder for finder in sys.meta_path if isinstance(finder, ApiFinder)]
    finder: Any = installed[0] if installed else ApiFinder(run_diagnose)
    if not installed:
        sys.meta_path.insert(0, finder)
    for name in [name for name in sys.modules if name.startswith(_API_PLACES)]:
        from .plugin_api import complete

        complete(sys.modules[name])
    found: ApiFinder = finder
    return found


# Prefect's own plugin runner


@contextmanager
def superseding_native_runner(loader: "Any") -> "Iterator[list[bool]]":
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

    def get_code(name: str) -> "CodeType | None":
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


def _spec_of_reload(spec: "ModuleSpec | None") -> "ModuleSpec | None":
    """`spec` of Prefect for `importlib.reload`, or for an import after someone took it out of `sys.modules`.

    The hooks have run. The native runner would find nothing to run either, but complain inside a running loop, as in a
    notebook. As long as the hooks have not run, such as after a failed import, the spec is another finder's matter.
    """
    if state.phase != "done":
        return spec
    from .completion import completed

    return completed(spec, around=superseding_native_runner)


def _nothing() -> None:
    """Stands where Prefect's `_initialize_plugins` was: prefect-preflight has run the hooks already."""


def _without_native_runner(code: "CodeType") -> "CodeType | None":
    """The module code with `_initialize_plugins` emptied, or None if it has no such function.

    Functions are constants of their module's code object; seen on CPython 3.9 to 3.15 with Prefect 3.4.24 to
    3.9.1.
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


def _release(version: str) -> "tuple[int, ...]":
    return tuple(int(part) for part in version.split(".")[:3] if part.isdigit())


def variables_for_native(version: str) -> "dict[str, str]":
    """What a Prefect of `version` must find in the environment to know that plugins are enabled.

    Prefect 3.4.24 to 3.6.29 know that setting by its older name alone, and their server calls no plugin's
    `set_database_connection_params` without it.
    """
    return {"PREFECT_EXPERIMENTS_PLUGINS_ENABLED": "1"} if (3, 4, 24) <= _release(version) < (3, 7) else {}
