"""Settings: every spelling of the environment and of ``.env``, and what each one means."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ragset import settings
from ragset.adapters.models.opening import open_transport, parse_model, resolve
from ragset.api.choosing import chosen
from ragset.api.models import list_models, model_of_environment
from ragset.cli.models import models
from ragset.errors import FlowError, ModelSetupError, UnreachableError, UsageError
from ragset.flow.compile import compile_flow, load_flow
from ragset.schema.models import ModelChoice
from test_kill_build import write_corpus

KEY = "sk-test-0123456789-SECRETSECRET-wxyz"
LOCAL = "http://127.0.0.1:8000/v1"
OLLAMA = "http://127.0.0.1:11434"


@pytest.fixture(autouse=True)
def _clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the machine that runs the tests reaches them."""
    from ragset.adapters.models.presets import MODEL_NAMES, PRESETS

    for preset in PRESETS.values():
        for name in (*preset.keys, *preset.bases, *MODEL_NAMES):
            monkeypatch.delenv(name, raising=False)
    for name in ("RAGSET_CACHE", "RAGSET_PRICES", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


MEANT = [
    # --model, environment, provider, name, base URL, key variable
    ("openai:gpt", {"OPENAI_API_KEY": KEY}, "openai", "gpt", "https://api.openai.com/v1", "OPENAI_API_KEY"),
    (
        "cohere:command-r",
        {"COHERE_API_KEY": KEY},
        "cohere",
        "command-r",
        "https://api.cohere.ai/compatibility/v1",
        "COHERE_API_KEY",
    ),
    ("cohere:c", {"CO_API_KEY": KEY}, "cohere", "c", "https://api.cohere.ai/compatibility/v1", "CO_API_KEY"),
    ("huggingface:a/b", {"HF_TOKEN": KEY}, "huggingface", "a/b", "https://router.huggingface.co/v1", "HF_TOKEN"),
    ("hf:a/b", {"HF_TOKEN_3": KEY}, "huggingface", "a/b", "https://router.huggingface.co/v1", "HF_TOKEN_3"),
    (
        "HuggingFace:a/b",
        {"HUGGINGFACE_API_KEY": KEY},
        "huggingface",
        "a/b",
        "https://router.huggingface.co/v1",
        "HUGGINGFACE_API_KEY",
    ),
    ("mistral:m", {"MISTRAL_API_KEY": KEY}, "mistral", "m", "https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    (
        "openrouter:a/b:free",
        {"OPENROUTER_API_KEY": KEY},
        "openrouter",
        "a/b:free",
        "https://openrouter.ai/api/v1",
        "OPENROUTER_API_KEY",
    ),
    ("ollama:llama3.2:3b", {}, "ollama", "llama3.2:3b", OLLAMA, None),
    ("ollama:x", {"OLLAMA_HOST": "0.0.0.0"}, "ollama", "x", OLLAMA, None),
    ("ollama:x", {"OLLAMA_HOST": "box:9000"}, "ollama", "x", "http://box:9000", None),
    ("ollama:x", {"OLLAMA_HOST": ":9000"}, "ollama", "x", "http://127.0.0.1:9000", None),
    ("ollama:x", {"OLLAMA_HOST": "https://box.example/"}, "ollama", "x", "https://box.example", None),
    ("ollama:x", {"OLLAMA_BASE_URL": "http://box:11434/v1/"}, "ollama", "x", "http://box:11434", None),
    ("ollama:x", {"OLLAMA_BASE_URL": "http://box:11434/api"}, "ollama", "x", "http://box:11434", None),
    ("ollama:x", {"OLLAMA_BASE_URL": "http://a", "OPENAI_BASE_URL": "http://b"}, "ollama", "x", "http://a", None),
    ("vllm:m", {}, "vllm", "m", LOCAL, None),
    ("lmstudio:m", {}, "lmstudio", "m", "http://127.0.0.1:1234/v1", None),
    ("llama.cpp:m", {}, "llamacpp", "m", "http://127.0.0.1:8080/v1", None),
    ("vllm:m", {"VLLM_BASE_URL": "http://gpu:8000"}, "vllm", "m", "http://gpu:8000/v1", None),
    ("vllm:m", {"VLLM_BASE_URL": "http://gpu:8000//v1/chat/completions"}, "vllm", "m", "http://gpu:8000/v1", None),
    ("compatible:m", {"BASE_URL": "http://x/api"}, "compatible", "m", "http://x/api", None),
    (
        "compatible:m",
        {"LLM_API_URL": "'http://x/v1'", "LLM_API_KEY": KEY},
        "compatible",
        "m",
        "http://x/v1",
        "LLM_API_KEY",
    ),
    ("transformers:org/model", {}, "transformers", "org/model", "", None),
    # a bare name: the only base URL decides
    ("llama3.2", {"OLLAMA_BASE_URL": OLLAMA}, "ollama", "llama3.2", OLLAMA, None),
    ("llama3.2:3b", {"OLLAMA_HOST": "127.0.0.1"}, "ollama", "llama3.2:3b", OLLAMA, None),
    (
        "org/model",
        {"HUGGINGFACE_BASE_URL": "https://x.endpoints.example", "HF_TOKEN": KEY},
        "huggingface",
        "org/model",
        "https://x.endpoints.example/v1",
        "HF_TOKEN",
    ),
    (
        "m",
        {"OPENAI_BASE_URL": "http://box/v1", "OPENAI_API_KEY": KEY},
        "openai",
        "m",
        "http://box/v1",
        "OPENAI_API_KEY",
    ),
    ("m", {"OPENAI_BASE_URL": "http://box/v1", "BASE_URL": " "}, "openai", "m", "http://box/v1", None),
    # env
    ("env", {"MODEL": "ollama/llama3.1"}, "ollama", "llama3.1", OLLAMA, None),
    ("env", {"MODEL": "ollama:llama3.1:8b"}, "ollama", "llama3.1:8b", OLLAMA, None),
    (
        "env",
        {"MODEL": "ollama/llama3.1", "BASE_URL": "http://box:11434"},
        "ollama",
        "llama3.1",
        "http://box:11434",
        None,
    ),
    (
        "env",
        {"MODEL": "openai/gpt", "BASE_URL": "http://box", "API_KEY": KEY},
        "openai",
        "gpt",
        "http://box/v1",
        "API_KEY",
    ),
    (
        "env",
        {"MODEL": "openai/gpt", "OPENAI_API_KEY": KEY},
        "openai",
        "gpt",
        "https://api.openai.com/v1",
        "OPENAI_API_KEY",
    ),
    (
        "env",
        {"MODEL": "llama3.1", "BASE_URL": "http://box/v1", "API_KEY": KEY},
        "compatible",
        "llama3.1",
        "http://box/v1",
        "API_KEY",
    ),
    (
        "env",
        {"MODEL": "openai/gpt-oss", "HUGGINGFACE_BASE_URL": "https://e", "HF_TOKEN": KEY},
        "huggingface",
        "openai/gpt-oss",
        "https://e/v1",
        "HF_TOKEN",
    ),
    ("env", {"MODEL": "a/b", "VLLM_BASE_URL": "http://gpu:8000"}, "vllm", "a/b", "http://gpu:8000/v1", None),
    ("env", {"MODEL": "llama3.1", "OLLAMA_BASE_URL": "http://box"}, "ollama", "llama3.1", "http://box", None),
    (
        "env",
        {"LLM_API_URL": "http://x/v1", "LLM_API_KEY": KEY, "LLM_NAME": "n"},
        "compatible",
        "n",
        "http://x/v1",
        "LLM_API_KEY",
    ),
    ("env", {"MODEL": "a/b", "HF_TOKEN": KEY}, "huggingface", "a/b", "https://router.huggingface.co/v1", "HF_TOKEN"),
    (
        "env",
        {"MODEL": "command-r", "COHERE_API_KEY": KEY},
        "cohere",
        "command-r",
        "https://api.cohere.ai/compatibility/v1",
        "COHERE_API_KEY",
    ),
]


@pytest.mark.parametrize(("text", "environment", "provider", "name", "base", "variable"), MEANT)
def test_every_spelling(
    text: str, environment: dict[str, str], provider: str, name: str, base: str, variable: str | None
) -> None:
    found = resolve(ModelChoice(model=text), environment)
    assert (found.preset.name, found.name, found.base_url, found.key_variable) == (provider, name, base, variable)
    assert (found.key.reveal() if found.key else None) == (KEY if variable else None)
    assert found.model == f"{provider}:{name}"
    assert KEY not in repr(found)


REFUSED = [
    ("openai:gpt", {}, "openai:gpt: needs a key, and OPENAI_API_KEY is not set; set it in the environment or in .env"),
    ("cohere:c", {}, "COHERE_API_KEY or CO_API_KEY is not set"),
    ("openai:", {}, "'openai:' names no model"),
    ("opanai:gpt", {}, "unknown provider 'opanai'; did you mean 'openai'?"),
    ("opanai:gpt", {"OPENAI_BASE_URL": "http://b"}, "did you mean 'openai'?"),
    ("gpt-4o", {}, "names no provider, and no base URL is set in the environment; say provider:name"),
    ("mistral/x", {}, "did you mean 'mistral'?"),
    (
        "m",
        {"OPENAI_BASE_URL": "http://a", "OLLAMA_BASE_URL": "http://b"},
        "OPENAI_BASE_URL (openai), OLLAMA_BASE_URL (ollama)",
    ),
    ("compatible:m", {}, "give a base URL (--base-url), or set BASE_URL or LLM_API_URL"),
    ("vllm:m", {"VLLM_BASE_URL": "localhost:8000/v1"}, "VLLM_BASE_URL: 'localhost:8000/v1' is no http address"),
    ("vllm:m", {"VLLM_BASE_URL": "ftp://x"}, "'ftp://x' is no http address"),
    ("vllm:m", {"VLLM_BASE_URL": "http://"}, "is no http address"),
    ("vllm:m", {"VLLM_BASE_URL": "http://x:99999"}, "VLLM_BASE_URL: is no address"),
    ("vllm:m", {"VLLM_BASE_URL": f"http://u:{KEY}@x"}, "carries a user, a password or a query"),
    ("vllm:m", {"VLLM_BASE_URL": f"http://x/v1?key={KEY}"}, "carries a user, a password or a query"),
    ("openai:m", {"OPENAI_API_KEY": "sk-ä-SECRETSECRET"}, "OPENAI_API_KEY: the key holds characters that no key has"),
    ("openai:m", {"OPENAI_API_KEY": "sk-SECRETSECRET\nx"}, "no key has"),
    ("env", {}, "MODEL or LLM_NAME is not set; set MODEL, for example MODEL=ollama/llama3.2"),
    ("env", {"MODEL": "m"}, "MODEL=m: names no provider, and no base URL is set"),
    ("env", {"MODEL": "m", "OPENAI_API_KEY": KEY, "HF_TOKEN": KEY}, "several keys are set"),
    (
        "env",
        {"MODEL": "m", "VLLM_BASE_URL": "http://a", "BASE_URL": "http://b"},
        "VLLM_BASE_URL (vllm), BASE_URL (compatible)",
    ),
]


@pytest.mark.parametrize(("text", "environment", "says"), REFUSED)
def test_what_cannot_be_meant_is_said_before_work(text: str, environment: dict[str, str], says: str) -> None:
    with pytest.raises(ModelSetupError) as caught:
        resolve(ModelChoice(model=text), environment)
    assert says in str(caught.value)
    assert "SECRET" not in str(caught.value)
    assert len(str(caught.value)) < 320


def test_the_choices_own_address_goes_before_the_environments() -> None:
    choice = ModelChoice(model="vllm:m", base_url="http://mine:1")
    found = resolve(choice, {"VLLM_BASE_URL": "http://other", "VLLM_API_KEY": KEY}, trusted=True)
    assert (found.base_url, found.key_variable) == ("http://mine:1/v1", "VLLM_API_KEY")


FOREIGN = [
    # the flow's model and address, and the environment beside the keys
    ("compatible:m", "https://evil.example/v1", {}),
    ("compatible:m", "https://evil.example/v1", {"BASE_URL": "https://good.example/v1"}),
    ("compatible:m", "http://good.example/v1", {"BASE_URL": "https://good.example/v1"}),
    ("vllm:m", "https://evil.example/v1", {}),
    ("vllm:m", "https://evil.example/v1", {"VLLM_BASE_URL": "https://good.example/v1"}),
    ("vllm:m", "https://evil.example/v1", {"OPENAI_BASE_URL": "https://evil.example/v1"}),
    ("ollama:m", "https://evil.example", {}),
    ("lmstudio:m", "https://evil.example/v1", {}),
    ("llamacpp:m", "https://evil.example/v1", {}),
    ("openai:m", "http://127.evil.example/v1", {}),
    ("openai:m", "http://localhost.evil.example/v1", {}),
    ("openai:m", "http://api.openai.com/v1", {}),
    ("openai:m", "https://api.openai.com:9/v1", {}),
    ("env", "https://evil.example/v1", {"MODEL": "openai/gpt", "BASE_URL": "https://good.example/v1"}),
]
KEYS = dict.fromkeys(
    (
        "LLM_API_KEY",
        "API_KEY",
        "VLLM_API_KEY",
        "OLLAMA_API_KEY",
        "LMSTUDIO_API_KEY",
        "LLAMACPP_API_KEY",
        "OPENAI_API_KEY",
    ),
    KEY,
)


@pytest.mark.parametrize(("text", "base", "environment"), FOREIGN)
def test_no_key_goes_where_only_a_flow_says_but_where_the_user_says(
    text: str, base: str, environment: dict[str, str]
) -> None:
    choice, known = ModelChoice(model=text, base_url=base), KEYS | environment
    found = resolve(choice, known)
    assert (found.key, found.key_variable) == (None, None)
    assert "_URL" in found.key_hint
    assert f"set it to {found.base_url}" in found.key_hint
    assert resolve(choice, known, trusted=True).key is not None
    variable = "BASE_URL" if text == "env" else found.preset.bases[0]
    assert resolve(choice, known | {variable: base}).key is not None


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "[::1]", "localhost", "LOCALHOST"])
def test_a_key_may_go_to_this_machine(host: str) -> None:
    assert resolve(ModelChoice(model="openai:m", base_url=f"http://{host}:8000"), KEYS).key is not None


