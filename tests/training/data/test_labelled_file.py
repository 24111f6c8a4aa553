"""Labelled files of every format: each row is a review or a listed problem, and unusable files say why."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentiline.errors import DataFileError, OptionError, SentilineError
from training.data import labelled_file
from training.data.labelled_file import Problem
from training.data.review import Review
from training.errors import DataError


def _write(path: Path, content: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(content.encode(encoding))
    return path


def _problems(data: labelled_file.LabelledData) -> list[tuple[int, str, str]]:
    return [(problem.line, problem.kind, problem.value) for problem in data.problems]


CSV = '''"text,1",label,film
"A joy, start to ""finish""",1,a
"Two
lines, and dull",0,b
,1,c

   ,0,c
Fine,,d
Fine,maybe,d
Fine,2,d
...,1,d
<br />&nbsp;,0,d
Last,0,
'''


def test_every_csv_row_is_a_review_or_a_problem(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.csv", CSV)
    data = labelled_file.load(path, text_column="text,1", labels="binary")
    assert data.reviews == (
        Review('A joy, start to "finish"', 1, id=f"{path}, line 2"),
        Review("Two\nlines, and dull", 0, id=f"{path}, line 3"),
        Review("Last", 0, id=f"{path}, line 13"),
    )
    assert _problems(data) == [
        (5, "empty_text", ""),
        (7, "empty_text", ""),
        (8, "missing_label", ""),
        (9, "unreadable_label", "maybe"),
        (10, "unreadable_label", "2"),
        (11, "empty_text", "..."),
        (12, "empty_text", "<br />&nbsp;"),
    ]


def test_the_summary_counts_and_locates_the_problems(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.csv", CSV)
    lines = labelled_file.load(path, text_column="text,1", labels="binary").summary().splitlines()
    assert lines[0] == "10 rows, labels read as binary: 3 usable (1 positive, 2 negative), 7 skipped"
    assert lines[1] == f"  4 empty_text: no word in the text; {path}: 5, 7, 11, 12 ('')"
    assert f"  2 unreadable_label: a label that --labels does not know; {path}: 9, 10 ('maybe')" in lines
    many = _write(tmp_path / "b.csv", "text,label\n" + "x,maybe\n" * 12 + "a,1\nb,0\n" * 30)
    lines = labelled_file.load(many).summary().splitlines()
    assert lines[1].endswith(f"{many}: 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, … ('maybe')")


@pytest.mark.parametrize(
    ("name", "row", "message"),
    [
        ("a.csv", "c,1,d", r"line 4: 3 columns, and the header has 2"),
        ("a.csv", "c", r"line 4: 1 columns, and the header has 2"),
        ("a.csv", '"c"x,1', r"line 4: .* read to line 4: is a quote left open or not doubled\? .*--quoting none"),
        ("a.csv", '"c,1\nd,0\ne,1', r"line 4: .* read to line 6: is a quote left open"),
        ("a.jsonl", '{"text": "c', r"line 4: not JSON"),
        ("a.jsonl", '["c", 1]', r"line 4: holds list, not an object"),
        ("a.jsonl", "[" * 100_000, r"line 4: not JSON"),
    ],
)
def test_a_malformed_row_is_refused_with_its_line(tmp_path: Path, name: str, row: str, message: str) -> None:
    rows = {"a.csv": "text,label\na,1\nb,0\n", "a.jsonl": '{"text": "a", "label": 1}\n\n{"text": "b", "label": 0}\n'}
    with pytest.raises(DataFileError, match=message):
        labelled_file.load(_write(tmp_path / name, f"{rows[name]}{row}\n"))


def test_a_folder_a_glob_and_compressed_files_are_one_data_set(tmp_path: Path) -> None:
    _write(tmp_path / "b.csv", "text,label\nGood,1\n,1\n")
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b'{"text": "Dull", "label": 0}\n'))
    for path in (tmp_path, tmp_path / "*.*"):
        data = labelled_file.load(path)
        assert data.reviews == (
            Review("Dull", 0, id=f"{tmp_path / 'a.jsonl.gz'}, line 1"),
            Review("Good", 1, id=f"{tmp_path / 'b.csv'}, line 2"),
        )
        assert data.problems == (Problem(str(tmp_path / "b.csv"), 3, "empty_text", ""),)


def test_groups_are_kept_apart_by_the_split(tmp_path: Path) -> None:
    rows = "".join(f"text {n},{n % 2},g{n // 4}\n" for n in range(80))
    data = labelled_file.load(_write(tmp_path / "a.csv", "text,label,g\n" + rows + "x,1,\n"), group_column="g")
    assert _problems(data) == [(82, "missing_group", "")]
    assert data.reviews[5] == Review("text 5", 1, film="g1", id=f"{tmp_path / 'a.csv'}, line 7")
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
    with pytest.raises(DataFileError, match=r"line 2: .*--quoting none"):
        labelled_file.load(path)
    quoted = labelled_file.load(_write(tmp_path / "b.tsv", 'text\tlabel\n"a\tb"\tpos\nc\tNeg\n'))
    assert [(review.text, review.label) for review in quoted.reviews] == [("a\tb", 1), ("c", 0)]


@pytest.mark.parametrize(
    ("content", "encoding", "told"),
    [
        ("\ufefftext,label\ncafé,1\nb,0\n", "utf-8", "utf-8"),
        ("text,label\r\ncafé,1\r\nb,0\r\n", "cp1252", "cp1252"),
        ("text,label\rcafé,1\rb,0\r", "utf-8", "utf-8"),
        ("text,label\ncafé,1\nb,0", "utf-16", "utf-16"),
    ],
)
def test_encodings_and_line_ends_are_read(tmp_path: Path, content: str, encoding: str, told: str) -> None:
    data = labelled_file.load(_write(tmp_path / "a.csv", content, encoding), encoding=told)
    place = f"{tmp_path / 'a.csv'}, line"
    assert [(review.text, review.id) for review in data.reviews] == [("café", f"{place} 2"), ("b", f"{place} 3")]


def test_a_long_text_is_a_text(tmp_path: Path) -> None:
    text = "word " * 60_000
    data = labelled_file.load(_write(tmp_path / "a.csv", f"text,label\n{text},1\nb,0\n"))
    assert data.reviews[0].text == text


def test_a_delimiter_is_named_or_asked_for(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.csv", "text;label\na, b;1\nc;0\n")
    assert [review.text for review in labelled_file.load(path, delimiter=";").reviews] == ["a, b", "c"]
    with pytest.raises(DataFileError, match=r"the only column is named 'text;label'; .* add --delimiter ';'"):
        labelled_file.load(path)
    for wrong in ("", ";;", '"', "\n"):
        with pytest.raises(OptionError, match=r"delimiter is .* one character"):
            labelled_file.load(path, delimiter=wrong)


def test_every_jsonl_line_is_a_review_or_a_problem(tmp_path: Path) -> None:
    lines = [
        '{"body": "A joy\\u2028indeed \u2028", "sentiment": "positive", "id": 1}',
        '{"body": "Dull", "sentiment": " NEG "}',
        "",
        '{"sentiment": "pos"}',
        '{"body": null, "sentiment": "pos"}',
        '{"body": 5, "sentiment": "pos"}',
        '{"body": "x"}',
        '{"body": "x", "sentiment": NaN}',
        '{"body": "x", "sentiment": {"pos": 1}}',
        '{"body": "half \\ud83d", "sentiment": "pos"}',
        '{"body": "x", "sentiment": "neutral"}',
    ]
    path = _write(tmp_path / "a.ndjson", "\r\n".join(lines) + "\r\n")
    data = labelled_file.load(path, text_column="body", label_column="sentiment")
    assert data.scheme == "names"
    assert [(r.text, r.label) for r in data.reviews] == [("A joy\u2028indeed \u2028", 1), ("Dull", 0)]
    assert _problems(data) == [
        (4, "missing_text", ""),
        (5, "missing_text", ""),
        (6, "invalid_type", "5"),
        (7, "missing_label", ""),
        (8, "missing_label", "nan"),
        (9, "unreadable_label", "{'pos': 1}"),
        (10, "undecodable_text", "half \ud83d"),
        (11, "neutral_label", "neutral"),
    ]


def test_parquet_values_are_read_with_their_rows(tmp_path: Path) -> None:
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
        Review("A joy", 1, stars=5, film="a", id=f"{tmp_path / 'a.parquet'}, row 1"),
        Review("Dull", 0, stars=1, film="b", id=f"{tmp_path / 'a.parquet'}, row 2"),
        Review("Meh", 0, stars=2.5, film="c", id=f"{tmp_path / 'a.parquet'}, row 6"),
    )
    assert _problems(data) == [(3, "missing_group", ""), (4, "missing_label", ""), (5, "neutral_label", "3.0")]


def test_parquet_truth_values_and_bytes(tmp_path: Path) -> None:
    texts: list[Any] = [b"A joy", b"Dull"]
    pq.write_table(pa.table({"text": pa.array(texts, pa.binary()), "label": [True, False]}), tmp_path / "b.parquet")
    with pytest.raises(DataError, match=r"(?s)no usable row.*2 invalid_type: not a string; .*: 1, 2 \(.*A joy"):
        labelled_file.load(tmp_path / "b.parquet")
    pq.write_table(pa.table({"text": ["A joy", "Dull"], "label": [True, False]}), tmp_path / "a.parquet")
    assert [review.label for review in labelled_file.load(tmp_path / "a.parquet").reviews] == [1, 0]


def test_ten_star_ratings_are_read(tmp_path: Path) -> None:
    rows = "".join(json.dumps({"text": f"text {stars}", "label": stars}) + "\n" for stars in range(1, 11))
    data = labelled_file.load(_write(tmp_path / "a.jsonl", rows))
    assert [(review.stars, review.label) for review in data.reviews] == [
        *((stars, 0) for stars in (1, 2, 3, 4)),
        *((stars, 1) for stars in (7, 8, 9, 10)),
    ]
    assert _problems(data) == [(5, "neutral_label", "5"), (6, "neutral_label", "6")]
    with pytest.raises(DataFileError, match=r"5 of 10 labels are not of stars5: 1 \(1 rows\), .*10 \(1 rows\)"):
        labelled_file.load(tmp_path / "a.jsonl", labels="stars5")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", r"a\.csv is empty; its first line must name the columns"),
        ("a.csv", "\n\n", r"is empty"),
        ("a.csv", "text,label\n", r"there are no labels; say what they mean with --labels"),
        ("a.csv", 'te"xt,"label\n', r"line 1: "),
        ("a.csv", "review,label\na,1\nb,0\n", r"has no column 'text'; its columns: 'review', 'label'$"),
        ("a.csv", "text,stars\na,1\n", r"has no column 'label'; name the column of the labels with --label-column"),
        ("a.csv", "text,label,text\na,1,b\n", r"two columns are named 'text'"),
        ("a.csv", "text,label\na,1\nb,1\n", r"column 'label': .* 1 \(2 rows\); say what they mean with --labels"),
        ("a.csv", "text,label\na,0\nb,0\n", r"holds only negative reviews .* read as binary; training needs both"),
        ("a.csv", "text,label\n,0\n,1\n", r"(?s)holds no usable row .*2 empty_text: .*: 2, 3"),
        ("a.csv", "text,label\na,x\nb,y\n", r"do not tell their scheme: x \(1 rows\), y \(1 rows\)"),
        ("a.jsonl", "", r"there are no labels; say what they mean with --labels"),
        ("a.jsonl", '[{"text": "a",\n"label": 1}, 2]', r"line 2: not a JSON array of objects: '2\]' is not an object"),
        ("a.jsonl", "text,label\na,1\n", r"line 1: not JSON"),
        (
            "a.jsonl",
            '{"review": "a", "label": 1}\n{"review": "b", "label": 0}',
            r"no column 'text'; its columns: 'review'",
        ),
        ("a.parquet", "hello", r"a\.parquet is not a readable Parquet file"),
        ("a.txt", "text,label\n", r"a\.txt has no column 'label'"),
        ("a.doc", "so good!\n", r"neither its extension nor its content tells the format"),
    ],
)
def test_files_that_cannot_be_used_say_why(tmp_path: Path, name: str, content: str, message: str) -> None:
    with pytest.raises(SentilineError, match=message):
        labelled_file.load(_write(tmp_path / name, content))


def test_bytes_of_another_encoding_are_located(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.csv", "text,label\nplain,1\nso,0\ncafé,0\n", "cp1252")
    assert _problems(labelled_file.load(path)) == [(4, "undecodable_text", "caf\udc80")]
    with pytest.raises(DataFileError, match=r"is UTF-16; add --encoding utf-16"):
        labelled_file.load(_write(tmp_path / "b.csv", "text,label\n", "utf-16"))
    for wrong in ("latin-17", "base64", "a\0b"):
        with pytest.raises(OptionError, match="--encoding is"):
            labelled_file.load(path, encoding=wrong)


def test_unusable_options_say_why(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.jsonl", '{"text": "a", "label": 1}\n{"text": "b", "label": 0}\n')
    with pytest.raises(DataError, match=r"must be different columns; got text, text"):
        labelled_file.load(path, label_column="text")
    with pytest.raises(DataFileError, match=r"has no column 'film'; its columns: 'text', 'label'"):
        labelled_file.load(path, group_column="film")
    with pytest.raises(OptionError, match=r"--delimiter is for CSV and TSV"):
        labelled_file.load(path, delimiter=";")
    with pytest.raises(OptionError, match=r"labels is 'stars'; it must be auto, binary, .*, or a mapping such as"):
        labelled_file.load(path, labels="stars")
    with pytest.raises(OptionError, match=r"--format is 'xml'"):
        labelled_file.load(path, format="xml")
    with pytest.raises(OptionError, match=r"--quoting is 'all'; it must be one of csv, none"):
        labelled_file.load(path, quoting="all")
    with pytest.raises(DataFileError, match=r"nope\.csv: there is no such file"):
        labelled_file.load(tmp_path / "nope.csv")
    assert len(labelled_file.load(path.rename(tmp_path / "a.txt"), format="jsonl").reviews) == 2


@pytest.mark.parametrize(
    ("name", "encoding", "row"),
    [
        ("a.csv", "utf-8", b"loved it \xf0\x9f\x98,1\n"),
        ("a.csv", "cp1252", b"loved it \x9d,1\n"),
        ("a.tsv", "utf-8", b"caf\xe9\t1\n"),
        ("a.jsonl", "utf-8", b'{"text": "half \xf0\x9f", "label": 1}\n'),
    ],
)
@pytest.mark.parametrize(("bad", "good", "proposed"), [(1, 3, False), (5, 3, False), (6, 70, False), (6, 40, True)])
def test_an_undecodable_byte_costs_its_row_only(
    tmp_path: Path, name: str, encoding: str, row: bytes, bad: int, good: int, proposed: bool
) -> None:
    form, header = {
        "a.csv": ("good {0},{1}\n", "text,label\n"),
        "a.tsv": ("good {0}\t{1}\n", "text\tlabel\n"),
        "a.jsonl": ('{{"text": "good {0}", "label": {1}}}\n', ""),
    }[name]
    rows = "".join(form.format(n, n % 2) for n in range(good))
    (tmp_path / name).write_bytes(header.encode() + bad * row + rows.encode())
    found = labelled_file.load(tmp_path / name, encoding=encoding)
    assert len(found.reviews) == good
    first = 1 if name == "a.jsonl" else 2
    assert {problem.kind for problem in found.problems} == {"undecodable_text"}
    assert [problem.line for problem in found.problems] == list(range(first, first + bad))
    assert ("see --encoding" in found.summary()) is proposed
    assert "cp1252" not in found.summary()


def test_a_mapping_gives_any_labels_their_sentiment(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\nfine,LABEL_1\ndull,LABEL_0\nso so,LABEL_2\n", encoding="utf-8")
    data = labelled_file.load(path, labels="negative=LABEL_0,neutral=LABEL_2,positive=LABEL_1")
    assert [(review.text, review.label) for review in data.reviews] == [("fine", 1), ("dull", 0)]
    assert [problem.kind for problem in data.problems] == ["neutral_label"]
    with pytest.raises(OptionError, match=r"negative=.*LABEL_1|LABEL_1.*negative=|mapping"):
        labelled_file.load(path, labels="positive")
