"""Which models are meant, and where the address is for that was named beside them."""

from __future__ import annotations

from typing import Any

import pytest

from ragset.api.choosing import chosen
from ragset.errors import UsageError
from ragset.flow.compile import load_flow
from ragset.schema.models import ModelChoice

URL = "http://127.0.0.1:9000/v1"


def addresses(**named: Any) -> list[str | None]:
    """Give the base URL of writer, answerer and judge."""
    models = chosen(load_flow("rag_qa"), {"base_url": URL, **named}).models  # type: ignore[typeddict-item]
    return [models[role].base_url for role in ("writer", "answerer", "judge")]


@pytest.mark.parametrize(
    ("named", "served"),
    [
        ({"model": "compatible:a"}, [URL, URL, URL]),
        ({"model": "openai:a", "judge": "openai:b"}, [URL, URL, URL]),
        ({"model": "compatible:a", "judge": "openai:b"}, [URL, URL, None]),
        ({"model": "mistral:a", "answerer": "vllm:b"}, [None, URL, None]),
        ({"model": "vllm:a", "judge": "builtin"}, [URL, URL, None]),
        ({"model": ModelChoice(model="lmstudio:a"), "judge": {"model": "cohere:b"}}, [URL, URL, None]),
    ],
)
def test_an_address_is_for_the_provider_that_one_serves_oneself(
    named: dict[str, Any], served: list[str | None]
) -> None:
    assert addresses(**named) == served


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"model": "vllm:a", "judge": "ollama:b"}, "ollama and vllm are named"),
        ({"model": "openai:a", "judge": "mistral:b"}, "mistral and openai are named"),
    ],
)
def test_an_address_that_may_be_for_several_is_refused(named: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=f"--base-url is for one provider, and {said}"):
        addresses(**named)
