"""The public functions: each builds a flow, runs it, and gives an object to iterate, filter, save and load."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any, Unpack, cast

from ragset.api.assembling import drawing_from, dumped, for_flow, index_name, ingest_flow, surveyed
from ragset.api.results import EvalSet, IngestResult, Run, VerifyResult
from ragset.api.roles import Opened, named_models, opened_models
from ragset.api.validation import validate
from ragset.api.wiring import (
    BuildOptions,
    FlowOptions,
    IndexOptions,
    IngestOptions,
    RunOptions,
    Sources,
    check_options,
    opened,
    progress_of,
    run_sync,
    sample_flow,
    source_list,
    tools_for,
)
from ragset.errors import FlowError, UsageError
from ragset.flow.compile import Flow, compile_flow, load_flow
from ragset.flow.rates import Rates
from ragset.flow.run_folder import REPORT, RunFolder, read_rates
from ragset.flow.running import Progress, makes_samples, parts, refuse, run_intake, run_samples
from ragset.kit.judging import one_line
from ragset.schema.samples import Sample
from ragset.schema.step import Step, Tools
from ragset.settings import indexes_folder
from ragset.sources.contexts import Contexts
from ragset.sources.files import Files, Survey

__all__ = [
    "EvalSet",
    "IngestResult",
    "Run",
    "VerifyResult",
    "build",
    "generate",
    "ingest",
    "run_flow",
    "validate",
    "verify",
]


def ingest(sources: Sources, index: str, **options: Unpack[IngestOptions]) -> IngestResult:
    """Bring an index up to date with folders or files: unchanged files are skipped, removed ones leave the index.

    A source is a folder or a file; ``NAME=PATH`` names its corpus. Files that cannot be read are listed in the result
    and keep their old version. Raises ``UsageError`` and its kin for wrong names and mixed models.
    """
    check_options(options, IngestOptions)
    flow = ingest_flow(source_list(sources), index, options)
    done: dict[str, Any] = {}
    run_sync(_execute(flow, None, cast("FlowOptions", options), done))
    return IngestResult(**done["ingest"])


def build(sources: Sources, out: str | Path, n: int | None = None, **options: Unpack[BuildOptions]) -> Run:
    """Go the whole way from documents to a validated set of ``n`` pairs in a run folder.

    The same call on the same folder goes on where it was; fewer than ``n`` is no error: see ``Run.shortfall``.
    """
    check_options(options, BuildOptions)
    given = source_list(sources)
    found = surveyed(given, options, out)
    name = options.get("index") or index_name(found.corpora)
    making = drawing_from(found, sample_flow(options, name, n))
    reading = ingest_flow(given, name, options)
    data = making.dump()
    data["steps"] = [*reading.dump()["steps"], *data["steps"]]
    return run_flow(compile_flow({**data, "name": "build"}), out, **for_flow(options))


def generate(index: str, n: int | None = None, out: str | Path | None = None, **options: Unpack[RunOptions]) -> EvalSet:
    """Make ``n`` samples from an index, unjudged; ``out`` gets ``samples.jsonl``, ``flow.yaml`` and ``report.json``."""
    check_options(options, RunOptions)
    flow = sample_flow(options, index, n)
    steps = [step for step in flow.steps if step.takes is not Sample or step.name == "keep"]
    flow = _with_steps(flow, "generate", dumped(steps)).asking(flow.asked)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(out or folder)
        run_sync(_execute(flow, target, for_flow(options), {}, kept_as="samples.jsonl"))
        return EvalSet.load(target / "samples.jsonl")


def run_flow(flow: Flow | str | Path, out: str | Path | None, **options: Unpack[FlowOptions]) -> Run:
    """Run any flow, a shipped one by name or a file, into the folder ``out``.

    A flow that only fills an index needs no folder; the report then has ``ingest`` alone.
    """
    check_options(options, FlowOptions)
    flow = flow if isinstance(flow, Flow) else load_flow(flow)
    if index := options.get("index"):
        flow = compile_flow(flow.dump() | {"index": index}, flow.name)
    if out is None and makes_samples(flow.steps):
        raise UsageError("this flow makes samples, and has nowhere to put them", hint="name a folder with --out")
    done: dict[str, Any] = {}
    report = run_sync(_execute(flow, Path(out) if out else None, options, done))
    return Run(Path(out or "."), {"asked": None, "shortfall": 0, **done} | report)


def verify(samples: EvalSet | str | Path, index: str, **options: Unpack[IndexOptions]) -> VerifyResult:
    """Re-check every evidence span against the index: ``same``, ``moved``, ``document changed`` or ``gone``."""
    from ragset.sources.samples import read_samples

    check_options(options, IndexOptions)
    found: Counter[str] = Counter()
    problems: list[dict[str, str]] = []
    with opened(index, options) as store:
        for sample in samples if isinstance(samples, EvalSet) else read_samples(Path(samples)):
            for evidence in sample.evidence:
                state = evidence.verify(store.document(evidence.document_id))
                found[state] += 1
                if state != "same":
                    problems.append({"id": sample.id, "document_id": evidence.document_id, "state": state})
    return VerifyResult(found, problems)


async def _execute(
    flow: Flow, out: Path | None, options: FlowOptions, done: dict[str, Any], *, kept_as: str = "kept.jsonl"
) -> dict[str, Any]:
    """Run the parts of a flow; ``done`` gets what ingest did, the report is given back."""
    if not flow.index:
        raise FlowError("names no index", where=flow.name, hint="add 'index: NAME', or give --index")
    progress = progress_of(options)
    # What can be refused is refused before an index or a folder is made: sources, models, steps, and then the folder,
    # whose refusal says how to replace what it holds.
    found = _survey(flow, out, options)
    named = named_models(flow, options)
    refuse(flow.steps, Tools(models=named.models))
    folder = RunFolder(out, flow, force=bool(options.get("force")), kept_as=kept_as) if out else None
    opening = IndexOptions(**{**options, "embedder": options.get("embedder") or flow.embedder})  # type: ignore[typeddict-item]
    report: dict[str, Any] = {}
    async with opened_models(flow, options, progress.say) as roles:  # refuses a model before anything is read
        with opened(flow.index, opening, create=found is not None) as index, ExitStack() as stack:
            tools = tools_for(index, progress, roles)
            for steps in parts(flow):
                if found and not makes_samples(steps):
                    done["ingest"] = await _read_in(steps, tools, progress, found)
                elif folder:
                    refuse(steps, tools)
                    stack.enter_context(folder)
                    if options.get("retry_failed"):
                        folder.journal.retry_failures()
                    progress.say(roles.line())
                    if roles.models and not options.get("replay"):
                        await asyncio.gather(_foretell(folder, tools, roles), _warmed(steps, tools))
                    report = await run_samples(steps, tools, folder, progress, _about(flow, index, done))
    return report


async def _foretell(folder: RunFolder, tools: Tools, roles: Opened) -> None:
    """Say what the run is going to use, and tell the budget what to expect of a draw; no estimate stops no run.

    Where the folder holds a finished run that goes on, its rates are known.
    """
    from ragset.api.estimate import quick_estimate

    try:
        found = await quick_estimate(folder.flow, tools, roles, _own_rates(folder))
    except Exception as error:
        tools.say(f"no estimate: {one_line(str(error))}")
        return
    tools.say(found.line())
    if roles.budget and found.draws:
        tokens = found.prompt_tokens + found.completion_tokens
        roles.budget.expect(found.calls / found.draws, tokens / found.draws, (found.cost or 0.0) / found.draws)


def _own_rates(folder: RunFolder) -> Rates:
    """Give the rates of the run that goes on in a folder, as far as it has a report that says them."""
    if not folder.goes_on or not (folder.path / REPORT).is_file():
        return Rates()
    try:
        return read_rates(folder.path)
    except UsageError:
        return Rates()


async def _warmed(steps: Sequence[Step], tools: Tools) -> None:
    """Load the embedding model, the index and what steps need before the first call: no reply waits for an import."""
    await asyncio.gather(*(step.warm(tools) for step in steps))
    if any("embedder" in step.uses for step in steps):
        await tools.store.search(await tools.embedder.embed(["ready"]), 1)


def _survey(flow: Flow, out: Path | None, options: IndexOptions) -> Survey | None:
    """List the files of the flow's sources, if it has any; raises ``UsageError`` where there is nothing to do."""
    if isinstance(contexts := flow.find("contexts"), Contexts):
        return Survey(corpora={contexts.corpus: contexts.path}, whole=frozenset({contexts.corpus}))
    files = flow.find("files")
    if not isinstance(files, Files):
        return None
    found = surveyed(files.sources, {**options, "include": files.include, "exclude": files.exclude}, out)
    if not found.readable and (makes_samples(flow.steps) or not _known(found, flow, options)):
        raise found.nothing(files.sources)
    return found


