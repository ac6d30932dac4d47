"""Flows and the steps they are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ragset.cli.terminal import one_line, out, table
from ragset.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from ragset.api.flows import StepInfo
    from ragset.flow.compile import Flow


def show_flows(flows: Mapping[str, str]) -> None:
    """Print names and descriptions."""
    table(sorted(flows.items()), indent="")


def show_checked(flow: Flow, path: str) -> None:
    """Print the steps of a flow that is sound."""
    out(f"{one_line(path)}: sound, {len(flow.steps)} steps")
    out("  " + " → ".join(step.name for step in flow.steps))


def chosen(steps: Sequence[StepInfo], name: str | None) -> list[StepInfo]:
    """Give all steps, or the one of that name; raises ``UsageError`` when there is none."""
    if name is None:
        return list(steps)
    found = [step for step in steps if step.name == name]
    if not found:
        raise UsageError(f"unknown step '{one_line(name)}'", hint=did_you_mean(name, [step.name for step in steps]))
    return found


def show_steps(steps: Sequence[StepInfo]) -> None:
    """Print one line a step: kind, what it takes and gives, what for."""
    rows = [(s.name, s.kind, f"{s.takes or '-'} → {s.gives or '-'}", _doc(s).split(". ")[0].rstrip(".")) for s in steps]
    table([("step", "kind", "takes → gives", "what for"), *rows], indent="")


def show_step(step: StepInfo) -> None:
    """Print one step with its fields."""
    out(f"{step.name} ({step.kind}): {step.takes or 'nothing'} → {step.gives or 'nothing'}")
    out(_doc(step))
    for name, field in step.fields.items():
        out(f"  {name}: {one_line(field)}")


def _doc(step: StepInfo) -> str:
    return one_line(step.doc).replace("``", "")
