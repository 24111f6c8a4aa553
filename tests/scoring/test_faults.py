"""Bad rows are kept with their error; malformed files and invalid options end the run with the place."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentiline.errors import DataFileError, OptionError, SentilineError
from sentiline.evaluation.evaluate import EvaluationOptions, evaluate_files
from sentiline.predictor import Predictor, load
from sentiline.scoring.io.chunk_builder import LINE_LIMIT
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.pipeline import score_files
from sentiline.scoring.scorer import FAULTS
from tests.scoring.files import ROWS, read, write


def parquet_bytes() -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"text": ["good"]}), buffer)
    return buffer.getvalue()


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    """JSON Lines with every kind of fault, each on a line of its own, and two sound rows."""
    rows: list[dict[str, Any]] = [
        {"text": "good"},
        {"text": None},
        {"other": 1},
        {"text": " <br/> "},
        {"text": 5},
        {"text": ["good"]},
        {"text": "\ud83d"},
        {"text": "bad " * 100},
        {"text": "good " * 70},
        {"text": "bad"},
    ]
    lines = [json.dumps(row).encode() for row in rows]
    path = tmp_path / "a.jsonl"
    more = [b'{"text": "caf\xe9 good"}', b'{"text": "' + b"x" * LINE_LIMIT + b'"}']
    path.write_bytes(b"\n".join([*lines, *more]) + b"\n")
    return path


EXPECTED = [
    None,
    "missing_text",
    "missing_text",
    "empty_text",
    "invalid_type",
    "invalid_type",
    "undecodable_text",
    "too_many_characters",
    "text_too_long",
    None,
    "undecodable_text",
    "line_too_long",
]


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.parquet"])
def test_every_kind_of_bad_row_is_kept_with_its_error(
    predictor: Predictor, tmp_path: Path, faulty: Path, name: str
) -> None:
    assert set(EXPECTED) - {None} | {"malformed_row", "unexpected_column", "unexpected_type"} == FAULTS.keys()
    options = ScoreOptions(text_column="text", max_characters=360, truncation="error")
    if name == "out.parquet":  # one column, one type: the rows with a number and a list go
        lines = faulty.read_bytes().splitlines()
        faulty.write_bytes(b"\n".join(lines[:4] + lines[6:]))
    summary = score_files(predictor, [str(faulty)], tmp_path / name, options)
    assert summary is not None
    expected = [error for error in EXPECTED if name != "out.parquet" or error != "invalid_type"]
    rows = read(tmp_path / name)
    assert [row["error"] or None for row in rows] == expected
    assert all(bool(row["label"]) != bool(row["error"]) for row in rows)
    assert [row["text"] for row in rows if row["error"] == "undecodable_text"] == ["\ufffd", "caf\ufffd good"]
    assert (summary.rows, summary.scored) == (len(expected), 2)
    assert summary.faults == {name: expected.count(name) for name in expected if name}


def test_strict_stops_at_the_first_bad_row_and_names_its_line(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('text,n\n"two\nlines",1\n\n"",2\ngood,3\n')
    with pytest.raises(DataFileError, match=r"a\.csv, line 5: empty_text: no word in the text; without --strict"):
        score_files(predictor, [str(tmp_path / "a.csv")], tmp_path / "out.csv", ScoreOptions(strict=True))
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_a_pipe_is_not_replaced_by_the_output(
    command: Callable[..., subprocess.Popen[bytes]], tmp_path: Path, engine: str
) -> None:
    (tmp_path / "a.csv").write_text("text\ngood\n")
    os.mkfifo(tmp_path / "out.csv")
    options = ["--engine", "ray"] if engine == "ray" else []
    process = command("a.csv", "-o", "out.csv", "--overwrite", *options)
    _, errors = process.communicate()
    assert process.returncode == 2
    wanted = "is a pipe or a device; name a regular file" if engine == "local" else "is a file; --engine ray writes"
    assert wanted in errors.decode()
    assert (tmp_path / "out.csv").is_fifo()


def test_values_nested_too_deep_for_parquet_raise_an_error(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "good", "deep": ' + "[" * 200 + "1" + "]" * 200 + "}\n")
    with pytest.raises(DataFileError, match=r"cannot be held in Parquet: Max recursion depth.*; write \.jsonl"):
        score_files(predictor, [str(tmp_path / "a.jsonl")], tmp_path / "out.parquet")
    score_files(predictor, [str(tmp_path / "a.jsonl")], tmp_path / "out.jsonl")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "out.jsonl"]


def test_bytes_in_a_parquet_text_column_are_read_as_text(predictor: Predictor, tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": pa.array([b"good"], pa.binary())}), tmp_path / "a.parquet")
    summary = score_files(predictor, [str(tmp_path / "a.parquet")], tmp_path / "out.parquet")
    assert summary is not None
    assert summary.faults == {}
    assert summary.scored == 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "is empty; its first line must name the columns"),
        ("a.csv", b'text,n\ngood,1\n"bad,2\nworst,3\n', "line 3: unexpected end of data.*read to line 4: is a quote"),
        (
            "a.csv",
            b'text\n"good" film\n',
            "line 2: .*is a quote left open.*are part of the text, add --quoting none",
        ),
        ("a.csv", b"text,n\ngood,1\na, b,2\n", "line 3: 3 columns, and the header has 2"),
        ("a.csv", b"text,n,n\ngood,1,2\n", "line 1: two columns are named 'n'"),
        (
            "a.csv",
            b"id;review\n1;good, bad\n",
            "line 1: the only column is named 'id;review'; .* by ';'.*--delimiter ';'",
        ),
        ("a.csv", b"id|review\n1|good\n", r"by '\|'\? Then add --delimiter '\|'"),
        ("a.csv", b"id\treview\n1\tgood\n", r"by '\\t'\? Then add --delimiter '\\t'"),
        ("a.tsv", b"id,review\n1,good\n", r"by ','\? Then add --delimiter ','"),
        (
            "a.csv",
            b"A fine film.\nAwful mess.\n",
            "line 1: should name .*'A fine film.' looks like a review; .* add --no-header.* add a first",
        ),
        ("a.csv", b"2,It was all fine\n1,Awful\n", "line 1: should name the columns, and 'It was all fine'"),
        ("a.tsv", b"5\t" + b"good " * 20 + b"\n1\tbad\n", "line 1: should name the columns"),
        ("a.csv", b"t\xe9xt\ngood\n", "line 1: not decodable; see --encoding"),
        ("a.csv", b'text\n"' + b"x" * (2**23 + 1) + b'"\n', "line 2: field larger than field limit"),
        ("a.csv", b"PK\x03\x04\x14\0", "cannot be read: File is not a zip file"),
        ("a.csv", b"PK\x05\x06" + bytes(18), "is an empty ZIP archive"),
        ("a.txt", lzma.compress(b"good\n")[:-9], "a.txt cannot be read: "),
        ("a.txt", lzma.compress(b"good\n", lzma.FORMAT_ALONE), "is compressed with lzma; unpack it"),
        ("a.jsonl", bz2.compress(b"good\n")[:-9], "a.jsonl cannot be read: "),
        ("a.csv", parquet_bytes(), "is Parquet; name it .parquet, or add --format parquet"),
        ("a.csv.gz", gzip.compress(gzip.compress(b"text\ngood\n", mtime=0), mtime=0), "line 1: not decodable"),
        ("a.jsonl", b"", "there is no row in the input"),
        ("a.jsonl", b'{"text": "good"}\n{"text": "bad"\n', "line 2: not JSON: "),
        ("a.csv", "id,text\n1,good\n".encode("utf-16-le"), "UTF-16 without a byte order mark; add --encoding"),
        (
            "a.jsonl",
            b'[\n {"text": "good"},\n 3]\n',
            "line 3: not a JSON array of objects: .*write one object per line",
        ),
        ("a.jsonl", b'["good"]\n', "line 1: holds list, not an object"),
        ("a.csv.gz", gzip.compress(b"text\ngood\n" * 5000, mtime=0)[:60], "a.csv.gz cannot be read: "),
        ("a.csv.zst", pa.compress(b"text\n" + b"good\n" * 50, codec="zstd", asbytes=True)[:20], "cannot be read: "),
        ("a.parquet", b"PAR1 nonsense PAR1", "is not a readable Parquet file"),
        ("a.parquet", b"", "is not a readable Parquet file"),
    ],
)
def test_errors_for_malformed_files_name_the_line(
    predictor: Predictor, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataFileError, match=message):
        score_files(predictor, [str(tmp_path / name)], tmp_path / "out.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("header", "column"),
    [("text,n", "text"), ("n,Review,label2", "Review"), ("only", "only"), ("n,words", "words")],
)
def test_a_single_candidate_is_taken_for_the_text(
    predictor: Predictor, tmp_path: Path, header: str, column: str
) -> None:
    values = {"n": "4", "label2": "pos"}
    record = ",".join(values.get(name, "good film") for name in header.split(","))
    (tmp_path / "a.csv").write_text(f"{header}\n{record}\n")
    seen: list[str] = []
    score_files(
        predictor, [str(tmp_path / "a.csv")], tmp_path / "o.csv", on_progress=lambda one: seen.append(one.column)
    )
    assert seen == [column]


@pytest.mark.parametrize(
    ("header", "options", "error", "message"),
    [
        (
            "text,review",
            {},
            DataFileError,
            "2 columns may be the text; name it with --text-column; the columns: 'text'",
        ),
        ("title,summary", {}, DataFileError, "2 columns may be the text"),
        ("a,b", {"text_column": "c"}, DataFileError, "has no column 'c'; its columns: 'a', 'b'"),
        ("text,label", {}, OptionError, "has a column 'label' already; .*--prefix"),
        ("text,Score", {}, OptionError, "has a column 'Score' already, and 'score' is added, .*--prefix"),
        ("text,ERROR", {}, OptionError, "has a column 'ERROR' already, and 'error' is added, .*--prefix"),
        ("text,my_Label", {"prefix": "MY_"}, OptionError, "'my_Label' already, and 'MY_label' is added"),
        ("text,n", {"encoding": "klingon"}, OptionError, "--encoding is 'klingon'"),
        ("text,n", {"to": "text"}, OptionError, "plain text has no columns"),
        ("text,n", {"to": "xml"}, OptionError, "--to is 'xml'; it must be one of csv"),
    ],
)
def test_columns_and_options_that_do_not_fit_raise_an_error(
    predictor: Predictor,
    tmp_path: Path,
    header: str,
    options: dict[str, Any],
    error: type[SentilineError],
    message: str,
) -> None:
    (tmp_path / "a.csv").write_text(f"{header}\ngood film,bad film\n")
    with pytest.raises(error, match=message):
        score_files(predictor, [str(tmp_path / "a.csv")], tmp_path / "out.csv", ScoreOptions(**options))
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.parametrize(
    ("inputs", "output", "message"),
    [
        ([""], "out.csv", "an input has an empty name; name a file"),
        (["none.csv"], "out.csv", r"none\.csv: there is no such file"),
        (["empty"], "out.csv", "empty: there is no file with a known extension"),
        (["a.csv", "a.csv"], "out.csv", "named twice"),
        (["a.csv"], "a.csv", "is an input as well"),
        (["a.csv"], "none/out.csv", "there is no folder"),
        (["a.csv"], "-", "so it cannot be standard output; name a file"),
        (["a.csv"], "out.xml", r"the extension '\.xml' is unknown"),
        (["a.csv"], "out.parquet.gz", "leave .gz out"),
        (["a.csv"], "there.csv", r"there\.csv exists; replace it with --overwrite"),
        (["a.csv"], "parts.csv", r"parts\.csv is a folder; name a file"),
        (["http://host/a.csv"], "out.csv", r"http://host/a\.csv cannot be used; give a path or one of s3://bucket/key"),
    ],
)
def test_paths_that_cannot_be_used_raise_an_error(
    predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inputs: list[str], output: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("empty", "parts.csv"):
        Path(folder).mkdir()
    for name in ("a.csv", "there.csv"):
        Path(name).write_text("text\ngood\n")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SentilineError, match=message):
        score_files(predictor, inputs, Path(output))
    assert sorted(tmp_path.rglob("*")) == before


def test_prefix_and_overwrite(predictor: Predictor, tmp_path: Path) -> None:
    source = write(tmp_path / "a.csv", [row | {"label": "x"} for row in ROWS])
    (tmp_path / "out.csv").write_text("precious")
    options = ScoreOptions(text_column="review", prefix="s_")
    with pytest.raises(DataFileError, match="--overwrite"):
        score_files(predictor, [str(source)], tmp_path / "out.csv", options)
    assert (tmp_path / "out.csv").read_text() == "precious"
    score_files(predictor, [str(source)], tmp_path / "out.csv", options, overwrite=True)
    row = read(tmp_path / "out.csv")[0]
    assert row["label"] == "x"
    assert row["s_label"] in ("POSITIVE", "NEGATIVE")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["a.csv", "-o", "out.csv", "--model", "none"], 1, "no model named 'none'"),
        (["a.csv", "-o", "out.csv", "--strict"], 2, "a.csv, line 3: empty_text"),
        (["a.csv"], 2, "Missing option '--output'"),
        (["a.csv", "-o", "out.csv"], 0, ""),
    ],
)
def test_exit_codes(
    command: Callable[..., subprocess.Popen[bytes]], tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    (tmp_path / "a.csv").write_text('text,n\ngood,1\n"",2\n')
    process = command(*arguments)
    output, errors = process.communicate()
    assert process.returncode == code
    assert message in errors.decode()
    assert "Traceback" not in errors.decode()
    if code == 0:
        assert "1 with error empty_text: no word in the text" in output.decode()
        assert "P(positive)" in output.decode()


def test_the_error_for_missing_pyarrow_names_the_extra(tmp_path: Path, bundle: Path) -> None:

    (tmp_path / "a.csv").write_text("text\ngood\n")
    code = (
        "import sys; sys.modules['pyarrow'] = None; from sentiline.cli.main import main; "
        "main(['score', 'a.csv', '-o', sys.argv[1], '--model', sys.argv[2]])"
    )
    root = str(Path(__file__).resolve().parents[2])
    for name, expected in (("out.parquet", 2), ("out.csv.zst", 2), ("out.csv.gz", 0)):
        done = subprocess.run(
            [sys.executable, "-c", code, name, str(bundle)],
            cwd=tmp_path,
            env={"PYTHONPATH": root},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == expected, done.stderr
        assert ("needs pyarrow: pip install 'sentiline[batch]'" in done.stderr) == bool(expected)


def test_blank_lines_are_empty_texts_where_there_is_one_column(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('\ntext\ngood\n\n""\nbad\n')
    score_files(predictor, [str(tmp_path / "a.csv")], tmp_path / "one.jsonl")
    rows = read(tmp_path / "one.jsonl")
    assert [(row["text"], row["error"]) for row in rows] == [
        ("good", None), ("", "empty_text"), ("", "empty_text"), ("bad", None)
    ]  # fmt: skip
    (tmp_path / "b.csv").write_text("text,n\ngood,1\n\nbad,2\n")
    score_files(predictor, [str(tmp_path / "b.csv")], tmp_path / "two.jsonl")
    assert [row["n"] for row in read(tmp_path / "two.jsonl")] == ["1", "2"]


@pytest.mark.parametrize("ending", ["parquet", "csv"])
@pytest.mark.parametrize("output", ["out.parquet", "out.jsonl"])
def test_the_error_for_a_later_file_without_the_text_column_names_it(
    predictor: Predictor, tmp_path: Path, ending: str, output: str
) -> None:
    write(tmp_path / f"a.{ending}", ROWS)
    write(tmp_path / f"b.{ending}", [{"id": row["id"], "remark": row["review"]} for row in ROWS])
    paths = [str(tmp_path / f"{name}.{ending}") for name in "ab"]
    with pytest.raises(DataFileError, match=rf"b\.{ending} has no column 'review', .*its columns: 'id', 'remark'"):
        score_files(predictor, paths, tmp_path / output, ScoreOptions(text_column="review"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a.{ending}", f"b.{ending}"]


@pytest.mark.parametrize(
    ("name", "encoding", "error", "message"),
    [
        ("a.csv", "utf-16", DataFileError, "a.csv is not utf-16: .*; see --encoding"),
        ("a.csv", "idna", DataFileError, "a.csv is not idna: .*; see --encoding"),
        ("a.csv", "punycode", DataFileError, "a.csv is not punycode: .*; see --encoding"),
        ("reviews", "idna", DataFileError, "reviews is not idna: .*; see --encoding"),
        ("a.csv", "undefined", OptionError, "'undefined', which is unknown or not a text encoding"),
        ("a.csv", "hex", OptionError, "'hex', which is unknown or not a text encoding"),
        ("a.csv", "rot13", OptionError, "'rot13', which is unknown or not a text encoding"),
        ("a.csv", "utf-8\0", OptionError, "which is unknown or not a text encoding"),
    ],
)
def test_an_encoding_that_does_not_fit_leaves_nothing_behind(
    predictor: Predictor, tmp_path: Path, name: str, encoding: str, error: type[SentilineError], message: str
) -> None:
    path = tmp_path / name
    path.write_bytes("id,review,label\n1,caf\xe9 .. good,1\n".encode())
    options = ScoreOptions(text_column="review", encoding=encoding, prefix="s_")
    with pytest.raises(error, match=message):
        score_files(predictor, [str(path)], tmp_path / "out.csv", options)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    with pytest.raises(error, match=message):
        evaluate_files([predictor], [str(path)], EvaluationOptions("review", encoding=encoding))


def test_a_run_that_fails_before_its_first_chunk_leaves_nothing_behind(bundle: Path, tmp_path: Path) -> None:
    source = write(tmp_path / "a.csv", ROWS)
    with load(bundle) as closed:
        pass
    with pytest.raises(RuntimeError, match="closed"):
        score_files(closed, [str(source)], tmp_path / "out.csv", ScoreOptions("review"))
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
