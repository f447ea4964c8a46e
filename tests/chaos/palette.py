"""What plugins do wrong, and what they do right: the palette that the chaos suite draws from.

Each `Kind` is a plugin's text with what must become of it. In the text, ``ENV`` is the environment that the
plugin returns if it comes that far, ``SECRET`` a text with a secret in it, ``DEADLINE`` the plugins' time in
seconds. What no Python package can survive is not here: ``os._exit``, a signal that kills, a crash in C, and a
hook that takes the import system itself apart (``sys.meta_path.clear()``).
"""

from __future__ import annotations

import dataclasses
import textwrap

FAILED = ("failed",)
INVALID = ("invalid-result",)
LOAD_FAILED = ("load-failed",)
TIMED_OUT = ("timed-out",)
SUCCESS = ("success",)


@dataclasses.dataclass(frozen=True)
class Kind:
    """One way to behave.

    Attributes:
        name: unique, for people.
        source: the plugin's text.
        statuses: what the report may say of it; most often one word.
        late: whether it needs Prefect itself, and so runs late.
        waits: where it uses up time until the deadline: "load", "tryfirst", "normal", "trylast", "late", or "".
        hogs: whether it keeps the interpreter's lock (GIL) busy meanwhile.
        holds: seconds for which nobody else can run at all, since it keeps that lock.
        heavy: whether it starts processes, and so costs more than the others together.
        noise: whether it writes a line to stdout.
        direct: whether it sets a variable by itself, too.
        hook: the entry point's object, "" for the module.
        silences: whether it takes stderr away from everybody.
        stale: whether what it returns has expired, which is a failure in strict mode alone.
        again: whether it has a thread that imports Prefect by itself, and so once more if strict mode ended the import.
    """

    name: str
    source: str
    statuses: tuple[str, ...]
    late: bool = False
    waits: str = ""
    hogs: bool = False
    holds: float = 0.0
    heavy: bool = False
    noise: bool = False
    direct: bool = False
    hook: str = ""
    silences: bool = False
    again: bool = False
    stale: bool = False

    @property
    def sets(self) -> bool:
        """Whether its environment must be there afterwards."""
        return self.statuses == SUCCESS and "ENV" in self.source

    @property
    def narrow(self) -> bool:
        """Whether it misses the deadline by little."""
        return "DEADLINE + " in self.source

    @property
    def certain(self) -> bool:
        """Whether only one outcome is right, in strict mode too."""
        return len(self.statuses) == 1 and not self.again and not self.stale


RETURN = "return SetupResult(env=ENV)"


def _hook(body: str, *, before: str = "", keyword: str = "def", options: str = "") -> str:
    head = f"@register_hook({options})\n{keyword} setup_environment(*, ctx):\n"
    lines = "vars(sys).setdefault('chaos_calls', []).append(__name__)\n" + textwrap.dedent(body).strip()
    return f"{textwrap.dedent(before)}\n{head}{textwrap.indent(lines, '    ')}\n"


