"""From YAML to a checked, linear list of steps; a bad flow is refused in one line before anything is read or called."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ragset.errors import FlowError, did_you_mean
from ragset.flow.rates import Share
from ragset.flow.registry import step_class
from ragset.flow.select import Select
from ragset.kit.yaml_text import read_yaml
from ragset.schema.ids import digest
from ragset.schema.models import Choice, ModelChoice, hint_for
from ragset.schema.ports import Role
from ragset.schema.step import Step

WINDOW = 64
"""Draws each stage keeps open. A constant of the flow, so that the set does not depend on the machine.

Two stages of 64 draws with about two pairs each keep some 200 calls ready; what is kept of the first draws is known
before many more are drawn. A server that takes more than 100 requests at once wants a flow with a larger one."""


FOR_ESTIMATES = ("pass_rates", "sent_on")
"""Fields of a flow that say how a run is going to be, and do not change it."""


class Flow(BaseModel):
    """A checked flow: who does what in which order.

    ``models`` names a model for each role (``builtin`` needs none), ``index`` the index it draws from,
    ``embedder`` the embedding model (none: the one the index was made with, or MiniLM). For estimates only,
    ``pass_rates`` says of steps which share of their samples pass, and ``sent_on`` of judges which share their cheap
    tier sends on to the model.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    description: str = ""
    index: str | None = None
    embedder: str | None = None
    models: dict[Role, Choice] = Field(default_factory=lambda: {"writer": ModelChoice()})
    pass_rates: dict[str, Share] = Field(default_factory=dict)
    sent_on: dict[str, Share] = Field(default_factory=dict)
    window: int = Field(default=WINDOW, ge=1, le=100_000)
    steps: tuple[Step, ...]

    def dump(self) -> dict[str, Any]:
        """Give the resolved flow as plain data; ``compile_flow`` takes it back."""
        head = self.model_dump(mode="json", exclude={"steps"}, exclude_none=True)
        return {**head, "steps": [{s.name: s.model_dump(mode="json", exclude_none=True)} for s in self.steps]}

    def to_yaml(self, *, nulls: bool = False) -> str:
        """Write the resolved flow, every default spelled out, with ``nulls`` also the fields of steps that are none."""
        data = self.dump()
        if nulls:
            data["steps"] = [{step.name: step.model_dump(mode="json")} for step in self.steps]
        return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)

    @property
    def identity(self) -> str:
        """Hash of all that shapes the set; how many are asked for does not (a set may grow)."""
        data = self.dump()
        for step in data["steps"]:
            for name in ("keep", "select"):
                step.get(name, {}).pop("n", None)
        data["models"] = {role: choice.shape for role, choice in self.models.items()}
        return digest("flow", {k: v for k, v in data.items() if k not in ("description", *FOR_ESTIMATES)})

    def find(self, name: str) -> Step | None:
        """Give the first step of that name, or none."""
        return next((step for step in self.steps if step.name == name), None)

    @property
    def asked(self) -> int | None:
        """How many samples are asked for; none: all that are good enough."""
        return getattr(self.find("select") or self.find("keep"), "n", None)

    def asking(self, n: int | None) -> Flow:
        """Give the flow with an order of another size (none: as it is); what ``select`` chooses among grows with it."""
        if n is None or n == self.asked or not self.find("keep"):
            return self
        return self.replace("keep", n=n) if not self.find("select") else self.replace("select", n=n)

    def replace(self, name: str, **fields: Any) -> Flow:
        """Give the flow with fields of one step changed; re-checked."""
        data = self.dump()
        for step in data["steps"]:
            if name in step:
                step[name] = {**(step[name] or {}), **fields}
            if name == "select":
                step.get("keep", {}).pop("n", None)  # it follows from select
        return compile_flow(data)


def shipped_flows() -> dict[str, str]:
    """Give name and YAML text of every shipped flow."""
    folder = files("ragset.flows")
    return {f.name.removesuffix(".yaml"): f.read_text("utf-8") for f in folder.iterdir() if f.name.endswith(".yaml")}


