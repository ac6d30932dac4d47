"""Secrets and personal data in a text: what kind and where, never the value.

Patterns are those of the issuers' own formats, each confirmed where a check digit, an address range or the randomness
of the characters allows it. What documentation uses in place of the real thing is left alone: ``example.com``, the
address ranges of RFC 5737 and 3849, numbers that issuers publish for tests, ``your-api-key``, ``<token>``, ``$TOKEN``.
Hashes, UUIDs and version numbers are neither.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Class = Literal["secret", "personal_data"]

RANDOM = 4.3
"""Bits of entropy a character from which a token with capitals, small letters and digits counts as random."""
TOKEN = 32
"""Characters from which such a token counts as a secret without a word that says so."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that should not leave: its class, its kind in plain words, and where it begins and ends."""

    of: Class
    kind: str
    start: int
    end: int


Check = Callable[[re.Match[str]], bool]

_PLACEHOLDER = re.compile(
    r"x{3,}|\*{2,}|\.{3}|…|^[<\[{$%]|\$\{|\{\{|%\w+%|example|sample|dummy|fake|placeholder|redacted|changeme|change_me|your|"
    r"insert|todo|secret_?here|key_?here|token_?here|abcdef|123456|foobar|^(?:my|the)[_-]|^(?:test|pass(?:word|wd)?|pwd|secret|"
    r"token|user(?:name)?|none|null|true|false|admin|root|postgres|guest|hunter2|s3cret)\d{0,4}$",
    re.IGNORECASE,
)


def _real(match: re.Match[str]) -> bool:
    value = match["value"] if "value" in match.re.groupindex else match.group()
    return _PLACEHOLDER.search(value) is None and len(set(value)) > 5


def entropy(text: str) -> float:
    """Give the Shannon entropy of the characters of a text, in bits a character."""
    counts = Counter(text).values()
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts) if text else 0.0


def _looks_random(match: re.Match[str]) -> bool:
    value = match["value"].rstrip("=").strip("_-+/.")
    mixed = all(re.search(kind, value) for kind in (r"[a-z]", r"[A-Z]", r"\d"))
    words = max((len(run) for run in re.findall(r"[a-z]+|[A-Z]+", value)), default=0)
    apart = "=" not in value and value.count("/") <= 2 and words <= 7  # no assignment, no path, no name in words
    return _real(match) and mixed and apart and entropy(value) >= RANDOM


def _assigned(match: re.Match[str]) -> bool:
    value = match["value"]
    mixed = re.search(r"[A-Za-z]", value) and re.search(r"\d", value)
    code = re.fullmatch(r"[A-Z][A-Z0-9_]*|[a-z_]+(?:\.[a-z_]+)+\(?.*|\w+\(.*", value)
    return bool(mixed) and code is None and _real(match) and entropy(value) >= 3.0


_COUNTRIES = (
    "15:NO,16:BE,18:DK FI FO GL NL,19:MK SI,20:AT BA EE KZ LT LU XK,21:CH HR LI LV,22:BG BH CR DE GB GE IE ME RS VA,"
    "23:AE IL TL,24:AD CZ ES MD PK RO SA SE SK TN VG,25:PT,26:IS TR,27:FR GR IT MC SM,28:AL AZ CY DO GT HU LB PL,"
    "29:BR EG PS QA UA,30:JO KW MU,31:MT SC"
)
_GROUPS = (group.partition(":") for group in _COUNTRIES.split(","))
_IBAN_LENGTHS = {code: int(length) for length, _, codes in _GROUPS for code in codes.split()}
"""Length of an IBAN by country, as in the registry of SWIFT."""


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


_CARDS = (
    "4111111111111111 4242424242424242 4012888888881881 4000056655665556 5555555555554444 5105105105105100 "
    "2223003122003222 5200828282828210 378282246310005 371449635398431 6011111111111117 6011000990139424 "
    "30569309025904 38520000023237 3530111333300000 3566002020360505 4222222222222 4000000000000002"
)
_TEST_CARDS = frozenset(_CARDS.split())
_IBANS = (
    "DE89370400440532013000 GB29NWBK60161331926819 GB82WEST12345698765432 GB33BUKB20201555555555 "
    "FR1420041010050500013M02606 NL91ABNA0417164300 CH9300762011623852957 ES9121000418450200051332"
)
_TEST_IBANS = frozenset(_IBANS.split())


def _password(match: re.Match[str]) -> bool:
    return _real(match) and re.fullmatch(r"[a-z]+(?:[_-][a-z]+)+", match["value"]) is None


def _luhn(match: re.Match[str]) -> bool:
    digits = _digits(match.group())
    doubled = (2 * int(d) if at % 2 else int(d) for at, d in enumerate(reversed(digits)))
    sound = sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0
    return sound and digits not in _TEST_CARDS and len(set(digits)) > 3


