"""Filter-only mode from the command line: foreign sets are put into documents, judged, and accounted for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import ragset
from ragset.adapters.chroma_store import open_index
from ragset.cli import cli
from ragset.errors import UsageError
from ragset.kit.grounding import Found, cut, near_place, proofs, similar_place
from ragset.schema.documents import Chunk, Document
from test_foreign_formats import COLUMNS, FILES, SETS, delivered, given

ALMANAC = Path(__file__).parents[1] / "corpora" / "almanac"


def run(*args: object) -> Result:
    return CliRunner().invoke(cli, [str(arg) for arg in args])


def lines(out: Path) -> list[dict[str, Any]]:
    names = ("kept.jsonl", "rejected.jsonl")
    return [json.loads(line) for name in names for line in (out / name).read_text("utf-8").splitlines()]


def report(out: Path) -> dict[str, Any]:
    return json.loads((out / "report.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the texts of the almanac, and an index of them."""
    folder = tmp_path_factory.mktemp("validate")
    (folder / "docs").mkdir()
    for name in ("burns.md", "street-trees.md", "knots.txt"):  # as plain text: line ends stand within sentences
        shutil.copy(ALMANAC / name, (folder / "docs" / name).with_suffix(".txt"))
    ragset.ingest(folder / "docs", "docs", indexes=folder / "indexes", embedder="hash")
    return folder


def validated(place: Path, name: str, *more: object) -> Path:
    columns = [f"{part}={column}" for part, column in COLUMNS.get(name, {}).items()]
    out = place / f"out-{name}-{len(more)}"
    args = (*(("--columns", *columns) if columns else ()), "--indexes", place / "indexes", "--embedder", "hash", *more)
    done = run("validate", FILES / name, "--out", out, *args)
    assert done.exit_code == 0, done.output
    return out


@pytest.mark.parametrize("name", [name for name in SETS if name != "ragas-multi-turn.jsonl"])
def test_every_format_goes_the_whole_way_and_nothing_in_it_is_lost(place: Path, name: str) -> None:
    """The contexts of the set are the corpus; every value of the file is in a kept or a rejected line."""
    out = validated(place, name)
    found, told = lines(out), report(out)
    counts = told["samples"]
    assert counts["total"] == len(found) == counts["kept"] + counts["rejected"] + counts["failed"]
    assert counts["failed"] == 0
    assert told["kept"] >= 1
    assert told["set"] | {"pairs": len(found), "format": SETS[name], "file": name} == told["set"]
    assert sum(told["set"][what] for what in ("given_contexts", "matched_by_retrieval", "not_matched")) == len(found)
    unread = given(name) - delivered(found)
    if name == "beir":
        with open_index(place / "indexes", told["index"]["name"]) as index:
            texts = [index.document(key) for key in index.document_ids()]
        corpus = " ".join(
            text for document in texts if document for text in (document.id, document.title, document.text)
        )
        unread = {text for text in unread if text not in corpus and text not in ("doc8", "Empty")}
    assert unread == set()


@pytest.mark.parametrize("name", ["squad-v1.json", "squad-v2.json", "squad-flat.jsonl"])
def test_the_spans_of_squad_stand_in_the_documents(place: Path, name: str) -> None:
    out = validated(place, name, "--force")
    index = report(out)["index"]["name"]
    assert index.startswith(f"{Path(name).stem}-contexts-")
    assert ragset.verify(out / "kept.jsonl", index, indexes=place / "indexes").ok
    kept = [line for line in lines(out) if line["status"] == "kept" and line["answerable"]]
    assert kept
    for line in kept:
        assert [span["quote"] for span in line["evidence"]] == [line["answer"]]


