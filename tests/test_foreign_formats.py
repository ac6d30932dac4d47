"""Sets that other tools made: each format is read from a real file, nothing is lost, and dirt is said in a line."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ragset.errors import UsageError
from ragset.kit.exporting import plain_cell
from ragset.kit.foreign import FORMATS, OWN, format_named
from ragset.kit.foreign.pairs import path_of, turns_of
from ragset.kit.foreign.reading import check_set, guess, passages_in, samples_of
from ragset.schema.samples import Sample

FILES = Path(__file__).parent / "foreign"
COLUMNS = {"plain.jsonl": {"question": "Q", "answer": "A", "contexts": "C"}}
SETS = {
    "ragas.jsonl": "ragas",
    "ragas-multi-turn.jsonl": "ragas",
    "llama-rag.json": "llama-rag",
    "deepeval.json": "deepeval",
    "deepeval.jsonl": "deepeval",
    "deepeval.csv": "deepeval",
    "squad-v1.json": "squad",
    "squad-v2.json": "squad",
    "squad-flat.jsonl": "squad",
    "beir": "beir",
    "autorag": "autorag",
    "raget.jsonl": "raget",
    "plain.jsonl": "jsonl",
    "plain.csv": "csv",
}


def samples(name: str) -> list[Sample]:
    return list(samples_of(FILES / name, SETS[name], COLUMNS.get(name, {})))


def leaves(value: Any) -> Iterator[str]:
    """Give every value that says something, as text."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner)
    elif value is not None and str(value).strip():
        yield str(value).strip()


def given(name: str) -> set[str]:
    """Read a sample file in the plainest way there is, and give all its values."""
    path = FILES / name
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    found: set[str] = set()
    for file in files:
        found |= set(leaves(_plain(file)))
    return found


def _plain(file: Path) -> Any:
    if file.suffix == ".jsonl":
        return [json.loads(line) for line in file.read_text("utf-8").splitlines() if line.strip()]
    if file.suffix == ".json":
        return json.loads(file.read_text("utf-8"))
    if file.suffix == ".parquet":
        rows = json.loads(json.dumps(pq.read_table(file).to_pylist(), default=lambda value: value.isoformat()))
        return [{k: v for k, v in row.items() if v == v} for row in rows]
    with file.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.reader(stream, delimiter="\t" if file.suffix == ".tsv" else ","))[1:]


def delivered(lines: list[dict[str, Any]]) -> set[str]:
    return {leaf for line in lines for leaf in leaves(line)}


@pytest.mark.parametrize("name", SETS)
def test_nothing_of_a_set_is_lost_when_it_is_read(name: str) -> None:
    read = delivered([sample.model_dump(mode="json") for sample in samples(name)])
    unread = {text for text in given(name) - read if text not in _of_no_pair(name)}
    assert unread == set()


def _of_no_pair(name: str) -> set[str]:
    """What stands in the corpus of a set and is named by no pair of it."""
    if name != "beir":
        return set()
    documents = _plain(FILES / "beir" / "corpus.jsonl")
    return {leaf for document in documents if document["_id"] in ("doc5", "doc6", "doc8") for leaf in leaves(document)}


@pytest.mark.parametrize(("name", "form"), SETS.items())
def test_a_set_is_known_by_itself_or_not_guessed(name: str, form: str) -> None:
    expected = None if name == "plain.jsonl" else form  # its columns have names of their own
    assert guess(FILES / name) == expected


def test_every_format_has_a_sample_file_and_knows_no_other() -> None:
    assert set(SETS.values()) == set(FORMATS)
    for name in FORMATS:
        assert format_named(name).name == name
    with pytest.raises(UsageError, match="did you mean 'squad'"):
        format_named("sqad")


def test_what_could_be_two_formats_is_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "both.jsonl"
    path.write_text(json.dumps({"user_input": "q?", "query": "q?", "reference_answer": "a"}) + "\n", "utf-8")
    assert guess(path) is None
    own = tmp_path / "own.jsonl"
    own.write_text(json.dumps({"question": "q?", "scenario_id": "s"}) + "\n", "utf-8")
    assert guess(own) == OWN