def _good() -> list[Kind]:
    late = "from prefect import flow\n"
    guarded = "try:\n    from prefect import flow\nexcept ImportError:\n    flow = None\n"
    method = "class Plugin:\n{}\n{}\n"
    texts = {
        "sync": _hook(RETURN),
        "async": _hook(f"await asyncio.sleep(0.01)\n{RETURN}", before="import asyncio", keyword="async def"),
        "tryfirst": _hook(RETURN, options="tryfirst=True"),
        "trylast": _hook(RETURN, options="trylast=True"),
        "nothing to do": _hook("return None"),
        "empty": _hook("return SetupResult(env={})"),
        "note and expiry": _hook(
            "from datetime import datetime, timedelta, timezone\n"
            "expiry = datetime.now(timezone.utc) + timedelta(hours=1)\n"
            "return SetupResult(env=ENV, note=SECRET, expires_at=expiry, inherit=True, required=True)"
        ),
        "logs a secret": _hook(
            f"log = ctx.logger_factory('chaos')\nlog.warning('seen %s', SECRET)\nlog.error(SECRET)\n{RETURN}"
        ),
        "sleeps a little": _hook(f"time.sleep(0.05)\n{RETURN}"),
        "imports unloaded modules": _hook(f"import colorsys, mailbox, wave\n{RETURN}"),
        "own thread pool": _hook(
            "from concurrent.futures import ThreadPoolExecutor\n"
            "with ThreadPoolExecutor(2) as pool:\n    pairs = dict(pool.map(lambda item: item, ENV.items()))\n"
            "return SetupResult(env=pairs)"
        ),
        "to_thread": _hook(
            f"await asyncio.to_thread(__import__, 'wave')\n{RETURN}",
            before="import asyncio",
            keyword="async def",
        ),
        "own event loop": _hook(
            f"async def wait():\n    await asyncio.sleep(0)\nasyncio.run(wait())\n{RETURN}", before="import asyncio"
        ),
        "generator-based coroutine": _hook(
            f"@types.coroutine\ndef wait():\n    yield\n    {RETURN}\nreturn wait()", before="import types"
        ),
    }
    kinds = [Kind(name, text, SUCCESS) for name, text in texts.items()]
    instance = method.format(textwrap.indent(_hook(RETURN).replace("(*, ctx)", "(self, *, ctx)"), "    "), "")
    kinds += [
        Kind("class", instance, SUCCESS, hook="Plugin"),
        Kind("instance", instance + "plugin = Plugin()\n", SUCCESS, hook="plugin"),
        Kind("imports Prefect early", _hook(RETURN, before=late), SUCCESS, late=True),
        Kind(
            "swallows the ImportError", _hook(f"assert flow is not None\n{RETURN}", before=guarded), SUCCESS, late=True
        ),
        Kind("imports Prefect lazily", _hook(f"from prefect import flow\n{RETURN}"), SUCCESS, late=True),
        Kind(
            "imports by name",
            _hook(f"importlib.import_module('prefect.tasks').task\n{RETURN}", before="import importlib"),
            SUCCESS,
            late=True,
        ),
        Kind(
            "imports the application", _hook(f"import chaos_app\nassert chaos_app.DONE\n{RETURN}"), SUCCESS, late=True
        ),
        Kind(
            "is loaded with the application",
            _hook(RETURN, before="import chaos_app_two\nassert chaos_app_two.DONE"),
            SUCCESS,
            late=True,
        ),
        Kind(
            "imports Prefect lazily in a helper thread",
            _hook(
                f"await asyncio.to_thread(__import__, 'prefect.flows')\n{RETURN}",
                before="import asyncio",
                keyword="async def",
            ),
            SUCCESS,
            late=True,
        ),
        Kind(
            "swallows it lazily",
            _hook(
                "try:\n    import prefect.flows as flows\nexcept ImportError:\n    flows = None\n"
                f"assert flows is not None\n{RETURN}"
            ),
            SUCCESS,
            late=True,
        ),
    ]
    return kinds


