"""What secrets look like: the table of shapes that `_redaction` hides in any text.

A pattern is compiled only when a word that it needs is in the text; most values need none. Every repetition
that can fail after it has matched is bounded, so the time stays linear in the text's length.
"""

from __future__ import annotations

import re

from .formats import FORMATS, prefixed
from .judges import JUDGES, Found

TYPE_CHECKING = False  # typing costs more to import than this module
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["find_secrets"]

# --- values -------------------------------------------------------------------------------------------------

_STOP = r"[^\s,;)&\]}\"']"
_LITERAL = rf"(?:none|null|nil|true|false)(?!{_STOP})"
_SMALL = rf"(?!\d{{1,5}}(?!{_STOP}))"  # a token of five digits is a count
_QUOTED = (
    r"b?\"((?:[^\"\\\n]|\\[\s\S])+)"
    r"|b?'((?:[^'\\\n]|\\[\s\S])+)"
    r"|\\+[\"']((?:[^\"'\\\n]|\\+[^\"'\\\n])+)"  # JSON inside a JSON string
)
# A password may hold delimiters. They end it only before a space, the text's end or the next name.
_NEXT = r"[\w.%-]{0,40}=|\\*[\"'][\w .-]{1,40}\\*[\"']\s?:"
_DELIMITER = rf"[`;,&)\]}}<>](?![`;,&)\]}}<>\"'.:]{{0,8}}(?:\s|\Z|{_NEXT}))"
_QUOTE = rf"[\"'](?![\s`;,&)\]}}<>.:]|\Z|{_NEXT})"
_UNQUOTED = rf"(?!\\*[\"']|[{{\[])(?!{_LITERAL})((?:[^\s\"'`;,&)\]}}<>]|{_DELIMITER}|{_QUOTE})+)"
# None of these asks for the closing sign: it may have been cut off.
_BRACED = r"\{((?:[^}\n]|\}\})+)"  # ODBC
_LIST = r"\[([^\]\n]+)"  # hidden whole
_VALUE = rf"(?:{_QUOTED}|{_BRACED}|{_LIST}|{_UNQUOTED})"
# Of a mapping, whose own items are looked at one by one. Without quotes it needs a digit: "plugin 'my-token': it
# failed" is prose.
_ITEM = rf"(?:{_QUOTED}|{_LIST}|{_SMALL}(?=[^\s,]{{0,64}}\d){_UNQUOTED})"

# --- names --------------------------------------------------------------------------------------------------

# PWD=/home/me is the working directory, PWD=... in a connection string is not.
_PASSWORD = r"passwo?r?d|passphrase|(?<![a-z0-9_])pwd(?!=(?:[/~]|[a-z]:[\\/]))|(?<=[a-z0-9_])pwd(?<!oldpwd)"
_OTHER = (
    r"secret|token|key|credential|cookie|signature|conn(?:ection)?_?str(?:ing)?|session_?id|authorization|"
    r"(?<![a-z0-9])(?:auth|pass|pw|sig|dsn|sas|pat|creds?|jwt|otp|private)(?![a-z0-9])"
)
_ANY = rf"(?:{_PASSWORD}|{_OTHER})"
# The words without which no pattern of _ANY can match.
_WORDS = (
    *("secret", "token", "pass", "pwd", "key", "cred", "cookie", "sig", "string"),
    *("session", "auth", "pw", "dsn", "sas", "pat", "jwt", "otp", "priv", "conn_str", "connstr"),
)
_EQUALS = (
    r"(?:\\*[\"'])?\]?[ \t]{0,4}(?:(?:=>|:=)[ \t]{0,4}"
    r"|=(?!=)(?:[ \t]{1,4}(?![\w.-]{1,40}=[^=\s]))?)"  # "password= user=me" is an empty password
)
# "name: value" in prose. Plugins are called "acme-token" and modules "acme.token:Plugin", so the rule is
# narrower than for "=": whole words, a space after the colon, and no ordinary word as a token's value.
_COLON = r"[ \t]{0,2}:[ \t]{1,8}(?:[!&]{1,2}\w{1,20}[ \t])?(?!\w{0,60}(?:error|exception|denied|notfound|warning)\b)"
_NEW_WORD = r"(?:(?<![a-z0-9:/.-])|(?<=\\n)|(?<=\\t))"  # a line break may have been written out
_CAMEL = r"(?-i:(?<=[a-z])(?=[A-Z]))"
_PROSE_SECRET = r"(?:password|passwd|passphrase|pwd|secret(?:[ _-](?:access[ _-])?key)?)"
_PROSE_TOKEN = (
    r"(?:token|secret|password|credentials?|signature|session[ _]?id"
    r"|(?:api|access|account|auth|encryption|license|master|private|secret|service|shared|signing)[ _-]?key"
    r"|(?<=_)key|(?-i:(?<=[a-z])Key))"
)
_NO_WORD = r"(?![a-z]+(?:[\s,.;:)!?]|\Z))"
_TIGHT = (
    r"(?<![\w:/.-])(?:(?:password|passwd|passphrase)"
    r"|(?:secret|token|api_?key)(?=:[^\s:]{0,64}\d)(?=:[^\s:]{8})):(?!:)"
)

