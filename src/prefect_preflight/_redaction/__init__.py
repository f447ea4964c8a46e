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
    __slots__ = ("_forms",)

    def __init__(self) -> None:
        # Each form of each secret, and whether its beginning and its end are secrets too. A dictionary for its atomic
        # insertion and copy: hooks' threads learn while another thread redacts.
        self._forms: dict[str, bool] = {}

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
                    self._forms.update(dict.fromkeys(encodings(piece), _is_opaque(piece)))
        except Exception:
            if value and isinstance(value, str):  # a plugin may return anything
                self._forms[value] = False

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
        forms = list(self._forms.items())
        if len(text) > _LIMIT:
            # Secrets are looked for some way past the limit, but nothing from there is shown: masking shortens
            # the text, and would otherwise move a secret that was itself cut off into view.
            text = text[: _LIMIT + _MARGIN + max((len(form) for form, _ in forms), default=0)]
            text = _mask(text, _secrets(text, forms), _LIMIT) + _CUT
        for _ in range(_PASSES):
            # A mask can complete another shape, so we go on until nothing changes. Each pass that changes
            # anything leaves fewer characters that are not mask.
            masked = _mask(text, _secrets(text, forms), len(text))
            if len(masked) > _LIMIT:
                masked = masked[: _LIMIT - len(_CUT)] + _CUT
            if masked == text:
                return masked
            text = masked
        return MASK


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


def _secrets(text: str, forms: list[tuple[str, bool]]) -> Iterator[tuple[int, int]]:
    yield from find_secrets(text)
    for form, opaque in forms:
        length = len(form)
        start = text.find(form)
        while start >= 0:
            yield start, start + length
            # Occurrences may overlap; the farthest that overlaps this one makes those between them needless.
            overlapping = text.rfind(form, start + 1, start + 2 * length - 1)
            start = overlapping if overlapping >= 0 else text.find(form, start + length)
        if opaque and length > _PART:
            yield from _parts(text, form)


def _parts(text: str, form: str) -> Iterator[tuple[int, int]]:
    """Where `text` shows a secret's beginning or its end, as messages do that leave out the middle of a long value."""
    start = text.find(form[:_PART])
    while start >= 0:
        end = start + _longest(lambda length: text.startswith(form[:length], start), len(form))  # noqa: B023
        yield start, end
        start = text.find(form[:_PART], end)
    end = text.rfind(form[-_PART:]) + _PART
    while end >= _PART:
        start = end - _longest(lambda length: text.endswith(form[-length:], 0, end), len(form))  # noqa: B023
        yield start, end
        end = text.rfind(form[-_PART:], 0, start) + _PART


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
