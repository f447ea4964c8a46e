"""Programs and lines that show no secret, though many speak of keys, tokens and passwords."""

from __future__ import annotations

SNIPPETS = r'''
### botocore-no-credentials | botocore
import boto3
boto3.client("s3", region_name="eu-west-1").list_buckets()

### botocore-partial | botocore
import botocore.exceptions as e
say(e.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"))
say(e.NoAuthTokenError())
say(e.UnauthorizedSSOTokenError())
say(e.SSOTokenLoadError(error_msg="Token for https://acme.awsapps.com/start does not exist"))
say(e.TokenRetrievalError(provider="sso", error_msg="Token has expired and refresh failed"))
say(e.CredentialRetrievalError(provider="custom-process", error_msg="exit status 1"))
say(e.ConfigNotFound(path="/root/.aws/config"))
say(e.ProfileNotFound(profile="prod"))
say(e.UnknownCredentialError(name="env2"))
say(e.InvalidConfigError(error_msg="The source_profile \"base\" must have credentials."))
say(e.InfiniteLoopConfigError(source_profile="a", visited_profiles=["a", "b"]))
say(e.RefreshWithMFAUnsupportedError())
say(e.MetadataRetrievalError(error_msg="Unable to retrieve token for use in IMDSv2 call"))
say(e.MissingDependencyException(msg="Using the login credential provider requires botocore[crt]"))
raise e.EndpointConnectionError(endpoint_url="https://sts.eu-west-1.amazonaws.com/")

### botocore-client-errors | botocore
from botocore.exceptions import ClientError
for code, message, operation in (
    ("ExpiredToken", "The security token included in the request is expired", "GetCallerIdentity"),
    ("InvalidClientTokenId", "The security token included in the request is invalid.", "ListUsers"),
    ("UnrecognizedClientException", "The security token included in the request is invalid", "GetSecretValue"),
    ("SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check "
     "your key and signing method.", "PutObject"),
    ("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", "ListBuckets"),
    ("AccessDenied", "User: arn:aws:iam::123456789012:user/flow is not authorized to perform: secretsmanager:"
     "GetSecretValue on resource: arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf", "GetSecret"),
    ("ResourceNotFoundException", "Secrets Manager can't find the specified secret.", "GetSecretValue"),
    ("NoSuchKey", "The specified key does not exist.", "GetObject"),
    ("DecryptionFailure", "Secrets Manager can't decrypt the protected secret text using the provided KMS key.", "Get"),
    ("KMSInvalidStateException", "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab is "
     "pending deletion.", "Decrypt"),
    ("ParameterNotFound", "", "GetParameter"),
    ("RequestTimeTooSkewed", "The difference between the request time and the current time is too large.", "List"),
    ("ValidationException", "The provided key element does not match the schema", "GetItem")):
    say(ClientError({"Error": {"Code": code, "Message": message}}, operation))

### botocore-debug | botocore
# DEBUG
import boto3
sts = boto3.client("sts", endpoint_url="SERVER", region_name="eu-west-1")
sts.get_caller_identity()

### botocore-validation | botocore
import boto3
client = boto3.client("secretsmanager", region_name="eu-west-1")
say(client.meta.events)
client.get_secret_value(SecretIdentifier="prod/db")

### botocore-validation-2 | botocore
import boto3
boto3.client("dynamodb", region_name="eu-west-1").get_item(TableName="t", Key=["id"])

### botocore-expired | botocore
import boto3
from botocore import UNSIGNED
from botocore.config import Config
config = Config(signature_version=UNSIGNED)
boto3.client("sts", endpoint_url="SERVER", region_name="eu-west-1", config=config).get_caller_identity()

### azure-default | azure-identity
# DEBUG
import os
from azure.identity import DefaultAzureCredential
os.environ.pop("AZURE_CLIENT_ID", None)
credential = DefaultAzureCredential(exclude_managed_identity_credential=True, exclude_cli_credential=True,
                                    exclude_developer_cli_credential=True, exclude_powershell_credential=True)
credential.get_token("https://vault.azure.net/.default")

### azure-environment | azure-identity
from azure.identity import EnvironmentCredential
EnvironmentCredential().get_token("https://vault.azure.net/.default")

### azure-chained | azure-identity
from azure.identity import ChainedTokenCredential, EnvironmentCredential, AzureCliCredential
ChainedTokenCredential(EnvironmentCredential(), AzureCliCredential()).get_token("https://management.azure.com/.default")

### azure-aadsts | azure-identity
from azure.core.exceptions import ClientAuthenticationError, ResourceNotFoundError, HttpResponseError
say(ClientAuthenticationError("Authentication failed: AADSTS7000215: Invalid client secret provided. Ensure the secret "
    "being sent in the request is the client secret value, not the client secret ID, for a secret added to app "
    "'11111111-2222-3333-4444-555555555555'. Trace ID: 0d4b1e2c-5a1f-4f0e-9b0a-7c3d5e6f7a00 Correlation ID: "
    "7b1f8f0a-2c5e-4a9a-8d22-1b2c3d4e5f60 Timestamp: 2025-01-02 03:04:05Z"))
say(ClientAuthenticationError("AADSTS700016: Application with identifier '11111111-2222-3333-4444-555555555555' was "
    "not found in the directory 'acme'."))
say(repr(ResourceNotFoundError("(SecretNotFound) A secret with (name/id) db-pass was not found in this key vault.")))
say(HttpResponseError("(Forbidden) The user, group or application 'appid=1111;oid=2222' does not have secrets get "
    "permission on key vault 'acme-kv;location=westeurope'."))

### azure-storage | azure-storage-blob
from azure.storage.blob import BlobServiceClient
BlobServiceClient.from_connection_string("DefaultEndpointsProtocol=https")

### google-default | google-auth
import google.auth
google.auth.default()

### google-file | google-auth
import os, google.auth
os.environ["GOOGLE_APPLICATION_CREDENTIALS"] = "/run/secrets/google.json"
try:
    google.auth.default()
finally:
    del os.environ["GOOGLE_APPLICATION_CREDENTIALS"]

### google-errors | google-auth
from google.auth import exceptions
say(exceptions.RefreshError("invalid_grant: Token has been expired or revoked.", {"error": "invalid_grant"}))
say(exceptions.MalformedError("Service account info was not in the expected format, missing fields client_email."))
from google.oauth2 import service_account
service_account.Credentials.from_service_account_info({"client_email": "flow@acme.iam.gserviceaccount.com"})

### google-refresh | google-auth
from google.oauth2.credentials import Credentials
from google.auth.transport.requests import Request
Credentials(None).refresh(Request())

### hvac-forbidden | hvac
# DEBUG
import hvac
client = hvac.Client("SERVER")
say(client.adapter.base_uri)
client.secrets.kv.v2.read_secret_version(path="prod/db", raise_on_deleted_version=True)

### hvac-errors | hvac
from hvac import exceptions as e
for kind, text in ((e.InvalidPath, "no handler for route 'secret/data/db'"), (e.Forbidden, "invalid token"),
                   (e.VaultDown, "Vault is sealed"), (e.InvalidRequest, "missing client token"),
                   (e.InvalidRequest, "invalid role or secret ID"), (e.RateLimitExceeded, "path \"auth/token\"")):
    say(kind(errors=[text], method="get", url="http://127.0.0.1:8200/v1/secret/data/db"))
    say(repr(kind(text)))
raise e.ParamValidationError("unsupported key_type argument provided \"aes\", supported types: \"rsa, ec\"")

### hvac-refused | hvac
import hvac
hvac.Client("CLOSED").auth.token.lookup_self()

### httpx-status | httpx
# DEBUG
import httpx
answer = httpx.get("SERVER/401/user?per_page=100")
say(answer)
say(answer.json())
say(answer.headers)
answer.raise_for_status()

### httpx-forbidden | httpx
import httpx
answer = httpx.post("SERVER/403/api/secrets/?sort_key=name")
say(answer.request)
answer.raise_for_status()

### httpx-refused | httpx
import httpx
httpx.get("CLOSED/api/health", timeout=1)

### httpx-arguments | httpx
import httpx
say(httpx.Client())
say(httpx.BasicAuth("bob", "x"))
say(httpx.Headers({"accept": "*/*", "content-type": "application/json"}))
httpx.get("SERVER", auth=True)

### requests-status | requests
# DEBUG
import requests
answer = requests.get("SERVER/401/repos")
say(answer)
say(answer.request)
say(answer.headers)
answer.raise_for_status()

### requests-refused | requests
import requests
requests.get("CLOSED/token", timeout=1)

### requests-header | requests
import requests
requests.get("SERVER", headers={"X-Key-Count": 5})

### urllib3-retry | urllib3
# DEBUG
import urllib3
http = urllib3.PoolManager(retries=urllib3.Retry(2, backoff_factor=0))
say(http)
say(urllib3.Retry(3))
http.request("GET", "CLOSED/oauth/token")

### urllib3-status | urllib3
# DEBUG
import urllib3
http = urllib3.PoolManager()
http.request("GET", "SERVER/503/auth", retries=urllib3.Retry(1, status_forcelist=[503], backoff_factor=0))

### aiohttp-refused | aiohttp
import asyncio, aiohttp
async def main():
    async with aiohttp.ClientSession() as session:
        await session.get("CLOSED/token")
asyncio.run(main())

### psycopg-refused | psycopg
import psycopg
psycopg.connect("host=127.0.0.1 port=PORT user=app dbname=prod connect_timeout=2")

### psycopg-errors | psycopg
import psycopg
for kind, text in (
    (psycopg.OperationalError, 'connection failed: FATAL:  password authentication failed for user "app"'),
    (psycopg.OperationalError, 'connection failed: FATAL:  no pg_hba.conf entry for host "10.0.0.7", user "app"'),
    (psycopg.OperationalError, "connection failed: fe_sendauth: no password supplied"),
    (psycopg.errors.UniqueViolation, 'duplicate key value violates unique constraint "users_pkey"\n'
     "DETAIL:  Key (id)=(42) already exists."),
    (psycopg.errors.ForeignKeyViolation, 'insert or update on table "runs" violates foreign key constraint "runs_fk"\n'
     'DETAIL:  Key (flow_id)=(17) is not present in table "flows".'),
    (psycopg.errors.UndefinedColumn, 'column "api_key" does not exist\nLINE 1: SELECT api_key FROM users\n'
     "               ^"),
    (psycopg.errors.InsufficientPrivilege, "permission denied for table auth_tokens"),
    (psycopg.errors.NotNullViolation, 'null value in column "token_id" of relation "sessions" violates not-null '
     "constraint")):
    say(repr(kind(text)))
    say(f"{kind.__module__}.{kind.__name__}: {text}")
psycopg.connect("host=db pasword_file=/run/secrets/db")

### sqlalchemy-schema | sqlalchemy
import sqlalchemy as sa
from sqlalchemy.schema import CreateTable
table = sa.Table("api_keys", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True),
                 sa.Column("key_hash", sa.String(64), unique=True, index=True), sa.Column("token_type", sa.String),
                 sa.Column("owner_id", sa.ForeignKey("users.id")))
say(repr(table))
for column in table.columns:
    say(repr(column))
say(sa.select(table).where(table.c.token_type == "bearer"))
say(sa.make_url("postgresql+psycopg://app@db.internal:5432/prod"))
say(sa.create_engine("sqlite:///auth.db"))
say(sa.PrimaryKeyConstraint("id", "token_id"))
say(CreateTable(table))

### sqlalchemy-masked | sqlalchemy
import sqlalchemy as sa
say(sa.make_url("postgresql+psycopg://app:***@db.internal:5432/prod"))
sa.create_engine("postgresql+psycopg://app:***@127.0.0.1:PORT/prod").connect()

### sqlalchemy-key | sqlalchemy
import sqlalchemy as sa
sa.table("users", sa.column("password_hash")).c.password

### sqlalchemy-missing | sqlalchemy
import sqlalchemy as sa
sa.create_engine("sqlite://").connect().execute(sa.text("SELECT token, secret_name FROM credentials"))

### sqlalchemy-orm | sqlalchemy
import sqlalchemy as sa
from sqlalchemy.orm import declarative_base
class Session(declarative_base()):
    __tablename__ = "sessions"
    token = sa.Column(sa.String)

### redis-refused | redis
import redis
client = redis.Redis("127.0.0.1", PORT)
say(client)
client.ping()

### redis-errors | redis
import redis
say(repr(redis.exceptions.AuthenticationError("invalid username-password pair or user is disabled.")))
say(redis.exceptions.ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value"))
say(redis.exceptions.AuthenticationError("NOAUTH Authentication required."))
say(redis.exceptions.ResponseError("MOVED: Keys in request don't hash to the same slot"))
raise redis.exceptions.NoPermissionError("this user has no permissions to access one of the keys used as arguments")

### pymongo-errors | pymongo
import pymongo
from pymongo.errors import OperationFailure, DuplicateKeyError
say(OperationFailure("Authentication failed.", 18, {"ok": 0.0, "errmsg": "Authentication failed.", "code": 18}))
say(DuplicateKeyError("E11000 duplicate key error collection: prod.users index: _id_ dup key: { _id: 7 }", 11000))
pymongo.MongoClient("mongodb://", 1)

### pymongo-options | pymongo
import pymongo
pymongo.MongoClient("mongodb://mongo.internal/?authSource=admin&authMechanism=PLAINN")

### pymysql-refused | pymysql
import pymysql
say(pymysql.err.OperationalError(1045, "Access denied for user 'app'@'10.0.0.7' (using password: YES)"))
say(repr(pymysql.err.IntegrityError(1062, "Duplicate entry '42' for key 'users.PRIMARY'")))
pymysql.connect(host="127.0.0.1", port=PORT, user="app", connect_timeout=1)

### pydantic-missing | pydantic
from pydantic import BaseModel, SecretStr, Field, HttpUrl
class Settings(BaseModel):
    api_key: SecretStr
    token_url: HttpUrl
    password_file: str = Field(max_length=8)
say(repr(Settings(api_key="some-value", token_url="https://login.internal/token", password_file="/x")))
say(Settings.model_json_schema())
say(Settings.model_fields["api_key"])
Settings()

### pydantic-other | pydantic
from pydantic import BaseModel, SecretStr
class Settings(BaseModel):
    max_tokens: int
    key_size: int
    token_ttl: int
    auth_enabled: bool
Settings(max_tokens="many", key_size=2.5, token_ttl=None, auth_enabled="perhaps")

### pydantic-secret | pydantic
from pydantic import SecretStr, SecretBytes, BaseModel
say(repr(SecretStr("x")))
say(SecretStr("some"))
say({"password": SecretStr("some")})
class Settings(BaseModel):
    secret: SecretStr
Settings(secret=None)

### settings-missing | pydantic-settings
from pydantic_settings import BaseSettings
class Settings(BaseSettings):
    vault_token: str
    db_password: str
Settings()

### yaml-lines | yaml
import yaml
say(yaml.safe_dump({"auth": {"method": "kubernetes", "role": "flow", "token_path": "/var/run/secrets/token"}}))
say(yaml.safe_dump({"env": [{"name": "DB_PASS", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}]}))
say(yaml.safe_dump({"cache": {"key": "deps-v1", "restore_keys": ["deps-"]}, "password": None, "secret": True}))
yaml.safe_load("secret_name: [db\n")

### json-lines | json
import json
say(json.dumps({"token_type": "Bearer", "expires_in": 3600, "scope": "read"}))
say(json.dumps({"usage": {"prompt_tokens": 1532, "completion_tokens": 64, "total_tokens": 1596}}))
say(json.dumps({"error": "invalid_token", "error_description": "The access token expired"}))
say(json.dumps({"key": "region", "value": "eu-west-1", "sort_key": "name", "primary_key": "id"}, indent=2))
say(json.dumps({"password_required": True, "auth": None, "secret": "", "api_key": None, "token": False}))
json.loads("{'key': 1}")

### kubernetes-models | kubernetes
from kubernetes import client
say(client.V1SecretKeySelector(name="db", key="password"))
say(client.V1SecretVolumeSource(secret_name="db-creds", default_mode=420))
say(client.V1LocalObjectReference(name="registry-credentials"))
say(client.V1ServiceAccount(metadata=client.V1ObjectMeta(name="flow"), automount_service_account_token=False))
raise client.ApiException(403, "Forbidden")

### kubernetes-config | kubernetes
from kubernetes import config
config.load_kube_config()

### kubernetes-incluster | kubernetes
from kubernetes import config
config.load_incluster_config()

### docker-errors | docker
# DEBUG
import docker, docker.auth
docker.auth.load_config(None, {"credHelpers": {"123456789012.dkr.ecr.eu-west-1.amazonaws.com": "ecr-login"}})
say(docker.errors.ImageNotFound("pull access denied for acme/app, it does not exist or may require 'docker login'"))
docker.DockerClient("http://127.0.0.1:PORT").ping()

### pyjwt-errors | pyjwt
import jwt
for name in ("ExpiredSignatureError", "InvalidSignatureError", "InvalidAudienceError", "InvalidKeyError"):
    say(repr(getattr(jwt, name)(name)))
say(jwt.ExpiredSignatureError("Signature has expired"))
say(jwt.InvalidSignatureError("Signature verification failed"))
say(jwt.MissingRequiredClaimError("exp"))
jwt.decode("a.b", "x", algorithms=["HS256"])

### cryptography-errors | cryptography
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.exceptions import InvalidSignature
say(repr(InvalidSignature("Signature did not match digest.")))
try:
    Fernet("abc")
except ValueError as error:
    say(error)
load_pem_private_key(b"abc", None)

### paramiko-errors | paramiko
import paramiko
say(paramiko.AuthenticationException("Authentication failed."))
say(paramiko.PasswordRequiredException("Private key file is encrypted"))
say(paramiko.SSHException("No hostkey for host db.internal found."))
say(paramiko.BadAuthenticationType("Bad authentication type", ["publickey", "keyboard-interactive"]))
paramiko.RSAKey.from_private_key_file("/root/.ssh/id_rsa")

### click-help | click
import click
from click.testing import CliRunner
@click.command("flow")
@click.option("--api-key", envvar="API_KEY", show_envvar=True, help="The API key to authenticate with.")
@click.option("--token-file", type=click.Path(), default="/run/secrets/token", show_default=True)
@click.option("--password", prompt=False, hide_input=True, required=True, help="Password of the database user.")
@click.option("--max-tokens", type=int, default=4096, show_default=True)
def flow(**options): ...
run = CliRunner()
say(run.invoke(flow, ["--help"]).output)
say(run.invoke(flow, []).output)
say(run.invoke(flow, ["--password"]).output)
say(run.invoke(flow, ["--max-tokens", "many"]).output)
say(run.invoke(flow, ["--api-keys", "x"]).output)
raise click.UsageError("--api-key and --token-file are mutually exclusive.")

### argparse-help | argparse
import argparse, io, contextlib
parser = argparse.ArgumentParser("flow", description="Runs a flow.")
parser.add_argument("--api-key", required=True, help="the key of the API")
parser.add_argument("--auth", choices=["basic", "token", "none"], default="none")
parser.add_argument("--secret-name", metavar="NAME", help="name of the secret")
say(parser.format_help())
say(parser.format_usage())
for arguments in ([], ["--api-key"], ["--api-key", "x", "--auth", "kerberos"]):
    out = io.StringIO()
    with contextlib.redirect_stderr(out), contextlib.suppress(SystemExit):
        parser.parse_args(arguments)
    say(out.getvalue())

### typer-help | typer
import typer
from typer.testing import CliRunner
app = typer.Typer(rich_markup_mode=None)
@app.command()
def login(username: str, token_url: str = "https://login.internal/token", key_file: str = "key.pem"):
    """Log in with a token."""
say(CliRunner().invoke(app, ["--help"]).output)
say(CliRunner().invoke(app, []).output)

### structlog-events | structlog
import structlog
for renderer in (structlog.processors.KeyValueRenderer(), structlog.processors.JSONRenderer(),
                 structlog.processors.LogfmtRenderer(), structlog.dev.ConsoleRenderer(colors=False)):
    say(renderer(None, "info", {"event": "token refreshed", "auth_method": "kubernetes", "key_count": 3, "by": "bob"}))

### moto-missing | moto
import boto3
from moto import mock_aws
with mock_aws():
    client = boto3.client("secretsmanager", region_name="eu-west-1")
    client.get_secret_value(SecretId="prod/db")

### python-key-error | python
settings = {"api_key_name": "x"}
settings["api_key"]

### python-environ | python
import os
os.environ["DB_PASSWORD"]

### python-attribute | python
class Client:
    token_url = "https://login.internal/token"
Client.token

### python-call | python
def connect(host, *, password, api_key): ...
connect("db")

### python-call-2 | python
def connect(host): ...
connect("db", key_size=1)

### python-name | python
client = dict(token=access_token)

### python-file | python
open("/run/secrets/db-password")

### python-import | python
from secrets import token_hash

### python-permission | python
raise PermissionError(13, "Permission denied", "/etc/ssl/private/server.key")

### python-module | python
import hvac_token_helper

### ssl-errors | ssl
import ssl
say(ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed"))
say(ssl.SSLError(1, "[X509: KEY_VALUES_MISMATCH] key values mismatch (_ssl.c:3900)"))
ssl.create_default_context().load_cert_chain("/etc/ssl/server.crt", "/etc/ssl/private/server.key")

### keyring-repr | python
import inspect, secrets, hmac, hashlib
say(inspect.signature(hmac.new))
say(inspect.signature(secrets.token_urlsafe))
say(hashlib.sha256(b"x").hexdigest() + "  dist/app-1.0-py3-none-any.whl")
hmac.new("key", b"", "sha256")
'''

