"""Secrets taken out of data of any depth: reports, and the documents that are made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import Redactor

__all__ = ["without_secrets"]


def without_secrets(value: Any, redactor: Redactor) -> Any:
    """A copy of `value` in which no text holds a secret, however deep it lies in mappings, sequences and data classes.

    All else, such as numbers and dates, is left as it is.
    """
    if isinstance(value, str):
        return redactor.text(value)
    if isinstance(value, (list, tuple)):
        return type(value)(without_secrets(item, redactor) for item in value)
    if isinstance(value, dict):
        return {without_secrets(key, redactor): without_secrets(item, redactor) for key, item in value.items()}
    fields = getattr(type(value), "__dataclass_fields__", None)
    if fields is None:
        return value
    return type(value)(**{name: without_secrets(getattr(value, name), redactor) for name in fields})