def _iban(match: re.Match[str]) -> bool:
    value = re.sub(r"\s", "", match.group()).upper()
    if _IBAN_LENGTHS.get(value[:2]) != len(value) or value in _TEST_IBANS:
        return False
    return int("".join(str(int(c, 36)) for c in value[4:] + value[:4])) % 97 == 1


_RESERVED = re.compile(
    r"(?:^|\.)(?:example|test|invalid|localhost|local|domain|yourdomain|company|email|acme)(?:\.\w+)*$"
)
_FILE = re.compile(r"\.(?:png|jpe?g|gif|svg|webp|js|py|md|txt|json|css|html?)$")
_NOBODY = re.compile(
    r"git|noreply|no-reply|user(?:name)?|you|your\.?name|name|someone|me|foo|bar|(?:john|jane|max)\.?(?:doe|mustermann)"
)


def _mailbox(match: re.Match[str]) -> bool:
    user, _, host = match.group().lower().rpartition("@")
    return not (_RESERVED.search(host) or _FILE.search(host) or _NOBODY.fullmatch(user))


def _public_address(match: re.Match[str]) -> bool:
    try:
        address = ipaddress.ip_address(match["value"])
    except ValueError:
        return False
    if not address.is_global or address.is_multicast:
        return False
    if address.version == 6:
        return len(match["value"].split(":")) > 3 and any(c.isdigit() for c in match["value"])
    parts = [int(part) for part in match["value"].split(".")]
    return max(parts) >= 30 and parts not in ([1, 2, 3, 4], [8, 8, 8, 8], [8, 8, 4, 4])  # 2.14.1.1 is a version


def _social_security(match: re.Match[str]) -> bool:
    return match.group() not in ("123-45-6789", "078-05-1120", "219-09-9999", "111-22-3333")


def _american(match: re.Match[str]) -> bool:
    digits = _digits(match.group())[-10:]
    fictional = digits[3:6] == "555" or digits[:3] in ("555", "800", "888", "877", "866", "855", "844", "833")
    return len(digits) == 10 and not fictional and digits[1:3] != "11" and len(set(digits)) > 2


def _international(match: re.Match[str]) -> bool:
    digits = _digits(match.group())
    fictional = (
        re.match(r"44(?:1632960|7700900|2079460)|1\d{3}555", digits) or "123456" in digits or "0000000" in digits
    )
    return 9 <= len(digits) <= 15 and not fictional


def _called(match: re.Match[str]) -> bool:
    digits = _digits(match["value"])
    return 8 <= len(digits) <= 13 and "123456" not in digits and len(set(digits)) > 2


