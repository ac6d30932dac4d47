"""Which language model does what: the choice of a model for a role, as it stands in a flow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator, ConfigDict, Field, PlainSerializer, field_validator

from ragset.errors import did_you_mean
from ragset.schema.documents import Noun

BUILTIN = "builtin"
"""Name of the model that is no language model: the extractive writer, the best sentence, the rule judge."""

ReplyMode = Literal["json_schema", "json_object", "tools", "text"]


_LENGTHS = """max_tokens max_completion_tokens max_new_tokens max_output_tokens maxoutputtokens max_gen_len max_length
n_predict num_predict"""

_HINTS = (
    (_LENGTHS, "write max_tokens beside parameters"),
    ("num_ctx n_ctx", "write context beside parameters"),
    ("model models", "write model beside parameters"),
    ("response_format format", "write reply_mode beside parameters"),
    ("n best_of num_return_sequences candidate_count", "leave it out: one reply is asked for at a time"),
    ("stream stream_options", "leave it out: replies come whole"),
    ("messages tools tool_choice functions function_call", "leave it out: the step says it"),
    ("api_key authorization headers extra_headers default_headers", "keys belong in the environment, or in .env"),
)
_INSTEAD = {name: hint for names, hint in _HINTS for name in names.split()}
"""Parameters that are none, in small letters, and what to do instead: they would pass by the budget, the context check
or the key's own place, or make another request of it."""

_AT_LEAST = {
    "temperature": 0.0,
    "top_p": 0.0,
    "min_p": 0.0,
    **dict.fromkeys(("presence_penalty", "frequency_penalty"), float("-inf")),
    **dict.fromkeys(("repetition_penalty", "repeat_penalty", "length_penalty"), float("-inf")),
}
"""Parameters that are numbers wherever they are taken, and the least they may be."""

_COMMON = ("seed", "stop", "top_k", "reasoning_effort")
"""Other parameters that many take."""

_NESTED = ("options", "extra_body")
"""Parameters that hold parameters."""


def _refuse_odd(parameters: Mapping[str, Any], inside: str = "") -> None:
    """Refuse what must not be a parameter; no message shows a value, because it may be a key."""
    for name, value in parameters.items():
        shown = f"'{inside}{name}'"
        if (hint := _INSTEAD.get(name.lower())) is not None:
            raise ValueError(f"{shown} cannot be given here; {hint}")
        if name == "seed" and not (value is None or (isinstance(value, int) and not isinstance(value, bool))):
            raise ValueError(f"{shown} is no whole number; write one, or leave it out")
        if name in _AT_LEAST and not _is_number(value, _AT_LEAST[name]):
            least = "" if _AT_LEAST[name] < 0 else f" of {_AT_LEAST[name]:g} or more"
            raise ValueError(f"{shown} is no number{least}; write one without quotes, or leave it out")
        if not _writable(value):
            raise ValueError(f"{shown} cannot be sent; write text, finite numbers, true, false, lists or mappings")
        if name.lower() in _NESTED and isinstance(value, Mapping):
            _refuse_odd(cast("Mapping[str, Any]", value), f"{inside}{name}.")


def _is_number(value: Any, least: float) -> bool:
    if value is None:  # the provider's own
        return True
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and value >= least


def _writable(value: Any) -> bool:
    """Tell whether a value is JSON, with names that are text, and with finite numbers."""
    try:
        text = json.dumps(value, allow_nan=False)
        return bool(json.loads(text) == value or not isinstance(value, (dict, list)))
    except (TypeError, ValueError, RecursionError):
        return False


def hint_for(field: str) -> str:
    """Say what to do in place of a field that a model does not have."""
    if field.lower() in _INSTEAD and "beside" not in _INSTEAD[field.lower()]:
        return _INSTEAD[field.lower()]
    if field in _AT_LEAST or field in _COMMON:
        return "write it under parameters"
    return did_you_mean(field, ModelChoice.model_fields)


class ModelChoice(Noun):
    """A model and how it is asked.

    ``model`` is ``provider:name`` or ``builtin``. ``parameters`` go into every request (``temperature``, ``top_p``,
    ``stop``, ``seed``, and whatever else the provider takes, but nothing that has a field of its own here, makes more
    replies or longer ones, or carries a key); ``max_tokens`` is the longest reply. These, with
    ``base_url``, shape the replies. The others shape only how fast they come: ``concurrency`` (most requests in
    flight), ``rpm`` and ``tpm`` (requests and tokens a minute), ``timeout`` (seconds a request may take), ``deadline``
    (seconds an ask may take with all its retries), ``context`` (tokens the model can read; none: asked of the server,
    or not checked), ``reply_mode`` (none: found out).
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    model: str = BUILTIN
    base_url: str | None = None
    max_tokens: int = Field(default=4096, ge=1)  # models that reason spend most of it before they reply
    parameters: dict[str, Any] = Field(default_factory=dict)
    context: int | None = Field(default=None, ge=256)
    reply_mode: ReplyMode | None = None
    concurrency: int = Field(default=32, ge=1, le=1024)
    rpm: int | None = Field(default=None, ge=1)
    tpm: int | None = Field(default=None, ge=1)
    timeout: float = Field(default=120, gt=0, allow_inf_nan=False)
    deadline: float = Field(default=600, gt=0, allow_inf_nan=False)

    @field_validator("parameters")
    @classmethod
    def _may_be_sent(cls, given: dict[str, Any]) -> dict[str, Any]:
        _refuse_odd(given)
        return given

    @property
    def builtin(self) -> bool:
        """True when no language model is meant."""
        return self.model == BUILTIN

    @property
    def shape(self) -> dict[str, Any]:
        """What of it may change a reply; a ``reply_mode`` only where it is wished for, not where one is found."""
        wished = {"reply_mode"} if self.reply_mode else set[str]()
        return self.model_dump(mode="json", include={"model", "base_url", "max_tokens", "parameters", *wished})


def _read(value: Any) -> Any:
    return {"model": value} if isinstance(value, str) else value


def _write(value: ModelChoice) -> Any:
    fields = value.model_dump(mode="json", exclude_defaults=True)
    return value.model if set(fields) <= {"model"} else fields


Choice = Annotated[ModelChoice, BeforeValidator(_read), PlainSerializer(_write)]
"""A :class:`ModelChoice` that YAML may write as its name alone."""
