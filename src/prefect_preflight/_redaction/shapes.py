"""What secrets look like: the table of shapes that `_redaction` hides in any text.

A pattern is compiled only when a word that it needs is in the text; most values need none. Every repetition
that can fail after it has matched is bounded, so the time stays linear in the text's length.
"""

from __future__ import annotations

import re

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
    r"secret|token|key|credential|cookie|signature|connection_?string|session_?id|authorization|"
    r"(?<![a-z0-9])(?:auth|pass|pw|sig|dsn|sas|pat|creds?|jwt|otp|private)(?![a-z0-9])"
)
_ANY = rf"(?:{_PASSWORD}|{_OTHER})"
# The words without which no pattern of _ANY can match.
_WORDS = (
    *("secret", "token", "pass", "pwd", "key", "cred", "cookie", "sig", "string"),
    *("session", "auth", "pw", "dsn", "sas", "pat", "jwt", "otp", "priv"),
)
_EQUALS = (
    r"(?:\\*[\"'])?\]?[ \t]{0,4}(?:(?:=>|:=)[ \t]{0,4}"
    r"|=(?!=)(?:[ \t]{1,4}(?![\w.-]{1,40}=[^=\s]))?)"  # "password= user=me" is an empty password
)
# "name: value" in prose. Plugins are called "acme-token" and modules "acme.token:Plugin", so the rule is
# narrower than for "=": whole words, a space after the colon, and no ordinary word as a token's value.
_COLON = r"[ \t]{0,2}:[ \t]{1,8}(?!\w{0,60}(?:error|exception|denied|notfound|warning)\b)"
_NEW_WORD = r"(?<![a-z0-9:/.-])"
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
    r"(?<![\w-])(?:x-[\w-]{0,30}(?:token|key|secret|signature|password|auth|credential|assertion)[\w-]{0,20}"
    r"|(?:private|job|deploy|auth|access|api|subscription)-(?:token|key))(?:\\*[\"'])?[ \t]?[:=][ \t]?"
)
# "Bearer tokens" and "basic authentication" are prose: a credential has a digit, a "=", or a capital inside.
_CREDENTIAL = r"(?:(?=[^\s\"',]{0,100}?(?:[\d=]|(?-i:[a-z][A-Z])))|(?=[^\s\"',]{20}))"
_BEARER = rf"(?<![a-z])(?:bearer|basic)(?:[ \t]|%20|\+){{1,4}}[\"']?{_CREDENTIAL}([\w.~+/=%:-]{{6,}})"
_SCHEME = r"(?<![\w-])(?:token|apikey|negotiate)[ \t]{1,4}(?=[^\s:]{0,64}\d)([\w.~+/=-]{16,})"
_OPTION = (
    r"--(?=[a-z])[a-z0-9-]{0,30}?(?:secret|token|passw(?:or)?d|passphrase|api-?key|access-key|credential)"
    r"[a-z0-9-]{0,20} {1,4}(?!-)"
)
_PEM = r"-{4,5} ?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[\s\S]*?(?:-{4,5} ?END [A-Z0-9 ]{0,40}KEY[A-Z ]{0,10}-{4,5}|\Z)"
_START = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2}))"  # a word's start, also after a URL-encoded character
# An AWS secret key: 40 characters of base64, a capital, a small letter and a digit among them; no git SHA.
_AWS_SECRET = (
    r"(?<![A-Za-z0-9+/])(?=[^A-Z]{0,39}[A-Z])(?=[^a-z]{0,39}[a-z])(?=[^0-9]{0,39}[0-9])"
    r"([A-Za-z0-9+/]{40})(?![A-Za-z0-9+/=])"
)
_DISCORD_TEAMS = r"(?:discord(?:app)?\.com/api/webhooks/\d{1,24}|webhook\.office\.com/webhookb2)"

