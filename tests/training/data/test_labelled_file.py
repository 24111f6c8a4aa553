"""Users' files of every format: each row is a review or a problem with its line, and wrong files say how."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from training.data import labelled_file
from training.data.labelled_file import Problem
from training.data.review import Review
from training.errors import DataError


def _write(path: Path, content: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(content.encode(encoding))
    return path


def _problems(data: labelled_file.LabelledData) -> list[tuple[int, str]]:
    return [(problem.line, problem.kind) for problem in data.problems]


CSV = '''text,label,film
"A joy, start to ""finish""",1,a
"Two
lines, and dull",0,b
,1,c

   ,0,c
Fine,,d
Fine,maybe,d
Fine,2,d
Fine,1
Fine,1,d,e
"Fine"x,1,d
...,1,d
<br />&nbsp;,0,d
Last,0,
'''


def test_every_csv_row_is_a_review_or_a_problem(tmp_path: Path) -> None:
    data = labelled_file.load(_write(tmp_path / "a.csv", CSV), labels="binary")
    assert data.reviews == (
        Review('A joy, start to "finish"', 1, id="line 2"),
        Review("Two\nlines, and dull", 0, id="line 3"),
        Review("Last", 0, id="line 16"),
    )
    quotes = "',' expected after '\"' (lines 13 to 13; do quotes mean anything here? See --quoting)"
    assert data.problems == (
        Problem(5, "missing text", "''"),
        Problem(7, "missing text", "'   '"),
        Problem(8, "missing label", "''"),
        Problem(9, "unreadable label", "'maybe'"),
        Problem(10, "unreadable label", "'2'"),
        Problem(11, "ragged row", "2 columns, the header has 3"),
        Problem(12, "ragged row", "4 columns, the header has 3"),
        Problem(13, "malformed row", quotes),
        Problem(14, "text without a token", "..."),
        Problem(15, "text without a token", "<br />&nbsp;"),
    )
    assert sum(data.counts().values()) == len(data.problems)
    assert next(iter(data.counts().items())) == ("missing text", 2)


def test_the_summary_counts_and_locates(tmp_path: Path) -> None:
    lines = labelled_file.load(_write(tmp_path / "a.csv", CSV), labels="binary").summary().splitlines()
    assert lines[0] == "13 rows, labels read as binary: 3 usable (1 positive, 2 negative), 10 skipped"
    assert "  2 missing text: lines 5, 7; first: ''" in lines
    assert "  1 missing label: line 8: ''" in lines
    many = "text,label\n" + "x,maybe\n" * 12 + "a,1\nb,0\n"
    lines = labelled_file.load(_write(tmp_path / "b.csv", many)).summary().splitlines()
    assert lines[1] == "  12 unreadable label: lines 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, …; first: 'maybe'"


def test_groups_are_kept_apart_by_the_split(tmp_path: Path) -> None:
    rows = "".join(f"text {n},{n % 2},g{n // 4}\n" for n in range(80))
    data = labelled_file.load(_write(tmp_path / "a.csv", "text,label,g\n" + rows + "x,1,\n"), group_column="g")
    assert data.problems == (Problem(82, "missing group", "''"),)
    assert data.reviews[5] == Review("text 5", 1, film="g1", id="line 7")
    train, validation = labelled_file.split(data.reviews, fraction=0.2)
    assert len(validation) == 16
    assert not {review.film for review in train} & {review.film for review in validation}


def test_without_groups_the_split_is_stratified(tmp_path: Path) -> None:
    rows = "".join(f"text {n},{int(n < 30)}\n" for n in range(120))
    _, validation = labelled_file.split(labelled_file.load(_write(tmp_path / "a.csv", "text,label\n" + rows)).reviews)
    assert sorted(review.label for review in validation) == [0] * 9 + [1] * 3


def test_tsv_with_and_without_quotes(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.tsv", 'text\tlabel\n"it" is\t1\n"unclosed\t0\nno, dull\t0\nyes\t1\n')
    plain = labelled_file.load(path, quoting="none")
    assert [review.text for review in plain.reviews] == ['"it" is', '"unclosed', "no, dull", "yes"]
    with pytest.raises(DataError, match=r"(?s)no usable row.*2 malformed row: lines 2, 3.*--quoting"):
        labelled_file.load(path)
    quoted = labelled_file.load(_write(tmp_path / "b.tsv", 'text\tlabel\n"a\tb"\tpos\nc\tNeg\n'))
    assert [(review.text, review.label) for review in quoted.reviews] == [("a\tb", 1), ("c", 0)]


def test_an_unclosed_quote_tells_how_much_it_swallowed(tmp_path: Path) -> None:
    data = labelled_file.load(_write(tmp_path / "a.csv", 'text,label\na,1\nb,0\n"c,1\nd,0\ne,1\n'))
    assert len(data.reviews) == 2
    (problem,) = data.problems
    assert (problem.line, problem.kind) == (4, "malformed row")
    assert "(lines 4 to 6;" in problem.value


@pytest.mark.parametrize(
    ("content", "encoding", "told"),
    [
        ("\ufefftext,label\ncafé,1\nb,0\n", "utf-8", "utf-8"),
        ("text,label\r\ncafé,1\r\nb,0\r\n", "cp1252", "cp1252"),
        ("text,label\rcafé,1\rb,0\r", "utf-8", "utf-8"),
        ("text,label\ncafé,1\nb,0", "utf-16", "utf-16"),
        ("\ufefftext,label\ncafé,1\nb,0", "utf-16-le", "utf-16-le"),
        ("text, label \ncafé,1\nb,0\n", "utf-8", "utf-8"),
    ],
)
def test_encodings_and_line_ends(tmp_path: Path, content: str, encoding: str, told: str) -> None:
    data = labelled_file.load(_write(tmp_path / "a.csv", content, encoding), encoding=told)
    assert [(review.text, review.id) for review in data.reviews] == [("café", "line 2"), ("b", "line 3")]


def test_a_long_text_is_a_text_and_the_csv_limit_is_restored(tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    text = "word " * 60_000
    data = labelled_file.load(_write(tmp_path / "a.csv", f"text,label\n{text},1\nb,0\n"))
    assert data.reviews[0].text == text
    assert csv.field_size_limit() == limit


def test_a_delimiter(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.csv", "text;label\na, b;1\nc;0\n")
    assert [review.text for review in labelled_file.load(path, delimiter=";").reviews] == ["a, b", "c"]
    with pytest.raises(DataError, match=r"no column 'text'; its columns are 'text;label'; are they separated by ';'"):
        labelled_file.load(path)
    for wrong in ("", ";;", '"', "\n"):
        with pytest.raises(DataError, match=r"delimiter is .* one character"):
            labelled_file.load(path, delimiter=wrong)


def test_every_jsonl_line_is_a_review_or_a_problem(tmp_path: Path) -> None:
    lines = [
        '{"body": "A joy\\u2028indeed \u2028", "sentiment": "positive", "id": 1}',
        '{"body": "Dull", "sentiment": " NEG "}',
        "",
        '{"body": "Cut',
        '["a", 1]',
        '{"sentiment": "pos"}',
        '{"body": null, "sentiment": "pos"}',
        '{"body": 5, "sentiment": "pos"}',
        '{"body": "x"}',
        '{"body": "x", "sentiment": NaN}',
        '{"body": "x", "sentiment": {"pos": 1}}',
        '{"body": "half \\ud83d", "sentiment": "pos"}',
        '{"body": "x", "sentiment": "neutral"}',
        "[" * 100_000,
    ]
    path = _write(tmp_path / "a.ndjson", "\r\n".join(lines) + "\r\n")
    data = labelled_file.load(path, text_column="body", label_column="sentiment")
    assert data.scheme == "names"
    assert [(r.text, r.label) for r in data.reviews] == [("A joy\u2028indeed \u2028", 1), ("Dull", 0)]
    assert _problems(data) == [
        (4, "malformed row"),
        (5, "malformed row"),
        (6, "missing text"),
        (7, "missing text"),
        (8, "unreadable text"),
        (9, "missing label"),
        (10, "missing label"),
        (11, "unreadable label"),
        (12, "unreadable text"),
        (13, "neutral label"),
        (14, "malformed row"),
    ]
    assert data.problems[4].value == "int 5"
    assert max(len(problem.value) for problem in data.problems) < 160


def test_parquet_values_and_rows(tmp_path: Path) -> None:
    table = pa.table(
        {
            "film": ["a", "b", None, "a", "c", "c"],
            "stars": pa.array([5.0, 1.0, 4.0, None, 3.0, 2.5], pa.float64()),
            "text": pa.array(["A joy", "Dull", "Good", "So", "So so", "Meh"]).dictionary_encode(),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    data = labelled_file.load(tmp_path / "a.parquet", label_column="stars", group_column="film")
    assert data.scheme == "stars5"
    assert data.reviews == (
        Review("A joy", 1, stars=5, film="a", id="line 1"),
        Review("Dull", 0, stars=1, film="b", id="line 2"),
    )
    assert data.problems == (
        Problem(3, "missing group", "None"),
        Problem(4, "missing label", "None"),
        Problem(5, "neutral label", "3.0"),
        Problem(6, "unreadable label", "2.5"),
    )


def test_parquet_truth_values_and_bytes(tmp_path: Path) -> None:
    texts: list[Any] = [b"A joy", b"Dull"]
    pq.write_table(pa.table({"text": pa.array(texts, pa.binary()), "label": [True, False]}), tmp_path / "b.parquet")
    with pytest.raises(DataError, match=r"(?s)no usable row.*2 unreadable text: lines 1, 2; first: bytes b'A joy'"):
        labelled_file.load(tmp_path / "b.parquet")
    pq.write_table(pa.table({"text": ["A joy", "Dull"], "label": [True, False]}), tmp_path / "a.parquet")
    assert [review.label for review in labelled_file.load(tmp_path / "a.parquet").reviews] == [1, 0]


def test_stars_of_ten(tmp_path: Path) -> None:
    rows = "".join(json.dumps({"text": f"text {stars}", "label": stars}) + "\n" for stars in range(1, 11))
    data = labelled_file.load(_write(tmp_path / "a.jsonl", rows))
    assert [(review.stars, review.label) for review in data.reviews] == [
        *((stars, 0) for stars in (1, 2, 3, 4)),
        *((stars, 1) for stars in (7, 8, 9, 10)),
    ]
    assert _problems(data) == [(5, "neutral label"), (6, "neutral label")]
    as_five = labelled_file.load(tmp_path / "a.jsonl", labels="stars5")
    assert _problems(as_five) == [(3, "neutral label"), *((line, "unreadable label") for line in range(6, 11))]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", r"a\.csv is empty; its first line must name the columns"),
        ("a.csv", "\n\n", r"is empty"),
        ("a.csv", "text,label\n", r"holds no usable row$"),
        ("a.csv", 'te"xt,"label\n', r"line 1: the header is malformed"),
        ("a.csv", "review,stars\na,1\n", r"has no column 'text'; its columns are 'review', 'stars'$"),
        ("a.csv", "text,label,text\na,1,b\n", r"has more than one column 'text'"),
        ("a.csv", "text,label\na,1\nb,1\n", r"column 'label': .* 1 \(2 rows\); say what they mean with --labels"),
        ("a.csv", "text,label\na,0\nb,0\n", r"holds only negative reviews .* read as binary; training needs both"),
        ("a.csv", "text,label\n,0\n,1\n", r"(?s)holds no usable row .*2 missing text: lines 2, 3"),
        ("a.csv", "text,label\na,x\nb,y\n", r"no label is 0/1, negative/positive or a number of stars"),
        ("a.jsonl", "", r"is empty; write one JSON object on each line"),
        ("a.jsonl", '[{"text": "a",\n"label": 1}]', r"is a JSON array; write one object on each line"),
        ("a.jsonl", "text,label\na,1\n", r"(?s)holds no usable row.*2 malformed row"),
        ("a.jsonl", '{"review": "a", "label": 1}', r"has no column 'text'; its columns are 'review', 'label'"),
        ("a.parquet", "hello", r"a\.parquet is not a readable Parquet file"),
        ("a.txt", "text,label\n", r"the format is '\.txt'; it must be csv, tsv, jsonl or parquet"),
    ],
)
def test_files_that_cannot_be_used_say_why(tmp_path: Path, name: str, content: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        labelled_file.load(_write(tmp_path / name, content))


def test_bytes_of_another_encoding_are_located(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.csv", "text,label\nplain,1\ncafé,0\n", "cp1252")
    with pytest.raises(DataError, match=r"line 3: byte 0xe9 is not utf-8; .*--encoding cp1252"):
        labelled_file.load(path)
    with pytest.raises(DataError, match=r"line 1: byte 0xff is not utf-8; .*--encoding utf-16"):
        labelled_file.load(_write(tmp_path / "b.csv", "text,label\n", "utf-16"))
    for wrong in ("latin-17", "base64", "a\0b"):
        with pytest.raises(DataError, match="the encoding is"):
            labelled_file.load(path, encoding=wrong)


def test_options_that_cannot_be_used_say_why(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.jsonl", '{"text": "a", "label": 1}\n{"text": "b", "label": 0}\n')
    with pytest.raises(DataError, match=r"must be different columns; got text, text"):
        labelled_file.load(path, label_column="text")
    with pytest.raises(DataError, match=r"a jsonl file has no delimiter"):
        labelled_file.load(path, delimiter=";")
    with pytest.raises(DataError, match=r"labels is 'stars'; it must be one of auto, binary"):
        labelled_file.load(path, labels="stars")  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"the format is 'xml'"):
        labelled_file.load(path, format="xml")
    with pytest.raises(DataError, match=r"quoting is 'all'; it must be csv or none"):
        labelled_file.load(path, quoting="all")  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"there is no file .*nope\.csv"):
        labelled_file.load(tmp_path / "nope.csv")
    with pytest.raises(DataError, match=r"cannot be read: Is a directory"):
        labelled_file.load(tmp_path, format="csv")
    assert len(labelled_file.load(path.rename(tmp_path / "a.txt"), format="jsonl").reviews) == 2
