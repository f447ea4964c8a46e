"""What the chaos suite found, each as a test of its own: one plugin's misbehaviour must not become the others'."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import standin
from snippets import ENABLED, IMPORT_AND_TELL, Told, hook, limited, returning, told

if TYPE_CHECKING:
    from worlds import World

pytestmark = pytest.mark.core

GOOD = "m-good"
"""The well-behaved plugin's name: in the middle of the order of names."""

RETURN = "return SetupResult(env={'A': 'a', 'B': 'b'})"


@pytest.fixture
def toy(world: World) -> World:
    """A world with a toy Prefect and a well-behaved plugin."""
    standin.install(world)
    world.plugin(GOOD, returning("GOOD"))
    return world


def run(world: World, program: str = IMPORT_AND_TELL, *, seconds: float = 4, **variables: str) -> Told:
    """Runs a child, in which the well-behaved plugin succeeds, whatever the others do."""
    deadline = limited(seconds)
    for _ in range(3):  # a machine that is busy with something else may be late once, but hardly three times
        found = told(world.run(program, env={**ENABLED, **deadline, **variables}))
        if found.report["seconds"] < seconds + 0.5:
            break
    assert found.statuses["m_good"] == "success" and found.env["GOOD"] == "GOOD"
    assert found.report["outcome"] != "internal-error" and not found.lines_with("internal error")
    assert found.report["seconds"] < seconds + 0.5
    return found


class TestTurns:
    """A plugin that hangs takes nobody's turn."""

    def test_hanging_load(self, toy: World) -> None:
        """A module that never ends its import leaves time for the hooks of the modules that did."""
        toy.plugin("a-hangs", "import time\ntime.sleep(60)\n")
        toy.plugin("z-hangs", "import time\ntime.sleep(60)\n")
        found = run(toy)
        assert found.statuses == {"a_hangs": "timed-out", "m_good": "success", "z_hangs": "timed-out"}

    def test_hanging_hook_beside_one_that_needs_prefect(self, toy: World) -> None:
        """A hook that turns out to need Prefect gets its turn, although another one of its wave hangs."""
        toy.plugin("a-hangs", hook("time.sleep(60)"))
        toy.plugin("z-lazy", hook(f"from prefect.flows import flow\n{RETURN}"))
        found = run(toy)
        assert found.statuses == {"a_hangs": "timed-out", "m_good": "success", "z_lazy": "success"}
        assert found.plugins["z_lazy"]["stage"] == "late"

    def test_helper_thread_that_needs_what_the_program_imports(self, toy: World) -> None:
        """`import prefect.flows` in the program and, in a hook's helper thread, the same: none waits for ever."""
        toy.plugin(
            "a-helper", hook(f"await asyncio.to_thread(__import__, 'prefect.flows')\n{RETURN}", keyword="async def")
        )
        found = run(toy, "import prefect.flows\n" + IMPORT_AND_TELL)
        assert found.statuses["a_helper"] == "success" and found.env["A"] == "a"


EXITS = "def __str__(self):\n        sys.exit(7)\n    __repr__ = __eq__ = __str__\n    __hash__ = None\n"
SLEEPS = "def __str__(self):\n        time.sleep(60)\n        return ''\n"
RAISES = "def __repr__(self):\n        raise ValueError\n    __eq__ = __str__ = __repr__\n    __hash__ = None\n"

OWN_CODE = {
    # What a plugin hands over may have code of its own. By a name: what stands before the hook, the hook, the status.
    "error that exits": (f"class E(Exception):\n    {EXITS}", "raise E", "failed"),
    "error that sleeps": (f"class E(Exception):\n    {SLEEPS}", "raise E", "timed-out"),
    "note that sleeps": (f"class N:\n    {SLEEPS}", "return SetupResult(env={}, note=N())", "timed-out"),
    "requirement that exits": (f"class R:\n    {EXITS}\nPREFECT_PLUGIN_API_REQUIRES = R()", RETURN, "load-failed"),
    "requirement that raises": (f"class R:\n    {RAISES}\nPREFECT_PLUGIN_API_REQUIRES = R()", RETURN, "success"),
    "text that is no text": (
        "class T(str):\n    def encode(self, *args):\n        raise ValueError\n    __contains__ = __str__ = encode\n",
        "return SetupResult(env={'A': 'a', T('B'): T('b')})",
        "success",
    ),
    "zone that raises": (
        "from datetime import datetime, tzinfo\nclass Z(tzinfo):\n    def utcoffset(self, when):\n        1 / 0\n",
        "return SetupResult(env={'A': 'a', 'B': 'b'}, expires_at=datetime(2031, 1, 1, tzinfo=Z()))",
        "success",
    ),
    "zone without an offset": (
        "from datetime import datetime, tzinfo\nclass Z(tzinfo):\n    def utcoffset(self, when):\n        pass\n",
        "return SetupResult(env={'A': 'a', 'B': 'b'}, expires_at=datetime(1, 1, 1, tzinfo=Z()))",
        "success",
    ),
}


