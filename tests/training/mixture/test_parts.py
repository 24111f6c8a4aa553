"""A text's part follows from its group alone."""

from __future__ import annotations

from tests.training.mixture.files import write_lines
from training.mixture.parts import PARTS, assign_parts, part_of
from training.mixture.sets import LabelledText
from training.mixture.trees import read_trees


def rows(source: str, count: int = 200) -> list[LabelledText]:
    return [LabelledText(source, f"{source} number {index} is fine", 1.0, str(index // 2)) for index in range(count)]


def test_every_part_has_about_its_share():
    parts = [part_of(str(index)) for index in range(4000)]
    assert all(0.03 < parts.count(part) / 4000 < 0.07 for part in PARTS[1:])


def test_groups_stay_together():
    found = assign_parts(rows("pairs"), grouped=["pairs"])
    assert found[::2] == found[1::2]
    assert set(found) == set(PARTS)


def test_rows_without_a_group_are_not_one_group():
    texts = [LabelledText("pairs", f"text {index}", 1.0, "") for index in range(200)]
    assert set(assign_parts(texts, grouped=["pairs"])) == set(PARTS)


def test_copies_in_other_sets_share_a_part():
    first = rows("a")
    copies = [LabelledText("b", row.text.upper() + "!", row.target, "") for row in first]
    found = assign_parts([*first, *copies])
    assert found[: len(first)] == found[len(first) :]


def test_parts_depend_neither_on_order_nor_on_other_sets():
    alone = assign_parts(rows("a"))
    assert assign_parts([*rows("b"), *rows("a")])[200:] == alone
    assert assign_parts(rows("a")[::-1])[::-1] == alone


def test_phrases_follow_their_sentence(tmp_path):
    lines = [f"(3 (3 (3 good{index}) (2 film)) (2 .))" for index in range(200)]
    trees = list(read_trees(write_lines(tmp_path / "trees.txt.gz", lines)))
    texts = [LabelledText("phrases", f"good{index}", 1.0, "") for index in range(200)]
    found = assign_parts([*texts, LabelledText("phrases", "film", 0.5, "")], trees=trees, phrases="phrases")
    assert found == [*(part_of(f"good{index} film") for index in range(200)), "training"]


def test_near_copies_of_held_out_texts_are_left_out_of_training():
    stretch = " ".join(f"word{index}" for index in range(12))
    texts = [LabelledText("a", f"{stretch} " + " ".join(f"n{n}x{i}" for i in range(14)), 1.0, "") for n in range(100)]
    found = assign_parts(texts)
    assert "training" not in found
    assert None in found
    assert "development" in found
