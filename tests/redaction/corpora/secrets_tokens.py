"""Tokens with a published prefix, alone in a sentence as a client prints it.

The shapes are those that the services publish, or that the rules of Gitleaks give: `{A36}` is 36 letters and digits,
see `kit.ALPHABETS`; `<...>` is the secret part of a URL, `UUID` one of those. No line holds a
token: what follows the prefix is drawn at run time.
"""

from __future__ import annotations

import re

import kit

# A service, the shape of its token, and a line in which `@` stands for the token.
TABLE = r"""
github|ghp_{A36}|fatal: the personal access token @ has expired, generate a new one
github-oauth|gho_{A36}|gh: Logged in to github.com account octo (keyring), active account: true, - Token: @
github-user|ghu_{A36}|copilot: exchanged device code, got @ (expires in 28800 s)
github-server|ghs_{A36}|##[debug]Evaluating github.token => '@'
github-refresh|ghr_{A36}|refreshing with @ failed: bad_refresh_token
github-fine|github_pat_{A22}_{A59}|Resource not accessible by personal access token @ (HTTP 403)
gitlab|glpat-{w20}|remote: HTTP Basic: Access denied for @. If you signed in with OAuth, use a token.
gitlab-routable|glpat-{w27}.01.{a9}|401 Unauthorized: glab api call with @
gitlab-trigger|glptt-{h40}|Trigger @ is not valid for this project
gitlab-runner|glrt-{w20}|ERROR: Verifying runner... is removed                   runner=@
gitlab-job|glcbt-64_{w20}|Cloning with job token @ into /builds/team/repo
gitlab-deploy|gldt-{w20}|unauthorized: deploy token @ was revoked on 2025-01-02
gitlab-agent|glagent-{w50}|agentk: connecting to wss://kas.gitlab.com as @
gitlab-feed|glft-{w20}|GET /dashboard/projects.atom?feed_token=@ 401
gitlab-scim|glsoat-{w20}|SCIM sync refused for @
gitlab-oauth|gloas-{w64}|invalid_client: the client authentication of @ failed
gitlab-mail|glimt-{w25}|no project accepts mail for @
gitlab-registration|GR1348941{w20}|PANIC: Failed to register the runner with @
slack-bot|xoxb-{d12}-{d13}-{A24}|slack_sdk.errors.SlackApiError: invalid_auth for @
slack-user|xoxp-{d12}-{d12}-{d13}-{h32}|The server responded with: {'ok': False, 'error': 'token_revoked'} (@)
slack-app|xapp-1-A{U10}-{d13}-{h64}|socket mode: apps.connections.open with @ answered not_allowed_token_type
slack-config|xoxe.xoxp-1-{U166}|tooling.tokens.rotate: expired configuration token @
slack-refresh|xoxe-1-{U146}|rotate with @ gave invalid_refresh_token
slack-webhook|https://hooks.slack.com/services/T{U10}/B{U10}/<{A24}>|HTTPError: 404 Client Error: Not Found for url: @
slack-workflow|https://hooks.slack.com/workflows/T{U10}/A{U10}/{d12}/<{A24}>|notify: POST @ -> 400 invalid_input
stripe|sk_live_{A24}|stripe.error.AuthenticationError: Invalid API Key provided: @
stripe-test|sk_test_{A99}|This API call cannot be made with a test key (@), use a live one
stripe-restricted|rk_live_{A24}|The provided key '@' does not have the required permissions for this endpoint
stripe-webhook|whsec_{A32}|> Ready! Your webhook signing secret is @ (^C to quit)
sendgrid|SG.{w22}.{w43}|python_http_client.exceptions.UnauthorizedError: HTTP Error 401 ... @
npm|npm_{A36}|npm ERR! 403 Forbidden - PUT https://registry.npmjs.org/app - @ may not publish
pypi|pypi-AgEIcHlwaS5vcmc{w150}|twine: uploading as __token__ with @
databricks|dapi{h32}|Error: default auth: pat: host=https://dbc-1.cloud.databricks.com, got @
databricks-numbered|dapi{h32}-2|databricks-cli: token @ is about to expire
digitalocean|dop_v1_{h64}|Error: Unable to use supplied token @ to access API: 401
digitalocean-oauth|doo_v1_{h64}|doctl: OAuth application token @ lacks scope registry:read
digitalocean-refresh|dor_v1_{h64}|refresh token @ has been used already
doppler|dp.pt.{A43}|Doppler Error: Invalid Auth token @
doppler-service|dp.st.prd.{A43}|Using DOPPLER_TOKEN from the environment: @
doppler-cli|dp.ct.{A43}|doppler configure get token --plain printed @ here
grafana|glsa_{A32}_{h8}|grafana-sync: service account @ is disabled
grafana-cloud|glc_{b120}|alloy: remote_write to prometheus-prod-01 rejected @ with 401
vault-service|hvs.{w95}|Success! You are now authenticated. The token information: @ (renewable)
vault-batch|hvb.{w140}|* batch tokens cannot be renewed: @
vault-recovery|hvr.{w95}|recovery operation needs a recovery token, got @
vault-old|s.{A24}|vault: lookup of s-token @ returned 403
terraform|{A14}.atlasv1.{w67}|Error: Required token could not be used: app.terraform.io refused @
heroku|HRKU-AA{w58}|heroku: Invalid credentials provided, @ was revoked
hubspot|pat-na1-UUID|hubspot.crm.contacts.exceptions.UnauthorizedException: (401) for @
hubspot-eu|pat-eu1-UUID|private app @ has no scope crm.objects.deals.read
linear|lin_api_{A40}|AuthenticationLinearError: Authentication required, not authenticated with @
linear-oauth|lin_oauth_{h64}|linear: OAuth session @ ended
newrelic|NRAK-{U27}|newrelic: user key @ is not of account 1234567
newrelic-browser|NRJS-{h19}|window.NREUM||(NREUM={});NREUM.info={licenseKey:"@",applicationID:"1"}
newrelic-insert|NRII-{A32}|Insights insert with @: 403 Forbidden
notion|ntn_{d11}{A35}|notion_client.errors.APIResponseError: API token is invalid. (@)
notion-old|secret_{A43}|notion: integration @ is not shared with this page
planetscale|pscale_tkn_{w43}|Error: service token @ does not have access to database prod
planetscale-password|pscale_pw_{w43}|Access denied for user 'x'@'10.0.0.1' with pscale password: @
planetscale-oauth|pscale_oauth_{w43}|pscale auth check: @ is valid
postman|PMAK-{h24}-{h34}|newman: could not load collection, Invalid API Key: @
prefect|pnu_{A36}|Unable to authenticate with Prefect Cloud: invalid key @
prefect-bot|pnb_{A36}|Worker 'k8s' uses the key of a service account, @, which has expired
pulumi|pul-{h40}|error: problem logging in: Invalid access token @
rubygems|rubygems_{h48}|Pushing gem to https://rubygems.org... Access Denied for @
shopify|shpat_{h32}|[API] Invalid API key or access token (unrecognized login or wrong password): @
shopify-custom|shpca_{h32}|shopify custom app @ uninstalled
shopify-private|shppa_{h32}|Deprecated: private app password @ should be migrated
shopify-secret|shpss_{h32}|HMAC validation failed with @
square|sq0atp-{w22}|square.core.api_error.ApiError: UNAUTHORIZED AUTHENTICATION_ERROR @
square-secret|sq0csp-{w43}|oauth2/token: application secret @ is wrong
square-new|EAAA{w60}|square: using @ against connect.squareup.com
supabase|sbp_{h40}|Invalid access token format. Must be like `sbp_0102...1920`, got @
supabase-secret|sb_secret_{w22}_{w8}|supabase: the new-style key @ is not a JWT
tailscale|tskey-auth-k{A10}CNTRL-{A32}|backend error: invalid key: API key @ not valid
tailscale-api|tskey-api-k{A10}CNTRL-{A32}|tailscale acl push: unauthorized @
tailscale-client|tskey-client-k{A10}CNTRL-{A32}|operator: could not mint auth key with @
typeform|tfp_{A44}_{A14}|typeform: AUTHENTICATION_FAILED for @
twilio|SK{h32}|HTTP 401 error: Unable to create record: Authenticate with API key @
telegram|{d10}:AA{w33}|telegram.error.InvalidToken: The token `@` was rejected by the server.
telegram-url|bot<{d10}:AA{w33}>|HTTP Request: POST https://api.telegram.org/@/getMe "HTTP/1.1 401 Unauthorized"
airtable|pat{A14}.{h64}|airtable: INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND with @
figma|figd_{w40}|{"status":403,"err":"Invalid token @"}
fly|fm2_{b160}|flyctl: unauthorized, discharge of FlyV1 @ failed
fly-old|fo1_{w43}|Error: failed to fetch an image or build: token @ is not for this org
huggingface|hf_{l34}|huggingface_hub.errors.HfHubHTTPError: 401 Client Error. Invalid user token @
huggingface-org|api_org_{l34}|The organisation token @ is deprecated.
groq|gsk_{A52}|groq.AuthenticationError: Error code: 401 - Invalid API Key @
perplexity|pplx-{A48}|pplx client: no credits left on @
sentry-user|sntryu_{h64}|sentry-cli: error: API request failed with @ (http status: 401)
sonarqube|squ_{h40}|ERROR: Not authorized. Analyzing this project requires @ to be valid
sonarqube-project|sqp_{h40}|INFO: sonar-scanner runs with -Dsonar.token=@
sonarqube-global|sqa_{h40}|You're not authorized to analyze with the global token @.
vercel|vcp_{A56}|Error: The specified token is not valid: @
vercel-old|{A24}|vercel deploy --token @ --prod
netlify|nfp_{A36}|JSONHTTPError: Unauthorized; netlify-cli used @
mailgun|key-{h32}|mailgun: 401 Forbidden for api:@
dynatrace|dt0c01.{U24}.{U64}|Token Authentication failed: @ is missing scope metrics.ingest
dynatrace-oauth|dt0s02.{U8}.{U64}|sso.dynatrace.com refused @
contentful|CFPAT-{w43}|AccessTokenInvalid: The access token you sent could not be found: @
buildkite|bkua_{h40}|buildkite-agent: POST https://api.buildkite.com/v2: 401 (@)
age|AGE-SECRET-KEY-1{B58}|sops: failed to decrypt with identity @: no identity matched
alibaba|LTAI{A20}|InvalidAccessKeyId.NotFound: Specified access key @ is not found.
easypost|EZAK{A54}|easypost.errors.api.unauthorized_error.UnauthorizedError: @
easypost-test|EZTK{A54}|easypost: a test key (@) cannot buy postage
frameio|fio-u-{w64}|frameio: 401 with developer token @
infracost|ico-{A32}|Error: Invalid API Key @. To get a new one, run infracost auth login
sendinblue|xkeysib-{h64}-{A16}|sib_api_v3_sdk.rest.ApiException: (401) Key not found: @
shippo|shippo_live_{h40}|shippo.error.AuthenticationError: Invalid token @
shippo-test|shippo_test_{h40}|Authorization: ShippoToken @
artifactory|AKCp{A69}|jf rt ping: Artifactory response: 401 for @
artifactory-reference|cmVmd{A59}|reference token @ could not be resolved
circleci|CCIPAT_{A22}_{h40}|Error: circleci: Your token is invalid, @
circleci-project|CCIPRJ_{A22}_{h40}|project token @ has no admin scope
clojars|CLOJARS_{h60}|lein deploy: Could not transfer artifact, 401 Unauthorized for @
sourcegraph|sgp_{h16}_{h40}|error: 401 Unauthorized, src-cli sent @
sourcegraph-local|sgp_local_{h40}|src login: @ belongs to another instance
octopus|API-{U26}|octo: The API key @ was not accepted by the Octopus Server
openshift|sha256~{w43}|error: The token provided is invalid or expired. oc login --token=@
yandex-iam|t1.{w48}.{w86}|yc: rpc error: code = Unauthenticated desc = The token is invalid: @
yandex-key|AQVN{w36}|speechkit: Unknown api key '@'
yandex-aws|YC{w38}|ydb-s3: SignatureDoesNotMatch, the secret was @
yandex-oauth|y0_{w55}|yandex disk: 401 with OAuth @
adafruit|aio_{A28}|Adafruit IO Request failed: 401 Unauthorized - invalid key @
readme|rdme_{a70}|rdme: We couldn't find your API key @
flutterwave|FLWSECK_TEST-{g12}|flutterwave encryption with @ failed: bad key size
flutterwave-secret|FLWSECK_TEST-{h32}-X|rave: Invalid secret key passed, got @
openai|sk-{A20}T3BlbkFJ{A20}|openai.AuthenticationError: Error code: 401 - Incorrect API key provided: @.
openai-project|sk-proj-{w74}T3BlbkFJ{w74}|project key @ exceeded its quota
openai-service|sk-svcacct-{w58}T3BlbkFJ{w58}|service account @ was deleted
anthropic|sk-ant-api03-{w93}AA|anthropic.AuthenticationError: invalid x-api-key @
anthropic-admin|sk-ant-admin01-{w93}AA|GET /v1/organizations/users with @ -> 403
openrouter|sk-or-v1-{h64}|openrouter: No auth credentials found for @
google-api|AIza{w35}|API key not valid. Please pass a valid API key. [key: @]
google-client|GOCSPX-{w28}|invalid_client: the OAuth client secret @ is disabled
google-access|ya29.{w120}|Request had invalid authentication credentials: @
google-refresh|1//0{w60}|Token has been expired or revoked: @
azure-client|{A3}8Q~{w34}|AADSTS7000222: the provided client secret @ is expired
atlassian|ATATT3xFfGF0{w180}|jira: Basic authentication with passwords is deprecated, sent @
atlassian-access|ATCTT3xFfGN0{w180}|Repository access token @ of bitbucket expired
bitbucket|ATBB{A32}|remote: Invalid credentials; app password @
docker|dckr_pat_{w27}|Error response from daemon: unauthorized: incorrect token @
docker-org|dckr_oat_{w32}|docker login with the organisation token @ succeeded
discord|M{w23}.{w6}.{w38}|discord.errors.LoginFailure: Improper token has been passed: @
discord-webhook|https://discord.com/api/webhooks/{d19}/<{w68}>|discord.NotFound: (error code: 10015): Unknown Webhook @
facebook|EAAC{A160}|(#190) Error validating access token: session has expired @
duffel|duffel_live_{w43}|duffel_api.http_client: invalid_authorization_header @
dropbox|sl.{w135}|dropbox.exceptions.AuthError: AuthError('expired_access_token') for @
plaid|access-production-UUID|plaid: ITEM_LOGIN_REQUIRED for @
launchdarkly|sdk-UUID|Received error 401 (invalid SDK key @) for stream connection
harness|pat.{w22}.{A24}.{A20}|harness: Token is not valid, @
settlemint|sm_pat_{A16}|settlemint: unauthorised @
replicate|r8_{A37}|replicate.exceptions.ReplicateError: You did not pass a valid token: @
xai|xai-{A80}|xai: Incorrect API key provided: @
langsmith|lsv2_pt_{h32}_{h10}|langsmith.utils.LangSmithAuthError: Authentication failed for /runs with @
tavily|tvly-{A32}|tavily.errors.InvalidAPIKeyError: Unauthorized: @
resend|re_{A8}_{A24}|resend.exceptions.InvalidApiKeyError: API key is invalid: @
posthog|phx_{A43}|posthog: Personal API key @ found in query string is invalid
neon|napi_{a64}|neonctl: ERROR: authentication failed for @
render|rnd_{A32}|render: received response code 401 for @
nuget|oy2{a43}|dotnet nuget push -k @ : 403 (The specified API key is invalid)
crates|cio{A32}|error: failed to publish to registry at crates.io: 403 for @
razorpay|rzp_live_{A14}|razorpay.errors.BadRequestError: Authentication failed: @
okta|00{w40}|okta: E0000011 Invalid token provided: SSWS @
maxmind|{A6}_{A29}_mmk|geoipupdate: Invalid license key @
bedrock|ABSK{b112}|bedrock: long-term key @ is not allowed by policy
cloudflare-ca|v1.0-{h24}-{h146}|cloudflare: origin CA key @ was rejected
clickhouse|4b1d{A38}|clickhouse cloud: key secret @ mismatch
adobe|p8e-{A32}|adobe ims: invalid_client @
scalingo|tk-us-{w48}|scalingo: unable to exchange @
intra42|s-s4t2ud-{h64}|42 intra: client authentication failed, @
endor|endr+{w16}|endorctl: token @ unknown
authress|sc_{a12}.{a5}.acc-{a16}.{w60}|authress: access key @ is not active
onepassword-key|A3-{U6}-{U6}-{U5}-{U5}-{U5}-{U5}|op: account add: wrong Secret Key @
teams|https://acme.webhook.office.com/webhookb2/UUID@UUID/IncomingWebhook/<{h32}>/UUID|TeamsWebhookException: 410 for @
zapier|https://hooks.zapier.com/hooks/catch/{d7}/<{a19}>/|Zap hook @ answered success
databricks-secret|dose{h32}|databricks: service principal secret @ is invalid
snowflake|ver:1-hint:{d10}-ETMsDgAAA{b90}|snowflake.connector.errors.DatabaseError: 390195: session token @ expired
asana|1/{d16}:{h32}|asana.rest.ApiException: (401) Not Authorized: @
mapbox|sk.eyJ1IjoiYWNtZSIsImEiOiJ{A60}.{w22}|mapbox: {"message":"Not Authorized - Invalid Token"} @
pinecone|pcsk_{A6}_{A63}|pinecone: (401) Invalid API Key @
elevenlabs|sk_{h48}|elevenlabs: quota_exceeded on @
langfuse|sk-lf-UUID|langfuse: Invalid credentials. Confirm that @ is of this project
wandb|wandb_v1_{w77}|wandb: ERROR API key @ is not recognised
clerk|sk_live_{A50}|clerk: The provided Clerk Secret Key @ is invalid
stackhawk|hawk.{w20}.{w20}|stackhawk: @ not authorised to scan
rapyd|rsk_{h48}|gateway: secret key @ has been rolled
jwt-sentry|@sentry|sentry-cli: token embeds organisation acme: @
jwt-onepassword|@op|[ERROR] 2025/01/02 03:04:05 error initializing client: Validation: invalid service account token @
jwt-grafana|@grafana|grafana: Invalid API key @
jwt-plain|@jwt|Could not verify @: signature has expired
jwt-kubernetes|@k8s|Unable to authenticate the request: square/go-jose: error in cryptographic primitive, @
"""


