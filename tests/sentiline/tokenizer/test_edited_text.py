"""Edits of a text that keep track of the original."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sentiline.tokenizer.edited_text import EditedText

replacements = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", "x", "yz", "a", "bbb"])), max_size=4)


@given(st.text("abcd", max_size=30), replacements)
def test_every_character_knows_what_it_stands_for(text: str, steps: list[tuple[str, str]]) -> None:
    edited = EditedText(text)
    behind = [(index, index + 1) for index in range(len(text))]
    for old, new in steps:
        behind = [
            span
            for char, own in zip(edited.text, behind, strict=True)
            for span in [own] * (1 if char != old or new == old else len(new))
        ]
        edited.substitute(re.compile(old), lambda _, new=new: new)  # type: ignore[misc]
    size = len(edited.text)
    starts, ends = edited.original(np.arange(size, dtype=np.int32), np.arange(1, size + 1, dtype=np.int32))
    assert list(zip(starts.tolist(), ends.tolist(), strict=True)) == behind
    assert starts.dtype == ends.dtype == np.int32