def test_trust_is_in_an_address_that_was_given_not_in_a_flow_without_one() -> None:
    assert resolve(ModelChoice(model="openai:m"), KEYS, trusted=True).base_url == "https://api.openai.com/v1"
    same = ModelChoice(model="openai:m", base_url="https://API.openai.com:443/v1")
    assert resolve(same, KEYS).key is not None


def test_dotenv_does_not_say_where_a_key_of_the_environment_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meant(text: str = "openai:m", **fields: Any) -> Any:
        choice = ModelChoice(model=text, **fields)
        return resolve(choice, settings.environment(), from_file=settings.dotenv_only())

    (tmp_path / ".env").write_text("OPENAI_BASE_URL=https://evil.example/v1\nBASE_URL=https://evil.example/v1\n")
    assert meant("compatible:m").key is None, "an address alone is none's harm"
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("LLM_API_KEY", KEY)
    said = "OPENAI_BASE_URL is set by .env, and OPENAI_API_KEY by the environment; set both in one place"
    with pytest.raises(ModelSetupError, match=said) as caught:
        meant()
    assert "SECRET" not in str(caught.value)
    with pytest.raises(ModelSetupError, match="set both in one place"):
        meant(base_url="https://evil.example/v1")
    with pytest.raises(ModelSetupError, match=r"BASE_URL is set by \.env, and LLM_API_KEY by the environment"):
        meant("compatible:m")
    found = {status.provider: status for status in list_models(check=False)}
    assert not found["openai"].configured
    assert "set by .env" in found["openai"].problem
    monkeypatch.setenv("MODEL", "openai/m")
    assert "problem" in model_of_environment()
    assert meant(base_url="http://127.0.0.1:1/v1").key is not None
    (tmp_path / ".env").write_text("OPENAI_BASE_URL=http://127.0.0.1:8000/v1\n")
    assert meant().key is not None, "this machine"
    (tmp_path / ".env").write_text(f"OPENAI_BASE_URL=https://good.example/v1\nVLLM_API_KEY={KEY}\n")
    monkeypatch.delenv("OPENAI_API_KEY")
    assert meant().key is None
    (tmp_path / ".env").write_text(f"OPENAI_BASE_URL=https://good.example/v1\nOPENAI_API_KEY={KEY}\n")
    assert meant().key is not None, "both in the file"
    monkeypatch.setenv("OPENAI_BASE_URL", "https://good.example/v1")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert meant().key is not None, "both in the environment"


