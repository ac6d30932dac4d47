"""Question-answer pairs made by rule from a writing prompt: what a rehearsal gives where a model would write.

The passages are read back from the fenced blocks of the prompt, what each pair must be from its lines ``Pair 1: …``.
Answers and quotes are whole sentences of the passages, so that they are found there; questions are made of the rarest
phrases of those sentences, so that retrieval finds them. Neighbouring asks and siblings take different sentences.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any

from ragset.kit.axes import uniform
from ragset.kit.extractive import candidates
from ragset.kit.languages import code_of, detect, holds_number
from ragset.kit.measures import STOPWORDS
from ragset.kit.pair_labels import SHORT
from ragset.kit.rehearsed_text import TOKEN, Block, Sentence, apart, blocks_of, sentences_of, without_blocks
from ragset.schema.documents import Chunk

Json = dict[str, Any]

PAIRS = 3
"""Pairs that are written when a prompt does not say."""
_YEARS = (1843, 1871, 1902, 1934)

_PAIR = re.compile(r"^Pair (\d+): (.*)$", re.MULTILINE)
_COUNT = re.compile(r"\bWrite (?:these |this |up to )?(\d+)\b")
_TYPE = re.compile(r"\btype: ([\w /-]+?)\s*(?:[(;,.]|\Z)")
_LANGUAGE = re.compile(r"\blanguage: [^;()]*\(([A-Za-z]{2}[\w-]*)\)")
_STYLE = re.compile(r"\bstyle of the question: ([\w-]+)")
_LENGTH = re.compile(r"\blength of the answer: ([\w-]+)")


@dataclass(frozen=True, slots=True)
class _Want:
    """What one pair must be."""

    number: int
    kind: str = ""
    language: str = ""
    style: str = ""
    length: str = ""


@dataclass(slots=True)
class _Material:
    """What there is to write about, and what siblings have taken of it."""

    passages: list[Block]
    sentences: list[Sentence]
    start: int
    prompt: str
    taken: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])

    def take(self, fits: Iterable[Sentence] = ()) -> Sentence:
        """Take a sentence that no sibling has, of those that fit best when any is left."""
        pool = list(fits) or self.sentences
        order = pool[self.start % len(pool) :] + pool[: self.start % len(pool)]
        found = next((s for s in order if (s.passage, s.at) not in self.taken), order[0])
        self.taken.add((found.passage, found.at))
        return found

    def after(self, sentence: Sentence, count: int) -> list[Sentence]:
        """Give up to ``count`` sentences that follow in the same passage; at its end, those before."""
        same = [s for s in self.sentences if s.passage == sentence.passage]
        at = same.index(sentence)
        return (same[at + 1 :] + same[:at][::-1])[:count]

    def elsewhere(self, sentence: Sentence, *, other_document: bool) -> Sentence | None:
        """Take a sentence of another passage, of another document where there is one."""
        others = [s for s in self.sentences if s.passage != sentence.passage]
        title = self.passages[sentence.passage].said("Document")
        far = [s for s in others if self.passages[s.passage].said("Document") != title]
        near = [s for s in others if s not in far]
        pool = (far or near) if other_document else (near or far)
        return self.take(pool) if pool else None


def pairs_of(prompt: str, variant: int = 0) -> list[Json]:
    """Write the pairs a prompt asks for; ``variant`` tells asks apart that are otherwise equal."""
    passages = [block for block in blocks_of(prompt) if not block.label.startswith("Reader")]
    wants = _wants(without_blocks(prompt))
    found = sentences_of(tuple(passages))
    if not found:
        return []
    material = _Material(passages, list(found), variant * len(wants), prompt)
    return [_pair(want, material, variant) for want in wants]


def asked_in(question: str) -> list[str]:
    """Give the parts of a multi-hop question that was made here; any other question is one part."""
    found = (pattern.search(question) for pattern in _hop_patterns())
    match = next((match for match in found if match), None)
    if match is None:
        return [question]
    said = match.groupdict()
    return [f"{said.get(title) or ''} {said[part]}".strip() for title, part in (("t1", "one"), ("t2", "two"))]


@lru_cache(maxsize=1)
def _hop_patterns() -> list[re.Pattern[str]]:
    texts = [says[kind] for kind in ("multi_hop_across", "multi_hop") for says in _all_phrases().values()]
    return [re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(text)), re.IGNORECASE) for text in texts]


def without_yes(text: str) -> str:
    """Take the yes out of answers made here, each of which repeats its sentence after it."""
    return re.sub(rf'"(?:{"|".join(says["yes"] for says in _all_phrases().values())}): ', '"', text)


def _wants(prompt: str) -> list[_Want]:
    said = [
        _Want(int(number), _first(_TYPE, line), _first(_LANGUAGE, line), _first(_STYLE, line), _first(_LENGTH, line))
        for number, line in _PAIR.findall(prompt)
    ]
    count = _COUNT.search(prompt)
    return said or [_Want(number) for number in range(1, 1 + (int(count[1]) if count else PAIRS))]


def _first(pattern: re.Pattern[str], line: str) -> str:
    match = pattern.search(line)
    return "" if not match or match[1].startswith("the one ") else match[1].strip()


def _pair(want: _Want, material: _Material, variant: int) -> Json:
    kind = want.kind.lower().replace("-", "_").replace(" ", "_").replace("/", "_")
    kind = kind if kind in _MAKERS else "fact"
    language = code_of(want.language) or _language(material)
    phrases = _phrases_in(language)
    made = _MAKERS[kind](material, phrases, want, variant)
    question = _styled(made["question"], want, phrases, variant + want.number)
    base = {"pair": want.number, "question": question, "question_type": want.kind or kind, "language": language}
    return {"why_unanswerable": None, "history": []} | made | base


def _language(material: _Material) -> str:
    return detect(" ".join(s.text for s in material.sentences[:6])) or "en"


@lru_cache(maxsize=1)
def _all_phrases() -> dict[str, dict[str, str]]:
    path = files("ragset.kit") / "rehearsal_phrases.json"
    return json.loads(path.read_text(encoding="utf-8"))


def _phrases_in(language: str) -> dict[str, str]:
    return _all_phrases().get(language) or _all_phrases()["en"]


def _ask(kind: str, says: dict[str, str], phrases: Sequence[str], year: int = 0) -> str:
    """Fill a question in; where there are fewer phrases than it has room for, it is made shorter."""
    chosen = list(dict.fromkeys(phrases))
    slots = re.findall(r"\{([a-d])\}", says[kind])
    if len(chosen) >= len(slots):
        return says[kind].format(**dict(zip(slots, chosen, strict=False)), year=year)
    text = f" {says['and']} ".join(chosen)
    return re.sub(r"\{a\}.*\{[b-d]\}", lambda _: text, says[kind], count=1).format(a=text, year=year)


def _fact(material: _Material, says: dict[str, str], want: _Want, variant: int) -> Json:
    """Ask what one sentence says: by the extractive writer's rules where they find a question."""
    if says is _all_phrases()["en"] and want.length != "paragraph":
        found = next(_extracted(material, SHORT if want.length == "short" else 1000), None)
        if found:
            return found
    sentence = material.take(_short_ones(material, want))
    title = material.passages[sentence.passage].said("Document")
    around = material.start // max(1, len(material.sentences)) % max(1, len(sentence.phrases))
    phrases = sentence.phrases[around:] + sentence.phrases[:around]  # a chunk that is asked often tells little new
    question = _ask("fact", says, phrases[:3])
    return _answered(question, _answer(sentence, material, want), says=says, title=title)


