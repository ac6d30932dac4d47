"""Judge pairs by rubrics, those of one draw in one call: a criterion, a scale, and a score with a reason for each.

A rubric is a prompt file. As a rule it holds the criterion alone (what to look for, and what each score means), and
``judge_pairs.v1`` shows the pairs and asks for the reply. A file that uses the variable ``pairs`` is the whole prompt.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import PurePath
from typing import Annotated, Any, ClassVar, Literal, cast

from pydantic import BaseModel, ConfigDict, WithJsonSchema, field_validator, model_validator

from ragset.errors import ContextError, FlowError, ModelError, ReplyError, did_you_mean
from ragset.kit.prompting import Prompt, check
from ragset.kit.replies import complete_typed
from ragset.kit.siblings import MOST_TEXT, asked_text, check_numbers, pooled
from ragset.schema.ids import digest
from ragset.schema.ports import Ask, LanguageModel
from ragset.schema.samples import QAPair, Sample, Usage

FRAME = "judge_pairs.v1"
EQUIVALENCE = (FRAME, "rubric_equivalence.v1")
"""Prompts by which answers are compared with their references."""
"""Prompt that shows the pairs, the criteria, and how to reply."""

Sees = Literal["question", "pair", "passages"]
"""What the judge is shown: the question alone, with its answer, or with its answer and its contexts."""

VARIABLES = frozenset({"passages", "pairs", "low", "high"})
"""What the prompt file of a rubric may use."""

_YES_NO = {"yes": 1, "no": 0, "true": 1, "false": 0}


@dataclass(frozen=True, slots=True)
class Rubric:
    """A criterion with its scale (``low`` to ``high``) and the lowest score that passes."""

    name: str
    prompt: Prompt
    low: float
    high: float
    threshold: float
    sees: Sees

    @property
    def whole(self) -> bool:
        """True when its file is the whole prompt, not the criterion alone."""
        return "pairs" in self.prompt.variables

    @property
    def prompts(self) -> tuple[str, ...]:
        """Names of the prompts that the judge is shown."""
        return (self.prompt.name,) if self.whole else (FRAME, self.prompt.name)

    @property
    def hash(self) -> str:
        """Hash of all the words that the judge is shown besides the pairs."""
        frame = "" if self.whole else Prompt.load(FRAME).hash
        return digest("rubric", self.prompt.hash, frame, self.low, self.high, self.sees)


@dataclass(frozen=True, slots=True)
class _Scale:
    low: float
    high: float
    threshold: float
    sees: Sees


_SHIPPED = {
    "faithfulness": _Scale(0, 1, 1, "passages"),
    "relevancy": _Scale(0, 2, 2, "pair"),
    "question": _Scale(0, 1, 1, "question"),
    "groundedness": _Scale(1, 5, 4, "passages"),
    "helpfulness": _Scale(1, 5, 4, "passages"),
    "honesty": _Scale(1, 5, 4, "passages"),
    "truthfulness": _Scale(1, 5, 4, "passages"),
    "instruction_following": _Scale(1, 5, 4, "pair"),
    "overall": _Scale(1, 5, 4, "passages"),
}
"""Scales of the shipped rubrics: ``rubric_<name>.v1.jinja``."""


def load_rubric(
    name: str,
    scale: tuple[float, float] | None = None,
    threshold: float | None = None,
    sees: Sees | None = None,
) -> Rubric:
    """Load a shipped rubric by name, or any prompt file by a path that ends in ``.jinja``.

    What is given replaces what ships. Raises ``FlowError``: no such rubric, a file without a scale or threshold, a
    threshold outside of the scale, or a variable that nothing makes.
    """
    name = name.removeprefix("rubric_").removesuffix(".v1")
    known = _SHIPPED.get(name)
    if known is None and not name.endswith(".jinja"):
        ways = "or give the path of a prompt file that ends in .jinja"
        raise FlowError(f"no rubric '{name}'", hint=f"{did_you_mean(name, _SHIPPED)} {ways}")
    prompt = Prompt.load(prompt_name(name))
    check(prompt, VARIABLES if "pairs" in prompt.variables else {"low", "high"})
    low, high = scale or ((known.low, known.high) if known else (math.nan, math.nan))
    least = threshold if threshold is not None else known.threshold if known and scale is None else math.nan
    title = name if known else PurePath(name).stem
    if not low < high or not low <= least <= high:
        what = "needs a scale and, within it, a threshold"
        raise FlowError(what, where=title, hint="write, say, scale: [1, 5] and threshold: 4")
    return Rubric(title, prompt, low, high, least, sees or (known.sees if known else "passages"))


def prompt_name(name: str) -> str:
    """Give the prompt of a shipped rubric, with its version (``rubric_relevancy.v1``); other names as they are."""
    return f"rubric_{name}.v1" if name in _SHIPPED else name


def rubric_names() -> list[str]:
    """Names of the shipped rubrics."""
    return list(_SHIPPED)


def equivalence_rubric() -> Rubric:
    """Give the rubric that compares a given answer with the reference: 1 when they say the same."""
    return Rubric("equivalence", Prompt.load(EQUIVALENCE[-1]), 0, 1, 1, "pair")


def compared(pair: QAPair, given: str) -> Item:
    """Show a pair beside an answer that somebody gave to its question."""
    return Item(pair, (*_asked(pair), ("Reference answer", pair.answer or ""), ("Given answer", given)))


def _asked(pair: QAPair) -> tuple[tuple[str, str], ...]:
    turns = "\n".join(f"{turn.role.capitalize()}: {turn.content}" for turn in pair.history)
    return (*((("Conversation before", turns),) if turns else ()), ("Question", pair.question))


@dataclass(frozen=True, slots=True)
class Item:
    """One pair as a judge is shown it: named texts, and its passages."""

    pair: QAPair
    parts: tuple[tuple[str, str], ...]
    passages: tuple[str, ...] = ()

    @classmethod
    def of(cls, sample: Sample, sees: Sees) -> Item:
        """Show of a sample what its rubric sees."""
        parts = _asked(sample.payload)
        if sees != "question":
            parts += (("Answer", sample.payload.answer or ""),)
        texts = tuple(context.text for context in sample.contexts) if sees == "passages" else ()
        return cls(sample.payload, parts, texts)


@dataclass(frozen=True, slots=True)
class Scored:
    """A score on the rubric's scale (none: the judge cannot tell) and the reason."""

    score: float | None
    reason: str

    def opinion(self, rubric: Rubric) -> tuple[bool | None, float | None, str]:
        """Give what a verdict says: passed (none: the judge abstains), the score brought to 0..1, and the reason."""
        if self.score is None:
            return None, None, f"the judge is not sure: {self.reason}"
        share = (self.score - rubric.low) / (rubric.high - rubric.low)
        passed = self.score >= rubric.threshold
        said = f"{self.score:g} on the scale {rubric.low:g} to {rubric.high:g}, {rubric.threshold:g} passes"
        return passed, share, f"{'reached' if passed else 'below the threshold'}: {said}; {self.reason}"


