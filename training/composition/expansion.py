"""Expands a template into a sentence: chooses wordings and words, and makes them agree."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

from training.composition.articles import article
from training.composition.grammar import CLAUSES, Grammar
from training.composition.lexicon import CLOSED, Target

# Private-use characters mark spans until the text is final: the beginnings of positive and negative ones, and the end.
POSITIVE_START, NEGATIVE_START, SPAN_END = "\ue000", "\ue001", "\ue002"
_ARTICLE = "\ue003"
_OPPOSITE = {"+": "-", "-": "+", "0": "0"}
_WORDINGS = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{([-+^~0]?)([a-z]+)(\d*)((?:[.:@][\w,]+)*)\}")
_SPAN = re.compile(r"<([-+^~])|>")
# The particle of a verb stands after a pronoun: "cheer (up) me" is "cheer me up".
_PARTICLE = re.compile(r"\(([\w ]+)\) (me|us|him|her|them|everyone|anyone)\b")
# Words that agree with the target: for one thing, for several.
_AGREEING = {
    "is": ("is", "are"),
    "was": ("was", "were"),
    "has": ("has", "have"),
    "does": ("does", "do"),
    "isnt": ("isn't", "aren't"),
    "wasnt": ("wasn't", "weren't"),
    "hasnt": ("hasn't", "haven't"),
    "doesnt": ("doesn't", "don't"),
    "lacks": ("lacks", "lack"),
    "needs": ("needs", "need"),
    "keep": ("keeps", "keep"),
    "looks": ("looks", "look"),
}
_PRONOUNS = {
    "it": ("it", "they", "he", "she"),
    "them": ("it", "them", "him", "her"),
    "its": ("its", "their", "his", "her"),
}


@dataclass
class Expansion:
    """The choices made for one sentence, which the other sentence of a minimal pair repeats.

    Attributes:
        grammar: The templates and words to choose from.
        rng: The random generator.
        words: The entries chosen, in their base forms.
    """

    grammar: Grammar
    rng: random.Random
    words: list[str] = field(default_factory=list)
    _targets: dict[int, Target] = field(default_factory=dict)
    _memory: dict[str, str] = field(default_factory=dict)
    _clauses: int = 0

    def expand(self, template: str, polarity: str) -> str:
        """Return the text, with marks for spans.

        Args:
            template: The template.
            polarity: The label: "+", "-" or "0".
        """
        self.words, self._clauses = [], 0
        text = self._wordings(template, "")
        text = self._with_clauses(_resolved(text, polarity))
        for slot in _SLOT.finditer(text):
            if slot[2] in ("np", "noun"):
                self._target(_number(slot), slot[4])
        text = _SLOT.sub(self._slot, text)
        text = _SPAN.sub(lambda mark: {"+": POSITIVE_START, "-": NEGATIVE_START, None: SPAN_END}[mark[1]], text)
        text = re.sub(f"{_ARTICLE}(?=[\ue000-\ue002 ]*(.{{0,12}}))", lambda found: article(found[1]), text)
        text = _PARTICLE.sub(r"\2 \1", text).replace("(", "").replace(")", "")
        return re.sub(r" {2,}", " ", re.sub(r" (?=[\ue000-\ue002]*[ ,.;:!?])", "", text)).strip()

    def _wordings(self, text: str, scope: str) -> str:
        while _WORDINGS.search(text):
            text = _WORDINGS.sub(lambda found: self._remembered(scope + found[0], found[1].split("|")), text)
        return text

    def _remembered(self, key: str, choices: list[str]) -> str:
        if key not in self._memory:
            self._memory[key] = self.rng.choice(choices)
        return self._memory[key]

    def _with_clauses(self, text: str) -> str:
        while (slot := next((slot for slot in _SLOT.finditer(text) if slot[2] in CLAUSES), None)) is not None:
            self._clauses += 1
            listed = [template.text for template in self.grammar.templates[slot[2]]]
            clause = self._remembered(f"clause {self._clauses} {slot[2]}", listed)
            clause = self._wordings(clause, f"{self._clauses} ")
            base = 10 * self._clauses
            clause = _SLOT.sub(
                lambda inner, base=base: f"{{{inner[1]}{inner[2]}{base + _number(inner)}{inner[4]}}}",  # type: ignore[misc]
                _resolved(clause, slot[1]),
            )
            text = text[: slot.start()] + clause + text[slot.end() :]
        return text

    def _target(self, number: int, options: str = "") -> Target:
        if number not in self._targets:
            by_domain = self.grammar.lexicon.suitable(options)
            used = {target.noun for target in self._targets.values()}
            known = [target.domain for target in self._targets.values() if target.domain in by_domain]
            domain = known[0] if known else self.rng.choice(list(by_domain))
            candidates = [target for target in by_domain[domain] if target.noun not in used]
            target = self.rng.choice(candidates or by_domain[domain])
            self._targets[number] = target
        return self._targets[number]

    def _slot(self, slot: re.Match[str]) -> str:
        polarity, name, number, options = slot[1], slot[2], _number(slot), slot[4]
        if name == "a":
            return _ARTICLE
        target = self._target(number, ":it")
        if name in _AGREEING:
            return _AGREEING[name][target.plural]
        if name in _PRONOUNS:
            forms = _PRONOUNS[name]
            if target.person and not target.plural:
                return forms[int(self._remembered(f"sex {number}", ["2", "3"]))]
            return forms[target.plural]
        if name in ("np", "noun"):
            if target.noun not in self.words:
                self.words.append(target.noun)
            return target.noun if name == "noun" else f"{self._determiner(target, number)} {target.noun}"
        return self._word(polarity or "0", name, number, options)

    def _determiner(self, target: Target, number: int) -> str:
        choices = ["the", "the", "the"]
        if target.group == "whole":
            choices += ["this", "this", "that"]
        elif target.group == "wholes":
            choices += ["these"]
        if target.owned and target.group in ("whole", "wholes"):
            choices += ["my", "our"]
        return self._remembered(f"determiner {number}", choices)

    def _word(self, polarity: str, name: str, number: int, options: str) -> str:
        form = next(iter(re.findall(r":(\w+)", options)), "")
        kind = next(iter(re.findall(r"@(\w+)", options)), "") or self._target(number, ":it").kind
        key = f"{polarity}{name}{number}{options.replace(f':{form}', '')}"
        choices = self.grammar.lexicon.choices(name, polarity, kind)
        if not choices:
            raise KeyError(f"no word of {name} {polarity} {kind}")
        fresh = [word for word in choices if word.text not in self.words] or choices
        text = self._remembered(key, [word.text for word in fresh])
        word = next(word for word in choices if word.text == text)
        if text not in self.words and name not in CLOSED:
            self.words.append(text)
        return word.form(form, plural=self._target(number).plural) if form else text


def _resolved(text: str, polarity: str) -> str:
    """Replace relative polarities by absolute ones."""
    signs = {"^": polarity, "~": _OPPOSITE[polarity]}
    return re.sub(r"(?<=[{<])[\^~]", lambda sign: signs[sign[0]], text)


def _number(slot: re.Match[str]) -> int:
    return int(slot[3] or 1)
