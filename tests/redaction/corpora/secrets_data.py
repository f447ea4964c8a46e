"""Programs that make databases, settings, formats and command lines print a secret; `@@kind@@` is a canary."""

from __future__ import annotations

SNIPPETS = r"""
### sqlalchemy-url | sqlalchemy
from sqlalchemy import URL, make_url, create_engine
url = make_url("postgresql+psycopg://app:@@url@@@db.internal:5432/prod")
say(url.render_as_string(hide_password=False))
say(tuple(url))
say(url.translate_connect_args())
say(url.set(database="x")._asdict())
say(URL.create("mssql+pyodbc", "sa", "@@pw@@", "db", query={"driver": "ODBC Driver 18"}).render_as_string(False))

### sqlalchemy-parse | sqlalchemy
from sqlalchemy import create_engine
create_engine("postgresql//app:@@url@@@db.internal:5432/prod")

### sqlalchemy-port | sqlalchemy
from sqlalchemy import create_engine
create_engine("postgresql+psycopg://app:@@url@@@db.internal:54x2/prod")

### sqlalchemy-dialect | sqlalchemy
from sqlalchemy import create_engine
create_engine("vault://app:@@url@@@db.internal/prod")

### sqlalchemy-argument | sqlalchemy
from sqlalchemy import create_engine
create_engine("sqlite://", password="@@pw@@")

### sqlalchemy-parameters | sqlalchemy
import sqlalchemy as sa
engine = sa.create_engine("sqlite://")
with engine.connect() as connection:
    connection.execute(sa.text("insert into users (name, password) values (:name, :password)"),
                       {"name": "bob", "password": "@@pw@@"})

### sqlalchemy-unique | sqlalchemy
import sqlalchemy as sa
table = sa.Table("api_keys", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True),
                 sa.Column("key", sa.String, unique=True))
engine = sa.create_engine("sqlite://")
table.metadata.create_all(engine)
with engine.begin() as connection:
    connection.execute(table.insert(), [{"id": 1, "key": "@@tok@@"}, {"id": 1, "key": "@@tok2@@"}])

### sqlalchemy-echo | sqlalchemy
# DEBUG
import logging
import sqlalchemy as sa
logging.getLogger("sqlalchemy.engine").setLevel(logging.DEBUG)
engine = sa.create_engine("sqlite://")
table = sa.Table("users", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("token", sa.String))
table.metadata.create_all(engine)
with engine.begin() as connection:
    connection.execute(table.insert().values(id=7, token="@@tok@@"))
    list(connection.execute(sa.select(table).where(table.c.token == "@@tok@@")))

### sqlalchemy-literal | sqlalchemy
import sqlalchemy as sa
users = sa.table("users", sa.column("name"), sa.column("password"))
say(users.insert().values(name="bob", password="@@pw@@").compile().params)
say(sa.update(users).values(password="@@tok@@").compile(compile_kwargs={"literal_binds": True}))

### sqlalchemy-psycopg | sqlalchemy
from sqlalchemy import create_engine
create_engine("postgresql+psycopg://app:@@url@@@127.0.0.1:PORT/prod").connect()

### psycopg-dsn | psycopg
import psycopg
psycopg.connect("host=127.0.0.1 port=PORT user=app password=@@url@@ dbname=prod connect_timeout=2")

### psycopg-uri | psycopg
import psycopg
psycopg.connect("postgresql://app:@@url@@@127.0.0.1:PORT/prod?sslmode=disable")

### psycopg-option | psycopg
import psycopg
psycopg.connect("postgresql://app:@@url@@@127.0.0.1:PORT/prod?passwrd=@@url2@@")

### psycopg-broken | psycopg
import psycopg
psycopg.connect("host=db user=app password=@@url@@ oops")

### psycopg-unterminated | psycopg
import psycopg
psycopg.connect("postgresql://app:@@url@@@[db/prod")

### psycopg-port | psycopg
import psycopg
psycopg.connect("postgresql://app:ab/@@url@@@db.internal/prod")

### psycopg-conninfo | psycopg
from psycopg.conninfo import make_conninfo, conninfo_to_dict
say(make_conninfo("host=db.internal dbname=prod", user="app", password="@@pw@@ x"))
say(conninfo_to_dict("postgresql://app:@@url@@@db.internal/prod"))
make_conninfo(user="app", pasword="@@pw@@")

### psycopg-sql | psycopg
from psycopg import sql
query = sql.SQL("ALTER ROLE app PASSWORD {}").format(sql.Literal("@@pw@@"))
say(query.as_string(None))
say(repr(query))
say('psycopg.errors.SyntaxError: syntax error at or near "PASWORD"\nLINE 1: ALTER ROLE app PASWORD \'@@pw@@\'\n        '
    '               ^')
say("CREATE USER app WITH PASSWORD '@@pw@@' VALID UNTIL '2026-01-01';")
say("ALTER USER 'app'@'%' IDENTIFIED BY '@@pw@@'")
say("SELECT dblink_connect('host=db user=app password=@@url@@')")
say("CREATE SECRET s3 (TYPE s3, KEY_ID 'AKIA..EXAMPLE', SECRET '@@aws@@')")
say("COPY INTO t FROM 's3://raw/' CREDENTIALS = (AWS_KEY_ID='x' AWS_SECRET_KEY='@@aws@@')")
say("DETAIL:  Key (api_key)=(@@tok@@) already exists.")
say("PGPASSWORD=@@url@@ psql -h db.internal -U app prod")
say("db.internal:5432:prod:app:@@url@@")

### pg8000-connect | pg8000
import pg8000.native
pg8000.native.Connection("app", host="127.0.0.1", port=PORT, password="@@pw@@")

### pymysql-connect | pymysql
import pymysql
pymysql.connect(host="127.0.0.1", port=PORT, user="app", passwd="@@pw@@", connect_timeout=1)

### redis-connect | redis
import redis
client = redis.Redis.from_url("redis://:@@url@@@127.0.0.1:PORT/0")
say(client)
say(client.connection_pool)
say(client.connection_pool.connection_kwargs)
client.ping()

### redis-scheme | redis
import redis
redis.Redis.from_url("rediss+x://:@@url@@@cache.internal:6380/0")

### redis-kwargs | redis
import redis
pool = redis.ConnectionPool(host="127.0.0.1", port=PORT, username="app", password="@@pw@@")
say(pool)
say(repr(pool.make_connection()))
redis.Redis(connection_pool=pool, ssl=True).auth("@@pw@@")

### redis-lines | redis
say("1735787045.123456 [0 127.0.0.1:50000] \"AUTH\" \"app\" \"@@pw@@\"")
say("redis-cli -h cache.internal -a @@url@@ --no-auth-warning ping")
say("requirepass @@tok@@\nmaxmemory 100mb")
say("WARNING: masterauth @@tok@@ does not match")
say({"CELERY_BROKER_URL": "redis://default:@@url@@@cache:6379/1"})

### pymongo-uri | pymongo
from pymongo import MongoClient
from pymongo.uri_parser import parse_uri
say(parse_uri("mongodb://app:@@url@@@mongo.internal:27017/prod"))
MongoClient("mongodb://app:p@ss/@@url@@@mongo.internal/prod")

### pymongo-client | pymongo
from pymongo import MongoClient
client = MongoClient("127.0.0.1", PORT, username="app", password="@@pw@@", serverSelectionTimeoutMS=1)
say(client)
MongoClient("mongodb://app@127.0.0.1:PORT", password="@@pw@@", authMechanism="X")

### pymongo-escape | pymongo
from pymongo import MongoClient
MongoClient("mongodb://app:100%@@url@@@mongo.internal:x/prod")

### pymongo-command | pymongo
say({"createUser": "app", "pwd": "@@pw@@", "roles": ["readWrite"]})
say("mongosh \"mongodb+srv://app:@@url@@@cluster0.abcde.mongodb.net/prod\" --quiet")
say("mongodump --uri mongodb://mongo.internal -u app -p @@url@@ --archive")

### pydantic-missing | pydantic
from pydantic import BaseModel
class Settings(BaseModel):
    host: str
    password: str
    port: int
Settings(password="@@pw@@", port=5432)

### pydantic-type | pydantic
from pydantic import BaseModel
class Settings(BaseModel):
    retries: int
    api_key: int
Settings(retries=1, api_key="@@tok@@")

### pydantic-long | pydantic
from pydantic import BaseModel
class Settings(BaseModel):
    token: dict
Settings(token="@@long@@")

### pydantic-extra | pydantic
from pydantic import BaseModel, ConfigDict
class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")
    user: str
Settings(user="app", pasword="@@pw@@", apikey="@@hex@@")

### pydantic-nested | pydantic
from pydantic import BaseModel
class Database(BaseModel):
    password: int
class Settings(BaseModel):
    databases: list[Database]
Settings(databases=[{"password": "@@pw@@"}, {"password": {"value": "@@tok@@"}}])

### pydantic-url | pydantic
from pydantic import BaseModel, PostgresDsn, HttpUrl
class Settings(BaseModel):
    dsn: PostgresDsn
    hook: HttpUrl
say(repr(PostgresDsn("postgresql://app:@@url@@@db/prod")))
Settings(dsn="postgres//app:@@url@@@db/prod", hook="hooks.internal/T1/@@tok@@")

### pydantic-secret-short | pydantic
from pydantic import BaseModel, SecretStr, Field
class Settings(BaseModel):
    password: SecretStr = Field(min_length=99)
Settings(password=SecretStr("@@pw@@"))

### pydantic-secret-source | pydantic
from pydantic import SecretStr, TypeAdapter
key = SecretStr("@@tok@@")
TypeAdapter(int).validate_python(key.get_secret_value())

### pydantic-secret-number | pydantic
from pydantic import BaseModel, SecretStr
class Settings(BaseModel):
    password: SecretStr
Settings(password=["@@pw@@"])

### pydantic-json | pydantic
from pydantic import BaseModel
class Settings(BaseModel):
    token: str
say(Settings(token="@@tok@@"))
say(repr(Settings(token="@@tok@@")))
say(Settings(token="@@tok@@").model_dump_json(indent=2))
Settings.model_validate_json('{"token": "@@tok@@"')

### pydantic-literal | pydantic
from typing import Literal, Union
from pydantic import BaseModel
class Plain(BaseModel):
    kind: Literal["plain"]
    secret: str
class Settings(BaseModel):
    auth: Union[Plain, int]
Settings(auth={"kind": "plan", "secret": "@@pw@@"})

### pydantic-errors | pydantic
from pydantic import BaseModel, ValidationError
class Settings(BaseModel):
    port: int
    user: str
try:
    Settings(port="@@pw@@", passphrase="@@hex@@")
except ValidationError as error:
    say(error.errors(include_url=False))
    say(error.json(include_url=False))
    raise RuntimeError(f"bad settings: {error.errors()[0]['input']}") from error

### pydantic-call | pydantic
from pydantic import validate_call
@validate_call
def connect(host: str, port: int, password: str) -> None: ...
connect("db", "@@pw@@", password=5)

### settings-env | pydantic-settings
import os
from pydantic_settings import BaseSettings
class Settings(BaseSettings):
    app_api_key: int
    app_options: dict = {}
os.environ["APP_API_KEY"] = "@@tok@@"
try:
    Settings()
finally:
    del os.environ["APP_API_KEY"]

### settings-json | pydantic-settings
import os
from pydantic_settings import BaseSettings
class Settings(BaseSettings):
    app_credentials: dict
os.environ["APP_CREDENTIALS"] = "{'password': '@@pw@@'}"
try:
    say(dict(k for k in os.environ.items() if k[0].startswith("APP_")))
    Settings()
finally:
    del os.environ["APP_CREDENTIALS"]

### settings-dotenv | pydantic-settings
from pydantic_settings import BaseSettings, SettingsConfigDict
open(".env", "w").write("HOST=db\nDB_PASSWORD='@@pw@@'\nSTRIPE_KEY=@@tok@@\n")
class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env")
    host: str
Settings()

### dotenv-parse | python-dotenv
# DEBUG
import dotenv, io
say(dotenv.dotenv_values(stream=io.StringIO("export API_KEY=\"@@tok@@\"\nDEBUG=1\n")))
dotenv.set_key(".env2", "DB_PASSWORD", "@@pw@@")
say(open(".env2").read())

### dotenv-lines | dotenv
for line in ("DB_PASSWORD=@@pw@@", "export GITHUB_TOKEN=\"@@gh@@\"", "SECRET_KEY='@@tok@@' # Django", "apiKey: @@tok@@",
             "MY_APP__DATABASE__PASSWORD=@@pw@@", "PASSWORD =  @@pw@@", "SMTP_PASS=\"@@pw@@\"", "JWT_SECRET=@@hex@@",
             "ENCRYPTION_KEY=base64:@@b64@@", "COOKIE_SALT=@@low@@", "SLACK_SIGNING_SECRET=@@hex@@",
             "DATABASE_URL=postgres://app:@@url@@@db.internal/prod", "SENTRY_DSN=https://@@hex@@@o1.ingest.sentry.io/42",
             "+ export CLIENT_SECRET=@@az@@", "declare -x NPM_AUTH=\"@@b64@@\"", "setx API_TOKEN @@tok@@",
             "CREDENTIALS={\"user\": \"app\", \"pass\": \"@@pw@@\"}", "PREFECT_API_AUTH_STRING=admin:@@url@@",
             "PREFECT_API_KEY=@@low@@", "DJANGO_SECRET=\"@@tok@@\" python manage.py migrate"):
    say(line)

### yaml-dump | yaml
import yaml
say(yaml.safe_dump({"database": {"host": "db", "user": "app", "password": "@@pw@@"}, "debug": False}))
say(yaml.safe_dump({"tokens": ["@@tok@@", "@@tok2@@"]}))
say(yaml.safe_dump({"password": "@@pw@@\nsecond line", "host": "db"}, default_style="|"))
say(yaml.safe_dump({"client_secret": "@@az@@"}, default_flow_style=True))
say(yaml.safe_dump({"api_key": "@@long@@ @@tok@@"}, width=40))
say(yaml.safe_dump([{"name": "DB_PASSWORD", "value": "@@pw@@"}]))
say(yaml.safe_dump({"kind": "Secret", "metadata": {"name": "db"}, "data": {"password": b64("@@pw@@")}}))
say(yaml.safe_dump({"kind": "Secret", "stringData": {"config.ini": "[db]\npassword=@@pw@@\n"}}))

### yaml-blocks | yaml
say("auth:\n  password: |\n    @@pw@@\n  user: app")
say("auth:\n  secret: >-\n    @@tok@@\n    @@tok2@@\n  region: eu-west-1")
say("private: |\n  ~~~~~BEGIN RSA PRIVATE KEY~~~~~\n  @@line@@\n  @@line2@@\n  ~~~~~END RSA PRIVATE KEY~~~~~\nuser: x")
say("credentials: {user: app, password: \"@@pw@@\", port: 1}")
say("? password\n: @@pw@@")
say("- &default\n  token: '@@tok@@'\n- *default")
say("password: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\nroot_password: !!str @@pw@@")

### yaml-errors | yaml
import yaml
yaml.safe_load("host: db\npassword: \"@@pw@@\n")

### yaml-mapping | yaml
import yaml
yaml.safe_load("host: db\npassword: @@tok@@: x\n")

### yaml-constructor | yaml
import yaml
yaml.safe_load("password: !secret @@tok@@\n")

### yaml-tab | yaml
import yaml
yaml.safe_load("api_key: '@@tok@@'\n\tother: 1\n")

### json-dump | json
import json
say(json.dumps({"user": "bob", "password": "@@pw@@"}))
say(json.dumps({"auth": {"apiKey": "@@tok@@", "clientId": 7}}, indent=2))
say(json.dumps(json.dumps({"client_secret": "@@tok@@"})))
say(json.dumps([{"Name": "DB_PASSWORD", "Value": "@@pw@@"}]))
say(json.dumps({"headers": [["Authorization", "Bearer @@tok@@"], ["Accept", "*/*"]]}))
say(json.dumps({"db": {"credentials": ["app", "@@pw@@"]}}))
say(json.dumps({"level": "error", "msg": "login failed password=@@pw@@", "ts": 1735787045}))
say(json.dumps({"password": "@@pw@@\"quoted\\"}))
say(json.dumps({"secrets": {"stripe": "@@tok@@", "twilio": "@@hex@@"}}, separators=(",", ":")))

### json-error | json
import json
json.loads('{"password": "@@pw@@", }')

### toml-dump | tomlkit
import tomlkit
say(tomlkit.dumps({"tool": {"app": {"password": "@@pw@@", "hosts": ["a"]}}}))
say(tomlkit.dumps({"auth": {"api-key": "@@tok@@"}}))
tomlkit.parse('password = "@@tok@@\n')

### toml-error | tomllib
import tomllib
tomllib.loads('token = @@tok@@\n')

### xml-text | xml
import xml.etree.ElementTree as et
root = et.fromstring("<server><id>nexus</id><username>bob</username><password>@@tok@@</password></server>")
say(et.tostring(root, encoding="unicode"))
say(et.tostring(root))
et.indent(root)
say(et.tostring(root, encoding="unicode", xml_declaration=True))

### xml-attributes | xml
import xml.etree.ElementTree as et
made = et.Element("connection", {"host": "db", "user": "app", "password": "@@pw@@"})
say(et.tostring(made, encoding="unicode"))
made = et.Element("add", {"key": "ApiKey", "value": "@@tok@@"})
say(et.tostring(made, encoding="unicode"))
say(made.attrib)
made = et.Element("{urn:x}Credentials")
et.SubElement(made, "{urn:x}SecretKey").text = "@@pw@@"
say(et.tostring(made, encoding="unicode"))
say("<wsse:UsernameToken><wsse:Username>bob</wsse:Username><wsse:Password Type=\"#PasswordText\">@@pw@@"
    "</wsse:Password></wsse:UsernameToken>")
say("<property name=\"hibernate.connection.password\">@@tok@@</property>")
say("<entry key=\"secret\"><![CDATA[@@pw@@]]></entry>")
say("<member><name>password</name><value><string>@@tok@@</string></value></member>")
say("<appSettings><add key=\"StorageKey\" value=\"@@b64@@\" /></appSettings>")
say("<input type=\"hidden\" name=\"csrf_token\" value=\"@@tok@@\">")

### xml-error | xml
import xml.etree.ElementTree as et
et.fromstring("<auth><password>@@tok@@</pasword></auth>")

### xmltodict | xmltodict
import xmltodict
say(xmltodict.parse("<auth user='bob'><apiToken>@@tok@@</apiToken></auth>"))
xmltodict.parse("<auth password='@@tok@@' password='x'/>")

### argparse-choice | argparse
import argparse, io, contextlib
out = io.StringIO()
parser = argparse.ArgumentParser("flow")
parser.add_argument("--token", type=int)
parser.add_argument("--mode", choices=["a"])
with contextlib.redirect_stderr(out), contextlib.suppress(SystemExit):
    parser.parse_args(["--token", "@@tok@@"])
say(out.getvalue())

### argparse-unknown | argparse
import argparse, io, contextlib
out = io.StringIO()
parser = argparse.ArgumentParser("flow")
parser.add_argument("--user")
with contextlib.redirect_stderr(out), contextlib.suppress(SystemExit):
    parser.parse_args(["--user", "bob", "--password", "@@pw@@"])
say(out.getvalue())
out = io.StringIO()
with contextlib.redirect_stderr(out), contextlib.suppress(SystemExit):
    parser.parse_args(["--api-key=@@tok@@"])
say(out.getvalue())
parser.add_argument("--secret")
say(parser.parse_args(["--secret", "@@tok@@"]))

### click-errors | click
import click
from click.testing import CliRunner
@click.command("flow")
@click.option("--token", type=int)
@click.option("--api-key", envvar="API_KEY", default="@@tok2@@", show_default=True)
def flow(token, api_key): ...
say(CliRunner().invoke(flow, ["--token", "@@tok@@"]).output)
say(CliRunner().invoke(flow, ["--password=@@pw@@"]).output)
say(CliRunner().invoke(flow, ["--help"]).output)
raise click.BadParameter("'@@tok@@' is not a valid token", param_hint="--token")

### typer-locals | typer
import typer
from typer.testing import CliRunner
app = typer.Typer(rich_markup_mode=None)
@app.command()
def flow(port: int, secret: str = "@@pw@@"): ...
say(CliRunner().invoke(app, ["--help"]).output)
say(CliRunner().invoke(app, ["--secret-key", "@@tok@@"]).output)
say(CliRunner().invoke(app, ["@@tok@@"]).output)

### rich-traceback | rich
import io
from rich.console import Console
from rich.traceback import Traceback
out = io.StringIO()
console = Console(file=out, width=100)
def connect(password, host):
    raise ConnectionError("refused")
try:
    connect("@@pw@@", "db")
except ConnectionError as error:
    made = Traceback.from_exception(type(error), error, error.__traceback__.tb_next, show_locals=True)
console.print(made)
say("\n".join(line.rstrip() for line in out.getvalue().splitlines()))
out.truncate(0); out.seek(0)
console.print({"user": "bob", "token": "@@tok@@"})
say(out.getvalue())

### structlog-event | structlog
import structlog, io
for renderer in (structlog.processors.KeyValueRenderer(), structlog.processors.JSONRenderer(),
                 structlog.processors.LogfmtRenderer(), structlog.dev.ConsoleRenderer(colors=False)):
    say(renderer(None, "info", {"event": "connecting", "user": "bob", "password": "@@pw@@", "api_token": "@@tok@@"}))

### structlog-traceback | structlog
import structlog
try:
    login = {"password": "@@pw@@"}
    login["user"]
except KeyError as error:
    made = structlog.tracebacks.extract(type(error), error, error.__traceback__, show_locals=True)
    say(made.stacks[0].frames[-1].locals["login"])
    say(made.stacks[0])

### loguru-message | loguru
import loguru, sys
found = []
loguru.logger.remove()
loguru.logger.add(found.append, format="{level: <8} | {message} | {extra}", diagnose=True, backtrace=False)
loguru.logger.bind(token="@@tok@@").info("calling as {user}", user="bob")
def check(password):
    return int(password) + 1
try:
    check("@@hex@@x")
except ValueError:
    loguru.logger.exception("check failed")
for text in found:
    say(text)
loguru.logger.remove()

### logging-arguments | logging
# DEBUG
import logging
log = logging.getLogger("flow.db")
log.info("connecting to %s as %s with password %s", "db", "app", "@@pw@@")
log.debug("config: %r", {"user": "app", "secret_key": "@@tok@@"})
log.warning("Token '%s' is about to expire", "@@tok@@")
log.error("auth header was Basic %s", b64("bob:@@pw@@"))
log.info("credentials=('app', '@@pw@@')")
log.info("Using API key: @@tok@@")
log.info("The password is @@pw@@.")
log.info("passphrase for key '/root/.ssh/id_ed25519': @@pw@@")
log.info("login(user='bob', passwd='@@pw@@', otp=123456)")
log.info("sending webhook with secret=@@low@@&channel=ops")
log.info("session cookie sid=@@hex@@; Path=/")

### dataclass-repr | dataclasses
from dataclasses import dataclass, asdict, field
@dataclass
class Login:
    user: str
    password: str
    api_key: bytes = b""
say(Login("bob", "@@pw@@"))
say(asdict(Login("bob", "@@pw@@", b"@@tok@@")))
say([Login(user="bob", password="p", api_key=b"@@tok@@")])
Login("bob", password="@@pw@@", secret="@@tok@@")

### attrs-repr | attrs
import attrs
@attrs.define
class Login:
    user: str
    access_token: str = attrs.field(validator=attrs.validators.max_len(8))
Login("bob", "@@tok@@")

### attrs-type | attrs
import attrs
@attrs.define
class Login:
    password: str = attrs.field(validator=attrs.validators.instance_of(bytes))
Login("@@pw@@")

### namedtuple-repr | collections
from collections import namedtuple, OrderedDict, defaultdict, ChainMap
from types import SimpleNamespace
say(namedtuple("Auth", "user secret")("bob", "@@pw@@"))
say(OrderedDict(host="db", password="@@pw@@"))
say(SimpleNamespace(user="bob", access_key="@@tok@@"))
say(ChainMap({"token": "@@tok@@"}, {"region": "eu"}))
say({b"password": b"@@pw@@"})
say({"login": ("bob", "@@pw@@"), "passwords": {"db": "@@pw2@@"}})
say(defaultdict(str, {"X-Vault-Token": "@@hvs@@"}))

### python-errors | python
password = "@@pw@@"
int(password)

### python-assert | python
api_key = "@@tok@@"
assert api_key == "@@tok2@@", f"expected {api_key!r}"

### python-key | python
tokens = {"a": 1}
tokens["@@tok@@"]

### python-type | python
def login(user, password="@@pw@@"): ...
login(user="bob", **{"api_key": "@@tok@@"}, secret=1)

### python-unicode | python
secret = "@@tok@@\ud800"
secret.encode()

### python-syntax | python
compile("login('bob', password='@@tok@@'", "settings.py", "exec")

### python-group | python
errors = [ValueError("bad token @@tok@@"), TypeError("password='@@pw@@' is no bytes")]
raise ExceptionGroup("2 logins failed", errors)

### python-chain | python
def connect(dsn):
    raise ConnectionError(f"cannot reach {dsn}")
try:
    connect(dsn := "amqp://app:@@url@@@mq.internal:5672//")
except ConnectionError as error:
    error.add_note("tried password @@url@@")
    raise SystemExit("giving up, dsn=" + dsn) from error

### python-attribute | python
class Client:
    def __init__(self, **settings): self.settings = settings
    def __repr__(self): return f"Client({', '.join(f'{k}={v!r}' for k, v in self.settings.items())})"
say(Client(url="https://api", token="@@tok@@", timeout=3))
say(f"{Client(auth=('bob', '@@pw@@'))!r} is closed")
Client(secret="@@tok@@", auth=("bob", "@@pw@@")).connect()

### python-os | python
import os
open("/run/secrets/@@tok@@/password")

### subprocess-error | subprocess
import subprocess
subprocess.run(["/usr/bin/false", "--password", "@@pw@@", "--host=db"], check=True)

### subprocess-timeout | subprocess
import subprocess
subprocess.run(["/bin/sh", "-c", "sleep 1", "--token=@@tok@@"], timeout=0.05)
### subprocess-shell | subprocess
import subprocess
subprocess.run("exit 3 # curl -u bob:@@url@@ https://api.internal", shell=True, check=True)

### subprocess-missing | subprocess
import subprocess
subprocess.Popen(["mysqldmp", "-uapp", "-p@@url@@", "prod"])

### curl-lines | curl
say("curl -u bob:@@url@@ https://api.internal/v1")
say("curl --user 'bob:@@pw@@' -sS https://api.internal/v1")
say("curl -H 'Authorization: Bearer @@tok@@' https://api.internal/v1")
say("curl -H \"X-Api-Key: @@tok@@\" -d '{\"a\": 1}' https://api.internal/v1")
say("curl -X POST -d 'grant_type=client_credentials&client_id=x&client_secret=@@tok@@' https://login/token")
say("curl --data-urlencode password='@@pw@@' https://api.internal/login")
say("curl -b 'session=@@hex@@' https://app.internal/")
say("> GET /v1 HTTP/1.1\n> Host: api.internal\n> Authorization: Basic " + b64("bob:@@pw@@") + "\n> Accept: */*\n>")
say("wget --user=bob --password=@@pw@@ https://files.internal/x.tar")
say("http -a bob:@@url@@ GET api.internal/v1 X-Token:@@tok@@")
say("https://api.internal/v1/items?page=2&apikey=@@tok@@&sort=asc")
say("https://files.internal/x?X-Goog-Credential=a&X-Goog-Signature=@@hex@@&X-Goog-Expires=900")
say("wss://stream.internal/?authToken=@@tok@@")
say("https://app.internal/reset?token=@@dash@@ was opened")

### header-lines | http headers
for line in ("Authorization: Bearer @@tok@@", "authorization: token @@gh@@",
             "Proxy-Authorization: Basic " + b64("bob:@@pw@@"),
             "X-Vault-Token: @@hvs@@", "X-API-KEY: @@hex@@", "Cookie: theme=dark; sessionid=@@hex@@; lang=en",
             "Set-Cookie: refresh_token=@@tok@@; Path=/; HttpOnly", "Authorization: ApiKey @@b64@@",
             "Authorization: Digest username=\"bob\", realm=\"x\", response=\"@@hex@@\", nonce=\"7f\"",
             "PRIVATE-TOKEN: @@pat@@", "X-Amz-Security-Token: @@long@@", "Ocp-Apim-Subscription-Key: @@hex@@",
             "DD-API-KEY: @@hex@@", "X-Auth-Token: @@uuid@@",
             "X-Csrf-Token: @@tok@@", "Authorization: SSWS @@url@@@@tok@@", "Authorization: GenieKey @@uuid@@",
             "Authorization: Splunk @@uuid@@", "Authorization: @@low@@", "Api-Key: @@low@@"):
    say(line)
say({"Authorization": "Bearer @@tok@@", "User-Agent": "flow/1.0"})
say([(b"authorization", b"Bearer @@tok@@"), (b"host", b"api")])
say("<Request headers={'x-functions-key': '@@tok@@'}>")
say("POST / HTTP/1.1\r\nHost: app\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\nuser=bob&passwd=@@url@@")

### git-lines | git
say("fatal: unable to access 'https://bob:@@gh@@@github.com/acme/app.git/': Could not resolve host: github.com")
say("Cloning into 'app'...\nfatal: repository 'https://oauth2:@@pat@@@gitlab.com/acme/app/' not found")
say("origin\thttps://@@gh@@@github.com/acme/app.git (fetch)")
say("[url \"https://x-access-token:@@gh@@@github.com/\"]\n\tinsteadOf = https://github.com/")
say("git -c http.extraheader='AUTHORIZATION: basic " + b64("x-access-token:@@gh@@") + "' fetch origin")
say("ERROR: Could not install packages: git+https://__token__:@@pat@@@gitlab.internal/acme/lib.git@v1")
say("Looking in indexes: https://bob:@@url@@@pypi.internal/simple")
say("machine github.com login bob password @@gh@@")
say("//registry.npmjs.org/:_authToken=@@uuid@@")
say("always-auth=true\n_auth=" + b64("bob:@@pw@@") + "\nemail=bob@acme.example")
say("[pypi]\nusername = __token__\npassword = pypi-@@tok@@")
say("machine files.internal\n  login bob\n  password @@pw@@\n")

### ci-lines | infrastructure
say("resource \"aws_db_instance\" \"prod\" {\n  username = \"app\"\n  password = \"@@pw@@\"\n}")
say("  + master_password = \"@@pw@@\"")
say("db_password = \"@@pw@@\"\nregion      = \"eu-west-1\"")
say("TF_VAR_db_password=@@pw@@ terraform apply -var 'api_token=@@tok@@'")
say("fatal: [web1]: FAILED! => {\"invocation\": {\"module_args\": {\"login_password\": \"@@pw@@\"}}}")
say("ansible-playbook site.yml -e ansible_become_pass=@@pw@@")
say("helm upgrade app ./chart --set postgresql.auth.password=@@pw@@ --set image.tag=1.2")
say("Error: INSTALLATION FAILED: values don't meet the specification: auth.apiKey: @@tok@@")
say("    Environment:\n      DB_HOST:      db.internal\n      DB_PASSWORD:  @@pw@@")
say("kubectl patch secret db -p '{\"data\":{\"password\":\"" + b64("@@pw@@") + "\"}}'")
say("sshpass -p '@@pw@@' ssh bob@host uptime")
say("echo '@@pw@@' | docker login -u bob --password-stdin")
say("echo password=@@pw@@ >> $GITHUB_OUTPUT")
say("az login --service-principal -u 11111111 -p @@az@@ --tenant acme")
say("mysql -u root --password='@@pw@@' -e 'show tables'")
say("openssl enc -aes-256-cbc -k @@url@@ -in a -out b")
say("openssl pkcs12 -in c.p12 -passin pass:@@url@@ -nodes")
say("keytool -list -keystore app.jks -storepass @@url@@")
say("spring.datasource.password=@@pw@@\nspring.datasource.username=app")
say("sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule"
    " required user=\"app\" password=\"@@pw@@\";")
say("{'bootstrap.servers': 'kafka:9092', 'sasl.username': 'app', 'sasl.password': '@@pw@@'}")
say("snowflake.connector.connect(account='acme', user='app', password='@@pw@@', role='R')")
say("psycopg2.OperationalError: FATAL: password authentication failed (DSN: dbname=prod user=app password=@@url@@)")
say("ENV['SECRET_KEY_BASE'] = '@@hex@@@@hex2@@'")
say("$config['db_password'] = '@@pw@@';")
say("define('AUTH_KEY', '@@pw@@');")
say("const apiKey = \"@@tok@@\";")
say("private static final String PASSWORD = \"@@pw@@\";")
say("password: @@pw@@ (from /etc/app.yml line 3)")
say("| password | @@pw@@ |\n| host     | db |")
say("Enter password: @@pw@@\nAccess denied")
say("user=app password=@@pw@@ host=db failed: timeout")
say("Password123 hint; pass -> @@pw@@; user -> bob")
say("--access-token @@tok@@ --org acme")
say("login bob with pwd '@@pw@@' failed")
"""
