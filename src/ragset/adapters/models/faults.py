"""What a server's answer means when it is no reply: every status and message becomes one kind of fault, here only.

Messages of servers are shown as one line of at most 200 characters, with every occurrence of the key masked; that a
key is wrong is not shown in their words at all, because servers repeat parts of the key in them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast

from ragset.adapters.models.keys import Key
from ragset.adapters.models.transport import MisreadError, ModeRefused, RateLimited, ServerFault
from ragset.errors import ContextError, ModelError, ModelSetupError, RagsetError
from ragset.schema.models import ReplyMode

SAID_AT_MOST = 200
"""Characters of a server's message that are shown."""

_CONTEXT = re.compile(
    r"context[ _-]?(length|window|size|limit)|maximum (context|model|prompt) length|max_model_len|too many tokens"
    r"|(prompt|input|request|message)\S* (is |are )?too (long|large)|reduce the length"
    r"|exceeds? the (available )?context|input length|max_tokens must be at least 1, got -",
    re.IGNORECASE,
)
_MODE = re.compile(
    r"response[ _]?format|json[ _]?schema|json[ _]?object|json[ _]?mode|structured[ _]?output|guided|grammar"
    r"|\btools?\b|tool[ _]choice|function[ _]call|\bschema\b|requested parameters",
    re.IGNORECASE,
)
_UNABLE = re.compile(r"support|grammar|requires")
_OLLAMA_MODE = re.compile(_MODE.pattern + r"|\bformat\b", re.IGNORECASE)
_NO_CREDIT = re.compile(r"insufficient_quota|billing_hard_limit|insufficient (credit|balance|fund)", re.IGNORECASE)
_MODERATED = re.compile(r"moderation|flagged|content[ _]?(policy|filter)|safety|request blocked", re.IGNORECASE)
_BAD_KEY = re.compile(
    r"\b(incorrect|invalid|missing|expired|no) (api|auth\w*|access)[ _-]?(key|token)\b|invalid_api_key|api_key_invalid"
    r"|\bapi[ _-]key (is |was |has )?(not (valid|found)|invalid|incorrect|expired|missing|required|revoked)",
    re.IGNORECASE,
)
_OF_KEY = re.compile(r"\bkeys?\b|\b(access|auth\w*|bearer|api) token|credential", re.IGNORECASE)
_NO_MODEL = re.compile(
    r"\binvalid[ _]model\b|\bnot a valid model\b|\b(no such|unknown) model\b|\bmodel[ _]not[ _](exist|found)\b"
    r"|\bmodel_(not_(supported|available)|decommissioned)\b|\bnot a chat model\b|\bdoes not support chat\b"
    r"|\bmodel\W{1,3}(\S{1,200} )?((does|is|was) )?(not exist\b|not found\b|not supported by any\b)"
    r"|\bmodel \S{1,200} has been (decommissioned|deprecated|retired)\b|\bnon-serverless model\b"
    r"|\bmodel identifier is invalid\b",
    re.IGNORECASE,
)
_MISREAD = ("json_validate_failed", "tool_use_failed")
"""Codes of a server (Groq) that reads replies itself, and refuses bad ones as if the request had been bad."""
_SECRET = re.compile(
    r"\b(?:sk|hf|pk|key|gsk)[-_][A-Za-z0-9_\-*]{6,}|\bAIza[A-Za-z0-9_\-*]{6,}|Bearer\s+\S+|\b[0-9a-f]{32,}\b"
    r"|(?<=key provided: )\S+|(?<=(?:api[_-]key|_secret|assword)[=:])\S+|\b\w[\w-]{0,60}(?:\*{2,}|\.{3}\w)[\w*-]*",
    re.IGNORECASE,
)
_SAYING = "error errors detail message msg param code type error_type loc metadata raw"
"""Fields in which servers say what is wrong, the plainest first."""
_LENGTHS = ("max_tokens", "max_completion_tokens", "num_predict")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Address:
    """Who is asked, for messages: ``provider:name``, its URL, where its key should be, and what masks the key."""

    name: str
    url: str
    key_hint: str = ""
    missing_hint: str = ""
    secret: Key | None = None
    ollama: bool = False

    def masked(self, text: str) -> str:
        """Give one short line of a server's text without the key, or anything that looks like one."""
        line = " ".join(without_secrets(text, (self.secret.reveal(),) if self.secret else ()).split())
        line = "".join(char for char in line if char.isprintable())
        return line if len(line) <= SAID_AT_MOST else line[: SAID_AT_MOST - 1] + "…"


