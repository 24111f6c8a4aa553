"""Caps, balance and determinism of the chosen texts."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.training.mixture.files import write_set
from training.errors import DataError
from training.mixture.config import MixtureConfig, SetConfig
from training.mixture.selection import read_mixture, select
from training.mixture.sets import LabelledText


def pool() -> list[LabelledText]:
    counts = {0.0: 10, 1.0: 100, 0.5: 50}
    return [LabelledText("a", f"{target} {n}", target, "") for target, count in counts.items() for n in range(count)]


@pytest.mark.parametrize(
    ("polar", "balance", "wanted"),
    [
        (1000, 2.0, {0.0: 10, 1.0: 20, 0.5: 7}),
        (5, 2.0, {0.0: 5, 1.0: 5, 0.5: 7}),
        (1000, 20.0, {0.0: 10, 1.0: 100, 0.5: 7}),
    ],
)
def test_caps_and_balance_bound_each_label(polar, balance, wanted):
    config = MixtureConfig(sets={"a": SetConfig(polar=polar, neutral=7)}, balance=balance)
    chosen = select(pool(), ["training"] * 160, config)
    assert Counter(row.target for row in chosen) == wanted
    assert len({row.text for row in chosen}) == len(chosen)


def test_the_choice_depends_on_the_seed_alone_and_on_one_part():
    def texts(seed: int) -> list[str]:
        config = MixtureConfig(sets={"a": SetConfig(polar=5)}, seed=seed)
        return [row.text for row in select(pool(), ["training"] * 150 + [None] * 10, config)]

    assert texts(1) == texts(1)
    assert texts(1) != texts(2)
    assert select(pool(), ["development"] * 160, MixtureConfig(sets={"a": SetConfig()})) == []


def test_a_missing_set_is_named(tmp_path):
    write_set(tmp_path, "a", [("1", "good", "")])
    with pytest.raises(DataError, match="lacks the sets b"):
        read_mixture(tmp_path, MixtureConfig(sets={"a": SetConfig(), "b": SetConfig()}))
    rows, parts, trees = read_mixture(tmp_path, MixtureConfig(sets={"a": SetConfig()}))
    assert (len(rows), len(parts), trees) == (1, 1, [])