# --- headers, keys ------------------------------------------------------------------------------------------

_HEADER = r"(?:authorization|cookie)(?:\\*[\"'])?[ \t]?[:,=][ \t]?\\*(?:b?[\"'])?([^\"'\n]+)"
_KEY_HEADER = (
    r"(?<![\w-])(?:[a-z][\w-]{0,40}-(?:key|token|secret)(?=:)|x-[\w-]{0,30}(?:token|key|secret|signature|password|auth|credential|assertion)[\w-]{0,20}"
    r"|(?:private|job|deploy|auth|access|api|subscription)-(?:token|key))(?:\\*[\"'])?[ \t]?[:=][ \t]?"
)
# "Bearer tokens" and "basic authentication" are prose: a credential has a digit, a "=", or a capital inside.
_CREDENTIAL = r"(?:(?=[^\s\"',]{0,100}?(?:[\d=]|(?-i:[a-z][A-Z])))|(?=[^\s\"',]{20}))"
_BEARER = rf"(?<![a-z])(?:bearer|basic)(?:[ \t]|%20|\+){{1,4}}[\"']?(?![a-z_]+=[^=\s]){_CREDENTIAL}([\w.~+/=%:-]{{6,}})"
_SCHEME = r"(?<![\w-])(?:token|apikey|negotiate)[ \t]{1,4}(?=[^\s:]{0,64}\d)([\w.~+/=-]{16,})"
_OPTION = (
    r"--(?=[a-z])[a-z0-9-]{0,30}?(?:secret|token|passw(?:or)?d|passphrase|api-?key|access-key|credential)"
    r"[a-z0-9-]{0,20} {1,4}(?!-)"
)
_PEM = (
    r"-{4,5} ?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?!-{4,5}[\"'])[\s\S]*?"
    r"(?:-{4,5} ?END [A-Z0-9 ]{0,40}KEY[A-Z ]{0,10}-{4,5}|\Z)"
)
# A YAML block scalar: the lines below its name that are indented further.
_BLOCK = (
    rf"(?im)^(?P<indent>[ \t]{{0,64}})(?:- )?[\"']?[\w.-]{{0,40}}{_ANY}[\w.-]{{0,40}}[\"']?:"
    r"[ \t]{0,8}[|>][+-]?\d?[ \t]{0,8}"
    r"((?:\r?\n(?P=indent)[ \t]{1,64}[^\s][^\n]*)+)"
)
_TAG = rf"[\w.:-]{{0,40}}{_ANY}[\w.:-]{{0,40}}"
# <password>x</password>, <add key="password">x</add>, <key>password</key><string>x</string>
_ELEMENT = (
    rf"(?i)<(?=[\w.:-]{{1,120}}[\s>]){_TAG}(?:\s[^<>]{{0,200}})?>\s{{0,40}}(?:<!\[CDATA\[)?([^<\s][^<]*)(?=</|\]\])"
)
_NAMED_ELEMENT = rf"(?i)\s(?:name|key|id)=[\"']{_TAG}[\"'](?:\s[^<>]{{0,200}})?>\s{{0,40}}([^<\s][^<]*)"
_PLIST = rf"(?i)<key>{_TAG}</key>\s{{0,40}}<string>([^<]+)"
# auth=('bob', 'x'), HTTPBasicAuth('bob', 'x'); the user's name is no secret
_PAIR = (
    r"(?i)(?:auth|credentials?|creds?|login)[\w.]{0,40}(?:\\*[\"'])?\s{0,4}[=:(]\s{0,4}[\w.]{0,40}\(?\s{0,4}"
    r"b?\\*[\"'][^\"'\n]{0,128}\\*[\"'],\s{0,8}b?\\*[\"']([^\"'\n]+)"
)
# SecretStr("x"), Token('x'), as in the source lines of a traceback
_CALL = (
    r"(?i)(?<![a-z])[a-z_.]{0,40}(?:secret|password|token|api_?key|credential)(?:str|bytes|value|string)?"
    r"\(\s{0,4}b?[\"']([^\"'\n]+)"
)

