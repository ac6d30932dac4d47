"""``keep``: the order, the caps, the quotas, and what it shows to the source."""

import pytest

from conftest import make_chunk, make_sample
from ragset.errors import FlowError
from ragset.flow.compile import parse_flow
from ragset.flow.keep import Keep, values_of
from ragset.schema.samples import Draw, Sample, Scenario
from ragset.schema.step import Tools


def sample(at: int, document: str = "c/d", kind: str | None = None, **axes: str) -> Sample:
    made = make_sample(at, chunk=make_chunk(at, document))
    persona = axes.pop("persona", None)
    return made.model_copy(update={"question_type": kind, "persona": persona, "axes": axes})


def feed(keep: Keep, *samples: Sample, lacking: dict[str, dict[str, int]] | None = None) -> tuple[list[str], Tools]:
    tools = Tools()
    keeping = keep.begin(tools)
    tools.tally.lacking = lacking or {}
    draws = [
        keeping.feed(Draw(number=at, scenario=Scenario(chunks=(make_chunk(at),)), samples=(one,)), None)
        for at, one in enumerate(samples)
    ]
    return [s.rejected_by.reason if s.rejected_by else s.status for d in draws for s in d.samples], tools


def test_a_document_gives_no_more_than_its_share():
    said, _ = feed(Keep(max_per_document=2), *(sample(at) for at in range(3)), sample(9, "c/other"))
    assert said == ["kept", "kept", "its document already gave 2", "kept"]


def test_a_type_has_no_more_than_its_share_of_the_order():
    said, _ = feed(Keep(n=4, max_per_type=0.5), *(sample(at, kind="condition") for at in range(3)), sample(9))
    assert said == ["kept", "kept", "its question type has its share: condition", "kept"]


def test_a_share_needs_an_order():
    with pytest.raises(FlowError, match="there is no n; add it"):
        parse_flow("steps:\n  - scenarios\n  - rag_qa\n  - keep: {max_per_type: 0.4}\n", "x.yaml")


def test_a_pair_is_kept_only_if_every_axis_has_a_place_for_it():
    lacking = {"question_type": {"fact": 1, "numeric": 1}, "language": {"en": 1, "de": 1}, "persona": {"nurse": 9}}
    nurse = {"persona": "nurse"}
    said, tools = feed(
        Keep(n=2),
        sample(0, kind="fact", language="en"),
        sample(1, kind="fact", language="en", **nurse),
        sample(2, kind="fact", language="de", **nurse),
        sample(3, kind="numeric", language="en", **nurse),
        sample(4, kind="summary", language="de", **nurse),
        sample(5, kind="numeric", language="de", **nurse),
        lacking=lacking,
    )
    assert said == [
        "no quota asks for it: persona=none",
        "kept",
        "its quota is filled: question_type=fact",
        "its quota is filled: language=en",
        "no quota asks for it: question_type=summary",
        "kept",
    ]
    assert tools.tally.lacking["persona"] == {"nurse": 7}
    assert tools.tally.full


def test_the_tally_tells_what_was_good_enough_and_what_was_kept():
    bad = sample(1).model_copy(update={"status": "rejected"})
    _, tools = feed(Keep(n=1, max_per_chunk=2), sample(0, kind="fact", style="plain"), bad, sample(2, kind="fact"))
    assert tools.tally.most_per_chunk == 2
    assert [commit.passed for commit in tools.tally.commits] == [
        ({"style": "plain", "question_type": "fact"},),
        (),
        ({"question_type": "fact"},),
    ]
    assert [len(commit.kept_of) for commit in tools.tally.commits] == [1, 0, 0]


def test_values_are_what_the_sample_is():
    made = sample(0, kind="fact", language="de", persona="a nurse")
    assert values_of(made) == {"language": "de", "question_type": "fact", "persona": "a nurse"}
    assert values_of(sample(0)) == {}
