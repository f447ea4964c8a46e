"""What a plugin set when it ran before, here or in an ancestor, and what its hook sees in place of it.

A hook that runs again is to find the world as it did the first time. Otherwise an AWS hook signs its next AssumeRole
with the key of the role itself, and with one that has expired in the end.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from prefect_preflight._plugins import Plugin


class FormerOutput:
    """What a plugin set when it ran before, as far as it still stands.

    Attributes:
        env: the variables, with their values.
        before: what stood there before, None for nothing. A name that is missing had a value that nobody knows any
            more: what an ancestor replaced is not in the environment, and no note has values.
        expires_at: when the values cease to be valid; None if never.
        renew_at: from when on they are not good enough any more, in seconds since the epoch; None if never.
        reusable: whether the hook need not run again.
        inherit: whether the plugin said that descendants may reuse the values.
    """

    __slots__ = ("before", "env", "expires_at", "inherit", "renew_at", "reusable")

    def __init__(
        self,
        env: Mapping[str, str],
        before: Mapping[str, str | None],
        expires_at: datetime | None,
        renew_at: float | None,
        inherit: bool,
        reusable: bool = False,
    ) -> None:
        self.env = dict(env)
        self.before = dict(before)
        self.expires_at = expires_at
        self.renew_at = renew_at
        self.inherit = inherit
        self.reusable = reusable

    def __repr__(self) -> str:
        return f"FormerOutput({sorted(self.env)})"

    @property
    def expired(self) -> bool:
        """Whether the values are not valid any more."""
        from time import time

        return self.expires_at is not None and time() >= self.expires_at.timestamp()

    def seen_instead(self) -> dict[str, str | None]:
        """What the hook is to see, by name, in place of what it set itself; None for nothing.

        Not in it is what has another value by now: somebody else has set that.
        """
        from time import time

        changed = [name for name in self.env if name not in self.before or self.before[name] != self.env[name]]
        standing = [name for name in changed if os.environ.get(name) == self.env[name]]
        due = self.renew_at is not None and time() >= self.renew_at
        if not due and any(name not in self.before for name in standing):
            # The values belong together, such as those of one key. Without those that were new, the hook would find
            # half of a key where another one stood before. And what stood there is nowhere to be had.
            return {}
        return {name: self.before.get(name) for name in standing}


def former_output(plugin: Plugin) -> FormerOutput:
    """What a plugin has set in this process, or what it found set by an ancestor."""
    return FormerOutput(plugin.env, plugin.before, plugin.expires_at, plugin.renew_at, plugin.inherit)
