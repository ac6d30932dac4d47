"""The certificate: what it says of a set, that data cannot become markup, and that a browser shows it."""

from __future__ import annotations

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
from ragset.kit.certificate import by_reason, certificate, marked, spread
from ragset.kit.sample_size import questions_needed, smallest_difference

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
        **more,
    }  # fmt: skip


def report(**more: Any) -> dict[str, Any]:
    return {
        "ragset": "0.1.0", "flow": "build", "asked": 4, "kept": 3, "shortfall": 1, "ended": None,
        "models": {"writer": "builtin"}, "index": {"name": "i", "version": "0" * 20, "embedder": "minilm"},
        "draws": {"total": 9, "empty": 1, "gave_samples": 8, "gave_none": 0, "failed": 0, "ahead": 0},
        "samples": {"total": 8, "kept": 3, "rejected": 4, "failed": 1},
        "gates": {"evidence": {"passed": 6, "rejected": 2, "abstained": 0}},
        "reasons": {"evidence: moved": 2}, "failures": {"faithfulness: no statements": 1},
        "kept_by": {"difficulty": {"easy": 3}},
        **more,
    }  # fmt: skip


def test_it_says_what_was_kept_and_what_it_cannot_tell():
    page = certificate(report(), [pair(1), pair(2), pair(3)], [pair(4, rejected_by="evidence", reason="moved")], "run")
    text = re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL))
    assert "3 question–answer pairs" in text
    assert "1 fewer pairs than the 4 asked for" in text
    assert "1 pairs failed" in text
    assert "100 % find their chunk as the first hit" in text
    assert "no judge of this run was calibrated" in text
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
    ("text", "quotes", "found"),
    [
        ("abcdef", ["bc"], [("a", False), ("bc", True), ("def", False)]),
        ("abcdef", ["bc", "cd"], [("a", False), ("bcd", True), ("ef", False)]),
        ("abc", ["abc"], [("abc", True)]),
        ("abc", ["x"], [("abc", False)]),
        ("", ["x"], []),
    ],
)
def test_evidence_is_marked_where_it_stands(text, quotes, found):
    assert marked(text, quotes) == found


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


def folder(at: Path, **more: Any) -> Path:
    at.mkdir()
    (at / "report.json").write_text(json.dumps(report(**more)), "utf-8")
    (at / "kept.jsonl").write_text("".join(json.dumps(pair(n)) + "\n" for n in range(3)), "utf-8")
    (at / "rejected.jsonl").write_text(json.dumps(pair(9, rejected_by="evidence", reason="moved")) + "\n", "utf-8")
    return at


def test_runs_side_by_side(tmp_path):
    one, two = folder(tmp_path / "one"), folder(tmp_path / "two", kept=2)
    found = compare([one, two]).as_dict()["figures"]
    assert found["kept"] == [3, 2]
    assert found["pairs that the first run has too"] == [3, 3]
    assert found["rejected by evidence"] == [2, 2]
    shown = CliRunner().invoke(cli, ["report", str(one), str(two)])
    assert shown.exit_code == 0
    assert re.search(r"kept +3 +2", shown.output)
    assert (one / "report.html").is_file()
    assert (two / "report.html").is_file()


@pytest.mark.parametrize("text", [None, "{", "[]", '{"ingest": {}}'])
def test_a_folder_without_a_run_is_refused_in_one_line(tmp_path, text):
    if text is not None:
        (tmp_path / "report.json").write_text(text, "utf-8")
    with pytest.raises(UsageError, match="run"):
        certify(tmp_path)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: the page is not opened in a browser")
@pytest.mark.parametrize("width", [1200, 400])
def test_a_browser_shows_it(tmp_path, width):
    run = folder(tmp_path / "run")
    certify(run)
    page, shot = (run / "report.html").as_uri(), tmp_path / "shot.png"
    common = [str(CHROMIUM), *ALONE, f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},1600"]
    dom = subprocess.run([*common, "--dump-dom", page], capture_output=True, timeout=120, check=True).stdout.decode()
    assert "What this set can and cannot tell you" in dom
    assert dom.count("<article>") == 4
    subprocess.run([*common, f"--screenshot={shot}", page], capture_output=True, timeout=120, check=True)
    assert len(colours(shot)) > 8  # a blank page has one


def colours(shot: Path) -> set[Any]:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not here: the picture is not looked at")
    with image.open(shot) as picture:
        return {colour for _, colour in picture.convert("RGB").getcolors(1 << 24)}
