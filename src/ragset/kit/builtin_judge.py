"""The built-in judge: answers ragas' prompts by rule, through the same port as any language model.

It reads the input that ends every ragas prompt as JSON, tells the task by the reply schema, splits answers into
sentences and decides by :mod:`ragset.kit.groundedness` and :mod:`ragset.kit.equivalence`. Deterministic; it calls no
model and embeds nothing.

**Classifying for answer correctness.** What is compared is one answer with a reference that may be a phrase of it. A
reference statement is told when the answer is equivalent to it and does not alter it; one that is not told is missing
(FN). The statements of an answer that tells any are right (TP): what it says beyond them is more of the truth, and a
number, name or negation at odds would have kept it from telling them. Those of an answer that tells none are wrong
(FP).

Figures on the human-labelled development sets are printed by ``tests/benchmarks/bench_builtin_judge.py``.
"""

from __future__ import annotations

import json
import re
from typing import Any, cast

from ragset.errors import ModelError
from ragset.kit import equivalence as answer_equivalence
from ragset.kit.groundedness import VERSION as groundedness_version
from ragset.kit.groundedness import altered_copy, groundedness
from ragset.kit.groundedness_model import weights_hash
from ragset.kit.languages import foreign_language
from ragset.kit.measures import sentences
from ragset.kit.replies import TypedModel
from ragset.schema.ids import digest
from ragset.schema.ports import Ask, LanguageModel, Reply
from ragset.schema.samples import Sample, Usage, Verdict
from ragset.schema.step import Tools

NAME = "builtin-rules"
VERSION = "5"

_INPUT = "\ninput: "

Json = dict[str, Any]


class BuiltinJudge:
    """A ``LanguageModel`` that can do three things: split statements, judge them, and classify them.

    ``question`` is what the statements answer, where that is known: words that repeat it are no claim of their own.
    """

    def __init__(self, question: str = "") -> None:
        """Judge the statements of an answer to ``question``."""
        self._question = question

    @property
    def name(self) -> str:
        """``builtin-rules``."""
        return NAME

    @property
    def fingerprint(self) -> str:
        """Hash of the version and of both fitted judges."""
        return digest(NAME, VERSION, groundedness_version, weights_hash(), answer_equivalence.fingerprint())

    async def complete(self, ask: Ask) -> Reply:
        """Answer a ragas prompt; ``ModelError`` for any other ask."""
        fields: set[str] = set((ask.reply_schema or {}).get("properties") or ())
        given = ragas_input(ask)
        if "answer" in given and fields == {"statements"}:
            value: Json = {"statements": statements_of(given["answer"])}
        elif "context" in given and fields == {"statements"}:
            value = {"statements": _verdicts(given["context"], given["statements"], self._question)}
        elif fields == {"TP", "FP", "FN"}:
            value = _classes(given["answer"], given["ground_truth"], self._question)
        else:
            raise ModelError("the built-in judge knows ragas' prompts only", where=NAME, hint="configure a model")
        return Reply(value=value, raw=json.dumps(value, ensure_ascii=False), usage=Usage())


def judge_model(tools: Tools, question: str = "") -> LanguageModel:
    """Give the configured judge, its replies read and asked for again when unreadable, or the built-in one.

    Only the built-in one is told the ``question``: ragas' prompts do not hold it where statements are judged.
    """
    model = tools.models.get("judge")
    return TypedModel(model) if model else BuiltinJudge(question)


def judge_fingerprint(tools: Tools) -> str:
    """Hash of whoever judges, the built-in rules and their constants included."""
    return judge_model(tools).fingerprint


def not_readable(sample: Sample, tools: Tools) -> str | None:
    """Say why the built-in judge must abstain: its rules know English only. None when it, or a model, can judge.

    A sample without a ``language`` axis is in English unless its passages or its texts surely are in another language.
    """
    if tools.models.get("judge"):
        return None
    language = sample.axes.get("language", "").strip() or foreign_language(sample)
    if not language or re.fullmatch(r"en([-_].*)?|english", language, re.IGNORECASE):
        return None
    return f"the built-in judge reads English only, the pair is in '{language}': name a model as judge"


def named(verdict: Verdict, name: str) -> Verdict:
    """Write a verdict under the name that says what really judged."""
    return verdict.model_copy(update={"judge": name})


def statements_of(answer: str) -> list[str]:
    """Split an answer into statements: its sentences and list items; a phrase is one statement."""
    return sentences(answer) or ([answer.strip()] if answer.strip() else [])


def ragas_input(ask: Ask) -> Json:
    """Read the JSON at the end of a ragas prompt; its line breaks are real, those of the data are escaped."""
    prompt = ask.messages[-1].content if ask.messages else ""
    at = prompt.rfind(_INPUT)
    try:
        value, _ = json.JSONDecoder().raw_decode(prompt, at + len(_INPUT)) if at >= 0 else ({}, 0)
    except ValueError as error:
        raise ModelError("the prompt ends in no readable input", where=NAME) from error
    return cast("Json", value) if isinstance(value, dict) else {}


def _verdicts(context: str, statements: list[str], question: str) -> list[Json]:
    found = [(s, groundedness(context, s, question or None)) for s in statements]
    return [{"statement": s, "reason": e.reason, "verdict": int(e.holds)} for s, e in found]


def _classes(answer: list[str], truth: list[str], question: str) -> dict[str, list[Json]]:
    """Sort the statements into shared (TP), only in the answer (FP), and only in the reference (FN)."""
    given = " ".join(answer)
    told = [_told(question, statement, given) for statement in truth]
    missing = [{"statement": s, "reason": why} for s, (holds, why) in zip(truth, told, strict=True) if not holds]
    said = [{"statement": s, "reason": told[0][1]} for s in answer] if told else []
    right = len(missing) < len(truth)
    return {"TP": said if right else [], "FP": [] if right else said, "FN": missing}


def _told(question: str, statement: str, answer: str) -> tuple[bool, str]:
    """Tell whether an answer says what a statement of the reference says, and why."""
    altered = altered_copy(answer, statement, question)
    if altered:
        return False, altered
    found = answer_equivalence.equivalence(question, (statement,), answer)
    return found.holds, found.reason
