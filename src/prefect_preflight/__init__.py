"""Run Prefect's plugin start-up hooks before any Prefect code executes.

The public names are imported at their first use: `import prefect` needs this package where plugins are disabled too,
and is to cost next to nothing there. What every Python process executes is `_prefect_preflight`, beside this package.

PYTEST_DONT_REWRITE: the package brings a pytest plugin, and may be imported before pytest could rewrite it, about which
pytest would warn.
"""

TYPE_CHECKING = False  # a type checker takes this name for true; importing it from `typing` would load `typing`
if TYPE_CHECKING:
    from typing import Any

    # All public names, for type checkers; `__getattr__` finds them at run time.
    from . import _public
    from ._public import *  # noqa: F403
    from ._version import __version__ as __version__

    __all__ = ["init"]
    __all__ += _public.__all__


def init() -> None:
    """Register the start-up finder, for a process that has read no `.pth` file, such as under `python -S`.

    Does nothing where it is registered already, or where `PREFECT_PREFLIGHT_DISABLE` is true.
    """
    import os

    from ._settings import DISABLE, TRUE
    from ._state import register

    if os.environ.get(DISABLE, "").lower() not in TRUE:
        register()


def __getattr__(name: str) -> "Any":
    """Import the public names at first use (PEP 562)."""
    # What `from . import …` asks for before it imports a module is refused without loading anything.
    if name[:1] == "_" and name not in ("__all__", "__version__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ._public import look_up

    return look_up(name)


def __dir__() -> "list[str]":
    from ._public import look_up

    return sorted({*globals(), *look_up("__all__")})
