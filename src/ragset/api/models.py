"""Which models can be used from here: what is configured, what answers, what each server offers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ragset.api.wiring import run_sync
from ragset.errors import ModelSetupError, RagsetError
from ragset.schema.models import ModelChoice
from ragset.settings import dotenv_only, from_dotenv
from ragset.settings import environment as settings_environment

if TYPE_CHECKING:
    from ragset.adapters.models.presets import Preset

_NOTHING: frozenset[str] = frozenset()

PATIENCE = 2.0
"""Seconds a server has to say that it is there."""

_REFUSED, _LISTLESS = "the key is refused", "not found at"
"""How the errors of a server begin that wants another key (401), and of one that lists no models (404)."""

FIRST_MODELS = 5
"""Models that are named for each server; all of them are counted."""


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """What is known of one provider; no field holds a key.

    ``configured`` says that a model of it can be asked, ``problem`` why not, or what its server says instead.
    ``base_from`` and ``key_from`` name the variables (``.env`` is said where that file sets them); one that holds no
    address leaves ``base_url`` empty. ``reachable`` says that a server answered; none: nobody was asked. ``models``
    counts what it offers (none: it does not tell), ``first`` names some, ``contexts`` gives tokens where it tells them.
    """

    provider: str
    configured: bool
    base_url: str = ""
    base_from: str = ""
    key: str = ""
    key_from: str = ""
    reachable: bool | None = None
    models: int | None = None
    first: tuple[str, ...] = ()
    contexts: dict[str, int] | None = None
    problem: str = ""

    def dump(self) -> dict[str, Any]:
        """Give plain data."""
        return asdict(self)


def list_models(*, check: bool = True, environment: Mapping[str, str] | None = None) -> list[ModelStatus]:
    """List all providers: configured or not, where, with which key (masked), and, checked, what answers there.

    Only servers that are configured, or that would be on this machine, are asked. ``environment`` is read in place of
    the variables and ``.env``.
    """
    known, files = (settings_environment(), dotenv_only()) if environment is None else (environment, _NOTHING)
    found = [_status(name, known, files) for name in _names()]
    return run_sync(probe(found, known, files)) if check else found


def model_of_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Say what ``--model env`` means here: ``model`` and ``base_url``, or the ``problem``.

    ``variable`` goes with a problem where the environment names a model.
    """
    from ragset.adapters.models.opening import ENV, resolve
    from ragset.adapters.models.presets import MODEL_NAMES

    known: Mapping[str, str] = {}
    try:
        known, files = (settings_environment(), dotenv_only()) if environment is None else (environment, _NOTHING)
        found = resolve(ModelChoice(model=ENV), known, from_file=files)
    except RagsetError as error:
        named = next((name for name in MODEL_NAMES if known.get(name, "").strip()), None)
        return {"problem": _masked(str(error), error.where, known), **({"variable": named} if named else {})}
    return {"model": found.model, "base_url": found.base_url}


async def probe(
    found: Sequence[ModelStatus], environment: Mapping[str, str], from_file: frozenset[str] = _NOTHING
) -> list[ModelStatus]:
    """Ask all configured servers at once what they offer; each has two seconds."""
    return list(await asyncio.gather(*(_probed(status, environment, from_file) for status in found)))


def _names() -> list[str]:
    from ragset.adapters.models.presets import PRESETS

    return list(PRESETS)


def _status(provider: str, environment: Mapping[str, str], from_file: frozenset[str]) -> ModelStatus:
    from ragset.adapters.models.opening import resolve
    from ragset.adapters.models.presets import PRESETS

    preset = PRESETS[provider]
    if preset.kind == "transformers":
        there = find_spec("transformers") is not None
        return ModelStatus(provider, there, problem="" if there else "transformers is not installed")
    try:
        found = resolve(ModelChoice(model=f"{provider}:-"), environment, from_file=from_file)
    except RagsetError as error:
        return _unusable(preset, error, environment)
    return ModelStatus(
        provider,
        configured=True,
        base_url=found.base_url,
        base_from=_source(found.base_variable),
        key=str(found.key) if found.key else "",
        key_from=_source(found.key_variable),
    )


def _unusable(preset: Preset, error: RagsetError, environment: Mapping[str, str]) -> ModelStatus:
    from ragset.adapters.models.addresses import from_variable
    from ragset.adapters.models.opening import configured_bases, configured_key

    key, base = configured_key(preset, environment), configured_bases(environment).get(preset.name)
    try:
        url = from_variable(preset, base, environment[base]) if base else preset.base_url or ""
    except RagsetError:
        url = ""
    where = f"{error.where}: " if error.where in (key, base) else ""
    problem = _masked(where + _with_hint(error), error.where, environment)
    return ModelStatus(
        preset.name, False, base_url=url, base_from=_source(base), key_from=_source(key), problem=problem
    )


def _with_hint(error: RagsetError) -> str:
    return f"{error.what}; {error.hint}" if error.hint else error.what


def _masked(problem: str, where: str | None, environment: Mapping[str, str]) -> str:
    """Take out whatever looks like a key, and all of an address that may hold a password."""
    from ragset.adapters.models.faults import without_secrets

    quoted = "@" in environment.get(where or "", "")
    return without_secrets(re.sub("'.*'", "'***'", problem) if quoted else problem)


def _source(variable: str | None) -> str:
    if not variable:
        return ""
    return f"{variable} (.env)" if from_dotenv(variable) else variable


async def _probed(status: ModelStatus, environment: Mapping[str, str], from_file: frozenset[str]) -> ModelStatus:
    if not status.configured or not status.base_url:
        return status
    try:
        offered = await _offered(status.provider, environment, from_file)
    except RagsetError as error:
        return _without_list(status, error)
    contexts = {name: length for name, length in offered.items() if length}
    return replace(
        status, reachable=True, models=len(offered), first=tuple(offered)[:FIRST_MODELS], contexts=contexts or None
    )


def _without_list(status: ModelStatus, error: RagsetError) -> ModelStatus:
    """Say what it means that no list came: nobody is there, the server refuses, or it has none (which is no harm)."""
    from ragset.adapters.models.transport import Disconnected, TimedOut

    silent = isinstance(error, Disconnected | TimedOut)
    refused = error.what.startswith(_REFUSED)
    if not (status.base_from or status.key_from or refused):  # a default that nobody set up is no problem
        return replace(status, reachable=False)
    problem = _with_hint(error) if isinstance(error, ModelSetupError) else error.what
    return replace(status, reachable=not silent, problem="" if error.what.startswith(_LISTLESS) else problem)


async def _offered(provider: str, environment: Mapping[str, str], from_file: frozenset[str]) -> dict[str, int | None]:
    """Ask one server for its models, and how many tokens each can read where it tells."""
    from ragset.adapters.models.openai_chat import contexts_in
    from ragset.adapters.models.opening import open_http, resolve

    resolved = resolve(ModelChoice(model=f"{provider}:-"), environment, from_file=from_file)
    http = open_http(resolved)
    try:
        return contexts_in(await http.get("api/tags" if resolved.preset.kind == "ollama" else "models", PATIENCE))
    finally:
        await http.aclose()
