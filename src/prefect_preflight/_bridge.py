"""How `prefect.plugins` and its older names are served and completed.

On every Prefect the names of the plugin API can be imported from the places where Prefect's documentation has
them, at any time: while the hooks run, and afterwards.
"""

import sys
from _thread import get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
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
# What a native module must not keep: its runner would run the hooks again, its result knows no `expires_at`,
# and what a hook is given must be of the class that a plugin sees, in the late stage as in the early one.
_REPLACED = ("HookContext", "SetupResult", "SetupSummary", "run_startup_hooks")


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
# Where Prefect 3.7 and newer define their runner and their manager. Never served, since older Prefects have no
# such modules; the one is kept from running the hooks again, should anyone import it from there, the other from
# loading excluded plugins.
_NATIVE_RUNNER = "prefect._internal.plugins.startup"
_NATIVE_MANAGER = "prefect._internal.plugins.manager"
_NATIVE_MODULES = (_NATIVE_RUNNER, _NATIVE_MANAGER)


def _offer(module: "ModuleType", names: "Sequence[str]") -> None:
    """Put our implementation of `names` into `module`."""
    from . import api  # not before someone imports the plugin API: it loads `dataclasses` and `logging`

    for name in names:
        module.__dict__[name] = getattr(api, name)


class ApiLoader:
    """Loader of a plugin API module that is ours alone."""

    def create_module(self, spec: "ModuleSpec") -> None:
        """Leave it to the import system."""

    def exec_module(self, module: "ModuleType") -> None:
        """Fill the module (PEP 451)."""
        names = API_MODULES[module.__name__].names
        _offer(module, names)
        module.__dict__["__all__"] = list(names)
        module.__doc__ = f"{module.__name__}, served by prefect-preflight."


def api_spec(name: str) -> "ModuleSpec":
    """The spec of a plugin API module that is ours alone."""
    loader: Any = ApiLoader()
    # The class as it is to hand: importing `importlib.machinery` would add a module to every import of an old Prefect.
    make: type[ModuleSpec] = type(__spec__)
    return make(name, loader, is_package=API_MODULES[name].package)


def serve_early(answer: "Callable[[ModuleType, str], Any]") -> "dict[str, ModuleType]":
    """Have the plugin API's modules there while Prefect does not exist.

    They are in `sys.modules`, complete, so an import of them needs neither their parent nor a lock.

    Args:
        answer: what `module.__getattr__` returns for a name that they do not have.

    Returns:
        The modules by their names, for `withdraw`.
    """
    from functools import partial
    from importlib.util import module_from_spec

    served: dict[str, ModuleType] = {}
    for name in API_MODULES:
        if name not in sys.modules:
            served[name] = module = module_from_spec(api_spec(name))
            ApiLoader().exec_module(module)
            module.__dict__["__getattr__"] = partial(answer, module)
            parent, _, child = name.rpartition(".")
            if parent in served:
                setattr(served[parent], child, module)
    sys.modules.update(served)
    return served


def withdraw(served: "dict[str, ModuleType]") -> None:
    """Let Prefect's own modules take the place of those that `serve_early` served."""
    for name, module in served.items():
        if sys.modules.get(name) is module:
            del sys.modules[name]


class _CompletedLoader:
    """Loader of a native module that is executed as ever, and then completed."""

    def __init__(self, native: "Any", complete: "Callable[[ModuleType], None]") -> None:
        self._native = native
        self._complete = complete

    def __getattr__(self, name: str) -> "Any":
        if "_native" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self._native, name)

    def exec_module(self, module: "ModuleType") -> None:
        """Execute the native module, its own loader back in its place, and complete it (PEP 451)."""
        native = self._native
        module.__loader__ = native
        if module.__spec__ is not None:
            module.__spec__.loader = native
        try:
            native.exec_module(module)
        except ImportError:
            if module.__name__ not in API_MODULES or _has_pluggy():
                raise
            # `prefect-client` ships these modules, but not pluggy, which they import: ours need none.
        self._complete(module)


def _has_pluggy() -> bool:
    from importlib.util import find_spec

    return find_spec("pluggy") is not None


