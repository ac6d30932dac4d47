"""Nothing of a foreign row is lost: random rows whose names collide, for every format, and what is not UTF-8."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import ragset
from ragset.cli import cli
from ragset.errors import UsageError
from ragset.kit.foreign.keeping import named, together, unique
from ragset.kit.foreign.reading import check_set, samples_of
from test_foreign_formats import leaves

OURS = ("source_id", "file", "qrels", "documents", "answer_start_found", "given_contexts", "metadata", "question_type")
"""Names that ragset gives, or has a meaning for."""
ODD = ("note", "note (2)", "note (3)", "", "id", "_id", "title", "language", "style", "persona", "answerable")


class Maker:
    """Makes rows of values that are all different, under names that collide."""

    def __init__(self, seed: int) -> None:
        self.rng, self.count = random.Random(seed), 0

    def leaf(self) -> str:
        self.count += 1
        return f"leaf {self.count}"

    def number(self) -> int:
        self.count += 1
        return 1_000_000 + self.count

    def value(self) -> Any:
        """Give a text more often than not, else what stands in no field of that name."""
        odd: tuple[Callable[[], Any], ...] = (
            self.number,
            lambda: f"  {self.leaf()} ",
            lambda: [self.leaf(), self.number(), self.leaf()],
            lambda: {"id": self.leaf(), "text": [self.leaf()], "k": {"title": self.number()}},
            lambda: [{"text": self.leaf(), "id": self.number(), "title": self.leaf()}, self.leaf()],
            lambda: json.dumps([self.leaf(), {"text": self.leaf()}]),
            lambda: None,
        )
        return self.leaf() if self.rng.random() < 0.6 else self.rng.choice(odd)()

    def fields(self, *known: str) -> list[tuple[str, Any]]:
        """Give the known fields and some others, now and then one twice, in any order."""
        names = [name for name in known if self.rng.random() < 0.85]
        names += self.rng.choices((*OURS, *ODD, *known), k=self.rng.randint(0, 8))
        self.rng.shuffle(names)
        return [(name, self.value()) for name in names]

    def row(self, *known: str) -> dict[str, Any]:
        return dict(self.fields(*known))


def _said(value: Any) -> set[str]:
    """Give the leaves of a value, those of a list that is written into a text too."""
    found = set[str]()
    for leaf in leaves(value):
        found |= set(leaves(json.loads(leaf))) if leaf.startswith("[") else {leaf}
    return found


def _object(fields: list[tuple[str, Any]]) -> str:
    """Write an object whose names may come twice."""
    return "{" + ", ".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in fields) + "}"


KNOWN = {
    "ragas": ("user_input", "reference", "reference_contexts", "reference_context_ids", "persona_name", "query_style"),
    "llama-rag": ("query", "reference_answer", "reference_contexts"),
    "deepeval": ("input", "expected_output", "context", "scenario", "turns", "expected_outcome"),
    "raget": ("question", "reference_answer", "reference_context", "conversation_history"),
    "squad": ("question", "context", "answers", "is_impossible"),
    "jsonl": ("question", "query", "answer", "contexts", "context_ids", "history"),
    "csv": ("question", "query", "answer", "contexts", "context_ids", "history"),
}


def _lost(path: Path, form: str, given: set[str]) -> set[str]:
    read = [sample.model_dump(mode="json") for sample in samples_of(path, form, {})]
    return given - _said(read)


@pytest.mark.parametrize("form", KNOWN)
@pytest.mark.parametrize("seed", range(12))
def test_json_lines(tmp_path: Path, form: str, seed: int) -> None:
    make = Maker(seed)
    rows = [make.fields(*KNOWN[form]) for _ in range(20)]
    (tmp_path / "a.jsonl").write_text("".join(f"{_object(row)}\n" for row in rows), "utf-8")
    assert _lost(tmp_path / "a.jsonl", form, _said([value for row in rows for _, value in row])) == set()


@pytest.mark.parametrize("form", [form for form in KNOWN if form != "csv"])
@pytest.mark.parametrize("holder", ["examples", "data"])
def test_json_with_fields_around_the_rows(tmp_path: Path, form: str, holder: str) -> None:
    for seed in range(8):
        make = Maker(seed)
        around = [*make.fields("version"), (holder, [dict(make.fields(*KNOWN[form])) for _ in range(10)])]
        (tmp_path / "a.json").write_text(_object(around), "utf-8")
        assert _lost(tmp_path / "a.json", form, _said([value for _, value in around])) == set()


@pytest.mark.parametrize("form", ["csv", "ragas", "deepeval"])
@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_tables_with_columns_of_one_name(tmp_path: Path, form: str, suffix: str) -> None:
    for seed in range(12):
        make, path = Maker(seed), tmp_path / f"a{suffix}"
        header = [name for name, _ in make.fields(*KNOWN[form])] + ["note", "note", "note"]
        rows = [[_cell(make.value()) for _ in header] for _ in range(10)]
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter="\t" if suffix == ".tsv" else ",").writerows([header, *rows])
        assert _lost(path, form, _said(rows)) == set()


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def test_squad_as_it_is_nested(tmp_path: Path) -> None:
    for seed in range(40):
        make = Maker(seed)
        articles = [
            make.row("title", "context", "id")
            | {
                "paragraphs": [
                    make.row("context", "title")
                    | {"qas": [make.row("id", "question", "context", "answer_start_found") | _answered(make)]}
                    for _ in range(2)
                ]
            }
            for _ in range(3)
        ]
        (tmp_path / "a.json").write_text(json.dumps(make.row("version") | {"data": articles}), "utf-8")
        given = _said(json.loads((tmp_path / "a.json").read_text("utf-8")))
        assert _lost(tmp_path / "a.json", "squad", given) == set()


def _answered(make: Maker) -> dict[str, Any]:
    """Give answers, now and then at a wrong place in a context that holds them."""
    said = make.leaf()
    answers = {"answers": [{"text": said, "answer_start": 3, "by": make.leaf()}, {"text": make.leaf()}]}
    return answers | ({"context": f"{make.leaf()}. {said}."} if make.rng.random() < 0.5 else {})


def test_beir(tmp_path: Path) -> None:
    (tmp_path / "qrels").mkdir()
    for seed in range(20):
        make = Maker(seed)
        documents = [make.row("score", "split", "corpus-id", "title") | {"_id": f"d{at}"} for at in range(6)]
        documents = [row | {"text": make.leaf()} if at % 3 else row | {"text": 7} for at, row in enumerate(documents)]
        queries = [make.row("text", "qrels", "scores") | {"_id": f"q{at}"} for at in range(4)]
        judged = [(f"q{at % 5}", f"d{at}", 1, make.leaf(), make.leaf()) for at in range(6)]
        for name, rows in (("corpus", documents), ("queries", queries)):
            (tmp_path / f"{name}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
        head = "query-id\tcorpus-id\tscore\tscore\n" if seed % 2 else ""
        lines = "".join("\t".join(map(str, row)) + "\n" for row in judged)
        (tmp_path / "qrels" / "test.tsv").write_text(f"{head}\n{lines}", "utf-8")
        given = _said([documents, queries, [list(row[3:]) for row in judged]])
        stray = {documents[4]["text"]}  # of a query that is not there: the document stays in the corpus
        assert _lost(tmp_path, "beir", given - stray) == set()


def test_autorag(tmp_path: Path) -> None:
    for seed in range(10):
        make = Maker(seed)
        columns = {name: [make.leaf() for _ in range(4)] for name in ("query", *OURS, "qid", "generation_gt")}
        columns["retrieval_gt"] = [f"d{at}" for at in range(4)]
        corpus = {name: [make.leaf() for _ in range(4)] for name in ("contents", "metadata", "source_id")}
        corpus["doc_id"] = columns["retrieval_gt"]
        pq.write_table(pa.table(columns), tmp_path / "qa.parquet")
        pq.write_table(pa.table(corpus), tmp_path / "corpus.parquet")
        assert _lost(tmp_path, "autorag", _said([columns, corpus])) == set()


def test_two_columns_of_one_name_in_parquet_are_refused(tmp_path: Path) -> None:
    pq.write_table(
        pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], ["question", "question"]), tmp_path / "a.parquet"
    )
    with pytest.raises(UsageError, match="has two columns 'question'"):
        check_set(tmp_path / "a.parquet", "jsonl", {})


def test_a_name_is_given_once_and_the_first_keeps_it() -> None:
    assert unique(["n", "n", "m", "n"]) == ["n", "n (2)", "m", "n (3)"]
    assert unique(["n", "n", "n (2)"]) == ["n", "n (3)", "n (2)"]
    assert together({"file": 1}, {"file": 2, "x": 3}) == {"file": 1, "file (2)": 2, "x": 3}
    assert named([("a", 1), ("b", 2)]) == {"a": 1, "b": 2}
    many = unique([""] * 200_000)  # a hostile header takes no more than its length
    assert len(set(many)) == 200_000


def _validated(tmp_path: Path, path: Path) -> Iterator[dict[str, Any]]:
    args = ["--index", "docs", "--indexes", tmp_path / "i", "--out", tmp_path / "out", "--embedder", "hash", "-q"]
    done = CliRunner().invoke(cli, ["validate", str(path), *map(str, args)])
    assert done.exit_code == 0, done.output
    for name in ("kept.jsonl", "rejected.jsonl"):
        yield from map(json.loads, (tmp_path / "out" / name).read_text("utf-8").splitlines())


def test_given_contexts_take_no_other_field_s_place(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    text = "A scald is a burn caused by hot liquid. A blister is a sterile cover that protects the new skin."
    (tmp_path / "docs" / "a.txt").write_text(text, "utf-8")
    ragset.ingest(tmp_path / "docs", "docs", indexes=tmp_path / "i", embedder="hash")
    row = {"question": "What is a scald?", "answer": "A burn caused by hot liquid.", "given_contexts": "mine"}
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(row | {"contexts": "A scald is a  burn caused by hot liquid."}) + "\n", "utf-8")
    (line,) = _validated(tmp_path, path)
    assert line["metadata"]["given_contexts"] == "mine"
    assert line["metadata"]["given_contexts (2)"] == [{"text": "A scald is a  burn caused by hot liquid."}]


LATIN = "What is a café?".encode("latin-1")


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.csv", b"question,answer\n" + b"What is it?,x\n" * 600 + LATIN + b",x\n", "a.csv, line 602: is not UTF-8"),
        ("a.csv", b'question,answer\n"a\nb",x\n' + LATIN + b",x\n", "a.csv, line 4: .*byte 0xe9, 'é' in Latin-1"),
        ("a.jsonl", b'{"question": "q"}\n{"question": "' + LATIN + b'"}\n', "a.jsonl, line 2: is not UTF-8"),
        ("a b.json", b'[{"question":\n"' + LATIN + b'"}]\n', "line 2: .*iconv -f WINDOWS-1252 -t UTF-8 'a b.json' >"),
        (
            "a.csv",
            "question,answer\nWhat?,x\n".encode("utf-16"),
            "line 1: .*iconv -f UTF-16 -t UTF-8 a.csv > a.utf8.csv",
        ),
    ],
)
def test_the_line_that_is_not_utf_8_is_named_and_how_to_convert_it(
    tmp_path: Path, name: str, data: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UsageError, match=said):
        check_set(tmp_path / name, "csv" if name.endswith("csv") else "jsonl", {})
