"""The secrets that are known, in all their forms, and where a text has them.

Threads may look for secrets while another one adds or forgets some: all of that is by single operations of dictionaries
and sets, which are atomic.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing costs more to import than this module
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Callable

    Form = tuple[str, bool]
    """What to hide, and whether its beginning or end alone is to be hidden, too."""

__all__ = ["KnownSecrets"]

_PART = 12  # characters of a secret's beginning or end that are hidden where the rest of it does not follow
_RESULTS = 3  # of each source that are known: the present one and those before


class KnownSecrets:
    """Forms of secrets, to be looked up by their first and last characters.

    So a text is looked through once, however many secrets there are.
    """

    __slots__ = ("_for_good", "_heads", "_results", "_short", "_tails", "longest")

    def __init__(self) -> None:
        self._short: dict[str, None] = {}  # those shorter than `_PART`
        self._heads: dict[str, dict[str, bool]] = {}  # the others
        self._tails: dict[str, dict[str, bool]] = {}  # those whose end alone is to be hidden, too
        self._for_good: set[str] = set()
        self._results: dict[object, tuple[set[str], ...]] = {}  # what each source has given, the latest last
        self.longest = 0

    def keep(self, forms: Iterable[Form]) -> None:
        """Know these for good."""
        for form, opaque in forms:
            self._for_good.add(form)
            self._add(form, opaque)

    def replace(self, source: object, forms: Iterable[Form]) -> None:
        """Know these as what a source has given now, and forget what it gave first if there are too many."""
        result = set()
        for form, opaque in forms:
            result.add(form)
            self._add(form, opaque)
        results = (*self._results.get(source, ()), result)
        self._results[source] = results[-_RESULTS:]
        for forgotten in results[:-_RESULTS]:
            others = [other for kept in self._results.values() for other in kept]
            for form in forgotten.difference(self._for_good, *others):
                self._remove(form)

    def _add(self, form: str, opaque: bool) -> None:
        self.longest = max(self.longest, len(form))
        if len(form) < _PART:
            self._short[form] = None
            return
        self._heads.setdefault(form[:_PART], {})[form] = opaque
        if opaque:
            self._tails.setdefault(form[-_PART:], {})[form] = opaque

    def _remove(self, form: str) -> None:
        self._short.pop(form, None)
        for table, part in ((self._heads, form[:_PART]), (self._tails, form[-_PART:])):
            forms = table.get(part, {})
            forms.pop(form, None)
            if not forms:
                table.pop(part, None)

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where a text has one: begin and end; some overlap."""
        for form in list(self._short):
            start = text.find(form)
            while start >= 0:
                yield start, start + len(form)
                start = text.find(form, start + 1)
        if not self._heads:
            return
        hidden = 0  # up to here; what begins or ends in there alone is not looked at, since a text may repeat itself
        for start in _places(text, [*self._heads, *self._tails]):
            piece = text[start : start + _PART]
            spans = [*_beginnings(text, start, list(self._heads.get(piece, {}).items()), start >= hidden)]
            if start + _PART > hidden:
                spans += _ends(text, start + _PART, list(self._tails.get(piece, ())))
            yield from spans
            hidden = max([hidden, *(end for _, end in spans)])


def _places(text: str, pieces: list[str]) -> Iterable[int]:
    """Where one of the pieces, each of `_PART` characters, stands in a text, from its beginning on."""
    if 8 * len(pieces) > len(text):  # one look at each place, or one for each piece
        wanted = set(pieces)
        return [start for start in range(len(text) - _PART + 1) if text[start : start + _PART] in wanted]
    found = set()
    for piece in pieces:
        start = text.find(piece)
        while start >= 0:
            found.add(start)
            start = text.find(piece, start + 1)
    return sorted(found)


def _beginnings(text: str, start: int, forms: list[tuple[str, bool]], parts: bool) -> Iterator[tuple[int, int]]:
    """What of the secrets `forms`, which have their first characters in common, stands at `start`.

    Of an opaque one, if `parts` are wanted, also its beginning alone: messages leave out a long value's middle.
    """
    for form, opaque in forms:
        if text.startswith(form, start):
            yield start, start + len(form)
        elif opaque and parts:
            yield start, start + _longest(lambda length: text.startswith(form[:length], start), len(form))  # noqa: B023


def _ends(text: str, end: int, forms: list[str]) -> Iterator[tuple[int, int]]:
    """How much of the ends of the secrets `forms`, which have their last characters in common, stands before `end`."""
    for form in forms:
        yield end - _longest(lambda length: text.endswith(form[-length:], 0, end), len(form)), end  # noqa: B023


def _longest(fits: Callable[[int], bool], most: int) -> int:
    """The greatest length that fits, of those from `_PART` to `most`; by bisection, since secrets can be long."""
    least = _PART
    while least < most:
        middle = (least + most + 1) // 2
        if fits(middle):
            least = middle
        else:
            most = middle - 1
    return least
