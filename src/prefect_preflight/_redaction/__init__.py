"""Keep secrets out of everything that we print, log or report.

Three rules, each on its own enough to hide a value:

* by name: a variable whose name says that it is a secret (`is_sensitive`);
* by shape: text that looks like a secret wherever it stands (the table `shapes.SHAPES`);
* by knowledge: a secret once learnt is hidden in any text, in any of its usual encodings.

Nothing is imported after this module has loaded, neither by us nor by what we call: the importing thread may
import nothing while it waits for hooks. A pattern is compiled only when a word that it needs is in the text
(most values need none), and every repetition that can fail is bounded, so the time is linear in the length.
"""

from __future__ import annotations

import re

from .encodings import decoded, encodings
from .names import is_secret, is_sensitive
from .shapes import find_secrets

TYPE_CHECKING = False  # typing costs more to import than this module
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Callable

__all__ = ["MASK", "Redactor", "is_sensitive"]

MASK = "••••••"
"""What stands in a secret's place, as Prefect's documentation shows it."""

_LIMIT = 32_768  # characters of one text that are shown at most
_SHOWN = 120  # characters of one variable's value that are shown at most: an ARN fits, a certificate does not
_MARGIN = 8_192  # how far past the limit we look for the end of a secret; more than any bounded repetition
_PIECE = 3_072  # longer secrets are learnt in pieces, so that a part of one is recognised too
_PASSES = 8  # redaction is repeated until nothing changes; two passes are usual
_SHORTEST = 6  # shorter values turn up in ordinary text by chance
_PART = 12  # characters of a secret's beginning or end that are hidden where the rest of it does not follow
_CUT = "… (the rest is not shown)"

# Values of "secret" variables that are no secrets, and would blot out half of any text once learnt.
_COMMON = frozenset(
    (
        *("admin", "changeme", "default", "development", "disabled", "enabled", "example", "localhost"),
        *("mongodb", "mysql", "passwd", "password", "postgres", "postgresql", "prefect", "private"),
        *("production", "public", "rabbitmq", "secret", "secrets", "service", "staging", "string"),
        *("testing", "undefined", "username", "unknown"),
    )
)


class Redactor:
    """Text in, text without secrets out: by shape always, by knowledge for what it has learnt.

    No method raises: text that cannot be examined is hidden whole. Threads may share one.
    """

    # Not an instance dictionary, which a renderer of tracebacks might walk; the repr shows nothing.
    __slots__ = ("_heads", "_longest", "_short", "_tails")

    def __init__(self) -> None:
        # The forms of the secrets: those shorter than `_PART`; the others by their first characters, and whether each
        # part of them is a secret; of these also by their last ones. So a text is looked through once, however many
        # secrets there are. Dictionaries for their atomic insertion and copy: hooks' threads learn while another one
        # redacts.
        self._short: dict[str, None] = {}
        self._heads: dict[str, dict[str, bool]] = {}
        self._tails: dict[str, dict[str, None]] = {}
        self._longest = 0

    def __repr__(self) -> str:
        return "<Redactor>"

    def learn(self, name: str, value: str) -> None:
        """Remember a variable's value if its name is sensitive, else only the parts with a secret's shape."""
        try:
            head = value[: _LIMIT + _MARGIN]
            for start, end in find_secrets(head):
                part = head[start:end]
                for secret in (part, *decoded(part)):
                    self.learn_secret(secret)
            if is_sensitive(name) and is_secret(name, value):
                self.learn_secret(value)
        except Exception:
            self.learn_secret(value)  # rather too much than too little

    def learn_all(self, env: Mapping[str, str]) -> None:
        """Learn an environment, as `learn` does one variable."""
        for name, value in env.items():
            self.learn(name, value)

    def learn_secret(self, value: str) -> None:
        """Remember a secret; what is shorter than six characters or an everyday word is left readable."""
        try:
            for piece in _pieces(value.strip()):
                if _worth_learning(piece):
                    opaque = _is_opaque(piece)
                    for form in encodings(piece):
                        self._remember(form, opaque)
        except Exception:
            if value and isinstance(value, str):  # a plugin may return anything
                self._remember(value, False)

    def _remember(self, form: str, opaque: bool) -> None:
        self._longest = max(self._longest, len(form))
        if len(form) < _PART:
            self._short[form] = None
            return
        self._heads.setdefault(form[:_PART], {})[form] = opaque
        if opaque:
            self._tails.setdefault(form[-_PART:], {})[form] = None

    def text(self, text: str) -> str:
        """Return `text` without its secrets; of more than 32,768 characters only the head.

        Applying it twice changes nothing more.
        """
        try:
            return self._settled(text)
        except Exception:
            return MASK

    def value(self, name: str, value: str) -> str:
        """A variable's value for display: MASK if the name is sensitive, else redacted text.

        What is longer than 120 characters after that is shortened.
        """
        if is_sensitive(name):
            return MASK
        shown = self.text(value)
        return shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…"

    def environment(self, env: Mapping[str, str]) -> dict[str, str]:
        """Variables for display, having learnt them all first: one's secret may be part of another."""
        self.learn_all(env)
        return {self.text(name): self.value(name, value) for name, value in env.items()}

    def _settled(self, text: str) -> str:
        if len(text) > _LIMIT:
            # Secrets are looked for some way past the limit, but nothing from there is shown: masking shortens
            # the text, and would otherwise move a secret that was itself cut off into view.
            text = text[: _LIMIT + _MARGIN + self._longest]
            text = _mask(text, self._secrets(text), _LIMIT) + _CUT
        for _ in range(_PASSES):
            # A mask can complete another shape, so we go on until nothing changes. Each pass that changes
            # anything leaves fewer characters that are not mask.
            masked = _mask(text, self._secrets(text), len(text))
            if len(masked) > _LIMIT:
                masked = masked[: _LIMIT - len(_CUT)] + _CUT
            if masked == text:
                return masked
            text = masked
        return MASK

    def _secrets(self, text: str) -> Iterator[tuple[int, int]]:
        yield from find_secrets(text)
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


def _mask(text: str, spans: Iterable[tuple[int, int]], limit: int) -> str:
    """The first `limit` characters, with one mask for each run of overlapping or adjoining spans."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    shown: list[str] = []
    position = 0
    for start, end in merged:
        if start < limit and text[start:end].strip(MASK[0]):  # else it is masked already
            shown += (text[position:start], MASK)
            position = end
    return "".join((*shown, text[position:limit]))


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


def _is_opaque(secret: str) -> bool:
    """Whether each part of a secret is one: not if it begins as any URL, document or key file does."""
    begins = r"[\w+.-]{1,20}://|[{\[<]|-----|ssh-|\w{2,40}=[^=]"
    return re.match(begins, secret) is None


def _pieces(value: str) -> Iterator[str]:
    value = value[:_LIMIT]  # no text shows more
    for start in range(0, max(len(value) - _PIECE, 0), _PIECE):
        yield value[start : start + _PIECE]
    yield value[-_PIECE:]
    lines = value.splitlines()
    if len(lines) > 1:  # a PEM block is logged line by line, or indented
        yield from (line.strip() for line in lines if len(line.strip()) >= 16 and not line.startswith("----"))


def _worth_learning(value: str) -> bool:
    if len(value) < _SHORTEST or len(set(value)) < 3 or value.lower() in _COMMON:
        return False
    return not (value.isdigit() and len(value) < 8)
