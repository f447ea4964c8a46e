"""What a variable's name says of its value.

Two questions, since their mistakes cost differently. `is_sensitive` decides whether a value is shown under its own
name: Prefect's documentation promises that SECRET, TOKEN, PASSWORD and KEY anywhere in the name hide it, and a value
hidden in vain costs nothing. `is_secret` decides what is hidden in any text: there the last word of the name decides
(`TOKEN_FILE` names a file), and a plain word, a region, a path or a host is left readable.
"""

from __future__ import annotations

import re

from .values import is_code, is_placeholder, is_plain, is_random

__all__ = ["is_secret", "is_sensitive"]

# The documented keywords count anywhere in a name.
_DOCUMENTED = ("SECRET", "TOKEN", "PASSWORD", "KEY")
# So do long words of ours, which no other word contains.
_ANYWHERE = ("PASSPHRASE", "PASSWD", "CREDENTIAL", "COOKIE", "SIGNATURE", "AUTHORIZATION", "CONNECTIONSTRING")
# These count only as whole words: AUTHOR, COMPASS and BYPASS are no secrets.
_WHOLE = (
    *("AUTH", "PASS", "PW", "PWD", "DSN", "SIG", "SAS", "PAT", "CRED", "CREDS", "JWT", "OTP", "BEARER"),
    *("PRIVATE", "SESSIONID", "SESSION_ID", "CONNECTION_STRING", "CONN_STR"),
)
# Whole words would catch these, but they hold a directory or a socket's path.
_READABLE = ("PWD", "OLDPWD", "SSH_AUTH_SOCK")

# A name that ends so says something about a secret, and holds none.
_ABOUT = frozenset(
    (
        *("AGE", "ALG", "ALGORITHM", "ATTRIBUTE", "AUDIENCE", "BACKEND", "BITS", "CLASS", "COLUMN", "COLUMNS", "COUNT"),
        *("DAYS", "DIR", "DIRECTORY", "DISABLED", "DOMAIN", "ENABLED", "ENDPOINT", "ERROR", "EXISTS", "EXPIRATION"),
        *("EXPIRED", "EXPIRES", "EXPIRY", "FIELD", "FILE", "FILENAME", "FINGERPRINT", "FORMAT", "GROUP", "HEADER"),
        *("HINT", "HOST", "HOURS", "INDEX", "INVALID", "ISSUER", "KIND", "LABEL", "LENGTH", "LIFETIME", "LIMIT"),
        *("LOCATION", "MANAGER", "MAX", "METHOD", "METHODS", "MIN", "MINUTES", "MISSING", "MODE", "MODULE", "NAME"),
        *("NAMES", "NAMESPACE", "OPTION", "PARAM", "PARAMETER", "PATH", "PATHS", "PLUGIN", "POLICY", "PORT", "PREFIX"),
        *("PROFILE", "PROMPT", "PROVIDER", "REALM", "REASON", "REGION", "REQUIRED", "ROLE", "ROTATION", "SCHEME"),
        *("SCOPE", "SCOPES", "SECONDS", "SECURE", "SAMESITE", "HTTPONLY", "SERVER", "SERVICE", "SET", "SIZE", "SOURCE"),
        *("STATE", "STATUS", "STORAGE", "STORE", "STRATEGY", "TIMEOUT", "TTL", "TYPE", "TYPES", "URI", "URL", "USAGE"),
        *("USED", "USER", "USERNAME", "VALID", "VERSION", "ZONE"),
    )
)
# A key, or a token, of these kinds is no secret either.
_HARMLESS_KEYS = frozenset(
    (
        *("BUCKET", "CACHE", "CANDIDATE", "CLUSTER", "COMPOSITE", "CONFIG", "CONTEXT", "DICT", "DISTRIBUTION", "ENTRY"),
        *("FOREIGN", "GROUP", "HASH", "HOST", "IDEMPOTENCY", "INDEX", "JOIN", "LOOKUP", "MAP", "MAPPING", "MAX", "MIN"),
        *("OBJECT", "ORDER", "PARTITION", "PRIMARY", "PUBLIC", "RANGE", "REGISTRY", "ROUTING", "ROW", "S3", "SORT"),
        *("TASK", "UNIQUE", "UNKNOWN", "MISSING", "EXTRA", "REQUIRED", "UNEXPECTED", "INVALID", "DUPLICATE"),
    )
)
_LONGEST = 1_000  # characters of a value that is looked at: nobody's word, path or host is longer
_TOKENS = ("TOKEN", "SECRET", "JWT", "COOKIE", "SIGNATURE", "CREDENTIAL")
_PASSWORDS = ("PASSWORD", "PASSWD", "PASSPHRASE", "PASSWRD", "PASS", "PWD", "PW")


def is_sensitive(name: str) -> bool:
    """Whether a variable's value is not shown under its name.

    Names that contain SECRET, TOKEN, PASSWORD or KEY are, in any case, as Prefect's documentation has it. So are others
    that a reviewer would expect (CREDENTIAL, PASSPHRASE, AUTH, DSN, ...), the short ones only as a whole word, and none
    whose last word says that it is about a secret: `GIT_AUTHOR_NAME`, `AUTH_METHOD`, `SSH_AUTH_SOCK` stay readable.
    """
    upper, words = name.upper(), _words(name)
    if any(word in upper for word in _DOCUMENTED):
        return True
    if upper in _READABLE or (words and words[-1] in _ABOUT):
        return False
    joined = f"_{'_'.join(words)}_"
    return any(word in upper for word in _ANYWHERE) or any(f"_{word}_" in joined for word in _WHOLE)


def is_secret(name: str, value: str, any_word: bool = False) -> bool:
    """Whether `value` is to be hidden wherever it turns up, given that it stands under a sensitive `name`.

    Args:
        name: the name.
        value: the value, not empty.
        any_word: whether a plain word can be one, as it always can under a password's name.
    """
    value = value.strip()
    if len(value) > _LONGEST:
        return True
    if is_random(value) and re.fullmatch(r"[\w+/=~.-]+", value):
        return True  # as most secrets are
    bare = value.strip("`'\"(),;.")
    if is_placeholder(bare) or is_code(value):
        return False
    items = re.findall(r"[\"']([^\"']+)[\"']", value) if value[0] in "\"'([" else []
    if items:  # a list
        return any(is_secret(name, item) for item in items)
    words = _words(name)
    last = words[-1].rstrip("0123456789") if words else ""
    if last in _ABOUT or (last in ("KEY", "KEYS", "TOKENS") and len(words) > 1 and words[-2] in _HARMLESS_KEYS):
        return not is_plain(value) and is_random(value)
    # People may have thought a password up: any word can be one. But `password=db_password` is code.
    if any_word or last.endswith(_PASSWORDS):
        return (
            re.fullmatch(r"(?i)[a-z_][\w.]*(?:password|passwd|passphrase|pwd)|passw(?:or)?d|passphrase", bare) is None
        )
    numbers = last not in _TOKENS
    return not is_plain(bare, numbers) and not is_plain(re.split(r"[][(),;]", bare)[0] or "?", numbers)


def _words(name: str) -> list[str]:
    """The words of a name, in upper case: `dbPwd` has two."""
    snake = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).upper()
    return re.findall(r"[A-Z0-9]+", snake)
