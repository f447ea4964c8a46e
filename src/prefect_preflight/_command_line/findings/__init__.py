"""What a finding is: one conclusion from a diagnosis. `catalogue` has all codes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .catalogue import CATALOGUE

if TYPE_CHECKING:
    from prefect_preflight._statuses import Severity

__all__ = ["Finding", "finding"]


@dataclass(frozen=True)
class Finding:
    """One conclusion from the report.

    Attributes:
        code: stable, such as "PF303".
        name: the code in words, such as "plugin-broken".
        severity: one of `_statuses.SEVERITIES`.
        title: the code's title, the same for all findings of the code.
        subject: the plugin, setting or file that it is about, None if it is about the whole.
        message: what is the matter, in one line.
        remedy: what to do about it, in one line.
        anchor: where the documentation says more.
    """

    code: str
    name: str
    severity: Severity
    title: str
    subject: str | None
    message: str
    remedy: str
    anchor: str

    @property
    def counts(self) -> bool:
        """Whether it makes the exit status 1."""
        return self.severity != "info"


def finding(
    code: str, message: str, remedy: str, *, subject: str | None = None, severity: Severity | None = None
) -> Finding:
    """A finding by its code.

    Args:
        code: a key of `CATALOGUE`.
        message: what is the matter.
        remedy: what to do about it.
        subject: what it is about.
        severity: another one than the catalogue's.

    Raises:
        KeyError: for a code that is not in the catalogue.
    """
    name, usual, title = CATALOGUE[code]
    return Finding(code, name, severity or usual, title, subject, message, remedy, f"docs/findings.md#{_anchor(code)}")


def _anchor(code: str) -> str:
    """That of the section's heading, as GitHub and the documentation's generator make it of the text."""
    name, _, title = CATALOGUE[code]
    text = re.sub(r"[^\w\s-]", "", f"{code} {name}: {title}".lower())
    return text.replace(" ", "-")