@pytest.mark.parametrize("name", SETS)
def test_ids_are_the_same_every_time_and_equal_rows_are_two(name: str) -> None:
    first, second = samples(name), samples(name)
    assert [s.id for s in first] == [s.id for s in second]
    assert len({s.id for s in first}) == len(first)
    assert len({(s.payload, s.scenario_id) for s in first}) == len(first) - (name == "ragas.jsonl")


@pytest.mark.parametrize("name", SETS)
def test_a_row_without_a_question_is_a_reject_that_says_so(name: str) -> None:
    empty = [sample for sample in samples(name) if not sample.payload.question]
    assert all(sample.status == "rejected" and sample.rejected_by for sample in empty)
    assert all(sample.provenance["row"] for sample in samples(name))


def test_ragas() -> None:
    first, style, hops, dirty, unicode, _, empty, again = samples("ragas.jsonl")
    assert first.payload.answer == "Cool running water helps for up to three hours after the injury."
    assert (first.persona, first.axes, first.metadata["review"]) == (
        "First aider",
        {"style": "plain"},
        {"by": "Ana", "stars": 5},
    )
    assert style.axes == {"style": "misspelt"}
    assert hops.question_type == "multi_hop"
    assert [context.text[:12] for context in hops.contexts] == ["A street tre", "An urban hea"]
    assert hops.metadata["reference_contexts"][0].startswith("<1-hop>")
    assert dirty.metadata["retrieved_context_ids"] == ["k-7", 12]
    assert unicode.payload.question.startswith("🌊")
    assert empty.rejected_by
    assert (again.payload, again.scenario_id) == (first.payload, first.scenario_id)


def test_a_conversation_of_ragas_has_its_last_user_turn_as_question() -> None:
    first, second, third = samples("ragas-multi-turn.jsonl")
    assert first.payload.question == "How long does cool running water help after a burn?"
    assert [turn.role for turn in first.payload.history] == ["user", "assistant"]
    assert first.metadata["user_input"][4] == {"content": "3 hours", "type": "tool"}
    assert second.payload.history == ()
    assert third.status == "rejected"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_files_that_ragas_itself_writes(tmp_path: Path) -> None:
    pytest.importorskip("ragas")
    from ragas.dataset_schema import EvaluationDataset, MultiTurnSample, SingleTurnSample
    from ragas.messages import AIMessage, HumanMessage
    from ragas.testset.synthesizers.testset_schema import Testset, TestsetSample

    one = SingleTurnSample(
        user_input="Ce este „mareea”?", reference="a rise, and a fall", reference_contexts=["A", "B, 'c'"]
    )
    two = SingleTurnSample(user_input="What is a knot?", reference_context_ids=["d1", 2], reference="a bend")
    made = Testset(
        samples=[
            TestsetSample(eval_sample=one, synthesizer_name="s"),
            TestsetSample(eval_sample=two, synthesizer_name="t"),
        ]
    )
    made.to_jsonl(tmp_path / "testset.jsonl")
    EvaluationDataset(samples=[one]).to_csv(tmp_path / "set.csv")
    talk = [HumanMessage(content="hi"), AIMessage(content="yes?"), HumanMessage(content="What is a tide?")]
    EvaluationDataset(samples=[MultiTurnSample(user_input=talk, reference="r")]).to_jsonl(tmp_path / "talk.jsonl")
    first, second = samples_of(tmp_path / "testset.jsonl", "ragas", {})
    assert [context.text for context in first.contexts] == ["A", "B, 'c'"]
    assert first.metadata["synthesizer_name"] == "s"
    assert [context.document_id for context in second.contexts] == ["d1", "2"]
    (table,) = samples_of(tmp_path / "set.csv", "ragas", {})
    assert (table.payload, table.contexts) == (first.payload, first.contexts)
    (spoken,) = samples_of(tmp_path / "talk.jsonl", "ragas", {})
    assert (spoken.payload.question, len(spoken.payload.history)) == ("What is a tide?", 2)