def _odd() -> list[Kind]:
    """Rude, but within their rights: they succeed, and must not disturb anybody."""
    texts = {
        "daemon thread": _hook(f"threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n{RETURN}"),
        "thread": _hook(f"threading.Thread(target=time.sleep, args=(0.2,)).start()\n{RETURN}"),
        "thread that imports Prefect": _hook(
            f"threading.Thread(target=__import__, args=('prefect.flows',), daemon=True).start()\n{RETURN}"
        ),
        "thread that dies": _hook(f"threading.Thread(target=lambda: 1 / 0).start()\n{RETURN}"),
        "changes directory": _hook(f"os.chdir('/')\n{RETURN}"),
        "into a directory that is gone": _hook(
            f"path = tempfile.mkdtemp()\nos.chdir(path)\nos.rmdir(path)\n{RETURN}", before="import tempfile"
        ),
        "import hook": _hook(
            RETURN,
            before="""
            class Finder:
                def find_spec(self, name, path=None, target=None):
                    return None
            sys.meta_path.insert(0, Finder())
            """,
        ),
        "import hook that asks the others": _hook(
            RETURN,
            before="""
            from importlib.machinery import PathFinder
            class Finder:
                @staticmethod
                def find_spec(name, path=None, target=None):
                    return PathFinder.find_spec(name, path, target) if name.startswith("prefect.") else None
            sys.meta_path.append(Finder)
            """,
        ),
        "own __import__": _hook(
            RETURN,
            before="import builtins\nreal = builtins.__import__\n"
            "builtins.__import__ = lambda *args, **kwargs: real(*args, **kwargs)\n",
        ),
        "deletes itself in the hook": _hook(f"sys.modules.pop(__name__, None)\n{RETURN}"),
        "replaces itself by an instance": (
            "class Plugin:\n"
            + textwrap.indent(_hook(RETURN).replace("(*, ctx)", "(self, *, ctx)"), "    ")
            + "sys.modules[__name__] = Plugin()\n"
        ),
        "drops the plugin API": _hook(
            "for name in [name for name in sys.modules if name.startswith('prefect.')]:\n"
            f"    sys.modules.pop(name, None)\n{RETURN}"
        ),
        "own mapping": _hook("import collections\nreturn SetupResult(env=collections.UserDict(ENV))"),
        "strings of its own": _hook(
            "return SetupResult(env={Text(name): Text(value) for name, value in ENV.items()})",
            before="""
            class Text(str):
                def encode(self, *args):
                    raise RuntimeError("no")
                def __contains__(self, other):
                    raise RuntimeError("no")
                __str__ = __format__ = __repr__ = encode
            """,
        ),
        "expiry with a zone of its own": _hook(
            "return SetupResult(env=ENV, expires_at=datetime(2031, 1, 1, tzinfo=Zone()))",
            before="""
            from datetime import datetime, tzinfo
            class Zone(tzinfo):
                def utcoffset(self, when):
                    raise RuntimeError("no zone")
                tzname = dst = utcoffset
            """,
        ),
        "expiry at the end of time": _hook(
            "from datetime import datetime, timedelta, timezone\n"
            "zone = timezone(timedelta(hours=-14))\n"
            "return SetupResult(env=ENV, inherit=True, expires_at=datetime.max.replace(tzinfo=zone))"
        ),
        "expiry before time": _hook(
            "from datetime import datetime, timedelta, timezone\n"
            "return SetupResult(env=ENV, expires_at=datetime.min.replace(tzinfo=timezone(timedelta(hours=14))))"
        ),
        "requirement that cannot be shown": _hook(
            RETURN,
            before="""
            class Requirement:
                def __eq__(self, other):
                    raise RuntimeError("no")
                __str__ = __repr__ = __hash__ = lambda self: 1 / 0
            PREFECT_PLUGIN_API_REQUIRES = Requirement()
            """,
        ),
        "no requirement": _hook(RETURN, before="PREFECT_PLUGIN_API_REQUIRES = 'rather new'\n"),
        "attributes for every name": _hook(
            RETURN, before="def __getattr__(name):\n    return globals().setdefault(name, 'something')\n"
        ),
        "attribute that raises": _hook(
            RETURN,
            before="class Bad:\n    def __getattribute__(self, name):\n        raise ValueError(name)\nbad = Bad()\n",
        ),
        "many variables": _hook(
            "for number in range(2000):\n    vars(sys).setdefault('chaos_many', {})[number] = number\n" + RETURN
        ),
        "raising log handler": _hook(
            RETURN,
            before="""
            import logging
            class Handler(logging.Handler):
                def emit(self, record):
                    raise OSError("the log server does not answer")
            logging.getLogger("prefect.plugins").addHandler(Handler())
            """,
        ),
        "warnings are errors": _hook(
            RETURN, before="import warnings\nwarnings.filterwarnings('error', module='prefect_preflight')\n"
        ),
        "collects garbage": _hook(f"gc.collect()\n{RETURN}", before="import gc"),
    }
    kinds = [
        Kind(name, text, SUCCESS, again="imports Prefect" in name, stale=name == "expiry before time")
        for name, text in texts.items()
    ]
    child = "import os, prefect, sys; sys.exit(0 if 'CHAOS' not in str(sys.modules) and prefect.__name__ else 9)"
    program = (
        f"import subprocess\nsubprocess.run([sys.executable, '-c', {child!r}], check=True, stdout=-3, stderr=-3)\n"
    )
    fork = "pid = os.fork()\nif pid == 0:\n    {}\nassert os.waitpid(pid, 0)[1] == 0\n" + RETURN
    kinds += [
        Kind("writes to stdout", _hook(f"print('NOISE', __name__, flush=True)\n{RETURN}"), SUCCESS, noise=True),
        Kind("logs control characters", _hook(_LOGS_CONTROLS + RETURN), SUCCESS),
        Kind("sets a variable itself", _hook(f"os.environ[NAME + '_DIRECT'] = 'x'\n{RETURN}"), SUCCESS, direct=True),
        Kind("sets one when loaded", f"os.environ[NAME + '_DIRECT'] = 'x'\n{_hook(RETURN)}", SUCCESS, direct=True),
        Kind("starts Python with Prefect", _hook(program + RETURN), SUCCESS, heavy=True),
        Kind("starts a process that stays", _hook(_STAYS + RETURN), SUCCESS, heavy=True),
        Kind("forks", _hook(fork.format("os._exit(0)")), SUCCESS, heavy=True),
        Kind("forks, the child imports Prefect", _hook(fork.format(_CHILD)), SUCCESS, heavy=True),
        Kind("closes stderr", _hook(f"{_CLOSED}\n{RETURN}"), SUCCESS, silences=True),
        Kind("takes stderr away", _hook(f"sys.stderr = None\n{RETURN}"), SUCCESS, silences=True),
        Kind(
            "stderr that raises",
            _hook(
                f"sys.stderr = Broken()\n{RETURN}",
                before=_BROKEN,
            ),
            SUCCESS,
            silences=True,
        ),
    ]  # fmt: skip
    return kinds


