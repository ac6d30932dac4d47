"""Read what a model replied, tolerantly, and ask again when it cannot be read.

Models wrap JSON in fences and prose, leave commas trailing, use typographic quotes, give one object where a list was
wanted, write JSON as a string of JSON, wrap it in a key of their own, and are cut off in the middle. All that is
repaired here, in one place, before a reply counts as unreadable.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain, islice
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from ragset.adapters.models.readable import hearing_of
from ragset.errors import ContextError, ReplyError
from ragset.kit.prompting import Prompt
from ragset.kit.shapes import ShapeError, fit
from ragset.kit.typography import is_typographic, straightened
from ragset.kit.unwrapping import fields_of, unwrapped
from ragset.schema.ports import Ask, LanguageModel, Reply
from ragset.schema.samples import Message, Usage
from ragset.schema.whole_text import whole, whole_value

Schema = type[BaseModel] | dict[str, Any] | None

ATTEMPTS = 3
"""Times a model is asked for a readable reply: the first ask, and two that show it its error."""
HEAD = 200
"""Characters of an unreadable reply that are kept for the failure row."""
MAX_REPLY = 200_000
"""Characters of a reply that are looked at."""
MAX_SHOWN = 4_000
"""Characters of an unreadable reply that the model is shown again: a runaway one would fill its context."""
MAX_NESTING = 200
"""How deep JSON may be nested before it is given up."""
MAX_ENCODED = 2
"""How many times JSON may have been written as a string of JSON."""
MAX_STARTS = 20
"""Opening brackets at which JSON is looked for."""
SCANS = 2
"""How many times the length of the reply is scanned for closing brackets, over all starts."""

_FENCE = re.compile(r"```[ \t]{0,8}[\w+-]{0,40}[ \t]{0,8}\r?\n(.*?)(?:```|\Z)", re.DOTALL)
_THINKING = re.compile(r"\A(?!\s*[\[{]).*?</think(?:ing)?>|\A\s*<think(?:ing)?>.*\Z", re.DOTALL)
_CLOSER = {"{": "}", "[": "]"}
_QUOTES = {'"': '"', "“": "”", "„": "“", "”": "”"}
_LITERALS = {"True": "true", "False": "false", "None": "null", "undefined": "null"}


def read_reply(raw: str, schema: Schema, shape: dict[str, Any] | None = None) -> Any:
    """Read a raw reply as what was asked for.

    Without a schema the text is given back, stripped. With a pydantic model an instance of it is given, with a JSON
    schema a value that fits it (numbers, lists and booleans written as strings are converted). ``shape`` is the JSON
    schema the model was shown, where ``schema`` asks less than that. Raises ``ReplyError`` with the head of the reply.
    """
    text = _THINKING.sub("", whole(raw[:MAX_REPLY])).strip().lstrip("\ufeff")
    if not text:
        raise ReplyError("the reply is empty", head="")
    if schema is None:
        return text
    seen: list[Any] = []
    error = "there is no JSON in it"
    texts = (straightened(text), text) if is_typographic(text) else (text,)
    for value in chain.from_iterable(map(_values, texts)):
        try:
            seen.append(whole_value(value))
            return _fit(seen[-1], schema)
        except (ShapeError, ValidationError) as reason:
            error = _short(reason)
        except RecursionError:
            error = "it is nested too deeply"
    for value in seen:
        try:
            return _unwrapped(value, schema, shape)
        except (ShapeError, ValidationError, RecursionError):
            continue
    raise ReplyError(f"the reply cannot be read: {error}", head=raw.strip()[:HEAD])


async def complete_typed(
    model: LanguageModel, ask: Ask, schema: type[BaseModel] | None = None, *, attempts: int = ATTEMPTS
) -> Reply:
    """Ask, read the reply, and show the model its error when it cannot be read.

    The reply is read as ``schema`` where given, else as ``ask.reply_schema``; then ``ask.check`` must take it too. The
    usage of all attempts is summed. Raises ``ReplyError`` after ``attempts`` unreadable replies, or when the error does
    not fit into the model's context any more, and lets any other ``ModelError`` through.
    """
    usage, asked, heard = Usage(), ask, hearing_of(model if schema or ask.reply_schema else None)
    last = ReplyError("the model was not asked")
    for attempt in range(1, max(1, attempts) + 1):
        raw = ""
        try:
            reply = await model.complete(asked)
            raw, usage = reply.raw, usage + reply.usage
            value = _typed(reply, schema or ask.reply_schema, ask.reply_schema)
            read = reply.model_copy(update={"value": value, "usage": usage})
            if ask.check:
                ask.check(read)
            heard.read()
            return read
        except ReplyError as error:
            last = _told(error, ask.purpose or model.name, attempt)
            asked = _again(asked, raw or error.head or "", error.what)  # all its errors: no two asks are equal
        except ContextError:
            if attempt == 1:
                raise
            break
    heard.left(last)
    raise last


def _told(error: ReplyError, where: str, attempt: int) -> ReplyError:
    """Say where a reply could not be read, how often it was asked for, and what would help."""
    tried = f"tried {attempt} times" if attempt > 1 else "tried once"
    hint = f"{tried}; {error.hint}" if error.hint else tried
    told = ReplyError(error.what, where=where, hint=hint, head=error.head)
    told.__cause__ = error
    return told


class Wrapped:
    """A language model around another one, whose name and fingerprint it has: it asks the same model."""

    def __init__(self, model: LanguageModel) -> None:
        """Wrap ``model``."""
        self._model = model

    @property
    def name(self) -> str:
        """Name of the wrapped model."""
        return self._model.name

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the wrapped model."""
        return self._model.fingerprint


