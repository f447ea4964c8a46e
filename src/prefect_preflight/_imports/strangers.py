"""A finder for threads that ask for a submodule of Prefect at a time at which they must not have it.

Up to Python 3.14 an import of `prefect.x` does not look whether `prefect` is still initializing (cpython#83065): a
stranger, or a hook that is slow, would execute Prefect's modules beside the body. From 3.15 on the import system waits
by itself.
"""

from __future__ import annotations

import sys
from importlib import import_module

from .workers import not_ready, working_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Protocol

    from .workers import GatedWork

    class Room(Protocol):
        """What is asked of the waiting room: see `room.WaitingRoom`."""

        package: str

        def is_about(self, name: str) -> bool: ...
        def keeps_out_strangers(self) -> bool: ...
        def wait(self) -> None: ...
        def reach(self, work: GatedWork, name: str) -> None: ...


class StrangersFinder:
    """In front of all other finders while Prefect is imported; afterwards for workers that were given up."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answer with a loader that waits, refuse who was given up, leave the rest to the other finders (PEP 451).

        Never waits itself: a finder is called under the global import lock, where nobody else can import anything.
        """
        if not self._room.is_about(name):
            return None
        work = working_for.get()
        if work is not None and work.abandoned:
            raise not_ready(work, name)  # for the package too: it would be the next import, with all its hooks
        if name == self._room.package or (work.admitted if work is not None else not self._room.keeps_out_strangers()):
            return None
        make: type[ModuleSpec] = type(sys.__spec__)
        loader: Any = _WaitingLoader(self._room)
        return make(name, loader)

    def enter(self) -> None:
        """Stand in front of the other finders."""
        if self not in sys.meta_path:
            finder: Any = self
            sys.meta_path.insert(0, finder)

    def leave(self) -> None:
        """Be asked no more."""
        finder: Any = self
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)


class _WaitingLoader:
    """Waits until Prefect is whole, then imports the module as ever and gives the import system that one."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._real_spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Wait, then return the module, which somebody may have imported meanwhile.

        PEP 451 has no better place for that.
        """
        work = working_for.get()
        if work is not None:
            self._room.reach(work, spec.name)
        else:
            self._room.wait()
        module = import_module(spec.name)
        self._real_spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """The module has been executed. It gets its own spec back, which the import system has replaced by ours."""
        module.__spec__ = self._real_spec