# login as app with password hunter2; "\n" may be written out before it
_BARE_PASSWORD = (
    r"(?i)(?:(?<![\w-])|(?<=\\n))(?:password|passphrase|passwd)(?: (?:is|was|of|for \S{1,40} is))?:? ([^\s\"']{6,})"
)

# a key, and something long behind it: "Invalid API key 5c9f…"
_TELLING = ("key", "token", "secret", "passw", "passphrase", "credential", "licen", "cookie", "auth", "sign", "session")
_AFTER_A_WORD = rf"(?i)(?:{'|'.join(_TELLING)})[\w-]{{0,20}}[^\n\w][^\n]{{0,40}}?(?<![\w/@.-])([\w.~+/=:-]{{16,}})"

_LONG_WORD = r"[\w~+/=.-]{14}"  # in the place of a sign: most texts have none, or no digit

# Each row: a sign that the text must have, words (lower case) of which it must have one, a pattern, and who judges what
# it finds, a key of `judges.JUDGES`. What the pattern's groups match is the secret, but for those with a name; where it
# has no group, all that it matches is.
_IN_CONTEXT: tuple[tuple[str, tuple[str, ...], str, str], ...] = (
    # private keys, whole; one whose end is missing hides all that follows
    ("-", ("private key",), _PEM, "any"),
    ("-", ("putty-user-key",), r"PuTTY-User-Key-File[\s\S]*", "any"),
    # URLs: user:password@, with an unescaped "/" in the password too, token@, and the same URL-encoded
    ("@", ("//",), r"(?::|(?<![\w:/]))//[^\s:/@?#\[\]\"<>]{0,256}:([^\s/?#\"<>]{1,4096})@(?!sha256:)", "value"),
    ("@", ("//",), r"://[^\s:/@?#\[\]\"<>]{0,256}:(?!\d{1,5}[/?#,])([^\s@\"<>]{1,1024})@(?!sha256:)", "value"),
    (
        "@",
        ("http",),
        r"(?i)https?://(?!git@)([^\s:/@?#\"'<>]{1,4096})(?::(?:x-oauth-basic|x|api_token)?)?@",
        "assigned",
    ),
    ("%", ("%40",), r"(?i)%3A%2F%2F[\w.~+-]{0,128}%3A([^\s&]{1,512}?)%40", "value"),
    # user:password@ without a scheme: Go's MySQL driver, Oracle's thin driver, curl
    (
        "@",
        ("@",),
        r"(?<![\w/:.-])[\w.-]{1,64}:([^\s:@/'\"]{1,256})@(?:tcp\(|unix\(|[\w.-]{1,128}:\d{2,5}(?!\d))",
        "value",
    ),
    ("@", ("thin:",), r"(?i)thin:[^\s/]{1,64}/([^@\s]{1,256})@", "value"),
    (":", ("-u", "--user"), r"(?<!\S)(?:-u|--user)[ =][\"']?[^\s:\"']{1,128}:([^\s\"']+)", "value"),
    # OAuth's one-time codes in a query; its other parameters are assignments as below
    ("=", ("code=",), rf"(?i)[?&]code={_SMALL}([^&\s#\"'<>]+)", "any"),
    # headers: everything up to the line's end or the closing quote
    ("", ("authorization", "cookie"), rf"(?i){_HEADER}", "header"),
    ("", ("x-", "-token", "-key"), rf"(?i){_KEY_HEADER}{_VALUE}", "assigned"),
    ("", ("bearer", "basic"), rf"(?i){_BEARER}", "any"),
    ("", ("token", "apikey", "negotiate"), rf"(?i){_SCHEME}", "any"),
    # name=value in queries, connection strings, logs, .env files; then the same URL-encoded
    ("=", ("pass", "pwd"), rf"(?i)(?:{_PASSWORD})[\w.-]{{0,40}}{_EQUALS}{_VALUE}", "assigned"),
    ("=", _WORDS, rf"(?i)(?:{_OTHER})[\w.-]{{0,40}}{_EQUALS}{_SMALL}{_VALUE}", "assigned"),
    ("%", ("%3d",), rf"(?i){_ANY}[\w.-]{{0,40}}%3D((?:(?!%26|%3B|%20)[^\s&\"'])+)", "assigned"),
    # "name": value, as in JSON and in a mapping's repr; ("name", "value")
    (
        ":",
        ("pass", "pwd"),
        rf"(?i)(?:{_PASSWORD})[\w. -]{{0,40}}\\*[\"']\s{{0,8}}:\s{{0,8}}(?:{_LIST}|{_UNQUOTED})",
        "assigned",
    ),
    (":", _WORDS, rf"(?i){_ANY}[\w. -]{{0,40}}\\*[\"']\s{{0,8}}:\s{{0,8}}{_ITEM}", "assigned"),
    (")", _WORDS, rf"(?i){_ANY}[\w.-]{{0,40}}[\"'],\s?b?[\"']([^\"'\n]+)[\"']\)", "assigned"),
    # blocks of YAML, elements of XML, arguments of calls
    (":", _WORDS, _BLOCK, "any"),
    (">", _WORDS, _ELEMENT, "assigned"),
    (">", _WORDS, _NAMED_ELEMENT, "assigned"),
    ("<key>", _WORDS, _PLIST, "assigned"),
    (",", ("auth", "cred", "login"), _PAIR, "assigned"),
    ("(", ("secret", "password", "token", "key", "credential"), _CALL, "assigned"),
    # name: value in prose
    (":", ("pass", "pwd", "secret"), rf"(?i){_NEW_WORD}{_PROSE_SECRET}{_COLON}{_VALUE}", "prose"),
    (":", _WORDS, rf"(?i)(?:{_NEW_WORD}|{_CAMEL}){_PROSE_TOKEN}{_COLON}{_NO_WORD}{_SMALL}{_VALUE}", "prose"),
    (":", ("pass", "secret:", "token:", "key:"), rf"(?i){_TIGHT}{_VALUE}", "prose"),
    # command lines, SQL, netrc
    ("--", ("--",), rf"(?i){_OPTION}{_VALUE}", "prose"),
    ("", ("password", "identified"), r"(?i)(?:password|identified by)\s{1,4}(?:'([^'\n]+)'|\"([^\"\n]+)\")", "any"),
    ("", ("login",), r"(?i)login\s{1,4}\S{1,128}\s{1,4}password\s{1,4}(\S+)", "any"),
    # what a library says of a value that it names elsewhere: pydantic, SQLAlchemy, Kubernetes, a table
    (
        "=",
        ("input_value",),
        rf"(?im)^{_TAG}\n[^\n]{{0,400}}?input_value=([^\n]{{1,4096}}?)(?=, input_type|\]|\n|\Z)",
        "assigned",
    ),
    ("[parameters:", ("passw", "secret", "token", "key", "cred", "auth"), r"\[parameters: ([^\n]+)", "assigned"),
    (
        "name",
        ("value",),
        rf"(?i)name[\"']?[:=]\s?[\"']?{_TAG}[\"']?,?\s{{1,40}}[\"']?value[\"']?[:=]\s{{0,4}}{_VALUE}",
        "beside",
    ),
    ("=", ("value=",), rf"(?i)(?:key|name)=[\"']{_TAG}[\"']\s{{1,8}}value=[\"']([^\"'\n]+)", "beside"),
    ("|", _WORDS, rf"(?im)^[|│]\s{{0,40}}{_TAG}\s{{0,40}}[|│]\s{{0,40}}([^|│\s]+)", "assigned"),
    ("  ", _WORDS, rf"(?im)^[ \t]{{0,16}}{_TAG}[ \t]{{2,60}}([^\s|]+)[ \t]*$", "assigned"),
    # a name and its value side by side in prose, in lists of arguments, in options of known programs
    (
        "",
        ("pass", "pwd"),
        _BARE_PASSWORD,
        "chosen",
    ),
    (" ", _TELLING, _AFTER_A_WORD, "random"),
    ("--", ("--",), rf"(?i)--(?=[\w.:-]{{1,80}}[\"'],){_TAG}[\"'],\s{{1,4}}[\"'](?!-)([^\"'\n]+)", "assigned"),
    ("[", ("[default:",), rf"(?i)--(?=[\w.:-]{{1,80}}\s){_TAG}\s[^\n]{{0,200}}\[default: ([^\]\n]+)", "assigned"),
    (
        "-",
        ("sshpass", "storepass", "keypass", "openssl"),
        r"(?i)(?:sshpass -p|-(?:store|key)pass|openssl [^\n]{1,200} -k) ?[\"']?([^\s\"']+)",
        "any",
    ),
    ("-", (" -u ",), r"(?<= -u )[\w.@-]{1,64} -p ?[\"']?([^\s\"']+)", "any"),
    (
        "|",
        ("echo",),
        r"(?i)echo\s{1,4}[\"']?([^\s\"'|]+)[\"']?\s{0,4}\|[^\n|]{0,80}(?:login|passw|secret|token)",
        "any",
    ),
    (":", (":",), r"(?m)^[\w.*-]{1,128}:(?:\d{2,5}|\*):[\w*-]{1,64}:[\w*-]{1,64}:(\S+)$", "any"),  # .pgpass
    ("=", ("response=",), r"(?i)digest [^\n]{0,400}?response=[\"']?([0-9a-f]{16,})", "any"),
    ("=", ("cookie",), r"(?i)cookie:? [\w.-]{1,40}=([^;\s]+)", "assigned"),
    (
        " ",
        ("seal key", "recovery key", "root token"),
        r"(?i)(?:unseal|recovery) key \d{1,3}: (\S+)|initial root token: (\S+)",
        "any",
    ),
    ("", ("pass ", "auth "), r"(?<![\w-])(?:PASS|AUTH(?: \w{1,40})?) ([^\s\"']{6,})", "chosen"),  # FTP, POP3, Redis
    ("-p", ("-p",), r"(?<=[\s\"'])-p([^\s\"',]{6,})", "chosen"),  # MySQL's programs
    (">", ("pass", "pwd", "secret", "token"), rf"(?i){_TAG} {{0,4}}-> {{0,4}}([^\s;,]+)", "assigned"),
    (
        ":",
        ("passphrase for", "password for"),
        r"(?i)(?:passphrase|password) for [^:\n]{1,100}[:=] ?[\"']?([^\s\"']{6,})",
        "random",
    ),
    ("-", (" -a ", " -b "), r"(?<= -a )[\w.@-]{1,64}:([^\s\"']+)|(?<= -b )[\"']?[\w.-]{1,64}=([^\s;\"']+)", "value"),
    ("-", (" -k ",), r"(?<= -k )([^\s\"']{12,})", "token"),
    ("code", ("code=",), r"(?<![A-Za-z_])code=[\"']?([\w-]{16,})", "token"),
    ("A3-", ("a3-",), r"A3-[A-Z0-9]{6}(?:-[A-Z0-9]{5,6}){4,5}", "any"),
    # what only a generator makes, and passwords by the rules, wherever they stand
    (_LONG_WORD, ("",), r"(?<![\w-])(?=[\w-]{0,200}[a-z])(?=[\w-]{0,200}[A-Z])([\w-]{20,200})(?![\w@-])", "random"),
    ("=", ("input_value=",), r"input_value=([^\n]{1,4096}?)(?=, input_type)", "random"),
    ("", ("'", '"'), r"[\"']([^\s\"']{10,64})[\"']", "quoted"),
)

