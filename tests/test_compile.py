"""Bad flows are refused in one line each, before any file is read; shipped flows compile and survive their own YAML."""

from pathlib import Path

import pytest

from ragset.errors import FlowError
from ragset.flow.compile import load_flow, parse_flow, shipped_flows
from ragset.flow.registry import STEPS, step_class

BAD = {
    "no list of steps": ("name: x\n", "a list 'steps'"),
    "not YAML": ("steps: [scenarios\n", "is not YAML"),
    "unknown step": ("steps:\n  - scenarios\n  - rag_qs\n  - keep\n", "unknown step 'rag_qs'; did you mean 'rag_qa'?"),
    "unknown field": (
        "steps:\n  - scenarios: {sed: 1}\n  - rag_qa\n  - keep\n",
        "unknown field 'sed'; did you mean 'seed'?",
    ),
    "missing field": ("steps:\n  - samples\n  - keep\n", "field 'path' is missing"),
    "wrong type between neighbours": (
        "steps:\n  - scenarios\n  - evidence\n  - keep\n",
        "'evidence' takes a Sample, but 'scenarios' before it gives a Scenario",
    ),
    "chunks that were not embedded": (
        "steps:\n  - files: {sources: [x]}\n  - read\n  - split\n  - index\n",
        "'index' takes an EmbeddedChunk, but 'split' before it gives a Chunk",
    ),
    "an index that is never filled": (
        "steps:\n  - files: {sources: [x]}\n  - read\n  - split\n  - embed\n  - scenarios\n  - rag_qa\n  - keep\n",
        "'scenarios' takes a Chunk, but 'embed' before it gives an EmbeddedChunk",
    ),
    "a pass rate of no step": (
        "pass_rates: {rag_qs: 0.9}\nsteps:\n  - scenarios\n  - rag_qa\n  - keep\n",
        "'pass_rates' names no step: rag_qs; did you mean 'rag_qa'?",
    ),
    "a share above one": (
        "sent_on: {rag_qa: 1.5}\nsteps:\n  - scenarios\n  - rag_qa\n  - keep\n",
        "field 'sent_on.rag_qa': Input should be less than or equal to 1, got 1.5",
    ),
    "no source first": ("steps:\n  - rag_qa\n  - keep\n", "'rag_qa' cannot come first"),
    "nothing decides": ("steps:\n  - scenarios\n  - rag_qa\n  - evidence\n", "end with keep"),
    "something after the decision": (
        "steps:\n  - scenarios\n  - rag_qa\n  - keep\n  - evidence\n",
        "'keep' decides, so nothing may come after it",
    ),
    "value out of range": (
        "steps:\n  - scenarios\n  - rag_qa\n  - near_duplicates: {threshold: 3}\n  - keep\n",
        "field 'threshold'",
    ),
    "wrong kind of value": ("steps:\n  - scenarios: {seed: many}\n  - rag_qa\n  - keep\n", "field 'seed'"),
    "two names in one step": ("steps:\n  - {scenarios: {}, rag_qa: {}}\n  - keep\n", "a step is 'name' or"),
    "prompt that is not there": (
        "steps:\n  - scenarios\n  - rag_qa: {writer: model, prompt: no_such.v9}\n  - keep\n",
        "no_such.v9",
    ),
    "object in YAML": ("steps: !!python/object/apply:os.system ['true']\n", "is not YAML"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_flow_is_refused_in_one_line(name: str, monkeypatch: pytest.MonkeyPatch):
    text, expected = BAD[name]
    with pytest.raises(FlowError) as caught:
        parse_flow(text, "mine.yaml")
    line = str(caught.value)
    assert expected in line
    assert "\n" not in line
    assert line.startswith("mine.yaml")
    assert caught.value.exit_code == 2


def test_a_prompt_variable_that_nothing_makes_is_refused(tmp_path: Path):
    prompt = tmp_path / "mine.v1.jinja"
    prompt.write_text("[user]\n{{ weather }}\n", "utf-8")
    text = f"steps:\n  - scenarios\n  - rag_qa: {{writer: model, prompt: '{prompt}'}}\n  - keep\n"
    with pytest.raises(FlowError, match="prompt variable 'weather'"):
        parse_flow(text, "mine.yaml")


def test_a_prompt_that_shows_the_writer_no_passage_is_refused(tmp_path: Path):
    prompt = tmp_path / "blind.jinja"
    prompt.write_text("[user]\nWrite JSON pairs\n", "utf-8")
    said = r"mine.yaml, step 2 \(rag_qa\): the prompt never shows the passages to write about; use its variable 'ch"
    with pytest.raises(FlowError, match=said):
        parse_flow(f"steps:\n  - scenarios\n  - rag_qa: {{prompt: '{prompt}'}}\n  - keep\n", "mine.yaml")


@pytest.mark.parametrize("name", sorted(shipped_flows()))
def test_a_shipped_flow_survives_its_own_yaml(name: str):
    flow = load_flow(name)
    again = parse_flow(flow.to_yaml(), "again.yaml")
    assert again == flow.model_copy(update={"name": again.name})
    assert again.identity == flow.identity


def test_how_many_are_asked_for_is_no_part_of_the_identity():
    flow = load_flow("rag_qa")
    assert flow.replace("keep", n=7).identity == flow.identity
    assert flow.replace("scenarios", seed=7).identity != flow.identity
    assert flow.model_copy(update={"pass_rates": {"rag_qa": 0.5}}).identity == flow.identity


def test_an_unknown_flow_is_named():
    with pytest.raises(FlowError, match="did you mean 'rag_qa'"):
        load_flow("rag_qq")


@pytest.mark.parametrize("name", sorted(STEPS))
def test_every_step_is_what_its_line_says(name: str):
    cls = step_class(name)
    assert cls.name == name
    assert cls.__doc__
    assert cls.kind in ("source", "map", "fold", "barrier")
