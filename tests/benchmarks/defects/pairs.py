"""Good pairs made of the facts, and the twelve ways in which a pair is spoilt."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from defects.world import Fact, Maker, World

GOOD = "good"


@dataclass(frozen=True)
class Pair:
    """A pair before it is bound to an index: quotes name the document they stand in.

    ``defect`` is ``good`` or one of :data:`DEFECTS`; ``truth`` what the documents answer (none: nothing), ``false`` the
    statements of the answer that are not true, ``known`` whether the answer is general knowledge.
    """

    question: str
    answer: str | None
    quotes: tuple[tuple[str, str], ...]
    defect: str = GOOD
    kind: str = "fact"
    truth: str | None = None
    facts: tuple[Fact, ...] = field(default=(), repr=False)
    false: tuple[str, ...] = ()
    known: bool = False

    @property
    def answerable(self) -> bool:
        return self.answer is not None


def good_pairs(world: World, rng: random.Random) -> list[Pair]:
    """Give one pair a fact, some across two documents, some that nothing answers."""
    found = [_plain(fact, rng) for fact in world.facts]
    found += [_across(fact, founder) for fact, founder in _makers(world)]
    absent = [(fact.document, fact.thing) for fact in world.facts[:: max(1, len(world.facts) // 60)]]
    for document, thing in absent:
        question, _ = rng.choice(thing.kind.absent)
        fact = next(f for f in world.facts if f.document == document)
        text = question.format(n=thing.name)
        found.append(Pair(text, None, ((document, ""),), kind="unanswerable", facts=(fact,)))
    unique = {pair.question: pair for pair in found}
    return list(unique.values())


def _plain(fact: Fact, rng: random.Random) -> Pair:
    answer = fact.value if rng.random() < 0.4 else fact.say()
    pair = Pair(fact.ask(), answer, ((fact.document, fact.sentence),), truth=fact.say(), facts=(fact,))
    return pair if answer != fact.value else replace(pair, answer=fact.value[0].upper() + fact.value[1:])


def _makers(world: World) -> Iterator[tuple[Fact, Fact]]:
    founders = {fact.thing.name: fact for fact in world.facts if fact.attribute.key == "founder"}
    yield from ((fact, founders[fact.value]) for fact in world.facts if fact.attribute.key == "maker")


def _across(maker: Fact, founder: Fact) -> Pair:
    question = f"Who founded the company that makes the {maker.thing.name}?"
    answer = f"{maker.value} makes the {maker.thing.name}, and {maker.value} was founded by {founder.value}."
    quotes = ((maker.document, maker.sentence), (founder.document, founder.sentence))
    return Pair(question, answer, quotes, kind="multi_hop_across", truth=answer, facts=(maker, founder))


Spoil = Callable[[Pair, World, Maker], Pair | None]
"""Makes a spoilt pair of a good one; none when that cannot be spoilt in this way."""


def _other(fact: Fact, maker: Maker) -> str:
    """Give another value of the same sort."""
    found = fact.value
    while found == fact.value:
        found = maker.value(fact.attribute.values)
    return found


def unfaithful(pair: Pair, world: World, maker: Maker) -> Pair | None:
    """Answer with another value."""
    fact = pair.facts[0]
    wrong = _other(fact, maker)
    answer = wrong[0].upper() + wrong[1:] if len(pair.answer or "") <= len(fact.value) else fact.say(wrong)
    return replace(pair, answer=answer, false=(answer,))


def partly_unfaithful(pair: Pair, world: World, maker: Maker) -> Pair | None:
    """Add something about the same thing that is not so."""
    fact = pair.facts[0]
    others = [f for f in world.facts if f.thing == fact.thing and f is not fact]
    extra = maker.random.choice(others)
    lie = extra.say(_other(extra, maker))
    return replace(pair, answer=f"{fact.say()} {lie}", false=(lie,))


def ambiguous(pair: Pair, world: World, maker: Maker) -> Pair | None:
    """Leave out the name of what is asked about."""
    return replace(pair, question=pair.facts[0].attribute.vague)


def needs_its_passage(pair: Pair, world: World, maker: Maker) -> Pair | None:
    """Speak of the passage."""
    vague = pair.facts[0].attribute.vague
    heads = ("According to the passage, {}", "In the text above, {}", "As described in this section, {}")
    lower = vague[0].lower() + vague[1:]
    named = pair.question[0].lower() + pair.question[1:]
    return replace(pair, question=maker.random.choice(heads).format(maker.random.choice((lower, named))))


def trivial_copy(pair: Pair, world: World, maker: Maker) -> Pair | None:
    """Make a question of the sentence itself, and of the answer the same again."""
    sentence = pair.facts[0].sentence
    return replace(pair, question=f"{sentence.rstrip('.')}?", answer=sentence)


def gives_its_answer_away(pair: Pair, world: World, maker: Maker) -> Pair | None:
    """Say the answer within the question."""
    fact = pair.facts[0]
    aside = fact.attribute.aside.format(v=fact.value)
    name = fact.thing.name
    return replace(pair, question=fact.ask().replace(name, f"{name}, {aside},", 1).replace(",?", "?"))


def wrong_hop(pair: Pair, world: World, maker: Maker) -> Pair | None:
    """Follow the wrong company: the founder of another one is the answer."""
    made, right = pair.facts
    others = [f for f in world.facts if f.attribute.key == "founder" and f.value != right.value]
    other = maker.random.choice(others)
    answer = f"{made.value} makes the {made.thing.name}, and {made.value} was founded by {other.value}."
    quotes = ((made.document, made.sentence), (other.document, other.sentence))
    return replace(pair, answer=answer, quotes=quotes, false=(answer,), facts=(made, other))


def duplicate(pair: Pair, world: World, maker: Maker) -> Pair | None:
    """Ask the same again in other words."""
    return replace(pair, question=pair.facts[0].ask(1))


def unanswerable_as_answerable(pair: Pair, world: World, maker: Maker) -> Pair | None:
    """Ask for what no document says, and make an answer up; a sentence about the thing is the evidence."""
    fact = pair.facts[0]
    question, what = maker.random.choice(fact.thing.kind.absent)
    asked = question.format(n=fact.thing.name)
    number = [f.value for f in world.facts if f.thing == fact.thing and f is not fact and f.value.isdigit()]
    answer = maker.value(what) if what != "count" or not number else maker.random.choice(number)
    return replace(pair, question=asked, answer=answer, truth=None, false=(answer,))


def wrong_citation(pair: Pair, world: World, maker: Maker) -> Pair | None:
    """Cite another sentence of the same document."""
    fact = pair.facts[0]
    others = [f for f in world.facts if f.document == fact.document and f is not fact]
    return replace(pair, quotes=((fact.document, maker.random.choice(others).sentence),))


def wrong_language(pair: Pair, world: World, maker: Maker) -> Pair | None:
    """Ask in another language than the document's."""
    fact = pair.facts[0]
    return replace(pair, question=maker.random.choice(fact.attribute.foreign).format(n=fact.thing.name))


