"""The command `prefect-preflight`: what gathers all the others."""

from __future__ import annotations

import click

from prefect_preflight._version import __version__

from .diagnose import diagnose
from .explain import explain
from .new import new
from .reports import reports
from .run import run
from .terminal import CONTEXT

__all__ = ["main"]


@click.group(
    name="prefect-preflight",
    context_settings=CONTEXT,
    epilog='Completion in bash: eval "$(_PREFECT_PREFLIGHT_COMPLETE=bash_source prefect-preflight)"; for zsh and '
    "fish write zsh_source or fish_source.",
)
@click.version_option(__version__, prog_name="prefect-preflight")
def main() -> None:
    """Prefect's plugin start-up hooks: what they do in this Python, and why."""


for command in (diagnose, explain, new, reports, run):
    main.add_command(command)
