"""What plugins import: the hook marker, the context a hook is given, the result it returns.

The same names as in Prefect's own `prefect.plugins` (Prefect's documentation, "Plugin system"), with two
fields more on `SetupResult`. They can be imported from `prefect_preflight`, from `prefect.plugins` and, as in
the documentation, from `prefect._experimental.plugins`, on every Prefect.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Awaitable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Callable, Optional, TypeVar, Union, overload

from ._plugins import HOOK_ATTRIBUTE, PREFECT_PLUGIN_API_VERSION

if TYPE_CHECKING:
    from dataclasses import dataclass
    from typing import Literal, Protocol
else:
    from ._plugins.data_class import dataclass

HookReturn = Union["SetupResult", None, Awaitable[Optional["SetupResult"]]]

__all__ = [
    "PREFECT_PLUGIN_API_VERSION",
    "HookContext",
    "HookSpec",
    "SetupResult",
    "SetupSummary",
    "register_hook",
    "run_startup_hooks",
]

# As `HOOK_ATTRIBUTE`, for the marker of specifications.
_SPEC_ATTRIBUTE = "prefect-experimental_spec"

_F = TypeVar("_F", bound=Callable[..., Any])
_H = TypeVar("_H", bound="_Hook")

if TYPE_CHECKING:
    # For type checkers alone: to make a class of a Protocol costs more than the rest of this module.

    class SetupEnvironmentHook(Protocol):
        """A start-up hook: it takes `ctx` by keyword, and returns a `SetupResult` or None; sync or async."""

        def __call__(self, *, ctx: HookContext) -> HookReturn: ...

    class _SetupEnvironmentMethod(Protocol):
        """The same, in a class."""

        def __call__(self, plugin: Any, /, *, ctx: HookContext) -> HookReturn: ...

    class _ConnectionParamsHook(Protocol):
        """The hook of Prefect's server."""

        def __call__(self, connection_url: str, settings: Any) -> Mapping[str, Any]: ...

    class _ConnectionParamsMethod(Protocol):
        """The same, in a class."""

        def __call__(self, plugin: Any, /, connection_url: str, settings: Any) -> Mapping[str, Any]: ...

    _Hook = Union[SetupEnvironmentHook, _SetupEnvironmentMethod, _ConnectionParamsHook, _ConnectionParamsMethod]


class HookMarker:
    """Decorator that marks a function or method as a hook implementation, with pluggy's options.

    Type checkers find a function that is no hook, such as one without `ctx`, or one that returns a dict; with
    `optionalhook=True` any function will do.
    """

    @overload
    def __call__(self, function: _H) -> _H: ...

    @overload
    def __call__(self, function: None = None, *, optionalhook: Literal[True]) -> Callable[[_F], _F]: ...

    @overload
    def __call__(
        self,
        function: None = None,
        hookwrapper: bool = False,
        optionalhook: bool = False,
        tryfirst: bool = False,
        trylast: bool = False,
        specname: str | None = None,
        wrapper: bool = False,
    ) -> Callable[[_H], _H]: ...

    def __call__(
        self,
        function: Any = None,
        hookwrapper: bool = False,
        optionalhook: bool = False,
        tryfirst: bool = False,
        trylast: bool = False,
        specname: str | None = None,
        wrapper: bool = False,
    ) -> Any:
        """Mark `function`, or return the decorator when called with options only.

        Args:
            function: the hook implementation.
            hookwrapper: pluggy's old-style wrapper; without meaning for `setup_environment`.
            optionalhook: no complaint if no hook of that name is specified.
            tryfirst: run in the first wave; its environment is applied before the other hooks run.
            trylast: run in the last wave, after the other hooks' environment was applied.
            specname: name of the hook, if the function's own name is another one.
            wrapper: pluggy's wrapper; without meaning for `setup_environment`.
        """
        options = {
            "wrapper": wrapper,
            "hookwrapper": hookwrapper,
            "optionalhook": optionalhook,
            "tryfirst": tryfirst,
            "trylast": trylast,
            "specname": specname,
        }

        def mark(function: _F) -> _F:
            setattr(function, HOOK_ATTRIBUTE, options)
            return function

        return mark if function is None else mark(function)


register_hook = HookMarker()
"""Marks a hook: `@register_hook`, or `@register_hook(tryfirst=True)`. Without it a function is no hook."""


