"""No secret passes, and what is no secret stays readable."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import subprocess
import sys
import threading
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest
import texts
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from corpus_redaction import (
    CANARIES,
    DIGITS,
    LOWER,
    NAMES_OF_SECRETS,
    READABLE,
    READABLE_NAMES,
    Canary,
    noise,
)
from prefect_preflight._redaction import _COMMON, MASK, Redactor, is_sensitive
from prefect_preflight._redaction.shapes import SHAPES

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.core

each_canary = pytest.mark.parametrize("canary", CANARIES, ids=lambda canary: canary.shape)
LIMIT = 32_768


def as_bytes(secret: str) -> bytes:
    """Encode as `os.environ` does where it can."""
    try:
        return secret.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return secret.encode("utf-8", "surrogatepass")


FORMS: dict[str, Callable[[str], str]] = {
    "raw": str,
    "URL-encoded": lambda secret: quote(as_bytes(secret)),
    "URL-encoded, slashes too": lambda secret: quote(as_bytes(secret), safe=""),
    "URL-encoded, small digits": lambda secret: re.sub("%..", lambda m: m[0].lower(), quote(as_bytes(secret))),
    "URL-encoded, plus": lambda secret: quote_plus(as_bytes(secret)),
    "URL-encoded, user-info": lambda secret: quote(as_bytes(secret), safe="!$&'()*+,;=:"),
    "URL-encoded twice": lambda secret: quote(quote(as_bytes(secret), safe=""), safe=""),
    "base64": lambda secret: base64.b64encode(as_bytes(secret)).decode(),
    "base64, urlsafe": lambda secret: base64.urlsafe_b64encode(as_bytes(secret)).decode(),
    "base64, no padding": lambda secret: base64.b64encode(as_bytes(secret)).decode().rstrip("="),
    "base64, URL-encoded": lambda secret: quote(base64.b64encode(as_bytes(secret)), safe=""),
    "hex": lambda secret: as_bytes(secret).hex(),
    "hex, capitals": lambda secret: as_bytes(secret).hex().upper(),
    "JSON": lambda secret: json.dumps(secret)[1:-1],
    "JSON, not ASCII": lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1],
    "JSON in JSON": lambda secret: json.dumps(json.dumps(secret))[3:-3],
    "repr": lambda secret: repr(secret)[1:-1],
    "repr of bytes": lambda secret: repr(as_bytes(secret))[2:-1],
}


def windows(secret: str) -> set[str]:
    """Return every run of eight characters: of a secret no such part may survive."""
    return {secret[start : start + 8] for start in range(len(secret) - 7)}


def survivors(secret: str, shown: str) -> set[str]:
    """Return the runs of eight characters of the secret that can be read in `shown`, base64 included."""
    return windows(secret) & windows(shown) | {
        form for form in (make(secret) for make in FORMS.values()) if form in shown
    }


# --- by name


@pytest.mark.parametrize("name", NAMES_OF_SECRETS)
def test_sensitive_names(name: str) -> None:
    """The documented keywords count anywhere in a name, ours as words; the value is not shown at all."""
    assert is_sensitive(name)
    assert Redactor().value(name, "x") == MASK


@pytest.mark.parametrize("name", READABLE_NAMES)
def test_readable_names(name: str) -> None:
    """A name that only resembles a keyword keeps its value readable."""
    assert not is_sensitive(name)
    assert Redactor().value(name, "us-east-1") == "us-east-1"


@pytest.mark.parametrize("keyword", ["SECRET", "TOKEN", "PASSWORD", "KEY"])
@given(before=st.text(max_size=10), after=st.text(max_size=10))
def test_documented_keywords_count_anywhere(keyword: str, before: str, after: str) -> None:
    """A name that contains a documented keyword, in either case, is sensitive whatever surrounds it."""
    assert is_sensitive(before + keyword + after)
    assert is_sensitive(before + keyword.lower() + after)


def test_the_documented_example() -> None:
    """Prefect's documentation shows these two lines."""
    shown = Redactor().environment({"AWS_SECRET_ACCESS_KEY": "abc", "AWS_REGION": "us-east-1"})
    assert shown == {"AWS_SECRET_ACCESS_KEY": "••••••", "AWS_REGION": "us-east-1"}


