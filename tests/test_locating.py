"""Quotes are found in the canonical text, but for white space and typography, and what is stored is the text itself."""

from __future__ import annotations

import pytest

from conftest import make_chunk
from ragset.kit.locating import locate, locate_all

TEXT = (
    "Tides of the bay\n\n"
    "The bay’s tides rise by  twelve\nmetres — the “highest” of the coast. They turn every six hours.\n\n"
    "The cafe\u0301 on the pier (300 metres, 3.5 euros) sells ﬁsh… and re\u00adsoles shoes."
)


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("They turn every six hours", "They turn every six hours"),
        ("bay's tides rise by twelve metres", "bay’s tides rise by  twelve\nmetres"),
        ('metres - the "highest" of the coast.', "metres — the “highest” of the coast."),
        ("  They turn every six hours.\n", "They turn every six hours."),
        ('"They turn every six hours."', "They turn every six hours."),
        ("«They turn every six hours.»", "They turn every six hours."),
        ("The café on the pier", "The cafe\u0301 on the pier"),
        ("The cafe\u0301 on", "The cafe\u0301 on"),
        ("The\u00a0café  on", "The cafe\u0301 on"),
        ("sells fish...", "sells ﬁsh…"),
        ("resoles shoes", "re\u00adsoles shoes"),
        ("sells fish... and re-soles", None),
        ("The cafe", "The cafe"),
        ("The pier is 400 metres long.", None),
        ("they turn every six hours", None),
        ("pier (30", None),
        ("5 euros", None),
        ("300 metres, 3", None),
        ("300 metres", "300 metres"),
        ("", None),
        (" \u200b ", None),
        ("…", None),
        ("\"'", None),
    ],
)
def test_quotes_are_located_in_the_canonical_text(quote: str, found: str | None) -> None:
    chunk = make_chunk(text=TEXT).model_copy(update={"start": 40, "end": 40 + len(TEXT)})
    evidence = locate(quote, [chunk])
    assert (evidence.quote if evidence else None) == found
    if evidence:
        assert TEXT[evidence.start - 40 : evidence.end - 40] == found


def test_the_bare_e_of_an_accented_letter_is_no_hit_when_typography_is_folded() -> None:
    chunk = make_chunk(text="The  café is open.")
    assert locate("The cafe", [chunk]) is None
    assert locate("The café", [chunk]) is not None


def test_a_number_is_looked_for_further_on_when_the_first_place_cuts_another() -> None:
    chunk = make_chunk(text="The pier has 300 lamps and 30 boats.")
    evidence = locate("30", [chunk])
    assert evidence is not None
    assert evidence.start == chunk.text.index("30 boats")


def test_all_quotes_in_as_few_chunks_as_they_allow() -> None:
    first = make_chunk(0, "c/a.md", "All rights reserved. The pier is long.")
    second = make_chunk(0, "c/b.md", "All rights reserved. The bay is deep.")
    quotes = ["All rights reserved.", "The bay is deep."]
    evidence, gold, missing = locate_all(quotes, [first, second])
    assert ([span.document_id for span in evidence], gold, missing) == (["c/b.md", "c/b.md"], [1], None)
    evidence, gold, missing = locate_all(["The bay is deep.", "The pier is long."], [first, second])
    assert ([span.document_id for span in evidence], gold, missing) == (["c/b.md", "c/a.md"], [0, 1], None)
    assert locate_all(["The bay is deep.", "nowhere"], [first, second]) == ([], [], "nowhere")
    assert locate_all([], [first]) == ([], [], None)


def test_an_exact_quote_goes_before_a_tolerant_one() -> None:
    loose, exact = make_chunk(0, "c/a.md", "The  pier is long."), make_chunk(0, "c/b.md", "The pier is long.")
    evidence = locate("The pier is long.", [loose, exact])
    assert evidence is not None
    assert evidence.document_id == "c/b.md"
