"""The rows of the table: who does what, with which base credentials, and how it is kept fresh."""

from __future__ import annotations

from dataclasses import dataclass, replace

PROFILE, ENVIRONMENT = "profile", "environment"
NOTHING, RENEWAL, REFRESH = "nothing", "renewal", "refresh"

ALONE = "a process of four leases"
FAMILY = "a parent, and a child at once"
LATE = "a child after the parent's lease"
WORKER = "a worker, five flow runs"
FLOW = "a flow of five leases"
SERVER = "a server of five leases"
SCENARIOS = (ALONE, FAMILY, LATE, WORKER, FLOW, SERVER)

LEFT_OUT = (
    "Left out: `inherit` where no process has children, and for a server; `refresh` but in a process of its own (in a "
    "flow it is the same call, and where work begins in a new process, that does it); the role that trusts itself "
    "beyond a parent and its children, where it makes the difference; for workers, `inherit` without renewal with base "
    "credentials from the environment (after the first lease it is the same as without `inherit`), and renewal without "
    "`inherit` with those from a profile (each flow run assumes the role for itself, and renews as with `inherit`)."
)


@dataclass(frozen=True)
class Row:
    """A row.

    Attributes:
        scenario: what is done.
        base: where the base credentials are.
        inherit: whether children reuse credentials.
        fresh: what keeps the credentials fresh while a process lives.
        trusts_itself: whether the role may assume itself.
        silent: whether the plugin says nothing of an expiry, as the one in Prefect's documentation.
        native: whether Prefect's own plugin system runs it.
    """

    scenario: str
    base: str
    inherit: bool = False
    fresh: str = NOTHING
    trusts_itself: bool = False
    silent: bool = False
    native: bool = False

    @property
    def name(self) -> str:
        """A short name, for files and for AWS SDKs."""
        words = [
            ("alone", "family", "late", "worker", "flow", "server")[SCENARIOS.index(self.scenario)],
            self.base,
            *(["inherit"] if self.inherit else []),
            *([self.fresh] if self.fresh != NOTHING else []),
            *(["trust"] if self.trusts_itself else []),
            *(["silent"] if self.silent else []),
            *(["native"] if self.native else []),
        ]
        return "-".join(words)

    @property
    def helpless(self) -> bool:
        """Whether nothing can be done about an expired key.

        Nothing renews it in its process; and if there is a new process for the work, it does not find the base
        credentials, whose place in the environment the expired key has taken. Or nobody knows that it has expired.
        """
        return self.silent or (self.fresh == NOTHING and (self.scenario in (ALONE, FLOW) or self.base == ENVIRONMENT))

    @property
    def is_control(self) -> bool:
        """Whether an expired key must be refused in it, or the other rows would show nothing."""
        return self.silent and self.scenario != FAMILY

    @property
    def asks(self) -> bool:
        """Whether there is an application in it."""
        return self.scenario != SERVER

    def of(self, scenario: str) -> Row:
        """Returns the row of another scenario under the same conditions."""
        return replace(self, scenario=scenario)


BASES = (PROFILE, ENVIRONMENT)
ALONE_ROWS = [
    *(Row(ALONE, base, fresh=fresh) for base in BASES for fresh in (NOTHING, REFRESH, RENEWAL)),
    Row(ALONE, PROFILE, fresh=RENEWAL, silent=True),
    Row(ALONE, PROFILE, silent=True, native=True),
]
SERVER_ROWS = [Row(SERVER, base, fresh=RENEWAL) for base in BASES]
FAMILY_ROWS = [
    *(Row(FAMILY, base, inherit, fresh) for base in BASES for inherit in (False, True) for fresh in (NOTHING, RENEWAL)),
    Row(FAMILY, ENVIRONMENT, trusts_itself=True),
    Row(FAMILY, ENVIRONMENT, fresh=RENEWAL, trusts_itself=True),
    Row(FAMILY, ENVIRONMENT, silent=True),
    Row(FAMILY, ENVIRONMENT, silent=True, native=True),
]
WORKER_ROWS = [
    Row(WORKER, PROFILE),
    Row(WORKER, PROFILE, inherit=True),
    Row(WORKER, PROFILE, inherit=True, fresh=RENEWAL),
    Row(WORKER, ENVIRONMENT),
    Row(WORKER, ENVIRONMENT, fresh=RENEWAL),
    Row(WORKER, ENVIRONMENT, inherit=True, fresh=RENEWAL),
]
