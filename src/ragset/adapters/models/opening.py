"""From ``provider:name`` and the environment to an open transport.

A provider is never guessed from a model's name. It is named, or the environment names it: by the only base URL that is
set, by ``MODEL=provider/name``, or (for ``env`` alone) by the only key that is set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

from ragset.adapters.models.addresses import from_variable, normalised, same_server
from ragset.adapters.models.keys import Key
from ragset.adapters.models.outside import loopback
from ragset.adapters.models.presets import GENERIC_KEYS, MODEL_NAMES, PRESETS, Preset, find_preset
from ragset.errors import ModelSetupError, did_you_mean
from ragset.schema.models import ModelChoice

if TYPE_CHECKING:
    from ragset.adapters.models.http import Http
    from ragset.adapters.models.modes import Notes
    from ragset.adapters.models.transport import Transport

ENV = "env"
"""The model that the environment names."""

_SAY = "say provider:name, for example ollama:llama3.2"


@dataclass(frozen=True, slots=True)
class Resolved:
    """A model that can be opened: nothing is left to be looked up, and nothing of it shows the key."""

    preset: Preset
    name: str
    base_url: str
    key: Key | None
    key_variable: str | None
    base_variable: str | None
    choice: ModelChoice
    key_hint: str = ""

    @property
    def model(self) -> str:
        """``provider:name``."""
        return f"{self.preset.name}:{self.name}"


@dataclass(frozen=True, slots=True)
class _Named:
    """A provider and a model's name, and the base URL where the environment gave one."""

    preset: Preset
    name: str
    base_url: str | None = None
    base_variable: str | None = None
    generic: bool = False


def parse_model(text: str) -> tuple[str, str]:
    """Split ``provider:name`` at the first colon; the provider is empty where none of the known ones is named.

    Raises ``ModelSetupError`` for a provider without a model.
    """
    head, colon, name = text.strip().partition(":")
    preset = find_preset(head) if colon else None
    if preset is None:
        return "", text.strip()
    if not name.strip():
        raise ModelSetupError(f"'{preset.name}:' names no model", hint=f"write {preset.name}:NAME; see: ragset models")
    return preset.name, name.strip()


def resolve(
    choice: ModelChoice,
    environment: Mapping[str, str],
    *,
    trusted: bool = False,
    from_file: frozenset[str] = frozenset(),
    needs_key: bool = True,
) -> Resolved:
    """Find provider, address and key of a choice; raises ``ModelSetupError`` for whatever is missing or wrong.

    A flow may come from anyone, and so may the folder one works in. So a key goes only to this machine, to the
    provider's own address, where a variable of the environment says, or where the user says (``trusted``: the choice's
    ``base_url`` is from the command line or from Python). ``from_file`` names the variables that ``.env`` alone sets:
    it must not say where a key of the environment goes. A model that is not going to be called needs no key.
    """
    named = _named(choice.model, environment)
    preset = named.preset
    if preset.kind == "transformers":
        return Resolved(preset, named.name, "", None, None, None, choice)
    base, variable = _base_url(named, choice, environment)
    generic = named.generic or preset.name == "compatible"
    variables = tuple(dict.fromkeys((*GENERIC_KEYS, *preset.keys) if generic else preset.keys))
    close = _close_by(base, preset) or (trusted and choice.base_url is not None)
    own = close or variable is not None
    key, key_variable = _key(variables, environment) if own else (None, None)
    if key_variable and not close and variable in from_file and key_variable not in from_file:
        what = f"{variable} is set by .env, and {key_variable} by the environment"
        raise ModelSetupError(what, where=f"{preset.name}:{named.name}", hint="set both in one place")
    if needs_key and key is None and preset.key_required and same_server(base, preset.base_url):
        raise ModelSetupError(
            f"needs a key, and {_one_of(preset.keys)} is not set",
            where=f"{preset.name}:{named.name}",
            hint="set it in the environment or in .env",
        )
    hint = f"check {key_variable}" if key_variable else f"set {_one_of(variables)}"
    if not own:
        says = named.base_variable or preset.bases[0]
        hint = f"a key goes to an address of a flow only when {says} says so too: set it to {base}, or use --base-url"
    return Resolved(preset, named.name, base, key, key_variable, variable, choice, hint)


def open_transport(resolved: Resolved, notes: Notes | None = None) -> Transport:
    """Open a transport; no request is sent yet. ``notes`` remembers across runs how the server gives JSON."""
    preset, choice = resolved.preset, resolved.choice
    if preset.kind == "transformers":
        module = import_module("ragset.adapters.models.transformers_model")
        return cast("Transport", module.TransformersTransport(resolved.name, choice))
    from ragset.adapters.models.modes import Modes
    from ragset.adapters.models.ollama import OllamaChat
    from ragset.adapters.models.openai_chat import OpenAIChat

    http = open_http(resolved)
    place = f"{resolved.base_url} {resolved.name}"
    modes = Modes(preset.modes, key=place, notes=notes, fixed=choice.reply_mode)
    if preset.kind == "ollama":
        return OllamaChat(resolved.name, http, modes, context=choice.context)
    return OpenAIChat(preset, resolved.name, http, modes, context=choice.context)


def open_http(resolved: Resolved) -> Http:
    """Make the client of a model's server."""
    from ragset.adapters.models.faults import Address
    from ragset.adapters.models.http import Http

    ollama = resolved.preset.kind == "ollama"
    missing = f"run: ollama pull {resolved.name}" if ollama else "check the name: ragset models lists what there is"
    address = Address(resolved.model, resolved.base_url, resolved.key_hint, missing, resolved.key, ollama)
    return Http(resolved.base_url, address, resolved.key, timeout=resolved.choice.timeout)


