"""The forms in which a known secret turns up in text: URL-encoded, base64, hexadecimal, escaped.

Written out here: the importing thread may import nothing (`json`, `base64`, `urllib.parse`) while
it waits for hooks.
"""

from __future__ import annotations

import binascii
import re

TYPE_CHECKING = False  # typing costs more to import than this module
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["decoded", "encodings"]

_UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~"
# What encoders leave as it is: Python's quote with safe="" and by default, JavaScript's, those for user-info.
_SAFE = (b"", b"/", b"!'()*", b"!$&'()*+,;=:", b"!$&'()*+,;=:/@")
_TABLES = tuple({byte: f"%{byte:02X}" for byte in range(256) if byte not in _UNRESERVED + safe} for safe in _SAFE)
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


def encodings(secret: str) -> Iterator[str]:
    """Yield the secret and the forms that it takes in URLs, headers, JSON, reprs, dumps; some repeatedly."""
    data = _bytes(secret)
    yield secret
    yield data.hex()
    yield data.hex().upper()
    for text in _base64(data):
        yield text
        quoted = _quoted(text.encode(), _TABLES[0])
        yield from (quoted, _small(quoted))
    for table in _TABLES:
        quoted = _quoted(data, table)
        yield from (quoted, _small(quoted), quoted.replace("%20", "+"), _quoted(quoted.encode(), table))
    if secret.isascii() and secret.isprintable() and not set(secret) & set("\\\"'/&<>"):
        return  # all that follows would be the secret itself
    yield from (repr(secret)[1:-1], ascii(secret)[1:-1], repr(data)[2:-1], secret.replace("/", "\\/"))
    for only_ascii in (True, False):
        once = _json(secret, only_ascii)
        yield from (once, once.replace("/", "\\/"), _json(once, only_ascii))
    html = secret.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    yield from (html, html.replace('"', "&quot;").replace("'", "&#x27;"))
    yield html.replace('"', "&#34;").replace("'", "&#39;")


def decoded(part: str) -> Iterator[str]:
    """Yield what a part found by its shape says in plain.

    That is a URL's password, a header's credential, the password inside `Basic ...`, the items of a list or
    of a cookie, and the lines of a key that is written on one.
    """
    if "%" in part:
        data = re.sub(rb"%([0-9A-Fa-f]{2})", lambda match: bytes((int(match[1], 16),)), _bytes(part))
        yield data.decode("utf-8", "surrogateescape")
    if "\\n" in part:
        yield part.replace("\\n", "\n")
    yield from re.findall(r"[\"']([^\"'\n]+)[\"']", part)
    yield from re.findall(r"=(?=[^;,\s]{0,64}\d)([^;,\s]{8,})", part)
    scheme, _, rest = part.rpartition(" ")
    if scheme:
        yield rest
    try:
        user, colon, password = binascii.a2b_base64(rest.rstrip("=") + "==").decode().partition(":")
    except ValueError:
        return
    if colon and user.isprintable():
        yield password


def _bytes(text: str) -> bytes:
    """Encode as `os.environ` does; other lone surrogates pass as well."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _quoted(data: bytes, table: dict[int, str]) -> str:
    return data.decode("latin-1").translate(table)


def _small(quoted: str) -> str:
    """The URL-encoded text with small hexadecimal digits, as some encoders write them."""
    return re.sub("%..", lambda match: match[0].lower(), quoted) if "%" in quoted else quoted


def _base64(data: bytes) -> Iterator[str]:
    """Yield base64 in both alphabets: whole, bare of padding, and as it reads inside other data.

    Other data may begin one or two bytes earlier, so there are three readings.
    """
    for shift in range(3):
        # Not by its argument `newline`: that corrupts memory in a subinterpreter of CPython 3.12.1.
        text = binascii.b2a_base64(b"\0" * shift + data).decode("ascii").rstrip("\n")
        bare = text.rstrip("=")
        # The characters at either end that hold other data's bits too are left out.
        inner = bare[(0, 2, 3)[shift] : len(bare) - (len(text) != len(bare))]
        for form in (text, bare, inner) if shift == 0 else (inner,):
            yield from (form, form.replace("+", "-").replace("/", "_"))


def _json(text: str, only_ascii: bool) -> str:
    parts = []
    for character in text:
        code = ord(character)
        if character in _SHORT:
            parts.append(_SHORT[character])
        elif code < 0x20 or (only_ascii and 0x7E < code < 0x10000):
            parts.append(f"\\u{code:04x}")
        elif only_ascii and code >= 0x10000:
            code -= 0x10000
            parts.append(f"\\u{0xD800 | code >> 10:04x}\\u{0xDC00 | code & 0x3FF:04x}")
        else:
            parts.append(character)
    return "".join(parts)
