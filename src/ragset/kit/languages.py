"""Languages: their names for a prompt, and checks of the language a short text is written in.

:func:`detect` leans on scripts and on function words, and says nothing unless it is clear: it corrects labels, it does
not guess them. :func:`other_language` asks a trained identifier whether a text is *not* in the language it should be
in, which is easier to say of a short text than which language it is. Codes are those of ISO 639-1.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections import Counter
from functools import lru_cache
from typing import Any, cast

from ragset.schema.samples import Sample

_NAMES = """
ar=Arabic bg=Bulgarian bn=Bengali ca=Catalan cs=Czech cy=Welsh da=Danish de=German el=Greek en=English es=Spanish
et=Estonian eu=Basque fa=Persian fi=Finnish fr=French ga=Irish gl=Galician he=Hebrew hi=Hindi hr=Croatian hu=Hungarian
id=Indonesian is=Icelandic it=Italian ja=Japanese ka=Georgian ko=Korean la=Latin lt=Lithuanian lv=Latvian mk=Macedonian
ms=Malay mt=Maltese nl=Dutch no=Norwegian pl=Polish pt=Portuguese ro=Romanian ru=Russian sk=Slovak sl=Slovenian
sq=Albanian sr=Serbian sv=Swedish sw=Swahili ta=Tamil th=Thai tr=Turkish uk=Ukrainian ur=Urdu vi=Vietnamese zh=Chinese
"""
NAMES: dict[str, str] = {pair[:2]: pair[3:] for pair in _NAMES.split()}
"""English names of languages by their codes."""

_WORDS: dict[str, frozenset[str]] = {
    code: frozenset(words.split())
    for code, words in {
        "en": "the of and to is are was were what which who how why when where does do did in for with that this from "
        "by on an be it as at can has have should would you your between many much",
        "de": "der die das und ist sind war wie was welche welcher welches wer wo warum wann ein eine einen einem "
        "einer den dem des im zu für mit von auf nicht werden wird kann hat haben sich bei nach viele viel zwischen",
        "fr": "le la les des du et est sont était que quel quelle quels quelles qui comment pourquoi où quand un une "
        "dans pour avec sur par ce cette il elle ne pas au aux combien entre peut doit l d c'est qu'est",
        "es": "el la los las de del y es son era qué cuál cuáles quién cómo por dónde cuándo un una en para con que se "
        "su al lo cuánto cuántos cuántas entre puede no está",
        "it": "il lo la gli le di del della dei delle e è sono era che cosa quale quali chi come perché dove quando un "
        "una in per con si non al alla quanto quanti quante tra può nel nella",
        "pt": "o os a as de do da dos das e é são era que qual quais quem como por onde quando um uma em para com se "
        "não ao à quanto quantos quantas entre pode no na pelo está",
        "nl": "de het een en is zijn was wat welke wie hoe waarom waar wanneer van voor met op in niet te dat die aan "
        "wordt worden kan heeft bij naar hoeveel tussen er",
        "sv": "och är var vad vilken vilket vilka vem hur varför när en ett den det de som för med av på inte till kan "
        "har i mellan många mycket",
        "da": "og er var hvad hvilken hvilket hvilke hvem hvordan hvorfor hvor hvornår en et den det de som for med af "
        "på ikke til kan har i mellem mange meget",
        "no": "og er var hva hvilken hvilket hvilke hvem hvordan hvorfor hvor når en et den det de som for med av på "
        "ikke til kan har i mellom mange mye",
        "fi": "ja on ovat oli mikä mitä missä milloin miksi miten kuka kuinka ei se joka että kun sekä tai voi",
        "pl": "i w z na jest są był co jaki jaka jakie kto jak dlaczego gdzie kiedy nie do się że od po dla ile przez "
        "oraz czy między",
        "cs": "a v je jsou byl co jaký jaká jaké kdo jak proč kde kdy ne na se že od po pro kolik nebo mezi které",
        "tr": "ve bir bu ne nedir nasıl neden hangi kim nerede kaç için ile mi mı mu mü değil olan olarak arasında",
        "ro": "și este sunt era ce care cine cum de unde când un o în pentru cu nu la din pe cât câte între poate",
        "hu": "a az és egy hogy mi mit milyen melyik ki hogyan miért hol mikor nem van volt hány között vagy",
        "id": "dan yang di ke dari ini itu adalah apa siapa bagaimana mengapa kapan berapa dengan untuk pada tidak",
        "vi": "và là của có gì như thế nào tại sao ở đâu khi một trong cho với không được bao nhiêu các những",
        "ru": "и в на не что какой какая какие кто как почему где когда это с по для из от до ли был была сколько "
        "является между",
        "uk": "і й в у на не що який яка які хто як чому де коли це з по для від до чи був була скільки є між та",
        "bg": "и в на не какво какъв каква какви кой как защо къде кога това с по за от до ли е са беше колко между",
    }.items()
}
_SCRIPTS = {
    "GREEK": "el",
    "HEBREW": "he",
    "THAI": "th",
    "HANGUL": "ko",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "GEORGIAN": "ka",
    "TAMIL": "ta",
    "BENGALI": "bn",
}
"""Scripts that only one of the languages above is written in."""

YES_NO: dict[str, tuple[str, ...]] = {
    "en": ("yes", "no"),
    "de": ("ja", "nein", "doch"),
    "fr": ("oui", "non", "si"),
    "es": ("sí", "si", "no"),
    "it": ("sì", "si", "no"),
    "pt": ("sim", "não"),
    "nl": ("ja", "nee"),
    "sv": ("ja", "jo", "nej"),
    "da": ("ja", "jo", "nej"),
    "no": ("ja", "jo", "nei"),
    "fi": ("kyllä", "ei"),
    "pl": ("tak", "nie"),
    "cs": ("ano", "ne"),
    "tr": ("evet", "hayır"),
    "ro": ("da", "nu"),
    "hu": ("igen", "nem"),
    "ru": ("да", "нет"),
    "uk": ("так", "ні"),
    "bg": ("да", "не"),
    "el": ("ναι", "όχι"),
    "zh": ("是", "不", "否", "对", "没有", "有", "可以"),
    "ja": ("はい", "いいえ"),
    "ko": ("네", "예", "아니요", "아니오"),
}
"""How an answer to a yes-or-no question begins."""
QUESTION_LANGUAGE = "question_language"
"""Where the provenance says a question's language when it was matched with passages in another one."""
NOUNS_CAPITALISED = frozenset({"de"})
"""Languages that write every noun with a capital, so that one does not make a name."""