_CONTROLS = r"'\x1b[2J\r\n[plugins] forged \x9b1m \u202e\u2066 \x00\x85\u2028'"
_LOGS_CONTROLS = f"""
logger = ctx.logger_factory(NAME)
logger.error({_CONTROLS})
logger.getChild("child").error({_CONTROLS} + SECRET)
"""
_STAYS = "import subprocess\nsubprocess.Popen(['sleep', '5'], stdin=-3, stdout=-3, stderr=-3)\n"
_CHILD = """\
try:
        import prefect
        from prefect import flow
        os._exit(0)
    except BaseException:
        os._exit(3)"""
_CLOSED = "sys.stderr = open(os.devnull, 'w')\nsys.stderr.close()"
_BROKEN = """
class Broken:
    def write(self, text):
        raise RuntimeError("no")
    def flush(self):
        pass
"""


def _failures() -> list[Kind]:
    own = "class Own(BaseException):\n    pass\n"
    hooks = {
        "raises": (_hook("raise ValueError(SECRET)"), FAILED),
        "raises with a cause": (
            _hook(
                "try:\n    raise KeyError(SECRET)\nexcept KeyError as error:\n    raise RuntimeError('no') from error"
            ),
            FAILED,
        ),
        "raises its own BaseException": (_hook("raise Own(SECRET)", before=own), FAILED),
        "exits": (_hook("sys.exit(3)"), FAILED),
        "exits with 0": (_hook("sys.exit(0)"), FAILED),
        "exits with a text": (_hook("sys.exit(SECRET)"), FAILED),
        "interrupts": (_hook("raise KeyboardInterrupt"), FAILED),
        "stops": (_hook("raise StopIteration"), FAILED),
        "ends a generator": (_hook("raise GeneratorExit"), FAILED),
        "raises in async": (_hook("raise ValueError(SECRET)", keyword="async def"), FAILED),
        "exits in async": (_hook("sys.exit(3)", keyword="async def"), FAILED),
        "cancels itself": (
            _hook(
                f"asyncio.current_task().cancel()\nawait asyncio.sleep(0)\n{RETURN}",
                before="import asyncio",
                keyword="async def",
            ),
            FAILED,
        ),
        "raises CancelledError": (_hook("raise asyncio.CancelledError", before="import asyncio"), FAILED),
        "raises the futures' CancelledError": (
            _hook("raise CancelledError", before="from concurrent.futures import CancelledError"),
            FAILED,
        ),
        "a loop inside a loop": (
            _hook(
                f"asyncio.run(asyncio.sleep(0))\n{RETURN}",
                before="import asyncio, warnings\nwarnings.simplefilter('ignore', RuntimeWarning)\n",
                keyword="async def",
            ),
            FAILED,
        ),
        "recurses": (_hook("def again():\n    return again()\nagain()"), FAILED),
        "error that cannot be shown": (
            _hook("raise Bad", before="class Bad(Exception):\n    def __str__(self):\n        raise ValueError\n"),
            FAILED,
        ),
        "error that exits when shown": (
            _hook(
                "raise Bad",
                before="class Bad(Exception):\n    def __str__(self):\n        sys.exit(5)\n    __repr__ = __str__\n",
            ),
            FAILED,
        ),
        "a megabyte of error": (_hook("raise ValueError('x' * 1_000_000 + SECRET)"), FAILED),
        "an error that causes itself": (
            _hook("error = ValueError(SECRET)\nerror.__cause__ = error\nraise error"),
            FAILED,
        ),
        "mapping that raises": (
            _hook(
                "return SetupResult(env=Bad(ENV))",
                before="import collections\nclass Bad(collections.UserDict):\n"
                "    def __iter__(self):\n        raise OSError(SECRET)\n",
            ),
            FAILED,
        ),
        "mapping that raises half-way": (
            _hook(
                "return SetupResult(env=Bad(ENV))",
                before="import collections\nclass Bad(collections.UserDict):\n"
                "    def __iter__(self):\n        yield next(iter(self.data))\n        raise SystemExit(SECRET)\n",
            ),
            FAILED,
        ),
        "result whose env raises": (
            _hook(
                "return Bad()", before="class Bad:\n    @property\n    def env(self):\n        raise OSError(SECRET)\n"
            ),
            FAILED,
        ),
        "result that is not sure whether it is required": (
            _hook(
                "return Bad()",
                before="class Maybe:\n    def __bool__(self):\n        raise ValueError\n"
                "class Bad:\n    env, note, required = ENV, None, Maybe()\n",
            ),
            FAILED,
        ),
        "note that cannot be shown": (
            _hook(
                "return SetupResult(env=ENV, note=Bad())",
                before="class Bad:\n    def __str__(self):\n        raise ValueError(SECRET)\n",
            ),
            FAILED,
        ),
        "awaitable that awaits nothing": (
            _hook("return Bad()", before="class Bad:\n    def __await__(self):\n        return 7\n"),
            FAILED,
        ),
        "raises late": (_hook("raise ValueError(SECRET)", before="from prefect import flow\n"), FAILED),
        "exits late": (_hook("from prefect import flow\nsys.exit(3)"), FAILED),
        "holds a lock in C": (_hook("import ctypes\nctypes.PyDLL(None).usleep(200_000)\nraise ValueError"), FAILED),
    }
    return [
        Kind(name, text, statuses, late=name.endswith(" late"), holds=0.2 if name == "holds a lock in C" else 0.0)
        for name, (text, statuses) in hooks.items()
    ]


