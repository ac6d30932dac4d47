"""What the scripted server does with a request: refuse it, spoil it, or answer it; and what it writes down.

No sockets here: :mod:`support.wire` carries the answers, :mod:`support.dialects` knows how each API writes them.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate
from math import ceil, exp
from statistics import NormalDist
from typing import Any

from support.dialects import (
    BadRequestError,
    Call,
    api_of,
    error_body,
    models_body,
    read_call,
    reply_body,
    show_body,
    tokens,
    why_refused,
)
from support.faults import TRANSPORT, FaultPlan, garbled, unit
from support.scripts import Json, Line, Load, Record, Settings
from support.wire import Answer, Request

MEMO = 4096
"""Rule-made replies that are kept: an equal request is answered without thinking again."""
_NORMAL = NormalDist()


When = str | Callable[[Record], bool] | None
Answerer = Callable[[Call], str]


class Engine:
    """What the server does with a request; no sockets here."""

    def __init__(self, settings: Settings, plan: FaultPlan, answerer: Answerer | None = None) -> None:
        self.settings, self.plan = settings, plan
        self._answerer = answerer or _late(self)
        self._memo: OrderedDict[str, str] = OrderedDict()
        self.scripts: deque[tuple[When, Line]] = deque()
        self.reset()

    def reset(self) -> None:
        """Forget what was asked, and what was scripted."""
        self.log: list[Record] = []
        self.lookups: list[Record] = []
        self.scripts.clear()
        self._attempts: Counter[str] = Counter()
        self._recent: deque[float] = deque()
        self._epoch = getattr(self, "_epoch", 0) + 1
        self._load = Load()

    def handle(self, request: Request) -> Answer:
        """Answer one request."""
        if request.path.startswith("/__"):
            return self._own_page(request)
        api = api_of(request.path) if request.method == "POST" else None
        record: Record = {
            "time_in": request.received, "time_out": None, "method": request.method, "path": request.path,
            "headers": request.headers, "api": api, "body_hash": hashlib.sha256(request.body).hexdigest()[:20],
            "body": _json(request.body), "attempt": 0, "mode": None, "kind": "ok", "status": None, "usage": None,
        }  # fmt: skip
        if api is None:
            self.lookups.append(record)
            answer = self._lookup(request, record)
            record.update(time_out=time.monotonic(), status=answer.status)
            return answer
        self._attempts[record["body_hash"]] += 1
        record.update(n=len(self.log), attempt=self._attempts[record["body_hash"]])
        self.log.append(record)
        self._load.enter(request.received)
        answer = self._reply(api, record)
        record["status"] = None if answer.act in ("hang", "reset") else answer.status
        answer.done = self._leaver(record, self._epoch)
        return answer

    def _leaver(self, record: Record, epoch: int) -> Callable[[str], None]:
        def leave(how: str) -> None:
            record["time_out"] = time.monotonic()
            record["sent"] = how == "sent"
            if epoch == self._epoch:  # a reset forgets those that are still under way
                self._load.leave(record["time_out"])

        return leave

    def _reply(self, api: str, record: Record) -> Answer:
        try:
            call = read_call(api, record["body"])
        except (BadRequestError, ValueError, TypeError, KeyError) as error:
            return self._error(record, api, "bad_request", 400, str(error))
        record.update(mode=call.mode, model=call.model)
        scripted = self._scripted(record)
        if scripted and scripted.body is not None:
            record["kind"] = "scripted"
            delay = self._delay(record) if scripted.delay is None else scripted.delay
            return Answer(scripted.status, scripted.body, dict(scripted.headers), delay)
        if not scripted and (refusal := self._refusal(call, record)):
            return refusal
        kind = scripted.fault if scripted else self.plan.kind(record["body_hash"], record["attempt"])
        if kind in TRANSPORT and kind != "timeout":
            return self._transport_fault(kind, scripted, api, record)
        return self._said(call, record, kind, scripted)

    def _scripted(self, record: Record) -> Line | None:
        for at, (when, line) in enumerate(self.scripts):
            text = json.dumps(record["body"], ensure_ascii=False) if isinstance(when, str) else ""
            if when is None or (when in text if isinstance(when, str) else when(record)):
                del self.scripts[at]
                return line
        return None

    def _refusal(self, call: Call, record: Record) -> Answer | None:
        """Refuse what this server does not let through: key, model, way of asking, length, speed."""
        s, api = self.settings, call.api
        if (denied := self._denied(record, api)) or (denied := self._unknown(call.model, record, api)):
            return denied
        if why := why_refused(call, s.refuse, s.flavour):
            return self._error(record, api, "refused", 400, why)
        if call.streamed and api != "ollama":
            return self._error(record, api, "bad_request", 400, "this scripted server does not stream")
        if too_long := self._too_long(call):
            return self._error(record, api, "context", 400, too_long, code="context_length_exceeded")
        if self._too_fast(record["time_in"]):
            answer = self._error(record, api, "rpm", 429, "Rate limit reached for requests")
            answer.headers["retry-after"] = f"{max(0.0, self._recent[0] + s.window - record['time_in']):.3f}"
            return answer
        if burst := self._burst(record["time_in"]):
            return self._transport_fault(burst[0], Line(retry_after=burst[1]), api, record)
        if s.limit is not None and self._load.now > s.limit:
            return self._error(record, api, "limit", 429, "Too many concurrent requests")
        return None

    def _denied(self, record: Record, api: str) -> Answer | None:
        given = record["headers"].get("authorization", "").removeprefix("Bearer ")
        if self.settings.key is None or given == self.settings.key:
            return None
        shown = f"{given[:6]}{'*' * 8}{given[-4:]}"
        message = f"Incorrect API key provided: {shown}." if given else "You didn't provide an API key."
        return self._error(record, api, "auth", 401, message, code="invalid_api_key")

    def _unknown(self, model: str, record: Record, api: str) -> Answer | None:
        known = self.settings.models
        if not known or model in known or model.removesuffix(":latest") in known:
            return None
        if api == "ollama":
            return self._error(record, api, "unknown_model", 404, f"model '{model}' not found")
        message = f"The model `{model}` does not exist or you do not have access to it."
        return self._error(record, api, "unknown_model", 404, message, code="model_not_found")

    def _too_long(self, call: Call) -> str | None:
        if call.api == "ollama":
            over = not call.truncate and call.prompt_tokens > (call.context or 0)
            return "input length exceeds the context length" if over else None
        wanted, room = call.prompt_tokens + (call.max_tokens or 1), self.settings.context
        if wanted <= room:
            return None
        parts = f"{call.prompt_tokens} in the messages, {call.max_tokens or 1} in the completion"
        return (
            f"This model's maximum context length is {room} tokens. However, you requested {wanted} tokens ({parts}). "
            "Please reduce the length of the messages or completion."
        )

    def _too_fast(self, now: float) -> bool:
        if self.settings.rpm is None:
            return False
        while self._recent and self._recent[0] <= now - self.settings.window:
            self._recent.popleft()
        if len(self._recent) >= self.settings.rpm:
            return True
        self._recent.append(now)
        return False

    def _burst(self, now: float) -> tuple[str, float] | None:
        """Give the refusal of a burst that is on, and the seconds to its end."""
        every = self.settings.bursts
        if every is None or self._load.first is None:
            return None
        count, within = divmod(now - self._load.first, every)
        left = every / 10 - within
        return ("429_date" if count % 2 else "429", left) if count and left > 0 else None

    def _transport_fault(self, kind: str, line: Line | None, api: str, record: Record) -> Answer:
        record["kind"] = kind
        wait = self.plan.retry_after if line is None or line.retry_after is None else line.retry_after
        delay = line.delay if line and line.delay is not None else None
        if kind in ("hang", "reset", "half_body"):
            body = {"choices": "cut off " * 20}
            return Answer(body=body, delay=self._delay(record) if delay is None else delay, act=kind.partition("_")[0])
        if kind == "502_html":
            return Answer(
                502, b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>", delay=delay or 0
            )
        status = int(kind[:3])
        messages = {
            429: "Rate limit reached for requests",
            500: "The server had an error",
            503: "The engine is overloaded",
        }
        answer = self._error(
            record, api, kind, status, messages[status], code="rate_limit_exceeded" if status == 429 else None
        )
        answer.delay = delay or 0
        if kind in ("429", "503"):
            answer.headers["retry-after"] = f"{wait:g}"
        elif kind == "429_date":
            answer.headers["retry-after"] = formatdate(ceil(time.time() + wait), usegmt=True)
        return answer

    def _said(self, call: Call, record: Record, kind: str | None, line: Line | None) -> Answer:
        prompt_tokens = call.prompt_tokens
        if call.api == "ollama" and prompt_tokens > (call.context or 0):  # cut silently, like Ollama
            prompt_tokens, record["truncated"] = call.context or 0, True
            call.messages = _last(call.messages, 4 * prompt_tokens)
        text = line.text if line and line.text is not None else self._made(call, record["body_hash"])
        finish = (line.finish if line else None) or "stop"
        if kind == "timeout":  # what comes too late was paid for all the same
            record["kind"] = kind
        elif kind:
            record["kind"] = kind
            text, finish = garbled(kind, text, record["body_hash"]), "length" if kind == "cut" else finish
        elif line:
            record["kind"] = "scripted"
        if call.max_tokens is not None and tokens(text) > call.max_tokens >= 0:
            text, finish = text[: 4 * call.max_tokens], "length"
        record.update(reply=text, finish=finish)
        record["usage"] = {"prompt_tokens": prompt_tokens, "completion_tokens": tokens(text)}
        body = reply_body(call, text, finish, prompt_tokens)
        if line and line.usage is not None and isinstance(body, dict):
            body["usage"] = line.usage
        usual = self.plan.slow if kind == "timeout" else self._delay(record)
        delay = usual if line is None or line.delay is None else line.delay
        return Answer(200, body, {"content-type": "application/x-ndjson"} if isinstance(body, bytes) else {}, delay)

    def _made(self, call: Call, body_hash: str) -> str:
        if self.settings.reply is not None:
            return self.settings.reply
        if body_hash not in self._memo:
            self._memo[body_hash] = self._answerer(call)
            if len(self._memo) > MEMO:
                self._memo.popitem(last=False)
        return self._memo[body_hash]

    def warm(self) -> None:
        """Load the rule now, so that the first request need not wait for it."""
        self._answerer(Call("openai", "", [("user", "Say something.")]))

    def _delay(self, record: Record) -> float:
        s = self.settings
        delay = s.latency
        if s.sigma > 0:
            at = unit("latency", s.seed, record["body_hash"], record["attempt"])
            delay *= exp(s.sigma * _NORMAL.inv_cdf(min(max(at, 1e-9), 1 - 1e-9)))
        return delay * max(1.0, self._load.now / s.slots) if s.slots else delay

    def _error(
        self, record: Record, api: str, kind: str, status: int, message: str, *, code: str | None = None
    ) -> Answer:
        record["kind"] = kind
        return Answer(status, error_body(api, self.settings.flavour, message, code=code, status=status))

    def _lookup(self, request: Request, record: Record) -> Answer:
        """Answer what is no request for a reply: lists of models, one model, or nothing there."""
        s, path = self.settings, request.path.rstrip("/")
        api = "ollama" if "/api/" in path else "openai"
        models = s.models or ("scripted",)
        if denied := self._denied(record, api):
            return denied
        if path.endswith(("/models", "/api/tags")):
            return Answer(200, models_body(path, models, s.context))
        if path.endswith("/api/show"):
            model = str((record["body"] or {}).get("model"))
            return self._unknown(model, record, api) or Answer(200, show_body(model, s.context))
        if path.endswith("/api/version"):
            return Answer(200, {"version": "0.12.6"})
        if "/models/" in path:
            model = path.rpartition("/models/")[2]
            return self._unknown(model, record, api) or Answer(200, models_body(path, (model,), s.context)["data"][0])
        return self._error(record, api, "unknown_path", 404, f"Not found: {request.method} {request.path}")

    def _own_page(self, request: Request) -> Answer:
        """Serve the log and the switches: ``/__log``, ``/__stats``, ``/__reset``, ``/__plan``, ``/__set``, …."""
        given = _json(request.body) or {}
        if request.path == "/__log":
            rows = self.lookups if "lookups" in request.query else self.log
            bare = request.query.get("bodies") == "0"
            return Answer(
                200, [{k: v for k, v in row.items() if k not in ("body", "reply")} for row in rows] if bare else rows
            )
        if request.path == "/__stats":
            return Answer(200, self.stats(timeline="timeline" in request.query))
        if request.path == "/__reset":
            self.reset()
        elif request.path == "/__plan":
            self.plan = FaultPlan(**given)
        elif request.path == "/__set":
            self.change(**given)
        elif request.path == "/__script":
            self.scripts.extend((given.get("when"), Line(**line)) for line in given["lines"])
        else:
            return Answer(404, {"error": f"no page {request.path}"})
        return Answer(200, {"done": request.path})

    def change(self, **given: Any) -> None:
        """Change settings by name while it runs."""
        if "refuse" in given:
            given["refuse"] = frozenset(given["refuse"])
        if "models" in given:
            given["models"] = tuple(given["models"])
        self.settings = replace(self.settings, **given)

    def stats(self, *, timeline: bool = False) -> Json:
        """Count: requests by kind and status, tokens, and how many were in flight (times of the monotonic clock)."""
        load, log = self._load, self.log
        found: Json = {
            "count": len(log), "distinct": len(self._attempts), "repeated": len(log) - len(self._attempts),
            "lookups": len(self.lookups), "in_flight": load.now, "max_in_flight": load.most,
            "mean_in_flight": load.mean(), "first_in": load.first, "last_out": load.last, "now": time.monotonic(),
        }  # fmt: skip
        if not timeline:
            return found
        spent = [r["usage"] for r in log if r["usage"]]
        return found | {
            "timeline": load.line,
            "kinds": Counter(r["kind"] for r in log),
            "statuses": Counter(str(r["status"]) for r in log),
            "prompt_tokens": sum(u["prompt_tokens"] for u in spent),
            "completion_tokens": sum(u["completion_tokens"] for u in spent),
        }


def rule(pass_rate: float, seed: int) -> Answerer:
    """Make replies as ``ragset`` itself rehearses them."""
    from ragset.kit.rehearsal import Rehearsal
    from ragset.schema.ports import Ask
    from ragset.schema.samples import Message

    rehearsal = Rehearsal(pass_rate=pass_rate, seed=seed)
    roles = {"developer": "system", "tool": "user"}

    def answer(call: Call) -> str:
        messages = tuple(Message.model_validate({"role": roles.get(r, r), "content": c}) for r, c in call.messages)
        return rehearsal.answer(Ask(messages=messages, reply_schema=call.schema, repeat=call.repeat))

    return answer


def _late(engine: Engine) -> Answerer:
    """Make the rule when it is first needed: it is not free to load, and the pass rate may still change."""
    made: dict[tuple[float, int], Answerer] = {}

    def answer(call: Call) -> str:
        key = (engine.settings.pass_rate, engine.settings.seed)
        if key not in made:
            made[key] = rule(*key)
        return made[key](call)

    return answer


def _json(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None


def _last(messages: list[tuple[str, str]], characters: int) -> list[tuple[str, str]]:
    """Keep the end of a conversation."""
    kept: list[tuple[str, str]] = []
    for role, content in reversed(messages):
        kept.append((role, content[max(0, len(content) - characters) :]))
        characters = max(0, characters - len(content))
    return kept[::-1]
