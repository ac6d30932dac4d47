"""The source of samples made before: siblings come as one draw again, without their old verdicts."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragset.errors import FlowError
from ragset.kit.lines import dump_line
from ragset.schema.samples import QAPair, Sample, Verdict
from ragset.schema.step import Tools
from ragset.sources.samples import Samples


def _line(name: str, scenario: str) -> str:
    payload = QAPair(question=f"What is {name}?", answer="a pump")
    sample = Sample(id=name, scenario_id=scenario, payload=payload, contexts=(), evidence=())
    return dump_line(sample.judged(Verdict(judge="old", version="1", passed=False, reason="")))


async def test_lines_of_one_scenario_in_a_row_are_one_draw(tmp_path: Path) -> None:
    order = [("a", "s"), ("b", "s"), ("c", "t"), ("d", "s"), ("e", "u"), ("e", "u")]
    (tmp_path / "set.jsonl").write_text("\n".join(_line(*one) for one in order) + "\n", "utf-8")
    draws = [draw async for draw in Samples(path=str(tmp_path / "set.jsonl")).draws(Tools())]
    assert [[sample.id for sample in draw.samples] for draw in draws] == [["a", "b"], ["c"], ["d"], ["e"], ["e"]]
    assert [draw.number for draw in draws] == list(range(5))
    assert all((s.status, s.verdicts) == ("open", ()) for draw in draws for s in draw.samples)


def test_columns_of_a_format_that_has_its_own_are_refused() -> None:
    with pytest.raises(FlowError, match="columns of the format 'ragas' have names of their own"):
        Samples(path="x", format="ragas", columns={"question": "q"}).check()
    Samples(path="x", format="csv", columns={"question": "q"}).check()