_UNSPOKEN = frozenset({"la"})
"""Languages that are quoted rather than written: a term of theirs says nothing."""
_IDENTIFIABLE = frozenset(NAMES) - _UNSPOKEN
IMPROBABLE, PROBABLE = 0.02, 0.5
"""A text is in another language when its own has at most the one probability, and the other at least the other.

Of 4,000 human English questions not one is taken for another language; of 5,300 short sentences in 49 other languages
95 % are told from English, and none from its own language.
"""
SURE_WORDS = 12
"""Words, names left out, from which the language of a text may be known by the identifier alone."""
CERTAIN = 0.99
"""Probability from which the language of a long text is known."""
MIN_WORDS = 3
"""Words below which a text, its names left out, is too short to tell."""
LONG = 600
"""Characters that are looked at: more make no difference."""

_OPENS = "\"'“„«*¡¿"
_NO_NO = re.compile(
    r"no(?:\.\s*\d|\s+(?:more|less|fewer|later|earlier|longer|sooner|higher|lower|one|two|other|matter)\b)",
    re.IGNORECASE,
)
"""What begins with "no" and is no answer: a bound, a pronoun, a number's abbreviation."""
_NUMBER_WORDS = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion dozen half once twice
null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf zwanzig dreißig hundert tausend millionen milliarde
dutzend einmal zweimal zéro deux trois quatre cinq sept huit neuf dix onze douze vingt trente cent cents mille millions
cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce veinte treinta cien ciento mil millón millones
due tre quattro cinque sei sette otto nove dieci undici dodici venti trenta cento mila milioni um dois três quatro sete
oito dez doze vinte trinta milhão milhões nul een twee vijf zes zeven negen tien twaalf twintig honderd duizend
"""
_NUMBERS = frozenset(_NUMBER_WORDS.split())
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_MENTIONED = re.compile(r"(?:`[^`]*`|“[^”]*”|\"[^\"]*\"|«[^»]*»)+(?:\S*[\d_/@]\S*)?|https?://\S+|(?<!\S)\S*[\d_/@]\S*")
"""What is quoted, and words that are none; these begin after a blank or a quotation, and are looked for only there."""
_ENOUGH = 0.6
"""Share of the letters that one script must have."""


def language_name(code: str) -> str:
    """Give the English name of a code (``de``, ``de-CH``); what is no known code is given as it is."""
    return NAMES.get(code_of(code) or "", code)


def code_of(name: str | None) -> str | None:
    """Give the code of a code or an English name in any spelling (``de-DE``, ``German``), or none."""
    plain = (name or "").strip().lower().replace("_", "-")
    base = plain.split("-")[0]
    if base in NAMES:
        return base
    return next((code for code, known in NAMES.items() if known.lower() == plain), None)


@lru_cache(maxsize=1024)
def detect(text: str) -> str | None:
    """Give the code of the language that a text is clearly written in, else none."""
    letters = [char for char in text if char.isalpha()]
    if not letters:
        return None
    scripts = Counter(unicodedata.name(char, "?").split()[0] for char in letters)
    kana = scripts["HIRAGANA"] + scripts["KATAKANA"]
    if scripts["CJK"] + kana >= _ENOUGH * len(letters):
        return "ja" if kana > len(letters) / 10 else "zh"
    script, count = scripts.most_common(1)[0]
    if count < _ENOUGH * len(letters):
        return None
    return _SCRIPTS.get(script) or (_by_words(text) if script in ("LATIN", "CYRILLIC") else None)


def _by_words(text: str) -> str | None:
    """Give the language whose function words stand out: two of them at least, and one more than of any other."""
    words = [word.lower().replace("’", "'") for word in _WORD.findall(text)]
    hits = Counter({code: sum(word in known for word in words) for code, known in _WORDS.items()})
    (best, most), (_, second) = hits.most_common(2)
    return best if most >= 2 and most > 1.3 * second else None


async def load_identifier() -> None:
    """Load the trained identifier off the loop (it takes a second), before the first call."""
    from ragset.adapters.language_identifier import probabilities

    await asyncio.to_thread(probabilities, "hello", _IDENTIFIABLE)


def other_language(text: str, expected: str, least: int = MIN_WORDS) -> str | None:
    """Give the code of the language a text is in when that is clearly not the expected one; none when it may be.

    Names, code and quoted titles are left out: they keep their language in every other. Of what is left ``least`` words
    are needed.
    """
    plain = _own_words(text)
    if expected not in _IDENTIFIABLE or (len(_WORD.findall(plain)) < least and not _spaceless(plain)):
        return None
    from ragset.adapters.language_identifier import probabilities

    found = probabilities(plain[:LONG], _IDENTIFIABLE)
    best = max(sorted(found), key=found.__getitem__)
    clear = best != expected and found[best] >= PROBABLE and found.get(expected, 1.0) <= IMPROBABLE
    return best if clear else None


@lru_cache(maxsize=1024)
def language_of(text: str) -> str | None:
    """Give the code of the language of a text of some length, none when it is not certain (a table of names, say)."""
    own = _own_words(text[: 2 * LONG])
    known = detect(own)
    if known or len(_WORD.findall(own)) < SURE_WORDS:
        return known
    from ragset.adapters.language_identifier import probabilities

    found = probabilities(own, _IDENTIFIABLE)
    best = max(sorted(found), key=found.__getitem__)
    return best if found[best] >= CERTAIN else None


def expected_language(sample: Sample) -> str | None:
    """Give the code of the language that question and answer should be in, none when nothing says which.

    It is that of the language axis, unless the writer chose it unasked; then it is that of the documents.
    """
    asked: Any = sample.provenance.get("asked")
    unasked = isinstance(asked, dict) and not cast("dict[str, Any]", asked).get("language")
    own = None if unasked else code_of(sample.axes.get("language"))
    noted = code_of(str(sample.provenance.get(QUESTION_LANGUAGE, "")))  # by ground: its match is in another language
    return own or noted or language_of(_passages(sample))


def foreign_language(sample: Sample, reads: str = "en") -> str | None:
    """Give the language that passages or pair are in when that is surely not the one that somebody ``reads``.

    What is too short or too odd to tell is taken to be read. The language axis is not looked at.
    """
    pair, passages = sample.payload, _passages(sample)
    there, said = language_of(passages), f"{pair.question}\n{pair.answer or ''}"
    if there not in (None, reads):  # a list of names may look foreign: under an English pair two must agree on it
        agreed = detect(passages) == there == other_language(passages, reads)
        return there if agreed or detect(said) != reads else None
    return other_language(said, reads)


def _passages(sample: Sample) -> str:
    return "\n".join(context.text[:LONG] for context in sample.contexts[:3])


def _own_words(text: str) -> str:
    words = _MENTIONED.sub(" ", text).split()
    if text.isupper():
        return text
    return " ".join(word for at, word in enumerate(words) if at == 0 or not word[:1].isupper())


def _spaceless(text: str) -> bool:
    return len(text) >= 2 * MIN_WORDS and detect(text) in ("zh", "ja", "th")


def says_yes_or_no(answer: str, code: str | None) -> bool:
    """Tell whether an answer begins with yes or no, in the language given, or in any when it is not known here.

    "No more than", "No one" and "No. 5" are no answer to a yes-or-no question.
    """
    begins = answer.strip().lstrip(_OPENS).lower()
    known = YES_NO.get(code or "")
    if known is None or _NO_NO.match(begins):
        return after_yes_or_no(answer, code) is not None
    first = _WORD.match(begins)
    spaceless = begins.startswith(tuple(word for word in known if detect(word) in ("zh", "ja")))
    return (first is not None and first.group() in known) or (spaceless and bool(begins))


def after_yes_or_no(answer: str, code: str | None) -> str | None:
    """Give what an answer says after the yes or no that it begins with (nothing, maybe); none when it has neither.

    A word before another word ("Da Vinci", "No change") is neither; English alone leaves out the comma ("Yes it is").
    """
    begins = answer.strip().lstrip(_OPENS)
    found = _yes_or_no(code if code in YES_NO else None).match(begins)
    return begins[found.end() :].strip() if found and not _NO_NO.match(begins) else None


@lru_cache(maxsize=64)
def _yes_or_no(code: str | None) -> re.Pattern[str]:
    groups = [YES_NO[code]] if code else YES_NO.values()
    words = "|".join(sorted({re.escape(word) for group in groups for word in group}, key=lambda w: (-len(w), w)))
    bare = (
        r"|yes\b|no(?=\s+(?:it|they|he|she|we|you|i|this|that|there|because|but|the)\b)" if code in (None, "en") else ""
    )
    return re.compile(rf"(?:(?:{words})的?[\"'”’»“]?\s*(?:$|[,.;:!?…、，。；：！–—]|-\s){bare})", re.IGNORECASE)


def holds_number(text: str) -> bool:
    """Tell whether a text holds a digit or a number word."""
    return any(char.isnumeric() for char in text) or any(word.lower() in _NUMBERS for word in _WORD.findall(text))
