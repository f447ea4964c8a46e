"""The environment as the renewing thread changes it, beside all the others of the process.

It may be read by C code at any moment. So nothing is added and nothing removed: the values of variables that exist are
replaced, in the end, by one assignment each. `c_library` says where that is safe. What hooks are to see in the
meantime they alone see, by `hooks_view`.
"""

from __future__ import annotations

import os

from prefect_preflight._threads import Bell

from . import MARK, mark_until
from .hooks_view import HooksView

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from prefect_preflight._discovery import Candidate

    from .former import FormerOutput


class BackgroundEnvironment:
    """Collects what plugins return, shows it to the hooks of later waves, and replaces variables in the end."""

    in_background = True
    restored = 0

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        """What `replace` is to set."""
        self.view = HooksView()
        """What hooks see."""
        self._formers: dict[Candidate, FormerOutput] = {}
        self._hidden: dict[Candidate, dict[str, str | None]] = {}

    def mark(self, seconds: float) -> None:
        """Have hooks alone see it: a process that the program starts meanwhile was not started by one."""
        self.view.instead[MARK] = mark_until(seconds)

    def enter(self) -> None:
        """Have the calling worker, and what it does in copies of its context, see what hooks are to see."""
        self.view.enter()

    def hide(self, formers: Mapping[Candidate, FormerOutput]) -> None:
        """Have hooks see what stood there before in place of plugins' former output."""
        self._formers.update(formers)
        for candidate, former in formers.items():
            self._hidden[candidate] = former.seen_instead()
            self.view.instead.update(self._hidden[candidate])

    def put_back(self, candidate: Candidate) -> None:
        """Have the hooks that are still to run see the former output of a plugin again."""
        for name in self._hidden.pop(candidate, ()):
            if name not in self.values:
                self.view.instead.pop(name, None)

    def put_all_back(self) -> None:
        """Nothing: the environment was never changed."""

    def apply(self, candidate: Candidate, env: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str | None]]:
        """Take what a plugin returned, as far as it replaces what the plugin has set before.

        Returns:
            The variables that will be set, and what stood before the plugin's first run in their place, as far as that
            is known.
        """
        former = self._formers[candidate]
        if env:
            self._hidden.pop(candidate, None)  # what is not returned again stays hidden
        # Where there is another value, somebody else has set it since, and its other half is not the plugin's either.
        values = {
            name: value
            for name, value in env.items()
            if name in former.env and os.environ.get(name) == former.env[name]
        }
        self.values.update(values)
        self.view.instead.update(values)
        return values, {name: former.before[name] for name in values if name in former.before}

    def replace(self, more: Mapping[str, str]) -> None:
        """Replace the values of the variables that exist, `more` of them too, in one assignment each.

        At the beginning of a time slice: whoever waits for the interpreter's lock waits for 5 ms
        (`sys.getswitchinterval`) before this thread has to give it up, which is a thousand times as long as this takes.
        So no thread reads half of it, but one that had to stop in the middle of its reading.
        """
        values = {name: value for name, value in {**self.values, **more}.items() if os.environ.get(name) != value}
        Bell().wait(1e-6)  # gives the lock up, and takes it again; not `time.sleep`, which gevent replaces
        for name, value in values.items():
            if name in os.environ:
                os.environ[name] = value
