"""Draws labelled sentences from the grammar."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice

from training.composition.expansion import Expansion
from training.composition.grammar import CLAUSES, Grammar, Template, load_grammar, load_templates
from training.composition.mixing import mix
from training.composition.sentence import Part, Sentence
from training.composition.surface import write
from training.data.review import NEGATIVE, POSITIVE, Label

# How often each family is drawn: two thirds of the sentences turn the sentiment of a word in them.
WEIGHTS = {
    "plain": 22.0,
    "agreement": 5.0,
    "short": 6.0,
    "recommendation": 5.0,
    "neutral": 8.0,
    "negation": 17.0,
    "absence": 8.0,
    "negated_opinion": 6.0,
    "double_negation": 4.0,
    "limits": 6.0,
    "comparison": 4.0,
    "counterfactual": 5.0,
    "expectation": 5.0,
    "change": 5.0,
    "contrast": 7.0,
    "degree": 3.0,
    "question": 4.0,
    "sarcasm": 3.0,
    "quantifier": 5.0,
    "flip_verb": 4.0,
    "scope": 4.0,
    "long_distance": 4.0,
    "failure": 4.0,
}
# Families whose sentences are often a whole statement that "Honestly, …" may open.
FRAMED = (
    "plain",
    "negation",
    "negated_opinion",
    "absence",
    "limits",
    "comparison",
    "quantifier",
    "failure",
    "long_distance",
)
SWAPPED_SHARE = 0.3
MIXED_SHARE = 0.16
_LABELS: dict[str, Label | None] = {"+": POSITIVE, "-": NEGATIVE, "0": None}
_OPPOSITE = {"+": "-", "-": "+"}


def families() -> tuple[str, ...]:
    """Return the names of all families, in the order of the files."""
    return tuple(dict.fromkeys(template.family for template in load_templates() if template.family not in CLAUSES))


def generate(count: int, *, part: Part = "train", seed: int = 0, mixed: float = MIXED_SHARE) -> list[Sentence]:
    """Return generated sentences; the same arguments always give the same ones.

    Args:
        count: The number of sentences.
        part: Which templates and words to use; the two parts share neither a template nor a word with a sentiment.
        seed: The seed of the random generator.
        mixed: The share of sentences that are joined with others, neutral or of either sentiment (see `mix`).
    """
    return list(islice(_draw(load_grammar(part), random.Random(seed), mixed), count))


def generate_family(family: str, count: int, *, part: Part = "train", seed: int = 0) -> list[Sentence]:
    """Return generated sentences of one family, unmixed.

    Raises:
        KeyError: There is no such family.
    """
    grammar, rng = load_grammar(part), random.Random(f"{family} {seed}")
    if family in CLAUSES or family not in grammar.templates:
        raise KeyError(f"family is {family!r}; it must be one of {', '.join(families())}")
    sentences = (sentence for _ in iter(int, 1) for sentence in _draw_template(grammar, family, rng))
    return list(islice(sentences, count))


def _draw(grammar: Grammar, rng: random.Random, mixed: float) -> Iterator[Sentence]:
    names, weights = list(WEIGHTS), list(WEIGHTS.values())
    seen: set[str] = set()
    while True:
        drawn = _draw_template(grammar, rng.choices(names, weights)[0], rng)
        if any(sentence.text in seen for sentence in drawn) and rng.random() < 0.9:
            continue  # idioms without a slot would repeat
        if len(drawn) == 1 and drawn[0].family != "neutral" and rng.random() < mixed:
            others = [_draw_template(grammar, "neutral", rng)[0] for _ in range(2)]
            opposite = _draw_template(grammar, rng.choice(["plain", "negation"]), rng)[0]
            drawn = [mix(drawn[0], others, opposite, rng)]
        seen.update(sentence.text for sentence in drawn)
        yield from drawn


def _draw_template(grammar: Grammar, family: str, rng: random.Random) -> list[Sentence]:
    """Return one sentence, or two that are a minimal pair."""
    by_label = {sign: _with_label(grammar.templates[family], sign) for sign in "+-0"}
    sign = rng.choice([sign for sign, templates in by_label.items() if templates])
    template = rng.choice(by_label[sign])
    texts = [(template.text, sign)]
    if template.opposite:
        # A template of one label gives its opposite, too, so that both signs have as many constructions.
        texts.append((template.opposite, _OPPOSITE[sign]))
        texts = texts if rng.random() < SWAPPED_SHARE else [texts[0] if rng.random() < 0.7 else texts[1]]
    elif template.label == "±" and rng.random() < SWAPPED_SHARE:
        texts.append((template.text, _OPPOSITE[sign]))
    expansion = Expansion(grammar, rng)
    pair = f"{template.name}-{rng.getrandbits(40):010x}" if len(texts) == 2 else ""
    return [_sentence(template, expansion, *text, pair, rng) for text in texts]


def _with_label(templates: list[Template], sign: str) -> list[Template]:
    return [template for template in templates if template.label in ((sign, "±") if sign != "0" else ("0",))]


def _sentence(
    template: Template, expansion: Expansion, text: str, sign: str, pair: str, rng: random.Random
) -> Sentence:
    label = _LABELS[sign]
    # In `A => B` the words of B are those of A, so its relative polarities are, too.
    polarity = _OPPOSITE[sign] if template.opposite == text else sign
    marked = expansion.expand(text, polarity)
    words = tuple(expansion.words)
    final, spans = write(marked, label, rng, framed=template.family in FRAMED)
    target = 0.5 if label is None else template.target if label == POSITIVE else round(1 - template.target, 4)
    return Sentence(final, label, target, template.family, template.name, words, spans, pair)