def _wrong_results() -> list[Kind]:
    wrong = {
        "returns a dict": "return dict(ENV)",
        "returns a text": "return SECRET",
        "returns True": "return True",
        "is a generator": "yield SetupResult(env=ENV)",
        "returns a class": "return SetupResult",
        "env is a list": "return SetupResult(env=list(ENV.items()))",
        "env is None": "return SetupResult(env=None)",
        "a name with =": "return SetupResult(env={**ENV, 'A=B': '1'})",
        "a name with NUL": "return SetupResult(env={**ENV, 'A\\0B': '1'})",
        "an empty name": "return SetupResult(env={**ENV, '': '1'})",
        "a name with a surrogate": "return SetupResult(env={**ENV, 'A\\ud800': '1'})",
        "a name that is bytes": "return SetupResult(env={**ENV, b'A': '1'})",
        "a name that is a number": "return SetupResult(env={**ENV, 1: SECRET})",
        "a name that is None": "return SetupResult(env={**ENV, None: '1'})",
        "a value with NUL": "return SetupResult(env={**ENV, 'CHAOS': SECRET + '\\0'})",
        "a value with a surrogate": "return SetupResult(env={**ENV, 'CHAOS': SECRET + '\\ud800'})",
        "a value that is None": "return SetupResult(env={**ENV, 'CHAOS': None})",
        "a value that is a number": "return SetupResult(env={**ENV, 'CHAOS': 1})",
        "a value that is bytes": "return SetupResult(env={**ENV, 'CHAOS': SECRET.encode()})",
        "a value of 10 MB": "return SetupResult(env={**ENV, 'CHAOS': 'x' * 10_000_000})",
        "required and empty": "return SetupResult(env={}, required=True)",
    }
    kinds = [Kind(name, _hook(body), INVALID) for name, body in wrong.items()]
    for name, signature in {"no ctx": "()", "two arguments": "(*, ctx, more)"}.items():
        kinds.append(Kind(f"takes {name}", _hook(RETURN).replace("(*, ctx)", signature), INVALID))
    for name, body in {
        "async generator": "yield SetupResult(env=ENV)",
        "async in async": "async def inner():\n    return SetupResult(env=ENV)\nreturn inner()",
        "async and wrong": "return SetupResult(env={**ENV, 'A=B': '1'})",
    }.items():
        kinds.append(Kind(name, _hook(body, keyword="async def"), INVALID))
    return kinds


