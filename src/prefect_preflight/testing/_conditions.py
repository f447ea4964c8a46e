"""Under which conditions a plugin is run, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Conditions"]


@dataclass(frozen=True)
class Conditions:
    """The arguments of `run_plugin`, see there.

    Raises:
        TypeError: a variable's value is neither a string nor None.
        ValueError: the timeout is not a finite number above 0.
    """

    variables: Mapping[str, str | None]
    timeout: float
    twice: bool
    slow_import: float
    api_url: str | None

    def __post_init__(self) -> None:
        if not 0 < self.timeout < float("inf"):
            raise ValueError(f"timeout is {self.timeout!r}; it must be a finite number of seconds above 0")
        for name, value in self.variables.items():
            if not isinstance(value, (str, type(None))):
                raise TypeError(
                    f"env[{name!r}] is of type {type(value).__name__}; it must be a str, or None to take it away"
                )
