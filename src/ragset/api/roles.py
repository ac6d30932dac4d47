"""Who does what: the models of a run, opened once, with one cache, one budget and one account for all of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, cast

from ragset.adapters.models.paid import Paid
from ragset.errors import ModelSetupError, UsageError
from ragset.flow.compile import Flow
from ragset.kit.prices import PriceTable
from ragset.schema.ids import digest
from ragset.schema.models import BUILTIN, ModelChoice
from ragset.schema.ports import Ask, LanguageModel, Reply, Role
from ragset.schema.samples import Usage
from ragset.settings import cache_path, dotenv_only, environment, prices_file

if TYPE_CHECKING:
    from ragset.adapters.models.budget import Budget
    from ragset.adapters.models.limiter import Limiter
    from ragset.adapters.models.modes import Notes
    from ragset.adapters.models.opening import Resolved
    from ragset.adapters.models.pacing import PacedModel
    from ragset.adapters.models.reply_cache import ReplyCache
    from ragset.adapters.models.transport import Transport

ROLES: tuple[Role, ...] = ("writer", "answerer", "judge")

PYTHON = "python"
"""Provider of a model that is a Python object."""

REPLY_SHARE = 4
"""Part of an object's context, or of a small one (one in so many), that is left to the reply by default."""

LEAST_REPLY = 500
"""Tokens of a reply with less of which a context is too small to work in."""

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
    notes: Notes | None = None
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


@dataclass(frozen=True, slots=True)
class Named:
    """A model that is not opened: enough to say who does what, and that nothing is missing."""

    name: str
    fingerprint: str = ""

    async def complete(self, ask: Ask) -> Reply:
        """Refuse."""
        raise ModelSetupError("is not opened", where=self.name)


@dataclass(frozen=True, slots=True)
class NamedModels:
    """The models that a flow names, by role, and what their tokens cost."""

    models: dict[Role, LanguageModel]
    prices: PriceTable


def named_models(flow: Flow, options: SpendingOptions, *, probe: bool = True) -> NamedModels:
    """Find out who the models of a flow are, where, and at what price; makes no file and asks no server.

    Raises ``ModelSetupError`` (unknown provider, bad address, missing key), and ``UsageError`` for prices that cannot
    be read, or that a limit on cost lacks.
    """
    prices, places = PriceTable.load(options.get("prices") or prices_file()), _Places.of(options, probe=probe)
    models: dict[Role, LanguageModel] = {role: Named(places.name(role, c)) for role, c in _wanted(flow).items()}
    found = NamedModels(models, prices)
    _refuse_unpriced(found, options)
    return found


def _wanted(flow: Flow) -> dict[Role, ModelChoice]:
    return {role: choice for role, choice in flow.models.items() if not choice.builtin}


@asynccontextmanager
async def opened_models(
    flow: Flow, options: SpendingOptions, say: Callable[[str], None], *, probe: bool = True
) -> AsyncGenerator[Opened]:
    """Open the models that a flow names, with one cache, budget and account for all.

    ``probe`` (unless replies come from the cache alone) wants their keys, and asks their servers what they can do;
    without it no model may be called, and context lengths that no one gave are not known.

    Raises ``ModelSetupError`` (unknown provider or model, missing or wrong key) and ``UnreachableError``, before any
    work is done.
    """
    from ragset.adapters.models.budget import Budget
    from ragset.adapters.models.reply_cache import ReplyCache

    prices = named_models(flow, options, probe=probe).prices
    if not (wanted := _wanted(flow)):
        yield Opened(prices=prices)
        return
    limits = (options.get("max_calls"), options.get("max_tokens"), options.get("max_cost"))
    opened = Opened(budget=Budget(*limits, price=prices.cost), prices=prices)
    async with AsyncExitStack() as stack:
        cache = ReplyCache(cache_path(options.get("cache")), say)
        stack.callback(cache.close)
        opened.notes = cache
        opener = _Opener(cache, _Places.of(options, probe=probe), say)
        for role, choice in wanted.items():
            opened.models[role] = await opener.open(role, choice, opened, stack)
        yield opened


@dataclass(frozen=True, slots=True)
class _Places:
    """Where models are, by what options and the environment say; ``probe`` wants keys, and servers to be asked."""

    options: SpendingOptions
    known: Mapping[str, str]
    probe: bool

    @classmethod
    def of(cls, options: SpendingOptions, *, probe: bool) -> _Places:
        """Read the environment; what is taken from the cache alone needs no server."""
        return cls(options, environment(), probe and not options.get("replay"))

    def name(self, role: Role, choice: ModelChoice) -> str:
        """Give ``provider:name`` of a model that can be opened."""
        given = self.given(role)
        return self.resolved(choice).model if given is None else self.transport_of(given, choice).name

    def given(self, role: Role) -> Any:
        """Give the Python object that fills a role, or none."""
        return (self.options.get("objects") or {}).get(role)

    def resolved(self, choice: ModelChoice) -> Resolved:
        """Find provider, address and key of a model that is no object."""
        from ragset.adapters.models.opening import resolve

        trusted = choice.base_url in self.options.get("trusted", frozenset())
        return resolve(choice, self.known, trusted=trusted, from_file=dotenv_only(), needs_key=self.probe)

    def transport_of(self, given: Any, choice: ModelChoice) -> Transport:
        """Give the way to a model that is an object."""
        from ragset.adapters.models.object_model import ObjectTransport

        if isinstance(given, LanguageModel):
            return ObjectTransport(given)
        from ragset.adapters.models.llama_index_model import LlamaIndexTransport

        return LlamaIndexTransport(given, choice)


