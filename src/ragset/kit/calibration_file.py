"""The calibration file: how far a judge's scores can be believed, as a YAML file that flows name.

``ragset calibrate JUDGE --labels FILE --out FILE.yaml`` writes it. Nothing in it depends on the clock or on where the
labels lay, so that equal labels, judge and seed give equal bytes.
"""

from __future__ import annotations

import os
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ragset.errors import UsageError, did_you_mean
from ragset.kit.yaml_text import read_yaml
from ragset.schema.step import Step, Tools

FORMAT = 1
"""Version of the file's format."""

_AGAIN = "calibrate again: ragset calibrate {judge} --labels FILE --out {where}"
_SHAPE = "make one with: ragset calibrate JUDGE --labels FILE --out FILE.yaml"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Estimate(_Part):
    """A figure with the interval that 95 of 100 sets of labels would give (percentile bootstrap over groups)."""

    value: float
    low: float
    high: float

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low {self.low} is above high {self.high}")
        return self


class Bin(_Part):
    """One bin of scores ``low <= score < high`` (the last holds its upper end): its rows, mean score, share of 1."""

    low: float
    high: float
    rows: int = Field(ge=1)
    score: float
    passed: float = Field(ge=0, le=1)


class Reliability(_Part):
    """Mean score against the share of label 1, bin by bin; ``ece`` (expected calibration error) for scores in 0..1."""

    ece: float | None = Field(default=None, ge=0, le=1)
    bins: tuple[Bin, ...] = ()


class Band(_Part):
    """Scores that decide alone: below ``low`` fails, from ``high`` on passes; what lies between is sent on.

    A side that no cut keeps within ``max_error`` is none. ``error_low`` and ``error_high`` are upper bounds of the
    share of wrong decisions on each side, ``share_decided`` is the share of the labelled rows that are decided.
    """

    low: float | None
    high: float | None
    max_error: float = Field(gt=0, lt=1)
    error_low: float | None = Field(default=None, ge=0, le=1)
    error_high: float | None = Field(default=None, ge=0, le=1)
    rows_low: int = Field(default=0, ge=0)
    rows_high: int = Field(default=0, ge=0)
    share_decided: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low is None and self.high is None:
            raise ValueError("a band without low and high decides nothing: leave the band out")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low {self.low} is above high {self.high}")
        return self

    def decide(self, score: float) -> bool | None:
        """Tell what a score decides alone: true, false, or none for a score that is sent on (and for NaN)."""
        if self.high is not None and score >= self.high:
            return True
        return False if self.low is not None and score < self.low else None


class LabelFile(_Part):
    """A file of labels that went in: its name (not its folder), the SHA-256 of its bytes, and its rows."""

    file: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    rows: int = Field(ge=1)


