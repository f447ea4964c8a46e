"""How `prefect.plugins` and its older names are served, completed and superseded.

On every Prefect the names of the plugin API can be imported from the places where Prefect's documentation has
them, and the hooks run once: what a native plugin system would start is answered with our run.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from importlib.machinery import ModuleSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import CodeType, ModuleType
    from typing import Any, Callable

_NAMES = (
    "PREFECT_PLUGIN_API_VERSION",
    "HookContext",
    "HookSpec",
    "SetupResult",
    "SetupSummary",
    "register_hook",
    "run_startup_hooks",
)
# What a native module must not keep: its runner would run the hooks again, and its result knows no
# `expires_at`.
_REPLACED = ("SetupResult", "run_startup_hooks")


class _ApiModule:
    """What one module of the plugin API offers."""

    __slots__ = ("names", "package")

    def __init__(self, *names: str, package: bool = False) -> None:
        self.names = names
        self.package = package


API_MODULES = {
    "prefect.plugins": _ApiModule(*_NAMES),
    "prefect._experimental": _ApiModule(package=True),
    "prefect._experimental.plugins": _ApiModule(*_NAMES, package=True),
    "prefect._experimental.plugins.spec": _ApiModule(
        "PREFECT_PLUGIN_API_VERSION", "HookContext", "HookSpec", "SetupResult"
    ),
    "prefect._experimental.plugins.manager": _ApiModule("register_hook"),
    "prefect._experimental.plugins.diagnostics": _ApiModule("SetupSummary"),
}


def _offer(module: ModuleType, names: Sequence[str]) -> None:
    """Put our implementation of `names` into `module`."""
    from . import api  # not before someone imports the plugin API: it loads `dataclasses` and `logging`

    for name in names:
        module.__dict__[name] = getattr(api, name)


class ApiLoader:
    """Loader of a plugin API module that is ours alone."""

    def __init__(self, refuse: Callable[[str, str], Any] | None = None) -> None:
        self._refuse = refuse

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to the import system."""

    def exec_module(self, module: ModuleType) -> None:
        """Fill the module; in the early stage, names that it does not have defer the plugin that asks."""
        names = API_MODULES[module.__name__].names
        _offer(module, names)
        module.__dict__["__all__"] = list(names)
        module.__doc__ = f"{module.__name__}, served by prefect-preflight."
        refuse = self._refuse
        if refuse is not None:
            module.__dict__["__getattr__"] = lambda name: refuse(module.__name__, name)


def api_spec(name: str, refuse: Callable[[str, str], Any] | None = None) -> ModuleSpec:
    """The spec of a plugin API module that is ours alone."""
    loader: Any = ApiLoader(refuse)
    return ModuleSpec(name, loader, is_package=API_MODULES[name].package)


class _CompletedLoader:
    """Loader of a native plugin API module: the native one first, then what it lacks, then what must be ours."""

    def __init__(self, native: Any) -> None:
        self._native = native

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_native"], name)

    def exec_module(self, module: ModuleType) -> None:
        native = self._native
        module.__loader__ = native
        if module.__spec__ is not None:
            module.__spec__.loader = native
        native.exec_module(module)
        _complete(module)


def _complete(module: ModuleType) -> None:
    """Add to a native plugin API module what it lacks, and put our runner in its place."""
    names = API_MODULES[module.__name__].names
    # A module with a `__getattr__` resolves its names lazily, through `prefect.plugins` where it is a
    # deprecated alias: to look would import Prefect's internals and warn. What its `__all__` promises it has.
    lazy = module.__dict__.get("__all__", ()) if "__getattr__" in module.__dict__ else ()
    alias = bool(lazy) and module.__name__ != "prefect.plugins"
    _offer(module, [name for name in names if name not in module.__dict__ and name not in lazy])
    if not alias:
        _offer(module, [name for name in names if name in _REPLACED])


class ApiFinder:
    """Meta-path finder that stays: serves or completes the plugin API's modules on every later import of them."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Answer for the plugin API's modules alone (PEP 451)."""
        if name not in API_MODULES:
            return None
        spec = ask_other_finders(ApiFinder, name, path, target)
        if spec is None:
            return api_spec(name)
        if spec.loader is not None and API_MODULES[name].names:
            completed: Any = _CompletedLoader(spec.loader)
            spec.loader = completed
        return spec

    @staticmethod
    def install() -> None:
        """Put the finder in front, once; modules that are loaded already are completed where they are."""
        if ApiFinder not in sys.meta_path:
            sys.meta_path.insert(0, ApiFinder)
        for name in API_MODULES:
            if name in sys.modules:
                _complete(sys.modules[name])


_asking: set[tuple[int, int]] = set()


def ask_other_finders(
    finder: object, name: str, path: Sequence[str] | None, target: ModuleType | None
) -> ModuleSpec | None:
    """The spec that the finders on `sys.meta_path` other than `finder` give for `name`, in their order.

    None also when another finder asks us in return, as one that wraps loaders too would: it then gets the
    next answer.
    """
    from _thread import get_ident

    key = (get_ident(), id(finder))
    if key in _asking:
        return None
    _asking.add(key)
    try:
        for other in list(sys.meta_path):
            find = getattr(other, "find_spec", None) if other is not finder else None
            spec: ModuleSpec | None = find(name, path, target) if find is not None else None
            if spec is not None:
                return spec
        return None
    finally:
        _asking.discard(key)


def forget_other_threads() -> None:
    """Forget, in a forked child, who else was asking: the idents of lost threads are given to new ones."""
    from _thread import get_ident

    for key in [key for key in _asking if key[0] != get_ident()]:
        _asking.discard(key)


def attribute_of_prefect(name: str) -> Any:
    """`__getattr__` of a package object `prefect` that was given up before its body ended: look in its successor."""
    from importlib import import_module

    successor = import_module("prefect")
    if getattr(successor, "__getattr__", None) is attribute_of_prefect:
        raise AttributeError(f"module 'prefect' has no attribute {name!r}")
    return getattr(successor, name)


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

    def get_code(name: str) -> CodeType | None:
        code = original(name)  # type: ignore[misc]
        replaced = _without_native_runner(code) if code is not None else None
        done.append(replaced is not None)
        return replaced or code

    try:
        loader.get_code = get_code
    except AttributeError:  # an instance that takes no attribute
        original = None
    try:
        yield done
    finally:
        if original is not None:
            del loader.get_code


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
    from 2.14 to 3.8. Where these are gone, settings that were read before the late stage stay as they were.
    """
    context: Any = sys.modules.get("prefect.context")
    if hasattr(context, "GLOBAL_SETTINGS_CONTEXT") and hasattr(context, "root_settings_context"):
        context.GLOBAL_SETTINGS_CONTEXT = context.root_settings_context()