def test_against_an_index_contexts_are_found_and_strange_ones_rejected(place: Path) -> None:
    out = validated(place, "ragas.jsonl", "--index", "docs")
    by = {line["question"]: line for line in lines(out)}
    assert given("ragas.jsonl") - delivered(lines(out)) == set()  # chunks are delivered, and what was given is kept
    found = by["How many entries does The Ashley Book of Knots have?"]
    assert found["contexts"][0]["document_id"] == "docs/knots.txt"
    assert found["evidence"][0]["quote"].endswith("more than 3,800 entries.")
    assert found["status"] == "rejected"
    strange = by["What is the population of the planet Mars?"]
    assert (strange["rejected_by"], strange["reason"][:32]) == ("ground", "its context is not in the index:")
    assert strange["contexts"][0]["text"].startswith("Mars is a planet")
    twice = [line for line in lines(out) if line["question"].startswith("How long does cool")]
    assert twice[0].get("rejected_by") != "near_duplicates"
    assert twice[1]["rejected_by"] == "near_duplicates"
    assert len({line["id"] for line in twice}) == 2


def test_a_set_without_contexts_is_matched_by_retrieval_and_says_so(place: Path) -> None:
    out = place / "multi"
    args = ("--index", "docs", "--indexes", place / "indexes", "--out", out)
    done = run("validate", FILES / "ragas-multi-turn.jsonl", *args)
    assert done.exit_code == 0, done.output
    assert "3 pairs from ragas-multi-turn.jsonl, read as ragas" in done.stdout
    assert "2  that came without contexts, matched by retrieval" in done.stdout
    matched = [line for line in lines(out) if "matched_by_retrieval" in line.get("labels", [])]
    assert [line["provenance"]["grounded_by"] for line in matched] == ["retrieval"] * 2
    burn = next(line for line in matched if line["question"].startswith("How long"))
    assert burn["evidence"][0]["quote"] == "Cool running water helps for up to three hours after the injury."
    assert report(out)["set"]["matched_by_retrieval"] == 2
    again = run("validate", FILES / "ragas-multi-turn.jsonl", *args, "--json")
    assert json.loads(again.stdout)["set"] == report(out)["set"]


def test_documents_are_ingested_first_where_they_are_named(place: Path, tmp_path: Path) -> None:
    args = ("--corpus", place / "docs", "--indexes", tmp_path / "i", "--embedder", "hash", "--out", tmp_path / "out")
    done = run("validate", FILES / "llama-rag.json", *args, "--from", "llama-rag")
    assert done.exit_code == 0, done.output
    assert "read as llama-rag (" not in done.stderr  # only a guess is said
    told = report(tmp_path / "out")
    assert told["ingest"]["documents"]["added"] == 3
    assert told["index"]["name"] == "docs"
    named = run("validate", FILES / "llama-rag.json", *args[:-1], tmp_path / "other", "--index", "mine")
    assert named.exit_code == 0, named.output
    assert report(tmp_path / "other")["index"]["name"] == "mine"
    kept = [(line["question"], line["status"]) for line in lines(tmp_path / "out")]
    assert kept == [(line["question"], line["status"]) for line in lines(tmp_path / "other")]


