"""Who does what: the models of a run, opened once, with one cache, one budget and one account for all of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, cast

from pydantic import ValidationError

from ragset.adapters.models.paid import Paid
from ragset.errors import ModelSetupError, UsageError, did_you_mean
from ragset.flow.compile import Flow, compile_flow
from ragset.kit.prices import PriceTable
from ragset.schema.ids import digest
from ragset.schema.models import BUILTIN, ModelChoice
from ragset.schema.ports import LanguageModel, Role
from ragset.schema.samples import Usage
from ragset.settings import cache_path, dotenv_only, environment, prices_file

if TYPE_CHECKING:
    from ragset.adapters.models.budget import Budget
    from ragset.adapters.models.limiter import Limiter
    from ragset.adapters.models.pacing import PacedModel
    from ragset.adapters.models.reply_cache import ReplyCache
    from ragset.adapters.models.transport import Transport

ROLES: tuple[Role, ...] = ("writer", "answerer", "judge")

PYTHON = "python"
"""Provider of a model that is a Python object."""

ModelLike = Any
"""``provider:name``, a ``ModelChoice`` or its fields, a llama-index ``LLM``, or anything with ``complete(Ask)``."""


class SpendingOptions(TypedDict, total=False):
    """Options of everything that may pay a model.

    ``max_calls``, ``max_tokens`` (prompt and completion together) and ``max_cost`` (USD) are hard limits of this run;
    ``cache`` is the file of replies (default ``RAGSET_CACHE`` or the user's cache folder); ``replay`` takes replies
    from it alone; ``prices`` is a YAML file of prices; ``objects`` are models made in Python, by role;
    ``trusted`` are the base URLs that the user named beside the flow: keys may be sent there.
    """

    max_calls: int | None
    max_tokens: int | None
    max_cost: float | None
    cache: str | Path | None
    replay: bool
    prices: str | Path | None
    objects: Mapping[Role, Any] | None
    trusted: frozenset[str]


class ModelOptions(SpendingOptions, total=False):
    """Options that choose models: ``model`` fills all roles, ``answerer`` and ``judge`` one each.

    Each is ``provider:name``, ``builtin``, a ``ModelChoice``, or an object: a llama-index ``LLM`` or a
    :class:`ragset.schema.ports.LanguageModel`. ``base_url`` and ``concurrency`` are for the models named here.
    """

    model: ModelLike
    answerer: ModelLike
    judge: ModelLike
    base_url: str | None
    concurrency: int | None


@dataclass
class Opened:
    """The models of a run by role, and what they share."""

    models: dict[Role, LanguageModel] = field(default_factory=dict[Role, LanguageModel])
    budget: Budget | None = None
    paid: Paid = field(default_factory=Paid)
    prices: PriceTable = field(default_factory=PriceTable)

    def line(self) -> str:
        """Say who does what; no hidden model."""
        if not self.models:
            return "models: builtin (extractive writer and rule judge: no language model, no key, no network)"
        names = {role: self.models[role].name if role in self.models else BUILTIN for role in ROLES}
        return "models: " + ", ".join(f"{role} {name}" for role, name in names.items())

    def spending(self) -> dict[str, Any] | None:
        """Give what was spent of a budget, and what was billed beyond what was reserved; none without a limit."""
        if not self.budget or not self.budget.limited:
            return None
        names = ("calls", "tokens", "cost")
        limits = {name: limit for name, limit in zip(names, self.budget.limits, strict=True) if limit != inf}
        at = {name: names.index(name) for name in limits}
        return {
            name: {"limit": limit, "spent": self.budget.spent[at[name]], "overrun": self.budget.overrun[at[name]]}
            for name, limit in limits.items()
        }

    def finished(self, draw: int) -> None:
        """Say that a draw is decided on: what it did not spend is free for others."""
        if self.budget:
            self.budget.finished(draw)

    def abandoned(self) -> None:
        """Say that all open draws are given up."""
        if self.budget:
            self.budget.close()

    def costing(self, role: str, usage: Usage) -> float | None:
        """Give USD for what a role used; none when its model's price is not known."""
        model = self.models.get(cast("Role", role))
        return self.prices.cost(model.name, usage.prompt_tokens, usage.completion_tokens) if model else None


def chosen(flow: Flow, options: ModelOptions) -> Flow:
    """Write the models that were named into the flow."""
    choices = {role: _choice(model, options) for role, model in _named(options).items()}
    data = flow.dump()
    data["models"] = {**data["models"], **{r: c.model_dump(exclude_defaults=True) for r, c in choices.items()}}
    return compile_flow(data, flow.name)


def objects_of(options: ModelOptions) -> dict[Role, Any]:
    """Give the models that are Python objects, by role."""
    return {
        role: model for role, model in _named(options).items() if not isinstance(model, (str, Mapping, ModelChoice))
    }


def trusted_by(options: ModelOptions) -> frozenset[str]:
    """Give the base URLs that stand in the options themselves: what a flow from elsewhere says is not trusted."""
    chosen = (model for model in _named(options).values() if isinstance(model, (Mapping, ModelChoice)))
    named = (model.base_url if isinstance(model, ModelChoice) else model.get("base_url") for model in chosen)
    return frozenset(base for base in (options.get("base_url"), *named) if base)


def _named(options: ModelOptions) -> dict[Role, Any]:
    named: dict[Role, Any] = {}
    if (model := options.get("model")) is not None:
        named = dict.fromkeys(ROLES, model)
    for role in ROLES[1:]:
        if (model := options.get(role)) is not None:
            named[role] = model
    return named


def _choice(model: ModelLike, options: ModelOptions) -> ModelChoice:
    given: Mapping[str, Any] = {**options}
    extra: dict[str, Any] = {key: given[key] for key in ("base_url", "concurrency") if given.get(key) is not None}
    if isinstance(model, ModelChoice):
        model = model.model_dump(exclude_defaults=True)
    elif isinstance(model, str):
        model, extra = {"model": model}, {} if model == BUILTIN else extra
    elif not isinstance(model, Mapping):
        extra.pop("base_url", None)
        model = {"model": f"{PYTHON}:{type(model).__name__}"}
    try:
        return ModelChoice.model_validate({**cast("Mapping[str, Any]", model), **extra})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        known = did_you_mean(place, ModelChoice.model_fields) if first["type"] == "extra_forbidden" else None
        raise UsageError(
            f"field '{place}' of a model: {first['msg'].removeprefix('Value error, ')}", hint=known
        ) from None


@asynccontextmanager
async def opened_models(flow: Flow, options: SpendingOptions, say: Callable[[str], None]) -> AsyncGenerator[Opened]:
    """Open the models that a flow names, with one cache, budget and account for all.

    Raises ``ModelSetupError`` (unknown provider or model, missing or wrong key) and ``UnreachableError``, before any
    work is done.
    """
    from ragset.adapters.models.budget import Budget
    from ragset.adapters.models.reply_cache import ReplyCache

    wanted: dict[Role, ModelChoice] = {role: choice for role, choice in flow.models.items() if not choice.builtin}
    prices = PriceTable.load(options.get("prices") or prices_file())
    if not wanted:
        yield Opened(prices=prices)
        return
    limits = (options.get("max_calls"), options.get("max_tokens"), options.get("max_cost"))
    opened = Opened(budget=Budget(*limits, price=prices.cost), prices=prices)
    async with AsyncExitStack() as stack:
        cache = ReplyCache(cache_path(options.get("cache")), say)
        stack.callback(cache.close)
        opener = _Opener(cache, options, say, environment())
        for role, choice in wanted.items():
            opened.models[role] = await opener.open(role, choice, opened, stack)
        _refuse_unpriced(opened, options)
        yield opened


@dataclass
class _Opener:
    """Opens models one after another; roles that ask the same server the same way share its connections and pace."""

    cache: ReplyCache
    options: SpendingOptions
    say: Callable[[str], None]
    known: Mapping[str, str]
    paced: dict[str, PacedModel] = field(default_factory=dict[str, "PacedModel"])
    limiters: dict[tuple[str, ...], Limiter] = field(default_factory=dict[tuple[str, ...], "Limiter"])

    async def open(self, role: Role, choice: ModelChoice, opened: Opened, stack: AsyncExitStack) -> LanguageModel:
        """Give the model of a role."""
        from ragset.adapters.models.reply_cache import CachedModel

        given = (self.options.get("objects") or {}).get(role)
        key = digest(choice.model_dump(mode="json"), id(given))
        if key not in self.paced:
            self.paced[key] = await self._paced(choice, given, opened, stack)
        cache = None if given is not None else self.cache  # what shapes the replies of an object is not known
        replay = bool(self.options.get("replay"))
        return CachedModel(self.paced[key], cache, role, choice, replay=replay, paid=opened.paid)

    async def _paced(self, choice: ModelChoice, given: Any, opened: Opened, stack: AsyncExitStack) -> PacedModel:
        from ragset.adapters.models.limiter import Limiter
        from ragset.adapters.models.pacing import PacedModel

        transport = self._transport(choice, given)
        stack.push_async_callback(transport.aclose)
        if not self.options.get("replay"):
            await transport.check()
        _refuse_no_room(transport, choice)
        if transport.identity[0] == "transformers":
            choice = choice.model_copy(update={"concurrency": 1})  # one reply is made at a time in a process
        place = transport.identity
        limiter = self.limiters.setdefault(place, Limiter(choice.concurrency, rpm=choice.rpm, tpm=choice.tpm))
        limiter.tighten(choice.concurrency, choice.rpm, choice.tpm)
        budget = cast("Budget", opened.budget)
        return PacedModel(transport, choice, limiter, budget, self.say)

    def _transport(self, choice: ModelChoice, given: Any) -> Transport:
        from ragset.adapters.models.object_model import ObjectTransport
        from ragset.adapters.models.opening import open_transport, resolve

        if given is None:
            trusted = choice.base_url in self.options.get("trusted", frozenset())
            return open_transport(resolve(choice, self.known, trusted=trusted, from_file=dotenv_only()), self.cache)
        if isinstance(given, LanguageModel):
            return ObjectTransport(given)
        from ragset.adapters.models.llama_index_model import LlamaIndexTransport

        return LlamaIndexTransport(given, choice)


def _refuse_no_room(transport: Transport, choice: ModelChoice) -> None:
    """Refuse replies so long that no prompt would fit beside them: every call would be refused later."""
    context, longest = choice.context or transport.context, choice.max_tokens
    if context is not None and longest >= context:
        what = f"replies of up to {longest} tokens leave no room for a prompt in its context of {context}"
        hint = "lower max_tokens (models in the flow), or use a model with a longer context"
        raise ModelSetupError(what, where=transport.name, hint=hint)


def _refuse_unpriced(opened: Opened, options: SpendingOptions) -> None:
    """Refuse a limit on cost that cannot be kept, before anything is paid."""
    if options.get("max_cost") is None:
        return
    for role, model in opened.models.items():
        if opened.prices.cost(model.name, 1, 1) is None:
            what = f"no price is known for '{model.name}' ({role}), so --max-cost cannot be kept"
            raise UsageError(what, hint="give its price in a file of prices (--prices), or use --max-tokens")
