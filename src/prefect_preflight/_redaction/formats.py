"""What providers of services give out: tokens that are known by their form, as the providers publish it.

Rows as in `shapes`.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False  # typing costs more to import than this module
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FORMATS", "prefixed"]

_START = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2}))"  # a word's start, also after a URL-encoded character
# An AWS secret key: 40 characters of base64, a capital, a small letter and a digit among them; no git SHA.
_AWS_SECRET = (
    r"(?<![A-Za-z0-9+/])(?=[^A-Z]{0,39}[A-Z])(?=[^a-z]{0,39}[a-z])(?=[^0-9]{0,39}[0-9])"
    r"([A-Za-z0-9+/]{40})(?![A-Za-z0-9+/=])"
)
_DISCORD_TEAMS = r"(?:discord(?:app)?\.com/api/webhooks/\d{1,24}|webhook\.office\.com/webhookb2)"

PREFIXES: tuple[str, ...] = (
    *("absk", "access-development-", "access-production-", "access-sandbox-", "access_token$", "agp_"),
    *("aio_", "ak-", "akcp", "akid", "amzn.mws.", "api-", "api_", "api_org_", "apify_api_", "aqe", "aqvn"),
    *("as-", "asat_", "asset_", "atbb", "bb_live_", "bkua_", "bot_", "cal_live_", "ccipat_", "cfpat-"),
    *("cio", "ciopat-", "clojars_", "cloudsmith_", "cmvmd", "contentful_", "csb_v1_", "dbtc_", "dbtu_"),
    *("dckr_oat_", "dg_", "dkea", "dose", "dp.audit.", "dp.ct.", "dp.pt.", "dp.sa.", "dp.scim.", "dp.st."),
    *("dsp_", "dt0c01.", "dt0s01.", "dt0s02.", "duffel_", "e2b_", "eaaa", "eaac", "edg", "eyjrijoi"),
    *("ezak", "eztk", "fbp_", "figd_", "figo_", "figu_", "fio-u-", "flwpubk", "flwseck", "fm1a_", "fm1r_"),
    *("fm2_", "fo1_", "fw_", "ghe_", "gho_", "glffct-", "glrt-", "gltf-", "gnapi_", "gr1348941", "hawk."),
    *("hcaik_", "hcxik_", "hrku-", "hubspot_", "hvo.", "ico-", "ii_", "io.", "jina_", "key_live_"),
    *("key_test_", "lin_oauth_", "live_", "lk_", "lkey_", "ls__", "lsk_", "ltai", "mapi_", "mc5", "mcp_"),
    *("mdb_sa_sk_", "mlflow_", "mlsn.", "napi_", "neon_", "nfc_", "nfo_", "nfp_", "nfu_", "nrii-", "nriq-"),
    *("nrjs-", "nrra-", "ntn_", "nvapi-", "oci_", "ops_eyj", "oy2", "p8e-", "pat-", "pcsk_", "phc_"),
    *("phx_", "pk.eyj", "pk_", "pk_prod_", "plaid-", "pplx-", "prefect_", "pscale_", "pul-", "pypi-"),
    *("railway_", "rdme_", "re_", "render_", "rk_", "rnd_", "rpa_", "rubygems_", "rzp_live_", "rzp_test_"),
    *("s-s4t2", "sb_secret_", "sbp_", "scw", "sdk-", "secret-live-", "secret-test-", "secret_", "ser."),
    *("sgp_", "sgqa_", "sha256~", "shippo_", "sk.eyj", "sk_", "sk_prod_", "sl.", "sl.u.", "sm_aat_"),
    *("sntrys_", "sntryu_", "snyk_", "sq0atp-", "sq0csp-", "sqa_", "sqb_", "sqp_", "squ_", "st.", "svix_"),
    *("sw-", "t1.", "test_", "tfp_", "tgp_v1_", "tk-us-", "tk_live_", "together_", "tok_", "token-"),
    *("tskey-", "tvly-", "v1.0-", "vca_", "vci_", "vcp_", "vercel_", "voyage-", "wandb_v1_", "wpat_"),
    *("xkeysib-", "xsmtpsib-", "xwfp-", "y0_", "y1_", "y2_", "y3_", "ya0_", "ycaj", "zpka_"),
)
"""Prefixes that providers of services publish, so that whoever finds a token knows whose it is; in lower case."""

FORMATS: tuple[tuple[str, tuple[str, ...], str, str], ...] = (
    ("", ("eyj",), rf"{_START}eyJ[\w-]{{10,}}(?:\.[\w-]+){{0,4}}", "any"),  # JWT, or base64 of any JSON object
    ("", ("akia", "asia", "abia", "acca"), r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12,}", "any"),
    ("", ("akia", "asia"), rf"(?:AKIA|ASIA)[^\n]{{0,200}}?{_AWS_SECRET}", "any"),
    ("", ("secret", "key", "token"), rf"(?i:secret|key|token)[^\n]{{0,40}}?{_AWS_SECRET}", "any"),
    ("", ("fwogzxivyxdz", "fqogzxivyxdz", "iqojb3jpz2lu"), r"(?:F[wQ]oGZXIvYXdz|IQoJb3JpZ2lu)[\w+/=%-]+", "any"),
    ("", ("aiza",), r"AIza[\w-]{20,}", "any"),
    ("", ("ya29.",), r"ya29\.[\w.-]{10,}", "any"),
    ("", ("gocspx-",), r"GOCSPX-[\w-]{10,}", "any"),
    ("", ("1//0",), rf"{_START}1//0[\w-]{{20,}}", "any"),
    ("", ("q~",), r"[\w~.-]{3}\dQ~[\w~.-]{31,34}", "any"),
    ("", ("==",), r"(?<![\w+/-])[A-Za-z0-9+/]{86}==", "any"),
    (
        "",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        r"gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{20,}",
        "any",
    ),
    ("", ("gl",), r"gl(?:pat|dt|ptt|rt|cbt|ft|imt|agent|oas|soat)-[\w.-]{16,}|gl(?:sa|c)_[\w=+/-]{20,}", "any"),
    ("", ("xox", "xapp-"), r"(?:xox[a-z](?:\.xox[a-z])?|xapp)-[\w-]{8,}", "any"),
    ("", ("hooks.slack.com",), r"hooks\.slack\.com/(?:services|workflows|triggers)/([^\s\"'<>]+)", "any"),
    ("", ("webhook",), rf"{_DISCORD_TEAMS}/([^\s\"'<>]+)", "any"),
    ("", ("k_live_", "k_test_", "whsec_"), r"(?:[spr]k_(?:live|test)|whsec)_\w{10,}", "any"),
    ("", ("pnu_", "pnb_"), r"pn[ub]_[A-Za-z0-9]{10,}", "any"),
    ("", ("sk-", "xai-"), rf"{_START}(?:sk|xai)-(?=[\w-]{{0,64}}\d)[\w-]{{16,}}", "any"),
    ("", ("sk",), rf"{_START}SK[0-9a-f]{{32}}", "any"),
    ("", ("npm_", "hf_", "gsk_", "r8_"), r"(?:npm|hf|gsk|r8)_[A-Za-z0-9]{20,}", "any"),
    ("", ("pypi-a",), r"pypi-A[\w-]{16,}", "any"),
    ("", ("hvs.", "hvb.", "hvr."), r"hv[sbr]\.[\w-]{16,}", "any"),
    ("", ("s.",), rf"{_START}s\.(?=[A-Za-z]{{0,23}}\d)[A-Za-z0-9]{{24}}(?![\w.])", "any"),
    ("", ("dapi",), r"dapi[0-9a-f]{20,}(?:-\d)?", "any"),
    ("", ("sg.",), rf"{_START}SG\.[\w-]{{16,64}}\.[\w-]{{16,}}", "any"),
    ("", ("key-",), rf"{_START}key-[0-9a-f]{{32}}", "any"),
    ("", ("_v1_",), r"do[opr]_v1_[0-9a-f]{40,}", "any"),
    ("", ("dckr_", "lsv2_", "lin_api_", "sntry"), r"(?:dckr_pat|lsv2_[a-z]{2}|lin_api|sntry[su])_[\w=+/-]{16,}", "any"),
    ("", ("shpat_", "shpca_", "shppa_", "shpss_"), r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{20,}", "any"),
    ("", ("atatt3", "atctt3", "nrak-", "pmak-"), r"AT[AC]TT3[\w=-]{20,}|(?:NRAK|PMAK)-[\w-]{20,}", "any"),
    ("", ("age-secret-key-",), r"AGE-SECRET-KEY-1[A-Z0-9]{20,}", "any"),
    ("", (":aa",), r"(?<!\d)\d{8,10}:AA[\w-]{33}", "any"),
    ("", (".atlasv1.",), r"\w{10,20}\.atlasv1\.[\w=-]{40,}", "any"),
    ("", ("t3blbkfj",), r"sk-[\w-]{10,}T3BlbkFJ[\w-]{10,}", "any"),
    ("", ("-us",), rf"{_START}[0-9a-f]{{32}}-us\d{{1,2}}(?!\d)", "any"),
    ("", ("_mmk",), r"\w{6}_\w{29}_mmk", "any"),
    ("", ("ssws",), r"SSWS \S{20,}", "any"),
    (".", (".",), rf"{_START}[MNO][\w-]{{22,25}}\.[\w-]{{5,8}}\.[\w-]{{27,40}}", "any"),  # Discord's bots
    ("", ("pat",), rf"{_START}pat[A-Za-z0-9]{{14}}\.[0-9a-f]{{40,}}", "any"),
    ("", ("1/",), rf"{_START}1/\d{{12,20}}:[0-9a-f]{{32}}", "any"),
    ("", ("ver:",), r"ver:\d-hint:[\d-]{4,40}[\w+/=-]{30,}", "any"),
)


def prefixed(text: str, lowered: str) -> Iterator[tuple[int, int]]:
    """Yield the start and end of what begins with one of `PREFIXES` and goes on as a token does.

    Not by one pattern of all of them, which would take longer to compile than a small plugin to import.

    Args:
        text: the text.
        lowered: the same in lower case, character by character.
    """
    tail = re.compile(r"[\w.=+/-]{12,512}")
    for prefix in PREFIXES:
        start = lowered.find(prefix)
        while start >= 0:
            begins_a_word = re.match(r"[\w.-]", text[max(start - 1, 0) : start]) is None
            rest = tail.match(text, start + len(prefix)) if begins_a_word else None
            if rest is not None:
                yield start, rest.end()
            start = lowered.find(prefix, rest.end() if rest else start + 1)