# --- by shape


def test_the_corpus_is_what_it_claims() -> None:
    """At least 40 canaries in 30 shapes and 25 readable values; every canary stands in its own text."""
    assert len(CANARIES) >= 40 and len({canary.shape for canary in CANARIES}) == len(CANARIES)
    assert len(READABLE) >= 25
    for canary in CANARIES:
        assert canary.secret in canary.text, canary.shape
        assert not is_sensitive(canary.name), canary.shape


@each_canary
def test_no_canary_survives(canary: Canary) -> None:
    """No eight characters of the secret are left, alone or inside a longer text, and the rest of it is."""
    redactor = Redactor()
    for text in (canary.text, f"plugin 'a': {canary.text}", f"{canary.text}\nat the end", f"({canary.text})"):
        shown = redactor.text(text)
        assert not survivors(canary.secret, shown), shown
        assert MASK in shown
    assert redactor.text(f"plugin 'aws' in us-east-1\n{canary.text}").startswith("plugin 'aws' in us-east-1\n")


@each_canary
def test_no_canary_survives_in_an_environment(canary: Canary) -> None:
    """A variable with an innocuous name shows none of the secret, nor does one that repeats it elsewhere."""
    redactor = Redactor()
    assert not survivors(canary.secret, redactor.value(canary.name, canary.text))
    shown = redactor.environment({canary.name: canary.text, "AWS_REGION": "us-east-1"})
    assert not survivors(canary.secret, str(shown))
    assert shown["AWS_REGION"] == "us-east-1"


@each_canary
def test_a_canary_in_a_name(canary: Canary) -> None:
    """A plugin that mixes up names and values does not give the secret away."""
    assert not survivors(canary.secret, str(Redactor().environment({canary.text: "x"})))


@each_canary
def test_what_shape_found_is_known_from_then_on(canary: Canary) -> None:
    """A secret seen once by its shape is hidden where nothing around it gives it away, in any form."""
    redactor = Redactor()
    redactor.learn(canary.name, canary.text)
    for form, make in FORMS.items():
        shown = redactor.text(f"it was {make(canary.secret)} of all")
        assert make(canary.secret) not in shown, form
    assert redactor.text("it was this of all") == "it was this of all"


@pytest.mark.parametrize("text", READABLE)
def test_readable_values_stay(text: str) -> None:
    """What is no secret is unchanged, whatever else the redactor knows."""
    redactor = Redactor()
    for canary in CANARIES:
        redactor.learn(canary.name, canary.text)
    assert redactor.text(text) == text
    assert redactor.value("SETTING", text) == text
    assert redactor.environment({"SETTING": text}) == {"SETTING": text}


WITH_SECRETS, HARMLESS = texts.load("secret"), texts.load("harmless")


@pytest.mark.parametrize(("sign", "words", "pattern", "judge"), SHAPES, ids=range(len(SHAPES)))
def test_every_shape_has_a_canary(sign: str, words: tuple[str, ...], pattern: str, judge: str) -> None:
    """No row of the table is dead, and none is kept from a match by what is asked for first."""
    matching = [canary.text for canary in CANARIES if re.search(pattern, canary.text)]
    assert matching or any(re.search(pattern, one.text) for one in WITH_SECRETS)
    for text in matching:
        assert judge != "any" or (sign in text and any(word in text.lower() for word in words)), text


@pytest.mark.parametrize(("kept_apart", "most"), [(False, 0.02), (True, 0.05)], ids=["made with", "kept apart"])
def test_secrets_that_nobody_taught(kept_apart: bool, most: float) -> None:
    """Of what libraries print with a secret in it, at most one text in twenty shows any of it; by shape alone."""
    printed = [one for one in WITH_SECRETS if one.kept_apart is kept_apart]
    leaking = [one.id for one in printed if texts.leaks(one, Redactor().text(one.text))]
    assert len(printed) > 150
    assert len(leaking) <= most * len(printed), leaking


