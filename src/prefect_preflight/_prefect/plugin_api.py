"""How `prefect.plugins` and its older names are served and completed.

On every Prefect the names of the plugin API can be imported from the places where Prefect's documentation has
them, at any time: while the hooks run, and afterwards.
"""

import sys

from prefect_preflight._state import ask_other_finders, state

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
    import prefect_preflight.api as api  # not before someone imports the plugin API: `dataclasses` and `logging`

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


def completed_spec(
    finder: object, name: str, path: "Sequence[str] | None", target: "ModuleType | None"
) -> "ModuleSpec | None":
    """The spec that the finders other than `finder` give for a module of the plugin API, completed, or ours alone."""
    if name not in API_MODULES and name not in _NATIVE_MODULES:
        return None
    spec = ask_other_finders(finder, name, path, target)
    if name in API_MODULES:
        if spec is None:
            return _own_spec(name)
        if not API_MODULES[name].names:
            return spec
    from .completion import completed  # here, since not every process comes to it

    return completed(spec, complete, _stands_in)


def _own_spec(name: str) -> "ModuleSpec":
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
            served[name] = module = module_from_spec(_own_spec(name))
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


def complete(module: "ModuleType") -> None:
    """Add to a native plugin API module what it lacks, and put ours in the place of what it must not keep."""
    if module.__name__ not in API_MODULES and module.__name__ not in _NATIVE_MODULES:
        return
    if module.__name__ == _NATIVE_RUNNER:
        _offer(module, ["run_startup_hooks"])
        return
    if module.__name__.endswith(".manager"):
        _filter_native_loading(module)
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


def _stands_in(module: "ModuleType") -> bool:
    """Whether `module` cannot be imported for want of pluggy, of which `complete` needs nothing.

    `prefect-client` ships the plugin API's modules, but not pluggy, which they import.
    """
    return module.__name__ in API_MODULES and not _has_pluggy()


def _has_pluggy() -> bool:
    from importlib.util import find_spec

    return find_spec("pluggy") is not None


def _filter_native_loading(module: "ModuleType") -> None:
    """Have the native `load_entry_point_plugins` in `module` leave out the plugins that our settings exclude.

    It compares names letter by letter, takes an empty allow list for none, and knows one prefix only on older
    Prefects, so it would import the modules of plugins that are denied.
    """
    native = module.__dict__.get("load_entry_point_plugins")
    if native is None:
        return

    def load_entry_point_plugins(*args: "Any", **options: "Any") -> "Any":
        from prefect_preflight._statuses import NOT_ALLOWED

        run = state.run
        if run is not None and run.runner is not None:
            excluded = [plugin.name for plugin in run.runner.plugins if plugin.status in NOT_ALLOWED]
            options.update(allow=None, deny={*(options.get("deny") or ()), *excluded})
        return native(*args, **options)

    module.__dict__["load_entry_point_plugins"] = load_entry_point_plugins
