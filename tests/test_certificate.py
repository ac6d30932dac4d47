"""The certificate: what it says of a set, that data cannot become markup, and that a browser shows it."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ragset.api.reports import certify, compare
from ragset.cli import cli
from ragset.errors import UsageError
from ragset.kit import certificate_parts as parts
from ragset.kit.certificate import by_reason, certificate, marked, spread, standing
from ragset.kit.certificate_limits import limits, uncalibrated
from ragset.kit.diversity import lengths
from ragset.kit.sample_size import TOO_FEW, questions_needed, smallest_difference

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ALONE = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


def pair(at: int, **more: Any) -> dict[str, Any]:
    text = f"Before it. The bridge {at} was opened in 19{at:02d}. After it."
    quote = f"The bridge {at} was opened in 19{at:02d}."
    return {
        "id": f"id{at}", "question": f"When was bridge {at} opened?", "answer": f"In 19{at:02d}.", "history": [],
        "contexts": [{"chunk_id": "c", "document_id": "c/d.md", "text": text, "page": 3, "headings": ["Bridges"]}],
        "evidence": [{"document_id": "c/d.md", "quote": quote, "start": 11, "end": 11 + len(quote), "version": "1"}],
        "question_type": "fact", "persona": None, "measures": {"difficulty": "easy"}, "labels": [], "status": "kept",
        "scenario_id": "s", **more,
    }  # fmt: skip


def report(**more: Any) -> dict[str, Any]:
    return {
        "ragset": "0.1.0", "flow": "build", "asked": 4, "kept": 3, "shortfall": 1, "ended": None,
        "models": {"writer": "builtin"}, "index": {"name": "i", "version": "0" * 20, "embedder": "minilm"},
        "draws": {"total": 9, "empty": 1, "gave_samples": 8, "gave_none": 0, "failed": 0, "ahead": 0},
        "samples": {"total": 8, "kept": 3, "rejected": 4, "failed": 1},
        "gates": {"evidence": {"passed": 6, "rejected": 2, "abstained": 0}},
        "reasons": {"evidence: moved": 2}, "failures": {"faithfulness: no statements": 1},
        "kept_by": {"difficulty": {"easy": 3}}, "difficulty": {"levels": {"easy": 3, "medium": 0, "hard": 0}},
        **more,
    }  # fmt: skip


def counts(passed: int = 0, rejected: int = 0, abstained: int = 0) -> dict[str, int]:
    return {"passed": passed, "rejected": rejected, "abstained": abstained}


def said(found: dict[str, Any], kept: Any = (), rejected: Any = ()) -> str:
    """Give the words of the page, white space folded."""
    page = certificate(found, kept, rejected, "run")
    bare = re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(bare))


def test_it_says_what_was_kept_and_what_it_cannot_tell():
    page = certificate(report(), [pair(1), pair(2), pair(3)], [pair(4, rejected_by="evidence", reason="moved")], "run")
    text = re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL))
    assert "3 question–answer pairs" in text
    assert "1 fewer pairs than the 4 asked for" in text
    assert "1 pair failed: a judge broke on it" in text
    assert "100 % find their chunk as the first hit" in text
    assert "evidence: moved" in text
    assert f"{questions_needed(0.03, 0.1):,}" in text
    assert page.count("<mark>") == 4
    assert "<mark>The bridge 2 was opened in 1902.</mark>" in page


def test_data_never_becomes_markup_and_nothing_is_fetched():
    evil = "<script>alert(1)</script><img src=http://x.invalid/a onerror=alert(2)>"
    shown = pair(1, question=evil, answer=evil, labels=[evil])
    page = certificate(report(reasons={evil: 1}, models={"writer": evil}), [shown], [], evil)

    class Tags(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.names: set[str] = set()
            self.attributes: set[str] = set()

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.names.add(tag)
            self.attributes |= {name for name, _ in attrs}

    tags = Tags()
    tags.feed(page)
    assert not tags.names & {"script", "img", "link", "iframe", "object"}
    assert not {name for name in tags.attributes if name in ("src", "href") or name.startswith("on")}
    assert "url(" not in page
    assert "default-src 'none'" in page


def test_rejects_of_every_gate_are_shown_before_any_gate_twice():
    lines = [pair(at, rejected_by="often") for at in range(30)] + [pair(40, rejected_by="once")]
    assert [line["rejected_by"] for line in by_reason(lines)][:2] == ["often", "once"]
    assert len(by_reason(lines)) == 10
    assert [line["id"] for line in spread([pair(at) for at in range(20)])][-1] == "id18"


@pytest.mark.parametrize(
    ("text", "spans", "found"),
    [
        ("abcdef", [(1, 3)], [("a", False), ("bc", True), ("def", False)]),
        ("abcdef", [(1, 3), (2, 4)], [("a", False), ("bcd", True), ("ef", False)]),
        ("abc", [(0, 3)], [("abc", True)]),
        ("abc", [], [("abc", False)]),
        ("", [], []),
    ],
)
def test_pieces_of_a_context(text, spans, found):
    assert marked(text, spans) == found


@pytest.mark.parametrize(
    ("text", "quotes", "found"),
    [
        ("5 rings. It has 5 rings", [(116, "5"), (109, "It has 5 rings")], [(16, 17), (9, 23)]),  # its sentence tells
        ("5 rings. It has 5 rings", [(9, "It has 5"), (5, "5")], [(9, 17)]),  # the 5 of another context
        ("5 rings. It has 5 rings", [(116, "5")], []),  # either could be it
        ("5 rings. It has 5 rings", [(9, "5")], [(0, 1)]),  # the second would begin before the document
        ("5 rings. It has 5 rings", [(900, "It")], [(9, 11)]),
        ("ab cd", [(50, "ab"), (70, "cd")], [(0, 2), (3, 5)]),  # offsets at odds: each stands here just once
        ("ab", [(0, "x")], []),
    ],
)
def test_evidence_is_marked_where_it_stands(text, quotes, found):
    assert standing(text, quotes) == found


def test_a_page_marks_the_place_that_proves_and_not_the_first_like_it():
    text = "Bridge 19 was closed. The bridge was opened in 19."
    spans = [(547, "19"), (522, "The bridge was opened in 19.")]
    evidence = [{"document_id": "c/d.md", "quote": q, "start": s, "end": s + len(q), "version": "1"} for s, q in spans]
    one = pair(1, contexts=[{"chunk_id": "c", "document_id": "c/d.md", "text": text}], evidence=evidence)
    assert "Bridge 19 was closed. <mark>The bridge was opened in 19.</mark>" in certificate(report(), [one], [], "run")


@pytest.mark.parametrize(
    ("answerable", "words"),
    [(True, "(no reference answer was given)"), (False, "(the corpus does not answer this)")],
)
def test_a_pair_without_an_answer_says_why(answerable, words):
    assert words in said(report(), [pair(1, answer=None, answerable=answerable)])


def calibration(judge: str, *steps: str, model: str | None = None, band: Any = None) -> dict[str, Any]:
    estimate = {"value": 0.8, "low": 0.7, "high": 0.9}
    return {
        "judge": judge, "model": model, "threshold": 0.5, "auroc": estimate, "balanced_accuracy": estimate,
        "band": band, "rows": 6202, "steps": list(steps), "labels": [{"file": "a_long_name.jsonl"}],
    }  # fmt: skip


BAND = {"low": 0.2, "high": 0.9, "max_error": 0.1}


@pytest.mark.parametrize(
    ("gate", "row", "doubtful"),
    [
        ("ragas-faithfulness[m]", calibration("builtin-groundedness", "faithfulness", band=BAND), True),
        ("rubric-faithfulness[m]", calibration("faithfulness", "faithfulness", model="m"), False),
        ("ragas-faithfulness[m]", calibration("faithfulness", "faithfulness", model="m2"), True),
        ("ragas-faithfulness[m]", calibration("faithfulness", "other", model="m"), True),
        ("faithfulness[builtin-groundedness]", calibration("builtin-groundedness", "faithfulness", band=BAND), False),
        ("ragas-faithfulness[builtin-rules]", calibration("builtin-groundedness", "faithfulness", band=BAND), True),
        ("ragas-faithfulness[builtin-rules]", calibration("builtin-groundedness", "faithfulness"), False),
        ("ragas-faithfulness[builtin-rules]",
         calibration("faithfulness", "faithfulness", model="builtin-rules 3"), False),
        ("answer-correctness[builtin-equivalence; answerer=m]",
         calibration("builtin-equivalence", "answer_correctness", band=BAND), False),
        ("closed-book[m; judge=j]", calibration("builtin-equivalence", "closed_book", band=BAND), True),
        ("closed-book[m; judge=j]", calibration("closed_book", "closed_book", model="j"), False),
        ("toxicity", calibration("builtin-groundedness", "faithfulness"), True),
        ("evidence", calibration("builtin-groundedness", "faithfulness"), False),
    ],
)  # fmt: skip
def test_it_names_every_judge_that_no_label_stands_behind(gate, row, doubtful):
    scores = {"low": 0.0, "high": 1.0, "mean": 1.0, "scored": 3, "kept": [3], "others": [0]}
    text = said(report(gates={gate: counts(3)}, verdicts={gate: scores}, calibrations=[row]))
    assert (f"How often {gate} is wrong: not calibrated" in text) is doubtful


def test_a_judge_that_never_judged_needs_no_calibration():
    gates = {"ragas-faithfulness[m]": counts(abstained=3), "rubric-a[m]": counts(2), "rubric-b[m]": counts(1, 1)}
    assert uncalibrated(report(gates=gates)) == ["rubric-a[m]", "rubric-b[m]"]
    assert "How often rubric-a[m] and rubric-b[m] are wrong" in said(report(gates=gates))


@pytest.mark.parametrize(
    ("gates", "rejected", "share"),
    [
        ({"evidence": counts(6, 2), "keep": counts(0, 3)}, 5, "75 % of the 8 judged pairs passed every gate"),
        ({"evidence": counts(8), "select": counts(3, 5)}, 5, "100 % of the 8 judged pairs passed every gate"),
        ({"evidence": counts(4, 1), "samples": counts(0, 4)}, 5, "75 % of the 4 judged pairs passed every gate"),
        ({}, 0, ""),
        ({"rag_qa": counts(0, 5)}, 5, ""),
    ],
)
def test_the_share_that_passed_counts_rejects_of_gates_only(gates, rejected, share):
    samples = {"total": 3 + rejected, "kept": 3, "rejected": rejected, "failed": 0}
    text = said(report(gates=gates, samples=samples))
    assert share in text
    assert ("judged pairs passed every gate" in text) is bool(share)
    assert ("no judge looked at them" in text) is (not share)


def test_what_was_left_out_is_no_reject_of_a_gate():
    gates = {"evidence": counts(5, 1), "keep": counts(0, 1), "select": counts(3, 1), "samples": counts(0, 1)}
    found = parts.yields(report(gates=gates))
    assert "3 kept, 1 rejected by a gate, 2 left out though they passed every gate, 1 refused before" in found["line"]
    assert [gate["name"] for gate in found["gates"]] == ["evidence"]


@pytest.mark.parametrize("kept", [60, 77, 100, 155, 1000])
def test_no_finer_difference_is_promised_than_the_set_shows(kept):
    (can, *_), _ = limits(report(kept=kept))
    low = int(re.findall(r"difference of (\d+) points", can)[0])
    assert questions_needed(low / 100, 0.1) <= kept < questions_needed((low - 1) / 100, 0.1)
    for high in re.findall(r"of (\d+) where", can):
        assert questions_needed(int(high) / 100, 0.2) <= kept


def test_a_small_set_compares_no_systems():
    text = said(report(kept=TOO_FEW - 1))
    assert "49 questions are too few to compare systems" in text
    assert "points or more" not in text
    assert "settings are better: synthetic sets rank" not in text
    assert "works at all" not in text
    assert "too few" not in said(report(kept=TOO_FEW))


FOREIGN = {
    "file": "r.jsonl", "format": "ragas", "pairs": 9, "given_contexts": 5, "matched_by_retrieval": 4, "not_matched": 0,
}  # fmt: skip


def test_spans_are_called_checked_only_where_they_were():
    assert "checked word for word" in said(report())
    assert "checked word for word" not in said(report(gates={"question_form": counts(3)}))


def test_where_an_answer_stands_is_told_of_pairs_with_answers_only():
    words = {"least": 1, "median": 2, "mean": 2.0, "most": 3}
    assert "Where an answer stands" in said(report(diversity={"answer_words": words}))
    assert "Where an answer stands" not in said(report(diversity={"answer_words": lengths([])}))


@pytest.mark.parametrize(
    ("more", "rules"),
    [
        ({}, True),
        ({"writers": ["extractive"], "flow": "validate"}, True),  # written before, by the same rules
        ({"writers": ["extractive"], "models": {"writer": "m"}}, True),
        ({"models": {"writer": "m"}}, False),
        ({"writers": ["m"], "models": {"writer": "m"}}, False),
        ({"writers": ["extractive", "m"]}, False),
        ({"writers": [], "set": FOREIGN, "flow": "validate"}, False),
    ],
)
def test_reworded_sentences_are_not_said_to_rank_retrievers(more, rules):
    text = said(report(kept=60, **more))
    assert ("Which retriever settings are better: synthetic sets rank these reliably" in text) is not rules
    assert ("Whether a retrieval system works at all" in text) is rules
    assert ("Which of two good retrievers is better" in text) is rules
    assert ("between two systems shows on questions like these" in text) is rules


def test_the_model_of_each_role_is_named():
    assert parts.models(report()) == [("writer", "builtin"), ("answerer", "builtin"), ("judge", "builtin")]
    assert parts.models(report(gates={})) == [("writer", "builtin")]  # nothing judged
    assert parts.models(report(models={"writer": "m", "judge": "j"})) == [
        ("writer", "m"), ("answerer", "builtin"), ("judge", "j"),
    ]  # fmt: skip
    ours = report(models={"writer": "m"}, writers=["extractive"])
    assert dict(parts.models(ours))["writer"] == "builtin"


def test_a_topic_without_words_is_called_so():
    share = {"total": 2, "touched": 1, "share": 0.5}
    rows = [{"terms": [], "chunks": 173, "touched": 0, "kept": 0}, {"terms": ["tax"], "chunks": 9, "kept": 1}]
    covered = {"documents": share, "chunks": share, "topics": share, "map": [], "clusters": rows}
    assert "(no words: numbers and signs alone) 173 0" in said(report(coverage=covered))


def test_a_foreign_set_is_not_called_ours():
    text = said(report(set=FOREIGN, flow="validate"))
    assert "9 pairs from r.jsonl, read as ragas: 5 with given contexts that stand in the index, 4 without" in text
    assert "matched by retrieval (nobody said what answers them)." in text
    assert "writer not known (ragas set)" in text
    assert "the judges are rules here" in text
    assert "writer and judges" in said(report())
    assert "writer not known (not part of this run)" in said(report(flow="validate"))


def test_the_calibration_table_is_short_and_says_who_decides():
    rows = [calibration("builtin-groundedness", "faithfulness", band=BAND)]
    text = said(report(calibrations=rows, models={"writer": "w", "judge": "m"}))
    assert "below 0.2 and from 0.9, wrong in at most 10 % 6,202" in text
    assert "a_long_name" not in text
    assert "all: no model judges 6,202" in said(report(calibrations=[calibration("builtin-groundedness", "f")]))


def test_sizes_are_those_of_the_paired_design():
    # Connor 1987, checked by the exact power of McNemar's test for 312 questions: .80 +- .02
    assert questions_needed(0.05, 0.1) == 312
    assert questions_needed(0.01, 0.1) > 7 * questions_needed(0.03, 0.1)
    for n in (50, 200, 1000):
        seen = smallest_difference(n, 0.1)
        assert seen is not None
        assert questions_needed(seen, 0.1) <= n < questions_needed(seen - 0.001, 0.1)
    assert smallest_difference(1, 0.1) is None
    with pytest.raises(ValueError, match="shares"):
        questions_needed(0, 0.1)


def test_on_paper_nothing_is_cut_and_sections_may_break():
    page = certificate(report(calibrations=[calibration("builtin-groundedness", "f")]), [], [], "run")
    paper = page[page.index("@media print") : page.index("</style>")]
    kept_whole = re.findall(r"([^{}]*)\{[^{}]*break-inside: avoid", paper)
    assert kept_whole
    assert not any("section" in names for names in kept_whole)
    assert re.search(r"\.scroll \{ overflow: visible", paper)
    assert '<td class="wide" data-is="decides alone">all: no model judges</td>' in page


def folder(at: Path, **more: Any) -> Path:
    at.mkdir()
    found = report(**more)
    (at / "report.json").write_text(json.dumps(found), "utf-8")
    lines = [pair(n) for n in range(found["kept"])]
    others = [pair(9, rejected_by="evidence", reason="moved", status="rejected")] * 5
    for name, rows in (("kept.jsonl", lines), ("rejected.jsonl", others)):
        (at / name).write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return at


def test_runs_side_by_side(tmp_path):
    share = {"total": 9, "touched": 4, "share": 0.4444}
    more = {
        "models": {"writer": "w", "answerer": "a", "judge": "j"}, "diversity": {"vendi_score": 2.5},
        "coverage": {"documents": share, "chunks": share, "topics": share, "map": [], "clusters": []},
    }  # fmt: skip
    gates = {"evidence": counts(6, 2), "keep": counts(0, 1)}
    one, two = folder(tmp_path / "one", **more), folder(tmp_path / "two", kept=2, set=FOREIGN, gates=gates)
    found = compare([one, two]).as_dict()["figures"]
    assert found["kept"] == [3, 2]
    assert found["pairs that the first run has too"] == [3, 2]
    assert found["rejected by evidence"] == [2, 2]
    assert found["left out by keep"] == [None, 1]
    assert found["medium"] == [0, 0]
    assert found["writer"] == ["w", "not known (ragas set)"]
    assert found["answerer"] == ["a", "builtin"]
    assert found["Vendi score"] == [2.5, None]
    assert found["documents asked about"] == [4, None]
    shown = CliRunner().invoke(cli, ["report", str(one), str(two)])
    assert shown.exit_code == 0
    assert re.search(r"kept +3 +2", shown.output)
    assert re.search(r"medium +0 +0", shown.output)
    assert (one / "report.html").is_file()
    assert (two / "report.html").is_file()


def test_pairs_of_a_run_that_only_writes_are_compared(tmp_path):
    run = folder(tmp_path / "run", flow="generate")
    (run / "kept.jsonl").rename(run / "samples.jsonl")
    assert compare([run]).as_dict()["figures"]["pairs that the first run has too"] == [3]


@pytest.mark.parametrize("text", [None, "{", "[]", '{"ingest": {}}'])
def test_a_folder_without_a_run_is_refused_in_one_line(tmp_path, text):
    if text is not None:
        (tmp_path / "report.json").write_text(text, "utf-8")
    with pytest.raises(UsageError, match="run"):
        certify(tmp_path)


def _without(*path: str) -> Any:
    def damage(run: Path) -> None:
        found = json.loads((run / "report.json").read_text("utf-8"))
        part = found
        for key in path[:-1]:
            part = part[key]
        del part[path[-1]]
        (run / "report.json").write_text(json.dumps(found), "utf-8")

    return damage


def _with(**more: Any) -> Any:
    return lambda run: (run / "report.json").write_text(json.dumps(report(**more)), "utf-8")


def _file(name: str, change: Any) -> Any:
    def damage(run: Path) -> None:
        lines = (run / name).read_text("utf-8").splitlines()
        (run / name).write_text("\n".join(change(lines)), "utf-8")

    return damage


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_without("samples", "failed"), "'samples.failed': Field required"),
        (_without("draws", "empty"), "'draws.empty'"),
        (_with(gates=["evidence"]), "'gates'"),
        (_with(gates={"evidence": {"passed": 1}}), "'gates.evidence.rejected'"),
        (_with(usage={"total": {}}), "'usage.by_step'"),
        (_with(verdicts={"a": {"low": 0, "high": 1, "mean": 1, "scored": 1, "kept": [1], "others": []}}), "bins"),
        (_with(coverage={"documents": {}}), "'coverage.documents.total'"),
        (_with(calibrations=[{"judge": "x"}]), "'calibrations.0.threshold'"),
        (_with(kept="3"), "'kept'"),
        (lambda run: (run / "kept.jsonl").unlink(), "kept.jsonl: is not there"),
        (lambda run: (run / "rejected.jsonl").unlink(), "rejected.jsonl: is not there"),
        (_file("kept.jsonl", lambda lines: lines[:2]), "has 2 pairs, and report.json says 3"),
        (_file("kept.jsonl", lambda lines: [*lines, lines[0]]), "has 4 pairs, and report.json says 3"),
        (_file("rejected.jsonl", lambda lines: lines[:2]), "has 2 pairs, and report.json says 5"),
        (_file("rejected.jsonl", lambda lines: ["[1]", *lines[1:]]), "rejected.jsonl, line 1: is no pair"),
        (_file("rejected.jsonl", lambda lines: ['{"id": ', *lines[1:]]), "line 1: is no JSON"),
        (_file("kept.jsonl", lambda lines: ['{"id": "x"}', *lines[1:]]), "pair 'x': 'question'"),
    ],
)
def test_a_damaged_run_is_refused_in_one_line(tmp_path, damage, words):
    run = folder(tmp_path / "run")
    damage(run)
    shown = CliRunner().invoke(cli, ["report", str(run)])
    assert shown.exit_code == 2
    (line,) = shown.output.splitlines()
    assert words in line
    assert str(run) in line
    assert "run the command that made the folder again" in line
    assert "please report it" not in line
    assert not (run / "report.html").exists()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: the page is not opened in a browser")
@pytest.mark.parametrize("width", [1200, 400])
def test_a_browser_shows_it(tmp_path, width):
    run = folder(tmp_path / "run")
    certify(run)
    page, shot = (run / "report.html").as_uri(), tmp_path / "shot.png"
    common = [str(CHROMIUM), *ALONE, f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},1600"]
    dom = subprocess.run([*common, "--dump-dom", page], capture_output=True, timeout=120, check=True).stdout.decode()
    assert "What this set can and cannot tell you" in dom
    assert dom.count("<article>") == 8
    subprocess.run([*common, f"--screenshot={shot}", page], capture_output=True, timeout=120, check=True)
    assert len(colours(shot)) > 8  # a blank page has one


def colours(shot: Path) -> set[Any]:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not here: the picture is not looked at")
    with image.open(shot) as picture:
        return {colour for _, colour in picture.convert("RGB").getcolors(1 << 24)}