def _special(kind: str) -> str:
    """Return a token that embeds JSON in Base64."""
    if kind == "@sentry":
        claims = '{"iat":1714000000.123456,"url":"https://sentry.io","region_url":"https://us.sentry.io","org":"acme"}'
        return f"sntrys_{kit.b64(claims)}_{kit.fill('{b43}', kind)}"
    if kind == "@op":
        rest = kit.fill(
            '"email":"a1@1passwordserviceaccounts.com","muk":{"k":"{A43}"},"srpX":"{h64}","s":"{A60}"', kind
        )
        return "ops_" + kit.b64('{"signInAddress":"acme.1password.com","userAuth":{"method":"SRPg-4096"},' + rest + "}")
    if kind == "@grafana":
        return kit.b64(kit.fill('{"k":"{A32}","n":"ci","id":1}', kind))
    if kind == "@k8s":
        head = kit.b64('{"alg":"RS256","kid":"' + kit.fill("{w43}", "kid") + '"}').rstrip("=")
        claims = kit.b64('{"iss":"kubernetes/serviceaccount","sub":"system:serviceaccount:prod:flow"}').rstrip("=")
        return f"{head}.{claims}.{kit.fill('{w342}', kind)}"
    return kit.canary("jwt", "bare")


def texts() -> list[tuple[str, str, str, str]]:
    """Return slug, name, text and token of each service."""
    found = []
    for line in TABLE.strip().splitlines():
        service, shape, sentence = line.split("|", 2)
        token = (
            _special(shape)
            if shape.startswith("@")
            else kit.fill(shape.replace("UUID", "{h8}-{h4}-{h4}-{h4}-{h12}"), service)
        )
        # `'x'@'10.0.0.1'` is an address: only an `@` that is not between quotes stands for the token.
        text = sentence.replace("'@'1", "'\0'1").replace("@", token).replace("\0", "@")
        secret = re.search("<(.*)>", token)
        text = re.sub("<(.*)>", r"\1", text) if secret else text
        found.append(
            (f"token-{service}", f"token of {service.partition('-')[0]}", text, secret[1] if secret else token)
        )
    return found
