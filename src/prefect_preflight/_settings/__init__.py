"""The settings of the plugin system, resolved as Prefect resolves them, without importing Prefect.

Every source of Prefect 3.7 and newer counts on every Prefect: a project's `prefect.toml` means the same
whether the Prefect beside it reads that file (from 3.1), reads `.env` only (3.0.5), or neither (2.x).
`PREFECT_PLUGINS_REQUIRED` is ours; the other names are Prefect's, with the legacy prefix
`PREFECT_EXPERIMENTS_PLUGINS_` beside the newer `PREFECT_PLUGINS_`.
This module looks whether anything is set at all, which mostly is not so; then nothing else is loaded. `resolution` does
the rest.
"""

import os

TYPE_CHECKING = False  # importing `typing` would cost more than everything else here
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .files import Problem

FIELDS = ("enabled", "allow", "deny", "setup_timeout_seconds", "strict", "safe_mode", "required")
PREFIXES = ("PREFECT_PLUGINS_", "PREFECT_EXPERIMENTS_PLUGINS_")
TRUE = ("1", "true", "t", "yes", "y", "on")  # the words that Pydantic takes for it, in lower case

REPORT_DIR = "PREFECT_PREFLIGHT_REPORT_DIR"
"""Names the directory to which each process writes its report; empty counts as not set. Not one of Prefect's settings,
and of the environment alone, as the next one."""
DISABLE = "PREFECT_PREFLIGHT_DISABLE"
"""The kill switch. Start-up looks at it too, and may import nothing: see `_prefect_preflight`."""
LOAD_TIMEOUT = "PREFECT_PREFLIGHT_LOAD_TIMEOUT_SECONDS"
"""Seconds that loading all plugins may take, for those who want another limit than the one of
`Settings.loading_seconds`. Of the environment alone, too."""
RENEW = "PREFECT_PREFLIGHT_RENEW"
"""Whether a process renews in the background what has an expiry; of the environment alone, as well."""
REPORT_LINE = "PREFECT_PREFLIGHT_REPORT_LINE"
"""Whether each import writes one line of JSON to stderr; of the environment alone, as well."""
_LEAST_FOR_LOADING = 20.0  # seconds; what takes long there is mostly the machine's doing: a cold disk, a profiler

# What a variable's name begins with, after `PREFECT_`, if the plugin system's settings may depend on it.
_NAMES = ("plugins", "experiments", "profiles_path")
# Words that a file holds if it says something: the first, and any of the others.
_WORDS = (
    (".env", b"prefect_", (b"plugins", b"experiments", b"profiles_path")),
    ("prefect.toml", b"", (b"plugins", b"profiles_path")),
    ("pyproject.toml", b"prefect", (b"plugins", b"profiles_path")),
)


class Settings:
    """The plugin system's settings, and what a hook's context needs of Prefect's own.

    Attributes:
        enabled: whether plugins run at all. Default False.
        allow: names of the only plugins that may run, in the order written, without duplicates. None allows
            all, an empty tuple none: `PREFECT_PLUGINS_ALLOW=""` lets nothing through. Default None.
        deny: names of plugins that must not run, likewise. Default None.
        setup_timeout_seconds: time for running all plugins' hooks, in seconds; finite, above 0. Default 20.0.
        load_timeout_seconds: time for loading all plugins, likewise. None for the default, see `loading_seconds`.
        strict: whether a required plugin's failure ends the process. Default False.
        safe_mode: whether plugins are loaded but their hooks not run. Default False.
        renew: whether values with an expiry are renewed in the background. Default False.
        required: names of the plugins that strict mode insists on. None means no such list. Default None.
        logging_level: Prefect's `logging.level`, with debug mode and test mode in force. Default `INFO`.
        api_url: Prefect's `api.url`. Default None.
        sources: where each of the above came from, for people; `default` where nothing is set.
        problems: what is wrong in what was read.
        exports: environment variables that make the same values hold in a child process with another
            working directory: one for every plugin setting that came from a file.
    """

    __slots__ = (
        "allow",
        "api_url",
        "deny",
        "enabled",
        "exports",
        "load_timeout_seconds",
        "logging_level",
        "problems",
        "renew",
        "required",
        "safe_mode",
        "setup_timeout_seconds",
        "sources",
        "strict",
    )

    def __init__(self) -> None:
        self.enabled: bool = False
        self.allow: tuple[str, ...] | None = None
        self.deny: tuple[str, ...] | None = None
        self.setup_timeout_seconds: float = 20.0
        self.load_timeout_seconds: float | None = None
        self.renew: bool = False
        self.strict: bool = False
        self.safe_mode: bool = False
        self.required: tuple[str, ...] | None = None
        self.logging_level: str = "INFO"
        self.api_url: str | None = None
        self.sources: dict[str, str] = dict.fromkeys((*FIELDS, "logging_level", "api_url"), "default")
        self.problems: tuple[Problem, ...] = ()
        self.exports: dict[str, str] = {}

    @property
    def loading_seconds(self) -> float:
        """Time for loading all plugins, in seconds: as long as for running them, and at least 20."""
        return self.load_timeout_seconds or max(self.setup_timeout_seconds, _LEAST_FOR_LOADING)

    @property
    def longest_seconds(self) -> float:
        """How long plugins may take for either."""
        return max(self.loading_seconds, self.setup_timeout_seconds)


def default_profiles_path(environ: "Mapping[str, str]") -> str:
    """Where Prefect's profiles are unless a setting says otherwise; it does not expand `~`."""
    home = environ.get("PREFECT_HOME")
    if not home:
        home = os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".prefect")
    return os.path.join(home, "profiles.toml")


def anything_set(environ: "Mapping[str, str]", directory: "str | None" = None) -> bool:
    """Whether any source could say something about the plugin system, found out at the least cost.

    Args:
        environ: the environment.
        directory: where the files are looked for; None is the working directory.
    """
    try:
        for name in environ:
            if name[:8].lower() == "prefect_" and name[8:].lower().startswith(_NAMES):
                return True
        for file, word, others in _WORDS:
            data = _read(os.path.join(directory or "", file))
            if word in data and any(other in data for other in others):
                return True
        return b"plugins" in _read(os.path.join(directory or "", default_profiles_path(environ)))
    except Exception:  # an unreadable file, an environment of other types: for the resolution to report
        return True


def _read(path: str) -> bytes:
    try:
        # Regular files only, as `stat.S_ISREG` would tell: opening a pipe could block for ever.
        if os.stat(path).st_mode & 0o170000 != 0o100000:
            return b""
        with open(path, "rb") as file:
            return file.read().lower()
    except (FileNotFoundError, NotADirectoryError):
        return b""
