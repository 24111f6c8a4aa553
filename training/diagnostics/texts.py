"""The diagnostic texts, written for this purpose: read from the `.tsv` files in `texts/`; runs no model."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from training.data.review import NEGATIVE, POSITIVE, Label
from training.errors import DataError

FOLDER = Path(__file__).parent / "texts"
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
"""Every kind, with what it is; the last three have no label."""

_LABELS: dict[str, Label | None] = {"positive": POSITIVE, "negative": NEGATIVE, "": None}
_COLUMNS = ["kind", "label", "text", "pair"]


@dataclass(frozen=True, slots=True)
class DiagnosticText:
    """One text.

    Attributes:
        kind: one of `KINDS`.
        label: None where the text has no sentiment, or none that the models could know.
        text: as a model is given it.
        pair: what two texts have in common that are a minimal edit of one another; empty elsewhere.
    """

    kind: str
    label: Label | None
    text: str
    pair: str = ""


def load_texts(folder: Path = FOLDER) -> list[DiagnosticText]:
    """All texts, file by file in the order of their names.

    Args:
        folder: holds `.tsv` files with the columns kind, label (positive, negative or empty), text and pair.

    Raises:
        DataError: a row is not as described, a text occurs twice, or a pair is not one positive and one negative.
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