@dataclass
class HookContext:
    """What a hook is given.

    Attributes:
        prefect_version: version of the installed Prefect, e.g. "3.8.8".
        api_url: the Prefect API's URL as configured, None if it is not.
        logger_factory: makes a standard logger from a name; it is a child of the logger `prefect`.
    """

    prefect_version: str
    api_url: Optional[str]
    logger_factory: Callable[[str], logging.Logger]

    def __init__(
        self, prefect_version: str, api_url: Optional[str], logger_factory: Callable[[str], logging.Logger]
    ) -> None:
        self.prefect_version = prefect_version
        self.api_url = api_url
        self.logger_factory = logger_factory


class _ResultType(type):
    """Lets `SetupResult | None` in an annotation be evaluated on Python 3.9, as Prefect's documentation writes it."""

    if sys.version_info < (3, 10):

        def __or__(cls, other: Any) -> Any:
            return Union[cls, other]


@dataclass
class SetupResult(metaclass=_ResultType):
    """What a hook returns.

    Attributes:
        env: environment variables to set, all of them or, if one cannot be set, none.
        note: a short description for people; no secret belongs here.
        required: in strict mode, end the process if `env` is empty or cannot be applied.
        expires_at: when the values in `env` cease to be valid, an aware datetime; shown by `plugins_diag`.
        inherit: the environment is all there is to this plugin, so a descendant process that still has exactly these
            values, and before `expires_at`, need not call the hook again.
    """

    env: Mapping[str, str]
    note: Optional[str] = None
    required: bool = False
    expires_at: Optional[datetime] = None
    inherit: bool = False

    def __init__(
        self,
        env: Mapping[str, str],
        note: Optional[str] = None,
        required: bool = False,
        expires_at: Optional[datetime] = None,
        inherit: bool = False,
    ) -> None:
        self.env = env
        self.note = note
        self.required = required
        self.expires_at = expires_at
        self.inherit = inherit

    def __repr__(self) -> str:
        """All fields, the values of `env` left out: a repr ends in logs and tracebacks."""
        try:
            env = "{" + ", ".join(f"{name!r}: ..." for name in self.env) + "}"
        except Exception:
            env = "..."
        rest = f"required={self.required!r}, expires_at={self.expires_at!r}, inherit={self.inherit!r}"
        return f"SetupResult(env={env}, {rest})"


@dataclass
class SetupSummary:
    """What became of one plugin's hook, as `run_startup_hooks` tells it.

    Attributes:
        plugin: the entry point's name.
        env_preview: the variables that were set, redacted.
        note: the hook's note, redacted.
        error: what went wrong, redacted; None if nothing did.
    """

    plugin: str
    env_preview: dict[str, str]
    note: Optional[str]
    error: Optional[str]

    def __init__(self, plugin: str, env_preview: dict[str, str], note: Optional[str], error: Optional[str]) -> None:
        self.plugin = plugin
        self.env_preview = env_preview
        self.note = note
        self.error = error


def _specify(function: _F) -> _F:
    options = {"firstresult": False, "historic": False, "warn_on_impl": None, "warn_on_impl_args": None}
    setattr(function, _SPEC_ATTRIBUTE, options)
    return function


class HookSpec:
    """The hooks that a plugin may implement (Prefect's documentation, "Hook Specification")."""

    @_specify
    def setup_environment(self, *, ctx: HookContext) -> HookReturn:
        """Prepare the process' environment for Prefect, before any Prefect code executes; sync or async.

        Args:
            ctx: Prefect's version, the API's URL, and a factory for loggers.

        Returns:
            The variables to set, or None if there is nothing to do. Should be the same at each call.
        """
        raise NotImplementedError

    @_specify
    def set_database_connection_params(self, connection_url: str, settings: Any) -> Mapping[str, Any]:
        """Give additional parameters for the server's database connections; called by Prefect 3.6.7 and newer.

        Args:
            connection_url: the database's URL.
            settings: Prefect's settings.

        Returns:
            Arguments for the database driver.
        """
        raise NotImplementedError


async def run_startup_hooks(ctx: HookContext) -> list[SetupSummary]:
    """Tell what the hooks did when Prefect was imported in this process.

    Runs nothing: the hooks ran before Prefect did. It is here for Prefect's own code, and anyone's who awaits
    Prefect's function of this name.

    Args:
        ctx: ignored.
    """
    from ._reports import last_report

    return [
        SetupSummary(plugin.name, dict(plugin.environment), plugin.note, plugin.error.message if plugin.error else None)
        for plugin in last_report().plugins
        if plugin.ran
    ]