def _short_ones(material: _Material, want: _Want) -> list[Sentence]:
    short = [s for s in material.sentences if len(s.text.split()) <= SHORT] if want.length == "short" else []
    return [s for s in short if (s.passage, s.at) not in material.taken]


def _extracted(material: _Material, longest: int) -> Iterator[Json]:
    """Yield what the extractive rules ask of the passages, from where this ask starts, sentences not taken first."""
    first = material.sentences[material.start % len(material.sentences)].passage
    for passage in (*range(first, len(material.passages)), *range(first)):
        block = material.passages[passage]
        found = _candidates(block.body, block.said("Document"), block.said("Section"))
        turn = material.start % (len(found) + len(material.sentences))  # then come the sentences as they are
        for question, answer, support, at in found[turn:]:
            if (passage, -1 - at) not in material.taken and len(answer.split()) <= longest:
                near = [s for s in material.sentences if s.passage == passage and s.text in support]
                material.taken |= {(passage, -1 - at), *((s.passage, s.at) for s in near)}
                quotes = list(dict.fromkeys((support, answer) if answer not in support else (support,)))
                yield {"question": question, "answer": answer, "quotes": quotes}


@lru_cache(maxsize=1024)
def _candidates(text: str, title: str, section: str) -> list[tuple[str, str, str, int]]:
    headings = tuple(h for h in section.split(" > ") if h)
    chunk = Chunk(
        id=Chunk.make_id(title, text, 0), document_id=title or "rehearsal", version="", title=title, text=text,
        start=0, end=len(text), ordinal=0, headings=headings,
    )  # fmt: skip
    return [(c.question, c.answer.text, c.support.text, at) for at, c in enumerate(candidates(chunk))]


def _answer(sentence: Sentence, material: _Material, want: _Want) -> list[str]:
    """Give the sentences of an answer of the wanted length."""
    if want.length == "paragraph":
        return [sentence.text, *(s.text for s in material.after(sentence, 2))]
    if want.length == "short":
        clauses = [clause.strip() for clause in re.split(r"[,;:.]\s", sentence.text)]
        return [next((c for c in clauses if 3 <= len(c.split()) <= SHORT), sentence.text)]
    return [sentence.text]


def _answered(question: str, quotes: Sequence[str], *, says: dict[str, str], title: str = "") -> Json:
    """Make the pair; a question that leans on its document, or says little, names it."""
    answer = " ".join(_flat(q) for q in quotes)
    if title and title.lower() not in question.lower() and len(TOKEN.findall(question)) < 12:
        opening = says["within"].format(title=title)
        question = opening + question[:1].lower() + question[1:] if says["yes"] != "Ja" else opening + question
    return {"question": question, "answer": answer, "quotes": list(quotes)}


