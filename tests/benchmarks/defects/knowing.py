"""A model server's answers by somebody who knows the truth, and errs at a known rate.

It plays answerer and judge on a planted pool: it reads the prompts that ragset renders as a model would, finds the pair
by its question and answer, and says what is so; now and then, by a seeded hash, it says the opposite.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from defects.pairs import Pair
from ragset.kit.axes import uniform
from ragset.kit.rehearsal import RAGAS_INPUT, Rehearsal, schema_told
from ragset.kit.rehearsed_judging import Shown, shown
from ragset.kit.rehearsed_text import blocks_of, without_blocks
from ragset.schema.ports import Ask
from ragset.schema.samples import Message

Json = dict[str, Any]

BAD_QUESTIONS = frozenset({"ambiguous", "needs its passage", "trivial copy", "gives its answer away", "wrong language"})
_CRITERION = re.compile(r'^Criterion "(.+)", from (\S+) to (\S+):$', re.MULTILINE)
_PART = re.compile(r"^(Question|Answer|Reference answer|Given answer): ", re.MULTILINE)
_CHECK = re.compile(r"^Question (\d+), to be checked against passages? ([\d, ]+), marked", re.MULTILINE)


class Knowing:
    """Replies for a :class:`support.scripted_server.ModelServer`.

    ``misses`` is the chance that a bad pair is called good, ``alarms`` that a good one is called bad, for each verdict
    on its own.
    """

    def __init__(self, pool: Iterable[Pair], misses: float, alarms: float, seed: int = 0) -> None:
        self.misses, self.alarms, self.seed = misses, alarms, seed
        self.of: dict[tuple[str, str], Pair] = {}
        self.asked: dict[str, list[Pair]] = {}
        for pair in pool:
            self.of.setdefault((_fold(pair.question), _fold(pair.answer or "")), pair)
            self.asked.setdefault(_fold(pair.question), []).append(pair)
        self.lies: set[str] = set()
        self.rehearsal = Rehearsal()

    def __call__(self, call: Any) -> str:
        """Answer one request of the server."""
        roles = {"developer": "system", "tool": "user"}
        messages = tuple(Message.model_validate({"role": roles.get(r, r), "content": c}) for r, c in call.messages)
        ask = Ask(messages=messages, reply_schema=call.schema, repeat=call.repeat)
        prompt = "\n\n".join(m.content for m in messages if m.role != "assistant")
        value = self._value(prompt, set((call.schema or schema_told(prompt) or {}).get("properties") or ()))
        return self.rehearsal.answer(ask) if value is None else json.dumps(value, ensure_ascii=False)

    def _value(self, prompt: str, fields: set[str]) -> Json | None:
        if RAGAS_INPUT in prompt:
            return self._ragas(_input(prompt), fields)
        if {"answer", "passages"} <= fields:
            return self._answer(_one(prompt))
        if fields == {"answers"}:
            return {"answers": [{"question": one.number, **self._answer(one)} for one in shown(prompt)]}
        if fields == {"recalled"}:
            return {"recalled": [{"question": one.number, "answer": self._recalled(one.text)} for one in shown(prompt)]}
        if fields == {"scores"}:
            return {"scores": [row for one in shown(prompt) for row in self._scores(one, prompt)]}
        if fields == {"found"}:
            return {"found": list(self._found(prompt))}
        return None

    def _errs(self, bad: bool, *key: str) -> bool:
        return uniform("knowing", self.seed, *key) < (self.misses if bad else self.alarms)

    def _good(self, bad: bool, *key: str) -> bool:
        """Say whether it is good: the truth, or now and then the opposite."""
        return bad == self._errs(bad, *key)

    def _answer(self, one: Shown) -> Json:
        """Answer what the passages tell: the fact's own sentence must stand in one of them."""
        body = _fold(" ".join(block.text for block in one.passages))
        for pair in self.asked.get(_fold(one.text), ()):
            told = [fact.sentence for fact in pair.facts] or [quote for _, quote in pair.quotes]
            hops = pair.defect == "wrong hop"
            if pair.truth and not hops and all(_fold(sentence) in body for sentence in told):
                return {"answer": pair.truth, "passages": [1]}
        return {"answer": None, "passages": []}

    def _recalled(self, question: str) -> str | None:
        return next((pair.truth for pair in self.asked.get(_fold(question), ()) if pair.known), None)

    def _scores(self, one: Shown, prompt: str) -> Iterable[Json]:
        pieces = _PART.split(one.text)
        parts = dict(zip(pieces[1::2], (text.strip() for text in pieces[2::2]), strict=True))
        question = parts.get("Question", one.text)
        answer = parts.get("Reference answer", parts.get("Answer"))
        for name, low, high in _CRITERION.findall(prompt):
            good = self._good(self._bad(name, question, answer), name, one.text)
            yield {"pair": one.number, "criterion": name, "reason": "known", "score": float(high if good else low),
                   "sure": True}  # fmt: skip

    def _bad(self, criterion: str, question: str, answer: str | None) -> bool:
        pairs = self.asked.get(_fold(question), [])
        if answer is not None and (pair := self.of.get((_fold(question), _fold(answer)))):
            pairs = [pair]
        if criterion == "question":
            return any(pair.defect in BAD_QUESTIONS for pair in pairs)
        return any(pair.false for pair in pairs)

    def _ragas(self, given: Mapping[str, Any], fields: set[str]) -> Json:
        if fields == {"TP", "FP", "FN"}:
            truth = given["ground_truth"]
            bad = any(_fold(text) in self.lies for text in truth)
            good = self._good(bad, "classes", *truth)
            rows = [{"statement": text, "reason": "known"} for text in given["answer"]]
            lack = [{"statement": text, "reason": "known"} for text in truth]
            return {"TP": rows, "FP": [], "FN": []} if good else {"TP": [], "FP": rows, "FN": lack}
        if "answer" in given:
            return {"statements": self._statements(given["question"], given["answer"])}
        rows = [{"statement": s, "reason": "known", "verdict": int(self._good(_fold(s) in self.lies, "nli", s))}
                for s in given["statements"]]  # fmt: skip
        return {"statements": rows}

    def _statements(self, question: str, answer: str) -> list[str]:
        """Split into statements that stand alone, and note which of them are not so."""
        pair = self.of.get((_fold(question), _fold(answer)))
        whole = answer if " " in answer.strip() and answer.rstrip().endswith(".") else f"{question} {answer}"
        found = [text for text in re.split(r"(?<=\.) (?=[A-ZÄÖÜ])", whole) if text]
        if pair and pair.false:
            lies = {_fold(lie) for lie in pair.false}
            self.lies |= {_fold(text) for text in found if _fold(text) in lies or whole != answer or len(found) == 1}
        return found

    def _found(self, prompt: str) -> Iterable[Json]:
        """Say of every passage whether it answers."""
        blocks = blocks_of(prompt)
        passages = [block for block in blocks if block.label.startswith("Passage")]
        texts = {block.label: block.text for block in blocks}
        for number, named in _CHECK.findall(without_blocks(prompt)):
            question, reference = texts.get(f"Question {number}", ""), texts.get(f"Reference answer {number}")
            for passage in re.findall(r"\d+", named):
                body = _fold(passages[int(passage) - 1].text)
                yield {"question": int(number), "passage": int(passage), **self._says(question, reference, body)}

    def _says(self, question: str, reference: str | None, body: str) -> Json:
        for pair in self.asked.get(_fold(question), ()):
            told = [fact for fact in pair.facts if pair.truth and len(pair.facts) == 1]
            for fact in told:
                if _fold(fact.sentence) in body:
                    same = reference is not None and (fact.value in reference or not pair.false)
                    return {"answers": "same" if same else "other", "quote": fact.sentence}
            if pair.defect == "ambiguous":
                verb = _fold(pair.facts[0].attribute.told[0].format(n="", v="", V="")).split()
                if all(word in body for word in verb):
                    return {"answers": "other", "quote": None}
        return {"answers": "no", "quote": None}


def _one(prompt: str) -> Shown:
    """Read a prompt with one question."""
    blocks = blocks_of(prompt)
    question = next((block.text for block in blocks if "question" in block.label.lower()), "")
    return Shown(1, question, tuple(block for block in blocks if block.label.startswith("Passage")))


def _input(prompt: str) -> Json:
    at = prompt.rfind(RAGAS_INPUT)
    return json.JSONDecoder().raw_decode(prompt, at + len(RAGAS_INPUT))[0]


def _fold(text: str) -> str:
    return " ".join(text.split()).lower()