def configured_bases(environment: Mapping[str, str]) -> dict[str, str]:
    """Give the providers whose base URL the environment sets, and the variable that does."""
    found = ((preset.name, _first(preset.bases, environment)) for preset in PRESETS.values())
    return {name: variable for name, variable in found if variable}


def configured_key(preset: Preset, environment: Mapping[str, str]) -> str | None:
    """Give the variable that holds the provider's key, or none."""
    return _first(preset.keys, environment)


def _named(text: str, environment: Mapping[str, str]) -> _Named:
    if text.strip() == ENV:
        return _from_environment(environment)
    provider, name = parse_model(text)
    if provider:
        return _Named(PRESETS[provider], name)
    bases = configured_bases(environment)
    head, colon, _ = name.partition(":")
    if len(bases) == 1:
        preset = PRESETS[next(iter(bases))]
        if not colon or preset.kind == "ollama" or not head.isalpha():  # an Ollama model's tag follows a colon
            return _Named(preset, name)
    if colon:
        raise ModelSetupError(
            f"unknown provider '{head}'", where=text, hint=f"{did_you_mean(head, PRESETS)} ({_SAY}; see: ragset models)"
        )
    if len(bases) > 1:
        raise _too_many(bases, text)
    hint = f"{_SAY} ({did_you_mean(name.partition('/')[0], PRESETS)})"
    raise ModelSetupError("names no provider, and no base URL is set in the environment", where=text, hint=hint)


def _from_environment(environment: Mapping[str, str]) -> _Named:
    """Find the model that the environment names, in the spellings of the tools that people come from."""
    variable = _first(MODEL_NAMES, environment)
    if variable is None:
        raise ModelSetupError(
            f"the environment names no model: {_one_of(MODEL_NAMES)} is not set",
            where=f"model {ENV}",
            hint="set MODEL, for example MODEL=ollama/llama3.2, or say provider:name",
        )
    text = environment[variable].strip()
    bases = configured_bases(environment)
    provider, name = parse_model(text)
    if not provider:
        provider, name = _slashed(text, bases)
    if provider:
        return _at_generic_base(PRESETS[provider], name, bases, environment)
    if len(bases) > 1:
        raise _too_many(bases, f"{variable}={text}")
    owners = list(bases) or [preset.name for preset in PRESETS.values() if configured_key(preset, environment)]
    owners = owners if bases else [name for name in owners if name != "compatible"]
    if len(owners) == 1:
        return _Named(PRESETS[owners[0]], text)
    what = f"names no provider, and {'several keys are' if owners else 'no base URL is'} set in the environment"
    raise ModelSetupError(what, where=f"{variable}={text}", hint=_SAY)


def _slashed(text: str, bases: Mapping[str, str]) -> tuple[str, str]:
    """Read ``ollama/llama3.1``; at a service whose own names have slashes, only its own name before one counts."""
    head, slash, name = text.partition("/")
    preset = find_preset(head) if slash else None
    if preset is None or not name:
        return "", text
    only = next(iter(bases)) if len(bases) == 1 else None
    foreign = only not in (None, preset.name, "compatible") and PRESETS[str(only)].slashed
    return ("", text) if foreign else (preset.name, name)


def _at_generic_base(preset: Preset, name: str, bases: Mapping[str, str], environment: Mapping[str, str]) -> _Named:
    """Let a provider that was named listen at its own base URL, or else at ``BASE_URL``."""
    variable = bases.get("compatible")
    if preset.name in bases or variable is None or preset.kind == "transformers":
        return _Named(preset, name)
    return _Named(preset, name, from_variable(preset, variable, environment[variable]), variable, generic=True)


def _base_url(named: _Named, choice: ModelChoice, environment: Mapping[str, str]) -> tuple[str, str | None]:
    """Give the base URL and the variable it comes from: the choice's own goes before the environment's."""
    preset = named.preset
    variable = _first(preset.bases, environment)
    from_environment = from_variable(preset, variable, environment[variable]) if variable else None
    if choice.base_url:
        given = normalised(choice.base_url, preset.kind, "base_url")
        said = {named.base_url: named.base_variable, from_environment: variable}
        return given, said.get(given)
    if named.base_url:
        return named.base_url, named.base_variable
    if from_environment:
        return from_environment, variable
    if preset.base_url is None:
        raise ModelSetupError(
            "has no address",
            where=f"{preset.name}:{named.name}",
            hint=f"give a base URL (--base-url), or set {_one_of(preset.bases)}",
        )
    return preset.base_url, None


def _close_by(base: str, preset: Preset) -> bool:
    """Tell whether the provider's key may go there whoever says so: to this machine, or where it belongs."""
    return loopback(base) or same_server(base, preset.base_url)


def _key(variables: tuple[str, ...], environment: Mapping[str, str]) -> tuple[Key | None, str | None]:
    variable = _first(variables, environment)
    if variable is None:
        return None, None
    value = environment[variable].strip().strip("\"'")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ModelSetupError(
            "the key holds characters that no key has", where=variable, hint="copy it again, without spaces or quotes"
        )
    return Key(value), variable


def _first(variables: tuple[str, ...], environment: Mapping[str, str]) -> str | None:
    return next((name for name in variables if environment.get(name, "").strip().strip("\"'")), None)


def _one_of(variables: tuple[str, ...]) -> str:
    return " or ".join(variables[:2])


def _too_many(bases: Mapping[str, str], where: str) -> ModelSetupError:
    listed = ", ".join(f"{variable} ({name})" for name, variable in bases.items())
    return ModelSetupError(f"names no provider, and several base URLs are set: {listed}", where=where, hint=_SAY)