def _load_failures() -> list[Kind]:
    texts = {
        "does not load": "raise ValueError(SECRET)",
        "exits when loaded": "sys.exit(3)",
        "no module of that name": "import chaos_no_such_module",
        "no Python": "def",
        "recurses when loaded": "def again():\n    return again()\nagain()",
        "BaseException when loaded": "class Own(BaseException):\n    pass\nraise Own(SECRET)",
        "deletes itself when loaded": _hook(RETURN) + "del sys.modules[__name__]\n",
        "is None": _hook(RETURN) + "sys.modules[__name__] = None\n",
        "requirement that exits": _hook(
            RETURN,
            before="""
            class Requirement:
                def __str__(self):
                    raise SystemExit(7)
                __repr__ = __str__
            PREFECT_PLUGIN_API_REQUIRES = Requirement()
            """,
        ),
        "cannot be listed": _hook(RETURN) + "def __dir__():\n    raise ValueError\n",
    }
    kinds = [Kind(name, text, LOAD_FAILED) for name, text in texts.items()]
    needs = "class Plugin:\n    def __init__(self, more):\n        pass\n"
    return [
        *kinds,
        Kind("does not load late", "import prefect.flows\nraise ValueError(SECRET)", LOAD_FAILED, late=True),
        Kind("names nothing", _hook(RETURN), LOAD_FAILED, hook="nothing_of_that_name"),
        Kind("class that needs more", needs, LOAD_FAILED, hook="Plugin"),
        Kind("misspelt hook", _hook(RETURN).replace("setup_environment", "setup_enviroment"), ("no-hook",)),
        Kind("wrapper", _hook("yield", options="wrapper=True"), ("no-hook",)),
        Kind("raises control characters", _hook(f"raise ValueError({_CONTROLS} + SECRET)"), FAILED),
        Kind("no hook", "def setup_environment(*, ctx):\n    raise ValueError\n", ("no-hook",)),
        Kind("another hook", "@register_hook\ndef teardown(*, ctx):\n    raise ValueError\n", ("no-hook",)),
        Kind("too new", _hook("raise ValueError", before="PREFECT_PLUGIN_API_REQUIRES = '>=5'\n"), ("incompatible",)),
    ]


