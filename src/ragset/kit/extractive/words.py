"""Closed-class words and small lists that the rules share. No tagger, no download."""

from __future__ import annotations

from ragset.kit.question_form import word_set

PRONOUNS = word_set(
    "i me my mine we us our ours he him his she her hers it its they them their theirs this that these those "
    "itself himself herself themselves ourselves one ones someone something anyone anything everyone everything"
)
"""Words that point at something said before (or at the speaker)."""

SPEAKER = word_set("i me my mine we us our ours let's i'm i've i'd i'll we're we've we'll we'd")

DETERMINERS = word_set("a an the each every any all some no both either neither another other such")

ARTICLES = word_set("a an the")

BE = word_set("is are was were")

MODALS = word_set("can could may might must shall should will would cannot")

AUXILIARIES = BE | MODALS | word_set("has have had does do did")

PREPOSITIONS = word_set(
    "of in on at to for from with without by about against among around as across after before behind below above "
    "beneath beside between beyond during except inside into like near off onto out outside over past per since "
    "through throughout toward towards under until up upon via within along despite than regarding"
)

CONJUNCTIONS = word_set(
    "and or but nor so yet because although though while whereas if unless when whenever where wherever whether "
    "that which who whom whose once"
)

CLAUSE_WORDS = word_set(
    "that which who whom whose whether because although though while whereas if unless when where how why what"
)

ADVERBS = word_set(
    "also only just even still already always never often sometimes usually generally typically however therefore "
    "then there here now thus hence instead otherwise moreover furthermore additionally finally first second third "
    "next again later soon currently recently perhaps maybe too very quite rather almost both not well far more most "
    "less least indeed today yesterday tomorrow nonetheless nevertheless meanwhile afterwards accordingly"
)

VAGUE_STARTS = (
    PRONOUNS
    | ADVERBS
    | CONJUNCTIONS
    | PREPOSITIONS
    | word_set(
        "tip caution warning important many most some several few none such same another other others both either "
        "neither what how why you your "
        "much little enough half part yes no note example examples please thanks everything nothing former latter "
        "further aside besides similarly likewise conversely specifically basically essentially obviously "
        "unfortunately fortunately ideally alternatively optionally eventually ultimately originally initially "
        "elsewhere somewhere nowhere inside outside up down back close far till anyone nobody multiple various "
        "numerous additional certain different respective "
        "depending according given based using due following unlike having being doing done"
    )
)
"""Words with which no subject begins that a reader could understand without the sentence before."""

GENERIC_NOUNS = word_set(
    "process method way thing things approach option options case cases problem problems issue issues example examples "
    "result results reason reasons answer question section chapter page document text paragraph list table figure "
    "image form item items step steps point points part parts value values default type types kind kinds name names "
    "number numbers amount rest goal idea concept difference main first second third last next previous following "
    "above below former latter same other others only best key file files code function class object field line "
    "lines word words set group groups situation change changes feature features system tool tools user users time "
    "date day days year years fact rule rules purpose person people place data information program project team "
    "model author authors latter advantage disadvantage solution exception note effect effort event man woman boy "
    "girl matter objective aim amount total request study cause error lot kinds sorts means start end "
    "beginning top bottom"
)
"""Nouns that name nothing by themselves: "the process", "the form"."""

EMPTY_PREDICATES = word_set(
    "good great bad better best important crucial critical key common different similar same possible impossible "
    "necessary lot number bit few couple matter must case result problem issue reason thing way opportunity feature "
    "shame pity mistake challenge concern little big major significant essential vital useful nice simple easy hard "
    "difficult most popular well-known certain given further separate single various only first second third last next "
    "integral duty simply clear clearest example exception step start beginning end nightmare goal fact aim "
    "objective idea point following answer"
)
"""First content words of predicates that define nothing: "X is a good idea", "X is an important step"."""

PERSON_NOUNS = word_set(
    "person man woman author writer actor actress politician scientist engineer president minister king queen "
    "student teacher professor character singer musician player coach founder leader officer seamstress physician "
    "doctor lawyer philosopher economist poet painter artist developer creator director chairman journalist soldier "
    "general bishop priest explorer inventor mathematician physicist chemist biologist historian novelist"
)

GENERIC_HEADINGS = word_set(
    "introduction overview background summary conclusion conclusions contents content index appendix references "
    "reference notes note general miscellaneous other others examples example usage installation faq preface foreword "
    "abstract about home readme description details more resources links see-also changelog glossary definitions "
    "table-of-contents acknowledgements acknowledgments bibliography license licence copyright untitled document "
    "frequently asked questions question features installation quickstart concepts documentation guide "
    "manual page sheet sheet1 slide title test "
    "sample data file text main next-steps"
)

ELSEWHERE = (
    "see ", "refer to", "check out", "click here", "read more", "learn more", "as follows", "on page",
    "instructions for line", "the following", "below", "above", "the next section", "the previous",
    "this section", "this chapter", "this page", "this guide",
    "this document", "this article", "described in", "discussed in", "listed in", "visit ", "available at",
    "shown in", "figure ", "in appendix", "in attachment", "for details", "for more information", "contact us",
)  # fmt: skip
"""Phrases by which a sentence sends its reader elsewhere: it is no answer."""

ENGLISH = word_set(
    "the of and to in a is that for it as with are on by be this or from an at not you which have can has was were "
    "will if when but must may should all any more other their its your use used"
)

ABBREVIATED = word_set(
    "e.g i.e etc vs cf no fig figs eq sec ch vol ed eds approx est dept inc ltd co corp mr mrs ms dr prof st jr sr gen "
    "u.s u.k u.n a.m p.m al pp p par jan feb mar apr jun jul aug sep sept oct nov dec pub rev reg art ser ann div"
)
"""Abbreviations after which a full stop ends no sentence."""
