"""Flows and steps: list, show, check, run."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path

from pydantic.fields import FieldInfo

from ragset.api import run_flow
from ragset.flow.compile import Flow, load_flow, shipped_flows
from ragset.flow.registry import STEPS, step_class

__all__ = ["StepInfo", "check_flow", "list_flows", "list_steps", "run_flow", "show_flow"]


@dataclass(frozen=True)
class StepInfo:
    """What a step is: its kind, what it takes and gives, its fields with type and default, and what for."""

    name: str
    kind: str
    takes: str | None
    gives: str | None
    fields: dict[str, str]
    doc: str


def list_flows() -> dict[str, str]:
    """Give name and description of every shipped flow."""
    return {name: load_flow(name).description for name in sorted(shipped_flows())}


def show_flow(name: str) -> str:
    """Give a flow as YAML, every default spelled out."""
    return load_flow(name).to_yaml()


def check_flow(path: str | Path) -> Flow:
    """Compile a flow; raises ``FlowError`` with the place and what to do next."""
    return load_flow(path)


def list_steps() -> list[StepInfo]:
    """Describe every registered step, in the order of the registry."""
    return [_describe(name) for name in STEPS]


def _describe(name: str) -> StepInfo:
    step = step_class(name)
    takes, gives = (kind.__name__ if kind else None for kind in (step.takes, step.gives))
    fields = {key: _field(field) for key, field in step.model_fields.items()}
    return StepInfo(name, step.kind, takes, gives, fields, inspect.getdoc(step) or "")


def _field(field: FieldInfo) -> str:
    default = "" if field.is_required() else f" = {field.get_default(call_default_factory=True)!r}"
    return f"{_type(field.annotation)}{default}" + (f"; {field.description}" if field.description else "")


def _type(annotation: object) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")