def _waiting() -> list[Kind]:
    kinds = []
    blocks = {
        "sleeps": "time.sleep(60)",
        "waits for a lock": "lock = threading.Lock()\nlock.acquire()\nlock.acquire()",
        "blocks in C": "import ctypes\nctypes.CDLL(None).sleep(60)",
        "sleeps past the deadline, then returns": "time.sleep(DEADLINE + 0.2)",
        "returns an error too late": "time.sleep(DEADLINE + 0.1)\nraise ValueError(SECRET)",
        "waits for a thread that imports Prefect": (
            "thread = threading.Thread(target=__import__, args=('prefect.flows',), daemon=True)\n"
            "thread.start()\nthread.join(60)\ntime.sleep(60)"
        ),
        "waits for a process": "import subprocess\nsubprocess.run(['sleep', '60'], stdin=-3, stdout=-3, stderr=-3)",
    }
    for name, block in blocks.items():
        for wave, options in (("normal", ""), ("tryfirst", "tryfirst=True"), ("trylast", "trylast=True")):
            text = _hook(f"{block}\n{RETURN}", options=options)
            again = "imports Prefect" in name
            kinds.append(Kind(f"{name} ({wave})", text, TIMED_OUT, waits=wave, again=again))
    loading = {
        "sleeps when loaded": "time.sleep(60)\n",
        "waits for a lock when loaded": "lock = threading.Lock()\nlock.acquire()\nlock.acquire()\n",
        "loads past the deadline": "time.sleep(DEADLINE + 0.2)\n" + _hook(RETURN),
    }
    kinds += [Kind(name, text, TIMED_OUT, waits="load") for name, text in loading.items()]
    asyncs = {
        "async, sleeps": "await asyncio.sleep(60)",
        "async, refuses to be cancelled": (
            "while True:\n    try:\n        await asyncio.sleep(60)\n    except asyncio.CancelledError:\n        pass"
        ),
        "async, with a sleeping helper": "await asyncio.to_thread(time.sleep, 60)",
        "async, blocks its loop": "time.sleep(60)",
        "async, leaves a task that refuses to end": (
            "async def stubborn():\n    while True:\n        try:\n            await asyncio.sleep(60)\n"
            "        except asyncio.CancelledError:\n            pass\n"
            "asyncio.ensure_future(stubborn())\nawait asyncio.sleep(0)"
        ),
    }
    kinds += [
        Kind(
            name,
            _hook(f"{body}\n{RETURN}", before="import asyncio", keyword="async def"),
            TIMED_OUT,
            waits="normal",
        )
        for name, body in asyncs.items()
    ]
    evil = {
        "error that takes forever to be shown": _hook(
            "raise Bad",
            before="class Bad(Exception):\n    def __str__(self):\n        time.sleep(60)\n        return ''\n",
        ),
        "mapping that takes forever": _hook(
            "return SetupResult(env=Slow(ENV))",
            before="import collections\nclass Slow(collections.UserDict):\n"
            "    def __getitem__(self, name):\n        time.sleep(60)\n",
        ),
        "note that takes forever": _hook(
            "return SetupResult(env=ENV, note=Slow())",
            before="class Slow:\n    def __str__(self):\n        time.sleep(60)\n        return ''\n",
        ),
    }
    kinds += [Kind(name, text, TIMED_OUT, waits="normal") for name, text in evil.items()]
    kinds += [
        Kind("spins", _hook("while True:\n    pass"), TIMED_OUT, waits="normal", hogs=True),
        Kind("spins when loaded", "while True:\n    pass\n", TIMED_OUT, waits="load", hogs=True),
        Kind(
            "sleeps late",
            _hook(f"time.sleep(60)\n{RETURN}", before="from prefect import flow\n"),
            TIMED_OUT,
            late=True,
            waits="late",
        ),
        Kind(
            "sleeps when loaded late",
            f"from prefect import flow\ntime.sleep(60)\n{_hook(RETURN)}",
            TIMED_OUT,
            late=True,
            waits="late",
        ),
    ]
    return kinds


GOOD = tuple(_good())
"""Well-behaved plugins, of which every world has some."""

BAD = (*_odd(), *_failures(), *_wrong_results(), *_load_failures(), *_waiting())
"""The others."""

HEAD = """\
import base64, json, os, sys, threading, time
vars(sys).setdefault("chaos_loads", []).append(__name__)
from {api} import SetupResult, register_hook
NAME, ENV, SECRET, DEADLINE = json.loads(base64.b64decode("{data}"))
"""
"""The beginning of every plugin's text. The data is encoded, so that a traceback that shows source shows no secret."""