NO_PARAMETERS = [
    *({name: 9000} for name in ("max_tokens", "max_completion_tokens", "num_predict", "max_new_tokens", "Max_Tokens")),
    *({"options": {name: 9000}} for name in ("num_predict", "num_ctx")),
    *({name: 5} for name in ("n", "best_of", "num_ctx", "n_ctx")),
    {"model": "other"},
    {"messages": []},
    {"stream": True},
    {"tools": []},
    {"tool_choice": "auto"},
    {"response_format": {"type": "text"}},
    {"format": "json"},
    {"api_key": KEY},
    {"headers": {"authorization": KEY}},
    {"extra_headers": {"Authorization": KEY}},
    {"extra_body": {"max_tokens": 9}},
    {"extra_body": {"extra_body": {"headers": {"x": KEY}}}},
    {"temperature": float("nan")},
    {"logit_bias": {"1": float("inf")}},
    {"logit_bias": {1: 2}},
    {"stop": {"a"}},
    {"seed": "seven"},
    {"options": {"seed": 1.5}},
    {"temperature": "hot"},
    {"temperature": "0.7"},
    {"temperature": -1},
    {"temperature": True},
    {"top_p": [0.5]},
    {"presence_penalty": "none"},
    {"options": {"repeat_penalty": "high"}},
    {"extra_body": {"min_p": {}}},
]