# Each row: a sign that the text must have, words (lower case) of which it must have one, and a pattern. What the
# pattern's groups match is the secret; where it has no group, all that it matches is.
_IN_CONTEXT: tuple[tuple[str, tuple[str, ...], str], ...] = (
    # private keys, whole; one whose end is missing hides all that follows
    ("-", ("private key",), _PEM),
    ("-", ("putty-user-key",), r"PuTTY-User-Key-File[\s\S]*"),
    # URLs: user:password@, with an unescaped "/" in the password too, token@, and the same URL-encoded
    ("@", ("//",), r"(?::|(?<![\w:/]))//[^\s:/@?#\[\]\"<>]{0,256}:([^\s/?#\"<>]{1,4096})@(?!sha256:)"),
    ("@", ("//",), r"://[^\s:/@?#\[\]\"<>]{0,256}:(?!\d{1,5}[/?#,])([^\s@\"<>]{1,1024})@(?!sha256:)"),
    ("@", ("http",), r"(?i)https?://(?!git@)([^\s:/@?#\"'<>]{1,4096})(?::(?:x-oauth-basic|x|api_token)?)?@"),
    ("%", ("%40",), r"(?i)%3A%2F%2F[\w.~+-]{0,128}%3A([^\s&]{1,512}?)%40"),
    # user:password@ without a scheme: Go's MySQL driver, Oracle's thin driver, curl
    ("@", ("@",), r"(?<![\w/:.-])[\w.-]{1,64}:([^\s:@/'\"]{1,256})@(?:tcp\(|unix\(|[\w.-]{1,128}:\d{2,5}(?!\d))"),
    ("@", ("thin:",), r"(?i)thin:[^\s/]{1,64}/([^@\s]{1,256})@"),
    (":", ("-u", "--user"), r"(?<!\S)(?:-u|--user)[ =][\"']?[^\s:\"']{1,128}:([^\s\"']+)"),
    # OAuth's one-time codes in a query; its other parameters are assignments as below
    ("=", ("code=",), rf"(?i)[?&]code={_SMALL}([^&\s#\"'<>]+)"),
    # headers: everything up to the line's end or the closing quote
    ("", ("authorization", "cookie"), rf"(?i){_HEADER}"),
    ("", ("x-", "-token", "-key"), rf"(?i){_KEY_HEADER}{_VALUE}"),
    ("", ("bearer", "basic"), rf"(?i){_BEARER}"),
    ("", ("token", "apikey", "negotiate"), rf"(?i){_SCHEME}"),
    # name=value in queries, connection strings, logs, .env files; then the same URL-encoded
    ("=", ("pass", "pwd"), rf"(?i)(?:{_PASSWORD})[\w.-]{{0,40}}{_EQUALS}{_VALUE}"),
    ("=", _WORDS, rf"(?i)(?:{_OTHER})[\w.-]{{0,40}}{_EQUALS}{_SMALL}{_VALUE}"),
    ("%", ("%3d",), rf"(?i){_ANY}[\w.-]{{0,40}}%3D((?:(?!%26|%3B|%20)[^\s&\"'])+)"),
    # "name": value, as in JSON and in a mapping's repr; ("name", "value")
    (":", ("pass", "pwd"), rf"(?i)(?:{_PASSWORD})[\w. -]{{0,40}}\\*[\"']\s{{0,8}}:\s{{0,8}}(?:{_LIST}|{_UNQUOTED})"),
    (":", _WORDS, rf"(?i){_ANY}[\w. -]{{0,40}}\\*[\"']\s{{0,8}}:\s{{0,8}}{_ITEM}"),
    (")", _WORDS, rf"(?i){_ANY}[\w.-]{{0,40}}[\"'],\s?b?[\"']([^\"'\n]+)[\"']\)"),
    # name: value in prose
    (":", ("pass", "pwd", "secret"), rf"(?i){_NEW_WORD}{_PROSE_SECRET}{_COLON}{_VALUE}"),
    (":", _WORDS, rf"(?i)(?:{_NEW_WORD}|{_CAMEL}){_PROSE_TOKEN}{_COLON}{_NO_WORD}{_SMALL}{_VALUE}"),
    (":", ("pass", "secret:", "token:", "key:"), rf"(?i){_TIGHT}{_VALUE}"),
    # command lines, SQL, netrc
    ("--", ("--",), rf"(?i){_OPTION}{_VALUE}"),
    ("", ("password", "identified"), r"(?i)(?:password|identified by)\s{1,4}(?:'([^'\n]+)'|\"([^\"\n]+)\")"),
    ("", ("login",), r"(?i)login\s{1,4}\S{1,128}\s{1,4}password\s{1,4}(\S+)"),
)