LINES = {
    "environment": r"""
TOKEN_FILE=/run/secrets/token
VAULT_AUTH_METHOD=kubernetes
SECRET_NAME=db-creds
KEY_REGION=eu-west-1
AWS_PROFILE=prod
AWS_SHARED_CREDENTIALS_FILE=/root/.aws/credentials
AWS_WEB_IDENTITY_TOKEN_FILE=/var/run/secrets/eks.amazonaws.com/serviceaccount/token
AWS_ROLE_ARN=arn:aws:iam::123456789012:role/flow
GOOGLE_APPLICATION_CREDENTIALS=/etc/gcp/sa.json
AZURE_CLIENT_ID=11111111-2222-3333-4444-555555555555
AZURE_FEDERATED_TOKEN_FILE=/var/run/secrets/azure/tokens/azure-identity-token
PREFECT_API_URL=https://api.prefect.cloud/api/accounts/0b1c2d3e-0000-4000-8000-1a2b3c4d5e6f/workspaces/9f8e7d6c
PREFECT_LOGGING_LEVEL=DEBUG
PREFECT_API_KEY is not set
PREFECT_RESULTS_DEFAULT_SERIALIZER=json
PREFECT_SERVER_API_AUTH_STRING=
POSTGRES_PASSWORD_FILE=/run/secrets/pg
POSTGRES_HOST_AUTH_METHOD=scram-sha-256
SSH_AUTH_SOCK=/tmp/ssh-XXXX/agent.1234
GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D
PYTHON_SHA256=8d3ed8ec5c88c1c95f5e558612a725450d2452813ddad5e58fdb1a53b1209b78
TOKENIZERS_PARALLELISM=false
KEYCLOAK_URL=https://sso.internal/realms/acme
SECRET_BACKEND=vault
REQUIRE_AUTH=true
""",
    "application log": r"""
key not found: region
cache key: deps-linux-py312-v7
cache miss for key 'flows/etl/2025-01-02'
sort_key=name order=asc
token_type=bearer expires_in=3600
max_tokens=4096 temperature=0.2
tokens: 1532 (prompt 1400, completion 132)
option --api-key is deprecated, use --api-key-file
warning: the environment variable API_TOKEN is deprecated
Authentication failed for user 'bob'
Access token has expired, refreshing
Refreshing credentials from assume-role provider
secret 'prod/db' not found
Secret prod/db version 7 loaded
Loaded 3 secrets from /run/secrets
password must contain at least 12 characters
Password authentication is disabled; use a key
Passwords do not match
Invalid username or password
Enter passphrase for key '/root/.ssh/id_ed25519':
Permission denied (publickey,password).
Host key verification failed.
the authenticity of host 'db.internal (10.0.0.7)' can't be established
signature verification failed for package app-1.0.tar.gz
Missing Authentication Token
Unauthorized: no credentials were supplied
401 Unauthorized: Bearer realm="https://auth.docker.io/token",service="registry.docker.io"
403 Forbidden: insufficient scope, need secrets:read
author: Bob Example <bob@acme.example>
authorized by policy default-allow
monkey patching ssl
keyboard interrupt received, stopping
tokenizer loaded in 3 steps
3 credentials rotated, 0 failed
passing through to the next handler
secretary-service started on port 8080
compass: bearing 270
bearer of bad news: job 17 failed
the key is in the 'settings' section
Please set the password in the environment variable DB_PASSWORD
Set a token with `flow login --token <TOKEN>`
Basic authentication is not supported
Using token from file /run/secrets/token
Token endpoint: https://login.internal/oauth2/token
authentication=none authorization=rbac
partition key must be supplied for all indexes
KeyError: 'password'
ValueError: api_key must be a string, not NoneType
TypeError: Client.__init__() got an unexpected keyword argument 'token'
RuntimeError: no credentials found in keyring for service prefect
password=None
password: null
api_key: ''
secret = os.environ["API_SECRET"]
token = get_token(scope="read")
token=<redacted>
password=********
Authorization: <hidden>
auth=(user, password)
headers={'Authorization': f'Bearer {token}'}
self.password = password
if not api_key: raise ValueError("api_key is required")
secret: Optional[SecretStr] = None
def get_secret(name: str, version: int = 1) -> str:
    return client.get_secret_value(SecretId=secret_id)["SecretString"]
key: str, value: int = 0
keys=['id', 'name', 'created_at']
primary_key=id
foreign key (flow_id) references flows (id)
CREATE UNIQUE INDEX ix_token_hash ON sessions (token_hash)
SELECT key, value FROM settings WHERE key = 'theme'
ALTER TABLE users DROP COLUMN password
GRANT SELECT ON secrets TO app
password_hash VARCHAR(255) NOT NULL
idempotency_key=run-2025-01-02T03:04:05Z
dedup_key: flow-run-17
s3 key raw/2025/01/02/in.csv is missing
KEY=VALUE pairs are expected
""",
    "git": r"""
commit 3f2b6a0c9d1e8f7a6b5c4d3e2f1a0b9c8d7e6f5a
HEAD is now at 9fceb02 rotate signing key
Merge pull request #42 from acme/token-refresh
From github.com:acme/app\n * [new branch]      fix-auth   -> origin/fix-auth
fatal: could not read Password for 'https://bob@github.com': No such device or address
fatal: Authentication failed for 'https://github.com/acme/app.git/'
git@github.com: Permission denied (publickey).
gpg: Signature made Thu 02 Jan 2025 03:04:05 UTC
gpg:                using RSA key 4AEE18F83AFDEB23
gpg: Good signature from "Bob Example <bob@acme.example>"
index 83db48f..bf2a7c1 100644\n--- a/src/token.py\n+++ b/src/token.py
256 SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8 github.com (ED25519)
cloned https://github.com/acme/app.git at 9fceb02d0ae598e95dc970b74767f19372d61af8
""",
    "docker": r"""
Digest: sha256:9b8a7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e0f9a8b
Status: Downloaded newer image for python:3.12-slim
image: ghcr.io/acme/app@sha256:0d1e2f3a4b5c6d7e8f9a0b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f7a8b9c0d1e
Error response from daemon: Get "https://registry.internal/v2/": unauthorized: authentication required
denied: requested access to the resource is denied
WARNING! Your password will be stored unencrypted in /root/.docker/config.json.
Error saving credentials: error storing credentials - err: exit status 1
no basic auth credentials
 ---> 1f2e3d4c5b6a
Successfully built 1f2e3d4c5b6a
SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV "API_TOKEN") (line 4)
container 4c01db0b339c8a6f1d8b4f2c7f8e9d0a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6e exited with code 1
""",
    "kubernetes": r"""
Warning  FailedMount  2m  kubelet  MountVolume.SetUp failed for volume "creds" : secret "db-creds" not found
Error: couldn't find key password in Secret prod/db-creds
Normal   Pulled  1s  kubelet  Container image "acme/app:1.2" already present on machine
Warning  Failed  5s  kubelet  Failed to pull image "acme/app": unauthorized: authentication required
secret/db-creds created
Error from server (NotFound): secrets "db-creds" not found
Error from server (Forbidden): secrets is forbidden: User "system:serviceaccount:prod:x" cannot list resource "secrets"
error: You must be logged in to the server (the server has asked for the client to provide credentials)
NAME       TYPE     DATA   AGE\ndb-creds   Opaque   2      3d
Type:  Opaque\n\nData\n====\npassword:  18 bytes\nusername:  3 bytes
    DB_PASSWORD:  <set to the key 'password' in secret 'db-creds'>  Optional: false
pod/flow-7d9c6b5f4-x2x8q condition met
serviceAccountName: flow\nautomountServiceAccountToken: false
imagePullSecrets:\n- name: registry-credentials
secretKeyRef:\n  name: db-creds\n  key: password
/var/run/secrets/kubernetes.io/serviceaccount from kube-api-access-x7k2p (ro)
""",
    "prefect": r"""
03:04:05.678 | INFO    | prefect.engine - Created flow run 'aspiring-tiger' for flow 'etl'
03:04:05.678 | ERROR   | prefect.flow_runs - Block document 'db-password' not found for block type 'secret'
prefect.exceptions.PrefectHTTPStatusError: Client error '401 Unauthorized' for url 'http://127.0.0.1:4200/api/admin/version'
Flow run 'b2c3d4e5-f6a7-4b8c-9d0e-1f2a3b4c5d6e' - Beginning flow run 'aspiring-tiger'
Task run 'extract-0' cache key 'etl-2025-01-02' is not in the result store
task.with_options(cache_key_fn=task_input_hash, persist_result=True)
Unable to authenticate to the event stream. Please ensure the provided api_key or auth_token you are using is valid
Concurrency limit 'db-tokens' has 0 slots left
prefect cloud login -k <API-KEY> -w acme/prod
secret-block/github-token
prefect.blocks.system.Secret(value=SecretStr('**********'))
CredentialsBlock(username='app', password=SecretStr('**********'))
""",
    "terraform": r"""
  + password        = (sensitive value)
  + key_id          = (known after apply)
Error: No valid credential sources found
Error: error configuring Terraform AWS Provider: no valid credential sources for Terraform AWS Provider found.
  ~ secret_id = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf"
variable "db_password" {\n  type      = string\n  sensitive = true\n}
  kms_key_id = aws_kms_key.prod.arn
Plan: 3 to add, 0 to change, 1 to destroy.
""",
    "packages": r"""
cryptography==43.0.1
PyJWT>=2.8,<3
python-jose[cryptography]==3.3.0
keyring 25.2.1
Collecting azure-keyvault-secrets==4.8.0
Successfully installed google-auth-2.35.0 requests-oauthlib-2.0.0
Requirement already satisfied: tokenize-rt>=3.2.0
ModuleNotFoundError: No module named 'secretstorage'
  --hash=sha256:1f3e5a7c9b2d4e6f8a0c1b3d5f7e9a2c4b6d8f0e1a3c5e7b9d2f4a6c8e0b1d3f
WARNING: Keyring is skipped due to an exception: Failed to unlock the collection!
npm WARN deprecated request@2.88.2: request has been deprecated
npm ERR! code E401\nnpm ERR! Unable to authenticate, need: Basic realm="Artifactory"
npm notice integrity: sha512-GfoOUYHBp6aJ1qQ5m8Zr0K4[...]Xq7w==
""",
    "http": r"""
ETag: "33a64df551425fcc55e4d42a148795d9f25f89d4"
WWW-Authenticate: Bearer error="invalid_token", error_description="The token expired"
WWW-Authenticate: Basic realm="Restricted"
Proxy-Authenticate: Negotiate
Access-Control-Allow-Headers: Authorization, X-Api-Key
X-Request-Id: 7f3a5c2b-1d90-4e8f-a6b7-c8d9e0f1a2b3
Strict-Transport-Security: max-age=31536000; includeSubDomains
Sec-WebSocket-Version: 13
Content-Security-Policy: default-src 'self'
X-RateLimit-Remaining: 4999
X-Amzn-Trace-Id: Root=1-67760045-5f84c7a1b2c3d4e5f6a7b8c9
Last-Modified: Thu, 02 Jan 2025 03:04:05 GMT
Cache-Control: private, no-store
127.0.0.1 - - [02/Jan/2025 03:04:05] "POST /oauth/token HTTP/1.1" 401 -
GET https://api.internal/v1/keys?page=2&sort=key HTTP/1.1
https://login.internal/authorize?response_type=code&scope=openid+profile
https://docs.internal/auth/tokens#rotating-secrets
""",
    "identifiers": r"""
run 0194237e-3a8f-7c1d-9b6e-2f4a5d6c7b80 finished
arn:aws:kms:eu-west-1:123456789012:alias/prod-key
arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf
projects/acme/secrets/db-password/versions/latest
https://acme-kv.vault.azure.net/secrets/db-password
op://prod/db/password
vault:secret/data/prod/db#password
trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7
traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
2025-01-02T03:04:05.678901+00:00
md5 d41d8cd98f00b204e9800998ecf8427e  empty.txt
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  empty.txt
i-0abc1234def567890 in vpc-0a1b2c3d4e5f67890
/home/app/.config/gcloud/application_default_credentials.json
/usr/lib/python3.12/site-packages/google/auth/_default.py
/etc/kubernetes/pki/apiserver-kubelet-client.key
C:\ProgramData\acme\keys\public.pem
s3://acme-raw/secrets-audit/2025/01/02/part-00000-1a2b3c4d-5e6f-7a8b-9c0d-1e2f3a4b5c6d.snappy.parquet
01JGJ8Z6D5W8Q3K4M5N6P7R8S9 is a ULID
flow-etl-prod-7d9c6b5f4-x2x8q
version 2.19.4+gabc1234.d20250102
urn:ietf:params:oauth:grant-type:jwt-bearer
""",
    "vault": r"""
Key                 Value\n---                 -----\nSeal Type           shamir\nSealed              false
Error making API request.\n\nURL: GET http://127.0.0.1:8200/v1/secret/data/db\nCode: 403. Errors:\n\n* permission denied
Success! Data written to: auth/kubernetes/role/flow
Success! Revoked token (if it existed)
token_policies       ["default" "flow"]\ntoken_duration       768h\ntoken_renewable      true
path "secret/data/prod/*" {\n  capabilities = ["read"]\n}
Unseal Key (will be hidden):
WARNING! VAULT_ADDR and -address unset. Defaulting to https://127.0.0.1:8200.
""",
}
