"""Secrets that no output may show, in the shapes they really come in, and values that must stay readable.

No canary is a key of anybody's: each is derived from its own name, and what looks like a provider's key is put
together here at run time, so that scanners find none in the repository.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import NamedTuple
from urllib.parse import quote

DIGITS = "0123456789"
HEX = DIGITS + "abcdef"
UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LOWER = UPPER.lower()
ALNUM = UPPER + LOWER + DIGITS


class Canary(NamedTuple):
    """A secret in a text.

    Attributes:
        shape: what kind of secret it is; unique.
        name: an innocuous name of a variable that may hold the text.
        text: the text, with the secret in it.
        secret: what must not survive.
    """

    shape: str
    name: str
    text: str
    secret: str


def noise(seed: str, length: int, alphabet: str = ALNUM) -> str:
    """Return characters that are the same every time, and look as random as a key does."""
    drawn = ""
    for block in range(length // 32 + 1):
        digest = hashlib.sha256(f"{seed}:{block}".encode()).digest()
        drawn += "".join(alphabet[byte % len(alphabet)] for byte in digest)
    # A digit, a small letter and a capital, as far as the alphabet has them: no shape hangs on chance.
    fixed = "".join(kind[len(seed) % len(kind)] for kind in ("7", "kq", "WZ") if kind[0] in alphabet)
    return (fixed + drawn)[:length]


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _jwt() -> str:
    header = _b64('{"alg":"HS256","typ":"JWT"}').rstrip("=")
    claims = _b64('{"sub":"1234567890","iat":1516239022}').rstrip("=")
    return f"{header}.{claims}.{noise('jwt', 43)}"


def _pem(kind: str) -> tuple[str, str]:
    body = "\n".join(noise(f"pem {kind} {line}", 64) for line in range(6))
    dashes = "-" * 5
    return f"{dashes}BEGIN {kind}{dashes}\n{body}\n{dashes}END {kind}{dashes}", body.splitlines()[3]


def _canaries() -> list[Canary]:
    found = []

    def add(shape: str, template: str, secret: str = "", name: str = "SETTING") -> None:
        secret = secret or "cnry" + noise(shape, 16)
        found.append(Canary(shape, name, template.replace("{}", secret), secret))

    # --- URLs
    add("URL user-info", "https://deploy:{}@git.example.com/team/repo.git", name="REPOSITORY")
    add("URL user-info without a user", "redis://:{}@cache.internal:6379/0", name="CACHE_URL")
    add("URL user-info, token only", "https://{}@git.example.com/team/repo.git", name="REPOSITORY")
    add("URL user-info, token as the user", "https://{}:x-oauth-basic@git.example.com/r", name="REPOSITORY")
    add("URL user-info with a slash", "postgresql://app:{}@db/prod", "ab/" + noise("slash", 12) + "?x#y")
    add("URL user-info with an at sign", "postgresql://app:{}@db/prod", noise("at", 9) + "@" + noise("at2", 9))
    add("URL user-info, URL-encoded", "next=postgres%3A%2F%2Fapp%3A{}%40db.internal%2Fprod", name="QUERY")
    add("URL user-info without a scheme", "//app:{}@db.internal/prod", name="ADDRESS")
    for parameter in ("token", "sig", "access_token", "api_key", "key", "code", "X-Amz-Signature"):
        add(f"query parameter {parameter}", f"https://x.example.com/a?region=eu&{parameter}={{}}&page=2")
    add("query parameter X-Amz-Security-Token", "https://b.s3.amazonaws.com/k?X-Amz-Security-Token={}")
    add("query parameter, URL-encoded", "https://x.example.com/?next=%2Fa%3Ftoken%3D{}%26page%3D2")
    add("query parameter in a fragment", "https://x.example.com/cb#access_token={}&token_type=bearer")

    # --- connection strings, six drivers and more
    for scheme in ("postgresql+asyncpg", "mysql+pymysql", "mongodb+srv", "amqps", "oracle+cx_oracle", "snowflake"):
        add(f"connection string {scheme}", f"{scheme}://app:{{}}@db:1234/prod?ssl=true", name="DATABASE_URL")
    add("connection string ODBC", "DRIVER={ODBC Driver 18};SERVER=db;UID=app;PWD={};Encrypt=yes")
    braced = noise("braced", 9) + ";x=y"
    add("connection string ODBC in braces", "SERVER=db;UID=app;PWD={" + "{}" + "};Encrypt=yes", braced)
    add("connection string ADO", "Server=db;Database=prod;User Id=app;Password={};Timeout=30")
    add("connection string libpq", "host=db.internal user=app password={} dbname=prod", name="PGCONN")
    add("connection string libpq, quoted", "host=db user=app password='{}' dbname=prod", noise("lq", 8) + " a b")
    add("connection string JDBC", "jdbc:postgresql://db.internal:5432/prod?user=app&password={}&ssl=true")
    add("connection string Oracle thin", "jdbc:oracle:thin:app/{}@db.internal:1521:orcl")
    add("connection string Go MySQL", "app:{}@tcp(db.internal:3306)/prod")
    add("connection string Redis options", "cache.internal:6380,password={},ssl=True,abortConnect=False")

    # --- headers
    add("Basic header", "Authorization: Basic {}", _b64("app:" + noise("basic", 14)))
    add("Basic in prose", "the server refused Basic {} twice", _b64("app:" + noise("basic prose", 14)))
    add("Bearer header", "{'Authorization': 'Bearer {}'}")
    add("Bearer in prose", "sent bearer {} and got 401")
    add("Token header", "Authorization: Token {}")
    add("header as a tuple of bytes", "[(b'authorization', b'Digest {}')]")
    add("Token in prose", "sent token {} and got 401", noise("token in prose", 40))
    add("header as a tuple", "headers=[('x-acme-token', '{}')]")
    add("header of a vault", "curl -H 'X-Vault-Token: {}' https://vault.internal:8200")
    add("cookie header", "Cookie: theme=dark; sid={}")
    add("SigV4 header", "Authorization: AWS4-HMAC-SHA256 Credential=x/20250101/eu/s3/aws4_request, Signature={}")
    add("JWT", "identity {} was refused", _jwt())

    # --- providers' formats
    add("AWS access key id", "user {} may not assume the role", "AK" + "IA" + noise("akia", 16, UPPER))
    add("AWS temporary key id", "credentials {} have expired", "AS" + "IA" + noise("asia", 16, UPPER))
    add("AWS secret key", "aws_secret_access_key = {}", noise("aws secret", 39) + "/")
    add("AWS secret key in prose", "the secret access key {} does not match", noise("aws secret 2", 40))
    add("AWS secret key beside its id", f"pair {'AK' + 'IA' + noise('i', 16, UPPER)}:{{}}", noise("aws pair", 40))
    add("AWS secret key on a command line", "aws configure set aws_secret_access_key {}", noise("aws cli", 40))
    add("AWS session token", "got {} from STS", "IQoJ" + "b3JpZ2lu" + noise("session", 120) + "==")
    add("GCP API key", "maps {} is over its quota", "AI" + "za" + noise("gcp", 35))
    add("GCP access token", "used {} for gcs", "ya" + "29." + noise("ya29", 60))
    add("GCP OAuth client", "client {} is unknown", "GOC" + "SPX-" + noise("gocspx", 28))
    pem, line = _pem("PRIVATE KEY")
    account = {"type": "service_account", "project_id": "acme-prod", "private_key": pem, "client_id": "1234567890"}
    found.append(Canary("GCP service account", "GCP_ACCOUNT", json.dumps(account), line))
    account_key = noise("account", 86) + "=="
    add("Azure storage account", "AccountName=acme;AccountKey={};EndpointSuffix=core.windows.net", account_key)
    add("Azure storage key alone", "mounted with {}", noise("storage", 86) + "==")
    add("Azure service bus", "Endpoint=sb://acme.servicebus.windows.net/;SharedAccessKey={};EntityPath=q")
    signature = quote(noise("sas", 42) + "/=", safe="")
    add("Azure SAS", "https://acme.blob.core.windows.net/c?sv=2022-11-02&sp=r&sig={}", signature)
    add("Azure client secret", "app registration value {}", noise("az", 3) + "8Q" + "~" + noise("az2", 34))
    for prefix in ("ghp", "gho", "ghs", "ghu", "ghr"):
        add(f"GitHub {prefix}_", "clone with {} failed", prefix + "_" + noise(prefix, 36))
    add(
        "GitHub fine-grained", "clone with {} failed", "github" + "_pat_" + noise("fine", 22) + "_" + noise("fine2", 59)
    )
    add("GitLab", "clone with {} failed", "gl" + "pat-" + noise("gitlab", 20))
    add("Slack bot", "posting as {} failed", "xo" + "xb-" + noise("sl", 12, DIGITS) + "-" + noise("slack", 24))
    add("Slack webhook", "POST https://hooks.slack.com/services/{} failed", f"T/B7/{noise('webhook', 24)}")
    add("Discord webhook", "https://discord.com/api/webhooks/1234567890/{}", noise("discord", 60))
    add("Stripe", "charge by {} failed", "sk" + "_live_" + noise("stripe", 24))
    add("Prefect user", "logged in with {}", "pn" + "u_" + noise("prefect", 36))
    add("Prefect service account", "logged in with {}", "pn" + "b_" + noise("prefect bot", 36))
    add("OpenAI", "Incorrect API key provided: {}.", "sk" + "-proj-" + noise("openai", 48))
    add("Anthropic", "model call by {} failed", "sk" + "-ant-api03-" + noise("anthropic", 90))
    add("npm", "publish by {} failed", "np" + "m_" + noise("npm", 36))
    add("PyPI", "upload by {} failed", "py" + "pi-Ag" + noise("pypi", 100))
    add("Vault service", "login by {} failed", "hv" + "s." + noise("vault", 90))
    add("Vault, old", "login by {} failed", "s" + "." + noise("old vault", 24))
    add("Databricks", "cluster for {} failed", "da" + "pi" + noise("databricks", 32, HEX))
    add("SendGrid", "mail by {} failed", "S" + "G." + noise("sg", 22) + "." + noise("sg2", 43))
    add("Twilio", "call by {} failed", "S" + "K" + noise("twilio", 32, HEX))
    add("Mailgun", "mail by {} failed", "key" + "-" + noise("mailgun", 32, HEX))
    add("GCP refresh token", "refreshed by {}", "1/" + "/0" + noise("refresh", 40))
    add("DigitalOcean", "droplet by {} failed", "do" + "p_v1_" + noise("ocean", 64, HEX))
    add("Docker Hub", "pull by {} failed", "dck" + "r_pat_" + noise("docker", 27))
    add("Shopify", "order by {} failed", "shp" + "at_" + noise("shopify", 32, HEX))
    add("Atlassian", "issue by {} failed", "ATA" + "TT3" + noise("atlassian", 60))
    add("age", "decrypting by {} failed", "AGE-SEC" + "RET-KEY-1" + noise("age", 58, UPPER + DIGITS))
    add("Telegram", "message by {} failed", noise("bot", 9, DIGITS) + ":A" + "A" + noise("telegram", 33))
    add("Mailchimp", "audience by {} failed", noise("mailchimp", 32, HEX) + "-us21")
    add("Hugging Face", "download by {} failed", "h" + "f_" + noise("hf", 34))
    for kind in ("RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "EC PRIVATE KEY"):
        pem, line = _pem(kind)
        found.append(Canary(kind, "CERTIFICATE", f"could not load\n{pem}", line))
    putty = noise("putty", 64)
    found.append(Canary("PuTTY", "KNOWN", f"PuTTY-User-Key-File-3: ssh-rsa\nPrivate-Lines: 1\n{putty}\n", putty))
    found.append(Canary("PEM on one line", "BUNDLE", pem.replace("\n", "\\n"), line))
    found.append(Canary("PEM cut short", "BUNDLE", pem[:300], line))

    # --- assignments: JSON, mappings, logs, prose
    add("JSON", '{"user": "app", "password": "{}", "region": "us-east-1"}')
    add("JSON with escapes", '{"password": "{}"}', noise("esc", 8) + '\\"' + noise("esc2", 8))
    add("JSON inside JSON", '{"body": "{\\"client_secret\\": \\"{}\\"}"}')
    add("JSON, nested", '{"db": {"auth": {"user": "app", "pass": "{}"}}}')
    add("JSON, list", '{"tokens": ["{}", "other"]}')
    add("list", "tokens=['{}', 'other']")
    add("unclosed quote", "password='{}")
    add("unclosed brace", "PWD={" + "{}", noise("brace", 8) + " " + noise("brace2", 8))
    add("password that begins with a backslash", "password={}", "\\" + noise("backslash", 12))
    add("password with delimiters", "password={} user=app", noise("a", 5) + ",)" + noise("b", 5) + "&;" + noise("c", 5))
    add("repr of a mapping", "KeyError in {'api_key': '{}', 'region': 'eu'}")
    add("repr of an object", "Client(user='app', api_token='{}', timeout=3)")
    add("keyword argument", "connect(host='db', password={})")
    add("environment line", "export ACME_SECRET={}")
    add(".env file", 'REGION=eu\nACME_API_KEY="{}"\nPORT=80')
    add("INI file", "[acme]\nuser = app\npassword = {}")
    add("YAML", "acme:\n  user: app\n  secret: {}\n")
    add("YAML, quoted name", 'acme:\n  user: app\n  "password": {}\n', noise("quoted name", 12, LOWER))
    add("YAML, camel case", "acme:\n  accessToken: {}\n")
    add("property list", "<key>apiToken</key>\n\t<string>{}</string>")
    add("prose with a colon", "login failed, password: {}")
    add("prose with a tight colon", "login failed, token:{}")
    add("quoted in prose", "invalid password '{}' for app")
    add("command line", "acme login --user app --api-token {}")
    add("command line with =", "acme login --password={}")
    add("curl user", "curl -u app:{} https://x.example.com/")
    add("SQL", "CREATE USER app IDENTIFIED BY '{}'")
    add("netrc", "machine x.example.com login app password {}")
    return found


CANARIES = _canaries()

NAMES_OF_SECRETS = (
    *("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "DB_PASSWORD", "API_KEY", "aws_session_token", "clientSecret"),
    *("KEYBOARD", "MONKEY", "SSH_PASSPHRASE", "LDAP_PASSWD", "MYSQL_PWD", "dbPwd", "GCP_CREDENTIALS"),
    *("PREFECT_API_AUTH_STRING", "PROXY_AUTH", "PRIVATE_PEM", "SENTRY_DSN", "AZURE_STORAGE_CONNECTION_STRING"),
    *("SESSION_COOKIE", "WEBHOOK_SIGNATURE", "PHP_SESSION_ID", "GITHUB_PAT", "DB_PASS", "ID_JWT", "AUTH"),
)

READABLE_NAMES = (
    *("AWS_REGION", "AWS_PROFILE", "GIT_AUTHOR_NAME", "AUTHOR", "AUTHORITY_URL", "PWD", "OLDPWD", "SSH_AUTH_SOCK"),
    *("VAULT_AUTH_METHOD", "AUTH_TYPE", "COOKIE_DOMAIN", "CREDENTIAL_FILE"),
    *("PATH", "HOME", "COMPASS_HOST", "BYPASS_PROXY", "DESIGN", "PREFECT_API_URL", "DATABASE_URL"),
    *(
        "SESSION_IDLE_TIMEOUT",
        "PASSENGER_COUNT",
        "PREFECT_PROFILE",
        "HTTP_PROXY",
        "AWS_ROLE_ARN",
        "PATTERN",
        "PIPELINE",
        "LANG",
        "",
        "•",
    ),
)

READABLE = (
    # regions, names of things in a cloud
    *("us-east-1", "europe-west4", "asia-northeast1", "westeurope"),
    "arn:aws:iam::123456789012:role/prefect-worker",
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-AbCdEf",
    "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "projects/acme-prod/secrets/db-password/versions/latest",
    # what a server asks for (RFC 6750), not what it is given
    "WWW-Authenticate: Bearer error=server_busy1, scope=s3.read",
    "prefect-worker@acme-prod.iam.gserviceaccount.com",
    "123456789012.dkr.ecr.us-east-1.amazonaws.com/prefect:3.8.8-python3.12",
    "abfss://container@acme.dfs.core.windows.net/raw",
    # URLs, hosts, paths
    "https://api.prefect.cloud/api/accounts/6f1c8a52-1c7e-4d7b-9a6e-0a1b2c3d4e5f",
    *("http://127.0.0.1:4200/api", "https://example.com:8443/a/b?page=2&region=eu#top", "http://[::1]:8080/"),
    "https://docs.prefect.io/v3/advanced/secrets#token",
    "https://login.example.com/oauth2/token",
    "https://example.com:8443/team/@handle",
    *("postgresql://app@db.internal:5432/prod", "redis://cache.internal:6379/0", "s3://bucket/key.txt"),
    *("ssh://git@github.com/acme/repo.git", "git@github.com:acme/repo.git"),
    "sqlite+aiosqlite:////home/app/.prefect/prefect.db",
    "git+https://github.com/acme/plugin.git@v1.2.0",
    *("/var/run/secrets/tokens/token", "/home/app/.aws/credentials", "~/.ssh/known_hosts"),
    "C:\\Users\\app\\keys\\id.pub",
    *("db.internal", "ip-10-0-3-17.eu-central-1.compute.internal", "10.0.3.17:5432", "::1"),
    # identifiers, versions, times
    *("123e4567-e89b-12d3-a456-426614174000", "da39a3ee5e6b4b0d3255bfef95601890afd80709", "3.8.8", ">=0.1,<1"),
    *("2025-01-31T12:00:00+00:00", "alice@example.com", "true", "4200", "sha256:" + noise("digest", 64, HEX)),
    # what we log, and what Python raises
    *("API requirement: >=0.1,<1", "Module: my_plugin:Plugin", "Module: acme_token:Plugin", "acme.secrets:Plugin"),
    *("token expired", "the token has expired", "password authentication failed for user", "Bearer authentication"),
    *("Basic authentication is off", "KeyError: 'AWS_REGION'", "Key: value", "Plugin acme-token: hook raised"),
    "ImportError: cannot import name 'SecretStr' from 'pydantic'",
    "botocore.exceptions.NoCredentialsError: Unable to locate credentials",
    "[plugins] required plugin 'aws-secrets' failed: ExpiredToken: the security token is too old",
    "variables: ['DB_PASSWORD', 'AWS_REGION']",
    "PREFECT_API_KEY is not set",
    "TypeError: setup() got an unexpected keyword argument 'token'",
    "2 plugins in 0.31 s, 3 variables, timeout 20 s",
    "token=None, api_key=null, max_tokens=4096",
    "PWD=/home/app",
    "Löwenzahn ☀ \x1b[1mbold\x1b[0m",
    "",
)