class ScoreEntry(BaseModel):
    """One score as the model writes it; what it means is read with the scale at hand."""

    model_config = ConfigDict(json_schema_extra={"required": ["pair", "criterion", "reason", "score", "sure"]})

    pair: int
    criterion: str = ""
    reason: str = ""
    score: Annotated[Any, WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "null"}]})] = None
    sure: bool = True

    @field_validator("reason", "criterion", mode="before")
    @classmethod
    def _some_text(cls, value: Any) -> Any:
        return "" if value is None else value


class ScoresReply(BaseModel):
    """What the model is asked to reply."""

    scores: list[ScoreEntry]

    count: ClassVar[int] = 0
    rubrics: ClassVar[tuple[Rubric, ...]] = ()

    @model_validator(mode="after")
    def _one_for_each(self) -> ScoresReply:
        """Refuse a reply that has not exactly one score, on the scale, for each pair and criterion."""
        for rubric in self.rubrics:
            own = [entry for entry in self.scores if self._is_of(entry, rubric)]
            check_numbers([entry.pair for entry in own], self.count)
            for entry in own:
                _score(entry, rubric)
        if len(self.scores) != self.count * len(self.rubrics):
            known = ", ".join(rubric.name for rubric in self.rubrics)
            raise ValueError(f"{len(self.scores)} scores for {self.count} pairs; the criteria are: {known}")
        return self

    def _is_of(self, entry: ScoreEntry, rubric: Rubric) -> bool:
        return len(self.rubrics) == 1 or _folded(entry.criterion) == _folded(rubric.name)

    def found(self, rubric: Rubric) -> list[Scored]:
        """Give the scores by one rubric, in the order of the pairs."""
        own = sorted((entry for entry in self.scores if self._is_of(entry, rubric)), key=lambda entry: entry.pair)
        return [Scored(_score(entry, rubric), entry.reason) for entry in own]


def _folded(name: str) -> str:
    return "_".join(name.replace("-", " ").replace("_", " ").split()).casefold()


def _score(entry: ScoreEntry, rubric: Rubric) -> float | None:
    """Read a score; none when the judge is not sure. Raises ``ValueError`` for what is no number of the scale."""
    if not entry.sure:
        return None
    score, scale = _number(entry.score, rubric), f"{rubric.low:g} to {rubric.high:g}"
    if score is None or not math.isfinite(score):
        raise ValueError(f"pair {entry.pair} has no score from {scale}, and 'sure' is not false")
    if not rubric.low <= score <= rubric.high:
        raise ValueError(f"the score of pair {entry.pair} is {score:g}; the scale is {scale}")
    return score


