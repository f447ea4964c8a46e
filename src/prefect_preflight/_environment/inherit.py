"""What a process leaves its descendants, so that a hundred of them need not ask for the same credentials again.

A plugin that returned `inherit=True` said that the environment is all there is to it. After the hooks have run, the
process notes in one environment variable which plugins that were, which variables they set, until when, and a digest of
the values. A descendant that finds the same plugin in the same version, the same settings, and exactly those values,
uses what it has. Whatever differs makes the hook run.

The note holds no value: the digest is keyed with a random salt, and the values stand in the same environment anyway.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from typing import Any

    from prefect_preflight._discovery import Candidate
    from prefect_preflight._plugins import Plugin
    from prefect_preflight._settings import Settings

NOTE = "PREFECT_PREFLIGHT_INHERITED"
_FORMAT = 1

# A descendant must not start with credentials that end at once: a tenth of their life is kept back, at most five
# minutes.
_MARGIN_SHARE = 0.1
_LONGEST_MARGIN = 300.0


class Inheritance:
    """What a descendant has of one plugin: the variables, when they expire, and when they should be renewed."""

    __slots__ = ("env", "expires_at", "renew_at")

    def __init__(self, env: dict[str, str], expires_at: datetime | None, renew_at: float | None) -> None:
        self.env = env
        self.expires_at = expires_at
        self.renew_at = renew_at

    def __repr__(self) -> str:
        return f"Inheritance({sorted(self.env)})"


def recall(candidates: Iterable[Candidate], settings: Settings) -> dict[Candidate, Inheritance]:
    """Which of `candidates` an ancestor has run in a way that still holds here; nothing is imported for it."""
    text = os.environ.get(NOTE)
    if not text:
        return {}
    import json  # only in descendants of a process with such a plugin

    try:
        note = json.loads(text)
        if note["format"] != _FORMAT or note["settings"] != _fingerprint(settings):
            return {}
        entries = note["plugins"]
        found = ((candidate, _holds(candidate, entries.get(_key(candidate)))) for candidate in candidates)
        return {candidate: inheritance for candidate, inheritance in found if inheritance is not None}
    except Exception:  # not a note of ours, whatever it is: the hooks run
        return {}


def note(plugins: Iterable[Plugin], settings: Settings) -> str | None:
    """The note for descendants, None if there is nothing to leave.

    What this process inherited itself, it passes on as it is.
    """
    import json

    before = _entries(os.environ.get(NOTE))
    entries = {}
    for plugin in plugins:
        key = _key(plugin.candidate)
        if plugin.status == "inherited" and key in before:
            entries[key] = before[key]
        elif plugin.status in ("success", "inherited") and plugin.inherit and _stands(plugin.env):
            entries[key] = _entry(plugin)
    if not entries:
        return None
    return json.dumps({"format": _FORMAT, "settings": _fingerprint(settings), "plugins": entries})


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


def _stands(env: Mapping[str, str]) -> bool:
    """Whether there are variables, and none was set to something else since, such as by another plugin."""
    return bool(env) and all(os.environ.get(name) == value for name, value in env.items())


def _entries(text: str | None) -> dict[str, Any]:
    import json

    try:
        entries = json.loads(text)["plugins"] if text else {}
    except Exception:  # as in `recall`
        return {}
    return entries if isinstance(entries, dict) else {}


def _entry(plugin: Plugin) -> dict[str, Any]:
    from secrets import token_hex

    salt = token_hex(16)
    return {
        "names": sorted(plugin.env),
        "salt": salt,
        "digest": _digest(salt, plugin.env),
        "expires": None if plugin.expires_at is None else plugin.expires_at.timestamp(),
        "due": plugin.renew_at,
    }


def _holds(candidate: Candidate, entry: Any) -> Inheritance | None:
    """What the entry leaves, if it still holds in this process."""
    from datetime import datetime, timezone
    from time import time

    if entry is None or candidate.why_excluded is not None:
        return None
    if entry["due"] is not None and time() >= entry["due"]:
        return None
    values = {name: os.environ[name] for name in entry["names"] if name in os.environ}
    if not values or len(values) != len(entry["names"]) or _digest(entry["salt"], values) != entry["digest"]:
        return None
    expires = None if entry["expires"] is None else datetime.fromtimestamp(entry["expires"], timezone.utc)
    return Inheritance(values, expires, entry["due"])


def _key(candidate: Candidate) -> str:
    """Another version of the plugin, or another object in it, is another plugin."""
    return "|".join((candidate.name, candidate.value, candidate.distribution or "", candidate.version or ""))


def _digest(key: str, values: Mapping[str, str]) -> str:
    from hashlib import sha256
    from hmac import HMAC

    # Length before content, so that no two environments make the same text; surrogates stand for undecodable bytes.
    text = "".join(f"{len(part)}:{part}" for name in sorted(values) for part in (name, values[name]))
    return HMAC(key.encode(), text.encode("utf-8", "surrogateescape"), sha256).hexdigest()


def _fingerprint(settings: Settings) -> str:
    """A digest of the plugin settings: whoever changes one expects the hooks to run under it."""
    from prefect_preflight._settings import FIELDS

    return _digest("settings", {field: repr(getattr(settings, field)) for field in FIELDS})