# What providers of services give out: words as above, and a pattern.
_FORMATS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("eyj",), rf"{_START}eyJ[\w-]{{10,}}(?:\.[\w-]+){{0,4}}"),  # JWT, or base64 of any JSON object
    (("akia", "asia", "abia", "acca"), r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12,}"),
    (("akia", "asia"), rf"(?:AKIA|ASIA)[^\n]{{0,200}}?{_AWS_SECRET}"),
    (("secret", "key", "token"), rf"(?i:secret|key|token)[^\n]{{0,40}}?{_AWS_SECRET}"),
    (("fwogzxivyxdz", "fqogzxivyxdz", "iqojb3jpz2lu"), r"(?:F[wQ]oGZXIvYXdz|IQoJb3JpZ2lu)[\w+/=%-]+"),
    (("aiza",), r"AIza[\w-]{20,}"),
    (("ya29.",), r"ya29\.[\w.-]{10,}"),
    (("gocspx-",), r"GOCSPX-[\w-]{10,}"),
    (("1//0",), rf"{_START}1//0[\w-]{{20,}}"),
    (("q~",), r"[\w~.-]{3}\dQ~[\w~.-]{31,34}"),
    (("==",), r"(?<![\w+/-])[A-Za-z0-9+/]{86}=="),
    (("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"), r"gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{20,}"),
    (("gl",), r"gl(?:pat|dt|ptt|rt|cbt|ft|imt|agent|oas|soat)-[\w.-]{16,}|gl(?:sa|c)_[\w=+/-]{20,}"),
    (("xox", "xapp-"), r"(?:xox[a-z](?:\.xox[a-z])?|xapp)-[\w-]{8,}"),
    (("hooks.slack.com",), r"hooks\.slack\.com/(?:services|workflows|triggers)/([^\s\"'<>]+)"),
    (("webhook",), rf"{_DISCORD_TEAMS}/([^\s\"'<>]+)"),
    (("k_live_", "k_test_", "whsec_"), r"(?:[spr]k_(?:live|test)|whsec)_\w{10,}"),
    (("pnu_", "pnb_"), r"pn[ub]_[A-Za-z0-9]{10,}"),
    (("sk-", "xai-"), rf"{_START}(?:sk|xai)-(?=[\w-]{{0,64}}\d)[\w-]{{16,}}"),
    (("sk",), rf"{_START}SK[0-9a-f]{{32}}"),
    (("npm_", "hf_", "gsk_", "r8_"), r"(?:npm|hf|gsk|r8)_[A-Za-z0-9]{20,}"),
    (("pypi-a",), r"pypi-A[\w-]{16,}"),
    (("hvs.", "hvb.", "hvr."), r"hv[sbr]\.[\w-]{16,}"),
    (("s.",), rf"{_START}s\.(?=[A-Za-z]{{0,23}}\d)[A-Za-z0-9]{{24}}(?![\w.])"),
    (("dapi",), r"dapi[0-9a-f]{20,}(?:-\d)?"),
    (("sg.",), rf"{_START}SG\.[\w-]{{16,64}}\.[\w-]{{16,}}"),
    (("key-",), rf"{_START}key-[0-9a-f]{{32}}"),
    (("_v1_",), r"do[opr]_v1_[0-9a-f]{40,}"),
    (("dckr_", "lsv2_", "lin_api_", "sntry"), r"(?:dckr_pat|lsv2_[a-z]{2}|lin_api|sntry[su])_[\w=+/-]{16,}"),
    (("shpat_", "shpca_", "shppa_", "shpss_"), r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{20,}"),
    (("atatt3", "atctt3", "nrak-", "pmak-"), r"AT[AC]TT3[\w=-]{20,}|(?:NRAK|PMAK)-[\w-]{20,}"),
    (("age-secret-key-",), r"AGE-SECRET-KEY-1[A-Z0-9]{20,}"),
    ((":aa",), r"(?<!\d)\d{8,10}:AA[\w-]{33}"),
)

SHAPES = (*_IN_CONTEXT, *(("", words, pattern) for words, pattern in _FORMATS))


def find_secrets(text: str) -> Iterator[tuple[int, int]]:
    """Yield the start and end of everything in `text` that has a secret's shape, in no order."""
    lowered = text.lower()
    for sign, words, pattern in SHAPES:
        if sign not in text or not any(word in lowered for word in words):
            continue
        for match in re.finditer(pattern, text):
            for group in range(1, match.re.groups + 1) if match.re.groups else (0,):
                if match.start(group) < match.end(group):  # a group that took no part is at (-1, -1)
                    yield match.span(group)
