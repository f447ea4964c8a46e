"""The compatibility matrix: which Prefect on which Python, and what is installed beside it.

Data only. Each cell is resolved as of a day of its own, so that it stays installable, and stays the same,
when Prefect's dependencies move on.
"""

from __future__ import annotations

import dataclasses

from packaging.version import Version

LATEST = "2026-11-20"
"""The day as of which a cell is resolved that needs no earlier one."""

AWS = "prefect-aws>=0.7.2"
"""The first with an entry point in the group `prefect.plugins`; it requires Prefect 3.4.7 and Python 3.10."""

AZURE = "prefect-azure>=0.4.12"
"""The first with an entry point in the group; it requires Prefect 3.7."""

OTEL = "prefect-otel==0.0.1"
"""Requires Prefect 3.7."""

FASTAPI = "fastapi<0.150"
"""Prefect 3.8's server does not work with newer ones (`Body() got an unexpected keyword argument`)."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """One environment of the matrix.

    Attributes:
        prefect: Version of Prefect.
        python: Version of the interpreter, such as `"3.12"`.
        beside: Further requirements.
        as_of: The day as of which everything is resolved (uv's `--exclude-newer`).
        distribution: `"prefect"` or `"prefect-client"`.
        ci: Whether it belongs to the cut that CI runs.
        overrides: Requirements that replace those of Prefect's own that cannot be met.
        note: What a reader of the matrix should know.
        kind: Empty for a cell of the matrix; `"newest"` or `"pre-release"` for one that `--newest` adds.
    """

    prefect: str
    python: str
    beside: tuple[str, ...] = ()
    as_of: str = LATEST
    distribution: str = "prefect"
    ci: bool = False
    overrides: tuple[str, ...] = ()
    note: str = ""
    kind: str = ""

    @property
    def name(self) -> str:
        """What the cell is called after `-k`, such as `"3.4.24-on-3.10"` or `"client-3.8.8-on-3.13"`."""
        kind = f"{self.kind}-" if self.kind else ""
        return f"{kind}{'client-' if self.is_client else ''}{self.prefect}-on-{self.python}"

    @property
    def is_client(self) -> bool:
        """Whether it is `prefect-client`: no command line, no server, no pluggy."""
        return self.distribution == "prefect-client"

    @property
    def requirements(self) -> tuple[str, ...]:
        """Everything to install but the wheel."""
        return (f"{self.distribution}=={self.prefect}", *self.beside)

    @property
    def release(self) -> tuple[int, ...]:
        """The version, to compare with."""
        return Version(self.prefect).release

    @property
    def has_native_system(self) -> bool:
        """Whether this Prefect has a plugin system of its own."""
        return self.release >= (3, 4, 24)

    def has(self, requirement: str) -> bool:
        """Whether one of the requirements above is installed beside Prefect."""
        return requirement in self.beside


CELLS = (
    Cell("2.14.21", "3.9", as_of="2024-02-15"),
    Cell("2.16.9", "3.10", as_of="2024-04-20"),
    Cell("2.20.26", "3.11", ci=True),
    Cell("3.0.11", "3.12", as_of="2024-11-01", ci=True),
    Cell("3.1.6", "3.9"),
    Cell("3.1.7", "3.10"),
    Cell("3.2.15", "3.11"),
    Cell("3.3.7", "3.12"),
    Cell("3.4.23", "3.9", ci=True),
    Cell("3.4.24", "3.10", (AWS,), ci=True),
    Cell("3.5.0", "3.13", (AWS,)),
    Cell("3.6.13", "3.11", (AWS,)),
    Cell("3.6.16", "3.12", (AWS,), ci=True),
    Cell("3.6.29", "3.13", (AWS,)),
    Cell("3.7.2", "3.10", (AWS, AZURE, OTEL), ci=True),
    Cell("3.7.8", "3.11", (AWS, AZURE, OTEL)),
    Cell("3.8.4", "3.13", (AWS, AZURE, OTEL, FASTAPI)),
    Cell("3.8.8", "3.12", (AWS, AZURE, OTEL, FASTAPI), ci=True),
    Cell("3.8.8", "3.14", (AWS, AZURE, OTEL, FASTAPI)),
    Cell("3.8.8", "3.15", (AWS, AZURE, OTEL, FASTAPI), ci=True),
    *(
        Cell(
            "3.9.1",
            python,
            (AWS, AZURE, OTEL, FASTAPI),
            overrides=("certifi>=2025.1",),
            note="requires a certifi (2026.10.19) that not every index has yet, so that requirement is overridden",
        )
        for python in ("3.13", "3.14", "3.15")
    ),
    Cell("3.1.6", "3.11", distribution="prefect-client"),
    # Has a plugin system whose modules import pluggy, and no pluggy.
    Cell("3.6.13", "3.10", distribution="prefect-client"),
    Cell("3.8.8", "3.13", distribution="prefect-client", ci=True),
)
