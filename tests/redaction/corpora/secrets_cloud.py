"""Programs that make clients of clouds and of the web print a secret; `@@kind@@` stands for a canary, see kit.py."""

from __future__ import annotations

SNIPPETS = r"""
### botocore-debug-sts | botocore
# DEBUG
import boto3
sts = boto3.client("sts", endpoint_url="SERVER", region_name="eu-west-1",
                   aws_access_key_id="AKIA..EXAMPLE", aws_secret_access_key="@@aws@@",
                   aws_session_token="@@long@@")
from freezegun import freeze_time
with freeze_time("2025-01-02"):
    sts.get_caller_identity()

### botocore-kwargs | botocore
import boto3
client = boto3.client("s3", region_name="eu-west-1", aws_access_key="AKIA..EXAMPLE", secret_key="@@aws@@")

### botocore-param | botocore
import boto3
client = boto3.client("secretsmanager", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
client.put_secret_value(SecretId="prod/db", SecretString={"password": "@@pw@@"})

### botocore-ssm | botocore
import boto3
client = boto3.client("ssm", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
client.put_parameter(Name="/prod/db/password", Value=["@@pw@@"], Type="SecureString")

### botocore-sse | botocore
import boto3
client = boto3.client("s3", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
client.put_object(Bucket="b", Key="k", Body=b"", SSECustomerAlgorithm="AES256", SSECustomerKey=["@@tok@@"])

### botocore-rds | botocore
# DEBUG
import boto3
client = boto3.client("rds", endpoint_url="SERVER/429", region_name="eu-west-1",
                      aws_access_key_id="a", aws_secret_access_key="b")
client.create_db_instance(DBInstanceIdentifier="prod", DBInstanceClass="db.t3.micro", Engine="postgres",
                          MasterUsername="app", MasterUserPassword="@@pw@@")

### botocore-credentials | botocore
from botocore.credentials import Credentials
keys = Credentials("AKIA..EXAMPLE", "@@aws@@", "@@long@@")
say(vars(keys))
say(keys.get_frozen_credentials())

### botocore-config | botocore
from botocore.config import Config
say(Config(proxies={"https": "http://bob:@@url@@@proxy.corp:3128"}).__dict__["proxies"])
Config(proxies={"https": "http://bob:@@url@@@proxy.corp:3128"}, proxy_auth="bob:@@url2@@")

### botocore-presigned | botocore
from freezegun import freeze_time
import boto3
with freeze_time("2025-01-02"):
    client = boto3.client("s3", region_name="eu-west-1", aws_access_key_id="AKIA..EXAMPLE",
                          aws_secret_access_key="@@aws@@", aws_session_token="@@long@@")
    say(client.generate_presigned_url("get_object", Params={"Bucket": "raw", "Key": "in.csv"}))
    say(client.generate_presigned_post("raw", "in.csv"))

### botocore-signed | botocore
from freezegun import freeze_time
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
with freeze_time("2025-01-02"):
    request = AWSRequest("GET", "https://sts.amazonaws.com/?Action=GetCallerIdentity", headers={"host": "x"})
    SigV4Auth(Credentials("AKIA..EXAMPLE", "@@aws@@", "@@long@@"), "sts", "eu-west-1").add_auth(request)
    say(dict(request.headers.items()))
    say(request.headers)

### aws-credentials-file | aws credentials file
import configparser, io
config = configparser.ConfigParser()
config["prod"] = {"aws_access_key_id": "AKIA..EXAMPLE", "aws_secret_access_key": "@@aws@@",
                  "aws_session_token": "@@long@@", "region": "eu-west-1"}
out = io.StringIO()
config.write(out)
say(out.getvalue())

### aws-credentials-broken | configparser
import configparser
config = configparser.ConfigParser(interpolation=None)
config.read_string("aws_secret_access_key = @@aws@@\n", source="/root/.aws/credentials")

### configparser-no-separator | configparser
import configparser
configparser.ConfigParser().read_string("[prod]\nregion = eu-west-1\npassword @@pw@@\n", source="/etc/app.ini")

### configparser-twice | configparser
import configparser
configparser.ConfigParser().read_string("[db]\npassword = %(@@tok@@\n")
import configparser as c
parser = c.ConfigParser()
parser.read_string("[db]\npassword = %(@@tok@@\n")
parser.get("db", "password")

### aws-assume-role | botocore
answer = {"Credentials": {"AccessKeyId": "ASIA..EXAMPLE", "SecretAccessKey": "@@aws@@",
                          "SessionToken": "@@long@@", "Expiration": "2025-01-02T03:04:05Z"}}
import json
say(answer)
say(json.dumps(answer, indent=4))
from botocore.parsers import create_parser
say("aws sts assume-role returned\n<Credentials><AccessKeyId>ASIA..EXAMPLE</AccessKeyId>"
    "<SecretAccessKey>@@aws@@</SecretAccessKey><SessionToken>@@long@@</SessionToken></Credentials>")

### aws-environment | environment
say("AWS_ACCESS_KEY_ID=AKIA..EXAMPLE\nAWS_SECRET_ACCESS_KEY=@@aws@@\nAWS_SESSION_TOKEN=@@long@@")
say("export AWS_SECRET_ACCESS_KEY='@@aws@@' AWS_DEFAULT_REGION=eu-west-1")
say("$Env:AWS_SECRET_ACCESS_KEY=\"@@aws@@\"")
say("SET AWS_SECRET_ACCESS_KEY=@@aws@@")
say("aws configure set aws_secret_access_key @@aws@@ --profile prod")
say({"env": {"AWS_SECRET_ACCESS_KEY": "@@aws@@", "AWS_REGION": "eu-west-1"}})

### moto-secret | moto
import boto3, os
from moto import mock_aws
with mock_aws():
    client = boto3.client("secretsmanager", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
    client.create_secret(Name="prod/db", SecretString="{\"username\": \"app\", \"password\": \"@@pw@@\"}")
    answer = client.get_secret_value(SecretId="prod/db")
    say(answer["SecretString"])
    say({k: answer[k] for k in ("Name", "SecretString")})
    ssm = boto3.client("ssm", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
    ssm.put_parameter(Name="/prod/api_key", Value="@@tok@@", Type="SecureString")
    found = ssm.get_parameter(Name="/prod/api_key", WithDecryption=True)["Parameter"]
    say({k: found[k] for k in ("Name", "Type", "Value")})

### azure-client-secret | azure-identity
import re, responses
from azure.identity import ClientSecretCredential
answer = {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided. Ensure the "
          "secret being sent in the request is the client secret value, not the client secret ID, for a secret "
          "added to app '11111111-2222-3333-4444-555555555555'."}
with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
    mock.get(re.compile("https://login.microsoftonline.com/common/discovery.*"), json={"metadata": []})
    mock.get(re.compile("https://login.microsoftonline.com/.*openid-configuration"), json={
        "authorization_endpoint": "https://login.microsoftonline.com/acme/oauth2/v2.0/authorize",
        "token_endpoint": "https://login.microsoftonline.com/acme/oauth2/v2.0/token",
        "issuer": "https://login.microsoftonline.com/acme/v2.0"})
    mock.post("https://login.microsoftonline.com/acme/oauth2/v2.0/token", json=answer, status=401)
    ClientSecretCredential("acme", "11111111-2222-3333-4444-555555555555", "@@az@@").get_token("https://x/.default")

### azure-client-secret-vars | azure-identity
from azure.identity import ClientSecretCredential
credential = ClientSecretCredential("acme", "11111111-2222-3333-4444-555555555555", client_secret="@@az@@")
say(vars(credential)["_client_credential"])
say({k: v for k, v in vars(credential).items() if k in ("_tenant_id", "_client_id", "_client_credential")})
ClientSecretCredential("a c m e", "11111111", client_secret="@@az@@")

### azure-username-password | azure-identity
from azure.identity import UsernamePasswordCredential
UsernamePasswordCredential("11111111-2222", "bob@acme.example", "@@pw@@", authority="http://login.x")

### azure-access-token | azure-core
from azure.core.credentials import AccessToken, AzureKeyCredential, AzureSasCredential, AzureNamedKeyCredential
say(AccessToken("@@jwt@@", 1735787045))
say(AzureNamedKeyCredential("acmestore", "@@b64@@").named_key)
say(vars(AzureKeyCredential("@@hex@@")))
say(vars(AzureSasCredential("sv=2022-11-02&ss=b&se=2025-01-02&sp=r&sig=@@url@@%3D")))
AzureKeyCredential(b"@@hex@@")

### azure-storage-connection | azure-storage-blob
from azure.storage.blob import BlobServiceClient
BlobServiceClient.from_connection_string("AccountName=acme;AccountKey=@@b64@@;EndpointSuffix")

### azure-storage-key | azure-storage-blob
from azure.storage.blob import BlobServiceClient
client = BlobServiceClient("https://acme.blob.core.windows.net", credential="@@b64@@")
say(vars(client.credential))
BlobServiceClient("https://acme.blob.core.windows.net", credential={"key": "@@b64@@"})

### azure-storage-sas | azure-storage-blob
from azure.storage.blob import BlobClient
client = BlobClient.from_blob_url("https://acme.blob.core.windows.net/raw/in.csv?sv=2022-11-02&sp=r&sig=@@url@@%3D")
say(client.url)
say(f"Uploading to {client.url!r} failed")

### azure-storage-debug | azure-storage-blob
# DEBUG
import logging
from azure.storage.blob import BlobServiceClient
from azure.core.pipeline.policies import NetworkTraceLoggingPolicy, RetryPolicy
client = BlobServiceClient.from_connection_string(
    "DefaultEndpointsProtocol=http;AccountName=acme;AccountKey=QUJDREVGRw==;BlobEndpoint=SERVER/403/acme",
    logging_enable=True, retry_total=0)
client.get_service_properties(headers={"X-Api-Key": "@@tok@@"})

### azure-connection-strings | connection string
say("DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=@@b64@@;EndpointSuffix=core.windows.net")
say("Endpoint=sb://acme.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=@@b64@@;EntityPath=q")
say("HostName=acme.azure-devices.net;DeviceId=d1;SharedAccessKey=@@b64@@")
say("Server=tcp:acme.database.windows.net,1433;Database=prod;User ID=app;Password=@@pw@@;Encrypt=True;")
say("AccountEndpoint=https://acme.documents.azure.com:443/;AccountKey=@@b64@@;")
say("InstrumentationKey=@@uuid@@;IngestionEndpoint=https://westeurope-1.in.applicationinsights.azure.com/")
say("Driver={ODBC Driver 18 for SQL Server};Server=db;UID=app;PWD={@@pw@@};TrustServerCertificate=yes")
say("Data Source=db.internal;Initial Catalog=prod;User Id=sa;Pwd=@@pw@@")
say("acme.redis.cache.windows.net:6380,password=@@b64@@,ssl=True,abortConnect=False")
say("SharedAccessSignature sr=acme.servicebus.windows.net%2fq&sig=@@url@@%3d&se=1735787045&skn=Root")
say("jdbc:postgresql://db.internal:5432/prod?user=app&password=@@url@@&ssl=true")
say("jdbc:sqlserver://db:1433;databaseName=prod;user=sa;password=@@pw@@;encrypt=true")
say("jdbc:oracle:thin:app/@@url@@@//db.internal:1521/PROD")
say("jdbc:mysql://app:@@url@@@db.internal/prod?useSSL=true")

### google-service-account | google-auth
import google.oauth2.service_account as sa
info = {"type": "service_account", "project_id": "acme", "private_key_id": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
        "private_key": "~~~~~BEGIN PRIVATE KEY~~~~~\n@@line@@\n@@line2@@\n~~~~~END PRIVATE KEY~~~~~\n",
        "client_email": "flow@acme.iam.gserviceaccount.com", "token_uri": "https://oauth2.googleapis.com/token"}
import json
say(info)
say(json.dumps(info, indent=2))
sa.Credentials.from_service_account_info(info)

### google-info-missing | google-auth
from google.oauth2.credentials import Credentials
Credentials.from_authorized_user_info({"client_id": "x.apps.googleusercontent.com", "client_secret": "GOCSPX-@@url@@"})

### google-to-json | google-auth
from google.oauth2.credentials import Credentials
made = Credentials("@@goog@@", refresh_token="1//0@@tok@@", token_uri="https://oauth2.googleapis.com/token",
                   client_id="x.apps.googleusercontent.com", client_secret="GOCSPX-@@url@@")
say(made.to_json())
say({k: vars(made)[k] for k in ("token", "_refresh_token", "_client_secret")})
headers = {}
made.apply(headers)
say(headers)

### google-debug | google-auth
# DEBUG
from google.auth.transport.requests import AuthorizedSession
from google.oauth2.credentials import Credentials
session = AuthorizedSession(Credentials("@@goog@@"))
session.get("SERVER/403/projects?key=AIza@@url@@")

### google-jwt-2 | google-auth
from google.auth import jwt
jwt.decode("@@tok@@", certs={})

### google-exchange | google-auth
from google.auth import exceptions
raise exceptions.RefreshError("invalid_grant: Bad Request", {"error": "invalid_grant", "refresh_token": "@@tok@@"})

### hvac-login | hvac
import hvac
client = hvac.Client(url="SERVER")
client.auth.approle.login(role_id="4c9a1d", secret_id="@@uuid@@")

### hvac-userpass | hvac
# LONG
import hvac
hvac.Client(url="SERVER").auth.userpass.login("bob", password="@@pw@@")

### hvac-refused | hvac
import hvac
hvac.Client(url="CLOSED", token="@@hvs@@").sys.read_health_status(method="GET")

### hvac-unwrap | hvac
import hvac
hvac.Client("SERVER", token="@@hvs@@").sys.unwrap(token="@@hvs2@@")

### hvac-header | hvac
import hvac
hvac.Client("SERVER", token="@@hvs@@\n").secrets.kv.v1.read_secret("db")

### hvac-unexpected | hvac
from hvac.exceptions import UnexpectedError, InvalidRequest
say(repr(InvalidRequest("failed to verify secret_id @@uuid@@", errors=["bad secret id"], method="put", url="SERVER")))
raise UnexpectedError(errors=["role 'x': secret_id=@@uuid@@ not found"], method="put", url="http://v/v1/auth/approle")

### vault-answers | vault
import json
say(json.dumps({"request_id": "5c1d", "lease_id": "", "data": {"data": {"username": "app", "password": "@@pw@@"}}}))
say(json.dumps({"auth": {"client_token": "@@hvs@@", "accessor": "Zb7Q", "policies": ["default"]}}))
say("Key                  Value\n---                  -----\ntoken                @@hvs@@\ntoken_accessor       Zb7Q")
say("Unseal Key 1: @@b64@@\nUnseal Key 2: 7Jq=\n\nInitial Root Token: @@hvs@@")
say("====== Data ======\nKey         Value\n---         -----\npassword    @@pw@@\nusername    app")
say("VAULT_TOKEN=@@hvs@@ vault kv get secret/prod")
say("curl --header \"X-Vault-Token: @@hvs@@\" SERVER/v1/secret/data/prod")

### httpx-basic | httpx
import httpx
httpx.get("CLOSED/items", auth=("bob", "@@pw@@"))

### httpx-long | httpx
# LONG
import httpx
httpx.post("CLOSED/token", data={"grant_type": "client_credentials", "client_secret": "@@tok@@"})

### httpx-bearer | httpx
import httpx
answer = httpx.get("SERVER/401/user", headers={"Authorization": "Bearer @@gh@@"})
say(answer.request.headers)
say(dict(answer.request.headers))
say(answer.request.headers.raw)
answer.raise_for_status()

### httpx-query | httpx
# DEBUG
import httpx
answer = httpx.get("SERVER/401/v1/data", params={"api_key": "@@tok@@", "page": 2})
say(answer.request)
say(answer.url)
answer.raise_for_status()

### httpx-url | httpx
import httpx
say(httpx.URL("https://bob:@@url@@@api.internal/v1"))
say(repr(httpx.URL("https://bob:@@url@@@api.internal/v1").userinfo))
httpx.get("https://bob:@@url@@@api.internal:port/v1")

### httpx-client | httpx
import httpx
client = httpx.Client(auth=httpx.BasicAuth("bob", "@@pw@@"), headers={"X-API-Key": "@@tok@@"},
                      cookies={"session": "@@hex@@"}, base_url="CLOSED")
say(client.headers)
say(client.cookies)
say(vars(client.auth))
client.get("/me")

### httpx-proxy | httpx
import httpx
say(httpx.Proxy("http://bob:@@url@@@proxy.corp:3128").raw_auth)
httpx.get("https://api.internal", proxy="ftp://bob:@@url@@@proxy.corp:3128")

### httpx-header-bad | httpx
import httpx
httpx.get("SERVER", headers={"Authorization": "Bearer @@tok@@\n"})

### httpx-header-type | httpx
import httpx
httpx.get("SERVER", headers={"X-Auth-Token": ("@@tok@@", 1)})

### httpx-header-unicode | httpx
import httpx
httpx.get("SERVER", headers={"X-Auth-Token": "@@tok@@\u20ac"})

### httpx-echo | httpx
import httpx
answer = httpx.post("SERVER/echo", json={"username": "bob", "password": "@@pw@@"}, auth=("app", "@@url@@"))
say(answer.text)
say(answer.json()["headers"])
answer.raise_for_status()
### httpx-redirect | httpx
# DEBUG
import httpx
client = httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(302, headers={
    "Location": "https://app.internal/cb?code=@@dash@@&state=x#access_token=@@tok@@"}, request=request)))
answer = client.get("https://login.internal/authorize")
say(answer.headers)
say(f"redirected to {answer.headers['location']}")
answer.raise_for_status()

### httpx-set-cookie | httpx
import httpx
answer = httpx.Response(200, headers={"Set-Cookie": "sessionid=@@tok@@; HttpOnly; Path=/; Secure"})
say(answer.headers)
say("\n".join(f"{k}: {v}" for k, v in answer.headers.items()))

### httpcore-request | httpcore
import httpcore
request = httpcore.Request("GET", "SERVER/", headers={"Authorization": "Basic " + b64("bob:@@pw@@")})
say(request.headers)
httpcore.request("GET", "CLOSED/", headers={"Authorization": "Basic " + b64("bob:@@pw@@"), "X": "@@tok@@"})

### requests-url | requests
import requests
requests.get("CLOSED/v1/items?api_key=@@tok@@&page=1")

### requests-missing-schema | requests
import requests
requests.get("api.internal/v1?access_token=@@tok@@")

### requests-invalid-url | requests
import requests
requests.get("https://bob:@@url@@@:8443x/v1")

### requests-scheme | requests
import requests
requests.get("postgres://app:@@url@@@db.internal/prod")

### requests-header | requests
import requests
requests.get("SERVER", headers={"Authorization": "Bearer @@tok@@\n"})

### requests-header-type | requests
import requests
requests.get("SERVER", headers={"X-Token": ["@@tok@@"]})

### requests-status | requests
# DEBUG
import requests
answer = requests.get("SERVER/401/repos", params={"private_token": "@@pat@@"}, auth=("bob", "@@pw@@"))
say(answer.request.headers)
say(answer.url)
answer.raise_for_status()

### requests-proxy | requests
import requests
requests.get("http://api.internal", proxies={"http": "http://bob:@@url@@@127.0.0.1:PORT"}, timeout=1)

### requests-post | requests
import requests
requests.post("CLOSED/login", json={"user": "bob", "password": "@@pw@@"}, timeout=(1, 1))

### requests-prepared | requests
import requests
prepared = requests.Request("POST", "https://api.internal/oauth/token",
                            data={"grant_type": "password", "username": "bob", "password": "@@pw@@"}).prepare()
say(prepared.body)
say(f"{prepared.method} {prepared.url}\n" + "\n".join(f"{k}: {v}" for k, v in prepared.headers.items())
    + f"\n\n{prepared.body}")

### requests-session | requests
import requests
session = requests.Session()
session.auth = ("bob", "@@pw@@")
session.headers["X-Shopify-Access-Token"] = "@@hex@@"
session.cookies.set("JSESSIONID", "@@tok@@")
say({"auth": session.auth, "headers": session.headers, "cookies": session.cookies})
say(session.cookies)
session.get("CLOSED/")

### requests-digest | requests
from requests.auth import HTTPDigestAuth, HTTPBasicAuth, HTTPProxyAuth, _basic_auth_str
say({k: v for k, v in vars(HTTPDigestAuth("bob", "@@pw@@")).items() if k in ("username", "password")})
say(_basic_auth_str("bob", "@@pw@@"))
_basic_auth_str("bob", ("@@pw@@",)).x

### requests-oauth | requests-oauthlib
import os
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
from requests_oauthlib import OAuth2Session
session = OAuth2Session("my-client", token={"access_token": "@@tok@@", "token_type": "Bearer", "expires_in": 3600})
say(session.token)
session.fetch_token("SERVER/401", client_secret="@@hex@@", code="@@dash@@")

### oauthlib-debug | oauthlib
# DEBUG
import logging
logging.getLogger("requests_oauthlib").setLevel(10)
import os
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
from requests_oauthlib import OAuth2Session
from oauthlib.oauth2 import LegacyApplicationClient
session = OAuth2Session(client=LegacyApplicationClient("my-client"))
session.fetch_token("SERVER/echo", username="bob", password="@@pw@@", client_secret="@@hex@@")

### urllib3-debug | urllib3
# DEBUG
import urllib3
http = urllib3.PoolManager(retries=0)
http.request("GET", "SERVER/400?token=@@tok@@")
http.request("GET", "CLOSED/hook/@@tok2@@?token=@@tok@@")

### urllib3-retry | urllib3
# DEBUG
import urllib3
http = urllib3.PoolManager(retries=urllib3.Retry(2, backoff_factor=0))
http.request("GET", "CLOSED/v1?signature=@@tok@@", headers={"X-Api-Key": "@@hex@@"})

### urllib3-location | urllib3
import urllib3
urllib3.PoolManager().request("GET", "http://bob:@@url@@@[::1/")

### urllib3-headers | urllib3
import urllib3
say(urllib3.make_headers(basic_auth="bob:@@pw@@", proxy_basic_auth="app:@@url@@"))
say(urllib3.HTTPHeaderDict({"Authorization": "Token @@hex@@", "Accept": "*/*"}))
say(urllib3.util.parse_url("https://bob:@@url@@@api.internal:8443/v1?x=1"))
say(repr(urllib3.util.parse_url("https://bob:@@url@@@api.internal:8443/v1?x=1")))
urllib3.make_headers(basic_auth=["bob:@@pw@@"])

### urllib-error | urllib
import urllib.request
urllib.request.urlopen(urllib.request.Request("SERVER/401", headers={"Authorization": "token @@gh@@"}))

### urllib-unknown | urllib
import urllib.request
urllib.request.urlopen("secret://app:@@url@@@x")

### urllib-parts | urllib
from urllib.parse import urlsplit, urlencode
say(urlsplit("mysql://app:@@url@@@db:3306/prod"))
say(urlencode({"grant_type": "refresh_token", "refresh_token": "@@tok@@", "client_secret": "@@pw@@"}))
urlsplit("https://app:@@url@@@db:99999999/x").port
### urllib-port | urllib
from urllib.parse import urlsplit
say(urlsplit("https://app:@@url@@@db:99x/x"))
urlsplit("https://app:@@url@@@[db/x")
### http-client | http.client
import http.client, io, contextlib
out = io.StringIO()
with contextlib.redirect_stdout(out):
    connection = http.client.HTTPConnection("SERVER".removeprefix("http://"))
    connection.set_debuglevel(1)
    connection.request("POST", "/echo", body="password=@@tok@@", headers={"Authorization": "Bearer @@tok2@@"})
    connection.getresponse()
for line in out.getvalue().splitlines():
    say(line)
connection.request("GET", "/x y?token=@@tok@@")

### aiohttp-url | aiohttp
import asyncio, aiohttp
say(aiohttp.BasicAuth("bob", "@@pw@@"))
say(aiohttp.BasicAuth("bob", "@@pw@@").encode())
async def main():
    async with aiohttp.ClientSession() as session:
        await session.get("https://bob:@@url@@@api.internal:x/")
asyncio.run(main())

### aiohttp-status | aiohttp
import asyncio, aiohttp
async def main():
    async with aiohttp.ClientSession(headers={"PRIVATE-TOKEN": "@@pat@@"}) as session:
        async with session.get("SERVER/401?key=@@tok@@") as answer:
            say(answer.request_info)
            say(answer)
            answer.raise_for_status()
asyncio.run(main())

### yarl-url | yarl
from yarl import URL
say(repr(URL("amqp://app:@@url@@@mq.internal:5672/%2F")))
URL.build(scheme="amqp", host="mq:5672", user="app", password="@@pw@@", port="x")

### kubernetes-config | kubernetes
from kubernetes import client
config = client.Configuration(host="CLOSED", api_key={"authorization": "Bearer @@jwt@@"}, username="bob",
                              password="@@pw@@")
say({"host": config.host, "api_key": config.api_key, "password": config.password})
say(config.get_basic_auth_token())
say(config.auth_settings())

### kubernetes-secret | kubernetes
from kubernetes import client
made = client.V1Secret(metadata=client.V1ObjectMeta(name="db"), string_data={"password": "@@pw@@"},
                       data={"token": b64("@@tok@@")})
say(made)
say(client.ApiClient(client.Configuration()).sanitize_for_serialization(made))
say(client.V1EnvVar(name="DB_PASSWORD", value="@@pw@@"))
say([e.to_dict() for e in [client.V1EnvVar(name="STRIPE_API_KEY", value="@@tok@@")]])
client.V1Secret(type="Opaque", stringData={"password": "@@pw@@"})

### kubernetes-debug | kubernetes
# DEBUG
from kubernetes import client
config = client.Configuration(host="SERVER/403")
config.api_key = {"authorization": "Bearer @@jwt@@"}
config.verify_ssl = False
api = client.CoreV1Api(client.ApiClient(config))
api.create_namespaced_secret("prod", {"metadata": {"name": "db"}, "stringData": {"password": "@@pw@@"}})

### kubeconfig | kubernetes
import yaml
say(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", "users": [
    {"name": "bob", "user": {"token": "@@jwt@@"}},
    {"name": "admin", "user": {"client-key-data": b64("@@line@@"), "client-certificate-data": "TFM="}}]}))
say("kubectl config set-credentials bob --token=@@jwt@@")
say("kubectl create secret generic db --from-literal=password=@@pw@@ -n prod")
say("curl: (22) The requested URL returned error: 403 (-H 'Authorization: Bearer @@jwt@@' SERVER/api)")

### docker-login | docker
# DEBUG
import docker.auth
say(docker.auth.encode_header({"username": "bob", "password": "@@pw@@"}).decode())
say(docker.auth.AuthConfig({"ghcr.io": {"username": "bob", "password": "@@gh@@"}}))
docker.auth.AuthConfig.parse_auth({"ghcr.io": {"auth": b64("bob:@@gh@@"), "email": None}})
docker.auth.load_config(None, {"auths": {"ghcr.io": "@@gh@@"}})

### docker-config | docker config
import json
say(json.dumps({"auths": {"https://index.docker.io/v1/": {"auth": b64("bob:@@pw@@")}}}, indent="\t"))
say(json.dumps({"auths": {"quay.io": {"identitytoken": "@@tok@@"}, "ghcr.io": {"registrytoken": "@@tok2@@"}}}))
say("docker login -u bob -p @@pw@@ registry.internal")
say("docker run -e POSTGRES_PASSWORD=@@pw@@ -p 5432:5432 postgres:16")
say("docker build --build-arg NPM_TOKEN=@@tok@@ --secret id=x,src=x .")
say("Step 4/9 : ENV API_TOKEN=@@tok@@\n ---> Running in 1f2e3d4c5b6a")
say("      \"Env\": [\n        \"PATH=/usr/bin\",\n        \"REDIS_PASSWORD=@@pw@@\"\n      ],")

### pyjwt-errors | pyjwt
import jwt
token = jwt.encode({"sub": "bob"}, "@@tok@@", algorithm="HS256")
say("verifying with key='@@tok@@' and algorithms=['HS256']")
jwt.decode(token, "@@tok2@@", algorithms=["HS256"])

### pyjwt-garbled | pyjwt
import jwt
jwt.decode("@@jwt@@", "@@tok@@", algorithms=["HS256"])

### pyjwt-type | pyjwt
import jwt
jwt.encode({"sub": "bob"}, {"k": "@@tok@@"}, algorithm="HS256")

### cryptography-fernet | cryptography
from cryptography.fernet import Fernet
Fernet("@@tok@@")

### cryptography-pem | cryptography
from cryptography.hazmat.primitives.serialization import load_pem_private_key
key = b"~~~~~BEGIN RSA PRIVATE KEY~~~~~\n@@line@@\n@@line2@@\n~~~~~END RSA PRIVATE KEY~~~~~\n"
load_pem_private_key(b"~~~~~BEGIN RSA PRIVATE KEY~~~~~\n@@line@@\n~~~~~END RSA PRIVATE KEY~~~~~\n", b"@@pw@@")

### pem-blocks | pem
for kind in ("PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "PGP PRIVATE KEY BLOCK"):
    say(f"could not load key:\n~~~~~BEGIN {kind}~~~~~\n@@line@@\n@@line2@@\n@@line3@@\n~~~~~END {kind}~~~~~")
say({"key": "~~~~~BEGIN EC PRIVATE KEY~~~~~\n@@line@@\n@@line2@@\n~~~~~END EC PRIVATE KEY~~~~~\n"})
say("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nPrivate-Lines: 1\n@@line@@\nPrivate-MAC: @@hex@@")

### paramiko-connect | paramiko
import paramiko
client = paramiko.SSHClient()
client.connect("127.0.0.1", port=PORT, username="bob", password="@@pw@@", look_for_keys=False)

### paramiko-key | paramiko
import io, paramiko
paramiko.RSAKey.from_private_key(io.StringIO("~~~~~BEGIN RSA PRIVATE KEY~~~~~\n@@line@@\n"), password="@@pw@@")

### smtplib-debug | smtplib
import smtplib
server = smtplib.SMTP()
server.login("bob", "@@pw@@")

### smtplib-lines | smtplib
say("send: 'AUTH LOGIN Ym9i\\r\\n'\nsend: '" + b64("@@pw@@") + "\\r\\n'")
say("smtp://bob:@@url@@@mail.internal:587/?tls=true")
say("ftplib: *cmd* 'PASS @@pw@@'\n*resp* '530 Login incorrect.'")
say("imaplib:   01:02.03 > b'ABCD1 LOGIN bob \"@@pw@@\"'")
"""