class TypedModel(Wrapped):
    """A language model whose replies are read and, when unreadable, asked for again: the outermost wrapper."""

    def __init__(self, model: LanguageModel, attempts: int = ATTEMPTS) -> None:
        """Wrap ``model``; ``attempts`` counts the first ask."""
        super().__init__(model)
        self._attempts = attempts

    async def complete(self, ask: Ask) -> Reply:
        """Answer with a value that fits ``ask.reply_schema``."""
        return await complete_typed(self._model, ask, attempts=self._attempts)


def _typed(reply: Reply, schema: Schema, shape: dict[str, Any] | None) -> Any:
    """Take the value as it is when the adapter has parsed it already, else read the raw text."""
    try:
        if schema is None or isinstance(reply.value, str):
            return read_reply(reply.raw, schema, shape)
        return _fit(whole_value(reply.value), schema)
    except (ShapeError, ValidationError) as error:
        raise ReplyError(f"the reply cannot be read: {_short(error)}", head=reply.raw[:HEAD]) from error
    except ReplyError as error:
        if reply.finish != "length":
            raise
        what = f"{error.what}; it was cut off at the longest reply allowed"
        raise ReplyError(what, hint="raise max_tokens", head=error.head) from error


def _again(ask: Ask, raw: str, error: str) -> Ask:
    schema = json.dumps(ask.reply_schema, ensure_ascii=False) if ask.reply_schema else ""
    shown = Message(role="assistant", content=raw[:MAX_SHOWN] or "(empty)")
    messages = Prompt.load("reask.v1").render(error=error, schema=schema)
    return ask.model_copy(update={"messages": (*ask.messages, shown, *messages)})


def _fit(value: Any, schema: Schema) -> Any:
    """Read a value as it stands; fields of another name must not leave all of ours at their defaults.

    One that holds NaN or an infinity is none, wherever: read as null it would say that there is no answer.
    """
    if _odd_number(value):
        raise ShapeError("it holds NaN or Infinity, which is no number")
    shape = schema if isinstance(schema, dict) else _shape(cast("type[BaseModel]", schema))
    fields = fields_of(shape)
    if isinstance(value, dict) and fields and not fields & cast("dict[str, Any]", value).keys():
        raise ShapeError(f"the reply has no {' or '.join(repr(name) for name in sorted(fields))}")
    if isinstance(schema, dict):
        return fit(value, schema)
    model = cast("type[BaseModel]", schema)
    try:
        return model.model_validate(value)
    except ValidationError:
        return model.model_validate(fit(value, shape))


def _odd_number(value: Any) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(map(_odd_number, cast("Iterable[Any]", inner)))


def _unwrapped(value: Any, schema: Schema, shape: dict[str, Any] | None) -> Any:
    """Read a value that is wrapped or keyed otherwise, where that can mean one thing only."""
    known = schema if isinstance(schema, dict) else _shape(cast("type[BaseModel]", schema))
    return _fit(unwrapped(value, shape or known), schema)


@lru_cache(maxsize=64)
def _shape(model: type[BaseModel]) -> dict[str, Any]:
    """Give a model's JSON schema; making it takes longer than reading a reply."""
    return model.model_json_schema()


def _short(error: ValidationError | ShapeError) -> str:
    if isinstance(error, ShapeError):
        return str(error)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "the reply"
    return f"{where}: {first['msg']}"


def _values(text: str, depth: int = MAX_ENCODED) -> Iterator[Any]:
    """Yield every JSON value the reply may mean, the likeliest first; a string that holds JSON is read in its turn."""
    for candidate in _candidates(text):
        try:
            value = _loads(candidate)
        except (ValueError, RecursionError):
            try:
                value = json.loads(_repair(candidate))  # a NaN is left in, so that the model can be told of it
            except (ValueError, RecursionError):
                continue
        if not isinstance(value, str):
            yield value
        elif depth:
            yield from _values(value.strip(), depth - 1)
    lines = [line.strip().rstrip(",") for line in text.splitlines() if line.strip().startswith("{")]
    if len(lines) > 1:
        yield from _json_lines(lines)


