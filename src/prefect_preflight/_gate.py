"""The early stage's view of Prefect: the plugin API is there, everything else is not yet.

While the hooks run, `prefect` is a package whose body has not been executed. A hook that needs the plugin API
gets it; one that reaches for more is told so by `PrefectNotReady`, which is remembered even if the plugin
swallows it, and runs again when all of Prefect can be imported.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import module_from_spec

from ._bridge import API_MODULES, ApiLoader, api_spec
from ._importlock import working_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import FrameType, ModuleType
    from typing import Any

    from ._executor import Task


class PrefectNotReady(ImportError):
    """A plugin reached for more of Prefect than the plugin API before Prefect was loaded.

    Nothing is wrong with that: the plugin is loaded, or its hook called, again as soon as all of Prefect is
    importable.
    """


def touch(task: Task, name: str) -> PrefectNotReady:
    """Note that `task` needs `name` of Prefect, forget the half-executed modules that asked, return what to raise."""
    if task.touched is None:
        task.touched = name
    for module in _importing_modules(sys._getframe(1)):
        sys.modules.pop(module, None)
    return PrefectNotReady(
        f"{name} is not there yet: plugin {task.plugin.name!r} is early; it runs again when Prefect is loaded",
        name=name,
    )


def lock_out(task: Task, name: str) -> None:
    """Note that `task` is about to be told of a deadlock, for `name` is a module that the importing thread imports.

    The plugin may swallow that, as any error of an import. Early it counts as a touch; late, it is to be done again
    where the lock is held.
    """
    if not task.late:
        touch(task, name)
        return
    task.locked_out = True
    for module in _importing_modules(sys._getframe(1)):
        if module.partition(".")[0] != "prefect":  # which is whole, and must not be imported twice
            sys.modules.pop(module, None)


def _importing_modules(frame: FrameType | None) -> list[str]:
    """Names of the modules whose bodies are executing in this thread, innermost first.

    They leave `sys.modules`, for they may have swallowed the error (`except ImportError: flow = None`), and
    must be executed again when Prefect is there.
    """
    names = []
    while frame is not None:
        if frame.f_code.co_name == "<module>" and frame.f_locals is frame.f_globals:
            names.append(str(frame.f_globals.get("__name__")))
        frame = frame.f_back
    return [name for name in names if name != "__main__"]


class Gate:
    """Meta-path finder in front of all others: what of Prefect may be imported, by whom, and when.

    While `early`, it serves the plugin API and refuses the rest. Afterwards it refuses those alone who
    started early and still run: Prefect must not be imported by a thread that was given up.
    """

    def __init__(self, module: ModuleType, version: str) -> None:
        self.early = False
        self._module = module
        self._version = version

    def close(self) -> None:
        """Begin the early stage."""
        self.early = True
        self._module.__dict__["__getattr__"] = self._get_attribute  # PEP 562; the body has not set one of its own yet
        sys.meta_path.insert(0, self)
        for name in API_MODULES:
            self._serve(name)

    def _serve(self, name: str) -> None:
        """Have a module of the plugin API there before a hook asks, without the import system and its locks.

        `import prefect.plugins` may be what imports Prefect first: that thread holds the lock of this module too.
        A hook's worker that had to load it could not get the lock; where it is loaded, nobody asks for one.
        """
        if name in sys.modules:
            return
        sys.modules[name] = module = module_from_spec(api_spec(name, self._refuse))
        ApiLoader(self._refuse).exec_module(module)
        parent, _, child = name.rpartition(".")
        setattr(sys.modules[parent], child, module)

    def open(self) -> None:
        """End the early stage: Prefect is as if nobody had looked at it."""
        if not self.early:
            return
        self.early = False
        self._module.__dict__.pop("__getattr__", None)
        for name in API_MODULES:
            if sys.modules.pop(name, None) is not None:
                self._module.__dict__.pop(name.split(".")[1], None)

    def stay(self) -> None:
        """Remain in front of the other finders, for those who still run although they were given up."""
        self.open()
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def leave(self) -> None:
        """Leave `sys.meta_path`, when nobody is left to be refused."""
        self.open()
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Serve, refuse, or leave to the other finders (PEP 451). Never waits: the import lock is held here."""
        if not name.startswith("prefect."):
            return None
        task = working_for.get()
        if self.early and name in API_MODULES:
            return api_spec(name, self._refuse)
        if task is not None and not task.may_import_prefect:
            raise touch(task, name)
        return None

    def _get_attribute(self, name: str) -> Any:
        """`__getattr__` of the package without a body."""
        if name == "__version__":
            return self._version
        if name in ("plugins", "_experimental"):
            return import_module(f"prefect.{name}")
        return self._refuse("prefect", name)

    def _refuse(self, module: str, name: str) -> Any:
        """Answer for a name that is not there yet; special names other than ours are nobody's real wish."""
        task = working_for.get()
        if not (name.startswith("__") and name.endswith("__")):
            if task is not None and not task.may_import_prefect:
                raise touch(task, f"{module}.{name}")
            if not self.early and module != "prefect":  # a plugin kept our module: the real one has taken its place
                return getattr(import_module(module), name)
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
