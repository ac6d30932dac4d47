"""The Python API on the almanac, with the hash embedder: the way from documents to a set, and what it promises."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

import ragset
from ragset.adapters.scripted_model import ScriptedModel
from ragset.api import index_name
from ragset.errors import BudgetError, CorpusMismatchError, EmbedderMismatchError, RunFolderError, UsageError

ALMANAC = Path(__file__).resolve().parents[1] / "corpora/almanac"
FILES = ("burns.md", "street-trees.md", "knots.txt", "metric-prefixes.csv")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home") / "almanac"
    folder.mkdir()
    for name in FILES:
        shutil.copy(ALMANAC / name, folder)
    return folder


@pytest.fixture(scope="module")
def run(corpus: Path) -> ragset.Run:
    return build(corpus, corpus.parent / "out")


def build(corpus: Path, out: Path, n: int = 8, **options) -> ragset.Run:
    return ragset.build([corpus], out, n, indexes=corpus.parent / "indexes", embedder="hash", **options)


def documents(run: ragset.Run) -> set[str]:
    return {sample.contexts[0].document_id for sample in run.kept}


def test_a_build_keeps_what_was_asked_for_and_says_who_judged(run: ragset.Run):
    assert len(run.kept) == run.asked == 8
    assert run.shortfall == 0
    for sample in run.kept:
        assert sample.persona is None
        assert sample.payload.answer
        assert all(verdict.passed is not False for verdict in sample.verdicts)
        judges = [verdict.judge for verdict in sample.verdicts]
        assert len(judges) == 8
        assert any("builtin-rules" in judge for judge in judges)


def test_every_span_verifies_and_says_when_the_document_changes(run: ragset.Run, corpus: Path):
    indexes = corpus.parent / "indexes"
    found = ragset.verify(run.folder / "kept.jsonl", "almanac", indexes=indexes)
    assert found.ok
    assert found.counts["same"] == sum(len(sample.evidence) for sample in run.kept)
    shortened = run.kept[0].evidence[0].model_copy(update={"quote": "never said", "version": "other"})
    changed = ragset.EvalSet([run.kept[0].model_copy(update={"evidence": (shortened,)})])
    assert ragset.verify(changed, "almanac", indexes=indexes).counts == {"document changed": 1}


def test_rejects_are_rows_with_reasons_and_the_report_counts_them(run: ragset.Run):
    assert run.report["samples"]["rejected"] == len(run.rejected)
    assert sum(run.report["reasons"].values()) == len(run.rejected) + run.report["draws"]["gave_none"]
    for sample in run.rejected:
        assert sample.rejected_by is not None
        assert sample.rejected_by.reason


def test_the_flow_in_the_folder_can_be_run_again(run: ragset.Run, corpus: Path):
    again = ragset.run_flow(run.folder / "flow.yaml", corpus.parent / "again", indexes=corpus.parent / "indexes")
    for name in ("kept.jsonl", "rejected.jsonl"):
        assert (again.folder / name).read_bytes() == (run.folder / name).read_bytes()


def test_the_same_folder_goes_on_and_grows(run: ragset.Run, corpus: Path):
    out = corpus.parent / "growing"
    small = build(corpus, out, 3)
    first = [sample.id for sample in small.kept]
    large = build(corpus, out, 8)
    assert set(first) <= {sample.id for sample in large.kept} | {sample.id for sample in large.rejected}
    assert len(large.kept) == 8
    with pytest.raises(RunFolderError, match="another flow"):
        build(corpus, out, 3, seed=99)
    assert len(build(corpus, out, 3, seed=99, force=True).kept) == 3


def test_a_budget_for_nothing_replaces_no_set(run: ragset.Run, corpus: Path, tmp_path: Path):
    out = tmp_path / "out"
    shutil.copytree(run.folder, out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    options = {"model": ScriptedModel([]), "max_calls": 0, "cache": tmp_path / "replies.sqlite"}
    with pytest.raises(BudgetError):
        build(corpus, out, 8, force=True, **options)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert len(build(corpus, tmp_path / "fresh", 8, **options).kept) == 0


def test_generate_then_validate_is_what_build_does(run: ragset.Run, corpus: Path):
    options = {"indexes": corpus.parent / "indexes"}
    made = ragset.generate("almanac", 12, corpus.parent / "made", **options)
    assert len(made) == 12
    assert all(not sample.verdicts for sample in made)
    judged = ragset.validate(made, "almanac", corpus.parent / "judged", **options)
    assert len(judged.kept) + len(judged.rejected) == 12
    by_id = {sample.id: sample for sample in judged.kept}
    for sample in run.kept:
        if sample.id in by_id:
            assert by_id[sample.id].payload == sample.payload
    again = ragset.validate(judged.folder / "kept.jsonl", "almanac", corpus.parent / "twice", **options)
    assert [sample.id for sample in again.kept] == [sample.id for sample in judged.kept]


def test_what_a_notebook_shows_of_a_result_is_one_short_line(run: ragset.Run, corpus: Path, tmp_path: Path):
    bad = tmp_path / "docs"
    bad.mkdir()
    (bad / "a.md").write_text("# Lamps\n\nA lamp is a source of light.\n", "utf-8")
    (bad / "b.pdf").write_bytes(b"no pdf at all")
    options = {"indexes": corpus.parent / "indexes", "embedder": "hash"}
    read = ragset.ingest(bad, "lamps", **options)
    assert repr(read) == (
        "IngestResult('lamps': documents 1 added, 0 unchanged, 0 changed, 0 removed, 1 failed; chunks 1)"
    )
    assert repr(run) == f"Run({str(run.folder)!r}: 8 kept of 8 asked for)"
    assert repr(ragset.Run(tmp_path, {"ingest": {}})) == f"Run({str(tmp_path)!r}: no pairs)"
    assert repr(run.kept) == "EvalSet(8 samples)"
    spans = sum(len(sample.evidence) for sample in run.kept)
    checked = ragset.verify(run.kept, "almanac", indexes=corpus.parent / "indexes")
    assert repr(checked) == f"VerifyResult({spans} same)"


def test_a_set_can_be_filtered_saved_and_loaded(run: ragset.Run, tmp_path: Path):
    easy = run.kept.filter(lambda sample: sample.measures["difficulty"] == "easy")
    assert 0 < len(easy) <= len(run.kept)
    run.kept.save(tmp_path / "set.jsonl")
    assert ragset.EvalSet.load(tmp_path / "set.jsonl") == run.kept
    assert (tmp_path / "set.jsonl").read_bytes() == (run.folder / "kept.jsonl").read_bytes()
    assert run.kept[:2] == ragset.EvalSet(list(run.kept)[:2])
    assert run.kept.export("csv", tmp_path / "set.csv") == len(run.kept)


async def test_it_works_where_a_loop_runs_already(corpus: Path, run: ragset.Run):
    assert asyncio.get_running_loop()
    result = ragset.ingest([corpus], "almanac", indexes=corpus.parent / "indexes", embedder="hash")
    assert result.as_dict()["documents"] == {
        "added": 0,
        "unchanged": len(FILES),
        "changed": 0,
        "removed": 0,
        "failed": [],
    }


def test_adding_a_file_keeps_the_ids(corpus: Path, tmp_path: Path):
    folder = tmp_path / "almanac"
    shutil.copytree(corpus, folder)
    before = {sample.id for sample in build(folder, tmp_path / "before").kept}
    (folder / "new.md").write_text("# Kites\n\nA kite is a light frame that flies on a long line.\n", "utf-8")
    after = {sample.id for sample in build(folder, tmp_path / "after").kept}
    assert len(before & after) >= 0.8 * len(before)


def test_a_set_is_drawn_from_the_files_that_were_named_whatever_the_index_holds(corpus: Path, run: ragset.Run):
    out = corpus.parent / "some"
    assert "almanac/knots.txt" in documents(build(corpus, corpus.parent / "all", 60))
    left_out = build(corpus, out, 60, exclude=["kn*"])
    assert documents(left_out) >= {"almanac/burns.md"}
    assert "almanac/knots.txt" not in documents(left_out)
    assert documents(build(corpus, corpus.parent / "named", 8, include=["kn*"])) == {"almanac/knots.txt"}
    assert len(build(corpus, out, 60, exclude=["kn*"]).kept) == len(left_out.kept)
    options = {"indexes": corpus.parent / "indexes", "embedder": "hash"}
    assert estimated_documents(corpus, exclude=["kn*"], **options) == tuple(
        sorted(f"almanac/{name}" for name in FILES if name != "knots.txt")
    )
    assert estimated_documents(corpus, exclude=["*.rst"], **options) == ("almanac/",)


def estimated_documents(corpus: Path, **options) -> tuple[str, ...]:
    from ragset.api.estimate import _of_sources

    return _of_sources([corpus], options, 8).find("scenarios").documents


def test_a_set_grows_with_its_folder(corpus: Path, tmp_path: Path):
    folder = tmp_path / "almanac"
    shutil.copytree(corpus, folder)
    build(folder, tmp_path / "out")
    shutil.copy(ALMANAC / "calendars.rst", folder)
    assert len(build(folder, tmp_path / "out", 12).kept) == 12


def test_more_than_there_is_ends_with_a_shortfall_and_few_touch_every_document_that_yields_any(corpus: Path):
    run = build(corpus, corpus.parent / "many", 5000)
    few = build(corpus, corpus.parent / "few", len(FILES))
    assert documents(few) == documents(run)
    assert len(documents(run)) >= 3
    assert run.shortfall == 5000 - len(run.kept) > 0
    assert run.report["reasons"]
    assert json.loads((run.folder / "report.json").read_text("utf-8")) == run.report


def test_what_is_wrong_is_said_before_anything_is_made(corpus: Path, tmp_path: Path, run: ragset.Run):
    indexes = corpus.parent / "indexes"
    with pytest.raises(UsageError, match="nowhere"):
        ragset.build([tmp_path / "nowhere"], tmp_path / "out", indexes=tmp_path / "i")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UsageError, match="gpt-9: names no provider"):
        build(corpus, tmp_path / "out", model="gpt-9")
    with pytest.raises(EmbedderMismatchError, match="was embedded with 'hash'"):
        ragset.generate("almanac", 1, indexes=indexes, embedder="minilm")
    other = tmp_path / "almanac"
    shutil.copytree(corpus, other)
    with pytest.raises(CorpusMismatchError, match="almanac"):
        ragset.ingest([other], "almanac", indexes=indexes, embedder="hash")
    bad = tmp_path / "bad.jsonl"
    bad.write_text((run.folder / "kept.jsonl").read_text("utf-8").splitlines()[0] + "\n{'no': json}\n", "utf-8")
    with pytest.raises(UsageError, match="line 2"):
        ragset.validate(bad, "almanac", tmp_path / "v", indexes=indexes)


def test_a_single_path_and_a_single_file_are_sources_and_an_unknown_option_is_none(corpus: Path, tmp_path: Path):
    options = {"indexes": tmp_path / "i", "embedder": "hash"}
    run = ragset.build(str(corpus / "burns.md"), tmp_path / "one", 2, **options)
    assert documents(run) == {"almanac/burns.md"}
    other = ragset.build(corpus / "street-trees.md", tmp_path / "two", 2, **options)
    assert documents(other) == {"almanac/street-trees.md"}
    with pytest.raises(UsageError, match="did you mean 'seed'"):
        ragset.build(corpus, tmp_path / "out", 2, sead=3)
    with pytest.raises(UsageError, match="no source"):
        ragset.build([], tmp_path / "out", 2)


def test_validate_does_not_write_where_it_reads(corpus: Path, run: ragset.Run):
    with pytest.raises(UsageError, match="name another --out"):
        ragset.validate(run.folder / "kept.jsonl", "almanac", run.folder, indexes=corpus.parent / "indexes", force=True)
    assert len(run.kept) == 8


def test_the_name_of_an_index_tells_sources_apart():
    names = [index_name([folder]) for folder in ("文档", "资料", "my docs", "my-docs", "Docs", "docs")]
    assert len({name.lower() for name in names}) == len(names)
    assert names[-1] == "docs"
    assert index_name(["b", "a"]) == "a-b"


def test_what_it_writes_into_its_own_source_is_not_read(corpus: Path, tmp_path: Path):
    folder = tmp_path / "docs"
    shutil.copytree(corpus, folder)
    options = {"indexes": folder / "indexes", "embedder": "hash"}
    first = ragset.build(folder, folder / "out", 4, **options)
    second = ragset.build(folder, folder / "out2", 4, **options)
    assert second.report["ingest"]["documents"] == {
        "added": 0,
        "unchanged": 4,
        "changed": 0,
        "removed": 0,
        "failed": [],
    }
    assert (first.folder / "kept.jsonl").read_bytes() == (second.folder / "kept.jsonl").read_bytes()


def test_the_public_names_are_there():
    for name in ragset.__all__:
        assert getattr(ragset, name).__doc__
