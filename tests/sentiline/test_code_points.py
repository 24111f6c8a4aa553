"""Lone surrogates and characters that act on a terminal."""

from __future__ import annotations

import pytest

from sentiline.code_points import has_lone_surrogates, printable, replace_lone_surrogates


@pytest.mark.parametrize(
    ("text", "replaced"),
    [
        ("", ""),
        ("plain", "plain"),
        ("caf\u00e9 \U0001f600", "caf\u00e9 \U0001f600"),
        ("a\ud800b\udfff", "a\ufffdb\ufffd"),
    ],
)
def test_lone_surrogates_are_replaced(text: str, replaced: str) -> None:
    assert replace_lone_surrogates(text) == replaced
    assert has_lone_surrogates(text) == (text != replaced)


def test_nothing_that_acts_on_a_terminal_is_printable() -> None:
    assert printable("a\x1b[31m\u202eb\ud800\r\n\tc") == "a\ufffd[31m\ufffdb\ufffd\ufffd\n    c"
