"""docs/complaints.md answers complaints, and every test that it names exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "complaints.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
COMPLAINTS = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:-1]


def names_of(path: Path) -> set[str]:
    """Return the names of the test functions that pytest collects from a file."""
    nodes = ast.parse(path.read_text(encoding="utf-8")).body
    return {
        node.name
        for node in nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_every_test_that_the_page_names_exists(path: str, name: str) -> None:
    assert Path(path).name.startswith("test_")
    assert name in names_of(ROOT / path)


@pytest.mark.parametrize("number", range(1, len(COMPLAINTS) + 1))
def test_each_complaint_has_an_answer_and_a_proof(number: int) -> None:
    title, _, rest = COMPLAINTS[number - 1].partition("\n")
    assert re.fullmatch(rf"{number}\. \w.*", title)
    answer, *proofs = re.split(r"^- ", rest, flags=re.MULTILINE)
    assert len(answer.split()) > 10
    assert proofs
    assert all(re.fullmatch(r"`tests/[\w/]+\.py::\w+`", proof.strip()) for proof in proofs)


def test_no_test_is_named_in_another_form() -> None:
    assert PAGE.count("::test_") == len(re.findall(r"`tests/[\w/]+\.py::test_\w+`", PAGE))