@pytest.mark.parametrize("name", OWN_CODE)
def test_code_of_the_plugin_runs_in_its_worker(toy: World, name: str) -> None:
    """What a plugin hands over is looked at in its worker: neither an exit nor an endless wait reaches the import."""
    before, body, status = OWN_CODE[name]
    toy.plugin("a-hostile", hook(body, before=before))
    found = run(toy, seconds=2)
    assert found.statuses["a_hostile"] == status
    expected = ("a", "b") if status == "success" else (None, None)
    assert (found.env.get("A"), found.env.get("B")) == expected


class TestLogging:
    """Logging that is broken costs the line, not the others' environment."""

    HANDLER = """
import logging
class Handler(logging.Handler):
    def emit(self, record):
        raise OSError("the log server does not answer")
logging.getLogger("prefect.plugins").addHandler(Handler())
"""

    def test_handler_that_raises(self, toy: World) -> None:
        """A plugin's log handler that raises, while there is something to log."""
        toy.plugin("a-handler", hook(RETURN, before=self.HANDLER))
        toy.plugin("b-fails", hook("raise ValueError('no')"))
        found = run(toy, PREFECT_LOGGING_LEVEL="DEBUG")
        assert found.statuses["b_fails"] == "failed" and found.env["A"] == "a"

    @pytest.mark.parametrize("broken", ["None", "open(os.devnull, 'w'); sys.stderr.close()"])
    def test_stderr_that_is_gone(self, toy: World, broken: str) -> None:
        """A plugin that closes or replaces stderr; its own logger goes on working for others."""
        toy.plugin("a-silences", hook(RETURN, before=f"sys.stderr = {broken}"))
        toy.plugin("b-logs", hook("ctx.logger_factory('b').error('a line')\nreturn SetupResult(env={'LOGS': '1'})"))
        toy.plugin("c-fails", hook("raise ValueError('no')"))
        found = run(toy)
        assert found.env["LOGS"] == "1" and found.statuses["c_fails"] == "failed"


class TestModules:
    """What a plugin's module does to itself."""

    def test_instance_in_its_place(self, toy: World) -> None:
        """A module that puts an instance in its own place is that instance, as for Prefect's own system."""
        text = hook(RETURN).replace("(*, ctx)", "(self, *, ctx)")
        head, _, body = text.partition("@register_hook")
        indented = "\n".join("    " + line for line in f"@register_hook{body}".splitlines())
        toy.plugin("a-instance", f"{head}\nclass Plugin:\n{indented}\nsys.modules[__name__] = Plugin()\n")
        found = run(toy)
        assert found.statuses["a_instance"] == "success" and found.env["A"] == "a"

    def test_none_in_its_place(self, toy: World) -> None:
        """None in its place is a failure to load, with its reason."""
        toy.plugin("a-none", hook(RETURN) + "\nsys.modules[__name__] = None\n")
        found = run(toy)
        assert found.plugins["a_none"]["error"]["message"] == (
            "module 'a_none' has put None in its own place in sys.modules"
        )

    @pytest.mark.parametrize("kind", ["ValueError", "TypeError"])
    def test_its_own_error(self, toy: World, kind: str) -> None:
        """An error of the module's own is not taken for a bad entry point."""
        toy.plugin("a-raises", f"raise {kind}('of its own')")
        assert run(toy).plugins["a_raises"]["error"] == {"type": kind, "message": f"{kind}: of its own"}


RACE = """
import _imp, sys, threading, time

class Slow:
    # Gives the other thread time to ask for a submodule, and so to hold its lock, before the package is found.
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "prefect" and other.ident is None:
            _imp.release_lock()
            other.start()
            time.sleep(0.3)
            _imp.acquire_lock()

problems = []

def submodule():
    try:
        import prefect.flows
        problems.extend([] if prefect.DONE and prefect.flows.flow else ["partial"])
    except BaseException as error:
        problems.append(repr(error))

other = threading.Thread(target=submodule)
sys.meta_path.insert(0, Slow)
import prefect
other.join(10)
assert not problems and not other.is_alive(), problems
"""


def test_a_thread_that_asks_for_a_submodule_at_the_same_moment(toy: World) -> None:
    """It gets the complete package, and so does the importing thread, whose body needs the same submodule."""
    run(toy, RACE + IMPORT_AND_TELL)
