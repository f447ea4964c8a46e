"""How a module of Prefect's is executed as ever, and then completed by us."""

from contextlib import nullcontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Callable, Optional

    Complete = Callable[[ModuleType], None]
    StandsIn = Optional[Callable[[ModuleType], bool]]
    Around = Callable[[Any], AbstractContextManager[object]]


def _as_it_is(module: "ModuleType") -> None:
    """Add nothing to a module."""


def completed(
    spec: "ModuleSpec | None",
    complete: "Complete" = _as_it_is,
    stands_in: "StandsIn" = None,
    around: "Around" = nullcontext,
) -> "ModuleSpec | None":
    """`spec`, its loader wrapped so that `complete` is called with the module once it has been executed.

    Args:
        spec: of one of Prefect's modules; None stays None.
        complete: adds to the module.
        stands_in: asked where the module raises an ImportError: True if `complete` gives all that it is there for.
        around: given the module's own loader, makes the context in which that executes it.
    """
    if spec is not None and hasattr(spec.loader, "exec_module"):
        loader: Any = _CompletingLoader(spec.loader, complete, stands_in, around)
        spec.loader = loader
    return spec


class _CompletingLoader:
    """Loader of a module that is executed as ever, and then completed."""

    def __init__(self, native: "Any", complete: "Complete", stands_in: "StandsIn", around: "Around") -> None:
        self._native = native
        self._complete = complete
        self._stands_in = stands_in
        self._around = around

    def __getattr__(self, name: str) -> "Any":
        if "_native" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self._native, name)

    def exec_module(self, module: "ModuleType") -> None:
        """Execute the module, its own loader back in its place, and complete it (PEP 451)."""
        native = self._native
        module.__loader__ = native
        if module.__spec__ is not None:
            module.__spec__.loader = native
        try:
            with self._around(native):
                native.exec_module(module)
        except ImportError:
            if self._stands_in is None or not self._stands_in(module):
                raise
        self._complete(module)
