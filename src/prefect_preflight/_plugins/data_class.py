"""Data classes that cost nothing before somebody treats them as such.

`dataclasses` imports `inspect`, and with it `ast`, `dis` and more: a quarter of what three small plugins cost in all.
To make a result, and to read it, none of that is needed.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    _T = TypeVar("_T")

# What `@dataclass` adds to a class that has an `__init__`; `__replace__` from Python 3.13 on.
_ADDED = ("__dataclass_fields__", "__dataclass_params__", "__eq__", "__match_args__", "__replace__", "__repr__")


def dataclass(cls: type[_T]) -> type[_T]:
    """As `dataclasses.dataclass`, for a class with an `__init__` of its own, but not before that shows.

    It shows where somebody compares or prints an object, or asks for the class' fields, as `dataclasses.replace` and
    `asdict`, a `match` statement, and a data class that is derived from it do.
    """
    for name in _ADDED:
        if name not in vars(cls):
            setattr(cls, name, _OnDemand(cls, name))
    cls.__hash__ = None  # type: ignore[assignment]  # as of any class with `__eq__` whose objects can change
    return cls


class _OnDemand:
    """A descriptor in the place of what `@dataclass` adds to a class; adds all of it when one is asked for."""

    def __init__(self, owner: type, name: str) -> None:
        self._owner = owner
        self._name = name

    def __get__(self, instance: object, cls: type | None = None) -> Any:
        _complete(self._owner)
        return getattr(cls if instance is None else instance, self._name)


def _complete(cls: type) -> None:
    """Add what the decorator adds to a class with the same fields; each is there, or its stand-in, at any moment."""
    from dataclasses import field, make_dataclass

    own = vars(cls)
    fields = [
        (name, kind, *([field(default=own[name])] if name in own else [])) for name, kind in cls.__annotations__.items()
    ]
    added = vars(make_dataclass(cls.__name__, fields))
    for name in [name for name in _ADDED if isinstance(own.get(name), _OnDemand)]:
        if name in added:
            setattr(cls, name, added[name])
        else:
            delattr(cls, name)