def _several(kind: str, count: int) -> Any:
    """Make a maker of questions whose answer is several sentences in a row."""

    def make(material: _Material, says: dict[str, str], want: _Want, variant: int) -> Json:
        first = material.take()
        more = material.after(first, count - 1)
        phrases = [p for pair in _interleaved([first.phrases, *(s.phrases for s in more)]) for p in pair]
        title = material.passages[first.passage].said("Document")
        texts = [first.text] if want.length in ("short", "sentence") else [first.text, *(s.text for s in more)]
        return _answered(_ask(kind, says, apart(phrases)), texts, says=says, title=title)

    return make


def _interleaved(lists: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    for at in range(max((len(one) for one in lists), default=0)):
        yield [one[at] for one in lists if at < len(one)]


def _numeric(material: _Material, says: dict[str, str], want: _Want, variant: int) -> Json:
    digits = [s for s in material.sentences if any(c.isdigit() for c in s.text)]
    sentence = material.take(digits or [s for s in material.sentences if holds_number(s.text)])
    title = material.passages[sentence.passage].said("Document")
    plain = [p for p in sentence.phrases if not any(c.isdigit() for c in p)] or _flat(sentence.text).split()[:2]
    return _answered(_ask("numeric", says, plain[:2]), [sentence.text], says=says, title=title)


def _yes_no(material: _Material, says: dict[str, str], want: _Want, variant: int) -> Json:
    sentence = material.take()
    title = material.passages[sentence.passage].said("Document")
    pair = _answered(_ask("yes_no", says, sentence.phrases[:3]), [sentence.text], says=says, title=title)
    return pair | {"answer": f"{says['yes']}: {pair['answer']}"}


def _hop(material: _Material, says: dict[str, str], want: _Want, variant: int) -> Json:
    first = material.take()
    second = material.elsewhere(first, other_document=want.kind.endswith("across"))
    if second is None:
        return _fact(material, says, want, variant)
    titles = [material.passages[s.passage].said("Document") for s in (first, second)]
    between = f" {says['and']} "
    one, two = (between.join(s.phrases[:3]) or _flat(s.text)[:40] for s in (first, second))
    kind = "multi_hop_across" if all(titles) and titles[0] != titles[1] else "multi_hop"
    question = says[kind].format(one=one, two=two, t1=titles[0], t2=titles[1])
    return _answered(question, [first.text, second.text], says=says)


def _unanswerable(material: _Material, says: dict[str, str], want: _Want, variant: int) -> Json:
    """Ask for what happened after a year that the passages do not name."""
    sentence = material.take()
    year = next((y for y in _YEARS if str(y) not in material.prompt), 1777)
    title = material.passages[sentence.passage].said("Document")
    pair = _answered(_ask("unanswerable", says, sentence.phrases[:2], year), [], says=says, title=title)
    why = _ask("why", says, sentence.phrases[:2], year)
    return pair | {"answer": None, "why_unanswerable": why}


def _follow_up(material: _Material, says: dict[str, str], want: _Want, variant: int) -> Json:
    before = material.take()
    sentence = material.take(material.after(before, 3))
    title = material.passages[before.passage].said("Document")
    asked = _answered(_ask("fact", says, before.phrases[:3]), [before.text], says=says, title=title)
    turns = [{"role": "user", "content": asked["question"]}, {"role": "assistant", "content": asked["answer"]}]
    texts = _answer(sentence, material, want)
    return _answered(_ask("follow_up", says, sentence.phrases[:2]), texts, says=says) | {"history": turns}


_MAKERS: dict[str, Any] = {
    "fact": _fact,
    "reasoning": _several("reasoning", 2),
    "summary": _several("summary", 3),
    "comparison": _several("comparison", 2),
    "procedure": _several("procedure", 3),
    "numeric": _numeric,
    "yes_no": _yes_no,
    "multi_hop": _hop,
    "multi_hop_across": _hop,
    "unanswerable": _unanswerable,
    "follow_up": _follow_up,
}


def _styled(question: str, want: _Want, says: dict[str, str], salt: int) -> str:
    if want.style == "keyword":
        words = [w for w in TOKEN.findall(question) if w.lower() not in STOPWORDS and len(w) > 2]
        return " ".join(dict.fromkeys(words[-7:])) or question
    if want.style == "conversational":
        return says["conversational"] + question[:1].lower() + question[1:]
    return _misspelt(question, salt) if want.style == "misspelt" else question


def _misspelt(question: str, salt: int) -> str:
    """Swap two letters within one plain word."""
    words = list(re.finditer(r"(?<!^)\b[a-zß-ÿ]{5,}\b", question))
    if not words:
        return question
    word = words[salt % len(words)]
    at = word.start() + 1 + int(uniform(question) * (len(word[0]) - 3))
    return question[:at] + question[at + 1] + question[at] + question[at + 2 :]


def _flat(text: str) -> str:
    return " ".join(text.split())
