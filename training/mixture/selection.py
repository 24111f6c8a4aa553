"""The training texts of a mixture: capped, balanced and in a fixed order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from training.errors import DataError
from training.mixture.config import MixtureConfig
from training.mixture.parts import Part, assign_parts
from training.mixture.sets import LabelledText, read_set, set_names
from training.mixture.trees import Tree, read_trees


def read_mixture(folder: Path, config: MixtureConfig) -> tuple[list[LabelledText], list[Part | None], list[Tree]]:
    """Read the sets of a mixture and assign their parts.

    Args:
        folder: The folder of the sets.
        config: The mixture.

    Returns:
        The texts of all sets, their parts, and the trees.

    Raises:
        DataError: A set is missing or damaged.
    """
    missing = sorted(set(config.sets) - set(set_names(folder)))
    if missing:
        raise DataError(f"{folder} lacks the sets {', '.join(missing)}; remove them from the mixture or add the files")
    # A text that several sets share belongs to the group of the first one, so that sets with groups come first.
    order = sorted(config.sets, key=lambda name: (name not in config.grouped, name))
    rows = [row for name in order for row in read_set(folder, name)]
    trees = list(read_trees(folder / config.trees)) if config.trees else []
    return rows, assign_parts(rows, grouped=config.grouped, trees=trees, phrases=config.phrases), trees


def select(
    rows: Sequence[LabelledText], parts: Sequence[Part | None], config: MixtureConfig, part: Part = "training"
) -> list[LabelledText]:
    """Choose the texts of a part, at most as many of each set and label as the mixture allows.

    Args:
        rows: The texts of all sets.
        parts: Their parts.
        config: The mixture, which gives caps, balance and seed.
        part: The part to choose from.

    Returns:
        Distinct texts of a set; `SetConfig.repeat` is left to the caller.
    """
    pools: dict[tuple[str, float], list[LabelledText]] = defaultdict(list)
    for row, assigned in zip(rows, parts, strict=True):
        if assigned == part:
            pools[row.source, row.target].append(row)
    chosen: list[LabelledText] = []
    for number, ((source, target), pool) in enumerate(sorted(pools.items())):
        of_set = config.sets[source]
        cap = of_set.neutral
        if target != 0.5:
            cap = min(of_set.polar, round(config.balance * len(pools.get((source, 1 - target), ()))))
        order = np.random.default_rng([config.seed, number]).permutation(len(pool))[:cap]
        chosen += [pool[index] for index in order]
    return chosen
