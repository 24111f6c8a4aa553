"""The diagnostic texts, read from the `.tsv` files in `texts/`."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from training.data.review import NEGATIVE, POSITIVE, Label
from training.errors import DataError

FOLDER = Path(__file__).parent / "texts"
# Every kind of text with its description; the last three have no labels.
KINDS = {
    "sentence": "single sentences about films",
    "product": "products",
    "service": "restaurants, hotels, services",
    "negation": "negations",
    "contrast": "contrast pairs",
    "short": "short forms",
    "neutral": "statements of fact",
    "foreign": "other languages",
    "gibberish": "gibberish",
}

_LABELS: dict[str, Label | None] = {"positive": POSITIVE, "negative": NEGATIVE, "": None}
_COLUMNS = ["kind", "label", "text", "pair"]


@dataclass(frozen=True, slots=True)
class DiagnosticText:
    """One text.

    Attributes:
        kind: One of `KINDS`.
        label: The label; None for a text without a sentiment that a model could recognize.
        text: The input of the models.
        pair: The identifier shared by two texts that are minimal edits of one another; empty for other texts.
    """

    kind: str
    label: Label | None
    text: str
    pair: str = ""


def load_texts(folder: Path = FOLDER) -> list[DiagnosticText]:
    """Return all texts, file by file in the order of the file names.

    Args:
        folder: A folder of `.tsv` files with the columns kind, label (positive, negative or empty), text and pair.

    Raises:
        DataError: A row is malformed, a text is repeated, or a pair is not one positive and one negative text.
    """
    found: dict[str, DiagnosticText] = {}
    for path in sorted(folder.glob("*.tsv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            if next(rows, None) != _COLUMNS:
                raise DataError(f"{path} must begin with the columns {', '.join(_COLUMNS)}, tab-separated")
            for line, row in enumerate(rows, 2):
                text = _text(row, f"{path.name}, line {line}")
                if text.text in found:
                    raise DataError(f"{path.name}, line {line} repeats a text: {text.text!r}")
                found[text.text] = text
    pairs: dict[str, list[Label | None]] = {}
    for text in found.values():
        if text.pair:
            pairs.setdefault(text.pair, []).append(text.label)
    for pair, labels in pairs.items():
        if sorted(map(str, labels)) != [str(NEGATIVE), str(POSITIVE)]:
            raise DataError(f"pair {pair!r} must hold one positive and one negative text")
    if not found:
        raise DataError(f"{folder} holds no diagnostic text")
    return list(found.values())


def _text(row: list[str], where: str) -> DiagnosticText:
    if len(row) != len(_COLUMNS):
        raise DataError(f"{where} has {len(row)} columns; it must have {len(_COLUMNS)}")
    kind, label, text, pair = row
    if kind not in KINDS:
        raise DataError(f"{where} is of kind {kind!r}; it must be one of {', '.join(KINDS)}")
    if label not in _LABELS:
        raise DataError(f"{where} has the label {label!r}; it must be positive, negative or empty")
    if not text.strip():
        raise DataError(f"{where} holds no text")
    return DiagnosticText(kind, _LABELS[label], text, pair)