def test_the_same_command_gives_the_same_bytes_and_an_edit_is_synced(place: Path, tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    shutil.copy(FILES / "squad-flat.jsonl", path)
    args = ("validate", path, "--indexes", tmp_path / "i", "--embedder", "hash", "-q", "--out")
    assert run(*args, tmp_path / "a").exit_code == 0
    before = (tmp_path / "a" / "kept.jsonl").read_bytes()
    assert run(*args, tmp_path / "a").exit_code == 0
    assert (tmp_path / "a" / "kept.jsonl").read_bytes() == before
    assert run(*args, tmp_path / "b").exit_code == 0
    assert (tmp_path / "b" / "kept.jsonl").read_bytes() == before
    assert report(tmp_path / "b")["ingest"]["documents"]["unchanged"] == 2
    rows = path.read_text("utf-8").splitlines()
    path.write_text("\n".join(rows[:2]) + "\n", "utf-8")
    assert run(*args, tmp_path / "c").exit_code == 0
    assert report(tmp_path / "c")["ingest"]["documents"]["removed"] == 1


def test_the_flow_that_was_run_is_written_and_runs_again(place: Path) -> None:
    out = validated(place, "raget.jsonl", "--index", "docs")
    again = ragset.run_flow(out / "flow.yaml", place / "again", indexes=place / "indexes")
    assert [s.id for s in again.kept] == [s.id for s in ragset.EvalSet.load(out / "kept.jsonl")]
    judged = ragset.validate(out / "kept.jsonl", "docs", place / "own", indexes=place / "indexes")
    assert [s.id for s in judged.kept] == [s.id for s in again.kept]
    assert "set" not in judged.report


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("plain.jsonl",), "its format cannot be told by its fields (nr, Q, A, C, kept_by); name its columns"),
        (("plain.jsonl", "--columns", "question=Nope"), "has no column 'Nope' for the question"),
        (("plain.jsonl", "--columns", "quest=Q"), "did you mean 'question'?"),
        (("plain.jsonl", "--columns", "question"), "is no PART=COLUMN"),
        (("ragas.jsonl", "--from", "squat"), "unknown format 'squat'; did you mean 'squad'?"),
        (("ragas-multi-turn.jsonl",), "brings no contexts, so that there is nothing to judge it against"),
        (("ragas.jsonl", "--from", "ragset", "--index", "docs"), "line 1: is no sample"),
        (("ragas.jsonl", "--from", "ragset"), "is judged against an index, and none is named"),
        (("ragas.jsonl", "--corpus", "/no/where"), "/no/where"),
        (("beir", "--from", "squad"), "is a folder"),
        (("ragas.jsonl", "--from", "beir"), "is no folder"),
        (("none.jsonl",), "no such file"),
        (
            ("ragas.jsonl", "--from", "ragas", "--columns", "question=q"),
            "--columns: the columns of the format 'ragas' have names of their own; leave it out, or read the file with",
        ),
        (("squad-v1.json", "--from", "squad", "--columns", "answer=a"), "the columns of the format 'squad' have names"),
        (("ragas.jsonl", "--from", "ragset", "--index", "docs", "--columns", "answer=a"), "the format 'ragset' have"),
    ],
)
def test_a_mistake_is_said_in_one_line_and_nothing_is_written(place: Path, args: tuple[str, ...], said: str) -> None:
    name, *rest = args
    out = place / "refused"
    done = run("validate", FILES / name, *rest, "--out", out, "--indexes", place / "indexes", "-q")
    assert done.exit_code == 2, done.output
    assert said in done.stderr
    assert done.stdout == ""
    assert not out.exists() or not (out / "kept.jsonl").exists()


@pytest.mark.parametrize("name", ["kept.jsonl", "samples.jsonl"])
def test_a_run_folder_is_taken_as_its_set(place: Path, tmp_path: Path, name: str) -> None:
    made = validated(place, "raget.jsonl", "--index", "docs")
    run_folder, out = tmp_path / "raw", tmp_path / "out"
    run_folder.mkdir()
    shutil.copy(made / "kept.jsonl", run_folder / name)
    shutil.copy(made / "report.json", run_folder)
    args = ("--index", "docs", "--indexes", place / "indexes", "--embedder", "hash", "-q")
    done = run("validate", run_folder, "--out", out, *args)
    assert done.exit_code == 0, done.output
    assert report(out)["samples"]["total"] == report(made)["kept"]
    assert "set" not in report(out)
    again = run("validate", run_folder, "--out", run_folder, *args)
    assert again.exit_code == 2
    assert f"{run_folder / name}: is in the folder that --out would write to" in again.stderr


