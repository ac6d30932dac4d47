"""Whether an English question stands without its passage: what it points at, and what its pronouns stand for.

A definite description ("the company") needs something that says which one: a name, a number, code or a title anywhere
in the question, or a phrase or clause after it ("the capital of France", "the company that built the bridge"). What is
one of its kind ("the brain", "the internet"), and what a general question brings in itself ("If an employee leaves
the company …"), needs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ragset.kit.question_form_words import (
    AUX,
    CODE,
    PLAIN_VERBS,
    QUOTED,
    STOP,
    WH,
    WORD,
    bare,
    uncased,
    word_set,
    words_of,
)

_PRONOUNS = word_set("it its itself they them their theirs themselves he him his himself she her hers herself")
_VAGUE = word_set(
    "process method way thing approach option case problem issue example result reason answer question value type name "
    "number goal idea concept difference step point part item file code function class object field line word set "
    "group situation change feature system tool user pattern model program form device machine command key data "
    "researcher researchers speaker writer person man woman"
)
_ONE_OF_MANY = word_set(
    "company organization organisation firm corporation study experiment survey report paper review project author "
    "authors event festival team club town village city country building museum ship vessel book novel film movie "
    "bridge product device hotel school university airport"
)
_UNIQUE = word_set(
    "brain heart liver lung lungs kidney kidneys skin eye eyes ear ears stomach body blood sun moon earth sky "
    "sea ocean world universe internet web atmosphere environment weather future past present government president "
    "pope economy market law police army public us uk un eu usa bible koran quran"
)
_TIMES = word_set("year week month season century decade day morning evening summer winter time")
_GENERAL = re.compile(r"\b(?:an?|any|each|every|someone|somebody|anyone|you|your|i|we|our|one)\b", re.IGNORECASE)

_FRAGMENT = "passage|excerpt|snippet|paragraph"
_PLACE = "text|document|article|context|section|chapter|page|table|figure|diagram|content|material|source|image|chart"
_REPORTS = "say|show|mention|describe|state|discuss|explain|tell|suggest|refer|author|report|indicate|outline|list"
_HERE = re.compile(
    rf"\b(?:(?:this|these|above|following|given|provided|preceding|aforementioned) (?:{_FRAGMENT}|{_PLACE})s?\b"
    rf"|(?:the|an?) (?:{_FRAGMENT})s?\b(?! (?:of|through|between|from|into|to|in)\b)"
    rf"|(?:according to|based on|(?:as )?(?:described|mentioned|stated|discussed|shown|given|listed|explained|"
    rf"presented|"
    rf"provided) (?:in|by)|per) the (?:{_PLACE}|{_FRAGMENT})s?\b(?! of\b)"
    rf"|^(?:in|from|within) the (?:{_PLACE})s?\b(?! of\b)"
    rf"|the (?:{_PLACE})s? (?:above|below|provided|given|(?:{_REPORTS})\w*)\b)",
    re.IGNORECASE,
)
_AT_END = re.compile(
    rf"\b(?:in|from|by) the (?:{_PLACE})s?\s*[?.]|^what (?:is|are|does) the (?:{_PLACE})s? (?:about|do)\b", re.I
)
_FOLLOWING = re.compile(
    r"\b(?:which|who|what|any|each|one|all) (?:one )?(?:of|among) the following\b|\bthe following\b|\bas follows\b"
    r"|\b(?:mentioned|shown|listed|described|given|discussed|stated) (?:above|below|here|earlier)\b"
    r"|\b(?:above|below)\s*[?,.]|\bthe aforementioned\b|\b(?:figure|table|listing) (?:above|below)\b"
    r"|\bthe (?:former|latter)(?=\s*(?:[?,.;]|$|(?:and|or|is|are|was|were|do|does|did)\b))",
    re.IGNORECASE,
)
_PASSAGE = (
    "text|textes?|texto|testo|tekst|abschnitt|dokument|artikel|passagem?|pasaje|brano|documento?|documenti?|artículo"
)
_ELSEWHERE = re.compile(
    rf"\b(?:laut (?:dem|diesem)|gemäß (?:dem|diesem)|in diesem|im obigen|selon (?:le|ce|l')|d'après (?:le|ce)|dans ce"
    rf"|según (?:el|este)|en este|secondo (?:il|questo)|in questo|segundo o|de acordo com o|neste|volgens de|"
    rf"in deze)\s*"
    rf"(?:{_PASSAGE})\b",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"\b(?:passages?|pasajes?|passagg[io]|passagen|passage[mn]s?|excerpts?|readers?)\s*(?:#|no\.|nr\.|"
    r"number)?\s*\d{1,2}\b(?!\s*times)",
    re.IGNORECASE,
)
_EXPLETIVE = re.compile(
    r"(?:be |is |was |become |becomes )?(?:not |so |more |less |most |very )?(?:possible|impossible|necessary|"
    r"important|"
    r"recommended|required|better|best|safe|safer|unsafe|allowed|useful|worth|advisable|appropriate|okay|permitted|"
    r"difficult|hard|harder|easy|easier|common|likely|unlikely|dangerous|legal|illegal|wise|rare|normal|good|bad|"
    r"helpful|essential|crucial|critical|preferable|acceptable|law|clear|customary|a good idea|"
    r"dark|light|cold|warm|hot|late|rain|snow|"
    r"(?:called|named|termed|believed|thought|said|known|estimated|assumed|argued|considered|claimed) (?:when|"
    r"if|that|to)|"
    r"get (?:dark|cold|light|warm|hot)|take\b.{1,60}\bto|take to|cost to|mean (?:to|when|that|for|if))\b",
    re.IGNORECASE,
)
_RELATIVE = word_set("who of with that whose which in for from having at on under by to not without")
_AFTER_DEFINITE = word_set(
    "of for to in that who on with between from behind which when by where whose at called named"
)
_POINTS = word_set("is are was were does did can could will would should if about like after")


def context_problems(question: str) -> Iterator[str]:
    """Tell why an English question needs its passage: at most one thing it points at, one pronoun, one description."""
    text = bare(question)
    here = _HERE.search(text) or _FOLLOWING.search(text) or (None if _anchored(question) else _AT_END.search(text))
    if here:
        yield f"points at its page: '{here.group().strip(' ?.,')}'"
    words = words_of(question)
    for at, word in enumerate(words):
        detail = _loose_word(question, words, at, word.lower())
        if detail:
            yield detail
            return
    yield from _loose_definite(question, words)


def points_at_prompt(text: str) -> str:
    """Give the words with which a text in any language points at a passage of the prompt, or at its own text."""
    found = _LABEL.search(bare(text)) or _ELSEWHERE.search(bare(text))
    return found.group() if found else ""


def _loose_word(question: str, words: Sequence[str], at: int, word: str) -> str:
    before, after = words[:at], [w.lower() for w in words[at + 1 :]]
    if word in _PRONOUNS and not (_has_antecedent(before) or _stands(question, words, at)):
        return f"dangling pronoun '{word}'"
    if word in {"this", "these"} and not (_names_again(before, after) or _clause_before(question, before)):
        return f"dangling demonstrative '{word}'"
    if word == "those" and not (_has_antecedent(before) or _RELATIVE & set(after[:3])):
        return "dangling demonstrative 'those'"
    last = words[at - 1].lower() if at else ""
    if word in {"that", "that's"} and (not after or word == "that's" or last in _POINTS):
        return "" if _clause_before(question, before) else "dangling demonstrative 'that'"
    return ""


def _stands(question: str, words: Sequence[str], at: int) -> bool:
    """Tell pronouns that point at nothing ("is it possible to …"), or at a name that comes after them."""
    word, rest = words[at].lower(), " ".join(words[at + 1 :])
    if word == "it" and _EXPLETIVE.match(rest):
        return True
    if word == "they" and uncased(question):  # as one types: "when do they throw fish at pike place market"
        return sum(w.lower() not in STOP for w in words) >= 3
    opens = words[0].lower() not in WH | AUX  # "Other than his achievements, what was Tesla famous for?"
    return opens and any(w[:1].isupper() for w in words[at + 1 :])


def _names_again(before: Sequence[str], after: Sequence[str]) -> bool:
    """Tell "this year", and "these albums" after "studio albums"."""
    if after and after[0] in _TIMES:
        return True
    nouns = {w.rstrip("s") for w in after[:2] if w not in STOP}
    return any(w.lower().rstrip("s") in nouns for w in before)


def _clause_before(question: str, before: Sequence[str]) -> bool:
    """Tell whether a clause or sentence with something to point at stands before."""
    lead = re.split(r"[,.;:]\s", bare(question))[0]
    said = [w for w in words_of(lead) if w.lower() not in STOP]
    return len(said) >= 2 and len(before) >= len(words_of(lead))


def _has_antecedent(before: Sequence[str]) -> bool:
    return any(w.lower() not in STOP and w.lower() not in PLAIN_VERBS for w in before)


def _loose_definite(question: str, words: Sequence[str]) -> Iterator[str]:
    if _anchored(question):
        return
    typed, general = uncased(question), bool(_GENERAL.search(question))
    facts = [w.lower() for w in words if w.lower() not in STOP | PLAIN_VERBS]
    things = [w for w in facts if not w.endswith(("ed", "ing"))]
    for at, word in enumerate(words[:-1]):
        if word.lower() != "the" or not _is_alone(words, at):
            continue
        noun = words[at + 1].lower().removesuffix("'s")
        forms = {noun, noun.removesuffix("s")}
        one_of_many = bool(forms & _ONE_OF_MANY) and not general and not typed
        vague = bool(forms & _VAGUE) and len(facts) <= 4
        lone = len(things) <= 1 and not typed and not noun.endswith("s") and not forms & _UNIQUE
        if one_of_many or vague or lone:
            yield f"the question does not say which '{noun}' is meant"
            return


def _is_alone(words: Sequence[str], at: int) -> bool:
    """Tell whether the noun after ``the`` has nothing with it that says which one."""
    noun = words[at + 1].lower()
    after = words[at + 2].lower() if at + 2 < len(words) else ""
    if noun.endswith("'s"):
        return True
    if after in _AFTER_DEFINITE or (
        after in {"the", "a", "an", "you", "it", "he", "she", "they"} and len(words) > at + 4
    ):
        return False  # "the company the businessmen financed"
    vague = noun in _VAGUE or noun.removesuffix("s") in _VAGUE
    return not after or after in STOP or after in PLAIN_VERBS or after.endswith(("ed", "s") if vague else "ed")


def _anchored(question: str) -> bool:
    """Tell whether anything in the question names something: code, a quoted title, a name, a number, an acronym."""
    if CODE.search(question) or QUOTED.search(question) or re.search(r"\d|\w[_/.]\w", question):
        return True
    return any(w[:1].isupper() for w in WORD.findall(question)[1:] if w != "I") or bool(
        re.search(r"\b[A-Z]{2,}\b", question)
    )