def test_llama_rag() -> None:
    first, *_, bare, empty = samples("llama-rag.json")
    assert first.metadata["query_by"] == {"model_name": "gpt-4o", "type": "ai"}
    assert first.metadata["file"]["notes"] == "made for the harbour day"
    assert bare.contexts == ()
    assert empty.status == "rejected"


def test_deepeval_in_three_files_says_the_same() -> None:
    snake, camel, table = (samples(f"deepeval.{kind}")[:4] for kind in ("json", "jsonl", "csv"))
    for one, two, three in zip(snake, camel, table, strict=True):
        assert one.payload == two.payload == three.payload
        assert [c.text for c in one.contexts] == [c.text for c in two.contexts] == [c.text for c in three.contexts]
    assert len(snake[0].contexts) == 2
    assert camel[0].metadata["inputTokenCount"] == 312
    *_, talk, scenario = samples("deepeval.jsonl")
    assert (talk.payload.question[:8], len(talk.payload.history)) == ("How long", 2)
    assert scenario.rejected_by
    assert "scenario" in scenario.rejected_by.reason


def test_squad_counts_code_points_and_checks_them() -> None:
    for sample in [*samples("squad-v1.json"), *samples("squad-flat.jsonl")]:
        for span in sample.evidence:
            assert sample.contexts[0].text[span.start : span.end] == span.quote == sample.payload.answer
    first = samples("squad-v1.json")[0]
    assert first.contexts[0].text.startswith("🌊🌊")
    assert [answer["text"] for answer in first.metadata["answers"]][1:] == ["24 hours and 50 minutes", "24 hours"]
    _, impossible, moved, lost, _, empty = samples("squad-v2.json")
    assert (impossible.payload.answerable, impossible.payload.answer, impossible.question_type) == (
        False,
        None,
        "unanswerable",
    )
    assert impossible.metadata["plausible_answers"][0]["text"] == "the skin"
    assert moved.evidence[0].quote == "Ice"
    assert moved.metadata["answer_start_found"] == moved.evidence[0].start
    assert lost.rejected_by
    assert lost.rejected_by.reason == "its answer stands nowhere in its context"
    assert empty.status == "rejected"
    assert not samples("squad-flat.jsonl")[1].payload.answerable


def test_squad_as_parquet_of_hugging_face(tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (FILES / "squad-flat.jsonl").read_text("utf-8").splitlines()]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "flat.parquet")
    assert guess(tmp_path / "flat.parquet") == "squad"
    read = list(samples_of(tmp_path / "flat.parquet", "squad", {}))
    assert [s.payload for s in read] == [s.payload for s in samples("squad-flat.jsonl")]


def test_beir() -> None:
    nurse, trees, river, guitar, gluten, empty, stray = samples("beir")
    assert [context.document_id for context in nurse.contexts] == ["doc2", "doc1"]
    assert [entry["score"] for entry in nurse.metadata["qrels"]] == [2, 1, 0]
    assert nurse.metadata["qrels"][1]["metadata"]["url"] == "https://example.org/burns"
    assert nurse.labels == ("no_reference_answer",)
    assert trees.contexts[0].document_id == "../../etc/passwd"
    assert river.metadata["source_id"] == "q3"
    assert gluten.metadata["qrels"][0]["split"] == "dev"
    reasons = [sample.rejected_by.reason for sample in (guitar, empty, stray) if sample.rejected_by]
    assert reasons[0] == "no document is judged relevant to it"
    assert reasons[1] == "corpus.jsonl has none of its documents"
    assert "line 9 judges a query that queries.jsonl does not have" in reasons[2]
    assert len(list(passages_in(FILES / "beir", "beir", {}))) == 7  # the eighth is empty


