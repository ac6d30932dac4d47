"""Words and small readings that the checks of a question share."""

from __future__ import annotations

import re

from ragset.kit.languages import detect, other_language


def word_set(words: str) -> frozenset[str]:
    """Make a set of the words of a string, which reads better than a list of quoted ones."""
    return frozenset(words.split())


WH = word_set("what which who whom whose when where why how")
AUX = word_set(
    "is are was were do does did can could may might must shall should will would has have had am isn't aren't "
    "don't doesn't didn't can't couldn't wouldn't shouldn't won't"
)
ASKS = word_set(
    "explain describe list name compare summarize summarise define identify outline give tell show state discuss "
    "contrast provide specify calculate walk find mention clarify elaborate suppose consider"
)
ENGLISH = WH | AUX | ASKS | word_set("the a an of to in for and or with on by that you it if from at be")
FOREIGN = word_set(
    "der die das ein eine ist sind und wie warum wo wer welche welcher welches den dem für mit von zu nicht werden "
    "kann le la les un une est sont et que qu quel quelle quels quelles comment pourquoi où qui des du dans avec pour "
    "el los las es son y qué cuál cómo por dónde quién del con para il lo gli che cosa come perché di della sono "
    "qual quando quanto cuando cuándo cuántos wann quand os uma são não onde quem é "
    "het een zijn wat hoe waarom wie van met och är vad hur"
)
STOP = ENGLISH | word_set(
    "this these those they them their its his her he she we us our your my me i not no so than then there here into "
    "as but about any all some such only also each every been being more most other one per via up out over under "
    "according say says said mean means used use uses using called get"
)
PLAIN_VERBS = ASKS | word_set(
    "happen happens work works use run do make call matter apply set need take give start stop write read get find "
    "explain change create add remove enable disable install configure choose know want"
)

CODE = re.compile(r"`[^`\n]+`")
QUOTED = re.compile(r"“[^“”]*”|\"[^\"]*\"|«[^«»]*»|„[^„“”]*[“”]")
_FRAME = re.compile(
    r"^\s*(?:according to|based on|in|per|as|for|from)\b[^,?“”\"]{0,80}(?:“[^“”]*”|\"[^\"]*\")[^,?“”\"]{0,80},"
    r"|\bdo(?:es)? (?:“[^“”]*”|\"[^\"]*\") (?=say|state|tell|mention|list|write)",
    re.IGNORECASE,
)
WORD = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*")


def bare(text: str) -> str:
    """Replace code and quoted titles by a plain word: what they hold is not the question's own wording."""
    return QUOTED.sub("Quoted", CODE.sub("Code", text))


def without_frame(question: str) -> str:
    """Take away the title of the text that a question wants to be looked into: it is not what is asked about."""
    return _FRAME.sub(" ", question)


READ = 5000
"""Characters that tell the language of a text."""


def words_of(text: str) -> list[str]:
    """Give the words of a question, code and titles as one word each."""
    return [w.replace("’", "'") for w in WORD.findall(bare(text))]


def uncased(text: str) -> bool:
    """Tell a text typed without capitals: in it no name can be told from a common noun."""
    own = QUOTED.sub(" ", CODE.sub(" ", text))
    return not any(word[:1].isupper() for word in WORD.findall(own) if word != "I")


def is_english(text: str) -> bool:
    """Tell whether a text reads as English: by its function words, and no other language is clearly its own."""
    text = text[:READ]
    words = [w.lower() for w in WORD.findall(bare(text))]
    own = sum(w in STOP for w in words)
    foreign = sum(w in FOREIGN for w in words)
    if own <= foreign or (foreign and words[0] in FOREIGN):
        return False
    known = detect(text)
    return known == "en" or (known is None and other_language(text, "en") is None)