def load_flow(name_or_path: str | Path) -> Flow:
    """Load a shipped flow by name or a flow file by path; raises ``FlowError``."""
    shipped = shipped_flows()
    if str(name_or_path) in shipped:
        return parse_flow(shipped[str(name_or_path)], str(name_or_path))
    path = Path(name_or_path)
    if not path.is_file():
        raise FlowError(f"no flow '{name_or_path}'", hint=f"give a YAML file, or {did_you_mean(str(path), shipped)}")
    try:
        return parse_flow(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise FlowError(f"cannot be read as UTF-8 ({error})", where=str(path)) from error


def parse_flow(text: str, where: str) -> Flow:
    """Compile YAML text."""
    return compile_flow(read_yaml(text, where, "check indentation and quotes", FlowError), where)


def compile_flow(data: Any, where: str = "flow") -> Flow:
    """Check plain data and give the flow; raises ``FlowError`` with the place and what to do next."""
    if not isinstance(data, dict) or not isinstance(data.get("steps"), list) or not data["steps"]:
        raise FlowError("a flow is a mapping with a list 'steps'", where=where, hint="see: ragset flow show rag_qa")
    steps = tuple(_step(item, f"{where}, step {at}") for at, item in enumerate(data["steps"], 1))
    _check_order(steps, where)
    steps = _with_candidates(steps, where)
    for at, step in enumerate(steps, 1):
        try:
            step.check()
        except FlowError as error:
            raise FlowError(error.what, where=f"{where}, step {at} ({step.name})", hint=error.hint) from error
    try:
        flow = Flow.model_validate({"name": Path(where).stem, **data, "steps": steps})
    except ValidationError as error:
        raise _one_line(error, where, Flow) from error
    names = [step.name for step in steps]
    for known in FOR_ESTIMATES:
        for name in getattr(flow, known):
            if name not in names:
                raise FlowError(f"'{known}' names no step: {name}", where=where, hint=did_you_mean(name, names))
    return flow


def _step(item: Any, where: str) -> Step:
    if isinstance(item, str):
        item = {item: None}
    if not isinstance(item, dict) or len(item) != 1:
        raise FlowError("a step is 'name' or 'name: {fields}'", where=where, hint="indent its fields under its name")
    (name, fields), *_ = item.items()
    try:
        cls = step_class(str(name))
    except FlowError as error:
        raise FlowError(error.what, where=where, hint=error.hint) from error
    if not isinstance(fields, dict | None):
        raise FlowError(f"fields of '{name}' must be a mapping", where=where, hint=f"write: {name}: {{field: value}}")
    try:
        return cls.model_validate(fields or {})
    except ValidationError as error:
        raise _one_line(error, f"{where} ({name})", cls) from error


def _one_line(error: ValidationError, where: str, cls: type[BaseModel]) -> FlowError:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    match first["type"]:
        case "extra_forbidden" if first["loc"][0] == "models":
            what, hint = f"unknown field '{place}'", hint_for(str(first["loc"][-1]))
        case "extra_forbidden":
            what, hint = f"unknown field '{place}'", did_you_mean(place, cls.model_fields)
        case "missing":
            what, hint = f"field '{place}' is missing", f"add it: {place}: …"
        case "value_error" if first["loc"][0] == "models":  # what was given may hold a key
            what, hint = f"field '{place}': {first['msg'].removeprefix('Value error, ')}", None
        case _:
            what, hint = f"field '{place}': {first['msg']}, got {first['input']!r}"[:200], "see: ragset steps"
    return FlowError(what, where=where, hint=hint)


def _check_order(steps: Sequence[Step], where: str) -> None:
    if steps[0].kind != "source":
        sources = "files, scenarios or samples"
        raise FlowError(f"'{steps[0].name}' cannot come first", where=where, hint=f"begin with a source: {sources}")
    for at, (before, step) in enumerate(pairwise(steps), 2):
        if step.takes is not before.gives:
            takes, gives = _noun(step.takes), _noun(before.gives)
            raise FlowError(
                f"'{step.name}' takes {takes}, but '{before.name}' before it gives {gives}",
                where=f"{where}, step {at}",
                hint="put a step between them that turns one into the other, or change the order",
            )
    names = [step.name for step in steps if step.kind != "barrier"]
    if "keep" in names[:-1]:
        raise FlowError("'keep' decides, so nothing may come after it", where=where, hint="move keep to the end")
    for at, (before, step) in enumerate(pairwise(steps), 2):
        if step.kind == "barrier" and before.name != "keep":
            what, hint = f"'{step.name}' chooses among what 'keep' keeps", "put it right after keep, at the end"
            raise FlowError(what, where=f"{where}, step {at}", hint=hint)
    if steps[-1].gives is not None and "keep" not in names[-1:] and names[-1] != "index":
        raise FlowError(f"ends with '{names[-1]}'", where=where, hint="end with keep (samples) or index (chunks)")


def _with_candidates(steps: Sequence[Step], where: str) -> tuple[Step, ...]:
    """Let ``keep`` ask for as many as ``select`` chooses among."""
    if not isinstance(select := steps[-1], Select):
        return tuple(steps)
    keep = steps[-2]
    if getattr(keep, "n", None) not in (None, select.candidates):
        what = f"'keep' asks for {getattr(keep, 'n', None)}, and 'select' for {select.candidates} to choose among"
        raise FlowError(what, where=where, hint="take n out of keep: it is select's n times its of")
    return *steps[:-2], keep.model_copy(update={"n": select.candidates}), select


def _noun(kind: type[Any] | None) -> str:
    article = "an" if kind and kind.__name__[0] in "AEIOU" else "a"
    return f"{article} {kind.__name__}" if kind else "nothing"
