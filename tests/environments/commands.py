"""What the tests of environments run, word for word as `docs/environments.md` has it: data only.

A command is run by a shell in a directory with `dist/` (the wheels of an application, its plugin, Prefect and this
package), `look.py` (imports Prefect and prints what a hook has set), `wsgi.py`, `tasks.py` and the like.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Run:
    """One row of the page, named as its test without `test_`: the tools with their versions, and the command."""

    tools: tuple[str, ...]
    command: str


# The options that PyInstaller needs; where a program imports by name at run time, it sees nothing.
_FREEZE = (
    "--hidden-import _prefect_preflight --collect-submodules prefect_preflight "
    "--hidden-import my_plugin --copy-metadata my-plugin --copy-metadata prefect"
)
_WSGI = "--workers 2 --bind 127.0.0.1:8000"
_QUIET = "OTEL_TRACES_EXPORTER=none OTEL_METRICS_EXPORTER=none OTEL_LOGS_EXPORTER=none "

RUNS = {
    # archives and frozen programs
    "pex": Run(("pex 2.105.2",), "pex dist/*.whl -m app -o app.pex && python app.pex"),
    "pex_venv": Run(("pex 2.105.2",), "pex dist/*.whl --venv -m app -o app.pex && python app.pex"),
    "shiv": Run(("shiv 1.0.8",), "shiv dist/*.whl -e app:main -o app.pyz && python app.pyz"),
    "zipapp": Run((), "python -m zipapp unpacked -m app:main -o app.pyz && python app.pyz"),
    "zipapp_run": Run((), "prefect-preflight run -- python app.pyz"),
    "zipapp_init": Run((), "python -m zipapp unpacked -m app:main_with_init -o app.pyz && python app.pyz"),
    "pyinstaller": Run(("pyinstaller 6.22.3",), "pyinstaller --copy-metadata my-plugin plain.py && dist/plain/plain"),
    "pyinstaller_init": Run(("pyinstaller 6.22.3",), f"pyinstaller {_FREEZE} with_init.py && dist/with_init/with_init"),
    "pyinstaller_one_file": Run(
        ("pyinstaller 6.22.3",), f"pyinstaller --onefile {_FREEZE} with_init.py && dist/with_init"
    ),
    # servers and workers
    "gunicorn": Run(("gunicorn 27.0.1",), f"gunicorn {_WSGI} wsgi:application"),
    "gunicorn_preload": Run(("gunicorn 27.0.1",), f"gunicorn {_WSGI} --preload early:application"),
    "uwsgi": Run(("uwsgi 2.0.31",), "uwsgi -H $VIRTUAL_ENV --http-socket 127.0.0.1:8000 --master -p 2 -w wsgi"),
    "uwsgi_early": Run(("uwsgi 2.0.31",), "uwsgi -H $VIRTUAL_ENV --http-socket 127.0.0.1:8000 --master -p 2 -w early"),
    "mod_wsgi": Run(
        ("mod_wsgi-standalone 6.1.1",),
        "mod_wsgi-express start-server wsgi.py --server-root server --port 8000 --processes 2",
    ),
    "celery_prefork": Run(("celery 5.7.0",), "celery -A tasks worker --pool prefork -c 2"),
    "celery_threads": Run(("celery 5.7.0",), "celery -A tasks worker --pool threads -c 2"),
    "celery_early": Run(("celery 5.7.0",), "celery -A early_tasks worker --pool prefork -c 2"),
    "apscheduler": Run(("apscheduler 3.11.3",), "python schedule.py"),
    # tools around Python
    "ddtrace": Run(("ddtrace 4.16.0",), "ddtrace-run python look.py"),
    "opentelemetry": Run(("opentelemetry-distro 0.66b2",), f"{_QUIET}opentelemetry-instrument python look.py"),
    "both_tracers": Run(
        ("ddtrace 4.16.0", "opentelemetry-distro 0.66b2"),
        f"{_QUIET}ddtrace-run opentelemetry-instrument prefect-preflight run -- python look.py",
    ),
    "debugpy": Run(("debugpy 1.8.22",), "python -m debugpy --listen 127.0.0.1:8000 look.py"),
    "coverage": Run(("coverage 7.17.5",), "coverage run --parallel-mode parent.py && coverage combine"),
    "profilers": Run((), "python -m cProfile -o profile look.py && python -m trace --count -C counts look.py"),
    "pdb": Run((), "python -m pdb -c continue -c quit look.py"),
    # where Python finds its packages
    "uv_run": Run((), "uv run --no-project --with-requirements requirements.txt python look.py"),
    "user": Run((), "python3.12 -m pip install --user dist/*.whl && python3.12 look.py"),
    "prefix": Run((), "prefix/bin/python -m pip install dist/*.whl && prefix/bin/python look.py"),
    "system_site": Run((), "python -m venv --system-site-packages inner && inner/bin/python look.py"),
}
