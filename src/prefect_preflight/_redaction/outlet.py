"""The one way out: whatever we tell people is made here, without secrets, and on one line.

`redactor` is the one that hides them: it knows what this process' plugins were given and what they returned.
"""

from __future__ import annotations

import os

from prefect_preflight._state import refuse, state, write

from . import Redactor
from .characters import escaped

__all__ = ["complain", "redactor", "refusal", "shown"]


_learnt: tuple[dict[str, str], Redactor] | None = None  # an environment, and who has learnt it


def redactor() -> Redactor:
    """The redactor of the last `import prefect`; where that ran no plugin, one that has learnt the environment."""
    global _learnt
    present: Redactor | None = getattr(state.run, "redactor", None)
    if present is not None:
        return present
    environment = dict(os.environ)
    if _learnt is None or _learnt[0] != environment:
        _learnt = (environment, Redactor())
        _learnt[1].learn_all(environment)
    return _learnt[1]


def shown(text: str) -> str:
    """`text` as people may see it, on one line."""
    return escaped(redactor().text(text))


def complain(text: str) -> None:
    """Write one line to stderr, if there is a stderr."""
    write(f"prefect-preflight: {shown(text)}\n")


def refusal(text: str) -> SystemExit:
    """What strict mode ends an import with, its line written: see `_state.refuse`."""
    return refuse(shown(text))