def test_a_run_folder_without_a_set_is_no_foreign_set(place: Path, tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").touch()
    done = run("validate", tmp_path, "--index", "docs", "--out", tmp_path / "o", "--indexes", place / "indexes")
    assert done.exit_code == 2
    assert f"{tmp_path}: holds no kept.jsonl; give a JSONL file, or the folder of a run" in done.stderr


@pytest.mark.parametrize("against", ["--corpus", "--index", "neither"])
@pytest.mark.parametrize("form", ["ragas", "ragset"])
def test_a_broken_line_is_found_before_anything_is_made(place: Path, tmp_path: Path, against: str, form: str) -> None:
    """No document is ingested, and no run folder begun, for a set whose last line cannot be read."""
    path, indexes, out = tmp_path / "set.jsonl", tmp_path / "i", tmp_path / "out"
    if form == "ragas":
        good = (FILES / "ragas.jsonl").read_text("utf-8").splitlines()[:4]
    else:
        good = (validated(place, "ragas.jsonl", "--index", "docs") / "rejected.jsonl").read_text("utf-8").splitlines()
    path.write_text("\n".join([*good[:4], '{"user_input": oops}']) + "\n", "utf-8")
    if against == "--index":
        shutil.copytree(place / "indexes", indexes)
    args = {"--corpus": ("--corpus", place / "docs"), "--index": ("--index", "docs")}.get(against, ())
    done = run("validate", path, "--from", form, *args, "--indexes", indexes, "--embedder", "hash", "--out", out)
    assert done.exit_code == 2
    told = "is judged against an index" if (form, against) == ("ragset", "neither") else "set.jsonl, line 5: is no"
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert not out.exists()
    assert indexes.exists() == (against == "--index")


ENGLISH = (
    "The Drava and the Sava are rivers of the Balkans. They flow to the Danube, and boats go up both of them for a "
    "long way. In the spring the water of the Sava is high, and many of the fields beside it are under water."
)
ROMANIAN = (
    "Tisa este cel mai lung afluent al Dunării și are 966 km, iar Sava este afluentul cu cel mai mare debit. Prutul "
    "formează cea mai mare parte a graniței dintre România și Republica Moldova. Tisa, Sava, Drava, Prut și Olt."
)


def _in_two_languages(tmp_path: Path, *rows: dict[str, str]) -> list[dict[str, Any]]:
    """Judge pairs without contexts against a document in English and one in Romanian."""
    (tmp_path / "docs").mkdir()
    for name, text in (("en", ENGLISH), ("ro", ROMANIAN)):
        (tmp_path / "docs" / f"{name}.txt").write_text(text, "utf-8")
    path, out = tmp_path / "set.jsonl", tmp_path / "out"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    args = ("--corpus", tmp_path / "docs", "--indexes", tmp_path / "i", "--embedder", "hash", "--out", out, "-q")
    assert run("validate", path, *args).exit_code == 0
    by = {line["question"]: line for line in lines(out)}
    return [by[row["question"]] for row in rows]


def test_a_pair_is_matched_in_its_own_language_where_that_has_it(tmp_path: Path) -> None:
    bare, answered, elsewhere = _in_two_languages(
        tmp_path,
        {"question": "What are the Tisa, the Sava, the Drava, the Prut and the Olt?"},
        {"question": "Where do the Tisa and the Sava go?", "answer": "the Danube"},
        {"question": "How long is the Tisa, and is it as long as the Sava?", "answer": "966 km"},
    )
    documents = [[context["document_id"] for context in line["contexts"]] for line in (bare, answered, elsewhere)]
    assert documents == [["docs/en.txt"], ["docs/en.txt"], ["docs/ro.txt"]]
    assert "question_language" not in bare["provenance"] | answered["provenance"]
    assert elsewhere["evidence"][0]["quote"] == "966 km"
    assert elsewhere["provenance"]["question_language"] == "en"
    assert elsewhere["status"] == "kept"
    said = next(verdict["reason"] for verdict in elsewhere["verdicts"] if verdict["judge"] == "ground")
    assert said == "no context was given: matched by retrieval, in another language than its question"


def test_columns_are_taken_with_commas_and_repeated_too(place: Path) -> None:
    base = ("validate", FILES / "plain.jsonl", "--index", "docs", "--indexes", place / "indexes", "-q", "--out")
    together = ("--columns", "question=Q,answer=A,contexts=C")
    apart = ("--columns", "question=Q", "--columns", "answer=A", "--columns", "contexts=C")
    assert run(*base, place / "comma", *together).exit_code == 0
    assert run(*base, place / "apart", *apart).exit_code == 0
    assert (place / "comma" / "kept.jsonl").read_bytes() == (place / "apart" / "kept.jsonl").read_bytes()


def test_the_api_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="makes a run folder"):
        ragset.validate(FILES / "ragas.jsonl", "docs")
    with pytest.raises(UsageError, match="did you mean 'format'"):
        ragset.validate(FILES / "ragas.jsonl", "docs", tmp_path / "o", formta="ragas")  # type: ignore[call-arg]