@pytest.mark.parametrize("kept_apart", [False, True], ids=["made with", "kept apart"])
def test_harmless_texts_stay_as_they_are(kept_apart: bool) -> None:
    """Of what libraries print without a secret in it, at most one text in fifty is altered."""
    printed = [one for one in HARMLESS if one.kept_apart is kept_apart]
    altered = [one.id for one in printed if Redactor().text(one.text) != one.text]
    assert len(printed) > 100
    assert len(altered) <= 0.02 * len(printed), altered


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("password=hunter2 user=me", f"password={MASK} user=me"),
        ("password= user=me", "password= user=me"),
        ("SECRET=\nREGION=us-east-1", "SECRET=\nREGION=us-east-1"),
        ("https://me:pw@host:8080/p?a=b", f"https://me:{MASK}@host:8080/p?a=b"),
        ("a?token=abc&region=eu", f"a?token={MASK}&region=eu"),
        ("{'password': 'abc', 'region': 'eu'}", f"{{'password': '{MASK}', 'region': 'eu'}}"),
        ('{"token":1234567,"region":"eu"}', f'{{"token":{MASK},"region":"eu"}}'),
        ("connect(password=abc), region=eu", f"connect(password={MASK}), region=eu"),
        ("Server=db;Pwd=a;Database=x", f"Server=db;Pwd={MASK};Database=x"),
        (f"password={MASK}", f"password={MASK}"),
    ],
)
def test_what_stands_around_a_secret_stays(text: str, shown: str) -> None:
    """Only the secret is masked: names, users, hosts and other parameters remain."""
    assert Redactor().text(text) == shown


# --- by knowledge


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "secret", ["hunter-two", "p@ss/w+rd =%'\"\\<&>", "grüße aus ☀ 🔑", "tab\tand\nline", "x\udc80y\0z\x01w"]
)
def test_a_learnt_secret_in_every_form(secret: str, form: str) -> None:
    """The value of a sensitive variable is hidden wherever it turns up, however it is encoded."""
    redactor = Redactor()
    redactor.learn("DB_PASSWORD", secret)
    shown = FORMS[form](secret)
    assert shown not in redactor.text(f"he said: {shown}, twice: {shown}{shown}.")


@pytest.mark.parametrize("shift", range(4))
@pytest.mark.parametrize("tail", range(4))
def test_base64_of_more_than_the_secret(shift: int, tail: int) -> None:
    """Base64 of data that begins or ends with something else shows no more than a character at either end."""
    redactor = Redactor()
    redactor.learn_secret("correct-horse-battery")
    data = b"u" * shift + b"correct-horse-battery" + b"v" * tail
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        encoded = encode(data).decode()
        head, _, rest = redactor.text(encoded).partition(MASK)
        assert encoded.startswith(head) and encoded.endswith(rest)
        assert len(head) <= -(-shift * 8 // 6) and len(rest.rstrip("=")) <= 1 + -(-tail * 8 // 6)


def test_the_password_inside_basic() -> None:
    """The password inside a Basic header is known in plain too, a URL's also without its encoding."""
    redactor = Redactor()
    redactor.learn("SETTING", "Authorization: Basic " + base64.b64encode(b"app:" + b"tr0ubador-and-3").decode())
    redactor.learn("ANOTHER", "postgresql://app:p%40ss%2Fword-9@db/x")
    assert redactor.text("tr0ubador-and-3 p@ss/word-9") == f"{MASK} {MASK}"


def test_one_variable_in_another() -> None:
    """A secret is hidden in the values of the variables beside it, in either order."""
    shown = Redactor().environment({"ARGS": "run swordfish-77 now", "A_TOKEN": "swordfish-77", "B": "swordfish-77"})
    assert shown == {"ARGS": f"run {MASK} now", "A_TOKEN": MASK, "B": MASK}


def test_overlapping_secrets() -> None:
    """Where two secrets overlap nothing of either is left."""
    redactor = Redactor()
    redactor.learn_secret("alpha-beta")
    redactor.learn_secret("beta-gamma")
    assert redactor.text("<alpha-beta-gamma>") == f"<{MASK}>"


@pytest.mark.parametrize("value", ["", "abc", "true", "12345", "1234567", "production", "Postgres", "--------", "   "])
def test_what_is_too_common_is_not_learnt(value: str) -> None:
    """Short and everyday values are hidden under their name only: text stays readable."""
    redactor = Redactor()
    redactor.learn("CACHE_KEY", value)
    text = f"in {value} we have 12345678 postgresql-production --------- things"
    assert redactor.text(text) == text
    assert redactor.value("CACHE_KEY", value) == MASK


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"),
        ("SSL_KEY_PATH", "C:\\certs\\server.key"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/etc/gcp/account.json"),
        ("TOKEN_URL", "https://login.example.com/oauth2/v2.0/token"),
        ("SECRET_NAME", "db-creds"),
        ("KEY_REGION", "eu-west-1"),
        ("TOKEN_TYPE", "ReadOnly"),
        ("PASSWORD_ENABLED", "sometimes"),
        ("SIGNING_KEY", "kubernetes"),
        ("KEY_SERVER", "keys.openpgp.org:443"),
    ],
)
def test_a_place_is_no_secret(name: str, value: str) -> None:
    """A path to a secret is masked under its name, but errors that mention it stay readable."""
    redactor = Redactor()
    redactor.learn(name, value)
    assert redactor.value(name, value) == MASK
    assert redactor.text(f"no such file: {value}") == f"no such file: {value}"


