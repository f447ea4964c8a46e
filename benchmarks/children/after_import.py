"""Imports Prefect, then tells what every further import costs because of finders of ours that stay."""

from __future__ import annotations

import json
import sys
import timeit

import prefect  # noqa: F401

stay = [
    finder
    for finder in sys.meta_path
    if (str(getattr(finder, "__module__", None) or getattr(finder, "__name__", "")))
    .lstrip("_")
    .startswith("prefect_preflight")
]
NUMBER = 100_000
answers = [
    min(timeit.repeat("find('some_module', None, None)", globals={"find": finder.find_spec}, number=NUMBER, repeat=7))
    for finder in stay
]
empty = min(
    timeit.repeat("find('some_module', None, None)", globals={"find": lambda *_: None}, number=NUMBER, repeat=7)
)
json.dump(
    {
        "finders": [getattr(finder, "__name__", type(finder).__name__) for finder in stay],
        "microseconds": [seconds / NUMBER * 1e6 for seconds in answers],
        "empty function": empty / NUMBER * 1e6,
    },
    sys.stdout,
)