def _number(value: Any, rubric: Rubric) -> float | None:
    """Read a number, also from a text; yes and no are numbers on the scale from 0 to 1 only."""
    text = str(value).strip(" .").lower()
    if isinstance(value, bool) or text in _YES_NO:
        return _YES_NO[text] if (rubric.low, rubric.high) == (0, 1) else None
    try:
        return float(text) if isinstance(value, int | float | str) else None
    except ValueError:
        return None


@lru_cache(maxsize=256)
def _reply_of(of: int, by: tuple[Rubric, ...]) -> type[ScoresReply]:
    """Give the reply about so many pairs by these rubrics."""

    class Counted(ScoresReply):
        count: ClassVar[int] = of
        rubrics: ClassVar[tuple[Rubric, ...]] = by

    return Counted


@dataclass(frozen=True, slots=True)
class Judged:
    """The scores of one item, one for each rubric, and what asking cost."""

    scores: tuple[Scored, ...]
    usage: Usage = field(default_factory=Usage)


async def judge_each(
    model: LanguageModel, items: Sequence[Item], rubrics: Sequence[Rubric], *, purpose: str
) -> list[Judged | ModelError]:
    """Score every item by every rubric in one call; in several where the passages do not fit.

    A reply that cannot be read is no reason to give up its siblings: each item is then asked about alone. What breaks
    for one item is an error in its place. The usage of a call is that of its first item.
    """
    found: list[Judged | ModelError] = []
    for group in _fitting(items):
        found += await _judged(model, group, tuple(rubrics), purpose)
    return found


def _fitting(items: Sequence[Item]) -> list[list[Item]]:
    """Cut the items, in order, where their passages grow beyond what one call shows."""
    groups: list[list[Item]] = []
    shown: set[str] = set()
    for item in items:
        more = shown | set(item.passages)
        if groups and sum(map(len, more)) <= MOST_TEXT:
            groups[-1].append(item)
            shown = more
        else:
            groups.append([item])
            shown = set(item.passages)
    return groups


async def _judged(
    model: LanguageModel, items: Sequence[Item], rubrics: tuple[Rubric, ...], purpose: str
) -> list[Judged | ModelError]:
    """Ask about all items; about each half when they do not fit the model's context, and alone as a last resort."""
    ask = Ask(messages=_messages(items, rubrics), reply_schema=_schema(), purpose=purpose)
    try:
        reply = await complete_typed(model, ask, _reply_of(len(items), rubrics))
    except (ContextError, ReplyError) as error:
        if len(items) == 1:
            return [error]
        size = len(items) // 2 if isinstance(error, ContextError) else 1
        parts = [items[at : at + size] for at in range(0, len(items), size)]
        return [one for part in parts for one in await _judged(model, part, rubrics, purpose)]
    except ModelError as error:
        return [error for _ in items]
    value = cast("ScoresReply", reply.value)
    columns = [value.found(rubric) for rubric in rubrics]
    scores = list(zip(*columns, strict=True))
    return [Judged(own, reply.usage if at == 0 else Usage()) for at, own in enumerate(scores)]


@lru_cache(maxsize=1)
def _schema() -> dict[str, Any]:
    return ScoresReply.model_json_schema()


def _messages(items: Sequence[Item], rubrics: Sequence[Rubric]) -> Any:
    passages, numbers = pooled([item.passages for item in items], str)
    pairs = [_shown(item, own) for item, own in zip(items, numbers, strict=True)]
    if len(rubrics) == 1 and rubrics[0].whole:
        low, high = (f"{end:g}" for end in (rubrics[0].low, rubrics[0].high))
        return rubrics[0].prompt.render(passages=passages, pairs=pairs, low=low, high=high)
    criteria = [_criterion(rubric) for rubric in rubrics]
    return Prompt.load(FRAME).render(passages=passages, pairs=pairs, criteria=criteria)


def _shown(item: Item, numbers: Sequence[int]) -> dict[str, Any]:
    parts = [{"name": name, "text": _indented(text)} for name, text in item.parts]
    pair = {"question": asked_text(item.pair), "answer": item.pair.answer, "passages": list(numbers)}
    return {**pair, "parts": parts}


def _indented(text: str) -> str:
    """Set every further line in, so that no line of a text can pass for the name of the next one."""
    return text.strip().replace("\n", "\n  ")


def _criterion(rubric: Rubric) -> dict[str, str]:
    low, high = f"{rubric.low:g}", f"{rubric.high:g}"
    text = "\n\n".join(message.content for message in rubric.prompt.render(low=low, high=high))
    return {"name": rubric.name, "low": low, "high": high, "text": text}
