"""What a set that came from elsewhere was, and how its pairs were put into the index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ragset.cli.terminal import one_line, out, plural


def show_set(report: Mapping[str, Any]) -> None:
    """Print where the pairs came from and how they were matched; nothing for ragset's own."""
    found = report.get("set")
    if not found:
        return
    out(f"{plural(found['pairs'], 'pair')} from {one_line(found['file'])}, read as {found['format']}")
    lines = {
        "given_contexts": "whose given contexts stand in the index",
        "matched_by_retrieval": "that came without contexts, matched by retrieval (nobody said what answers them)",
        "not_matched": "without a place in the index: not found, no question, or unanswerable without a context",
    }
    for what, said in lines.items():
        if found[what]:
            out(f"  {found[what]:,}  {said}")
    out()
