"""A pool whose workers fail at their import in strict mode: `multiprocessing.Pool` replaces them without end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from counting import Counting

# The main module imports Prefect at its top, as most programs do, so each spawned worker does before anything else.
# The hook succeeds in the parent and fails in its children.
MAIN = """
import multiprocessing, os, sys, time
import prefect

def work(number):
    return number

if __name__ == "__main__":
    os.environ["FAILING"] = "1"
    context = multiprocessing.get_context("spawn")
    if sys.argv[1] == "pool":
        with context.Pool(2) as pool:
            try:
                print(pool.map_async(work, range(4)).get(float(sys.argv[2])))
            except multiprocessing.TimeoutError:
                print("timeout")
    elif sys.argv[1] == "executor":
        from concurrent.futures import ProcessPoolExecutor
        with ProcessPoolExecutor(2, mp_context=context) as pool:
            try:
                print(pool.submit(work, 1).result())
            except Exception as error:
                print(type(error).__name__)
    else:
        process = context.Process(target=work, args=[1])
        process.start()
        process.join(30)
        print(process.exitcode)
"""

FAILING = "if os.environ.get('FAILING'):\n    raise OSError('no way')"


@pytest.fixture
def main(counting: Counting) -> str:
    """The path of the main module, in a world whose plugin fails in children."""
    counting.install(body=FAILING)
    path = counting.world.cwd / "main.py"
    path.write_text(MAIN)
    return str(path)


def test_pool_does_not_fetch_hundreds_of_times(counting: Counting, main: str) -> None:
    """The workers are replaced without end, which is the pool's doing, but ever more slowly: that is ours."""
    result = counting.run([main, "pool", "12"], PREFECT_PLUGINS_STRICT="1")
    assert result.returncode == 0 and result.stdout == "timeout\n", str(result)
    assert 2 <= counting.runs - 1 <= 12, str(result)
    lines = [line for line in result.stderr.splitlines() if "required plugin" in line]
    assert lines and len(set(lines)) == len(set(lines)), str(result)
    assert all("multiprocessing.Pool" in line for line in lines), str(result)
    assert counting.runs - 1 - len(lines) <= 2, "two workers may have been ended while they waited"


def test_executor_breaks_at_once(counting: Counting, main: str) -> None:
    """`ProcessPoolExecutor` gives up at the first worker that ends, so nothing has to be slowed down."""
    result = counting.run([main, "executor"], PREFECT_PLUGINS_STRICT="1")
    assert result.stdout == "BrokenProcessPool\n", str(result)
    assert result.seconds < 15
    assert counting.runs <= 3
    assert "multiprocessing.Pool" not in result.stderr, str(result)


def test_single_process_exits_with_one(counting: Counting, main: str) -> None:
    """A `Process` ends with exit status 1 and one line."""
    result = counting.run([main, "process"], PREFECT_PLUGINS_STRICT="1", PREFECT_LOGGING_LEVEL="CRITICAL")
    assert result.stdout == "1\n", str(result)
    assert result.stderr == "[plugins] required plugin 'counting_plugin' failed: OSError: no way\n", str(result)
    assert counting.runs == 2
