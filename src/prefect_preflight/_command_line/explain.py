"""`prefect-preflight explain CODE`: what the documentation says of a finding, where there is no documentation."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import click

from .findings.catalogue import CATALOGUE, code_of
from .terminal import CONTEXT, Line, columns, encodable, joined, painter

__all__ = ["explain", "section"]

# The documentation's page itself: the wheel has a copy of it; an editable installation has the checkout around it.
_PAGES = (Path(__file__).with_name("findings.md"), Path(__file__).parents[3] / "docs" / "findings.md")
_SEVERITIES = {"error": "bad", "warning": "warn", "info": "dim"}


def section(code: str) -> str:
    """The page's section of a finding, in Markdown, without its heading.

    Args:
        code: a key of `CATALOGUE`.

    Raises:
        FileNotFoundError: the page is not there: the installation is not whole.
    """
    page = next((path for path in _PAGES if path.is_file()), _PAGES[0])
    sections = re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return next(text.partition("\n")[2].strip() for text in sections if text.startswith(f"{code} "))


def _known(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    words = [word for code, known in CATALOGUE.items() for word in (code, known.name)]
    return [word for word in words if word.lower().startswith(incomplete.lower())]


@click.command(context_settings=CONTEXT, short_help="More about a finding.")
@click.argument("code", required=False, shell_complete=_known)
@click.option("--all", "everything", is_flag=True, help="List all codes, with one line each.")
def explain(code: str | None, everything: bool) -> None:
    """Say more about a finding: what CODE means, how it comes about, what to do.

    CODE is a finding's code or its name, such as PF307 or plugin-denied.
    """
    if everything == (code is not None):
        raise click.UsageError("give either CODE or --all")
    if code is None:
        text = _list()
    else:
        known = code_of(code)
        if known is None:
            raise click.BadParameter(_unknown(code), param_hint="CODE")
        try:
            text = _rendered(f"## {known} {CATALOGUE[known].name}: {CATALOGUE[known].title}\n\n{section(known)}\n")
        except FileNotFoundError as error:
            raise click.ClickException(f"{error.filename} is missing: reinstall prefect-preflight") from error
    # Of the documentation, word for word.
    click.echo(encodable(text, sys.stdout.encoding), nl=False, color=True)


def _unknown(text: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(text.lower(), [known.name for known in CATALOGUE.values()], 1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"{text!r} is no finding's code or name; {hint}prefect-preflight explain --all lists them"


def _list() -> str:
    widest = max(len(known.name) for known in CATALOGUE.values())
    lines = [
        Line(f"{code} {known.name:<{widest}}  {known.title}", _SEVERITIES[known.severity], hang=6)
        for code, known in CATALOGUE.items()
    ]
    return joined(lines, painter(sys.stdout), columns(sys.stdout))


def _rendered(markdown: str) -> str:
    """Markdown as a terminal shows it, where Rich is installed, as it is wherever Prefect is; else as it is."""
    try:
        from rich.console import Console
        from rich.markdown import Markdown
    except ImportError:
        return markdown
    coloured = painter(sys.stdout)("x", "bad") != "x"
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=columns(sys.stdout),
        force_terminal=coloured,
        no_color=not coloured,
        color_system="standard" if coloured else None,
        highlight=False,
        _environ={},  # ours decides; Rich would read the same variables in its own way
    )
    console.print(Markdown(markdown, hyperlinks=False, justify="left"))
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())
