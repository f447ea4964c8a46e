"""How a module of Prefect's is executed as ever, and then completed by us."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Callable


def completed(
    spec: "ModuleSpec | None",
    complete: "Callable[[ModuleType], None]",
    stands_in: "Callable[[ModuleType], bool] | None" = None,
) -> "ModuleSpec | None":
    """`spec`, its loader wrapped so that `complete` is called with the module once it has been executed.

    Args:
        spec: of one of Prefect's modules; None stays None.
        complete: adds to the module.
        stands_in: asked where the module raises an ImportError: True if `complete` gives all that it is there for.
    """
    if spec is not None and hasattr(spec.loader, "exec_module"):
        loader: Any = _CompletingLoader(spec.loader, complete, stands_in)
        spec.loader = loader
    return spec


class _CompletingLoader:
    """Loader of a module that is executed as ever, and then completed."""

    def __init__(
        self,
        native: "Any",
        complete: "Callable[[ModuleType], None]",
        stands_in: "Callable[[ModuleType], bool] | None",
    ) -> None:
        self._native = native
        self._complete = complete
        self._stands_in = stands_in

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
            native.exec_module(module)
        except ImportError:
            if self._stands_in is None or not self._stands_in(module):
                raise
        self._complete(module)
