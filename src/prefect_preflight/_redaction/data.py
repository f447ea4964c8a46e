"""Secrets taken out of data of any depth: reports, and the documents that are made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import Redactor

__all__ = ["without_secrets"]


def without_secrets(value: Any, redactor: Redactor, known: dict[str, str] | None = None) -> Any:
    """A copy of `value` in which no text holds a secret, however deep it lies in mappings, sequences and data classes.

    All else, such as numbers and dates, is left as it is.

    Args:
        value: the data.
        redactor: hides the secrets.
        known: the texts that have been looked at already: in a report the same ones come again and again.
    """
    known = {} if known is None else known
    if isinstance(value, str):
        if value not in known:
            known[value] = redactor.text(value)
        return known[value]
    if isinstance(value, (list, tuple)):
        return type(value)(without_secrets(item, redactor, known) for item in value)
    if isinstance(value, dict):
        return {
            without_secrets(key, redactor, known): without_secrets(item, redactor, known) for key, item in value.items()
        }
    fields = getattr(type(value), "__dataclass_fields__", None)
    if fields is None:
        return value
    return type(value)(**{name: without_secrets(getattr(value, name), redactor, known) for name in fields})