SHAPES = (*_IN_CONTEXT, *FORMATS)


def _by_words() -> list[tuple[tuple[str, ...], list[tuple[str, str, str]]]]:
    """The table's rows by the words that a text must have, so that these are looked for once."""
    rows: dict[tuple[str, ...], list[tuple[str, str, str]]] = {}
    for sign, words, pattern, judge in SHAPES:
        rows.setdefault(words, []).append((sign, pattern, judge))
    return list(rows.items())


_BY_WORDS = _by_words()
_HARMLESS = r"[\w./-]{0,13}"  # shorter than any token


def find_secrets(text: str) -> Iterator[tuple[int, int]]:
    """Yield the start and end of everything in `text` that has a secret's shape, in no order."""
    lowered = text.lower()
    if re.fullmatch(_HARMLESS, text):
        return
    if len(lowered) != len(text):  # a capital İ has two characters in lower case
        lowered = "".join(one.lower() if len(one.lower()) == 1 else one for one in text)
    has_long_word = re.search(_LONG_WORD, text) is not None and re.search(r"\d", text) is not None
    if has_long_word:
        for start, end in prefixed(text, lowered):
            if JUDGES["token"](Found(text, start, start, end)):
                yield start, end
    for words, rows in _BY_WORDS:
        for word in words:  # not `any`: every variable of the environment comes this way, at each import of Prefect
            if word in lowered:
                break
        else:
            continue
        for sign, pattern, judge in rows:
            if has_long_word if sign == _LONG_WORD else sign in text:
                yield from _found(text, pattern, judge)


def _found(text: str, pattern: str, judge: str) -> Iterator[tuple[int, int]]:
    is_one = JUDGES[judge]
    for match in re.finditer(pattern, text):
        for start, end in _groups(match):
            if is_one(Found(text, match.start(), start, end)):
                yield start, end


def _groups(match: re.Match[str]) -> Iterator[tuple[int, int]]:
    """The spans that a match says are secret; those of a named group are not."""
    named = match.re.groupindex.values()
    for group in range(1, match.re.groups + 1) if match.re.groups else (0,):
        if group not in named and match.start(group) < match.end(group):  # one that took no part is at (-1, -1)
            yield match.span(group)
