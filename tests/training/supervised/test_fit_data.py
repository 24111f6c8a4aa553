"""The data of a fit: the description of labelled files, by which a run is recognized."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from rich.console import Console

from tests.training.fits import tiny_config, write_csv
from training.errors import DataError
from training.supervised.fit_data import from_labelled_file


def test_a_single_file_is_described_by_its_name_and_digest(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "mine.csv", 40)
    data = from_labelled_file(tiny_config(), str(path), {"labels": "binary", "format": None}, Console(quiet=True))
    assert data.description["name"] == "mine.csv"
    assert data.description["options"] == {"labels": "binary"}
    assert data.description["sha256"] == {"mine.csv": hashlib.sha256(path.read_bytes()).hexdigest()}
    assert data.description["training_reviews"] + data.description["validation_reviews"] == 40


def test_a_folder_is_described_by_the_digests_of_all_its_files(tmp_path: Path) -> None:
    (tmp_path / "2026").mkdir()
    paths = [write_csv(tmp_path / "2026" / "b.csv", 20), write_csv(tmp_path / "a.csv", 20, seed=1)]
    shown = io.StringIO()
    data = from_labelled_file(tiny_config(), str(tmp_path), {}, Console(file=shown, width=200))
    assert data.description["name"] == tmp_path.name
    assert data.description["sha256"] == {
        path.relative_to(tmp_path).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths
    }
    assert shown.getvalue().startswith("40 rows, labels read as binary: 40 usable")


def test_data_that_can_be_read_only_once_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(b"text,label\na,1\nb,0\n"))))
    with pytest.raises(DataError, match="standard input can be read only once, and a fit needs its data again; save"):
        from_labelled_file(tiny_config(), "-", {"labels": "binary", "format": "csv"}, Console(quiet=True))


def test_neutral_rows_are_split_with_the_others_and_never_validate(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "mine.csv", 40)
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"It is thing number {number} of the list,neutral\n" for number in range(30))
    without = from_labelled_file(tiny_config(), str(path), {}, Console(quiet=True))
    assert (list(without.neutral), list(without.neutral_validation)) == ([], [])
    assert without.description["skipped_rows"] == 30
    assert "neutral_reviews" not in without.description
    data = from_labelled_file(tiny_config(), str(path), {"neutral": True}, Console(quiet=True))
    assert data.description["options"] == {"neutral": True}
    assert data.description["skipped_rows"] == 0
    assert data.description["neutral_reviews"] == [len(data.neutral), len(data.neutral_validation)]
    assert {review.label for review in (*data.neutral, *data.neutral_validation)} == {0.5}
    assert len(data.neutral) + len(data.neutral_validation) == 30
    assert 0 < len(data.neutral_validation) < 15
    assert {review.label for review in (*data.train, *data.validation)} == {0, 1}
    assert data.train == without.train, "the split of the others stays the same"
    assert data.training_texts == len(data.train) + len(data.neutral)
