"""Failure modes of child processes."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from snippets import ENABLED, limited
from toys import hook, repetitions, toy_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from hosts import Host, Hosts
    from worlds import World


@pytest.fixture
def toy(hosts: Hosts, new_world: Callable[[Host], World]) -> World:
    """A world with the toy Prefect."""
    return toy_world(hosts, new_world, "3.12")


FETCHING = """
    import datetime, os
    from prefect.plugins import register_hook, SetupResult

    @register_hook
    def setup_environment(*, ctx):
        with open(os.environ["FETCHES"], "a") as file:
            file.write("x")
        expires_at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=SECONDS)
        return SetupResult(env={"TOKEN": "set-by-the-hook"}, expires_at=expires_at, inherit=INHERIT)
"""
PARENT = """
    import os, subprocess, sys, time
    import prefect
    child = [sys.executable, "-c", "import os, prefect; print(os.environ['TOKEN'])"]
    for _ in range({count}):
        assert subprocess.run(child, capture_output=True, text=True).stdout == "set-by-the-hook\\n"
        time.sleep({pause})
"""


@pytest.mark.parametrize("inherit", [True, False])
def test_a_hundred_children(toy: World, inherit: bool) -> None:
    """100 children of a prepared parent fetch nothing before expiry (with `inherit=True`)."""
    toy.plugin("fetching", FETCHING.replace("SECONDS", "3600").replace("INHERIT", str(inherit)))
    count, fetches = repetitions(100, 5), toy.cwd / "fetches"
    toy.run(PARENT.format(count=count, pause=0), env={**ENABLED, "FETCHES": str(fetches)}, timeout=120, check=True)
    assert len(fetches.read_text()) == (1 if inherit else 1 + count)


def test_expired_credentials_are_fetched_again(toy: World) -> None:
    """Children started after expiry fetch again; diagnose shows the expiry."""
    toy.plugin("fetching", FETCHING.replace("SECONDS", "1").replace("INHERIT", "True"))
    fetches = toy.cwd / "fetches"
    variables = {**ENABLED, "FETCHES": str(fetches)}
    toy.run(
        PARENT.format(count=2, pause=0.1).replace("import prefect\n", "import prefect; time.sleep(1.1)\n", 1),
        env=variables,
        check=True,
    )
    assert len(fetches.read_text()) == 3
    result = toy.run(["-m", "plugins_diag"], env=variables)
    assert "Expires: " in result.stdout, result  # its exit status says that they have expired already


# A hook starts a Python that runs the hooks

STARTING = """
    import {imports}
    run = {run}
    with open(os.environ["FETCHES"], "a") as file:
        file.write("x")
    run()