def _known(found: Survey, flow: Flow, options: IndexOptions) -> bool:
    """Tell whether an index is there that knows one of the corpora: then that nothing is left to read is news to it."""
    from ragset.adapters.chroma_store import list_indexes

    if flow.index not in list_indexes(indexes_folder(options.get("indexes"))):
        return False
    with opened(str(flow.index), options) as index:
        return not found.corpora.keys().isdisjoint(index.summary()["corpora"])


async def _read_in(steps: Sequence[Step], tools: Tools, progress: Progress, found: Survey) -> dict[str, Any]:
    """Run the part that fills the index, as its one writer."""
    index = tools.extras["index"]
    try:
        tools.extras["survey"] = found
        with index.writing(found.corpora, complete=found.whole, spared=found.unlisted):
            tools.extras["known_sources"] = index.known_sources()
            await run_intake(steps, tools, progress, total=len(found.files) or None)
    finally:
        if pool := tools.extras.pop("parse_pool", None):
            pool.close()
    return {**tools.extras["ingest"], "skipped": found.skipped}


def _about(flow: Flow, index: Any, done: dict[str, Any]) -> dict[str, Any]:
    about = {
        "ragset": version("ragset"),
        "flow": flow.name,
        "models": {role: choice.model for role, choice in flow.models.items()},
        "index": {"name": index.name, "version": index.version, "embedder": index.embedder.name},
    }
    return about | ({"ingest": done["ingest"]} if "ingest" in done else {})


def _with_steps(flow: Flow, name: str, steps: list[Any]) -> Flow:
    return compile_flow({**flow.dump(), "name": name, "steps": steps})