_KEY = (
    r"(?:api[_ -]?key|api[_ -]?token|secret(?:[_ -]?(?:access[_ -]?)?key)?|access[_ -]?(?:key|token)|auth[_ -]?token|"
    r"client[_ -]?secret|private[_ -]?key|account[_ -]?key|bearer|token|passw(?:or)?d|passwort|passphrase|pwd)"
)
_HEADERS = r"(?:(?:[\w-]{1,40}: [^\n]{0,200}\n\s*){1,8}|[\w-]{1,40}: [^\n]{1,300}? )?"
"""Headers of a key (RFC 1421), each on its line or all on one; bounded and read in one way, so that none takes long."""
_SECRETS: tuple[tuple[str, str, Check], ...] = (
    ("AWS access key", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b", _real),
    ("GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})\b", _real),
    ("GitLab token", r"\bglpat-[\w-]{20,}", _real),
    ("Slack token", r"\bxox[abeoprs]-[\w-]{20,}|hooks\.slack\.com/services/T\w{8,}/B\w{8,}/\w{20,}", _real),
    ("Stripe key", r"\b[rs]k_live_[0-9a-zA-Z]{20,}", _real),
    ("Google key", r"\bAIza[\w-]{35}\b|\bGOCSPX-[\w-]{28}\b", _real),
    ("Anthropic key", r"\bsk-ant-[\w-]{32,}", _real),
    ("OpenAI-style key", r"\bsk-(?!ant-)(?:[a-z0-9]+-){0,3}[A-Za-z0-9_]{20,}[\w-]*", _real),
    ("Hugging Face token", r"\bhf_[A-Za-z0-9]{30,}\b", _real),
    (
        "model provider key",
        r"\b(?:gsk_[A-Za-z0-9]{40,}|r8_[A-Za-z0-9]{37}|xai-[A-Za-z0-9]{60,}|pplx-[A-Za-z0-9]{40,})\b",
        _real,
    ),
    ("registry token", r"\bnpm_[A-Za-z0-9]{36}\b|\bpypi-AgE[\w-]{50,}|\bdckr_pat_[\w-]{20,}", _real),
    ("cloud token", r"\b(?:dop_v1_[a-f0-9]{64}|dapi[a-f0-9]{32}|SG\.[\w-]{22}\.[\w-]{43})(?![\w-])", _real),
    ("Telegram token", r"\b\d{8,10}:AA[\w-]{33}(?![\w-])", _real),
    (
        "private key",
        rf"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----\s+{_HEADERS}(?P<value>[A-Za-z0-9+/=\s]{{40,}})",
        _real,
    ),
    ("JSON web token", r"\beyJ[\w-]{10,1000}\.eyJ[\w-]{10,}\.[\w-]{16,}", _real),
    (
        "password in a URL",
        r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@]{1,64}:(?P<value>[^\s/@]{3,64})@(?![\w.-]*\bexample\b)[\w.-]+",
        _password,
    ),
    (
        "assigned secret",
        rf"(?i)(?<!\w{{31}}){_KEY}[\"'`]?\s{{0,3}}(?::=|[:=]|\bis\b)\s{{0,3}}[\"'`]?(?P<value>"
        rf"[^\s()\[\]\"'`,;]{{8,200}})",
        _assigned,
    ),
    ("random token", rf"(?<![\w/+.=-])(?P<value>[A-Za-z0-9_+/=-]{{{TOKEN},200}})(?![\w/+.-])", _looks_random),
)
_PERSONAL: tuple[tuple[str, str, Check], ...] = (
    (
        "e-mail address",
        r"(?<![\w.+/-])[A-Za-z0-9][\w.+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,4}[A-Za-z]{2,18}\b",
        _mailbox,
    ),
    ("IBAN", r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b", _iban),
    (
        "card number",
        r"(?<![\d.,-])(?:4\d{3}|5[1-5]\d{2}|2[2-7]\d{2}|3[47]\d{2}|6011|65\d{2}|35\d{2})(?:([ -]?)\d{4,6}"
        r"\1?\d{4,5}(?:\1?\d{1,4})?)(?![\d.,-]?\d)",
        _luhn,
    ),
    ("US social security number", r"(?<![\d-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])", _social_security),
    (
        "phone number",
        r"(?<![\w+.])(?:\+|00)[1-9]\d{0,2}[ .-]?(?:\(0?\d{1,4}\)[ .-]?)?\d{1,5}(?:[ .-]?\d{2,5}){1,4}(?!"
        r"[\d-])",
        _international,
    ),
    (
        "phone number",
        r"(?<![\d.,$€£-])(?:1[ .-])?(?:\([2-9]\d{2}\) ?[2-9]\d{2}-|[2-9]\d{2}([.-])[2-9]\d{2}\1)\d{4}(?!"
        r"[\d-])",
        _american,
    ),
    (
        "phone number",
        r"(?i)\b(?:tel(?:ephone|efon)?|phone|mobile|cell|fax|handy)\b\.?:? {0,2}(?P<value>\(?0\d{1,4}\)?"
        r"(?:(?: / |[ /-])?\d{2,8}){1,4})(?!\d)",
        _called,
    ),
    (
        "IP address",
        r"(?<![\w.:/-])(?P<value>(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|"
        r"[1-9]?\d))(?![\w-]|\.\d)",
        _public_address,
    ),
    (
        "IP address",
        r"(?<![\w:.])(?P<value>(?:[0-9a-fA-F]{1,4}:){2,7}(?::?[0-9a-fA-F]{1,4}){1,6})(?![\w:.])",
        _public_address,
    ),
)


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[Class, str, re.Pattern[str], Check], ...]:
    secrets = (("secret", kind, re.compile(pattern), check) for kind, pattern, check in _SECRETS)
    personal = (("personal_data", kind, re.compile(pattern), check) for kind, pattern, check in _PERSONAL)
    return (*secrets, *personal)  # type: ignore[return-value]


@lru_cache(maxsize=1024)
def find(text: str) -> tuple[Finding, ...]:
    """Give what a text holds of secrets and personal data, in order, each place once and under its first kind."""
    found: list[Finding] = []
    for of, kind, pattern, check in _patterns():
        for match in pattern.finditer(text):
            start, end = match.span("value") if "value" in pattern.groupindex else match.span()
            if check(match) and not any(f.start < end and start < f.end for f in found):
                found.append(Finding(of, kind, start, end))
    return tuple(sorted(found, key=lambda f: f.start))


def told(places: Iterator[tuple[str, str]], of: Class) -> str:
    """Say what kinds the named texts hold, and where: ``e-mail address in the answer, context 2``; empty when none."""
    where: dict[str, list[str]] = {}
    for place, text in places:
        for kind in dict.fromkeys(f.kind for f in find(text) if f.of == of):
            where.setdefault(kind, []).append(place)
    return "; ".join(f"{kind} in {', '.join(dict.fromkeys(places_of))}" for kind, places_of in where.items())
