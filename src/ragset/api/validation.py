"""Filter-only mode: judge samples that exist, made by ragset or by another tool, against documents."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Unpack, cast

from ragset.api.assembling import dumped, for_flow, index_name, ingest_flow
from ragset.api.results import SETS, EvalSet, Run, set_file
from ragset.api.wiring import (
    RunOptions,
    check_options,
    progress_of,
    sample_flow,
    source_list,
)
from ragset.errors import UsageError
from ragset.flow.certify import certify
from ragset.flow.compile import Flow, compile_flow
from ragset.flow.files import replace_text
from ragset.flow.run_folder import FLOW, JOURNAL, REPORT
from ragset.kit.foreign import FORMATS, OWN, format_named
from ragset.kit.foreign.answers import lacking_answers
from ragset.kit.foreign.columns import check_columns
from ragset.kit.foreign.reading import NO_REFERENCE, check_set, guess
from ragset.kit.foreign.rows import SUFFIXES, TABLES, first_row, names
from ragset.schema.ids import digest
from ragset.schema.samples import Sample
from ragset.schema.step import Step
from ragset.sources.files import survey
from ragset.sources.samples import read_samples

RUN_FILES = (FLOW, JOURNAL)
"""What every run folder holds, a run that has not finished too."""

_NAME_INDEX = "name an index with --index, or documents with --corpus"


class ValidateOptions(RunOptions, total=False):
    """Options of validate: the ``format`` of the file, its ``columns`` by part of a pair, a ``corpus`` to ingest."""

    format: str | None
    columns: Mapping[str, str] | None
    corpus: str | Path | None


def validate(
    samples: EvalSet | str | Path,
    index: str | None = None,
    out: str | Path | None = None,
    **options: Unpack[ValidateOptions],
) -> Run:
    """Judge samples that were made before, by ragset or another tool; everything that passes is kept.

    ``format`` names what the file is (``ragas``, ``squad``, …; none: ragset's own lines, or what it plainly is). They
    are judged against ``index``; ``corpus``, a folder or file, is ingested into it first. With neither, the contexts
    that come with the set become an index of their own. ``report["set"]`` says how the pairs were matched.
    """
    from ragset.api import run_flow

    check_options(options, ValidateOptions)
    if out is None:
        raise UsageError("validate makes a run folder", hint="name it with --out")
    path = _found(Path(samples).absolute(), options) if not isinstance(samples, EvalSet) else _saved(samples, Path(out))
    _refuse_paths(path, Path(out))
    name = _format(path, options)
    flow = _flow(path, name, index, options)
    run = run_flow(flow, out, **for_flow(_plain(options)))
    return run if name == OWN else _with_set(run, path, name)


def _found(path: Path, options: ValidateOptions) -> Path:
    """Give the set in a run folder; any other folder may be a set of another tool's."""
    ours = path.is_dir() and any((path / name).is_file() for name in (*SETS, *RUN_FILES))
    return set_file(path) if ours and options.get("format") in (None, OWN) else path


def _refuse_paths(path: Path, out: Path) -> None:
    if out.resolve() in (path.resolve().parent, path.resolve()):
        raise UsageError("is in the folder that --out would write to", where=str(path), hint="name another --out")
    if not path.exists():
        raise UsageError("no such file", where=str(path), hint="give samples.jsonl, kept.jsonl, or another tool's set")


def _format(path: Path, options: ValidateOptions) -> str:
    """Give the format that was named, or the one that the file plainly has; says so when it was guessed."""
    named, columns = options.get("format"), options.get("columns") or {}
    if named and named != OWN:
        format_named(named)
    check_columns(columns, named)
    if named:
        return named
    if columns:
        return "csv" if path.suffix.lower() in TABLES else "jsonl"
    found = guess(path)
    if found is None:
        raise UsageError(f"its format cannot be told{_fields_of(path)}", where=str(path), hint=_name_it())
    if found != OWN:
        progress_of(options).say(f"{path.name}: read as {found}, {format_named(found).about} (--from names another)")
    return found


def _fields_of(path: Path) -> str:
    first = first_row(path) if path.suffix.lower() in SUFFIXES and path.is_file() else None
    return f" by its fields ({names(first.fields)})" if first else ""


def _name_it() -> str:
    return f"name its columns (--columns question=…), or its format (--from): {', '.join((*FORMATS, OWN))}"


def _flow(path: Path, name: str, index: str | None, options: ValidateOptions) -> Flow:
    """Put the flow together: what fills the index, the set, the judges of the flow, and what keeps."""
    columns = dict(options.get("columns") or {})
    if name == OWN and index is None and not options.get("corpus"):
        raise UsageError("is judged against an index, and none is named", where=str(path), hint=_NAME_INDEX)
    found = _checked(path, name, columns)
    if lacking := lacking_answers(path, name, columns, found):
        progress_of(options).say(lacking)
    reading: list[Step] = []
    made: str | None = None
    if corpus := options.get("corpus"):
        index, reading = _corpus_steps(str(corpus), index, options)
    elif index is None:
        index, made = _contexts_names(path)
        reading = _context_steps(path, name, (index, made), options, found)
    base = sample_flow(_plain(options), index, None)
    judges = [step for step in base.steps if step.takes is Sample and step.name not in ("keep", "select", "ground")]
    foreign: dict[str, Any] = {} if name == OWN else {"format": name, "columns": columns}
    ground = [] if name == OWN else [{"ground": {"corpus": made} if made else {}}]
    steps = [*dumped(reading), {"samples": {"path": str(path), **foreign}}, *ground, *dumped(judges), {"keep": {}}]
    return compile_flow({**base.dump(), "name": "validate", "steps": steps})


def _checked(path: Path, name: str, columns: Mapping[str, str]) -> Counter[str]:
    """Read the whole set before an index is made or a model is opened: a line that is broken costs nothing else."""
    if name != OWN:
        return check_set(path, name, columns)
    return Counter(pairs=sum(1 for _ in read_samples(path)))


def _corpus_steps(corpus: str, index: str | None, options: ValidateOptions) -> tuple[str, list[Step]]:
    """Give the name of the index that documents are read into, and the steps that read them."""
    sources = source_list(corpus)
    index = index or index_name(survey(sources).corpora)
    return index, list(ingest_flow(sources, index, {}).steps)


def _contexts_names(path: Path) -> tuple[str, str]:
    """Name the index that the contexts of a set become, by its path too (many are test.jsonl), and its corpus."""
    corpus = index_name([path.stem if path.is_file() else path.name])
    return f"{corpus}-contexts-{digest(str(path))[:6]}", corpus


def _context_steps(
    path: Path, name: str, names: tuple[str, str], options: ValidateOptions, found: Counter[str]
) -> list[Step]:
    """Give the steps that make an index of what the set brings; refuses a set that brings nothing."""
    columns, (index, corpus) = dict(options.get("columns") or {}), names
    if not found["given"]:
        what = "brings no contexts, so that there is nothing to judge it against"
        raise UsageError(what, where=str(path), hint=_NAME_INDEX)
    say = progress_of(options).say
    say(f"no index was named: the contexts of {path.name} become the index '{index}'")
    if lacking := found["pairs"] - found["given"]:
        say(f"{lacking:,} of its {found['pairs']:,} pairs come without a context")
    contexts = {"path": str(path), "format": name, "corpus": corpus, "columns": columns}
    after = ingest_flow([str(path)], index, {}).steps[2:]  # all but what lists files and reads them
    first = compile_flow({"name": "contexts", "index": index, "steps": [{"contexts": contexts}, *dumped(after)]})
    return list(first.steps)


def _with_set(run: Run, path: Path, name: str) -> Run:
    """Add to the report how the pairs of a foreign set were put into the index."""
    if "samples" not in run.report:
        return run
    counts: Counter[str] = Counter()
    for sample in _all(run):
        counts["pairs"] += 1
        counts[_matched(sample)] += 1
        counts[NO_REFERENCE] += NO_REFERENCE in sample.labels
    report = {**run.report, "set": {"file": path.name, "format": name, **{what: counts[what] for what in _COUNTS}}}
    replace_text(run.folder / REPORT, json.dumps(report, ensure_ascii=False, indent=2) + "\n")
    certify(run.folder)
    return Run(run.folder, report)


_COUNTS = ("pairs", "given_contexts", "matched_by_retrieval", "not_matched", NO_REFERENCE)


def _matched(sample: Sample) -> str:
    by = {"given contexts": "given_contexts", "retrieval": "matched_by_retrieval"}
    return by.get(str(sample.provenance.get("grounded_by")), "not_matched")


def _all(run: Run) -> Iterator[Sample]:
    for name in ("kept.jsonl", "rejected.jsonl"):
        yield from read_samples(run.folder / name)


def _plain(options: ValidateOptions) -> RunOptions:
    """Give the options that a run of any flow has."""
    known = RunOptions.__required_keys__ | RunOptions.__optional_keys__
    return cast("RunOptions", {name: value for name, value in options.items() if name in known})


def _saved(samples: EvalSet, out: Path) -> Path:
    out.parent.mkdir(parents=True, exist_ok=True)
    path = out.with_name(f".{out.name}.samples.jsonl")
    samples.save(path)
    return path
