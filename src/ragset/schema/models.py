"""Which language model does what: the choice of a model for a role, as it stands in a flow."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer

from ragset.schema.documents import Noun

BUILTIN = "builtin"
"""Name of the model that is no language model: the extractive writer, the best sentence, the rule judge."""

ReplyMode = Literal["json_schema", "json_object", "tools", "text"]


class ModelChoice(Noun):
    """A model and how it is asked.

    ``model`` is ``provider:name`` or ``builtin``. ``parameters`` go into every request (``temperature``, ``top_p``,
    ``stop``, ``seed``, and whatever else the provider takes); ``max_tokens`` is the longest reply. These, with
    ``base_url``, shape the replies. The others shape only how fast they come: ``concurrency`` (most requests in
    flight), ``rpm`` and ``tpm`` (requests and tokens a minute), ``timeout`` (seconds a request may take), ``deadline``
    (seconds an ask may take with all its retries), ``context`` (tokens the model can read; none: asked of the server,
    or not checked), ``reply_mode`` (none: found out).
    """

    model: str = BUILTIN
    base_url: str | None = None
    max_tokens: int = Field(default=1024, ge=1)
    parameters: dict[str, Any] = Field(default_factory=dict)
    context: int | None = Field(default=None, ge=256)
    reply_mode: ReplyMode | None = None
    concurrency: int = Field(default=32, ge=1, le=1024)
    rpm: int | None = Field(default=None, ge=1)
    tpm: int | None = Field(default=None, ge=1)
    timeout: float = Field(default=120, gt=0, allow_inf_nan=False)
    deadline: float = Field(default=600, gt=0, allow_inf_nan=False)

    @property
    def builtin(self) -> bool:
        """True when no language model is meant."""
        return self.model == BUILTIN

    @property
    def shape(self) -> dict[str, Any]:
        """What of it may change a reply."""
        return self.model_dump(mode="json", include={"model", "base_url", "max_tokens", "parameters"})


def _read(value: Any) -> Any:
    return {"model": value} if isinstance(value, str) else value


def _write(value: ModelChoice) -> Any:
    fields = value.model_dump(mode="json", exclude_defaults=True)
    return value.model if set(fields) <= {"model"} else fields


Choice = Annotated[ModelChoice, BeforeValidator(_read), PlainSerializer(_write)]
"""A :class:`ModelChoice` that YAML may write as its name alone."""
