"""A world of known facts, and the documents that tell them: seeded, so that the same seed is the same world."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from defects.kinds import COMMON, KINDS, Attribute, Kind

STARTS = ("Bra", "Cal", "Dor", "El", "Fen", "Gar", "Hal", "Iv", "Jor", "Kel", "Lor", "Mar", "Nor", "Ost", "Pel", "Quin",
          "Ral", "Sel", "Tor", "Ul", "Ver", "Wen", "Yar", "Zan")  # fmt: skip
ENDS = ("bury", "dale", "feld", "gate", "holm", "ingen", "keth", "lin", "mond", "nick", "over", "quay", "rath", "stow",
        "thal", "vik", "wick", "zell")  # fmt: skip
MIDDLES = ("", "an", "el", "or")
FIRST = ("Ada", "Bruno", "Clara", "Dario", "Edith", "Felix", "Greta", "Hugo", "Irma", "Jonas", "Klara", "Linus", "Mira",
         "Nils", "Olga", "Pavel", "Rosa", "Stefan", "Thea", "Viktor")  # fmt: skip
LAST = ("Abernathy", "Brandt", "Castell", "Duvall", "Ekholm", "Farkas", "Grünwald", "Haddad", "Ivanova", "Jansen",
        "Kowalski", "Lindqvist", "Moreau", "Novak", "Okafor", "Petersen", "Quiroga", "Rossi", "Svensson", "Tanaka",
        "Ueda", "Vargas", "Weiss", "Yilmaz", "Zimmer")  # fmt: skip
WORDS = {
    "material": ("granite", "cast iron", "red brick", "steel", "oak timber", "limestone", "reinforced concrete"),
    "food": ("snails and worms", "berries", "small fish", "moss and lichen", "grasshoppers", "seeds", "tree sap"),
    "month": ("January", "February", "March", "April", "June", "July", "August", "September", "October", "November"),
}
RANGES = {"year": (1702, 1998), "metres": (40, 2400), "grams": (120, 4800), "hours": (4, 96), "euros": (90, 9400),
          "years": (2, 70), "count": (34, 9800)}  # fmt: skip


@dataclass(frozen=True)
class Fact:
    """One attribute of one thing: where it is told, in which words."""

    thing: Thing
    attribute: Attribute
    value: str
    sentence: str
    document: str

    def ask(self, at: int = 0) -> str:
        return self.attribute.asked[at].format(n=self.thing.name)

    def say(self, value: str | None = None) -> str:
        return self.attribute.answer.format(n=self.thing.name, v=value or self.value)


@dataclass(frozen=True)
class Thing:
    kind: Kind
    name: str


@dataclass(frozen=True)
class World:
    """Facts in the order they were made, documents by file name, and general knowledge by document."""

    facts: tuple[Fact, ...]
    documents: dict[str, str]
    common: tuple[tuple[str, str, str, str], ...]
    """Document, sentence, question, answer."""

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in self.documents.items():
            (folder / name).write_text(text, "utf-8")


class Maker:
    """Draws names and values; no two things share a name."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        stems = [a + m + b for a in STARTS for m in MIDDLES for b in ENDS]
        self.random.shuffle(stems)
        self.stems = iter(stems)
        self.companies: list[str] = []

    def name(self, kind: Kind) -> str:
        choice = re.search(r"\{([^{}]*\|[^{}]*)\}", kind.pattern)
        assert choice
        return kind.pattern.replace(choice[0], self.random.choice(choice[1].split("|"))).format(w=next(self.stems))

    def value(self, what: str) -> str:
        if what in WORDS:
            return self.random.choice(WORDS[what])
        if what in RANGES:
            return str(self.random.randint(*RANGES[what]))
        if what == "person":
            return f"{self.random.choice(FIRST)} {self.random.choice(LAST)}"
        if what == "company":
            return self.random.choice(self.companies)
        if what == "standard":
            return f"{self.random.choice(('EN', 'ISO', 'DIN'))} {self.random.randint(1000, 9999)}"
        if what == "sum":
            return f"{self.random.randint(11, 980)} euros"
        place = self.random.choice(STARTS) + self.random.choice(ENDS)
        return {"river": place, "town": place, "region": f"the {place} highlands"}[what]


def make_world(seed: int, documents: int) -> World:
    """Make ``documents`` things, one document each; companies come first, so that devices can name their maker."""
    maker = Maker(seed)
    order = sorted((KINDS[at % len(KINDS)] for at in range(documents)), key=lambda kind: kind.name != "company")
    facts: list[Fact] = []
    texts: dict[str, str] = {}
    common: list[tuple[str, str, str, str]] = []
    for at, kind in enumerate(order):
        thing = Thing(kind, maker.name(kind))
        if kind.name == "company":
            maker.companies.append(thing.name)
        file = f"{re.sub('[^a-z0-9]+', '-', thing.name.lower())}.md"
        known = COMMON[at] if at < len(COMMON) else None
        own = tuple(_facts(thing, file, maker))
        facts += own
        texts[file] = _text(thing, own, known[0] if known else None, maker.random)
        if known:
            common.append((file, *known))
    return World(tuple(facts), texts, tuple(common))


def _facts(thing: Thing, file: str, maker: Maker) -> Iterator[Fact]:
    for attribute in thing.kind.attributes:
        value = maker.value(attribute.values)
        told = maker.random.choice(attribute.told)
        sentence = told.format(n=thing.name, v=value, V=value[0].upper() + value[1:])
        yield Fact(thing, attribute, value, sentence[0].upper() + sentence[1:], file)


def _text(thing: Thing, facts: tuple[Fact, ...], known: str | None, rng: random.Random) -> str:
    """Tell the facts in two paragraphs between sentences that say nothing anybody asks for."""
    filler = list(thing.kind.filler)
    rng.shuffle(filler)
    sentences = [fact.sentence for fact in facts]
    rng.shuffle(sentences)
    half = len(sentences) // 2
    first = [thing.kind.opening.format(n=thing.name), *sentences[:half], filler[0]]
    second = [*sentences[half:], *filler[1:]]
    third = f"\n\n## A school's question\n\nChildren who visit learn this first: {known}" if known else ""
    return f"# {thing.name}\n\n{' '.join(first)}\n\n## More about it\n\n{' '.join(second)}{third}\n"
