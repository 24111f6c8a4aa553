"""Recognizes which templates can produce a sentence, and with which label."""

from __future__ import annotations

import re
from functools import cache

from training.composition.grammar import CLAUSES, load_templates
from training.composition.lexicon import load_lexicon

_OPPOSITE = {"+": "-", "-": "+", "0": "0"}
_AGREEING = {
    "is": "is|are",
    "was": "was|were",
    "has": "has|have",
    "does": "does|do",
    "isnt": "isn't|aren't",
    "wasnt": "wasn't|weren't",
    "hasnt": "hasn't|haven't",
    "doesnt": "doesn't|don't",
    "lacks": "lacks?",
    "needs": "needs?",
    "keep": "keeps?",
    "looks": "looks?",
    "it": "it|they|he|she",
    "them": "it|them|him|her",
    "its": "its|their|his|her",
    "a": "an?",
}
_PIECE = re.compile(r"\{(?P<slot>[^{}]*)\}|<[-+^~]|>|(?P<open>\[)|(?P<or>\|)|(?P<close>\])|(?P<space> +)|(?P<text>.)")


def labels_of(sentence: str) -> set[str]:
    """Return the labels ("+", "-", "0") that the grammar may give a sentence; final punctuation does not matter."""
    text = sentence.lower().rstrip(".!")
    found = set()
    for sign, pattern, slots in _patterns():
        match = pattern.fullmatch(text)
        if match and all(word in _words(*slot) for word, slot in zip(match.groups(), slots, strict=True) if word):
            found.add(sign)
    return found


@cache
def _patterns() -> list[tuple[str, re.Pattern[str], list[tuple[str, str, str]]]]:
    found = []
    for template in load_templates():
        if template.family in CLAUSES or "clause}" in template.text:
            continue
        for sign in "+-" if template.label == "±" else template.label:
            found.append((sign, *_pattern(template.text, sign)))
            if template.opposite:
                found.append((_OPPOSITE[sign], *_pattern(template.opposite, sign)))
    return found


def _pattern(template: str, sign: str) -> tuple[re.Pattern[str], list[tuple[str, str, str]]]:
    template = re.sub(r"(?<=\{)[\^~]", lambda mark: sign if mark[0] == "^" else _OPPOSITE[sign], template)
    pattern, slots = "", []
    for piece in _PIECE.finditer(template):
        if piece["slot"] is not None:
            polarity, name = re.match(r"([-+0]?)([a-z]+)", piece["slot"]).groups()
            if name in ("np", "noun"):
                slots.append(("", "noun", ""))
                pattern += ("(?:the|this|that|these|my|our) " if name == "np" else "") + r"(\w[\w'-]*(?: [\w'-]+)??)"
            elif name in _AGREEING:
                pattern += f"(?:{_AGREEING[name]})"
            else:
                form = re.search(r":(\w+)", piece["slot"])
                slots.append((polarity or "0", name, form[1] if form else ""))
                pattern += r"(\w[\w' :-]*?)"
        elif piece["open"]:
            pattern += "(?:"
        elif piece["or"]:
            pattern += "|"
        elif piece["close"]:
            pattern += ")"
        elif piece["space"]:
            pattern += "(?: +|(?<= ))"  # the wording before it may be empty
        elif piece["text"]:
            pattern += re.escape(piece["text"].lower())
    return re.compile(re.sub(r"(?:\\\.|!)$", "", pattern).replace(r"(?:!|\.)", "").replace(r"(?:\.|!)", "")), slots


@cache
def _words(polarity: str, name: str, form: str) -> frozenset[str]:
    if name == "noun":
        return frozenset(target.noun for target in load_lexicon().targets)
    listed = [word for key, words in load_lexicon().words.items() if key[:2] == (name, polarity) for word in words]
    return frozenset(word.form(form, plural=plural).lower() for word in listed for plural in (False, True))
