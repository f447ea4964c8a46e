"""The flows of the lab."""

from __future__ import annotations

import importlib

from prefect import flow

application = importlib.import_module("application")  # beside this file, where Prefect looks while it loads it


def _few() -> None:
    """Makes three requests."""
    application.ask_a_few_times()


def _long(seconds: float) -> None:
    """Makes requests for so many seconds."""
    application.ask_for(seconds)


few = flow(name="few")(_few)
long = flow(name="long")(_long)
