"""The providers of language models: where each one listens, which key it wants, and how it likes to be asked.

A preset is a row of facts about a service, taken from its own documentation; nothing here opens a connection. Every
service that speaks OpenAI's chat completions is a row of kind ``openai``; Ollama's own API and in-process transformers
are kinds of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ragset.schema.models import ReplyMode

Kind = Literal["openai", "ollama", "transformers"]

ALL_MODES: tuple[ReplyMode, ...] = ("json_schema", "json_object", "tools", "text")
NO_TOOLS: tuple[ReplyMode, ...] = ("json_schema", "json_object", "text")

GENERIC_KEYS = ("LLM_API_KEY", "API_KEY")
"""Keys that belong to whatever service ``BASE_URL`` or ``LLM_API_URL`` points to."""

GENERIC_BASES = ("BASE_URL", "LLM_API_URL")
MODEL_NAMES = ("MODEL", "LLM_NAME")
"""Variables that may name the model for ``--model env``."""


@dataclass(frozen=True, slots=True)
class Preset:
    """One provider.

    ``base_url`` is where it listens by default (none: must be given). ``keys`` and ``bases`` are the variables that
    may hold the key and the base URL, first come first. ``length`` and ``seed`` are what it calls the longest reply
    and the seed (none: it has no seed). ``modes`` are the ways to ask for JSON, in the order to try. ``strict`` says
    that it wants schemas in OpenAI's strict dialect, ``object_schema`` that a schema goes along with the type
    ``json_object``, ``named_tool`` that a request may name the tool to call. ``slashed`` says that its model names have
    slashes of their own.
    """

    name: str
    kind: Kind = "openai"
    base_url: str | None = None
    keys: tuple[str, ...] = ()
    key_required: bool = False
    bases: tuple[str, ...] = ()
    length: str = "max_tokens"
    seed: str | None = "seed"
    modes: tuple[ReplyMode, ...] = ALL_MODES
    strict: bool = True
    object_schema: bool = False
    named_tool: bool = True
    slashed: bool = False

    @property
    def local(self) -> bool:
        """True when it listens on this machine by default."""
        return bool(self.base_url and "//127.0.0.1" in self.base_url)


_HF_KEYS = ("HF_TOKEN", *(f"HF_TOKEN_{n}" for n in range(1, 10)), "HUGGINGFACE_API_KEY", "HUGGINGFACEHUB_API_TOKEN")

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "openai",
            base_url="https://api.openai.com/v1",
            keys=("OPENAI_API_KEY",),
            key_required=True,
            bases=("OPENAI_BASE_URL", "OPENAI_API_BASE"),
            length="max_completion_tokens",  # its reasoning models refuse max_tokens, and no model refuses this one
        ),
        Preset(
            "ollama",
            "ollama",
            "http://127.0.0.1:11434",
            ("OLLAMA_API_KEY",),
            False,
            ("OLLAMA_BASE_URL", "OLLAMA_HOST"),
            "num_predict",
            "seed",
            NO_TOOLS,
            False,
        ),
        Preset(
            "vllm",
            base_url="http://127.0.0.1:8000/v1",
            keys=("VLLM_API_KEY",),
            bases=("VLLM_BASE_URL",),
            strict=False,  # it constrains decoding by the schema as it is, minimum lengths and all
            slashed=True,
        ),
        Preset(
            "lmstudio",
            base_url="http://127.0.0.1:1234/v1",
            keys=("LMSTUDIO_API_KEY", "LM_API_TOKEN"),
            bases=("LMSTUDIO_BASE_URL", "LM_STUDIO_BASE_URL"),
            modes=("json_schema", "tools", "text"),  # it refuses json_object
            strict=False,
            named_tool=False,  # it refuses a tool_choice that is no string
            slashed=True,
        ),
        Preset(
            "llamacpp",
            base_url="http://127.0.0.1:8080/v1",
            keys=("LLAMACPP_API_KEY", "LLAMA_API_KEY"),
            bases=("LLAMACPP_BASE_URL", "LLAMA_CPP_BASE_URL"),
            strict=False,
            named_tool=False,  # it takes a tool_choice that is no string for "auto"
            slashed=True,
        ),
        Preset(
            "cohere",
            base_url="https://api.cohere.ai/compatibility/v1",
            keys=("COHERE_API_KEY", "CO_API_KEY"),
            key_required=True,
            bases=("COHERE_BASE_URL",),
            modes=NO_TOOLS,  # its compatibility endpoint has tools, but lists no tool_choice
            object_schema=True,
        ),
        Preset(
            "huggingface",
            base_url="https://router.huggingface.co/v1",
            keys=_HF_KEYS,
            key_required=True,
            bases=("HUGGINGFACE_BASE_URL", "HF_BASE_URL"),
            slashed=True,
        ),
        Preset(
            "mistral",
            base_url="https://api.mistral.ai/v1",
            keys=("MISTRAL_API_KEY",),
            key_required=True,
            bases=("MISTRAL_BASE_URL",),
            seed="random_seed",
        ),
        Preset(
            "openrouter",
            base_url="https://openrouter.ai/api/v1",
            keys=("OPENROUTER_API_KEY",),
            key_required=True,
            bases=("OPENROUTER_BASE_URL",),
            slashed=True,
        ),
        Preset("compatible", keys=GENERIC_KEYS, bases=GENERIC_BASES, slashed=True),
        Preset("transformers", "transformers", modes=("json_schema", "text"), slashed=True),
    )
}
"""All providers by name."""

ALIASES = {
    "hf": "huggingface",
    "llama.cpp": "llamacpp",
    "llama-cpp": "llamacpp",
    "lm-studio": "lmstudio",
    "lm_studio": "lmstudio",
    "hosted_vllm": "vllm",
    "openai-compatible": "compatible",
}
"""Other spellings of providers' names."""


def find_preset(name: str) -> Preset | None:
    """Give the preset of that name or spelling, or none."""
    plain = name.strip().lower()
    return PRESETS.get(ALIASES.get(plain, plain))