def test_autorag() -> None:
    first, hops, either, *_, lost, empty = samples("autorag")
    assert first.payload.answer == "A scald is a burn caused by hot liquid or steam."
    assert len(first.metadata["generation_gt"]) == 2
    assert first.metadata["documents"][0]["metadata"]["last_modified_datetime"] == "2024-05-01T12:30:00"
    assert (hops.question_type, len(hops.contexts)) == ("multi_hop", 2)
    assert (either.question_type, len(either.contexts)) == (None, 2)
    assert [(c.document_id, c.text) for c in lost.contexts] == [("c99", "")]
    assert empty.status == "rejected"
    alone = list(samples_of(FILES / "autorag" / "qa.parquet", "autorag", {}))
    assert alone[0].contexts == first.contexts


def test_raget() -> None:
    simple, follow_up, out_of_scope, unicode, double = samples("raget.jsonl")
    assert [(c.document_id, c.text[:8]) for c in simple.contexts] == [("3", "A burn i"), ("4", "Cool run")]
    assert simple.question_type == "simple"
    assert [turn.role for turn in follow_up.payload.history] == ["user", "assistant"]
    assert not out_of_scope.payload.answerable
    assert out_of_scope.metadata["reference_answer"].startswith("I don't know")
    assert unicode.metadata["metadata"]["topic"] == "Râuri"
    assert double.metadata["metadata"]["original_questions"]


def test_named_columns() -> None:
    tide, bare, number, nested, alone, unanswerable, _ = samples("plain.jsonl")
    assert tide.contexts[0].text.startswith("A spring tide")
    assert bare.contexts == ()
    assert (number.payload.answer, number.metadata["A"]) == ("3800", 3800)
    assert nested.contexts[0].document_id == "d1"
    assert alone.status == "rejected"
    assert not unanswerable.payload.answerable
    first, second, *_ = samples("plain.csv")
    assert first.metadata["source"] == '=HYPERLINK("http://x")'
    assert len(second.contexts) == 2
    with pytest.raises(UsageError, match="has no column 'Nope' for the question; its columns: nr, Q, A, C, kept_by"):
        list(samples_of(FILES / "plain.jsonl", "jsonl", {"question": "Nope"}))


def test_a_set_exported_by_ragset_comes_back(tmp_path: Path) -> None:
    from ragset.flow.registry import export_class

    before = [sample for sample in samples("llama-rag.json") if sample.status == "open"]
    export_class("llama-rag")().write(before, tmp_path / "out.json")
    after = list(samples_of(tmp_path / "out.json", "llama-rag", {}))
    assert [s.payload for s in after] == [s.payload for s in before]
    export_class("csv")().write(before, tmp_path / "out.csv")
    again = list(samples_of(tmp_path / "out.csv", "csv", {}))
    assert [plain_cell(s.payload.question) for s in again] == [s.payload.question for s in before]
    assert [[c.text for c in s.contexts] for s in again] == [[c.text for c in s.contexts] for s in before]