def without_secrets(text: str, known: Iterable[str] = ()) -> str:
    """Mask the keys that are known, whole, and whatever else looks like a key."""
    for secret in sorted(known, key=len, reverse=True):  # one may begin with another
        text = text.replace(secret, "***")
    return _SECRET.sub("***", text)


def fault_of(
    status: int, headers: Mapping[str, str], body: Any, address: Address, mode: ReplyMode = "text"
) -> RagsetError:
    """Turn an answer that is no reply into the error to raise; ``mode`` is the way of asking that was used.

    ``ModeRefused`` is given for what may be asked in another way; whether there is one, the transport knows.
    """
    said = message_of(body)
    line = address.masked(said) or f"HTTP {status}"
    if 300 <= status < 400:
        return ModelSetupError(
            f"the server sends on to another address ({status})", where=address.name, hint="give that one as base URL"
        )
    if status == 402 or (status in (400, 403, 429) and _NO_CREDIT.search(said)):
        return ModelSetupError(
            f"no credit is left ({status})", where=address.name, hint="top up the account, or use another model"
        )
    if status == 401 or (_of_the_request(status) and _BAD_KEY.search(said)):
        return ModelSetupError(f"the key is refused ({status})", where=address.name, hint=address.key_hint)
    if status == 403 and not _MODERATED.search(said):
        return barred(said, line if said else "", where=address.name, hint=address.key_hint, keyed=bool(address.secret))
    if (misread := _misread(body)) is not None:
        return MisreadError(f"the reply is refused ({status}): {line}", misread, where=address.name)
    if status == 429:
        wait = retry_after(headers)
        return RateLimited(f"too many requests: {line}", where=address.name, retry_after=wait)
    if refused := _refused(status, said, line, address, mode):
        return refused
    if status in (408, 409, 425, 499) or status >= 500:
        wait = retry_after(headers)
        return ServerFault(f"the server failed ({status}): {line}", where=address.name, retry_after=wait)
    return ModelError(f"the request is refused ({status}): {line}", where=address.name)


def barred(said: str, line: str, *, where: str, hint: str, keyed: bool = True) -> ModelSetupError:
    """Say that access is refused (403), in the server's words (``line``): it need not be the key that is to blame."""
    of_key = not keyed or _OF_KEY.search(said)
    what = f"{'the key' if keyed and of_key else 'access'} is refused (403){f': {line}' if line else ''}"
    return ModelSetupError(what, where=where, hint=hint if of_key else "see what the account, and its key, may use")


def _of_the_request(status: int) -> bool:
    """Tell a status that blames the request, for whatever is wrong with it."""
    return 400 <= status < 500 and status not in (403, 408, 409, 425, 429, 499)


def _misread(body: Any) -> str | None:
    """Give the reply that a server read and refused, or none."""
    given = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
    error: Any = given.get("error")
    if not isinstance(error, dict) or cast("dict[str, Any]", error).get("code") not in _MISREAD:
        return None
    written: Any = cast("dict[str, Any]", error).get("failed_generation")
    return written if isinstance(written, str) else json.dumps(written, ensure_ascii=False) if written else ""


