"""Generated sentences: the same for a seed, varied, balanced, grammatical, and held out where they say so."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from training.composition import Sentence, families, generate, generate_family
from training.composition.generate import WEIGHTS
from training.composition.grammar import load_grammar, load_templates, spelled_out_words
from training.composition.lexicon import load_lexicon
from training.data.review import NEGATIVE, POSITIVE

CUES = {"plain", "agreement", "short", "recommendation", "neutral"}
AN = re.compile(r"\ban (?!hour|honest|honou?r|heir)[^aeiou\ue000-\ue002\W]", re.IGNORECASE)
A = re.compile(r"\ba (?!one\b|once\b|uni(?!n|m)|us[ei]|uk|eu|ew)[aeiou]", re.IGNORECASE)
MAY_DISAGREE = re.compile(r"\b(?:one|each|both|neither|nor|if|wish|were|and|bit|part|minute|time|thing|about)\b")


@pytest.fixture(scope="module")
def sentences() -> list[Sentence]:
    return generate(40_000, seed=3)


@pytest.fixture(scope="module")
def held_out() -> list[Sentence]:
    return generate(5_000, part="held_out", seed=3)


def test_a_seed_gives_the_same_sentences() -> None:
    assert generate(500, seed=7) == generate(500, seed=7)
    assert generate(500, seed=7)[:100] == generate(100, seed=7)
    assert generate(500, seed=7) != generate(500, seed=8)


def test_sentences_hardly_repeat(sentences: list[Sentence]) -> None:
    assert len({sentence.text for sentence in sentences}) >= 0.95 * len(sentences)


def test_every_family_and_nearly_every_template_occurs(sentences: list[Sentence]) -> None:
    counts = Counter(sentence.family for sentence in sentences)
    assert set(families()) == set(WEIGHTS) <= counts.keys()
    templates = {template.name for templates in load_grammar("train").templates.values() for template in templates}
    found = {sentence.template for sentence in sentences}
    assert len(found & templates) >= 0.95 * len(templates)


def test_two_thirds_turn_a_sentiment_and_the_labels_are_balanced(sentences: list[Sentence]) -> None:
    turning = sum(sentence.family not in CUES for sentence in sentences)
    assert 0.6 <= turning / len(sentences) <= 0.7
    labels = Counter(sentence.label for sentence in sentences)
    assert abs(labels[POSITIVE] - labels[NEGATIVE]) <= 0.08 * len(sentences)
    assert labels[None] >= 0.04 * len(sentences)


def test_labels_and_targets_agree(sentences: list[Sentence]) -> None:
    for sentence in sentences:
        if sentence.label is None:
            assert sentence.target == 0.5, sentence
        else:
            assert 0 < sentence.target < 1
            assert (sentence.target > 0.5) == (sentence.label == POSITIVE), sentence


def test_pairs_are_of_opposite_labels(sentences: list[Sentence]) -> None:
    pairs: dict[str, list[Sentence]] = {}
    for sentence in sentences:
        if sentence.pair:
            pairs.setdefault(sentence.pair, []).append(sentence)
    complete = [pair for pair in pairs.values() if len(pair) == 2]
    assert len(complete) >= len(pairs) - 1  # the last one may be cut off
    assert len(complete) >= 3_000
    for first, second in complete:
        assert {first.label, second.label} == {POSITIVE, NEGATIVE}
        assert first.template == second.template


def test_no_slot_is_left_open(sentences: list[Sentence]) -> None:
    emoticons = re.compile(r" (?:<3|[:=]-?[()/D])(?!\w)")
    for sentence in sentences:
        assert not re.search(r"[{}\[\]<>|~^()\ue000-\uf8ff]|  ", emoticons.sub("", sentence.text)), sentence.text
        assert sentence.text.strip() == sentence.text


def test_articles_agree_with_what_follows(sentences: list[Sentence]) -> None:
    wrong = [sentence.text for sentence in sentences if AN.search(sentence.text) or A.search(sentence.text)]
    assert wrong == []


def test_verbs_agree_with_their_nouns(sentences: list[Sentence]) -> None:
    targets = load_lexicon().targets
    plural = {target.noun for target in targets if target.plural}
    singular = {target.noun for target in targets if not target.plural}
    plural, singular = plural - singular, singular - plural
    verbs = {"is": plural, "was": plural, "has": plural, "are": singular, "have": singular}
    wrong = []
    for sentence in sentences:
        text = sentence.text.lower()
        for clause in re.split(r"[,.;:?!]|\b(?:but|yet|because)\b", text):
            found = re.match(r" *(?:the|this|that|these|my|our) ([a-z-]+) (is|was|has|are|have)\b", clause)
            if found and not MAY_DISAGREE.search(clause) and found[1] in verbs[found[2]]:
                wrong.append(clause)
    assert wrong == []


def test_spans_are_exact_and_in_order(sentences: list[Sentence]) -> None:
    spanned = [sentence for sentence in sentences if sentence.spans]
    assert len(spanned) >= 4_000
    for sentence in spanned:
        end = 0
        for span in sentence.spans:
            part = sentence.text[span.start : span.end]
            assert part
            assert part == part.strip()
            assert span.start >= end
            end = span.end
        assert end <= len(sentence.text)


def test_the_clause_with_the_last_word_decides() -> None:
    contrasts = [sentence for sentence in generate_family("contrast", 2_000) if len(sentence.spans) == 2]
    assert len(contrasts) >= 1_000
    for sentence in contrasts:
        assert {span.label for span in sentence.spans} == {POSITIVE, NEGATIVE}
        if re.search(r"[^,]+, (?:but|yet) (?!at least)", sentence.text) and sentence.text.count(",") == 1:
            assert sentence.spans[-1].label == sentence.label, sentence.text


def test_the_parts_share_no_template_and_no_word(sentences: list[Sentence], held_out: list[Sentence]) -> None:
    names = {sentence.template for sentence in sentences} & {sentence.template for sentence in held_out}
    assert names <= {"mixed"}
    used = {word for sentence in sentences for word in sentence.words}
    kept = {word for sentence in held_out for word in sentence.words}
    assert kept
    assert not used & kept


def test_no_training_sentence_spells_a_held_out_word(sentences: list[Sentence]) -> None:
    single = {word for word in load_lexicon().held_out(spelled_out_words()) if " " not in word}
    assert len(single) >= 150
    spelled = {token for sentence in sentences for token in re.findall(r"[\w'-]+", sentence.text.lower())}
    assert not {word.lower() for word in single} & spelled


def test_every_family_is_in_both_parts() -> None:
    for part, share in (("train", 0.8), ("held_out", 0.15)):
        templates = load_grammar(part).templates
        for family in families():
            everything = [template for template in load_templates() if template.family == family]
            assert abs(len(templates[family]) / len(everything) - share) <= 0.12, (part, family)
            assert len(generate_family(family, 30, part=part)) == 30


def test_a_family_alone_is_unmixed() -> None:
    found = generate_family("negation", 200, seed=1)
    assert {sentence.family for sentence in found} == {"negation"}
    assert found == generate_family("negation", 200, seed=1)
    with pytest.raises(KeyError, match="negations"):
        generate_family("negations", 1)


def test_the_lexicon_is_wide() -> None:
    words = load_lexicon().words
    for polarity in "+-":
        listed = {key[0]: set() for key in words}
        for (name, sign, _), entries in words.items():
            if sign == polarity:
                listed[name] |= {entry.text for entry in entries}
        assert len(listed["adj"]) >= 200
        assert len(listed["enjoy"] | listed["affect"] | listed["act"]) >= 80
        assert len(listed["asset"] | listed["gem"]) >= 60
    assert len({target.noun for target in load_lexicon().targets}) >= 150
