"""While one thread imports Prefect, the others' imports of its submodules wait, as their `import prefect` does.

The import system makes a thread wait at `import prefect` while another one executes it. But when a submodule
is asked for, it does not look whether the parent is still initializing: the thread would have Prefect's code
executed before the environment is there, and would hold a lock that the parent's body needs (cpython#83065).
"""

import sys
from _thread import allocate_lock, get_ident  # not an `Event`: every process that imports Prefect runs this

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any


class Hold:
    """Finder in front of all others, from its making to `release`."""

    def __init__(self) -> None:
        self._thread = get_ident()
        self._lock = allocate_lock()
        self._lock.acquire()
        self._released = False
        finder: Any = self
        sys.meta_path.insert(0, finder)

    def find_spec(
        self, name: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        """Answer for Prefect's submodules, to other threads than the importing one (PEP 451).

        Does not wait: a finder is called under the global import lock, where nobody else can import anything.
        Nor does it import, for that reason. Hooks' workers never come here: `_gate` stands before it.
        """
        if not name.startswith("prefect.") or get_ident() == self._thread:
            return None
        spec_type: type[ModuleSpec] = type(sys.__spec__)
        loader: Any = _HeldLoader(self)
        return spec_type(name, loader)

    def wait(self) -> None:
        """Wait for `release`."""
        from ._importlock import waiting_for_workers

        # A hook that needs another module that this thread is importing must not wait for us: see there.
        with waiting_for_workers():
            self._lock.acquire()
            self._lock.release()

    def release(self) -> None:
        """Let the other threads go on; once is enough."""
        if self._released:
            return
        self._released = True
        finder: Any = self
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)
        self._lock.release()


class _HeldLoader:
    """Gives a waiting thread the submodule in the end: as it was loaded meanwhile, else with its own loader."""

    def __init__(self, hold: "Hold") -> None:
        self._hold = hold
        self._loaded_spec: ModuleSpec | None = None

    def create_module(self, spec: "ModuleSpec") -> "ModuleType | None":
        """Wait, then return the module; PEP 451 has no better place for that."""
        from importlib import import_module
        from importlib.util import find_spec

        from ._modulelocks import without_locks_on

        with without_locks_on("prefect"):
            self._hold.wait()
            # Loaded by now, but if the import of Prefect has failed: then it fails, or succeeds, here too.
            import_module(spec.name.rpartition(".")[0])
        module = sys.modules.get(spec.name)
        if module is not None:
            self._loaded_spec = module.__spec__
            return module
        real = find_spec(spec.name)
        if real is None or real.loader is None:
            raise ModuleNotFoundError(f"No module named {spec.name!r}", name=spec.name)
        # The import system goes on with the object that it has: it becomes the real spec.
        spec.__dict__.update(real.__dict__)
        return real.loader.create_module(spec)

    def exec_module(self, module: "ModuleType") -> None:
        """Give a module that was loaded meanwhile its spec back, which the import system has replaced by ours."""
        module.__spec__ = self._loaded_spec