SPOILERS: dict[str, Spoil] = {
    "unfaithful": unfaithful,
    "partly unfaithful": partly_unfaithful,
    "ambiguous": ambiguous,
    "needs its passage": needs_its_passage,
    "trivial copy": trivial_copy,
    "gives its answer away": gives_its_answer_away,
    "wrong hop": wrong_hop,
    "duplicate": duplicate,
    "unanswerable passed off": unanswerable_as_answerable,
    "wrong citation": wrong_citation,
    "wrong language": wrong_language,
}
KNOWN = "answerable without context"
DEFECTS = (*SPOILERS, KNOWN)
NEEDS_A_MODEL = ("ambiguous", "wrong hop", "unanswerable passed off", KNOWN)
"""Defects that rules cannot be asked to find: they take reading, or knowing what everybody knows."""


def plant(world: World, total: int, dirty: float, seed: int) -> list[Pair]:
    """Give ``total`` pairs, ``dirty`` of them spoilt, each defect as often as any other, in a seeded order.

    A spoilt pair takes the place of the good one that it was made of; a duplicate comes after its twin.
    """
    rng, maker = random.Random(seed), Maker(seed + 1)
    maker.companies = [f.thing.name for f in world.facts if f.attribute.key == "founder"]
    pool = good_pairs(world, rng)
    rng.shuffle(pool)
    each = round(total * dirty / len(DEFECTS))
    spoilt: list[Pair] = [
        Pair(asked, answer, ((file, told),), KNOWN, truth=answer, known=True)
        for file, told, asked, answer in world.common[:each]
    ]
    twins: list[tuple[Pair, Pair]] = []
    for defect, spoil in SPOILERS.items():
        hops = defect == "wrong hop"
        fit = [p for p in pool if p.answerable and (p.kind == "multi_hop_across") == hops][:each]
        for pair in fit:
            pool.remove(pair)
            made = spoil(pair, world, maker)
            if made is not None:
                made = replace(made, defect=defect)
                twins.append((pair, made)) if defect == "duplicate" else spoilt.append(made)
    good = pool[: max(0, total - len(spoilt) - 2 * len(twins))]
    mixed = [*good, *spoilt, *(first for first, _ in twins)]
    rng.shuffle(mixed)
    place = {id(pair): at for at, pair in enumerate(mixed)}
    for first, again in twins:
        mixed.insert(rng.randint(place[id(first)] + 1, len(mixed)), again)
    return mixed