@pytest.mark.parametrize("parameters", NO_PARAMETERS, ids=str)
def test_parameters_neither_pass_by_the_budget_nor_make_another_request(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="; ") as caught:
        ModelChoice(model="openai:m", parameters=parameters)
    assert "SECRET" not in str(caught.value)
    models = {"writer": {"model": "openai:m", "parameters": parameters}}
    flow = {"index": "x", "steps": ["scenarios", "rag_qa", {"keep": {"n": 1}}], "models": models}
    with pytest.raises(FlowError, match=r"field 'models\.writer\.parameters': '\w+") as refused:
        compile_flow(flow)
    assert "SECRET" not in str(refused.value)
    assert len(str(refused.value)) < 200


def test_what_a_provider_takes_is_a_parameter() -> None:
    given = {
        "temperature": 0.2,
        "top_p": 1,
        "top_k": 5,
        "min_p": 0.1,
        "seed": 3,
        "stop": ["\n"],
        "presence_penalty": 0.1,
        "frequency_penalty": 0.1,
        "reasoning_effort": "low",
        "think": False,
        "keep_alive": "5m",
        "logprobs": True,
        "top_logprobs": 2,
        "options": {"repeat_penalty": 1.1, "seed": 4},
        "extra_body": {"provider": {"order": ["x"]}},
        "chat_template_kwargs": {"enable_thinking": False},
    }
    assert ModelChoice(model="openai:m", parameters=given).parameters == given


