"""What tokens cost: names and patterns, the user's file over the shipped one, one-line errors."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ragset.errors import UsageError
from ragset.kit.prices import PriceTable


def test_the_shipped_table_says_when_and_where_each_price_was_read() -> None:
    table = PriceTable.load()
    paid = [price for price in table.prices if price.prompt or price.completion]
    assert paid
    for price in paid:
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", price.as_of), price.model
        assert price.source.startswith("https://"), price.model
        assert price.completion >= price.prompt > 0
        assert price.exact


def test_cost_is_per_million_tokens() -> None:
    table = PriceTable.load()
    assert table.cost("openai:gpt-4.1-mini", 1_000_000, 0) == pytest.approx(0.40)
    assert table.cost("openai:gpt-4.1-mini", 250_000, 500_000) == pytest.approx(0.10 + 0.80)


@pytest.mark.parametrize("name", ["ollama:llama3.1:8b", "vllm:any/thing", "lmstudio:x", "llamacpp:y", "transformers:z"])
def test_your_own_machine_costs_nothing(name: str) -> None:
    table = PriceTable.load()
    assert table.cost(name, 10**9, 10**9) == 0
    found = table.find(name)
    assert found
    assert found.note == "your own machine"


def test_an_unknown_model_has_no_price_and_builtin_is_free() -> None:
    assert PriceTable.load().cost("openai:gpt-4.1-mini-of-tomorrow", 1, 1) is None
    assert PriceTable().cost("openai:gpt-4.1", 1, 1) is None
    assert PriceTable().cost("builtin", 1, 1) == 0


def test_the_users_file_goes_first_and_exact_names_before_longer_patterns(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(
        "prices:\n"
        "  - {model: 'openai:*', prompt: 1, completion: 1}\n"
        "  - {model: 'openai:gpt-4*', prompt: 2, completion: 2, as_of: 2026-01-02}\n"
        "  - {model: 'openai:gpt-4.1', prompt: 3, completion: 3}\n",
        "utf-8",
    )
    table = PriceTable.load(path)
    names = ["openai:gpt-4.1", "openai:gpt-4o", "openai:o9", "cohere:command-r-08-2024", "ollama:x"]
    assert [table.cost(name, 1_000_000, 0) for name in names] == [3, 2, 1, 0.15, 0]
    assert table.prices[1].as_of == "2026-01-02"


BAD = {
    "prices: [": "is not YAML",
    "- 1": "is a mapping with the list 'prices' alone",
    "price: []": "is a mapping with the list 'prices' alone",
    "prices: [3]": "price 1: a price is a mapping",
    "prices: [{model: a, prompt: 1}]": "price 1: field 'completion'",
    "prices: [{model: a, prompt: -1, completion: 1}]": "field 'prompt'",
    "prices: [{model: a, prompt: .nan, completion: 1}]": "field 'prompt'",
    "prices: [{model: a, prompt: 1, completion: 1, input: 2}]": "field 'input'",
    "prices: [{model: a, prompt: 1, completion: 1}, {model: a, prompt: 2, completion: 2}]": "'a' has two prices",
    "prices: !!python/object/apply:os.getcwd []": "is not YAML",
}


@pytest.mark.parametrize(("text", "said"), BAD.items())
def test_a_bad_file_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(UsageError) as caught:
        PriceTable.load(path)
    line = str(caught.value)
    assert said in line
    assert "mine.yaml" in line
    assert "\n" not in line


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file of prices; write: prices:"):
        PriceTable.load(tmp_path / "none.yaml")
    path = tmp_path / "binary.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="UTF-8"):
        PriceTable.load(path)


def test_a_model_that_the_manual_names_beside_a_limit_on_cost_has_a_price() -> None:
    """A command of ours that ragset refuses for want of a price would be the first thing a newcomer sees."""
    root = Path(__file__).parents[1]
    pages = [root / "README.md", *(root / "corpora" / "guide").glob("*.md")]
    text = "\n".join(page.read_text("utf-8") for page in pages)
    named = set(re.findall(r"^ragset [^\n]*--model (\S+)[^\n]*--max-cost", text, re.MULTILINE))
    assert named
    assert {name for name in named if PriceTable.load().find(name) is None} == set()
