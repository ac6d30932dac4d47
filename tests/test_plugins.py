"""A new judge is one file, one prompt if it needs one, and one registry line."""

from pathlib import Path

import pytest

from conftest import make_sample
from ragset.errors import FlowError
from ragset.flow.compile import parse_flow
from ragset.flow.engine import run
from ragset.flow.registry import STEPS
from ragset.schema.samples import Draw
from ragset.schema.step import Tools

JUDGE = '''
"""Polite: the question must say please."""

from typing import ClassVar

from ragset.kit.judging import Judge


class Polite(Judge):
    """Reject a question without the word."""

    name: ClassVar[str] = "polite"
    word: str = "please"

    async def judge(self, sample, tools):
        """Look for the word."""
        found = self.word in sample.payload.question.lower()
        return sample.judged(self.verdict(found, float(found), "" if found else f"does not say '{self.word}'"))
'''


@pytest.fixture
def polite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "polite_judge.py").write_text(JUDGE, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(STEPS, "polite", "polite_judge:Polite")


async def test_the_judge_runs_where_the_flow_names_it(polite: None, tmp_path: Path):
    from ragset.kit.lines import dump_line

    samples = [make_sample(0, "What is it, please?"), make_sample(1, "What is it?")]
    file = tmp_path / "samples.jsonl"
    file.write_text("".join(dump_line(s) + "\n" for s in samples), "utf-8")
    flow = parse_flow(f"steps:\n  - samples: {{path: '{file}'}}\n  - polite\n  - keep\n", "mine.yaml")
    draws: list[Draw] = [draw async for draw in run(flow.steps, Tools(), window=4)]
    kept, rejected = (draw.samples[0] for draw in draws)
    assert kept.status == "kept"
    assert rejected.rejected_by is not None
    assert rejected.rejected_by.reason == "does not say 'please'"


def test_its_fields_are_checked_like_any_other(polite: None):
    with pytest.raises(FlowError, match="unknown field 'wort'; did you mean 'word'"):
        parse_flow("steps:\n  - samples: {path: x}\n  - polite: {wort: 1}\n  - keep\n", "mine.yaml")
