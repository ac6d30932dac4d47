"""Models made in Python: any llama-index LLM, and any object with the face of the model port."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from llama_index.core.llms import CompletionResponse, CustomLLM, LLMMetadata, MockLLM
from pydantic import Field

import ragset
from ragset.adapters.scripted_model import ScriptedModel
from ragset.api.roles import opened_models
from ragset.errors import BudgetError, ModelError, ModelSetupError
from ragset.flow.compile import compile_flow, load_flow
from ragset.kit.rehearsal import Rehearsal
from ragset.schema.ports import Ask
from ragset.schema.samples import Message
from test_kill_build import write_corpus


class RuleLLM(CustomLLM):
    """A llama-index LLM whose replies are made by rule."""

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="by-rule", context_window=32_000)

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        ask = Ask(messages=(Message(role="user", content=prompt),))
        return CompletionResponse(text=Rehearsal().answer(ask))

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        raise NotImplementedError


class Sized(RuleLLM):
    """One that says how long its context and its replies are."""

    says: dict[str, int] = Field(default_factory=dict)
    max_tokens: int | None = None
    asked: list[Any] = Field(default_factory=list)

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="sized", **self.says)

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        self.asked.append(kwargs.get("max_tokens"))
        return super().complete(prompt)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("objects") / "corpus")


def options(tmp_path: Path) -> dict[str, Any]:
    return {"indexes": tmp_path / "i", "embedder": "hash", "index": "tools", "cache": tmp_path / "c.sqlite"}


def test_a_llama_index_llm_fills_every_role(corpus: Path, tmp_path: Path) -> None:
    run = ragset.build(corpus, tmp_path / "out", 6, model=RuleLLM(), **options(tmp_path))
    assert run.report["kept"] == 6
    assert run.report["models"] == dict.fromkeys(("writer", "answerer", "judge"), "python:RuleLLM")
    assert {sample.provenance["writer"] for sample in run.kept} == {"llama-index:by-rule"}
    assert run.report["usage"]["by_role"]["writer"]["calls"] >= 2
    assert run.report["paid"][0]["cached"] == 0


def test_an_object_of_ones_own_writes_while_the_rules_judge(corpus: Path, tmp_path: Path) -> None:
    model = Rehearsal(name="mine")
    run = ragset.build(
        corpus, tmp_path / "out", 4, model=model, judge="builtin", answerer="builtin", **options(tmp_path)
    )
    assert run.report["kept"] == 4
    assert run.report["models"] == {"writer": "python:Rehearsal", "answerer": "builtin", "judge": "builtin"}
    assert set(run.report["usage"]["by_role"]) == {"writer"}


def test_an_object_that_breaks_on_some_questions_fails_those_draws_and_not_the_run(
    corpus: Path, tmp_path: Path
) -> None:
    def answer(ask: Ask) -> str | ModelError:
        odd = "Anchor" in ask.messages[-1].content
        return ModelError("the model is out") if odd else Rehearsal().answer(ask)

    run = ragset.build(corpus, tmp_path / "out", 12, model=ScriptedModel(answer, name="odd"), **options(tmp_path))
    assert run.report["kept"] == 12
    assert run.report["draws"]["failed"] > 0
    assert all("the model is out" in line for line in run.report["failures"])


def test_an_object_that_breaks_on_every_question_ends_the_run(corpus: Path, tmp_path: Path) -> None:
    model = ScriptedModel(lambda ask: ModelError("the model is out"), name="broken")
    with pytest.raises(
        ModelSetupError, match=r"broken: none of \d+ questions \(write\) was answered: the model is out"
    ):
        ragset.build(corpus, tmp_path / "out", 2, model=model, **options(tmp_path))
    assert len(model.asks) <= 50


def test_a_budget_holds_for_objects_too(corpus: Path, tmp_path: Path) -> None:
    seen: list[Ask] = []

    def answer(ask: Ask) -> str:
        seen.append(ask)
        return Rehearsal().answer(ask)

    model = ScriptedModel(answer, name="counted")
    run = ragset.build(corpus, tmp_path / "out", 12, model=model, max_calls=20, **options(tmp_path))
    assert len(seen) <= 20
    assert 0 < run.report["kept"] < 12
    assert "budget" in run.report["ended"]
    assert BudgetError.exit_code == 1


@pytest.mark.parametrize(
    ("says", "chosen", "longest"),
    [
        ({"context_window": 32_000}, {}, 4096),
        ({"context_window": 6000}, {}, 1500),
        ({"context_window": 32_000, "num_output": 900}, {}, 900),
        ({"context_window": 32_000, "num_output": -1}, {}, 4096),
        ({"context_window": 32_000}, {"context": 8000}, 2000),
        ({"context_window": 32_000, "num_output": 900}, {"max_tokens": 3000}, 3000),
    ],
)
async def test_the_longest_reply_fits_what_the_object_says_of_itself(
    says: dict[str, int], chosen: dict[str, int], longest: int, tmp_path: Path
) -> None:
    model = Sized(says=says)
    flow = compile_flow(load_flow("rag_qa").dump() | {"models": {"writer": {"model": "python:Sized", **chosen}}})
    given: Any = {"objects": {"writer": model}, "cache": tmp_path / "c.sqlite"}
    async with opened_models(flow, given, print) as opened:
        await opened.models["writer"].complete(Ask(messages=(Message(role="user", content="Is it so?"),)))
    assert model.asked == [longest]


def test_a_mock_that_repeats_the_whole_prompt_is_left_too(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelSetupError, match="llama-index:MockLLM: none of 10 questions got a reply that can be read"):
        ragset.build(corpus, tmp_path / "out", 50, model=MockLLM(), **options(tmp_path))


def test_a_mock_of_llama_index_runs_and_is_left_when_it_says_nothing_readable(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelSetupError, match="llama-index:MockLLM: none of 10 questions got a reply that can be read"):
        ragset.build(corpus, tmp_path / "out", 50, model=MockLLM(max_tokens=256), **options(tmp_path))
