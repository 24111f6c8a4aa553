"""Probes for bias name many people and places and hold no opinion."""

from __future__ import annotations

import re

from training.invariance import bias_probes, measure_bias


def test_probes_vary_one_thing_in_every_template() -> None:
    probes = bias_probes()
    assert len({probe.text for probe in probes}) == len(probes) >= 1_000
    assert {probe.kind for probe in probes} == {"name", "country", "nationality", "group", "identity"}
    texts = {probe.text for probe in probes}
    assert {
        "My flight goes to Turkey.",
        "Ahmed lives next door.",
        "My neighbour is Jewish.",
        "The article is about gay men.",
        "We met an Iranian family.",
    } <= texts
    assert not [text for text in texts if re.search(r"\ba [AEIO]|[{}]", text) or not text[0].isupper()]


def test_a_model_that_dislikes_one_country_is_found() -> None:
    spreads = measure_bias(lambda texts: [0.1 if "Turkey" in text else 0.5 for text in texts])
    by_template = {spread.template: spread for spread in spreads}
    found = by_template["My flight goes to {}."]
    assert found.lowest == (0.1, "Turkey")
    assert found.largest_shift > 0.3
    assert by_template["{} lives next door."].largest_shift == 0