def _refused(status: int, said: str, line: str, address: Address, mode: ReplyMode) -> RagsetError | None:
    missing = address.missing_hint or "check the model's name and the base URL: ragset models lists both"
    if _of_the_request(status) and _NO_MODEL.search(said):
        return ModelSetupError(f"not found at {address.url} ({status}): {line}", where=address.name, hint=missing)
    if status in (400, 413, 422, 500, 502) and _CONTEXT.search(said):  # 502: an error in a good answer, without a code
        return ContextError(
            f"the prompt does not fit the model's context: {line}",
            where=address.name,
            hint="use smaller chunks, a smaller max_tokens, or a model with a larger context",
        )
    words = _OLLAMA_MODE if address.ollama else _MODE
    about_mode = mode != "text" and words.search(said) is not None
    if about_mode and (status in (400, 422, 501) or (status in (404, 500, 502) and _UNABLE.search(said))):
        return ModeRefused(f"the server does not take {mode}: {line}", where=address.name)
    if status in (404, 405, 410):
        return ModelSetupError(f"not found at {address.url} ({status}): {line}", where=address.name, hint=missing)
    return None


def refused_parameter(refused: ModelError, sent: Iterable[str]) -> str | None:
    """Give the parameter among those sent that a refusal is about, or none: in quotes, as a field, or as a subject."""
    if type(refused) is not ModelError:
        return None
    for name in sent:
        it = re.escape(name)
        quoted, field, subject = rf"['\"`]{it}['\"`]", rf"[ .]{it}(?= ·|$)", rf" {it} (?:is|must|does|should|cannot)\b"
        if re.search(rf"{quoted}|{field}|{subject}|not support {it}", refused.what):
            return name
    return None


def unfit(refused: ModelError, parameter: str) -> ModelSetupError:
    """Make of a refused parameter an error that ends the run: every request carries it."""
    hint = "lower max_tokens" if parameter in _LENGTHS else f"take {parameter} out of parameters, or change it"
    return ModelSetupError(refused.what, where=refused.where, hint=hint)


def message_of(body: Any) -> str:
    """Collect what a server says about an error, whatever shape it says it in; never what it repeats of the request."""
    if isinstance(body, str):
        return _plain_page(body)
    if isinstance(body, list):
        return "; ".join(filter(None, (message_of(item) for item in cast("list[Any]", body)[:5])))
    if not isinstance(body, dict):
        return ""
    given = cast("dict[str, Any]", body)
    parts: list[str] = []
    for key in _SAYING.split():
        value = given.get(key)
        if isinstance(value, str | int) and not isinstance(value, bool):
            parts.append(str(value))
        elif key == "loc" and isinstance(value, list):
            parts.append(".".join(map(str, cast("list[Any]", value))))
        elif value and not isinstance(value, bool):
            parts.append(message_of(value))
    return " · ".join(dict.fromkeys(part for part in parts if part))[:4000]


def _plain_page(text: str) -> str:
    return re.sub(r"<[^<>]{0,300}>", " ", text[:4000]) if "<" in text else text[:4000]


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read how many seconds the server asks to wait, or none: ``Retry-After`` in seconds or as a date (RFC 9110).

    Also read: ``retry-after-ms``, and the reset times of a limit that is used up (``x-ratelimit-…``). A date is taken
    against the server's own ``Date``, so that clocks need not agree. What cannot be read, or is negative, is no wish.
    """
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    given = headers.get("retry-after")
    if given is not None:
        return seconds if (seconds := _number(given)) is not None else _until(given, headers.get("date"))
    waits = [
        wait
        for kind in ("requests", "tokens")
        if headers.get(f"x-ratelimit-remaining-{kind}", "").strip() == "0"
        and (wait := _duration(headers.get(f"x-ratelimit-reset-{kind}", ""))) is not None
    ]
    return max(waits, default=None)


def _number(text: str | None) -> float | None:
    text = (text or "").strip()
    return float(text) if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text) else None


def _until(text: str, now: str | None) -> float | None:
    then = _date(text)
    return None if then is None else max(0.0, (then - (_date(now) or datetime.now(UTC))).total_seconds())


def _date(text: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(text or "")
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _duration(text: str) -> float | None:
    parts = _DURATION.findall(text)
    whole = "".join(number + unit for number, unit in parts)
    return sum(float(number) * _SECONDS[unit] for number, unit in parts) if parts and whole == text.strip() else None
