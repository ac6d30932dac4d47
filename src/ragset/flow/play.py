"""A run played with dice: its own source draws, its own ``keep`` decides, and chance says what passes in between.

So an estimate knows what quotas, caps and the room of the index make of an order, without a second account of them.
"""

from __future__ import annotations

from collections import deque
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from math import inf
from random import Random

from ragset.flow.keep import values_of
from ragset.flow.rates import Rates, pairs_asked
from ragset.kit.axes import shape_of
from ragset.schema.samples import Context, Draw, QAPair, Sample
from ragset.schema.step import Fold, Source, Tally, Tools
from ragset.sources.scenarios import Scenarios

GAMES = 9
"""Games of which the mean is taken."""
ENOUGH = 1500
"""Draws of all games after which no further one is begun."""
MOST = 5000
"""Draws of one game for an order of n pairs; the rest is taken to go on at the same pace, as far as there is room."""


@dataclass(frozen=True, slots=True)
class Played:
    """What the games came to: draws, pairs that were asked for, and pairs kept."""

    draws: float
    asked: float
    kept: float

    @property
    def pairs(self) -> float:
        """Pairs asked for in one draw."""
        return self.asked / self.draws if self.draws else 0.0


@dataclass(frozen=True, slots=True)
class Odds:
    """What the dice go by: the ``share`` of the pairs that pass, and ``rates`` of values that pass less often.

    ``pairs`` is what a draw gives that does not say how many it wants.
    """

    share: float
    pairs: float
    rates: Rates


async def play(source: Source, keep: Fold, tools: Tools, odds: Odds, *, window: int, games: int = GAMES) -> Played:
    """Play a run as long as ``keep`` asks for more, with ``window`` draws open at once; give the mean of some games."""
    source, n = _with_its_personas(source, tools.tally), getattr(keep, "n", None)
    played: list[Played] = []
    while len(played) < games and sum(game.draws for game in played) < ENOUGH:
        played.append(await _game(source, keep, tools, n, window, _Dice(len(played), odds)))
    count = len(played)
    return Played(*(sum(getattr(game, what) for game in played) / count for what in ("draws", "asked", "kept")))


def room(source: Source, keep: Fold, tools: Tools, wanted: float, pace: float, again: float = 1.0) -> float:
    """Give how many of the ``wanted`` draws, which keep ``pace`` pairs each, the index has room for.

    A chunk is drawn ``repeats`` times for each shape of question (a share of ``again`` gave something, and may be drawn
    again), until it gave as many pairs as ``keep`` takes of it. Chunks are counted until there is room for all. Of
    other sources than ``scenarios`` nothing is known.
    """
    if not isinstance(source, Scenarios):
        return wanted
    shapes = len({shape_of(kind) for kind in source.question_types}) or 1
    of_chunk = min(shapes * (1 + (source.repeats - 1) * again), (getattr(keep, "max_per_chunk", None) or inf) / pace)
    draws = 0.0
    for document_id in filter(source.wants, tools.store.document_ids()):
        draws += len(tools.store.chunks(document_id)) * of_chunk
        if draws >= wanted:
            return wanted
    return draws


def _with_its_personas(source: Source, tally: Tally) -> Source:
    """Give a source with the personas that it found before, so that they are not proposed once more in each game."""
    if not isinstance(source, Scenarios):
        return source
    personas = tally.axes.get("persona", {})
    return source.model_copy(update={"personas": personas, "personas_file": None, "propose_personas": 0})


async def _game(source: Source, keep: Fold, tools: Tools, n: int | None, window: int, dice: _Dice) -> Played:
    """Play one run: as many draws are open as the source and the window allow, then the oldest is decided on."""
    own = replace(tools, tally=Tally(), say=lambda line: None)
    folding = keep.begin(own)
    thrown: deque[Draw] = deque()
    draws = asked = 0

    def decide() -> None:
        nonlocal draws, asked
        draw = thrown.popleft()
        draws += 1
        asked += pairs_asked(draw)
        folding.feed(draw, None)

    async with aclosing(source.draws(own)) as stream:  # type: ignore[type-var]
        async for draw in stream:
            if not draw.empty:
                thrown.append(dice.thrown(draw))
            if thrown and (draw.empty or len(thrown) >= window):
                decide()
            if own.tally.full or (n is not None and draws >= MOST):
                break
    while thrown and not own.tally.full and (n is None or draws < MOST):
        decide()
    kept, more = own.tally.kept, 1.0
    if n and kept and draws >= MOST and not own.tally.full:
        more = max(1.0, room(source, keep, own, n * draws / kept, kept / draws) / draws)
    return Played(draws * more, asked * more, kept * more)


@dataclass
class _Dice:
    """Says which pairs of a draw pass: beta-binomial, correlated among those of one chunk."""

    game: int
    odds: Odds
    chances: dict[str, float] = field(default_factory=dict[str, float])

    def thrown(self, draw: Draw) -> Draw:
        """Give a draw with the samples that a run would have judged."""
        dice = Random(f"{self.game} {draw.number}")  # noqa: S311 (no secret depends on it)
        samples = draw.samples or tuple(self._made(draw, dice))
        chance = self._chance(draw)
        fates = ((sample, dice.random() < chance * self.odds.rates.of(values_of(sample))) for sample in samples)
        return draw.with_samples(
            tuple(one if one.status != "open" or passes else _rejected(one) for one, passes in fates)
        )

    def _chance(self, draw: Draw) -> float:
        """Give the chance of the pairs of a draw's first chunk, thrown once a game."""
        share = self.odds.share
        if not 0 < share < 1:
            return share
        key = draw.scenario.chunks[0].id if draw.scenario and draw.scenario.chunks else f"draw {draw.number}"
        if key not in self.chances:
            strength = self.odds.rates.strength
            own = Random(f"{self.game} {key}")  # noqa: S311
            self.chances[key] = own.betavariate(share * strength, (1 - share) * strength)
        return self.chances[key]

    def _made(self, draw: Draw, dice: Random) -> list[Sample]:
        """Make the samples that a draw asks for, each with the values that it wants."""
        scenario = draw.scenario
        chunks = scenario.chunks if scenario else ()
        whole, part = divmod(self.odds.pairs, 1)
        wants = (scenario.wants if scenario else ()) or ({},) * (int(whole) + (dice.random() < part))
        contexts = tuple(Context.of(chunk) for chunk in chunks)
        return [
            Sample(
                id=f"{draw.number}.{at}",
                scenario_id=str(draw.number),
                payload=QAPair(question="", answer=""),
                contexts=contexts,
                evidence=(),
                persona=want.get("persona"),
                question_type=want.get("question_type"),
                axes={axis: value for axis, value in want.items() if axis not in ("persona", "question_type")},
            )
            for at, want in enumerate(wants)
        ]


def _rejected(sample: Sample) -> Sample:
    return sample.model_copy(update={"status": "rejected"})