@pytest.mark.parametrize(
    ("field", "hint"),
    [
        ("api_key", "keys belong in the environment, or in .env"),
        ("Authorization", "keys belong in the environment, or in .env"),
        ("temperature", "write it under parameters"),
        ("seed", "write it under parameters"),
        ("max_token", "did you mean 'max_tokens'?"),
        ("qqqqqq", "known: base_url, concurrency, context, deadline, max_tokens, model, parameters, reply_mode, …"),
    ],
)
def test_a_field_that_no_model_has_is_told_what_models_have(field: str, hint: str) -> None:
    model = {"model": "openai:m", field: KEY}
    flow = {"index": "x", "steps": ["scenarios", "rag_qa", {"keep": {"n": 1}}], "models": {"writer": model}}
    with pytest.raises(FlowError) as refused:
        compile_flow(flow)
    assert str(refused.value) == f"flow: unknown field 'models.writer.{field}'; {hint}"
    with pytest.raises(UsageError, match=re.escape(hint)) as refused_too:
        chosen(load_flow("rag_qa"), {"model": model})
    assert "SECRET" not in str(refused_too.value)


@pytest.mark.parametrize(
    ("base", "environment", "sent"),
    [
        ("https://evil.example/v1", {}, False),
        ("https://api.openai.com.evil.example", {}, False),
        ("https://proxy.example/v1", {"OPENAI_BASE_URL": "https://proxy.example/v1/"}, True),
        ("https://api.openai.com/v1", {}, True),
        ("http://127.0.0.1:9/v1", {}, True),
    ],
)
def test_a_flow_cannot_send_a_hosted_services_key_elsewhere(base: str, environment: dict[str, str], sent: bool) -> None:
    found = resolve(ModelChoice(model="openai:m", base_url=base), {"OPENAI_API_KEY": KEY, **environment})
    assert (found.key is not None) is sent
    assert sent or "OPENAI_BASE_URL" in found.key_hint


