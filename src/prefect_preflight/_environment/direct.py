"""The environment as the thread that imports Prefect changes it, or the one that calls `refresh`: it is its turn."""

from __future__ import annotations

import os

from . import mark

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from prefect_preflight._discovery import Candidate

    from .former import FormerOutput


class DirectEnvironment:
    """Changes variables at once, adds and removes some: so all of the process sees what the hooks are to see.

    To be used by that thread alone, and only while it is its turn: `setenv` in one thread while C code of another one
    calls `getenv` is a crash (cpython#83556).
    """

    in_background = False

    def __init__(self) -> None:
        self.restored = 0
        """How many variables were put back."""
        self._hidden: dict[Candidate, dict[str, tuple[str | None, str]]] = {}  # what is seen, and what stood there

    def mark(self, seconds: float) -> None:
        """As `_environment.mark`."""
        mark(seconds)

    def enter(self) -> None:
        """Nothing: a worker sees the process' environment."""

    def hide(self, formers: Mapping[Candidate, FormerOutput]) -> None:
        """Have everybody see what stood there before in place of plugins' former output."""
        for candidate, former in formers.items():
            seen_instead = former.seen_instead()
            # First, so that an interrupt halfway leaves nothing that cannot be put back.
            self._hidden[candidate] = {name: (seen, former.env[name]) for name, seen in seen_instead.items()}
            for name, seen in seen_instead.items():
                _set(name, seen)

    def put_back(self, candidate: Candidate) -> None:
        """Put back what was hidden of a plugin, where nobody has set something else since; once."""
        for name, (seen, value) in self._hidden.pop(candidate, {}).items():
            if os.environ.get(name) == seen:
                os.environ[name] = value
                self.restored += 1

    def put_all_back(self) -> None:
        """The same for all plugins."""
        for candidate in list(self._hidden):
            self.put_back(candidate)

    def apply(self, candidate: Candidate, env: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str | None]]:
        """Set a plugin's variables.

        Returns:
            The variables, and what stood there before, None for nothing.
        """
        if env:
            self._hidden.pop(candidate, None)  # this takes its place
        before = {name: os.environ.get(name) for name in env}
        for name, value in env.items():
            os.environ[name] = value
        return dict(env), before


def _set(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
