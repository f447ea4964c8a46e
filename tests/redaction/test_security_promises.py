"""What `docs/security.md` promises: what is done at every start, and what is never done."""

from __future__ import annotations

import ast
import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import prefect_preflight
from snippets import ENABLED, hook, returning

if TYPE_CHECKING:
    from hosts import Host
    from worlds import World

pytestmark = pytest.mark.core

STARTUP_FILE = "prefect_preflight.pth"
PACKAGE = Path(prefect_preflight.__file__).parent
SCREEN = 40
"""Lines of a terminal."""

# Modules that reach the network, start processes, or execute texts; `testing` is for test suites, which start children.
NEVER_IMPORTED = ("socket", "ssl", "urllib.request", "http", "requests", "subprocess", "ctypes", "pickle", "marshal")
EXEMPT = [("stragglers.py", "ctypes"), ("hooks_view.py", "subprocess")]
"""What ends, when the process does, the threads of hooks that hang; and what gives programs that hooks start in the
background the environment that these see: it starts none."""

QUIET = {"PYTHONDONTWRITEBYTECODE": "1"}
"""Python itself would write the plugins' bytecode."""

AUDIT = """
import json, os, sys, threading
events = {"socket": [], "written": [], "processes": [], "executed": [], "putenv": []}
done = False
before = set(sys.modules)

def ours(depth=2):
    # Whose doing it is: the nearest frame that is not the standard library's.
    frame = sys._getframe(depth)
    while frame is not None:
        name = frame.f_code.co_filename
        if "prefect_preflight" in name or "plugins_diag" in name:
            return True
        if "site-packages" in name or "overlay" in name or name == "<string>":
            return False
        frame = frame.f_back
    return False

def hook(event, args):
    # Not `socket.__new__`: the event loop of an async hook has a pair of sockets to wake itself up with.
    if event.startswith("socket.") and event != "socket.__new__" and ours():
        events["socket"].append(event)
    elif event == "open" and isinstance(args[0], (str, bytes)) and ours():
        mode, flags = args[1] or "", args[2] or 0
        if set("wax+") & set(mode) or flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            events["written"].append([str(args[0]), mode, flags])
    elif event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate") and ours():
        events["written"].append([event])
    elif event in ("subprocess.Popen", "os.system", "os.fork", "os.exec", "os.posix_spawn") and ours():
        events["processes"].append(event)
    elif event in ("os.putenv", "os.unsetenv"):
        name = os.fsdecode(args[0])
        events["putenv"].append([name, threading.get_ident() == threading.main_thread().ident, done, ours()])

sys.addaudithook(hook)
import prefect
done = True
import time
for _ in range(100):
    if threading.active_count() == 1:
        break
    time.sleep(0.02)
threads = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
time.sleep(0.2)
print(json.dumps({**events, "threads": threads, "token": os.environ.get("TOKEN")}))
"""


class TestStartUpFile:
    """What Python executes at its start."""

    def test_it_is_in_record(self, bare: Host) -> None:
        """RECORD lists it with its digest, so an uninstall removes and a verification checks it."""
        (record,) = bare.site.glob("prefect_preflight-*.dist-info/RECORD")
        with record.open(encoding="utf-8", newline="") as file:
            rows = {row[0]: row[1] for row in csv.reader(file)}
        for name in (STARTUP_FILE, "_prefect_preflight.py"):
            assert rows[name].startswith("sha256=")

    def test_it_says_one_thing(self, bare: Host) -> None:
        """It is one import, in ASCII, and nothing else."""
        assert (bare.site / STARTUP_FILE).read_bytes() == b"import _prefect_preflight\n"

    def test_the_code_fits_on_one_screen(self) -> None:
        """What is executed at each start, without comments, docstrings and what only type checkers see, is a screen."""
        tree = ast.parse((PACKAGE.parent / "_prefect_preflight.py").read_text("utf-8"))
        lines = set()
        for node in tree.body:
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                continue
            if isinstance(node, ast.FunctionDef):
                lines.add(node.lineno)  # it is defined, and not called
                continue
            lines.update(
                child.lineno
                for child in ast.walk(node)
                if isinstance(child, (ast.stmt, ast.expr)) and not _is_text(child)
            )
        assert len(lines) <= SCREEN

    def test_it_imports_only_what_is_built_in_and_loaded(self) -> None:
        """`sys`, `_thread` and `os`, which every start of Python has loaded before, and nothing else."""
        tree = ast.parse((PACKAGE.parent / "_prefect_preflight.py").read_text("utf-8"))
        imports = [ast.unparse(node) for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
        assert {line.partition(" import ")[0] for line in imports} == {"import sys", "from _thread", "from os"}


def _is_text(node: ast.AST) -> bool:
    inner = node.value if isinstance(node, ast.Expr) else node
    return isinstance(inner, ast.Constant) and isinstance(inner.value, str)


class TestNever:
    """What never happens."""

    def test_no_forbidden_import_or_call(self) -> None:
        """No module of the run-time package imports what reaches the network, starts processes or executes texts."""
        found = []
        for path in sorted(PACKAGE.rglob("*.py")):
            if {"testing", "_command_line"} & {*path.parts}:  # neither is loaded by an `import prefect`
                continue
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                names = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    names = [node.module or ""]
                elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    names = ["pickle"] if node.func.id in ("exec", "eval", "compile", "print", "input") else []
                never = tuple(f"{name}." for name in NEVER_IMPORTED)
                found += [(path.name, name) for name in names if f"{name}.".startswith(never)]
        assert [use for use in found if use not in EXEMPT] == []

    def test_what_the_interpreter_sees(self, world: World, real_prefect: Host) -> None:
        """By its audit events: no socket, no file written, no process, no thread left, and `putenv` as promised."""
        world.plugin("sync", returning(TOKEN="from the hook"))
        world.plugin("async", hook("await asyncio.sleep(0)\nreturn SetupResult(env={'B': '1'})", keyword="async def"))
        world.plugin("late", hook("from prefect import flow\nreturn SetupResult(env={'C': '1'})"))
        world.plugin("fails", hook("raise ValueError('no')"))
        found = json.loads(world.run(AUDIT, env={**ENABLED, **QUIET}, check=True).stdout)
        assert found["token"] == "from the hook"
        assert (found["socket"], found["written"], found["processes"]) == ([], [], [])
        assert [name for name in found["threads"] if "preflight" in name] == []
        ours = [(name, main, after) for name, main, after, own in found["putenv"] if own]
        assert {"TOKEN", "B", "C"} <= {name for name, _, _ in ours}
        assert all(main and not after for _, main, after in ours)

    def test_this_test_can_fail(self, world: World) -> None:
        """The same audit sees a report that is written on demand, the one exception."""
        world.plugin("sync", returning(TOKEN="from the hook"))
        directory = str(world.cwd / "reports")
        found = json.loads(
            world.run(AUDIT, env={**ENABLED, **QUIET, "PREFECT_PREFLIGHT_REPORT_DIR": directory}, check=True).stdout
        )
        assert found["written"]

    def test_disabled(self, world: World, real_prefect: Host) -> None:
        """With plugins disabled nothing is set, started or written, and a plugin's module is not imported."""
        world.plugin("sync", returning(TOKEN="from the hook"))
        program = AUDIT + "\nassert 'sync' not in sys.modules\n"
        found = json.loads(world.run(program, env=QUIET, check=True).stdout)
        assert found["token"] is None and not any(own for *_, own in found["putenv"])
        assert (found["socket"], found["written"], found["processes"]) == ([], [], [])
