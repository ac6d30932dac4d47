"""A set whose answers were not found: validate says so and how to name them, and no export teaches a false refusal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ragset.cli import cli
from ragset.kit.foreign.answers import lacking_answers
from ragset.kit.foreign.reading import check_set, guess

TUNING = ("openai-chat", "prompt-completion")
REFUSAL = "The passages do not answer this question."
SCHOOL = "The village school was founded in 1923 by Ana Pop."
TOWER = "The tower of the church is 31 metres tall and was built of oak."
PAIRS = [
    ("Who founded the village school?", "Ana Pop", SCHOOL),
    ("How tall is the tower of the church?", "31 metres", TOWER),
    ("Which wood was the tower of the church built of?", "oak", TOWER),
]
SO = "; without one, answers are not judged and not exported for fine-tuning"


def run(*args: object) -> Result:
    return CliRunner().invoke(cli, [str(arg) for arg in args])


def rows(answer: str, **more: Any) -> list[dict[str, Any]]:
    return [{"question": asked, answer: said, "contexts": [text], **more} for asked, said, text in PAIRS]


def written(path: Path, *found: Mapping[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in found), "utf-8")
    return path


def validated(tmp_path: Path, *found: Mapping[str, Any], columns: str = "") -> tuple[Path, Result]:
    path, out = written(tmp_path / "set.jsonl", *found), tmp_path / "out"
    named = ("--columns", columns) if columns else ()
    done = run("validate", path, *named, "--indexes", tmp_path / "i", "--embedder", "hash", "--out", out)
    assert done.exit_code == 0, done.output
    return out, done


def said_of(path: Path, name: str = "jsonl", columns: Mapping[str, str] | None = None) -> str:
    return lacking_answers(path, name, columns or {}, check_set(path, name, columns or {}))


def last_words(path: Path) -> list[str]:
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [line["completion"] if "completion" in line else line["messages"][-1]["content"] for line in lines]


def test_a_misspelt_column_of_answers_is_said_and_teaches_nothing(tmp_path: Path) -> None:
    out, done = validated(tmp_path, *rows("anwser"))
    not_used = "(columns not used: anwser; did you mean --columns answer=anwser?)"
    assert f"set.jsonl: none of 3 rows has a reference answer {not_used}{SO}\n" in done.stderr
    kept = json.loads((out / "report.json").read_text("utf-8"))
    assert kept["set"]["no_reference_answer"] == kept["kept"] == 3
    for name in TUNING:
        refused = run("export", out, "--to", name, "--out", tmp_path / "train.jsonl")
        assert refused.exit_code == 2
        assert refused.stderr.startswith("error: nothing to teach: no pair (of 3) has a reference answer, and all are")
        assert "--columns answer=…" in refused.stderr
        assert refused.stderr.count("\n") == 1
        assert not (tmp_path / "train.jsonl").exists()


def test_the_named_column_is_taken_and_nothing_is_said(tmp_path: Path) -> None:
    out, done = validated(tmp_path, *rows("gold"), columns="answer=gold")
    assert "reference answer" not in done.stderr
    for name in TUNING:
        done = run("export", out, "--to", name, "--out", tmp_path / "train.jsonl")
        assert done.exit_code == 0, done.output
        assert "left out" not in done.stderr
        assert last_words(tmp_path / "train.jsonl") == [said for _, said, _ in PAIRS]


def test_only_what_can_be_taught_is_taught_and_the_rest_is_counted(tmp_path: Path) -> None:
    first, second, third = rows("answer")
    del second["answer"]
    third |= {"answer": None, "answerable": False}
    out, done = validated(tmp_path, first, second, third)
    assert f"set.jsonl: only 1 of 2 answerable rows have a reference answer{SO}\n" in done.stderr
    kept = (out / "kept.jsonl").read_text("utf-8")
    assert {json.loads(line)["question"] for line in kept.splitlines()} >= {first["question"], second["question"]}
    unanswerable = third["question"] in kept
    for name in TUNING:
        done = run("export", out, "--to", name, "--out", tmp_path / "train.jsonl")
        assert f"left out 1 of {2 + unanswerable} pairs: answerable, but without a reference answer" in done.stderr
        assert last_words(tmp_path / "train.jsonl") == ["Ana Pop", *[REFUSAL] * unanswerable]
    for name in ("csv", "parquet", "llama-rag", "ragas"):
        done = run("export", out, "--to", name, "--out", tmp_path / "all")
        assert "left out" not in done.stderr
        assert f"wrote {2 + unanswerable} rows" in done.stderr


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"gold": "a", "nr": 1, "note": "x"}, "gold, nr, note; if one of them holds it: --columns answer=gold"),
        ({"correct_answer": "a", "note": "x"}, "note; if one of them holds it: --columns answer=correct_answer"),
        ({"Reference": "a", "note": "x"}, "Reference, note; did you mean --columns answer=Reference?"),
        ({"said": "a", "nr": 1}, "said, nr; if one of them holds it: --columns answer=said"),
        ({"x": "a", "y": "b"}, "x, y; if one of them holds it: --columns answer=…"),
        ({"the gold": "a"}, "the gold; if one of them holds it: --columns 'answer=the gold'"),
    ],
)
def test_the_columns_that_were_not_used_are_named(tmp_path: Path, row: dict[str, Any], said: str) -> None:
    path = written(tmp_path / "a.jsonl", {"question": "q?", "context": [{"text": "c", "n": 1}], **row})
    assert f"{said})" in said_of(path)
    assert "\n" not in said_of(path)


def test_where_no_column_is_left_or_a_format_has_its_own_names(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", {"question": "q?", "answer": " "}, {"question": "r?", "answer": "a"})
    assert said_of(path) == f"a.jsonl: only 1 of 2 rows have a reference answer{SO}"
    ragas = written(tmp_path / "r.jsonl", {"user_input": "q?", "response": "a"})
    assert said_of(ragas, "ragas") == f"r.jsonl: none of 1 row has a reference answer in 'reference'{SO}"
    beir = Path(__file__).parent / "foreign" / "beir"
    assert said_of(beir, "beir") == f"beir: none of 6 rows has a reference answer (the format 'beir' has none){SO}"


def test_nothing_is_said_where_every_answerable_row_has_its_answer(tmp_path: Path) -> None:
    unanswerable = {"question": "r?", "answerable": False}
    path = written(tmp_path / "a.jsonl", {"question": "q?", "answer": "a"}, unanswerable, {"note": "no question"})
    assert said_of(path) == ""
    assert said_of(written(tmp_path / "b.jsonl", unanswerable)) == ""
    assert guess(path) == "jsonl"
