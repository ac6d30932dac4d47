"""Which models are meant: what was named for the roles becomes choices, and is written into the flow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pydantic import ValidationError

from ragset.api.roles import PYTHON, ROLES, ModelLike, ModelOptions
from ragset.errors import UsageError
from ragset.flow.compile import Flow, compile_flow
from ragset.schema.models import BUILTIN, ModelChoice, hint_for
from ragset.schema.ports import Role


def chosen(flow: Flow, options: ModelOptions) -> Flow:
    """Write the models that were named into the flow."""
    named = _named(options)
    served = _served(named) if options.get("base_url") else frozenset[str]()
    choices = {role: _choice(model, options, served) for role, model in named.items()}
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


def _served(named: Mapping[Role, Any]) -> frozenset[str]:
    """Name the provider that ``base_url`` is for; raises ``UsageError`` where that could be several.

    Beside a provider that is served by its user it is for none that is a service: its key is nobody else's business.
    """
    from ragset.adapters.models.opening import parse_model
    from ragset.adapters.models.presets import PRESETS

    texts = {_name_of(model) for model in named.values()} - {None, BUILTIN}
    providers = {parse_model(text)[0] for text in texts if text}
    own = {name for name in providers if name not in PRESETS or not PRESETS[name].key_required}
    found = own if len(providers) > 1 else providers
    if len(found) == 1 or not providers:
        return frozenset(found)
    what = f"--base-url is for one provider, and {' and '.join(sorted(name or 'none' for name in providers))} are named"
    hint = "set the address of each by its variable: ragset models shows them"
    raise UsageError(what, hint=hint)


def _name_of(model: ModelLike) -> str | None:
    """Give ``provider:name`` of a model that is no object."""
    if isinstance(model, ModelChoice):
        return model.model
    return str(model.get("model", BUILTIN)) if isinstance(model, Mapping) else model if isinstance(model, str) else None


def _choice(model: ModelLike, options: ModelOptions, served: frozenset[str]) -> ModelChoice:
    from ragset.adapters.models.opening import parse_model

    given: Mapping[str, Any] = {**options}
    extra: dict[str, Any] = {key: given[key] for key in ("base_url", "concurrency") if given.get(key) is not None}
    name = _name_of(model)
    if name is None or parse_model(name)[0] not in served:
        extra.pop("base_url", None)
    if isinstance(model, ModelChoice):
        model = model.model_dump(exclude_defaults=True)
    elif isinstance(model, str):
        model, extra = {"model": model}, {} if model == BUILTIN else extra
    elif not isinstance(model, Mapping):
        model = {"model": f"{PYTHON}:{type(model).__name__}"}
    try:
        return ModelChoice.model_validate({**cast("Mapping[str, Any]", model), **extra})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        known = hint_for(place) if first["type"] == "extra_forbidden" else None
        raise UsageError(
            f"field '{place}' of a model: {first['msg'].removeprefix('Value error, ')}", hint=known
        ) from None