TEXT = (
    "The bridge was opened in 1932. It is 503 metres long. Ferries still cross the harbour. It cost 4 million pounds."
)


def _document(text: str = TEXT) -> tuple[Document, list[Chunk]]:
    document = Document(
        id="c/d", corpus="c", path="d", title="The bridge", mime="text/plain", text=text, source_hash=""
    )
    middle = text.index("Ferries")
    chunks = [_chunk(document, 0, middle - 1, 0), _chunk(document, middle, len(text), 1)]
    return document, chunks


def _chunk(document: Document, start: int, end: int, at: int) -> Chunk:
    text = document.text[start:end]
    made = Chunk.make_id(document.id, text, 0)
    return Chunk(
        id=made, document_id=document.id, version="v", title="The bridge", text=text, start=start, end=end, ordinal=at
    )


def test_a_context_is_found_in_other_typography_and_in_other_words() -> None:
    document, chunks = _document()
    near = near_place("It is  503 metres\nlong. Ferries still", document, chunks[0])
    assert near
    assert document.text[near.start : near.end] == "It is 503 metres long. Ferries still"
    similar = similar_place("503 metres is how long it is, and the bridge opened in 1932.", chunks[0], chunks, 0.6)
    assert similar
    assert (similar.start, similar.how) == (0, "similar")
    assert similar_place("Penguins live in the far south.", chunks[0], chunks, 0.6) is None


@pytest.mark.parametrize(
    ("answer", "question", "quotes", "verbatim"),
    [
        ("503 metres", "How long is the bridge?", ["503 metres"], 1.0),
        ("4", "How many million pounds did it cost?", ["4"], 1.0),
        ("19", "What is it?", None, 0.0),  # 1932 does not hold it
        ("Yes.", "Do ferries still cross the harbour?", ["Ferries still cross the harbour."], 0.0),
        ("Opening came in 1932, at 4 million pounds of cost.", "When?", None, 0.0),
        (
            "503 metres long. It cost 4 million pounds.",
            "How long?",
            ["503 metres long.", "It cost 4 million pounds."],
            1.0,
        ),
    ],
)
def test_evidence_is_the_answer_itself_or_the_sentence_that_has_most_of_it(
    answer: str, question: str, quotes: list[str] | None, verbatim: float
) -> None:
    document, chunks = _document()
    found, share = proofs(answer, question, [Found(chunk, chunk.start, chunk.end) for chunk in chunks])
    for span, chunk in found:
        assert document.text[span.start : span.end] == span.quote
        assert chunk.start <= span.start < span.end <= chunk.end
    assert share == verbatim
    if quotes is not None:
        assert [span.quote for span, _ in found] == quotes
    elif "1932" in answer:
        assert {span.quote[:12] for span, _ in found} == {"The bridge w", "It cost 4 mi"}


def test_a_span_across_chunks_is_cut_at_their_edges() -> None:
    document, chunks = _document()
    start, end = document.text.index("503"), document.text.index(" cross")
    pieces = cut(start, end, [Found(chunk, chunk.start, chunk.end) for chunk in chunks])
    assert [span.quote for span, _ in pieces] == ["503 metres long.", "Ferries still"]
    assert cut(start, end, []) == []
