"""Files that hold no reviews are refused with what they are, and old line ends and encodings are recognized."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from sentiline.cluster.splits import find_splits
from sentiline.errors import DataFileError
from sentiline.evaluation.evaluate import EvaluationOptions, evaluate_files
from sentiline.predictor import Predictor
from sentiline.scoring.io.discovery import find_sources
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.pipeline import score_files
from tests.scoring.files import read

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"ab" * 32 + b"\nsize 1234567\n"
PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\n<body>Please sign in</body></html>\n"
CYRILLIC = (
    "\u0425\u043e\u0440\u043e\u0448\u0438\u0439 \u0444\u0438\u043b\u044c\u043c\n\u041f\u043b\u043e\u0445\u043e\u0439\n"
)


def tar() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.csv"))
    return content.getvalue()


@pytest.mark.parametrize("ending", ["csv", "tsv", "txt", "jsonl", "csv.gz"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (POINTER, "is a Git LFS pointer, not the file itself; fetch that with git lfs pull"),
        (b"/annex/objects/SHA256E-s12--ab.csv\n", "is a git-annex pointer"),
        (PAGE, "is a page of HTML or XML, not .* It begins with '<!DOCTYPE html> <html>"),
        (b"\xef\xbb\xbf \r\n<!-- cached -->\n<HTML lang=en>\n", "is a page of HTML or XML"),
        (b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>\n', "is a page of HTML or XML"),
        (b"%PDF-1.7\n", "is a PDF document"),
        (tar(), "is a tar archive"),
        ("text\ngood film\nbad\n".encode("utf-16-le"), "UTF-16 without .*; add --encoding utf-16-le$"),
        ("text\ngood film\nbad\n".encode("utf-16-be"), "UTF-16 without .*; add --encoding utf-16-be$"),
        (CYRILLIC.encode("utf-16-le"), "UTF-16 without .*; add --encoding utf-16-le$"),
        (CYRILLIC.encode("utf-16-be"), "UTF-16 without .*; add --encoding utf-16-be$"),
        ("text\ngood film\n".encode("utf-32-le"), "UTF-32 without .*; add --encoding utf-32-le$"),
        ("text\ngood film\n".encode("utf-32-be"), "UTF-32 without .*; add --encoding utf-32-be$"),
    ],
)
def test_what_is_no_file_of_reviews_is_refused(
    predictor: Predictor, tmp_path: Path, ending: str, content: bytes, message: str
) -> None:
    source = tmp_path / f"a.{ending}"
    source.write_bytes(gzip.compress(content) if ending.endswith("gz") else content)
    with pytest.raises(DataFileError, match=message):
        score_files(predictor, [str(source)], tmp_path / "out.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == [source.name]
    if ending != "txt":
        with pytest.raises(DataFileError, match=message):
            evaluate_files([predictor], [str(source)], EvaluationOptions(labels="binary"))


def test_a_pointer_named_like_parquet(predictor: Predictor, tmp_path: Path) -> None:
    source = tmp_path / "a.parquet"
    source.write_bytes(POINTER)
    with pytest.raises(DataFileError, match="is a Git LFS pointer"):
        score_files(predictor, [str(source)], tmp_path / "out.jsonl")
    with pytest.raises(DataFileError, match="is a Git LFS pointer"):
        find_splits(find_sources([str(source)]), 1000)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "id\x01review\n1\x01A fine film.\n", r"line 1: the column name 'id\\x01review' .* \$'\\x01'"),
        ("a.tsv", "1\x1fA fine film.\n2\x1fBad.\n", r"the column name .* --delimiter \$'\\x1f'"),
        ("a.csv", "1\x01Fine, really\n2\x01Bad, really\n", "holds a control character"),
        ("a.txt", "1\x01A fine film.\n\n2\x01Bad.\n", r"every line holds the control character .* \$'\\x01'"),
        ("a.csv", '{"review": "A fine film."}\n{"review": "Bad."}\n', "if the file is JSON Lines, add --format jsonl"),
    ],
)
def test_other_separators_and_formats_are_recognized(
    predictor: Predictor, tmp_path: Path, name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(DataFileError, match=message):
        score_files(predictor, [str(tmp_path / name)], tmp_path / "out.jsonl")


def test_a_table_of_hive_is_read_with_its_separator(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id\x01review\n1\x01A fine film.\n", encoding="utf-8")
    score_files(predictor, [str(tmp_path / "a.csv")], tmp_path / "out.csv", ScoreOptions(delimiter="\x01"))
    assert [(row["id"], row["review"]) for row in read(tmp_path / "out.csv")] == [("1", "A fine film.")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le"])
def test_carriage_returns_end_the_lines_of_old_macs(predictor: Predictor, tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.txt").write_bytes("A fine film.\rAwful m\u00e9ss.\rLovely.".encode(encoding))
    score_files(predictor, [str(tmp_path / "a.txt")], tmp_path / "out.jsonl", ScoreOptions(encoding=encoding))
    assert [row["text"] for row in read(tmp_path / "out.jsonl")] == ["A fine film.", "Awful m\u00e9ss.", "Lovely."]


@pytest.mark.parametrize(
    "lines", [["A fine\rfilm.", "Bad."], ["<br /> good", "<i>bad</i>"], ["good \x01", "bad"], ["a\0b good", "c\0d"]]
)
def test_unusual_reviews_are_left_alone(predictor: Predictor, tmp_path: Path, lines: list[str]) -> None:
    (tmp_path / "a.txt").write_bytes("".join(f"{line}\n" for line in lines).encode())
    score_files(predictor, [str(tmp_path / "a.txt")], tmp_path / "out.jsonl")
    assert [row["text"] for row in read(tmp_path / "out.jsonl")] == lines


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "train.ft.txt",
            "__label__2 A fine film.\n__label__1 Awful.\n",
            r"a label of fastText, .* sed",
        ),
        ("a.json", '{"reviews": [{"review": "Good"}, {"review": "Bad"}]}', r"""jq -c '\.\["reviews"\]\[\]'"""),
        ("a.json", '["Good film", "Bad film"]', r"jq -c '\.\[\] \| \{text: \.\}'"),
        ("part-00000", "1\x01Good film\n2\x01Bad film\n", r"--delimiter \$'\\x01', and --no-header"),
        ("pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:ab\n", "a Git LFS pointer"),
        ("blank", "\n \n", "is empty but for blanks"),
    ],
)
def test_what_needs_another_step_is_refused_with_it(
    predictor: Predictor, tmp_path: Path, name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(DataFileError, match=message):
        score_files(predictor, [str(tmp_path / name)], tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()
