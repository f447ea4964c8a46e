"""A kit for those who write plugins: run one as `import prefect` would, and see what came of it.

    from prefect_preflight.testing import run_plugin

    def test_the_token_is_set():
        run = run_plugin("acme_plugin", env={"ACME_URL": "https://acme.example"})
        run.assert_ok()
        assert run.env["ACME_TOKEN"] == "..."

With pytest, the fixture `run_plugin` is the same function. The plugin is loaded and its hook called by the code that
does so at `import prefect`, under the same deadline, in a worker; the environment that it would set is returned, and
the process' own is left as it was. `run_plugin(..., subprocess=True)` starts a new interpreter and imports Prefect
itself there, where it is installed.
"""

from __future__ import annotations

from ._outcome import ADVICE, Advice, LogLine, PluginRun
from ._run_plugin import run_plugin

__all__ = ["ADVICE", "Advice", "LogLine", "PluginRun", "run_plugin"]
