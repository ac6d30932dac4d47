"""Flows and steps: list, show, check, run."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

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
    """Give a flow as YAML, every default of its steps spelled out; ``null`` is none."""
    return load_flow(name).to_yaml(nulls=True)


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


def _type(annotation: Any) -> str:
    """Write a type as a person would: ``dict[str, float > 0]``, ``'none' | 'all'``, ``int | None``."""
    of, parts = get_origin(annotation), get_args(annotation)
    if of is Annotated:
        return " ".join((_type(parts[0]), ", ".join(_bounds(parts[1:])))).rstrip()
    if of is Literal:
        return " | ".join(map(repr, parts))
    if of in (Union, UnionType):
        return " | ".join(map(_type, parts))
    if parts:
        return f"{_name(of)}[{', '.join(map(_type, parts))}]"
    return _name(annotation)


def _bounds(notes: Iterable[Any]) -> Iterator[str]:
    """Give what the notes of a type demand of a number."""
    for note in notes:
        if isinstance(note, FieldInfo):
            yield from _bounds(note.metadata)
        yield from (f"{sign} {limit:g}" for name, sign in _SIGNS if (limit := getattr(note, name, None)) is not None)


_SIGNS = (("gt", ">"), ("ge", ">="), ("lt", "<"), ("le", "<="))


def _name(kind: Any) -> str:
    if kind in (NoneType, Ellipsis):
        return "None" if kind is NoneType else "..."
    return str(getattr(kind, "__name__", kind))
