"""The command `prefect-preflight`: what gathers all the others, and loads the one that is asked for."""

from __future__ import annotations

from importlib import import_module

import click

from prefect_preflight._version import __version__

from .terminal import CONTEXT

__all__ = ["main"]

_COMMANDS = ("audit", "diagnose", "explain", "new", "probe", "reports", "run")


class _Commands(click.Group):
    """A command is in the module of its name, which is loaded when it is asked for: a probe is to be cheap."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # as Click calls it
        """Their names."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # likewise
        """The command, None if there is none of this name."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(import_module(f".{cmd_name}", __package__), cmd_name)
        return command


@click.group(
    name="prefect-preflight",
    cls=_Commands,
    context_settings=CONTEXT,
    epilog="Completion in bash (for zsh and fish write zsh_source or fish_source):\n\n"
    '\b\neval "$(_PREFECT_PREFLIGHT_COMPLETE=bash_source prefect-preflight)"',
)
@click.version_option(__version__, prog_name="prefect-preflight")
def main() -> None:
    """Prefect's plugin start-up hooks: what they do in this Python, and why."""