def completed(spec: "ModuleSpec | None", complete: "Callable[[ModuleType], None]") -> "ModuleSpec | None":
    """`spec`, its loader wrapped so that `complete` is called with the module once it has been executed."""
    if spec is not None and hasattr(spec.loader, "exec_module"):
        loader: Any = _CompletedLoader(spec.loader, complete)
        spec.loader = loader
    return spec


def _complete(module: "ModuleType") -> None:
    """Add to a native plugin API module what it lacks, and put ours in the place of what it must not keep."""
    if module.__name__ == _NATIVE_RUNNER:
        _offer(module, ["run_startup_hooks"])
        return
    if module.__name__.endswith(".manager"):
        from ._supersede import filter_native_loading

        filter_native_loading(module)
        if module.__name__ == _NATIVE_MANAGER:
            return
    names = API_MODULES[module.__name__].names
    # A module with a `__getattr__` resolves its names lazily, through `prefect.plugins` where it is a
    # deprecated alias: to look would import Prefect's internals and warn. What its `__all__` promises it has.
    resolve = module.__dict__.get("__getattr__")
    lazy = module.__dict__.get("__all__", ()) if resolve is not None else ()
    alias = bool(lazy) and module.__name__ != "prefect.plugins"
    _offer(module, [name for name in names if name not in module.__dict__ and name not in lazy])
    if not alias:
        _offer(module, [name for name in names if name in _REPLACED])
        if resolve is not None:
            module.__dict__["__getattr__"] = _or_ours(module, resolve)


def _or_ours(module: "ModuleType", resolve: "Callable[[str], Any]") -> "Callable[[str], Any]":
    """A `__getattr__` (PEP 562) that answers with ours where the native one needs pluggy, and there is none."""

    def get_attribute(name: str) -> "Any":
        try:
            return resolve(name)
        except ImportError:
            if name not in API_MODULES[module.__name__].names or _has_pluggy():
                raise
        _offer(module, [name])
        return module.__dict__[name]

    return get_attribute


class ApiFinder:
    """Meta-path finder that stays: serves or completes the plugin API's modules on every later import of them.

    It completes Prefect's command line too: see `_cli_bridge`.
    """

    @staticmethod
    def find_spec(
        name: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        """Answer for the plugin API's modules, the command line's, and a reload of Prefect (PEP 451)."""
        if name[:7] != "prefect":  # the cheapest test there is, since every further import of the process is asked
            return None
        if is_asked_in_return(ApiFinder, name):
            return None
        if name in API_MODULES:
            spec = ask_other_finders(ApiFinder, name, path, target)
            if spec is None:
                return api_spec(name)
            return completed(spec, _complete) if API_MODULES[name].names else spec
        if name == "prefect":
            from ._supersede import spec_of_reload

            return spec_of_reload(ask_other_finders(ApiFinder, name, path, target))
        if name in _NATIVE_MODULES:
            return completed(ask_other_finders(ApiFinder, name, path, target), _complete)
        if name.startswith("prefect.cli."):
            from ._cli_bridge import completed_spec

            return completed_spec(ApiFinder, name, path, target)
        return None

    @staticmethod
    def install() -> None:
        """Put the finder in front, once; modules that are loaded already are completed where they are."""
        if ApiFinder not in sys.meta_path:
            sys.meta_path.insert(0, ApiFinder)
        for name in (*API_MODULES, *_NATIVE_MODULES):
            if name in sys.modules:
                _complete(sys.modules[name])


_asking: "set[tuple[int, int, str]]" = set()


def is_asked_in_return(finder: object, name: str) -> bool:
    """Whether `finder`, in this thread, is just asking the others for `name`, and one of them asks it in return.

    As a finder does that asks all the others and wraps what they give (ddtrace, wrapt). It is then answered with None,
    as if we were not there: that nobody else knows the module is not to be concluded from that.
    """
    return (get_ident(), id(finder), name) in _asking


def ask_other_finders(
    finder: object, name: str, path: "Sequence[str] | None", target: "ModuleType | None"
) -> "ModuleSpec | None":
    """The spec that the finders on `sys.meta_path` other than `finder` give for `name`, in their order."""
    key = (get_ident(), id(finder), name)
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


def forget_asking() -> None:
    """In a forked child: the idents of lost threads are given to new ones."""
    _asking.clear()
