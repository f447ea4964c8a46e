"""The house: its floors, which way the arrows run between them, and how long a function may be."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from hosts import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = ROOT / "src"
MODULES = {
    ".".join(path.relative_to(SOURCES).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(SOURCES.rglob("*.py"))
}
# From the top: each floor knows those below it alone. `_prefect_preflight` is what every Python executes,
# `plugins_diag` the front door of the command line; `_activation_path` holds no module of the package, but a start-up
# file like the `.pth`.
FLOORS = (
    ("plugins_diag", "_activation_path", "_pytest_plugin"),
    ("_prefect_preflight", "__init__", "testing"),
    ("_loader", "_public"),
    ("_stages",),
    ("_prefect", "_command_line"),
    ("api",),
    ("_reports",),
    ("_running",),
    ("_environment",),
    ("_plugins", "_imports"),
    ("_discovery", "_threads", "report"),
    ("_settings", "_redaction"),
    ("_state", "_statuses", "_version"),
)
LONGEST = 40  # lines of a function


def imported(name: str) -> set[str]:
    """The modules of ours that a module imports anywhere in it: at its top, in a function, for types alone."""
    path = MODULES[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return {found for found in _imported(ast.parse(path.read_text("utf-8")), package) if found != name}


def _imported(tree: ast.AST, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*parents, *filter(None, [node.module])])
            for alias in node.names:
                full = f"{module}.{alias.name}"
                if full in MODULES or module in MODULES:
                    yield full if full in MODULES else module


def floor(name: str) -> int:
    """How far down a module lies, 0 at the top."""
    top, _, rest = name.partition(".")
    room = rest.partition(".")[0] or ("__init__" if top == "prefect_preflight" else "")
    return next(level for level, rooms in enumerate(FLOORS) if (room if top == "prefect_preflight" else top) in rooms)


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The circles of a graph: the sets of nodes that can all be reached from one another (by removing leaves)."""
    left = {node: set(targets) for node, targets in graph.items()}
    while True:
        ends = {node for node in left if not left[node] & left.keys()}
        ends |= left.keys() - set().union(*left.values())
        if not ends:
            return [sorted(left)] if left else []
        left = {node: targets for node, targets in left.items() if node not in ends}


def test_no_circle_of_imports() -> None:
    """No module imports one that imports it, by whatever way; lazy imports and those for types alone count too."""
    assert circles({name: imported(name) for name in MODULES}) == []


def test_circles_are_found() -> None:
    """What the test above relies on sees a circle behind a lazy import, and what hangs on it, and nothing else."""
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set(), "e": {"a"}}
    assert circles(graph) == [["b", "c"]]


def test_arrows_run_down() -> None:
    """A module imports modules of its own room, or of floors further down."""

    def place(name: str) -> tuple[int, list[str]]:
        return floor(name), name.split(".")[1:2]

    arrows = [(name, found) for name in MODULES for found in imported(name) if place(name) != place(found)]
    assert len(arrows) > 100
    assert [arrow for arrow in arrows if floor(arrow[1]) <= floor(arrow[0])] == []


def test_functions_are_short() -> None:
    """No function has more than 40 lines, its docstring included."""
    functions = [
        (name, node.name, (node.end_lineno or 0) - node.lineno + 1)
        for name, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    assert len(functions) > 500
    assert [function for function in functions if function[2] > LONGEST] == []