class Calibration(_Part):
    """What labels say about one judge: figures with intervals, and the band of scores that decides alone.

    ``judge`` is a step's name or ``builtin-groundedness`` / ``builtin-equivalence``; ``model`` is whoever judges behind
    a step, none for the two built-in ones. Figures are macro means over the label files.
    """

    format: Literal[1] = FORMAT
    judge: str = Field(min_length=1)
    judge_version: str = Field(min_length=1)
    model: str | None = None
    settings: dict[str, Any] = Field(default_factory=dict)
    labels: tuple[LabelFile, ...] = Field(min_length=1)
    threshold: float
    auroc: Estimate
    balanced_accuracy: Estimate
    precision_at_80: Estimate
    reliability: Reliability = Reliability()
    band: Band | None = None

    def decide(self, score: float) -> bool | None:
        """Tell whether a score passes or fails alone; none when it must be sent on (always, without a band)."""
        return self.band.decide(score) if self.band else None

    def check(self, judge: str, version: str, model: str | None = None, *, where: str = "FILE.yaml") -> Self:
        """Give it back when it is of this judge, version and model; raises ``UsageError`` that says to recalibrate."""
        for what, mine, asked in (
            ("judge", self.judge, judge),
            ("version", self.judge_version, version),
            ("model", self.model, model),
        ):
            if mine != asked:
                line = f"is of {what} '{mine or 'none'}', the judge in use is '{judge}', {what} '{asked or 'none'}'"
                line = f"is of the judge '{mine}', not of '{asked}'" if what == "judge" else line
                raise UsageError(line, where=where, hint=_AGAIN.format(judge=judge, where=where))
        return self

    def check_step(self, step: Step, tools: Tools, *, where: str = "FILE.yaml") -> Self:
        """Give it back when it is of this step as it runs here: name, version, settings, and who judges."""
        self.check(step.name, step.version, judging_model(step, tools), where=where)
        now = settings_of(step)
        if changed := sorted(
            key for key in self.settings.keys() | now.keys() if self.settings.get(key) != now.get(key)
        ):
            line = f"was made with {changed[0]} = {self.settings.get(changed[0])!r}, now it is {now.get(changed[0])!r}"
            raise UsageError(line, where=where, hint=_AGAIN.format(judge=step.name, where=where))
        return self

    def summary(self) -> dict[str, Any]:
        """Give what a report shows as "calibration in force": plain data, no reliability bins."""
        whole = self.model_dump(mode="json", exclude={"format", "settings", "reliability"})
        return whole | {"rows": sum(file.rows for file in self.labels), "ece": self.reliability.ece}

    def to_yaml(self) -> str:
        """Write it as YAML; equal calibrations give equal text."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=120)


_NOT_SETTINGS = frozenset({"threshold", "all_scores", "calibration", "cheap_tier"})
"""Fields of a judge that change none of its own scores; a cheap tier before it is left out when it is calibrated."""


def settings_of(step: Step) -> dict[str, Any]:
    """Give the fields of a judge that may change its scores, without those that have their default."""
    given = step.model_dump(mode="json", exclude_defaults=True)
    return {key: value for key, value in sorted(given.items()) if key not in _NOT_SETTINGS}


def judging_model(step: Step, tools: Tools) -> str | None:
    """Name whoever judges behind a step: a model, the built-in judge with its version, or none for a rule of its own.

    A new version of the built-in judge gives other scores, so that it makes old calibrations void like a new model.
    """
    from ragset.kit import builtin_judge

    if "judge" not in step.uses:
        return None
    model = tools.models.get("judge")
    return model.name if model else f"{builtin_judge.NAME} {builtin_judge.VERSION}"


def read_calibration(path: str | Path) -> Calibration:
    """Read a calibration file; raises ``UsageError`` in one line (no file, no YAML, a field that is wrong)."""
    path = Path(path)
    if not path.is_file():
        raise UsageError("no such calibration file", where=str(path), hint=_SHAPE)
    try:
        return parse_calibration(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot be read as UTF-8 ({error})", where=str(path), hint=_SHAPE) from error


def parse_calibration(text: str, where: str) -> Calibration:
    """Check the text of a calibration file; raises ``UsageError`` with the place."""
    data = read_yaml(text, where, _SHAPE)
    if not isinstance(data, dict):
        raise UsageError("a calibration is a mapping", where=where, hint=_SHAPE)
    if data.get("format") != FORMAT:
        raise UsageError(f"is of format {data.get('format')!r}, this ragset reads {FORMAT}", where=where, hint=_SHAPE)
    try:
        return Calibration.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        known = did_you_mean(place, Calibration.model_fields) if first["type"] == "extra_forbidden" else _SHAPE
        message = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"field '{place}': {message}", where=where, hint=known) from error


def write_calibration(path: str | Path, calibration: Calibration) -> None:
    """Write a calibration file, replacing an old one at once; raises ``UsageError`` where that cannot be done."""
    path = Path(path)
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(calibration.to_yaml(), "utf-8", newline="\n")
        os.replace(part, path)
    except OSError as error:
        raise UsageError(f"cannot be written ({error})", where=str(path), hint="name another --out") from error


@lru_cache(maxsize=8)
def shipped_calibration(name: str) -> Calibration:
    """Give the calibration that ships for a built-in judge; raises ``UsageError`` when none of that name does."""
    if name not in (names := shipped_names()):
        raise UsageError(f"no calibration ships for '{name}'", hint=did_you_mean(name, names))
    return parse_calibration((_shipped() / f"{name}.yaml").read_text("utf-8"), f"{name}.yaml")


def shipped_names() -> list[str]:
    """Name the judges whose calibrations ship."""
    return sorted(file.name.removesuffix(".yaml") for file in _shipped().iterdir() if file.name.endswith(".yaml"))


def _shipped() -> Traversable:
    return files("ragset.kit") / "calibrations"
