"""Find a quote in chunks: exactly, else but for white space and typography.

What is found is the document's own text, with its offsets there. Words must agree letter by letter; a quote that
would cut a number (30 of 300, 5 of 3.5) is not found.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from ragset.schema.documents import Chunk
from ragset.schema.samples import Evidence

Span = tuple[int, int]

_TYPOGRAPHY = str.maketrans(
    {"‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "`": "'", "′": "'", "″": '"'}
    | dict.fromkeys("‐‑‒–—―−", "-")
)
_INVISIBLE = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff")
_QUOTATION = "\"'“”„‘’«»`"


def locate(quote: str, chunks: Sequence[Chunk]) -> Evidence | None:
    """Find a quote in the first chunk that holds it exactly, else in the first that holds it but for typography."""
    return next((evidence for _, evidence in _places(quote, chunks)), None)


def locate_all(quotes: Sequence[str], chunks: Sequence[Chunk]) -> tuple[list[Evidence], list[int], str | None]:
    """Find all quotes, in as few chunks as they allow.

    Gives the evidence, the indices of the chunks it lies in (in order), and the first quote that is nowhere.
    """
    found: list[dict[int, Evidence]] = []
    for quote in quotes:
        places = dict(_places(quote, chunks))
        if not places:
            return [], [], quote
        found.append(places)
    shared = set[int].intersection(*(set(places) for places in found)) if found else set[int]()
    if shared:
        one = min(shared)
        return list(dict.fromkeys(places[one] for places in found)), [one], None
    chosen = [next(iter(places.items())) for places in found]
    return list(dict.fromkeys(evidence for _, evidence in chosen)), sorted({at for at, _ in chosen}), None


def _places(quote: str, chunks: Sequence[Chunk]) -> Iterator[tuple[int, Evidence]]:
    """Yield (chunk index, evidence) for every chunk that holds the quote, the exact ones first."""
    for wanted in dict.fromkeys((quote.strip(), quote.strip().strip(_QUOTATION).strip())):
        if not any(char.isalnum() for char in wanted):
            return
        seen: set[int] = set()
        for look in (_exact, _tolerant):
            for at, chunk in enumerate(chunks):
                span = None if at in seen else look(wanted, chunk.text)
                if span is not None:
                    seen.add(at)
                    yield at, _evidence(chunk, *span)
        if seen:
            return


def _exact(wanted: str, text: str) -> Span | None:
    return _first(wanted, text, lambda start, end: True)


def _tolerant(wanted: str, text: str) -> Span | None:
    folded = folded_text(wanted)[0].strip()
    plain, offsets = folded_text(text)

    def whole(start: int, end: int) -> bool:
        return not (end < len(plain) and unicodedata.combining(plain[end]))  # the e of é is another letter

    span = _first(folded, plain, whole) if folded else None
    return (offsets[span[0]], offsets[span[1] - 1] + 1) if span else None


def _first(wanted: str, text: str, sound: Callable[[int, int], bool]) -> Span | None:
    at = text.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        if not _cuts_a_number(text, at, end) and sound(at, end):
            return at, end
        at = text.find(wanted, at + 1)
    return None


def _cuts_a_number(text: str, start: int, end: int) -> bool:
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    first, last = text[start], text[end - 1]
    opens = first.isdigit() and (before[-1:].isdigit() or (before[-1:] in (".", ",") and before[:1].isdigit()))
    return opens or (last.isdigit() and (after[:1].isdigit() or (after[:1] in (".", ",") and after[1:].isdigit())))


def _evidence(chunk: Chunk, start: int, end: int) -> Evidence:
    return Evidence(
        document_id=chunk.document_id,
        version=chunk.version,
        start=chunk.start + start,
        end=chunk.start + end,
        quote=chunk.text[start:end],
    )


@lru_cache(maxsize=4096)
def _folded(char: str) -> str:
    plain = unicodedata.normalize("NFKD", char.translate(_TYPOGRAPHY)).translate(_TYPOGRAPHY)
    return " " if plain.isspace() else plain


@lru_cache(maxsize=512)
def folded_text(text: str) -> tuple[str, list[int]]:
    """Fold typography and white space; the list gives the offset in ``text`` of each character that is left.

    Letters are decomposed, so that an accent is the same whether it is written as one character or as two.
    """
    out: list[str] = []
    offsets: list[int] = []
    for at, char in enumerate(text):
        if char in _INVISIBLE:
            continue
        for piece in _folded(char):
            if piece == " " and out and out[-1] == " ":
                continue
            out.append(piece)
            offsets.append(at)
    return "".join(out), offsets
