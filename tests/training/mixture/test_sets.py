"""Sets are read row by row; every malformed row is refused with its line."""

from __future__ import annotations

import gzip

import pytest

from tests.training.mixture.files import write_lines, write_set
from training.errors import DataError
from training.mixture.sets import HEADER, LabelledText, read_set, set_names


def test_rows_are_read_without_quoting(tmp_path):
    write_set(tmp_path, "tweets", [("1", 'He said "great" 👍', ""), ("neutral", "x\u2028y", "3"), ("0", "bad", "p")])
    assert list(read_set(tmp_path, "tweets")) == [
        LabelledText("tweets", 'He said "great" 👍', 1.0, ""),
        LabelledText("tweets", "x\u2028y", 0.5, "3"),
        LabelledText("tweets", "bad", 0.0, "p"),
    ]


@pytest.mark.parametrize("row", ["1\tgood", "1\tgood\t\t", "1\t  \t", "", "positive\tgood\t", "2\tgood\t", "1 good"])
def test_a_malformed_row_is_refused_with_its_line(tmp_path, row):
    write_lines(tmp_path / "a.tsv.gz", [HEADER, "1\tgood\t", row])
    with pytest.raises(DataError, match=r"a\.tsv\.gz, line 3"):
        list(read_set(tmp_path, "a"))


@pytest.mark.parametrize("header", ["", "text\tlabel\textra", "label\ttext"])
def test_another_header_is_refused(tmp_path, header):
    write_lines(tmp_path / "a.tsv.gz", [header, "1\tgood\t"])
    with pytest.raises(DataError, match="header"):
        list(read_set(tmp_path, "a"))


def test_files_that_are_no_compressed_text_are_refused(tmp_path):
    whole = gzip.compress(f"{HEADER}\n1\tgood\t\n".encode() * 50)
    for name, content in {"plain": b"label", "cut": whole[:-12], "latin": gzip.compress(b"\xff\xfe\xe9")}.items():
        (tmp_path / f"{name}.tsv.gz").write_bytes(content)
        with pytest.raises(DataError, match=name):
            list(read_set(tmp_path, name))
    with pytest.raises(DataError, match="cannot be read"):
        list(read_set(tmp_path, "absent"))


def test_the_sets_of_a_folder_are_listed_in_alphabetical_order(tmp_path):
    with pytest.raises(DataError, match="holds no"):
        set_names(tmp_path)
    write_set(tmp_path, "b", [])
    write_set(tmp_path, "a", [])
    (tmp_path / "trees.txt.gz").touch()
    assert set_names(tmp_path) == ["a", "b"]
    with pytest.raises(DataError, match="not a folder"):
        set_names(tmp_path / "none")
