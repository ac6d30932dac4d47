"""The registry: one line a plug-in, loaded when it is first named."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ragset.errors import FlowError, UsageError, did_you_mean
from ragset.kit.foreign import FORMATS, OWN
from ragset.schema.step import Step

STEPS: dict[str, str] = {
    "files": "ragset.sources.files:Files",
    "read": "ragset.sources.read:Read",
    "split": "ragset.sources.split:Split",
    "embed": "ragset.sources.embed:Embed",
    "index": "ragset.sources.index:IndexStep",
    "scenarios": "ragset.sources.scenarios:Scenarios",
    "samples": "ragset.sources.samples:Samples",
    "contexts": "ragset.sources.contexts:Contexts",
    "ground": "ragset.judges.ground:Ground",
    "rag_qa": "ragset.tasks.rag_qa:RagQA",
    "evidence": "ragset.judges.evidence:EvidenceHolds",
    "question_form": "ragset.judges.question_form:QuestionForm",
    "answer_form": "ragset.judges.answer_form:AnswerForm",
    "privacy": "ragset.judges.privacy:Privacy",
    "round_trip": "ragset.judges.round_trip:RoundTrip",
    "near_duplicates": "ragset.judges.near_duplicates:NearDuplicates",
    "faithfulness": "ragset.judges.faithfulness:Faithfulness",
    "answer_correctness": "ragset.judges.answer_correctness:AnswerCorrectness",
    "closed_book": "ragset.judges.closed_book:ClosedBook",
    "rubric": "ragset.judges.rubric:RubricJudge",
    "hop_necessity": "ragset.judges.hop_necessity:HopNecessity",
    "unanswerable": "ragset.judges.unanswerable:Unanswerable",
    "false_negatives": "ragset.judges.false_negatives:FalseNegatives",
    "keep": "ragset.flow.keep:Keep",
    "select": "ragset.flow.select:Select",
}

EXPORTS: dict[str, str] = {
    "openai-chat": "ragset.exports.openai_chat:OpenAIChat",
    "prompt-completion": "ragset.exports.prompt_completion:PromptCompletion",
    "ragas": "ragset.exports.ragas_lines:RagasLines",
    "llama-rag": "ragset.exports.llama_rag:LlamaRag",
    "csv": "ragset.exports.csv_table:CsvTable",
    "parquet": "ragset.exports.parquet_table:ParquetTable",
}

_MEANT = {
    "messages": "openai-chat", "sft": "openai-chat", "sharegpt": "openai-chat", "trl": "prompt-completion",
    "excel": "csv", "xlsx": "csv", "tsv": "csv", "pandas": "parquet", "datasets": "parquet", "huggingface": "parquet",
    "hf": "parquet",
}  # fmt: skip
"""Names that an export is asked for by, and the export that serves."""


def step_class(name: str) -> type[Step]:
    """Load the class of a step; raises ``FlowError`` for an unknown name."""
    if name not in STEPS:
        raise FlowError(f"unknown step '{name}'", hint=did_you_mean(name, STEPS))
    return _load(STEPS[name])


def export_class(name: str) -> Any:
    """Load the class of an export; raises ``UsageError`` for an unknown name."""
    if name not in EXPORTS:
        raise UsageError(f"unknown export '{name}'", hint=_instead(name.lower()))
    return _load(EXPORTS[name])


def _instead(name: str) -> str:
    """Say which export serves in place of one that is not there."""
    if name in _MEANT:
        return f"did you mean '{_MEANT[name]}'?"
    if name in ("json", "jsonl", OWN):
        return "the set itself is JSON lines: take kept.jsonl as it is"
    if name in FORMATS:
        return f"sets of that format are read and not written; known: {', '.join(sorted(EXPORTS))}"
    return did_you_mean(name, EXPORTS)


def _load(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)
