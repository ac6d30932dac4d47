"""The run folder: one flow a folder, one process at a time, files that are whole; and the report that adds up."""

import json
from pathlib import Path

import pytest

from conftest import make_chunk, make_sample
from ragset.errors import IndexLockedError, RunFolderError
from ragset.flow.compile import parse_flow
from ragset.flow.journal import Journal
from ragset.flow.report import GAVE_NONE, Report
from ragset.flow.run_folder import RunFolder
from ragset.kit.lines import dump_line, sample_from_line
from ragset.schema.samples import Draw, Failure, Scenario, Verdict

FLOW = "steps:\n  - samples: {path: a.jsonl}\n  - near_duplicates\n  - keep: {n: 5}\n"


def folder(path: Path, text: str = FLOW, **options: bool) -> RunFolder:
    return RunFolder(path, parse_flow(text, "mine.yaml"), **options)


def test_the_same_flow_goes_on_and_another_is_refused(tmp_path: Path):
    with folder(tmp_path / "out") as run:
        run.add([make_sample().model_copy(update={"status": "kept"})])
        run.finish({"kept": 1})
    assert len((tmp_path / "out/kept.jsonl").read_text("utf-8").splitlines()) == 1
    with folder(tmp_path / "out", FLOW.replace("n: 5", "n: 9")):
        pass
    other = FLOW.replace("a.jsonl", "b.jsonl")
    with pytest.raises(RunFolderError, match=r"another flow.*--force"):
        folder(tmp_path / "out", other)
    with folder(tmp_path / "out", other, force=True) as run:
        run.finish({})
    assert (tmp_path / "out/kept.jsonl").read_text("utf-8") == ""
    assert "b.jsonl" in (tmp_path / "out/flow.yaml").read_text("utf-8")


def files(path: Path) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in path.iterdir() if entry.name != ".lock"}


OTHER = FLOW.replace("a.jsonl", "b.jsonl")


def test_a_forced_run_replaces_the_old_one_when_its_first_draw_is_finished(tmp_path: Path):
    with folder(tmp_path) as run:
        run.journal.put("old", Draw(number=0), ())
        run.add([make_sample().model_copy(update={"status": "kept"})])
        run.finish({})
    before = files(tmp_path)
    with folder(tmp_path, OTHER, force=True) as run:
        assert run.journal.get("old", Draw(number=0)) is None
        assert run.kept_before == 0
        assert run.replaces
    assert files(tmp_path) == before
    with folder(tmp_path, OTHER, force=True) as run:
        run.journal.put("new", Draw(number=0), ())
        assert not run.replaces
    assert set(files(tmp_path)) == {"flow.yaml", "journal.sqlite"}
    with folder(tmp_path, OTHER) as run:
        assert run.journal.get("new", Draw(number=0))
        assert run.journal.get("old", Draw(number=0)) is None


def test_a_run_that_finished_no_draw_claims_no_folder(tmp_path: Path):
    with folder(tmp_path):
        pass
    assert files(tmp_path) == {}
    with Journal(tmp_path / "journal.sqlite") as journal:  # a kill between the first draw and its commit
        journal.open()
    (tmp_path / "flow.yaml").write_text(FLOW)
    with folder(tmp_path, OTHER) as run:
        run.journal.put("new", Draw(number=0), ())
    assert "b.jsonl" in (tmp_path / "flow.yaml").read_text("utf-8")
    with pytest.raises(RunFolderError, match="another flow"):
        folder(tmp_path)


def test_a_flow_of_the_users_own_and_a_journal_that_cannot_be_read_are_left_alone(tmp_path: Path):
    (tmp_path / "flow.yaml").write_text(OTHER)
    with pytest.raises(RunFolderError, match="another flow"):
        folder(tmp_path)
    (tmp_path / "journal.sqlite").write_bytes(b"no database, but perhaps it was one" * 99)
    with pytest.raises(RunFolderError, match="another flow"):
        folder(tmp_path)