def test_a_secret_behind_the_name_of_a_place() -> None:
    """A variable that is named as a place and holds a secret all the same is learnt."""
    redactor = Redactor()
    hook, file = noise("hook", 32, LOWER + DIGITS), noise("file", 32)
    redactor.learn("TOKEN_URL", f"https://x.example.com/hook/{hook}")
    redactor.learn("TOKEN_FILE", file)
    assert redactor.text(hook) == hook  # a part of it, of no known shape
    assert redactor.text(f"https://x.example.com/hook/{hook} {file}") == f"{MASK} {MASK}"


def test_lines_of_a_key() -> None:
    """A key that is logged line by line or indented is hidden too."""
    redactor = Redactor()
    body = [noise(f"line {number}", 64) for number in range(4)]
    redactor.learn("SSH_KEY", "\n".join(("-----BEGIN THING-----", *body, "-----END THING-----")))
    assert redactor.text("\n".join(f"    {line}" for line in body)) == "\n".join([f"    {MASK}"] * 4)


def test_threads_learn_and_redact_at_once() -> None:
    """Nothing that any thread learnt is lost, and nobody fails."""
    redactor, failures = Redactor(), []

    def work(number: int) -> None:
        for step in range(20):
            secret = noise(f"{number} {step}", 24)
            redactor.learn("A_TOKEN", secret)
            if secret in redactor.text(f"<{secret}>"):
                failures.append(secret)

    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failures and not any(thread.is_alive() for thread in threads)
    for number in range(6):
        for step in range(20):
            assert redactor.text(noise(f"{number} {step}", 24)) == MASK


# --- length


def test_long_values_are_shortened_after_redaction() -> None:
    """The cut falls into the redacted text, so that no part of a secret is left before it, wherever it stands."""
    redactor, secret = Redactor(), "cnry" + noise("cut", 40)
    redactor.learn_secret(secret)
    for before in range(60, 140):
        shown = redactor.value("SETTING", "." * before + secret + "." * 200)
        assert len(shown) == 121 and shown.endswith("…")
        assert not survivors(secret, shown)


@pytest.mark.parametrize("length", [40, 3_000, 20_000])
def test_long_texts_are_cut_after_redaction(length: int) -> None:
    """Of a long text the head is shown; a secret that straddles the cut is hidden, known or by its shape."""
    secret = "cnry" + noise("limit", length)
    for before in (LIMIT - length, LIMIT - 40, LIMIT - 8, LIMIT - 1, LIMIT):
        knows, knows_not = Redactor(), Redactor()
        knows.learn_secret(secret)
        for shown in (
            knows.text("." * (before - 1) + " " + secret + " " + "." * 5_000),
            knows_not.text("." * (before - 10) + " password=" + secret + " " + "." * 5_000),
        ):
            assert len(shown) <= LIMIT and not survivors(secret, shown)


