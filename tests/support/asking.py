"""The shipped flow with every judgement asked of the model: what is tested there is the asking, not the cheap tier."""

from __future__ import annotations

from pathlib import Path

from ragset.flow.compile import Flow, load_flow


def asking_flow() -> Flow:
    """Give ``rag_qa`` without its cheap tiers."""
    flow = load_flow("rag_qa")
    for step in flow.steps:
        if "cheap_tier" in type(step).model_fields:
            flow = flow.replace(step.name, cheap_tier=False)
    return flow


def asking_file(folder: Path) -> Path:
    """Write it into a folder."""
    path = folder / "asking.yaml"
    path.write_text(asking_flow().to_yaml(), "utf-8")
    return path
