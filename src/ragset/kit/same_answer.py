"""Whether an answer that somebody gave says all that the reference says: by rule where sure, else by the judge.

Half an answer is none here, so what counts is the weakest statement of the reference: how far the answer given, after
its question, supports it. From ``SAME`` on and below ``OTHER`` that decides alone; what lies between goes to the judge
model, all of one draw in one call, and stays undecided without one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ragset.errors import ModelError
from ragset.kit.builtin_judge import VERSION, not_readable, statements_of, support
from ragset.kit.rubrics import compared, equivalence_rubric, judge_items
from ragset.kit.siblings import asked_text
from ragset.schema.samples import QAPair, Sample, Usage
from ragset.schema.step import Tools

SAME, OTHER = 0.9, 0.1
"""Scores from which an answer says all of the reference, and below which it does not.

On 2,000 rows of five human-labelled sets (dev) 93 % of those above are right, and 13 % of those below; a quarter lies
between.
"""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Whether two answers say the same (none: it cannot be told), who says so, and what asking cost."""

    same: bool | None
    score: float
    by: str = "the rules"
    usage: Usage = field(default_factory=Usage)


def rules(tools: Tools) -> tuple[str | float, ...]:
    """Give what decides: for the fingerprint of a step."""
    return (VERSION, SAME, OTHER, equivalence_rubric().hash if tools.models.get("judge") else "")


async def agreements(given: Sequence[tuple[Sample, str]], tools: Tools) -> list[Agreement | ModelError]:
    """Compare each answer given with the reference of its sample; what breaks for the judge is an error in its place.

    The rules read English only: of another language all goes to the judge.
    """
    found: list[Agreement | ModelError] = [_by_rule(sample, text) for sample, text in given]
    model = tools.models.get("judge")
    open_ones = [at for at, one in enumerate(found) if isinstance(one, Agreement) and one.same is None]
    if model is None or not open_ones:
        return found
    items = [compared(given[at][0].payload, given[at][1]) for at in open_ones]
    rubric = equivalence_rubric()
    try:
        scores, usage = await judge_items(model, items, [rubric], purpose="same answer")
    except ModelError as error:
        for at in open_ones:
            found[at] = error
        return found
    for number, (at, (scored,)) in enumerate(zip(open_ones, scores, strict=True)):
        passed, score, _ = scored.opinion(rubric)
        found[at] = Agreement(passed, score or 0.0, model.name, Usage() if number else usage)
    return found


def _by_rule(sample: Sample, text: str) -> Agreement:
    if not_readable(sample, Tools()) is not None:
        return Agreement(None, 0.0)
    score = completeness(sample.payload, text)
    return Agreement(True if score >= SAME else False if score < OTHER else None, score)


def completeness(pair: QAPair, given: str) -> float:
    """Give how far an answer, after its question, supports the least supported statement of the reference (0..1)."""
    said = f"{asked_text(pair)}\n\n{given}"
    return min((support(said, statement).score for statement in statements_of(pair.answer or "")), default=0.0)
