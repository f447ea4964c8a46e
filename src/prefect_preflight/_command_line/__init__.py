"""The command line: `prefect-preflight`, of which `python -m plugins_diag` is the best known part.

`main` gathers the commands, one module each: `audit`, `diagnose`, `explain`, `new`, `probe`, `reports`, `run`. What
`diagnose` and `probe` find out is frozen data (`diagnosis`); conclusions are drawn from it (`findings`), and it is
written in one of several `forms`: as text (`text`, `terminal`) or as JSON (`document`).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def run_diagnose(arguments: Sequence[str], program: str) -> None:
    """Run the command `diagnose` in Prefect's own command line, which must not know where it is.

    The process may go on afterwards, as one does that calls Prefect's command line itself. So it gets its standard
    output back.

    Args:
        arguments: those behind the command's name.
        program: what the user typed before them, for messages.

    Raises:
        SystemExit: always, with the command's exit status.
    """
    from .diagnose import GOES_ON, diagnose

    diagnose.main(args=list(arguments), prog_name=program, obj=GOES_ON)
