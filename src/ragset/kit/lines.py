"""A sample as a line of JSON, the public format of ``kept.jsonl``, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ragset.errors import UsageError
from ragset.schema.samples import QAPair, Sample

_PAYLOAD = ("question", "answer", "answerable", "history")


def sample_to_line(sample: Sample) -> dict[str, Any]:
    """Flatten a sample: payload fields first, then contexts, evidence, provenance and verdicts."""
    data = sample.model_dump(mode="json", exclude={"payload"})
    payload = sample.payload.model_dump(mode="json")
    for verdict in data["verdicts"]:
        if not any(verdict["usage"].values()):
            del verdict["usage"]
    line = {
        "id": sample.id,
        "question": payload["question"],
        "answer": payload["answer"],
        **{key: data[key] for key in ("contexts", "evidence", "persona", "question_type", "axes")},
        "answerable": payload["answerable"],
        "history": payload["history"],
        **{key: data[key] for key in ("measures", "provenance", "verdicts", "scenario_id", "status")},
    }
    line |= {key: data[key] for key in ("labels", "metadata") if data[key]}
    if sample.failure:
        line["failure"] = data["failure"]
    if sample.status == "rejected" and sample.rejected_by:
        line["rejected_by"] = sample.rejected_by.judge
        line["reason"] = sample.rejected_by.reason
    return line


def sample_from_line(line: Any) -> Sample:
    """Read a flattened sample; raises ``ValidationError`` (wrong fields) or ``UsageError`` (no object)."""
    if not isinstance(line, Mapping):
        raise UsageError("a line must hold one JSON object")
    payload = QAPair.model_validate({key: line[key] for key in _PAYLOAD if key in line})
    known = {key: value for key, value in line.items() if key in Sample.model_fields}
    return Sample.model_validate({**known, "payload": payload})


def dump_line(sample: Sample) -> str:
    """Write one line of UTF-8 JSON, without the line end; equal samples give equal bytes."""
    text = json.dumps(sample_to_line(sample), ensure_ascii=False, allow_nan=False)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").replace("\x85", "\\u0085")