@dataclass
class _Opener:
    """Opens models one after another; roles that ask the same server the same way share its connections and pace."""

    cache: ReplyCache
    places: _Places
    say: Callable[[str], None]
    paced: dict[str, PacedModel] = field(default_factory=dict[str, "PacedModel"])
    limiters: dict[tuple[str, ...], Limiter] = field(default_factory=dict[tuple[str, ...], "Limiter"])

    async def open(self, role: Role, choice: ModelChoice, opened: Opened, stack: AsyncExitStack) -> LanguageModel:
        """Give the model of a role."""
        from ragset.adapters.models.reply_cache import CachedModel

        given = self.places.given(role)
        key = digest(choice.model_dump(mode="json"), id(given))
        if key not in self.paced:
            self.paced[key] = await self._paced(choice, given, opened, stack)
        # What shapes the replies of an object is known where it says so itself.
        cache = self.cache if given is None or isinstance(given, LanguageModel) else None
        replay = bool(self.places.options.get("replay"))
        paced = self.paced[key]
        return CachedModel(paced, cache, role, paced.choice, replay=replay, paid=opened.paid)

    async def _paced(self, choice: ModelChoice, given: Any, opened: Opened, stack: AsyncExitStack) -> PacedModel:
        from ragset.adapters.models.limiter import Limiter
        from ragset.adapters.models.pacing import PacedModel

        transport = self._transport(choice, given)
        stack.push_async_callback(transport.aclose)
        if self.places.probe:
            await transport.check()
        choice = _fitted(choice, transport) if given is not None else self._fitted(choice, transport)
        _refuse_no_room(transport, choice)
        if transport.identity[0] == "transformers":
            choice = choice.model_copy(update={"concurrency": 1})  # one reply is made at a time in a process
        place = transport.identity
        limiter = self.limiters.setdefault(place, Limiter(choice.concurrency, rpm=choice.rpm, tpm=choice.tpm))
        limiter.tighten(choice.concurrency, choice.rpm, choice.tpm)
        budget = cast("Budget", opened.budget)
        return PacedModel(transport, choice, limiter, budget, self.say)

    def _fitted(self, choice: ModelChoice, transport: Transport) -> ModelChoice:
        """Let the default length of a reply leave room in a small context; what was found is known without a server."""
        if "max_tokens" in choice.model_fields_set:
            return choice
        note = " ".join(map(str, ("longest reply", *transport.identity, choice.context or "")))
        if self.places.probe:
            context = choice.context or transport.context or inf
            small = choice.max_tokens * 2 > context >= REPLY_SHARE * LEAST_REPLY
            fitted = _fitted(choice, transport) if small else choice
            if str(fitted.max_tokens) != (self.cache.recall(note) or str(choice.max_tokens)):
                self.cache.remember(note, str(fitted.max_tokens))
            return fitted
        known = self.cache.recall(note)
        return choice.model_copy(update={"max_tokens": int(known)}) if known else choice

    def _transport(self, choice: ModelChoice, given: Any) -> Transport:
        from ragset.adapters.models.opening import open_transport

        if given is not None:
            return self.places.transport_of(given, choice)
        return open_transport(self.places.resolved(choice), self.cache)


def _fitted(choice: ModelChoice, transport: Transport) -> ModelChoice:
    """Let the longest reply follow from what a Python object says of itself, where nobody says how long it may be."""
    if "max_tokens" in choice.model_fields_set:
        return choice
    context = choice.context or transport.context
    most = (choice.max_tokens, getattr(transport, "longest", None), context and max(1, context // REPLY_SHARE))
    return choice.model_copy(update={"max_tokens": min(length for length in most if length)})


def _refuse_no_room(transport: Transport, choice: ModelChoice) -> None:
    """Refuse replies so long that nothing fits beside them: every call would be refused later."""
    context, longest = choice.context or transport.context, choice.max_tokens
    if context is not None and longest >= context:
        what = f"replies of up to {longest} tokens leave no room for a prompt in its context of {context}"
        hint = "lower max_tokens (models in the flow), or use a model with a longer context"
        raise ModelSetupError(what, where=transport.name, hint=hint)
    if choice.tpm is not None and longest >= choice.tpm:
        what = f"replies of up to {longest} tokens are more than a minute allows ({choice.tpm})"
        raise ModelSetupError(what, where=transport.name, hint="raise tpm, or lower max_tokens (models in the flow)")


def _refuse_unpriced(named: NamedModels, options: SpendingOptions) -> None:
    """Refuse a limit on cost that cannot be kept, before anything is paid."""
    if options.get("max_cost") is None:
        return
    for role, model in named.models.items():
        if named.prices.cost(model.name, 1, 1) is None:
            what = f"no price is known for '{model.name}' ({role}), so --max-cost cannot be kept"
            raise UsageError(what, hint="give its price in a file of prices (--prices), or use --max-tokens")