def test_a_folder_with_other_things_is_refused(tmp_path: Path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(RunFolderError, match="holds no run"):
        folder(tmp_path)
    (tmp_path / "report.json").write_text("my own")
    with pytest.raises(RunFolderError, match="holds no run"):
        folder(tmp_path, force=True)
    assert (tmp_path / "report.json").read_text() == "my own"
    with pytest.raises(RunFolderError, match="is a file"):
        folder(tmp_path / "thesis.txt")


def test_a_kill_before_the_flow_was_in_place_can_be_resumed(tmp_path: Path):
    for name in (".lock", ".flow.yaml.part"):
        (tmp_path / name).touch()
    with folder(tmp_path):
        pass


def test_what_another_run_finished_meanwhile_is_not_wiped(tmp_path: Path):
    early = folder(tmp_path / "out")
    with folder(tmp_path / "out", FLOW.replace("a.jsonl", "b.jsonl")) as other:
        other.finish({})
    with pytest.raises(RunFolderError, match="another flow"), early:
        pass
    assert (tmp_path / "out/kept.jsonl").exists()


def test_one_process_at_a_time(tmp_path: Path):
    with folder(tmp_path / "out"), pytest.raises(IndexLockedError, match="another run"), folder(tmp_path / "out"):
        pass


def test_an_unfinished_run_leaves_the_old_files(tmp_path: Path):
    with folder(tmp_path / "out") as run:
        run.add([make_sample().model_copy(update={"status": "kept"})])
        run.finish({})
    before = (tmp_path / "out/kept.jsonl").read_bytes()
    with folder(tmp_path / "out") as run:
        run.add([make_sample(2).model_copy(update={"status": "kept"})])
    assert (tmp_path / "out/kept.jsonl").read_bytes() == before
    assert not list((tmp_path / "out").glob("*.part"))


def test_a_line_is_one_line_and_comes_back():
    sample = make_sample(question="Is\u2028this \x85 one “line” \u0219?").judged(
        Verdict(judge="j", version="1", passed=False, score=0.5, reason="no: 3"), gold_rank=2
    )
    line = dump_line(sample)
    assert len(line.splitlines()) == 1
    data = json.loads(line)
    assert (data["rejected_by"], data["reason"], data["answerable"], data["history"]) == ("j", "no: 3", True, [])
    assert "ș" in line
    assert sample_from_line(data) == sample
    assert dump_line(sample_from_line(data)) == line


def test_the_report_adds_up():
    report = Report(asked=3)
    scenario = Scenario(chunks=(make_chunk(),))
    passed = Verdict(judge="j", version="1", passed=True)
    failed = Verdict(judge="j", version="1", passed=False, reason="rank 7: too far")
    kept = make_sample(1).judged(passed).model_copy(update={"status": "kept"})
    broken = make_sample(3).failed(Failure(step="j", error="E", message="broke"))
    report.add(Draw(number=0))
    report.add(Draw(number=1, scenario=scenario, samples=(kept, make_sample(2).judged(failed), broken)))
    report.add(Draw(number=2, scenario=scenario))
    report.add(Draw(number=3, scenario=scenario, failure=Failure(step="s", error="E", message="no reply")))
    data = report.as_dict()
    assert data["draws"] == {"total": 4, "empty": 1, "gave_samples": 1, "gave_none": 1, "failed": 1, "ahead": 0}
    assert data["samples"] == {"total": 3, "kept": 1, "rejected": 1, "failed": 1}
    assert data["shortfall"] == 2
    assert data["reasons"] == {"j: rank": 1, GAVE_NONE: 1}
    assert data["failures"] == {"j: broke": 1, "s: no reply": 1}


def test_a_report_that_does_not_add_up_is_an_error():
    report = Report(asked=None)
    report.add(Draw(number=0, samples=(make_sample(),)))
    with pytest.raises(AssertionError, match="samples do not add up"):
        report.check()
