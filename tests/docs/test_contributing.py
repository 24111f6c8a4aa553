"""CONTRIBUTING.md: its examples are code of this repository, unchanged."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n# (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("path", "code"), EXAMPLES, ids=[path for path, _ in EXAMPLES])
def test_every_example_is_current(path: str, code: str) -> None:
    assert code in (ROOT / path).read_text(encoding="utf-8")


def test_there_are_three_examples() -> None:
    assert len(EXAMPLES) == PAGE.count("```python") == 3