def test_names_are_split_at_the_first_colon() -> None:
    assert parse_model("ollama:llama3.2:3b") == ("ollama", "llama3.2:3b")
    assert parse_model("llama3.2:3b") == ("", "llama3.2:3b")
    assert parse_model(" LMStudio:x ") == ("lmstudio", "x")


def test_ollama_is_asked_for_a_context() -> None:
    assert open_transport(resolve(ModelChoice(model="ollama:m", context=4096), {})).context == 4096
    assert open_transport(resolve(ModelChoice(model="ollama:m"), {})).context == 8192


def test_dotenv_lies_under_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "# models\nexport OPENAI_API_KEY='from file'\nBASE_URL = http://x # box\n"
    text += "PLAIN\nCOST=$HOME/${X}\nMODEL=ollama/x\n"
    (tmp_path / ".env").write_text("\ufeff" + text, encoding="utf-8")
    monkeypatch.setenv("OPENAI_API_KEY", "from environment")
    found = settings.environment()
    assert found["OPENAI_API_KEY"] == "from environment"
    assert (found["BASE_URL"], found["COST"]) == ("http://x", "$HOME/${X}")
    assert "PLAIN" not in found
    assert settings.from_dotenv("MODEL")
    assert not settings.from_dotenv("OPENAI_API_KEY")
    assert model_of_environment() == {"model": "ollama:x", "base_url": "http://x"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"A=1\nB='unclosed SECRETSECRET\n", r"\.env, line 2: cannot be read; write NAME=value"),
        (b"A=1\n\nthis is SECRETSECRET prose\n", r"\.env, line \d: cannot be read"),
        (b"A=\xff\xfe", r"\.env: is not UTF-8 text"),
        (b"A=a\0b\n", r"\.env, line 1: cannot be read"),
        (b"A=1\n" * 100_000, r"\.env: is too large"),
    ],
)
def test_a_broken_dotenv_is_one_line(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(UsageError, match=says) as caught:
        settings.environment()
    assert "SECRET" not in str(caught.value)


def test_a_folder_named_dotenv_is_no_settings_file(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert settings.dotenv() == {}


def test_where_the_cache_and_the_prices_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert settings.cache_path() == tmp_path / ".cache" / "ragset" / "replies.sqlite"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert settings.cache_path() == tmp_path / "xdg" / "ragset" / "replies.sqlite"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert settings.cache_path() == tmp_path / ".cache" / "ragset" / "replies.sqlite"
    monkeypatch.setenv("RAGSET_CACHE", "~/mine.sqlite")
    assert settings.cache_path() == tmp_path / "mine.sqlite"
    monkeypatch.setenv("RAGSET_CACHE", str(tmp_path))
    assert settings.cache_path() == tmp_path / "replies.sqlite"
    assert settings.cache_path("new/") == Path("new/replies.sqlite")
    assert settings.prices_file() is None
    (tmp_path / ".env").write_text("RAGSET_PRICES=p.yaml\n")
    assert settings.prices_file() == Path("p.yaml")
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.delenv("RAGSET_CACHE")
    assert settings.cache_path() == tmp_path / "Library" / "Caches" / "ragset" / "replies.sqlite"


async def _server(hits: list[bytes]) -> asyncio.Server:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hits.append(await reader.readuntil(b"\r\n\r\n"))
        if b"slow" in hits[-1]:
            await reader.read()  # until the client gives up
            writer.close()
            return
        names: list[dict[str, Any]] = [{"id": f"m{at}", "max_model_len": 4096} for at in range(7)]
        found = {"models": [{"name": "llama3.2:3b"}]} if b"/api/tags" in hits[-1] else {"data": names}
        raw = json.dumps(found).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(raw) + raw)
        writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", 0)


async def test_models_lists_what_is_configured_and_what_answers() -> None:
    hits: list[bytes] = []
    async with await _server(hits) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        known = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": KEY, "OLLAMA_HOST": url.removeprefix("http://")}
        known |= {"VLLM_BASE_URL": "http://127.0.0.1:9", "LMSTUDIO_BASE_URL": f"{url}/slow", "MISTRAL_API_KEY": "ä"}
        found = {status.provider: status for status in await asyncio.to_thread(list_models, environment=known)}
    openai, ollama = found["openai"], found["ollama"]
    assert (openai.reachable, openai.models, openai.first) == (True, 7, ("m0", "m1", "m2", "m3", "m4"))
    assert (openai.key, openai.key_from, openai.base_from) == ("…wxyz", "OPENAI_API_KEY", "OPENAI_BASE_URL")
    assert (openai.contexts or {})["m0"] == 4096
    assert (ollama.reachable, ollama.first) == (True, ("llama3.2:3b",))
    assert found["vllm"].reachable is False
    assert "cannot reach" in found["vllm"].problem
    assert (found["lmstudio"].reachable, found["lmstudio"].problem) == (False, "no answer within 2 s")
    assert (found["mistral"].configured, found["mistral"].reachable) == (False, None)
    assert "MISTRAL_API_KEY" in found["mistral"].problem
    assert not found["cohere"].configured
    assert "SECRET" not in repr(found)


def test_the_models_command(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"OPENAI_API_KEY={KEY}\nMODEL=openai/gpt\n")
    shown = CliRunner().invoke(models, ["--no-check"])
    assert shown.exit_code == 0
    assert "OPENAI_API_KEY (.env)" in shown.output
    assert "--model env means openai:gpt at https://api.openai.com/v1" in shown.output
    asked = CliRunner().invoke(models, ["--no-check", "--json"])
    given = json.loads(asked.output)
    assert given["env"] == {"model": "openai:gpt", "base_url": "https://api.openai.com/v1"}
    assert {row["provider"]: row["configured"] for row in given["providers"]}["openai"] is True
    assert "SECRET" not in shown.output + asked.output


WRONG = [
    # provider, variable, value, what is said
    ("ollama", "OLLAMA_HOST", "http://me:SECRET@h:1", "OLLAMA_HOST: the base URL carries a user, a password or a"),
    ("vllm", "VLLM_BASE_URL", "127.0.0.1:8000", "VLLM_BASE_URL: '127.0.0.1:8000' is no http address; write it like"),
    ("compatible", "BASE_URL", "127.0.0.1:9000", "BASE_URL: '127.0.0.1:9000' is no http address; write it like"),
    ("compatible", "BASE_URL", "me:SECRET@h:1", "BASE_URL: the base URL carries a user, a password or a query"),
    ("compatible", "LLM_API_URL", KEY, "LLM_API_URL: '***' is no http address; write it like"),
]


@pytest.mark.parametrize(("provider", "variable", "value", "says"), WRONG)
def test_a_broken_address_is_named(
    provider: str, variable: str, value: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    monkeypatch.setenv("MODEL", f"{provider}:gpt")
    shown = CliRunner().invoke(models, ["--no-check"]).output
    row = next(line.split() for line in shown.splitlines() if line.startswith(f"{provider} "))
    assert row == [provider, "set", "up", "wrongly", "-", "-", "-", variable]
    assert f"{provider}: {says}" in shown
    assert f"--model env cannot be used: {says}" in shown
    asked = CliRunner().invoke(models, ["--no-check", "--json"]).output
    status = {row["provider"]: row for row in json.loads(asked)["providers"]}[provider]
    assert (status["configured"], status["base_url"], status["base_from"]) == (False, "", variable)
    assert "SECRET" not in shown + asked


def test_a_broken_key_leaves_the_address_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "ä")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://gpu:8000")
    found = {status.provider: status for status in list_models(check=False)}["openai"]
    assert (found.configured, found.base_url, found.base_from) == (False, "http://gpu:8000/v1", "OPENAI_BASE_URL")
    assert found.problem.startswith("OPENAI_API_KEY: the key holds characters that no key has; ")


def test_why_the_model_of_the_environment_cannot_be_used_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_BASE_URL", "http://a")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://b")
    assert "--model env" not in CliRunner().invoke(models, ["--no-check"]).output
    monkeypatch.setenv("MODEL", "gpt")
    shown = CliRunner().invoke(models, ["--no-check"]).output
    assert "--model env cannot be used: MODEL=gpt: names no provider, and several base URLs are set: OPENAI" in shown
    assert model_of_environment()["variable"] == "MODEL"


async def _answers(status: str, body: str = '{"error": "no"}') -> asyncio.Server:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write((head + body).encode())
        writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", 0)


ANSWERS = [
    ("401 Unauthorized", "error", ["vllm: the key is refused (401); set VLLM_API_KEY"]),
    ("404 Not Found", "reachable", ["vllm: it answers, and does not list its models"]),
    ("500 Oops", "error", ["vllm: the server failed (500): no"]),
]


@pytest.mark.parametrize(("status", "state", "lines"), ANSWERS)
async def test_a_server_that_answers_is_not_said_to_be_silent(
    status: str, state: str, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await _answers(status) as server:
        monkeypatch.setenv("VLLM_BASE_URL", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        found = {one.provider: one for one in await asyncio.to_thread(list_models)}["vllm"]
        shown = (await asyncio.to_thread(CliRunner().invoke, models)).output
    assert (found.configured, found.reachable, found.models) == (True, True, None)
    assert [line for line in shown.splitlines() if line.startswith("vllm: ")] == lines
    assert next(line.split() for line in shown.splitlines() if line.startswith("vllm "))[1] == state


async def test_a_list_without_a_model_is_shown_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async with await _answers("200 OK", '{"data": []}') as server:
        monkeypatch.setenv("VLLM_BASE_URL", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        shown = (await asyncio.to_thread(CliRunner().invoke, models)).output
    assert "vllm: 0 models\n" in shown


def test_no_key_is_needed_to_start() -> None:
    shown = CliRunner().invoke(models, ["--no-check"])
    assert shown.exit_code == 0
    assert "not set up" in shown.output


def test_an_estimate_without_a_pilot_needs_neither_key_nor_server(tmp_path: Path) -> None:
    from ragset.api.estimate import estimate

    corpus = write_corpus(tmp_path / "corpus")
    given: Any = {"index": "tools", "indexes": tmp_path / "i", "embedder": "hash", "cache": tmp_path / "c.sqlite"}
    hosted = estimate(corpus, 6, model="openai:gpt-4.1-mini", **given)
    assert hosted.calls > 0
    assert hosted.cost
    gone = estimate(None, 6, model="compatible:m", base_url="http://127.0.0.1:9/v1", **given)
    assert gone.calls == hosted.calls
    with pytest.raises(ModelSetupError, match="needs a key, and OPENAI_API_KEY is not set"):
        estimate(None, 6, pilot=1, model="openai:gpt-4.1-mini", **given)
    with pytest.raises(UnreachableError):
        estimate(None, 6, pilot=1, model="compatible:m", base_url="http://127.0.0.1:9/v1", **given)