"""
POOL = "lambda: multiprocessing.get_context({!r}).Pool(1).apply(eval, ('__import__(\"prefect\") and 1',))"
STARTERS = {
    "subprocess": (
        "os, subprocess, sys",
        "lambda: subprocess.run([sys.executable, '-c', 'import prefect'], check=True)",
    ),
    "shell": ("os, sys", "lambda: os.system(f'{sys.executable} -c \"import prefect\" | cat')"),
    "spawn": ("os, multiprocessing", POOL.format("spawn")),
    "forkserver": ("os, multiprocessing", POOL.format("forkserver")),
    "thread": (
        "os, subprocess, sys, threading",
        (
            "lambda: [t := threading.Thread(target=subprocess.run, args=([sys.executable, '-c', 'import prefect'],)), "
            "t.start(), t.join()]"
        ),
    ),
}


@pytest.mark.parametrize("when", ["load", "early", "late"])
@pytest.mark.parametrize("how", STARTERS)
def test_children_of_hooks_run_no_hooks(toy: World, how: str, when: str) -> None:
    """Children born inside hooks run none; later children do."""
    imports, run = STARTERS[how]
    body = STARTING.format(imports=imports, run=run)
    head = "from prefect import flow\n" if when == "late" else ""
    body = head + textwrap.dedent(body)
    toy.plugin("starting", hook("", body) if when == "load" else hook(body))
    fetches = toy.cwd / "fetches"
    (toy.cwd / "main.py").write_text(
        "import os, sys, subprocess\n"
        "if __name__ == '__main__':\n"
        "    import prefect\n"
        "    assert os.environ.get('TOKEN'), 'not set'\n"
        "    assert not [name for name in os.environ if 'IN_HOOK' in name]\n"
        "    if 'again' not in sys.argv:\n"
        "        subprocess.run([sys.executable, 'main.py', 'again'], check=True)\n"
    )
    toy.run(["main.py"], env={**ENABLED, "FETCHES": str(fetches)}, timeout=60, check=True)
    assert fetches.read_text() == "xx"


def test_a_process_that_a_hook_leaves_behind(toy: World) -> None:
    """What a hook starts as a daemon has children of its own with hooks, once the deadline is over."""
    body = """
        import subprocess, sys
        if "LEFT" not in os.environ:
            child = "import prefect, os; open('left', 'w').write(os.environ['TOKEN'])"
            code = f"import time, subprocess, sys; time.sleep(2.5); subprocess.run([sys.executable, '-c', {child!r}])"
            subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "LEFT": "1"},
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    """
    toy.plugin("starting", hook(body))
    toy.run("import prefect, time; time.sleep(4)", env={**ENABLED, **limited(1)}, check=True)
    assert (toy.cwd / "left").read_text() == "set-by-the-hook"


# Spawned children lose the start-up hook

LAUNCHES = {
    "subprocess": "import subprocess, sys; subprocess.run([sys.executable, 'child.py'], check=True)",
    "subprocess-clean": "import subprocess, sys; subprocess.run([sys.executable, 'child.py'], check=True, "
    "env={name: value for name, value in os.environ.items() if name.startswith('P')})",
    "spawn": "import multiprocessing as m; p = m.get_context('spawn').Process(target=child.look); p.start(); p.join()",
    "forkserver": "import multiprocessing as m; "
    "p = m.get_context('forkserver').Process(target=child.look); p.start(); p.join()",
    "fork": "import multiprocessing as m; p = m.get_context('fork').Process(target=child.look); p.start(); p.join()",
    "executor": "from concurrent.futures import ProcessPoolExecutor as P; P(1).submit(child.look).result()",
    "exec": "import sys; os.execv(sys.executable, [sys.executable, 'child.py'])",
    "nested": "import subprocess, sys; subprocess.run([sys.executable, '-c', "
    "'import subprocess, sys; subprocess.run([sys.executable, \"child.py\"], check=True)'], check=True)",
}


@pytest.mark.parametrize("parent", ["prepared", "unprepared"])
@pytest.mark.parametrize("how", LAUNCHES)
def test_children_see_the_environment(world: World, how: str, parent: str) -> None:
    """subprocess, spawn, forkserver, fork, and exec in place all see the environment."""
    assert_child_sees(world, LAUNCHES[how], parent)


def test_an_isolated_child_sees_the_environment(world: World, real_prefect: Host) -> None:
    """So does a child with `-I`, which ignores `PYTHONPATH`; a real Prefect is installed where it is found."""
    launch = "import subprocess, sys; subprocess.run([sys.executable, '-I', 'child.py'], check=True)"
    assert_child_sees(world, launch, "prepared")


def assert_child_sees(world: World, launch: str, parent: str) -> None:
    """Asserts that a child sees what a hook has set, in a parent that has imported Prefect, or in itself."""
    world.plugin("my-plugin", hook("").replace("'set-by-the-hook'", "f'set-in-{os.getpid()}'"))
    (world.cwd / "child.py").write_text(
        "import os\n"
        "def look():\n"
        "    import prefect\n"
        "    from prefect import flow\n"
        "    open('seen', 'w').write(os.environ['TOKEN'])\n"
        "if __name__ == '__main__':\n"
        "    look()\n"
    )
    (world.cwd / "main.py").write_text(
        "import os, child\n"
        "if __name__ == '__main__':\n" + ("    import prefect\n" if parent == "prepared" else "") + f"    {launch}\n"
    )
    result = world.run(["main.py"], env={**ENABLED, "PYTHONPATH": f"{world.overlay}:{world.cwd}"})
    assert result.returncode == 0, result
    assert (world.cwd / "seen").read_text().startswith("set-in-"), result
