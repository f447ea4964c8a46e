"""What a process leaves its descendants, so that a hundred of them need not ask for the same credentials again.

After the hooks have run, the process notes in one environment variable which plugins set which variables, which of
these were new, until when they are valid, and a digest of each value. So a descendant knows what is the plugin's own
former output, and keeps it from the hook that runs again (`former`). And a plugin that returned `inherit=True` said
that the environment is all there is to it: a descendant that finds the same plugin in the same version, the same
settings, and exactly those values, uses what it has. Whatever differs makes the hook run.

The note holds no value: the digests are salted, and the values stand in the same environment anyway.
"""

from __future__ import annotations

import os

from .former import FormerOutput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from typing import Any

    from prefect_preflight._discovery import Candidate
    from prefect_preflight._plugins import Plugin
    from prefect_preflight._settings import Settings

NOTE = "PREFECT_PREFLIGHT_INHERITED"
_FORMAT = 2
# Linux starts no program with a variable of 128 KiB, Windows sets none of 32,767 characters: a plugin with thousands of
# variables must not keep children from starting.
_LONGEST = 30_000

# A descendant must not start with credentials that end at once: a tenth of their life is kept back, at most five
# minutes.
_MARGIN_SHARE = 0.1
_LONGEST_MARGIN = 300.0

_LATEST = 1e11  # seconds since the epoch: some three thousand years

# What stood in a variable's place before the plugins of the process ran: nothing, this very value, or another one.
_NEW, _SAME, _OTHER = "new", "same", "other"


def recall(candidates: Iterable[Candidate], settings: Settings) -> dict[Candidate, FormerOutput]:
    """What `candidates` set when an ancestor ran them, as far as it still stands; nothing is imported for it."""
    text = os.environ.get(NOTE)
    if not text:
        return {}
    entries, fingerprint = _read(text)
    same_settings = bool(entries) and fingerprint == _fingerprint(settings)
    found = {}
    for candidate in candidates:
        entry = entries.get(_key(candidate)) if candidate.may_run else None
        try:
            former = None if entry is None else _former(candidate, entry, same_settings)
        except Exception:  # no entry of ours, whatever it is
            former = None
        if former is not None:
            found[candidate] = former
    return found


def note(plugins: Iterable[Plugin], settings: Settings, environ: Mapping[str, str]) -> str | None:
    """The note for descendants, None if there is nothing to leave.

    What this process inherited itself, it passes on as it is; also what an ancestor's plugins set that did not run
    here, or did not succeed.

    Args:
        plugins: those of this process.
        settings: its settings.
        environ: the environment that descendants get.
    """
    import json

    entries, _ = _read(environ.get(NOTE))
    for plugin in plugins:
        if plugin.status == "success" and plugin.env:
            entries[_key(plugin.candidate)] = _entry(plugin, environ)
        elif plugin.status == "inherited":
            entries.setdefault(_key(plugin.candidate), _entry(plugin, environ))
    kept: dict[str, Any] = {}
    document = {"format": _FORMAT, "settings": _fingerprint(settings), "plugins": kept}
    room = _LONGEST - len(json.dumps(document))
    lengths = {key: len(json.dumps({key: entry})) for key, entry in entries.items()}  # its braces are as long as ", "
    for key in sorted(entries, key=lengths.__getitem__):
        room -= lengths[key]
        if room < 0:
            break
        kept[key] = entries[key]
    return json.dumps(document) if kept else None


def renewal_time(expires_at: datetime | None) -> float | None:
    """From when on values obtained just now are not good enough any more: their expiry less the margin.

    Args:
        expires_at: when they expire; None if never.

    Returns:
        Seconds since the epoch.
    """
    if expires_at is None:
        return None
    from time import time

    end = expires_at.timestamp()
    return end - min(_LONGEST_MARGIN, max(0.0, end - time()) * _MARGIN_SHARE)


def _read(text: str | None) -> tuple[dict[str, Any], str | None]:
    """The entries of a note, by plugin, and the digest of its writer's settings; none if it is no note of ours."""
    import json  # only in descendants of a process with such a plugin

    try:
        note = json.loads(text) if text else {}
        entries = note["plugins"] if note.get("format") == _FORMAT else {}
        return (entries if isinstance(entries, dict) else {}), note.get("settings")
    except Exception:
        return {}, None


def _entry(plugin: Plugin, environ: Mapping[str, str]) -> dict[str, Any]:
    salt = os.urandom(12).hex()
    stands = all(environ.get(name) == value for name, value in plugin.env.items())  # no other plugin has set it since
    return {
        "version": plugin.candidate.version,
        "inherit": plugin.inherit and stands,
        "salt": salt,
        "names": {name: [_was(plugin, name), _digest(salt, name, value)] for name, value in sorted(plugin.env.items())},
        "expires": None if plugin.expires_at is None else plugin.expires_at.timestamp(),
        "due": plugin.renew_at,
    }


def _was(plugin: Plugin, name: str) -> str:
    if name in plugin.new:
        return _NEW
    return _SAME if plugin.before.get(name) == plugin.env[name] else _OTHER


def _former(candidate: Candidate, entry: Any, same_settings: bool) -> FormerOutput | None:
    """What the entry tells of that still stands in this process, None if nothing does.

    Raises:
        Exception: it is no such entry.
    """
    from datetime import datetime, timezone
    from time import time

    names: dict[str, list[str]] = entry["names"]
    values = {name: os.environ[name] for name in names if name in os.environ}
    env = {name: value for name, value in values.items() if _digest(entry["salt"], name, value) == names[name][1]}
    if not env:
        return None
    before: dict[str, str | None] = {name: None for name in env if names[name][0] == _NEW}
    before.update({name: env[name] for name in env if names[name][0] == _SAME})
    expires = None if entry["expires"] is None else datetime.fromtimestamp(entry["expires"], timezone.utc)
    due = None if entry["due"] is None else float(entry["due"])
    if due is not None and not 0 <= due < _LATEST:
        raise ValueError("no time")
    reusable = (
        bool(entry["inherit"])
        and same_settings
        and entry["version"] == candidate.version
        and len(env) == len(names)
        and (due is None or time() < due)
    )
    return FormerOutput(env, before, expires, due, bool(entry["inherit"]), reusable)


def _key(candidate: Candidate) -> str:
    """Another object is another plugin; another version of it is the same one, which has to run."""
    return "|".join((candidate.name, candidate.value, candidate.distribution or ""))


def _digest(salt: str, *parts: str) -> str:
    """A digest of texts, their lengths before them, so that no two lists of texts are alike; 16 hexadecimal digits."""
    try:
        # What `hashlib` has under this name. That would load OpenSSL too, which takes longer than all else here.
        # Private; seen on CPython 3.9 to 3.15.
        from _blake2 import blake2b
    except ImportError:
        from hashlib import blake2b

    text = "".join(f"{len(part)}:{part}" for part in (salt, *parts))
    # Surrogates stand for undecodable bytes.
    return blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def _fingerprint(settings: Settings) -> str:
    """A digest of the plugin settings: whoever changes one expects the hooks to run under it."""
    from prefect_preflight._settings import FIELDS

    return _digest("settings", *(repr(getattr(settings, field)) for field in FIELDS))
