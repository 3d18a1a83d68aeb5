"""Secrets that are known by their own form: the prefix that a provider gives them, and what follows it.

Forms are those that the providers document for secret scanning; each has an anchor, the text that it begins with, which is
looked for first. No pattern repeats a repetition, so none takes more than linear time at an anchor.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from segue.core.redaction.names import is_mixed


def _always(_: str) -> bool:
    return True


class Rule(NamedTuple):
    """One form of a secret."""

    kind: str
    anchor: str
    pattern: re.Pattern[str]
    """Matches from the anchor on; its group 1, or all of it, is the secret."""
    apart: bool = False
    """It does not begin in the middle of a word."""
    fits: Callable[[str], bool] = _always


_W: Final = "[A-Za-z0-9_-]"
_A: Final = "[A-Za-z0-9]"
_HEX: Final = "[0-9a-f]"

_TABLE: Final = (
    # kind, anchors, what follows
    ("anthropic-key", "sk-ant-", _W + "{16,512}"),
    ("openai-key", "sk-proj- sk-svcacct- sk-admin- sk-or-v1-", _W + "{20,512}"),
    ("github-token", "ghp_ gho_ ghu_ ghs_ ghr_", _A + "{36,255}"),
    ("github-token", "github_pat_", "[A-Za-z0-9_]{22,255}"),
    ("gitlab-token", "glpat- gldt- glrt- glptt- glcbt- glimt- glsoat- glagent- gloas-", "[A-Za-z0-9_.=-]{20,300}"),
    ("slack-token", "xoxa- xoxb- xoxe- xoxo- xoxp- xoxr- xoxs- xoxe.xoxp- xoxe.xoxb-", "[A-Za-z0-9-]{10,400}"),
    ("slack-token", "xapp-", r"[0-9]-[A-Za-z0-9-]{20,400}"),
    ("slack-webhook", "hooks.slack.com/services/ hooks.slack.com/workflows/", "[A-Za-z0-9/_+-]{20,200}"),
    ("discord-webhook", "/api/webhooks/", "[0-9]{15,22}/[A-Za-z0-9_-]{50,100}"),
    ("google-oauth", "GOCSPX-", _W + "{20,64}"),
    ("google-oauth", "ya29.", "[A-Za-z0-9_.-]{20,512}"),
    ("stripe-key", "sk_live_ rk_live_ sk_test_ rk_test_ whsec_", "[A-Za-z0-9+/]{16,255}={0,2}"),
    ("npm-token", "npm_", _A + "{36}"),
    ("pypi-token", "pypi-", _W + "{50,1024}"),
    ("huggingface-token", "hf_ api_org_", _A + "{30,64}"),
    ("azure-key", "AccountKey= SharedAccessKey=", "[A-Za-z0-9+/]{40,100}={0,2}"),
    ("sendgrid-key", "SG.", r"[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}"),
    ("digitalocean-token", "dop_v1_ doo_v1_ dor_v1_", _HEX + "{64}"),
    ("shopify-token", "shpat_ shpss_ shpca_ shppa_", "[0-9a-fA-F]{32}"),
    ("vault-token", "hvs. hvb.", _W + "{24,300}"),
    ("linear-key", "lin_api_", _A + "{32,64}"),
    ("notion-token", "ntn_", _A + "{40,60}"),
    ("figma-token", "figd_", _W + "{36,60}"),
    ("age-key", "AGE-SECRET-KEY-1", "[A-Z0-9]{58}"),
    ("groq-key", "gsk_", _A + "{40,64}"),
    ("xai-key", "xai-", _A + "{60,100}"),
    ("docker-token", "dckr_pat_ dckr_oat_", _W + "{20,64}"),
    ("grafana-token", "glsa_ glc_", "[A-Za-z0-9_+/=]{32,200}"),
    ("postman-key", "PMAK-", "[0-9a-f]{24}-[0-9a-f]{34}"),
    ("sentry-token", "sntrys_ sntryu_", "[A-Za-z0-9_+/=]{40,300}"),
    ("atlassian-token", "ATATT3x", "[A-Za-z0-9_=-]{60,300}"),
)  # fmt: skip

RULES: Final = (
    *(Rule(kind, anchor, re.compile(re.escape(anchor) + rest)) for kind, anchors, rest in _TABLE for anchor in anchors.split()),
    Rule("openai-key", "sk-", re.compile(r"sk-[A-Za-z0-9_-]{20,512}"), apart=True, fits=is_mixed),
    *(
        Rule("aws-access-key-id", anchor, re.compile(anchor + r"[A-Z0-9]{" + str(20 - len(anchor)) + r"}(?![A-Za-z0-9])"))
        for anchor in ("AKIA", "ASIA", "ABIA", "ACCA", "A3T")
    ),
    Rule("google-api-key", "AIza", re.compile(r"AIza[A-Za-z0-9_-]{35}"), apart=True),
    Rule("databricks-token", "dapi", re.compile(r"dapi[0-9a-f]{32}(?:-[0-9])?"), apart=True),
    Rule("replicate-token", "r8_", re.compile(r"r8_[A-Za-z0-9]{37}"), apart=True),
    Rule(
        "jwt",
        "eyJ",
        re.compile(r"eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]*+\.[A-Za-z0-9_-]{6,}+(?:\.[A-Za-z0-9_-]++){0,2}"),
    ),
)
"""The forms, the most telling first: where two find the same text, the first one names it."""