def _loads(text: str) -> Any:
    """Parse strict JSON: NaN and infinities, which Python lets through, are refused."""
    return json.loads(text, parse_constant=_number, parse_float=_number)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no number")
    return value


def _json_lines(lines: list[str]) -> Iterator[list[Any]]:
    values: list[Any] = []
    for line in lines:
        try:
            values.append(_loads(line))
        except (ValueError, RecursionError):
            continue
    if values:
        yield values


def _candidates(text: str) -> Iterator[str]:
    """Yield the whole text, what stands in fences, and what begins at an opening bracket."""
    whole = text[:1] in ("{", "[", '"')
    if whole:
        yield text
    yield from (match.group(1).strip() for match in _FENCE.finditer(text))
    starts = [match.start() for match in islice(re.finditer(r"[\[{]", text), MAX_STARTS)]
    yield from (text[start:end] for start, end in _spans(text, starts) if not whole or (start, end) != (0, len(text)))
    if not starts:
        yield text


def _spans(text: str, starts: list[int]) -> Iterator[tuple[int, int]]:
    """Yield where a bracket opens and closes, outermost only, and the first that stays open to the end of the text.

    Others that stay open are no candidates: each would cost a scan and a repair of the whole rest.
    """
    left, covered, cut = SCANS * len(text), -1, False
    for start in starts:
        if start < covered or left <= 0:
            continue
        end, closed = _balanced_end(text, start, left)
        left -= end - start
        if closed:
            covered = end
            yield start, end
        elif end == len(text) and not cut:
            cut = True
            yield start, end


def _balanced_end(text: str, start: int, limit: int) -> tuple[int, bool]:
    """Give the offset after the bracket that closes the one at ``start``, and true.

    Where none does within ``limit`` characters or ``MAX_NESTING`` levels, give how far was looked, and false.
    """
    depth, at, stop = 0, start, min(len(text), start + limit)
    while at < stop and depth <= MAX_NESTING:
        char = text[at]
        if char == '"':
            at = _string_end(text, at)
            continue
        depth += (char in "{[") - (char in "}]")
        at += 1
        if depth == 0:
            return at, True
    return min(at, len(text)), False


def _string_end(text: str, start: int) -> int:
    """Give the offset after the string that opens at ``start`` (of any kind of quotes)."""
    closing, at = _QUOTES[text[start]], start + 1
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        if text[at] == closing or (closing == "”" and text[at] == '"'):
            return at + 1
        at += 1
    return len(text) + 1


def _repair(text: str) -> str:
    """Rewrite near-JSON as JSON: quotes, bare newlines, trailing commas, Python literals, a cut-off end.

    When the text ends inside something, the list or object is closed after the last item that was whole. Raises
    ``ValueError`` when it is nested too deeply.
    """
    out: list[str] = []
    stack: list[str] = []
    whole: tuple[int, tuple[str, ...]] | None = None
    at = 0
    while at < len(text):
        char = text[at]
        if char in _QUOTES:
            end = _string_end(text, at)
            if end > len(text):
                break
            out.append(_string(text[at + 1 : end - 1]))
            at = end
            continue
        if char in _CLOSER:
            stack.append(_CLOSER[char])
            if len(stack) > MAX_NESTING:
                raise ValueError("nested too deeply")
        elif char in "}]":
            _drop_comma(out)
            if not stack or stack.pop() != char:
                break
            if stack and stack[-1] == "]" and (whole is None or len(stack) <= len(whole[1])):
                whole = (len(out) + 1, tuple(stack))
        word = re.match(r"[A-Za-z_]+", text[at : at + 12])
        out.append(_LITERALS.get(word.group(), word.group()) if word else char)
        at += len(word.group()) if word else 1
        if not stack and out[-1] in ("}", "]"):
            return "".join(out)
    return _closed(out, stack, whole)


def _string(body: str) -> str:
    """Escape what a JSON string may not hold as it is."""
    plain = body.replace('\\"', '"').replace('"', '\\"')
    plain = re.sub(r"\\(?![\"\\/bfnrtu])", r"\\\\", plain)
    return '"' + plain.replace("\n", "\\n").replace("\r", "").replace("\t", "\\t") + '"'


def _drop_comma(out: list[str]) -> None:
    at = len(out) - 1
    while at >= 0 and out[at].isspace():
        at -= 1
    if at >= 0 and out[at] == ",":
        del out[at]


def _closed(out: list[str], stack: list[str], whole: tuple[int, tuple[str, ...]] | None) -> str:
    """Close what is open after the last whole item of a list; without one, as the text stands.

    What was cut off right after its opening bracket is not empty, it is unknown: ``ValueError``.
    """
    if not stack:
        return "".join(out)
    if whole is None:
        _drop_comma(out)
        if "".join(out[-50:]).rstrip()[-1:] in ("[", "{"):
            raise ValueError("cut off before the first item")
        return "".join(out) + "".join(reversed(stack))
    length, still_open = whole
    return "".join(out[:length]) + "".join(reversed(still_open))
