"""`prefect-preflight explain CODE`: what the documentation says of a finding, where there is no documentation."""

from __future__ import annotations

import re
from pathlib import Path

import click

from .findings import CATALOGUE

__all__ = ["explain", "section"]

# The documentation's page itself: the wheel has a copy of it; an editable installation has the checkout around it.
_PAGES = (Path(__file__).with_name("findings.md"), Path(__file__).parents[3] / "docs" / "findings.md")


def section(code: str) -> str:
    """The page's section of a finding, without its heading.

    Args:
        code: a key of `findings.CATALOGUE`.

    Raises:
        FileNotFoundError: the page is not there: the installation is not whole.
    """
    page = next((path for path in _PAGES if path.is_file()), _PAGES[0])
    sections = re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return next(text.partition("\n")[2].strip() for text in sections if text.partition("\n")[0].strip() == code)


def _codes(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    return [code for code in CATALOGUE if code.startswith(incomplete.upper())]


@click.command()
@click.argument("code", shell_complete=_codes)
def explain(code: str) -> None:
    """Say more about a finding: what CODE (such as PF102) means, how it comes about, what to do."""
    known = code.upper()
    if known not in CATALOGUE:
        raise click.BadParameter(f"{code!r} is not one of {', '.join(CATALOGUE)}", param_hint="CODE")
    try:
        click.echo(f"{known}: {section(known)}")  # of the documentation, word for word
    except FileNotFoundError as error:
        raise click.ClickException(f"{error.filename} is missing: reinstall prefect-preflight") from error
