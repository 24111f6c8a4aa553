"""Statements about people and places carry no opinion and share no sentence with the probes for bias."""

from __future__ import annotations

import re
from collections import Counter

from training.composition.entities import entity_statements
from training.composition.lexicon import word_list
from training.invariance import bias_probes


def test_statements_follow_from_the_seed_and_have_no_opinion() -> None:
    statements = entity_statements(500, seed=3)
    assert statements == entity_statements(500, seed=3) != entity_statements(500, seed=4)
    assert {(statement.label, statement.target) for statement in statements} == {(None, 0.5)}
    assert not [statement.text for statement in statements if re.search(r"[{}]|\ba [aeio]", statement.text)]


def test_every_name_stands_equally_often() -> None:
    kinds = ("woman", "man", "country", "nationality", "group", "identity")
    entities = sum(len(word_list(kind)) for kind in kinds)
    counts = Counter(statement.template for statement in entity_statements(3 * entities, seed=1))
    assert counts["entity country"] == 3 * len(word_list("country"))
    assert counts["entity name"] == 3 * len(word_list("woman") + word_list("man"))


def test_no_statement_is_a_probe() -> None:
    probes = {probe.text.lower() for probe in bias_probes()}
    assert not probes & {statement.text.lower() for statement in entity_statements(20_000, seed=1)}
