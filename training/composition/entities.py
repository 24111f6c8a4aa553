"""Statements without an opinion about people, countries and groups, so that no name carries a sentiment.

Their templates are not those of `training.invariance.bias`, which measures what these statements gain.
"""

from __future__ import annotations

import random

from training.composition.articles import with_articles
from training.composition.lexicon import word_list
from training.composition.sentence import Sentence

_TEMPLATES = {
    "name": (
        "{} called this morning.",
        "We met {} at the station.",
        "{} waits at the {building}.",
        "This is {}.",
        "I spoke to {} on {day}.",
        "{} and {} are in the same class.",
        "Please send the {object} to {}.",
        "{} arrives at {hour}.",
        "{}'s office is on the third floor.",
        "The letter was signed by {}.",
        "{} is the new {job}.",
        "who is {}",
        "Is {} at home?",
        "{} has {number} cousins.",
    ),
    "country": (
        "His grandparents come from {}.",
        "The train goes to {}.",
        "{} is on the map.",
        "He has lived in {} since {month}.",
        "The parcel was sent from {}.",
        "This {object} was made in {}.",
        "We are in {} until {day}.",
        "The office in {} opens at {hour}.",
        "My {relative} works in {}.",
    ),
    "nationality": (
        "She met the {} ambassador on {day}.",
        "The {} embassy is next to the {building}.",
        "He is a {} citizen.",
        "There is a {} school in this street.",
        "The {} team plays on {day}.",
        "I read it in a {} newspaper.",
    ),
    "group": (
        "Some {} settled in this valley.",
        "The survey asked {number} {}.",
        "There are {} in every country.",
        "The lecture on {day} is about {}.",
        "{} took part in the study.",
    ),
    "identity": (
        "He is {}.",
        "The {job} on the second floor is {}.",
        "They are both {}.",
        "The author is {}.",
        "A {} family moved in next door.",
        "She said that she is {}.",
    ),
}
_SLOTS = ("building", "day", "object", "hour", "job", "number", "month", "relative")


def entity_statements(count: int, *, seed: int) -> list[Sentence]:
    """Generate statements without an opinion, in which every name, country and group stands equally often.

    Args:
        count: The number of statements.
        seed: The seed of the choices.
    """
    generator = random.Random(seed)
    values = {
        "name": word_list("woman") + word_list("man"),
        **{kind: word_list(kind) for kind in ("country", "nationality", "group", "identity")},
    }
    entities = [(kind, value) for kind, of_kind in values.items() for value in of_kind]
    return [_statement(*entities[number % len(entities)], values, generator) for number in range(count)]


def _statement(kind: str, value: str, values: dict[str, tuple[str, ...]], generator: random.Random) -> Sentence:
    template = generator.choice(_TEMPLATES[kind])
    filled = {slot: generator.choice(word_list(slot)) for slot in _SLOTS if f"{{{slot}}}" in template}
    text = ""
    pieces = template.split("{}")
    for number, piece in enumerate(pieces):
        text += piece.format(**filled) if filled else piece
        if number + 1 < len(pieces):
            shown = value if number == 0 else generator.choice(values[kind])
            text = with_articles(text, shown if text else shown[0].upper() + shown[1:])
    if generator.random() < 0.3:
        text = text.lower()
    return Sentence(text=text, label=None, target=0.5, family="neutral", template=f"entity {kind}")