@pytest.mark.parametrize(
    ("unit", "size"),
    [
        *((unit, 1_000_000) for unit in ("a", "token=", "://a:", "eyJ", '"key": "', "password={", "--token-", " ")),
        *(("://a:", 2_000_000), ("x=1 token=abc ", 10_000_000)),
    ],
)
def test_long_texts_come_to_an_end(unit: str, size: int) -> None:
    """Megabytes of what is worst for a pattern are done soon: only the head is looked at."""
    redactor = Redactor()
    text = unit * (size // len(unit))
    redactor.learn("A_SECRET", text)
    redactor.learn("SETTING", text)
    assert len(redactor.text(text)) <= LIMIT
    assert len(redactor.value("SETTING", text)) <= 121
    assert redactor.value("A_SECRET", text) == MASK


def test_a_part_of_a_long_secret() -> None:
    """A long secret is known by its pieces as well, so that an excerpt does not pass whole."""
    redactor, secret = Redactor(), noise("long", 30_000)
    redactor.learn("A_SECRET", secret)
    assert redactor.text(secret) == MASK
    excerpt = redactor.text("x" + secret[3_000:12_000])
    assert secret[6_200:9_000] not in excerpt and MASK in excerpt


# --- properties

anything = st.text(st.characters(), max_size=200)  # lone surrogates and NUL among them
pieces = st.sampled_from(
    [
        *("password", "token", "secret", "api_key", "PWD", "Authorization", "Bearer", "Basic", "code", "--token"),
        *("=", ":", ": ", " = ", "://", "//", "@", "?", "&", ";", ",", " ", "\n", "\\n", "%3D", "%40", "%3A%2F%2F"),
        *('"', "'", "\\", '\\"', "{", "}", "[", "]", "(", ")", "•", MASK, "…", "a", "abc", "x1", "9", "eyJ", "user"),
        *("http", "AK" + "IA", "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "name", "None", "-u"),
        *(canary.secret for canary in CANARIES[::9]),
    ]
)
wild = st.one_of(anything, st.lists(st.one_of(pieces, st.text(max_size=3)), max_size=25).map("".join))
secrets = st.one_of(
    st.text(st.characters(), min_size=8, max_size=40), st.text("ab/+=%&\"'\\é\n", min_size=8, max_size=30)
)


@settings(max_examples=400, deadline=None)
@given(wild)
@example(f"password={MASK}x")
@example('password="password=\'password="')
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    """Redaction never raises, and what it returns is left alone by the next one."""
    once = Redactor().text(text)
    assert Redactor().text(once) == once


@settings(max_examples=400, deadline=None)
@given(secret=secrets, form=st.sampled_from(sorted(FORMS)), before=wild, after=wild)
def test_a_learnt_secret_never_survives(secret: str, form: str, before: str, after: str) -> None:
    """A learnt secret is hidden in any of its forms inside any text."""
    secret = secret.strip()
    assume(len(secret) >= 8 and len(set(secret)) >= 3 and "•" not in secret and secret.lower() not in _COMMON)
    redactor = Redactor()
    redactor.learn_secret(secret)
    encoded = FORMS[form](secret)
    shown = redactor.text(before + encoded + after)
    assert encoded not in shown
    assert redactor.text(shown) == shown


@settings(max_examples=100, deadline=None)
@given(env=st.dictionaries(wild, wild, max_size=4))
def test_no_environment_is_too_odd(env: dict[str, str]) -> None:
    """No name or value makes redaction raise, and sensitive names show no value."""
    redactor = Redactor()
    for name, value in env.items():
        redactor.learn(name, value)
        assert redactor.value(name, value) == MASK or not is_sensitive(name)
    redactor.environment(env)


class Hostile(str):
    """Text that cannot be examined."""

    __slots__ = ()

    def lower(self) -> str:
        """Fail as a broken subclass might."""
        raise RuntimeError(str(self))

    strip = lower  # type: ignore[assignment]  # strip would take an argument


def test_what_cannot_be_examined_is_hidden_whole() -> None:
    """Redaction fails closed, and without an exception that could carry the text."""
    redactor = Redactor()
    redactor.learn("A_TOKEN", Hostile("swordfish-77"))
    redactor.learn_secret(Hostile("swordfish-88"))
    assert redactor.text(Hostile("swordfish-99")) == MASK
    assert redactor.value("SETTING", Hostile("swordfish-99")) == MASK
    assert redactor.text("swordfish-77, swordfish-88") == f"{MASK}, {MASK}"
    for value in (7, None, b"", b"swordfish-66", Hostile("")):
        redactor.learn("A_TOKEN", value)  # type: ignore[arg-type]  # nothing stops a plugin from it
    assert redactor.text("a 7 b") == "a 7 b"


# --- what the redactor itself gives away


def failing_with(redactor: Redactor) -> Exception:
    """Raise and return an exception in a frame that has the redactor among its variables."""
    known = {"redactor": redactor}
    try:
        return known["nothing"]  # type: ignore[return-value]  # it raises
    except KeyError as error:
        return error


def test_the_redactor_shows_nothing() -> None:
    """Neither its repr nor an instance dictionary shows what it knows."""
    redactor = Redactor()
    redactor.learn("A_TOKEN", "swordfish-77")
    assert repr(redactor) == str(redactor) == "<Redactor>"
    assert not hasattr(redactor, "__dict__")


def test_tracebacks_with_locals() -> None:
    """Rich's and structlog's tracebacks, which print the variables of each frame, show no secret of ours."""
    rich_traceback = pytest.importorskip("rich.traceback")
    console = pytest.importorskip("rich.console")
    tracebacks = pytest.importorskip("structlog.tracebacks")
    redactor = Redactor()
    redactor.learn("A_TOKEN", "swordfish" + "-77")
    error = failing_with(redactor)
    out = io.StringIO()
    extract = rich_traceback.Traceback.from_exception(type(error), error, error.__traceback__, show_locals=True)
    console.Console(file=out, width=300).print(extract)
    info = (type(error), error, error.__traceback__)
    out.write(json.dumps(tracebacks.ExceptionDictTransformer(show_locals=True)(info)))
    assert "<Redactor>" in out.getvalue()
    assert "swordfish-77" not in out.getvalue()


def test_nothing_is_imported_once_it_is_loaded() -> None:
    """The importing thread may import nothing while it waits for hooks, and it redacts then."""
    code = """
import sys
from prefect_preflight._redaction import Redactor
seen = []
sys.addaudithook(lambda event, args: seen.append(args[0]) if event == "import" else None)
redactor = Redactor()
for text in sys.argv[1:]:
    redactor.learn("A_TOKEN", text + "\\udc80\\u20ac")
    redactor.learn("SETTING", text)
    redactor.environment({"SETTING": text, "OTHER": text + "\\udc80"})
print(seen)
"""
    texts = [canary.text for canary in CANARIES]
    done = subprocess.run([sys.executable, "-c", code, *texts], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_what_a_source_gave_long_ago_is_forgotten() -> None:
    """The present result and the two before it are known, of each source; what somebody else gave, or has, too."""
    redactor, base = Redactor(), "0f7-base-e3a9"
    lease, other = [[f"{number}c8-{name}-7f{number}a" for number in range(9)] for name in ("lease", "other")]
    redactor.learn("BASE_TOKEN", base)
    for number in range(1, 6):
        redactor.learn_result("leases", {"LEASE_TOKEN": lease[number], "BASE_TOKEN": base})
        if number < 3:
            redactor.learn_result("others", {"OTHER_TOKEN": other[number], "LEASE_TOKEN": lease[1]})
    assert redactor.text(" ".join(lease[1:6])) == f"{MASK} {lease[2]} {MASK} {MASK} {MASK}"
    for number in range(6, 9):
        redactor.learn_result("leases", {"LEASE_TOKEN": lease[number]})
    assert redactor.text(" ".join([base, *other[1:3]])) == f"{MASK} {MASK} {MASK}"


def test_what_is_remembered_does_not_grow() -> None:
    """However often a source gives something new, in whatever forms, the same amount is remembered."""
    redactor, sizes = Redactor(), []
    for number in range(40):
        token = base64.b64encode(hashlib.sha512(bytes([number])).digest() * 8).decode()
        redactor.learn_result("leases", {"A_SESSION_TOKEN": token, "A_URL": f"https://me:password-{number:04}@host/"})
        known = redactor._known
        tables = (known._short, known._heads, known._tails, *known._heads.values(), *known._tails.values())
        sizes.append(sum(map(len, tables)))
    assert max(sizes) < 1.5 * sizes[2], sizes
