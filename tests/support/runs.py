"""Runs against a scripted model: on no settings but their own, and with a report that must add up."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from ragset.adapters.models import pacing

SETTINGS = re.compile(r"_API_KEY$|^API_KEY$|BASE_URL$|_API_(BASE|URL)$|^(LLM_|MODEL|OLLAMA_|HF_|RAGSET_)")


def stand_alone(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Take away the settings of this machine, work in ``folder``, and shorten the waits between tries."""
    for name in [name for name in os.environ if SETTINGS.search(name)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(pacing, "BASE", 0.02)


def rows(home: Path, name: str = "kept.jsonl") -> list[dict[str, Any]]:
    """Read what a run in ``home/out`` left; NaN and infinities are refused."""
    return [_read(line) for line in (home / "out" / name).read_text("utf-8").splitlines()]


def report(home: Path) -> dict[str, Any]:
    """Read the report, and check that nothing is lost, doubled or no number."""
    found = _read((home / "out/report.json").read_text("utf-8"))
    draws, samples = found["draws"], found["samples"]
    assert draws["total"] == draws["empty"] + draws["gave_samples"] + draws["gave_none"] + draws["failed"]
    assert samples["total"] == samples["kept"] + samples["rejected"] + samples["failed"]
    kept, rejected = rows(home), rows(home, "rejected.jsonl")
    assert (len(kept), len(rejected)) == (samples["kept"], samples["rejected"] + samples["failed"])
    ids = [row["id"] for row in kept + rejected]
    assert len(set(ids)) == len(ids)
    return found


def _read(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse)


def _refuse(constant: str) -> float:
    raise AssertionError(f"{constant} is no number")
