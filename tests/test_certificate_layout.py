"""The certificate on screens of every width: a browser lays it out, and nothing is cut off silently."""

from __future__ import annotations

import html
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ragset.kit.certificate import certificate
from test_certificate import ALONE, BAND, CHROMIUM, calibration, counts, pair, report

MEASURE = """
const f = document.getElementById('f'), page = f.contentDocument, found = {page: page.documentElement.scrollWidth};
const box = table => table.closest('.scroll') || table.parentElement;
const style = node => f.contentWindow.getComputedStyle(node);
found.wide = [...page.querySelectorAll('table')].filter(t => t.scrollWidth > box(t).clientWidth + 1).map(t => ({
  text: t.innerText.slice(0, 60), shaded: style(box(t)).overflowX == 'auto' && style(box(t)).backgroundImage}));
found.out = [...page.querySelectorAll('td, .bar, .map')].filter(n => {
  const inner = n.getBoundingClientRect(), outer = box(n.closest('table') || n).getBoundingClientRect();
  return inner.width && inner.right > outer.right + 1}).map(n => n.outerHTML.slice(0, 80));
found.hidden = [...page.querySelectorAll('td')].filter(n => !n.getClientRects().length).length;
found.lines = [...page.querySelectorAll('.stack .bar, .stack .map')].map(n => n.getBoundingClientRect().width);
document.getElementById('r').textContent = JSON.stringify(found);
"""
"""What is wider than its box, in the page in the frame; the page itself runs no script."""


def measured(page: str, width: int, tmp_path: Path) -> dict[str, Any]:
    """Lay the page out at a width, below what a window of its own may have, and measure it."""
    frame = f'<iframe id="f" style="width:{width}px;height:900px;border:0" srcdoc="{html.escape(page)}"></iframe>'
    wrapper = tmp_path / "wrapper.html"
    text = f"<!doctype html><meta charset=utf-8>{frame}<pre id=r></pre><script>onload = () => {{{MEASURE}}}</script>"
    wrapper.write_text(text, "utf-8")
    common = [str(CHROMIUM), *ALONE, f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1400,1000"]
    args = [*common, "--dump-dom", wrapper.as_uri()]
    dom = subprocess.run(args, capture_output=True, timeout=120, check=True).stdout.decode()
    return json.loads(html.unescape(dom.rpartition('<pre id="r">')[2].partition("</pre>")[0]))


def full_report() -> dict[str, Any]:
    """Give a report with every table, and names as long as they come."""
    judge = "ragas-answer-correctness[compatible:a-model-with-a-long-name-2026-05-01; answerer=best-sentence]"
    share = {"total": 9, "touched": 4, "share": 0.4444}
    document = {"document": f"corpus/{'very_long_name_' * 6}.md", "title": "t", "chunks": 150, "touched": 1, "kept": 1}
    used = {"calls": 1_234_567, "prompt_tokens": 123_456_789, "completion_tokens": 12_345_678, "cost": 1234.5678}
    value = {"kept": 12, "wanted": 30, "asked": 0.4, "share": 0.3}
    return report(
        gates={"question_form": counts(85, 3, 9), judge: counts(1234, 33, 6)},
        reasons={f"{judge}: the answers differ": 33, "keep: " + "x" * 90: 2},
        calibrations=[calibration("builtin-groundedness", "faithfulness", band=BAND, model="compatible:" + "m" * 60)],
        models={"writer": "compatible:" + "w" * 80, "judge": "j"},
        coverage={
            "documents": share, "chunks": share, "topics": share,
            "map": [{**document, "at": {"3": 1}}, {**document, "document": "corpus/a.md", "at": {}}],
            "clusters": [{"terms": ["unpronounceable" * 2] * 5, "chunks": 9, "touched": 1, "kept": 3}],
        },
        diversity={"vendi_score": 12.5, "compression_ratio": 3.4, "self_repetition": 4.6},
        axes={"persona": {"values": {"p" * 60: value, "a nurse at a school": value}, "quota": True}},
        usage={"by_step": {"rag_qa": used}, "total": used, "per_kept": {}, "cost": 1.0, "currency": "USD"},
        prompts={"answer_from_context_with_a_long_name.v1": "e5334d753da7ed3ed485"},
    )  # fmt: skip


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: the page is not opened in a browser")
@pytest.mark.parametrize("width", [320, 400, 560, 760, 1200])
def test_no_table_is_cut_off_silently(tmp_path, width):
    found = measured(certificate(full_report(), [pair(1)], [], "run"), width, tmp_path)
    assert found["page"] <= width
    assert found["hidden"] == 0
    if width <= 560:  # rows are stacked, and bars and squares have lines of their own
        assert found["wide"] == found["out"] == []
        assert len(found["lines"]) == 6
        assert min(found["lines"]) > 0.75 * width
    assert all("gradient" in str(table["shaded"]) for table in found["wide"])
