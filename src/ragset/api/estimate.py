"""What a run will use, said before it is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Unpack, cast

from ragset.api.assembling import drawing_from, index_name, surveyed
from ragset.api.choosing import objects_of, trusted_by
from ragset.api.roles import Opened, SpendingOptions, opened_models
from ragset.api.wiring import (
    BuildOptions,
    IndexOptions,
    IngestOptions,
    Sources,
    check_options,
    opened,
    progress_of,
    run_sync,
    sample_flow,
    source_list,
    tools_for,
)
from ragset.errors import UsageError
from ragset.flow.compile import Flow
from ragset.flow.estimate import Estimate, sample_steps
from ragset.flow.estimate import pilot as make_pilot
from ragset.flow.rates import Rates
from ragset.flow.rehearse import rehearse
from ragset.flow.run_folder import read_rates
from ragset.schema.ids import digest
from ragset.schema.step import Tools

QUICK_DRAWS, DRAWS, PILOT_DRAWS = 8, 20, 20
"""Draws of the line before every run, of ``estimate``, and of a pilot."""
QUICK_GAMES = 2
"""Games played with dice for the line before every run."""


async def quick_estimate(flow: Flow, tools: Tools, roles: Opened, like: Rates) -> Estimate:
    """Give the estimate whose line is shown before a run: free, of few draws, by the rates of a pilot if one was made.

    ``like`` are rates that are known better.
    """
    noted = roles.notes.recall(_note(flow)) if roles.notes else None
    like = like.over(Rates.model_validate_json(noted)) if noted else like
    return (await rehearse(flow, tools, None, draws=QUICK_DRAWS, games=QUICK_GAMES, like=like)).priced(roles.prices)


def _note(flow: Flow) -> str:
    """Name the note that keeps what a pilot of this flow counted, however many pairs it was for."""
    steps = [(step.name, step.model_dump(mode="json", exclude={"n"})) for step in sample_steps(flow)]
    return "rates " + digest("pilot", flow.index, steps, [(r, c.shape) for r, c in sorted(flow.models.items())])


def estimate(
    sources: Sources | None = None,
    n: int | None = None,
    *,
    pilot: int = 0,
    like: str | Path | None = None,
    **options: Unpack[BuildOptions],
) -> Estimate:
    """Say what ``build`` of these sources, or a run on ``index``, will use: calls, tokens and money per step.

    Sources are ingested first, which costs no call. ``pilot`` makes so many of the run's first draws with the real
    models (true: 20): their replies stay in the cache, and are paid once where a model's replies can be kept. ``like``
    is the folder of an earlier run, of this or of another corpus, whose pass rates are taken. Raises ``UsageError`` and
    its kin.
    """
    pilot = PILOT_DRAWS if pilot is True else pilot
    check_options(options, BuildOptions)
    if pilot and like is not None:
        raise UsageError("a pilot measures what an earlier run would tell", hint="leave out --pilot or --like")
    rates = Rates() if like is None else read_rates(like)
    flow = _of_index(options, n) if sources is None else _of_sources(sources, options, n)
    return run_sync(_estimate(flow, n, pilot, rates, options))


def _of_index(options: BuildOptions, n: int | None) -> Flow:
    index = options.get("index")
    if not index:
        raise UsageError("nothing to estimate", hint="name a SOURCE, or an index with --index")
    return sample_flow(options, index, n)


def _of_sources(sources: Sources, options: BuildOptions, n: int | None) -> Flow:
    from ragset.api import ingest

    given = source_list(sources)
    found = surveyed(given, options)
    if not found.readable:
        raise found.nothing(given)
    name = options.get("index") or index_name(found.corpora)
    flow = sample_flow(options, name, n)
    known = IngestOptions.__required_keys__ | IngestOptions.__optional_keys__
    ingest(sources, name, **cast("IngestOptions", {key: value for key, value in options.items() if key in known}))
    return drawing_from(found, flow)


async def _estimate(flow: Flow, n: int | None, pilot: int, like: Rates, options: BuildOptions) -> Estimate:
    progress = progress_of(options)
    given: dict[str, Any] = {**options, "embedder": options.get("embedder") or flow.embedder}
    spending: dict[str, Any] = {**options, "objects": objects_of(options), "trusted": trusted_by(options)}
    async with opened_models(flow, cast("SpendingOptions", spending), progress.say, probe=bool(pilot)) as roles:
        with opened(flow.index or "", cast("IndexOptions", given)) as index:
            tools = tools_for(index, progress, roles)
            made = (
                make_pilot(flow, tools, n, draws=pilot) if pilot else rehearse(flow, tools, n, draws=DRAWS, like=like)
            )
            found = await made
            if found.measured and roles.notes:
                roles.notes.remember(_note(flow), found.measured.model_dump_json())
            return found.priced(roles.prices)
