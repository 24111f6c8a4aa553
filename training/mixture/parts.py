"""The part of every text of a mixture: training, validation or development, decided by group.

A text's part follows from a hash of its group, so that it does not depend on which other sets are there, on their order
or on a machine. Copies of a text in other sets have the same words and therefore the same part.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal, get_args

from training.data.near_duplicates import STRETCH, normalize
from training.mixture.sets import LabelledText
from training.mixture.trees import Tree

Part = Literal["training", "validation", "development"]
PARTS: tuple[Part, ...] = get_args(Part)
# A twentieth of the groups is for development, where published figures come from, and another twentieth for validation,
# on which epochs, thresholds and cut points are chosen.
_SHARE = 20


def part_of(group: str) -> Part:
    """Return the part of a group."""
    number = int.from_bytes(hashlib.blake2b(group.encode(), digest_size=8).digest(), "big") % _SHARE
    return "development" if number == 0 else "validation" if number == 1 else "training"


def assign_parts(
    rows: Sequence[LabelledText], *, grouped: Iterable[str] = (), trees: Sequence[Tree] = (), phrases: str = ""
) -> list[Part | None]:
    """Assign a part to every text, or None to those that must be left out.

    Args:
        rows: The texts of all sets.
        grouped: The sets whose `extra` names a group, such as a pair of edited texts.
        trees: Trees whose phrases `phrases` holds.
        phrases: The name of the set of phrases. A phrase belongs to the part of the sentences that contain it; one that
            sentences of several parts share is training data.

    Returns:
        For each row its part. None stands for a text of the training part that repeats one of the other two: as a long
        stretch at its beginning or end.
    """
    by_phrase = _phrase_parts(trees)
    together = frozenset(grouped)
    parts: list[Part | None] = []
    seen: dict[str, str] = {}  # a text's words → the group of the first set that holds it
    words: list[str] = []
    for row in rows:
        plain = normalize(row.text)
        words.append(plain)
        group = f"{row.source} {row.extra}" if row.source in together and row.extra else plain
        part = part_of(seen.setdefault(plain, group))
        parts.append(by_phrase.get(plain, part) if row.source == phrases else part)
    held = {key for plain, part in zip(words, parts, strict=True) if part != "training" for key in _stretches(plain)}
    return [
        None if part == "training" and not held.isdisjoint(_stretches(plain)) else part
        for plain, part in zip(words, parts, strict=True)
    ]


def _phrase_parts(trees: Sequence[Tree]) -> dict[str, Part]:
    found: dict[str, set[Part]] = defaultdict(set)
    for tree in trees:
        part = part_of(normalize(tree.sentence))
        for phrase in tree.phrases:
            found[normalize(tree.text(phrase))].add(part)
    return {text: "training" if len(parts) > 1 else next(iter(parts)) for text, parts in found.items()}


def _stretches(plain: str) -> list[str]:
    found = plain.split()
    if len(found) < 2 * STRETCH:
        return []
    return ["^" + " ".join(found[:STRETCH]), "$" + " ".join(found[-STRETCH:])]
