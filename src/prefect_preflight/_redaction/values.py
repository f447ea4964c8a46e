"""Which values are nobody's secret whatever their name says, and which look like one whatever stands beside them."""

from __future__ import annotations

import re

__all__ = ["PROSE", "is_code", "is_placeholder", "is_plain", "is_random", "is_strong", "is_word"]

_LONGEST = 200  # characters of a value that may be plain
_LITERALS = frozenset(("none", "null", "nil", "true", "false", "undefined", "empty", "yes", "no", "on", "off"))
# "%s", "{token}", "${TOKEN}", "<token>", "****", "...": the place of a value, or what somebody has hidden already.
_PLACEHOLDER = r"%\(?\w*\)?[sdr]?|\$?\{+[\w .:!-]*\}*|\$\(?[A-Z_]+\)?|<[\w .-]+>?|[*•.xX_-]+|\[[\w -]*\]?|\\?"
PROSE = frozenset(
    (
        *("a", "an", "and", "are", "argument", "as", "at", "be", "been", "but", "by", "can", "cannot", "could", "did"),
        *(
            "does",
            "field",
            "flag",
            "for",
            "from",
            "has",
            "have",
            "if",
            "in",
            "instead",
            "into",
            "is",
            "it",
            "may",
            "must",
        ),
        *("needs", "not", "of", "on", "option", "or", "parameter", "required", "requires", "should", "string", "text"),
        *("str", "bool", "int", "bytes", "float", "any", "optional", "our", "its", "user's", "isn't", "used", "only"),
        *(
            "than",
            "that",
            "the",
            "this",
            "to",
            "value",
            "was",
            "were",
            "when",
            "which",
            "will",
            "with",
            "without",
            "your",
        ),
    )
)
"""What follows a secret's name in a sentence, or in a command's help."""
# A word, an identifier, an algorithm: kubernetes, SecretStr, HS256. What is none lacks vowels, or changes its case.
_WORD = r"(?:[A-Za-z]\d)?(?:[a-z]{1,15}|[A-Z]{1,15})?(?:[A-Z]{1,5}[a-z]{1,15}){0,8}[A-Z]{0,5}\d{0,3}"
_NO_WORD = r"(?i:[bcdfghjklmnpqrstvwxz]{6})|(?i:[aeiou]{5})|[bcdfgjkmnpqvwxz]{4}"
_HUMP = r"[A-Z]+[a-z]*|[a-z]+"
_ROOT = r"[/~.]|[A-Za-z]:[\\/]|[a-z][a-z0-9+]{1,20}://"
_NUMBER = r"[+-]?\d{1,5}(?:\.\d{1,6})?(?:[a-zA-Z%]{1,8})?|\d{1,4}(?:\.\d{1,6}){1,3}|v\d+(?:\.\d+){0,3}"
_TIME = r"\d{4}-\d\d-\d\d(?:[T ][\d:.,]{4,16}(?:Z|[+-]\d\d:?\d\d)?)?"
_ARN = r"arn:[a-z-]{3,12}:[\w:/.@*+-]{4,180}"
# What stands for a value in source code, which tracebacks show: `self.password`, `get_token(`, `tokens[0]`.
_CODE = r"(?:await |not |\*\*?)?(?:[A-Za-z_][\w.]{0,80}[(\[]|(?:self|cls|args|config|settings|os)\.\w)[\s\S]*"
_TEMPLATE = r"\{[\w.!:%]{0,40}\}"
_MAIL = r"[\w.+-]{1,40}@[\w-]{1,40}(?:\.[\w-]{2,40}){1,4}"


def is_placeholder(value: str) -> bool:
    """Whether a value only keeps the place of one: `None`, `${TOKEN}`, `%s`, `****`."""
    if value.lower() in _LITERALS or not any(map(str.isalnum, value)):
        return True
    return re.fullmatch(_PLACEHOLDER, value) is not None


def is_code(value: str) -> bool:
    """Whether a value is an expression, as in the source lines of a traceback: `get_token(`, `self.password`, `{x}`."""
    return re.fullmatch(_CODE, value) is not None or re.search(_TEMPLATE, value) is not None


def is_plain(value: str, numbers: bool = True) -> bool:
    """Whether a value is made of words (a sentence, an identifier, a path, a host, a region), or a number, a time.

    Args:
        value: the value.
        numbers: whether words may have a number of up to four digits beside them, as in run-2025.
    """
    value = value.strip(" _~!*:.,;")
    if len(value) > _LONGEST:
        return False
    if any(re.fullmatch(plain, value) for plain in (_NUMBER, _TIME, _MAIL, _ARN)):
        return True
    bare = re.sub(r"\A[a-z][a-z0-9+.-]{1,20}://|:\d{1,5}(?=/|\Z)", "", value)  # without scheme and port
    parts = [part for part in re.split(r"[\s_.,:;/\\@+~$-]+", bare) if part]
    words = sum(map(is_word, parts))
    # eu-west-1, run-2025-01-02, /proc/12345; but people make passwords of one word and a number
    digits = 6 if re.match(_ROOT, value) else 4 if words > 1 and numbers else 1
    return all(is_word(part) or (part.isdigit() and len(part) <= digits) for part in parts)


def is_word(part: str) -> bool:
    """Whether letters, and perhaps a digit or two after them, make a word, or an identifier of several."""
    if part.isdigit() or re.fullmatch(_WORD, part) is None or re.search(_NO_WORD, part) is not None:
        return False
    humps = len(re.findall(_HUMP, part))
    return humps < 2 or len(part) >= 2.5 * humps


def is_random(text: str) -> bool:
    """Whether a part of a text looks as only a generator makes them: letters and digits that change often.

    Words, names in any style, UUIDs and dates are not. A digest is; so this alone proves no secret.
    """
    text = re.sub(r"(?i)v\d(?:alpha|beta)\d", "", text)  # Kubernetes' classes
    joined = re.sub("[_-]", "", text) if any(map(str.isupper, text)) and any(map(str.islower, text)) else ""
    for part, least in (*((run, 4) for run in re.findall("[A-Za-z0-9]{16,}", text)), (joined, 6)):
        digits = sum(map(str.isdigit, part))
        changes = len(re.findall(r"(?<=\d)[A-Za-z]|(?<=[A-Za-z])\d|(?<=[A-Z])[a-z]{1,2}(?=[A-Z0-9])", part))
        if digits >= 2 and changes >= least:
            return True
    return False


def is_strong(text: str) -> bool:
    """Whether a text is what people are made to choose as a password: small and capital letters, digits, and a sign."""
    text = re.sub("%[0-9A-Fa-f]{2}", "", text)  # of a URL
    if (
        not 10 <= len(text) <= 64
        or re.search(r"[\s/\\<>{}()\[\]]", text) is not None
        or re.match(r"[%.]|[A-Za-z_]+=|.*\d{4}-\d\d-\d\d", text)
    ):
        return False
    kinds = (str.isdigit, str.isupper, str.islower)
    return all(any(map(kind, text)) for kind in kinds) and re.search(r"[!#$%^&*~?;|=+,:@]", text) is not None
