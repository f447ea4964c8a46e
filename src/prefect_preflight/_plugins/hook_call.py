"""Calls a hook, sync or async, in a worker.

It changes nothing but what it returns, so that the result of a hook that was given up can be thrown away.
"""

from __future__ import annotations

from prefect_preflight._discovery import HOOK

from . import PluginProblem
from .describe import kind_of
from .hook_result import HookResult
from .returned_environment import EnvironmentProblem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Awaitable
    from typing import Any, Callable, Optional

    from . import Hook

    SetCancel = Callable[[Optional[Callable[[], object]]], None]


def call(hook: Hook, context: object, set_cancel: SetCancel) -> HookResult:
    """Call one hook and check what it returns; awaits it in an event loop of its own if it is async.

    Args:
        hook: the hook.
        context: what it is given as `ctx`.
        set_cancel: is told, while an async hook runs, what cancels it from another thread; None when it has ended.

    Raises:
        PluginProblem: if it cannot be called with `ctx`, returned something else than a `SetupResult` or None, or an
            environment that cannot be applied.
        BaseException: whatever the hook raises.
    """
    result = _called(hook.function, context)
    if not _is_result(result):
        result = _awaited(result, set_cancel)
    try:
        return HookResult(result)
    except EnvironmentProblem as error:
        raise PluginProblem(str(error)) from None


def _is_result(result: object) -> bool:
    return result is None or hasattr(result, "env")


def _called(function: Callable[..., Any], context: object) -> Any:
    try:
        return function(ctx=context)
    except TypeError:
        _check_signature(function)  # it was not even called
        raise


# Errors and async hooks alone need `inspect`, which takes longer to import than a small plugin.
def _awaited(result: Any, set_cancel: SetCancel) -> Any:
    """What an async hook comes to.

    Raises:
        PluginProblem: if it is not an async hook, but returned something else; or if that is what it comes to.
    """
    import inspect

    if inspect.isawaitable(result):
        result = _await(result, set_cancel)
    if not _is_result(result):
        if inspect.iscoroutine(result):
            result.close()  # or Python warns, later and elsewhere, that nobody awaited it
        raise PluginProblem(
            f"{HOOK} returned {kind_of(result)}; return SetupResult(env={{...}}), or None for no changes"
        )
    return result


def _check_signature(function: Callable[..., Any]) -> None:
    """See whether it can be called with `ctx`.

    Raises:
        PluginProblem: if not.
    """
    import inspect

    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # a routine in C may have none: then the call itself tells
        return
    try:
        signature.bind(ctx=None)
    except TypeError as error:
        raise PluginProblem(
            f"{HOOK}{signature} cannot be called with ctx=...: {error}; write def {HOOK}(*, ctx)"
        ) from None


def _await(awaitable: Awaitable[Any], set_cancel: SetCancel) -> Any:
    """Run an async hook to its end in this worker, so it does not matter whether another thread has a running loop."""
    import asyncio  # here, since sync hooks do not need it
    from threading import current_thread

    async def main() -> Any:
        loop, current = asyncio.get_running_loop(), asyncio.current_task()
        if current_thread().daemon:  # not the importing thread, where hooks run if no thread can be started
            _set_executor(loop)
        if current is not None:
            set_cancel(lambda: loop.call_soon_threadsafe(current.cancel))
        try:
            return await awaitable
        finally:
            set_cancel(None)

    return asyncio.run(main())


def _set_executor(loop: AbstractEventLoop) -> None:
    """Have `asyncio.to_thread` use threads of ours: Python joins asyncio's own at exit, and one may hang."""
    try:
        from prefect_preflight._threads.asyncio_pool import DaemonThreadPool

        loop.set_default_executor(DaemonThreadPool())
    except RuntimeError:  # the main thread has ended, and with it what asyncio's own class is made with
        pass
