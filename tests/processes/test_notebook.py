"""A real Jupyter kernel, whose cells run inside an event loop: ipykernel, driven by nbclient."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from counting import Counting

# Executes the cells that it reads from stdin's stand-in, and prints what each of them gave: text, and an error's name.
DRIVER = """
    import json, sys, nbformat
    from nbclient import NotebookClient
    cells = json.loads({cells!r})
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=60, kernel_name="python3", allow_errors=True).execute()
    shown = []
    for cell in notebook.cells:
        text = "".join(output.get("text", "") for output in cell.outputs)
        error = [[output.ename, output.evalue] for output in cell.outputs if output.output_type == "error"]
        shown.append([text, error])
    print(json.dumps(shown))
"""

SEEN = "import os; print(os.environ.get('HOOK_TOKEN'))"


def cells(counting: Counting, *texts: str, **variables: str) -> list[Any]:
    """Executes cells in one kernel; returns for each what it wrote, and its errors as pairs of name and message."""
    variables = {"IPYTHONDIR": str(counting.world.home), "JUPYTER_RUNTIME_DIR": str(counting.world.home), **variables}
    shown: list[Any] = counting.json(DRIVER.format(cells=json.dumps(texts)), timeout=120, **variables)
    return shown


@pytest.mark.parametrize("keyword", ["def", "async def"])
def test_import_in_a_cell(counting: Counting, keyword: str) -> None:
    """Hooks of both kinds run inside the kernel's running loop; a reload and `%autoreload 2` run nothing again."""
    counting.install(keyword=keyword)
    told = cells(
        counting,
        "import asyncio; print(asyncio.get_running_loop().is_running())",
        "import prefect\n" + SEEN,
        "import importlib; importlib.reload(prefect)\n" + SEEN,
        "%load_ext autoreload\n%autoreload 2",
        "import prefect\nfrom prefect import flow\n" + SEEN,
        "import prefect, sys; sys.modules.pop('prefect'); import prefect\n" + SEEN,
        "from prefect_preflight import last_report; print(last_report().outcome)",
    )
    assert [errors for _, errors in told] == [[]] * len(told), told
    assert told[0][0] == "True\n"
    tokens = [told[index][0].strip() for index in (1, 2, 4, 5)]
    assert tokens[0] not in ("", "None")
    assert set(tokens) == {tokens[0]}, told
    assert told[6][0].strip() == "success"
    assert counting.runs == 1


def test_strict_failure_is_visible_in_each_cell(counting: Counting) -> None:
    """In strict mode each cell that imports Prefect fails, with the plugin's name, and runs the hook anew."""
    counting.install(body="raise OSError('no way')")
    told = cells(
        counting,
        "import prefect",
        "import prefect",
        "import sys; print('prefect' in sys.modules, [name for name in sys.modules if name.startswith('prefect.')])",
        PREFECT_PLUGINS_STRICT="1",
    )
    for text, errors in told[:2]:
        assert errors and errors[0][0] == "SystemExit", told
        assert "required plugin 'counting_plugin' failed: OSError: no way" in errors[0][1] + text, told
    assert told[2] == ["False []\n", []], told
    assert counting.runs == 2