GOOD = json.dumps({"user_input": "What is a tide?", "reference": "a"}) + "\n"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.jsonl", GOOD + '{"user_input": oops}\n', "a.jsonl, line 2: is no JSON that can be kept"),
        ("a.jsonl", GOOD + "[1]\n", "line 2: a row must be one JSON object"),
        ("a.jsonl", GOOD + '{"user_input": "' + "x" * 9_000_000 + '"}\n', "line 2: is longer than 8 MB"),
        ("a.jsonl", GOOD + '{"user_input": "q", "x": NaN}\n', "line 2: .* it holds NaN|line 2: .*it holds NaN"),
        ("a.jsonl", GOOD + '{"user_input": "q", "x": 1e999}\n', "line 2: is no JSON that can be kept"),
        ("a.jsonl", GOOD + '{"user_input": "q\\ud800"}\n', "line 2: .*lone surrogate"),
        ("a.jsonl", GOOD + '{"x": ' + "[" * 60 + "]" * 60 + "}\n", "line 2: .*nested deeper than 40"),
        ("a.jsonl", GOOD + '{"x": ' + "[" * 90_000 + "]" * 90_000 + "}\n", "line 2: .*nested deeper than 40"),
        ("a.jsonl", GOOD + '{"x": ' + "9" * 5000 + "}\n", "line 2: .*thousands of digits"),
        ("a.jsonl", "", "a.jsonl: holds no rows"),
        ("a.jsonl", '{"foo": 1}\n', "no row has a question in 'user_input' .*fields of its first row: foo"),
        ("a.json", '{"question": {"0": "a"}}', "holds no list of rows, but question; .*orient='records'"),
        ("a.json", "[", "a.json: is no JSON"),
        ("a.csv", "user_input,x\nq,1,2\n", "row 2: has 3 cells, and the header 2"),
        ("a.csv", "", "has no header row"),
        ("a.csv", 'user_input,x\n"never closed,1\n', "row 2: cannot be read as a table"),
        ("a.parquet", "no parquet", "a.parquet: is no Parquet file"),
        ("a.docx", "x", "names no kind of file that holds rows"),
    ],
)
def test_a_hostile_file_is_refused_in_one_line_with_its_place(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    with pytest.raises(UsageError, match=said) as caught:
        check_set(tmp_path / name, "ragas", {})
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    assert len(str(caught.value)) < 600


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    for name, data in (("a.jsonl", b'{"user_input": "caf\xe9"}\n'), ("a.csv", b"user_input\ncaf\xe9\n")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UsageError, match="UTF-8"):
            check_set(tmp_path / name, "ragas", {})


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq\t1\tmany\n", "test.tsv, line 2: is no judgement"),
        ("corpus.jsonl", '{"text": "t"}\n', "corpus.jsonl, line 1: has no '_id'"),
        ("queries.jsonl", "{}\n", "queries.jsonl, line 1: has no '_id'"),
    ],
)
def test_a_broken_beir_folder_is_refused(tmp_path: Path, file: str, text: str, said: str) -> None:
    (tmp_path / "qrels").mkdir()
    good = {
        "corpus.jsonl": '{"_id": "1", "text": "t"}\n',
        "queries.jsonl": '{"_id": "q", "text": "t?"}\n',
        "qrels/test.tsv": "query-id\tcorpus-id\tscore\nq\t1\t1\n",
    }
    for name, content in (good | {file: text}).items():
        (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(UsageError, match=said):
        check_set(tmp_path, "beir", {})
    (tmp_path / "qrels" / "test.tsv").unlink()
    (tmp_path / "corpus.jsonl").write_text(good["corpus.jsonl"], "utf-8")
    with pytest.raises(UsageError, match="has no qrels"):
        check_set(tmp_path, "beir", {})


def test_the_first_line_of_qrels_counts_when_it_is_a_judgement(tmp_path: Path) -> None:
    (tmp_path / "qrels").mkdir()
    (tmp_path / "corpus.jsonl").write_text('{"_id": "1", "text": "t"}\n', "utf-8")
    (tmp_path / "queries.jsonl").write_text('{"_id": "q", "text": "t?"}\n', "utf-8")
    (tmp_path / "qrels" / "test.tsv").write_text("q\t1\t1\n", "utf-8")
    (sample,) = samples_of(tmp_path, "beir", {})
    assert [context.document_id for context in sample.contexts] == ["1"]


def test_an_id_never_leaves_its_folder() -> None:
    for name in ("../../etc/passwd", "..", "/abs", "a\\b", "x" * 500, "\x00"):
        path = path_of(name, "text")
        assert "/" not in path
        assert "\\" not in path
        assert not path.startswith(".")
        assert path.isprintable()
        assert len(path) < 100
    assert path_of("a", "text") != path_of("a", "other")


def test_turns_of_every_spelling_and_none_that_a_tool_said() -> None:
    rows = [
        {"role": "User", "content": "a"},
        {"type": "ai", "content": {"text": "b", "tool_calls": []}},
        {"from": "human", "value": "c"},
        {"role": "tool", "content": "d"},
        {"role": "user", "content": " "},
        "no turn",
    ]
    expected = [("user", "a"), ("assistant", "b"), ("user", "c")]
    assert [(turn.role, turn.content) for turn in turns_of(rows)] == expected
    assert [(turn.role, turn.content) for turn in turns_of(json.dumps(rows))] == expected
    assert turns_of("[not json") == turns_of(None) == ()
