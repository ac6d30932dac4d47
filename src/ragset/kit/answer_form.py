"""Checks of an answer that need no model: whole, in words, no refusal, and no copy of its question or its passage."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ragset.kit.question_form_words import CODE, WORD, is_english

MAX_COPIED = 0.8
"""Share of a long context that an answer may copy; what is more is no answer but the passage."""
LONG_CONTEXT, LONG_ANSWER = 60, 40
"""Words from which a context counts as long, and an answer as long enough to be a copy of it."""

_CUT = re.compile(
    r"(?:[\[(–—-]|(?<![/._~])\b(?:and|or|the|a|an|of the|in the|to the|by the|for the|with the|such as|including|"
    r"because|than|into|between|its|their|whose|und|oder|der|die|das|eine?|et|ou|les?|une?|y|los|las|el|het|een))\s*$",
    re.IGNORECASE,
)
_LEAD_IN = re.compile(
    r"\w+\W+\w+.*\b(?:includes?|including|namely|as follows|the following)\s*$", re.IGNORECASE | re.DOTALL
)
_REFERENCE = re.compile(
    r"^(?:please )?(?:see|refer to|check(?: out)?|consult|visit|read|click|go to|follow)\b(?:[^.;]|\.(?=\S))*\.?$",
    re.IGNORECASE,
)
_BELOW = re.compile(
    r"\b(?:see|shown|listed|described|given|as|discussed|explained|summari[sz]ed|illustrated) (?:(?:in|"
    r"on) the (?:\w+ )?"
    r"(?:table|figure|list|section|diagram|page)s? )?(?:above|below|overleaf)\b|\bthe following (?:list|table|steps?|"
    r"options?|figure)\s*[.:]?\s*$",
    re.IGNORECASE,
)
_REFUSALS = (
    r"i (?:do not|don't|don’t) (?:know|have (?:enough |any |sufficient )?(?:information|context|access))",
    r"i(?:'m|’m| am) (?:sorry|not sure|unable|afraid)\b",
    r"i (?:cannot|can't|can’t|could not|couldn't) (?:answer|find|determine|provide|tell|help)",
    r"as an? (?:ai |large |language )+(?:model|assistant)",
    r"(?:the |this )?(?:answer|information|it|that)? ?(?:is|was|are) (?:not|nowhere|never) (?:explicitly |"
    r"directly |clearly )?"
    r"(?:mentioned|stated|specified|provided|given|discussed|addressed|contained|included|found|available|"
    r"described|answered)"
    r"(?: (?:in|by|within|from) (?:the |this |these |any |that )?(?:\w+ )?(?:context|text|passage|document|"
    r"article|source|"
    r"excerpt|chunk|information|material|paragraph|content)s?)?\s*[.!]?$",
    r"(?:the |this )?(?:\w+ )?(?:context|text|passage|document|article|source|excerpt|paragraph|"
    r"information)s? (?:provided |given )?"
    r"(?:does not|doesn't|doesn’t|do not|don't|did not|didn't) (?:explicitly |directly |clearly )?(?:mention|"
    r"state|specify|provide|say|"
    r"contain|include|give|discuss|address|answer|describe|tell|explain|have)",
    r"(?:there is |there's )?(?:no|not enough|insufficient) (?:information|answer|context|data|details?|"
    r"mention)\b.{0,60}"
    r"(?:\b(?:in|from|by|within) (?:the|this|these|any) (?:\w+ )?(?:context|text|passage|document|article|"
    r"excerpt|source)s?\b"
    r"|\b(?:to answer|available|provided|given|found)\s*\.?$)",
    r"(?:not (?:mentioned|specified|stated|provided|available|applicable|enough information|given|found|known|"
    r"answerable)"
    r"(?: in the (?:\w+ )?(?:context|text|passage|document)s?)?|unknown|unanswerable|n/?a|none|null|nil|"
    r"no answer|nan|tbd)\s*[.!]?$",
    r"(?:it is |it's )?(?:impossible|not possible) to (?:say|tell|determine|answer|know)\b.{0,80}\b(?:context|"
    r"text|passage|document|"
    r"information|given|provided)\b",
    r"(?:ich weiß (?:es )?nicht|keine angabe|das geht aus dem (?:text|kontext) nicht hervor|je ne sais pas|no lo s[eé]"
    r"|non lo so|não sei|ik weet het niet)\b",
)
_REFUSAL = re.compile("|".join(f"(?:{pattern})" for pattern in _REFUSALS), re.IGNORECASE)
_MARKUP = re.compile(r"</?[a-zA-Z][^>\n]*>|&(?:amp|lt|gt|quot|nbsp|#\d+);|\{\{|\}\}|!\[[^\]]*\]\([^)]*\)")
_LABEL = re.compile(r"^\s*(?:answer|a|antwort|réponse|respuesta|risposta|resposta)\s*:\s", re.IGNORECASE)


def incomplete(answer: str, *, english: bool | None = None) -> Iterator[str]:
    """Tell what is missing from an answer: empty, begun in the middle, cut, a lead-in without its list, a pointer."""
    text = answer.strip()
    if not any(c.isalnum() for c in text):
        yield "empty"
        return
    english = is_english(text) if english is None else english
    if text[0] in ",;:.)]" and not re.match(r"\.\w", text):  # ".gitignore", ".5"
        yield "starts in the middle"
    outside = CODE.sub("Code", text)
    if outside.endswith((":", "：")):
        yield "ends with a colon and lacks its list"
    elif english and _LEAD_IN.match(outside):
        yield "introduces a list and lacks it"
    elif outside.endswith(("...", "…")) or _is_cut(outside):
        yield "cut short"
    elif english and len(WORD.findall(outside)) >= 3 and _BELOW.search(outside):
        yield "points at what is not in it"
    if not balanced(text):
        yield "brackets or quotes do not balance"
    if english and _REFERENCE.match(text) and len(text.split()) <= 16:
        yield "only points elsewhere"


def _is_cut(text: str) -> bool:
    """Tell whether the last word wants another one; a single letter or a name that looks like one is an answer."""
    found = _CUT.search(text)
    if found is None:
        return False
    last = found.group().strip()
    return len(text.split()) > 1 and not (last.isalpha() and last[:1].isupper())  # "vitamin A", "Los Angeles, LA"


def refuses(answer: str, quotes: Sequence[str] = ()) -> str:
    """Give the words with which a text declines to answer; empty when it does not, or says what a quote says."""
    text = " ".join(answer.split())
    if len(text.split()) > 40 or any(_flat(text) in _flat(quote) for quote in quotes):
        return ""
    for sentence in re.split(r"(?<=[.!?])\s+", text):
        found = _REFUSAL.match(sentence.lstrip("\"'“‘("))
        if found:
            return found.group()[:60]
    return ""


def leftovers(answer: str) -> Iterator[str]:
    """Tell what belongs to a page or a prompt, and not into an answer: tags, templates, images, a label before it."""
    outside = CODE.sub("", answer)
    if "```" not in answer and (found := _MARKUP.search(outside)):
        yield f"markup is left in it: '{found.group()[:30]}'"
    if _LABEL.match(answer):
        yield "a label is left before it"


def copies(question: str, answer: str, contexts: Sequence[str]) -> str:
    """Tell whether the answer says its question again, or is most of a long context; empty when neither."""
    told, asked = _flat(answer), _flat(question)
    if told and told == asked:
        return "the answer is the question"
    count = len(told.split())
    if count < LONG_ANSWER:
        return ""
    for context in contexts:
        whole = _flat(context)
        words = len(whole.split())
        if words >= LONG_CONTEXT and told in whole and count >= MAX_COPIED * words:
            return f"the answer is {count} of the {words} words of its passage"
    return ""


def balanced(text: str) -> bool:
    """Tell whether what is opened is closed: brackets, double quotes, backticks; marks of lists close nothing."""
    outside = CODE.sub(" ", text.replace("``", '"').replace("''", '"'))  # quotes as in typewritten and TeX texts
    typeset = "``" in text and "```" not in text  # nobody closes these as they should
    if "`" in outside.replace("```", "") or (_inches(outside).count('"') % 2 and not typeset):
        return False
    listless = re.sub(r"(?m)(?:^|\s)\(?[\da-zA-Z]{1,3}\)", " ", outside)  # "a)" and "1)" of lists close nothing
    faces = re.sub(r"[:;]-?[()\[\]]", " ", listless)
    for version in (faces, outside):
        if all(version.count(a) == version.count(b) for a, b in ("()", "[]", "{}")):
            break
    else:
        return False
    return outside.count("“") == outside.count("”") or "„" in outside


def _inches(text: str) -> str:
    return re.sub(r'(?<=\d)"', " ", text) if text.count('"') % 2 else text


def _flat(text: str) -> str:
    return " ".join(w.lower() for w in WORD.findall(text))
