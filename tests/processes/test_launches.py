"""Whatever way a process is started: at its first `import prefect` it has the plugins' environment."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from counting import Counting

KINDS = ("subprocess", "posix_spawn", "spawn", "forkserver", "fork", "executor", "loky", "exec")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="launches of POSIX systems")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("parent", ["plain", "import"])
@pytest.mark.parametrize("inherit", [False, True], ids=["own", "inherit"])
def test_child_has_the_environment(counting: Counting, kind: str, parent: str, inherit: bool) -> None:
    """Child processes have the variables, by a run of their own or, where the plugin allows it, their parent's."""
    assert_child_has_the_environment(counting, kind, parent, inherit)


def assert_child_has_the_environment(counting: Counting, kind: str, parent: str, inherit: bool) -> None:
    """Launches a child and looks at what it has, and who ran the hook for it."""
    counting.install(options=f"inherit={inherit}")

    seen = counting.json(["-m", "launches", kind, parent])

    (child,) = seen["children"]
    assert child["outcome"] == "success", seen
    assert child["token"], seen
    assert (child["pid"] == seen["parent"]["pid"]) == (kind == "exec"), seen
    if parent == "plain":
        own = True  # nobody before it imported Prefect, so there is nothing to inherit
    else:
        assert seen["parent"]["token"], seen
        # A forked child has Prefect imported already, it is its parent's.
        own = kind != "fork" and not inherit
        assert (child["token"] != seen["parent"]["token"]) == own, seen
    expected = "inherited" if parent == "import" and kind != "fork" and inherit else "success"
    assert child["statuses"] == {"counting_plugin": expected}, seen
    assert counting.runs == int(parent == "import") + int(own), seen


@pytest.mark.parametrize("kind", KINDS)
def test_child_on_the_newest_pythons(counting: Counting, kind: str) -> None:
    """The same on the newest Pythons, whose ways to start a process differ in their defaults."""
    assert_child_has_the_environment(counting, kind, "import", inherit=False)
