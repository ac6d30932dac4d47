"""Whether an answer that somebody gave says what the reference says: by rule where sure, else by the judge.

The rule is the built-in equivalence (:mod:`ragset.kit.equivalence`) with the band that ships for it: what the band
decides is decided. All else goes to the judge model, all of one draw in one call, and stays undecided without one.

Where an answer chooses ("ferry or bus?", yes or no), the band alone will not do: "it cannot be told whether the bus is
cheaper" holds every word of "the bus". There an answer that is not plainly that choice goes to the judge too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ragset.errors import ModelError
from ragset.kit.builtin_judge import not_readable
from ragset.kit.calibration_file import shipped_calibration
from ragset.kit.equivalence import NAME, equivalence, fingerprint
from ragset.kit.languages import after_yes_or_no
from ragset.kit.measures import Text
from ragset.kit.rubrics import compared, equivalence_rubric, judge_each
from ragset.kit.siblings import asked_text
from ragset.schema.samples import QAPair, Sample, Usage
from ragset.schema.step import Tools

RULES = "2"
"""Version of the rules; raise it when they may decide otherwise."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Whether two answers say the same (none: it cannot be told), who says so, and what asking cost."""

    same: bool | None
    score: float
    by: str = "the rules"
    usage: Usage = field(default_factory=Usage)


def rules(tools: Tools) -> tuple[str, ...]:
    """Give what decides: for the fingerprint of a step."""
    judge = equivalence_rubric().hash if tools.models.get("judge") else ""
    return (RULES, fingerprint(), shipped_calibration(NAME).to_yaml(), judge)


async def agreements(given: Sequence[tuple[Sample, str]], tools: Tools) -> list[Agreement | ModelError]:
    """Compare each answer given with the reference of its sample; what breaks for the judge is an error in its place.

    The rules read English only: of another language all goes to the judge.
    """
    found: list[Agreement | ModelError] = [_by_rule(sample, text) for sample, text in given]
    model = tools.models.get("judge")
    open_ones = [at for at, one in enumerate(found) if isinstance(one, Agreement) and one.same is None]
    if model is None or not open_ones:
        return found
    rubric = equivalence_rubric()
    items = [compared(given[at][0].payload, given[at][1]) for at in open_ones]
    judged = await judge_each(model, items, [rubric], purpose="same answer")
    for at, one in zip(open_ones, judged, strict=True):
        if isinstance(one, ModelError):
            found[at] = one
        else:
            passed, score, _ = one.scores[0].opinion(rubric)
            found[at] = Agreement(passed, score or 0.0, model.name, one.usage)
    return found


def _by_rule(sample: Sample, text: str) -> Agreement:
    if not_readable(sample, Tools()) is not None:
        return Agreement(None, 0.0)
    pair = sample.payload
    score = equivalence(asked_text(pair), (pair.answer or "",), text).score
    same = shipped_calibration(NAME).decide(score)
    return Agreement(None if same and not is_plain(pair, text) else same, score)


def is_plain(pair: QAPair, given: str) -> bool:
    """Tell whether an answer that chooses, between yes and no or from what its question names, makes that choice only.

    Yes or no may be followed by more ("Yes, it is"); an option stands alone, and nothing is denied of it.
    """
    answer = pair.answer or ""
    if chosen := _yes_or_no(answer):
        return _yes_or_no(given) == chosen
    reference, said = Text(answer), Text(given)
    wanted = {word.stem for word in reference.content}
    if not wanted <= Text(asked_text(pair)).stems:
        return True
    return {word.stem for word in said.content} <= wanted and said.negations == reference.negations


def _yes_or_no(text: str) -> str:
    """Give the yes or no that a text begins with; empty when it has neither ("No information is given")."""
    return Text(text).words[0].plain if after_yes_or_no(text, "en") is not None else ""
