"""Every input format with every output format: columns are kept, and scores are those of the predictor."""

from __future__ import annotations

import datetime
import decimal
import gzip
import json
import subprocess
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sentiline.errors import DataFileError, OptionError
from sentiline.predictor import Predictor
from sentiline.scoring.chunk import CHUNK_ROWS
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.pipeline import score_files
from sentiline.scoring.scorer import COLUMNS
from tests.scoring.files import REVIEWS, ROWS, read, write

TABLES = ["a.csv", "a.tsv.gz", "a.csv.zst", "a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.parquet"]


@pytest.mark.parametrize("given_name", TABLES)
@pytest.mark.parametrize("wanted_name", TABLES)
def test_every_pair_of_formats(predictor: Predictor, tmp_path: Path, given_name: str, wanted_name: str) -> None:
    (tmp_path / "in").mkdir()
    source = write(tmp_path / "in" / given_name, ROWS)
    output = tmp_path / wanted_name
    summary = score_files(predictor, [str(source)], output, ScoreOptions(text_column="review"))
    assert summary is not None
    assert (summary.rows, summary.scored, sum(summary.histogram)) == (6, 6, 6)
    rows = read(output)
    assert [{name: row[name] for name in ("id", "review", "note")} for row in rows] == ROWS
    assert list(rows[0]) == ["id", "review", "note", *COLUMNS]
    for row, expected in zip(rows, predictor.predict(REVIEWS), strict=True):
        assert row["label"] == expected.label
        assert float(row["positive"]) == expected.positive
        assert float(row["score"]) == expected.score
        assert int(row["tokens_total"]) == expected.tokens_total
        assert int(row["unknown_tokens"]) == expected.unknown_tokens
        assert row["truncated"] in (False, "false")
        assert row["uncertain"] in (None, "")  # without thresholds nobody knows
        assert row["error"] in (None, "")
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


@pytest.mark.parametrize("name", TABLES)
def test_uncertain_is_written_in_every_format(unsure: Predictor, tmp_path: Path, name: str) -> None:
    texts = [*REVIEWS, "zzz qqq good xxx", "..."]
    source = write(tmp_path / "in.jsonl", [{"review": text} for text in texts])
    summary = score_files(unsure, [str(source)], tmp_path / name)
    expected = [one.uncertain for one in unsure.predict(texts[:-1])]
    assert {True, False} == set(expected)
    nothing, no, yes = ("", "false", "true") if name.startswith(("a.csv", "a.tsv")) else (None, False, True)
    found = [row["uncertain"] for row in read(tmp_path / name)]
    assert found == [*(yes if one else no for one in expected), nothing]
    assert all(type(one) is type(yes) for one in found[:-1])
    assert (summary.rows, summary.scored, summary.judged, summary.uncertain) == (8, 7, 7, sum(map(bool, expected)))


def test_plain_text_has_a_row_for_each_line(predictor: Predictor, tmp_path: Path) -> None:
    source = tmp_path / "a.txt"
    source.write_bytes(b"a good film\r\n\nthe worst\x0cplot")
    score_files(predictor, [str(source)], tmp_path / "out.jsonl")
    rows = read(tmp_path / "out.jsonl")
    assert [row["text"] for row in rows] == ["a good film", "", "the worst\x0cplot"]
    assert [row["error"] for row in rows] == [None, "empty_text", None]


def test_json_objects_keep_their_source_text(predictor: Predictor, tmp_path: Path) -> None:
    line = '{"n": 1.10, "big": 123456789012345678901234567890, "text": "good\\u0021", "deep": {"b": [1e2, null]}}'
    (tmp_path / "a.jsonl").write_text(f'\ufeff{line}\n\n {{"other": 1, "text": "bad" }} \n', encoding="utf-8")
    score_files(predictor, [str(tmp_path / "a.jsonl")], tmp_path / "out.jsonl")
    first, second = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert first.startswith(line[:-1] + ', "label": ')
    assert json.loads(second)["other"] == 1


def test_parquet_columns_keep_their_types(predictor: Predictor, tmp_path: Path) -> None:
    table = pa.table(
        {
            "when": pa.array([datetime.datetime(2020, 1, 2, 3), None], pa.timestamp("us", "UTC")),
            "price": pa.array([decimal.Decimal("1.20"), None], pa.decimal128(5, 2)),
            "tags": pa.array([["x"], []], pa.list_(pa.string())),
            "raw": pa.array([b"\x00\xff", None], pa.binary()),
            "kind": pa.array(["p", "q"]).dictionary_encode(),
            "review": pa.array(REVIEWS[:2], pa.large_string()),
        }
    ).replace_schema_metadata({"owner": "tests"})
    pq.write_table(table, tmp_path / "a.parquet")
    score_files(predictor, [str(tmp_path / "a.parquet")], tmp_path / "out.parquet", ScoreOptions(text_column="review"))
    out = pq.read_table(tmp_path / "out.parquet")
    assert out.select(table.column_names).equals(table)
    assert out.schema.metadata[b"owner"] == b"tests"
    assert out.schema.field("score").type == pa.float64()
    with pytest.raises(DataFileError, match="holds bytes, which only Parquet can hold"):
        score_files(predictor, [str(tmp_path / "a.parquet")], tmp_path / "out.csv", ScoreOptions(text_column="review"))
    pq.write_table(table.drop_columns("raw"), tmp_path / "b.parquet")
    score_files(predictor, [str(tmp_path / "b.parquet")], tmp_path / "out.jsonl", ScoreOptions(text_column="review"))
    first = read(tmp_path / "out.jsonl")[0]
    assert (first["when"], first["price"], first["tags"]) == ("2020-01-02T03:00:00+00:00", "1.20", ["x"])


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
def test_timesteps(predictor: Predictor, tmp_path: Path, name: str) -> None:
    source = write(tmp_path / "a.csv", [*ROWS, {"id": "x", "review": "", "note": ""}])
    score_files(predictor, [str(source)], tmp_path / name, ScoreOptions(text_column="review", timesteps=True))
    rows = read(tmp_path / name)
    assert rows[-1]["timesteps"] is None
    for row, expected in zip(rows, predictor.predict(REVIEWS, detail="timesteps"), strict=False):
        assert expected.timesteps is not None
        assert [(step["token"], step["start"], step["end"]) for step in row["timesteps"]] == [
            (step.token, step.start, step.end) for step in expected.timesteps
        ]
        for key in ("positive", "contribution", "running"):
            assert [step[key] for step in row["timesteps"]] == pytest.approx(
                [getattr(step, key) for step in expected.timesteps], abs=1e-6
            )


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
def test_sentences(predictor: Predictor, tmp_path: Path, name: str) -> None:
    rows = [{"review": "A good film. The ending was bad!"}, {"review": None}, *ROWS]
    source = write(tmp_path / "a.parquet", [{"review": row["review"]} for row in rows])
    score_files(predictor, [str(source)], tmp_path / name, ScoreOptions(sentences=True, timesteps=True))
    scored = read(tmp_path / name)
    assert list(scored[0]) == ["review", *COLUMNS, "timesteps", "sentences"]
    assert scored[1]["sentences"] is None
    assert [one["sentence"] for one in scored[0]["sentences"]] == ["A good film.", "The ending was bad!"]
    for row in scored:
        if row["review"] is not None:
            [expected] = predictor.predict([row["review"]], detail="sentences")
            assert row["sentences"] == [asdict(one) for one in expected.sentences or ()]


@pytest.mark.parametrize("name", ["out.csv", "out.tsv"])
@pytest.mark.parametrize("wanted", ["timesteps", "sentences"])
def test_csv_and_tsv_cannot_hold_nested_columns(predictor: Predictor, tmp_path: Path, name: str, wanted: str) -> None:
    source = write(tmp_path / "a.csv", ROWS)
    with pytest.raises(OptionError, match=rf"no nested columns for --{wanted}; write \.jsonl or \.parquet"):
        score_files(predictor, [str(source)], tmp_path / name, ScoreOptions(**{wanted: True}))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_inputs_are_decoded_by_their_encoding(predictor: Predictor, tmp_path: Path, encoding: str) -> None:
    rows = [{"review": "Très bon café, loved"}, {"review": "a bad “film”"}]
    source = write(tmp_path / "a.csv", rows, encoding)
    options = ScoreOptions(encoding="utf-8" if encoding == "utf-8-sig" else encoding)
    score_files(predictor, [str(source)], tmp_path / "out.csv", options)
    assert [row["review"] for row in read(tmp_path / "out.csv")] == [row["review"] for row in rows]
    if encoding == "utf-16":
        with pytest.raises(DataFileError, match="add --encoding utf-16"):
            score_files(predictor, [str(source)], tmp_path / "again.csv")


def test_folders_globs_and_order(predictor: Predictor, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    for name, number in (("b.csv", 1), ("a.csv", 0), ("sub/c.csv.gz", 2)):
        write(folder / name, [ROWS[number]])
    (folder / "notes.md").write_text("not reviews")
    (folder / ".hidden.csv").write_text("not reviews")
    for inputs in ([str(folder)], [str(folder / "*.csv"), str(folder / "sub")]):
        score_files(predictor, inputs, tmp_path / "out.csv", ScoreOptions(text_column="review"), overwrite=True)
        assert [row["id"] for row in read(tmp_path / "out.csv")] == ["000", "001", "002"]


def test_standard_input(command: Callable[..., subprocess.Popen[bytes]], tmp_path: Path) -> None:
    content = write(tmp_path / "a.csv.gz", ROWS).read_bytes()
    process = command("-", "--format", "csv", "-o", "out.csv", "--text-column", "review")
    output, errors = process.communicate(content)
    assert process.returncode == 0, errors
    assert [row["id"] for row in read(tmp_path / "out.csv")] == [row["id"] for row in ROWS]
    assert "6 rows written to out.csv: 6 scored" in output.decode()
    process = command("-", "-o", "told.csv", "--text-column", "review")
    assert process.communicate(content)[0]
    assert (tmp_path / "told.csv").read_bytes() == (tmp_path / "out.csv").read_bytes()
    process = command("-", "-o", "other.csv")
    assert "standard input is empty" in process.communicate(b"")[1].decode()
    assert process.returncode == 2


TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=20)


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl"])
def test_any_text_survives(predictor: Predictor, tmp_path: Path, name: str, rows: list[tuple[str, str]]) -> None:
    records: list[dict[str, Any]] = [{"id": number, "review": text} for number, text in rows]
    source = write(tmp_path / f"in{name}", records)
    score_files(predictor, [str(source)], tmp_path / name, ScoreOptions(text_column="review"), overwrite=True)
    assert [{"id": row["id"], "review": row["review"]} for row in read(tmp_path / name)] == records


def test_later_rows_with_other_columns_raise_an_error(predictor: Predictor, tmp_path: Path) -> None:
    rows = [{"text": "good", "n": 1} for _ in range(1024)] + [{"text": "bad", "n": 1.5}]
    source = write(tmp_path / "a.jsonl", rows)
    with pytest.raises(DataFileError, match=r"line 1025: column 'n' does not fit one type.*write \.jsonl"):
        score_files(predictor, [str(source)], tmp_path / "out.parquet")
    write(source, [*rows, {"text": "new", "m": 1}])
    with pytest.raises(DataFileError, match=r"line 1026: has a column 'm' that the rows before lack.*write \.jsonl"):
        score_files(predictor, [str(source)], tmp_path / "out.csv")
    score_files(predictor, [str(source)], tmp_path / "out.jsonl")
    assert read(tmp_path / "out.jsonl")[-1]["m"] == 1
    left = ["a.jsonl", "out.csv.partial", "out.jsonl", "out.parquet.partial"]
    assert sorted(path.name for path in tmp_path.iterdir()) == left


def test_an_input_without_rows_gives_an_empty_output(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("review\n")
    summary = score_files(predictor, [str(tmp_path / "a.csv")], tmp_path / "out.csv")
    assert summary is not None
    assert summary.rows == 0
    assert (tmp_path / "out.csv").read_text() == "review," + ",".join(COLUMNS) + "\n"
    pq.write_table(pa.table({"review": pa.array([], pa.string())}), tmp_path / "a.parquet")
    score_files(predictor, [str(tmp_path / "a.parquet")], tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet").num_rows == 0


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv"])
@pytest.mark.parametrize(
    "column",
    [
        pa.array([2**60], pa.timestamp("us")),
        pa.array([2**30], pa.date32()),
        pa.array([0], pa.timestamp("us", tz="Foo/Bar")),
    ],
    ids=lambda column: str(column.type),
)
def test_values_that_python_cannot_represent_are_only_written_to_parquet(
    predictor: Predictor, tmp_path: Path, column: pa.Array, name: str
) -> None:
    source, output = tmp_path / "a.parquet", tmp_path / "out.parquet"
    pq.write_table(pa.table({"text": ["good"], "when": column}), source)
    score_files(predictor, [str(source)], output)
    assert pq.read_table(output).column("when").combine_chunks().equals(column)
    with pytest.raises(DataFileError, match=r"column 'when' of type .* holds a value .*write \.parquet"):
        score_files(predictor, [str(source)], tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.parquet", "out.parquet"]


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv"])
def test_nanoseconds_of_times_are_kept(predictor: Predictor, tmp_path: Path, name: str) -> None:
    nanoseconds = 3_661 * 10**9 + 5
    for value, written in ((nanoseconds, "01:01:01.000000005"), (nanoseconds - 5, "01:01:01")):
        times = pa.array([value, None], pa.time64("ns"))
        pq.write_table(pa.table({"text": ["good", "bad"], "at": times}), tmp_path / "a.parquet")
        score_files(predictor, [str(tmp_path / "a.parquet")], tmp_path / name, overwrite=True)
        assert [row["at"] or None for row in read(tmp_path / name)] == [written, None]


def test_nanoseconds_of_nested_times_are_kept(predictor: Predictor, tmp_path: Path) -> None:
    times = pa.time64("ns")
    ns, text = 3_661 * 10**9 + 5, "01:01:01.000000005"
    columns = {
        "list": (pa.array([[ns, None]], pa.list_(times)), [text, None]),
        "large": (pa.array([[ns]], pa.large_list(times)), [text]),
        "fixed": (pa.array([[ns]], pa.list_(times, 1)), [text]),
        "struct": (pa.array([{"at": [ns], "n": 1}], pa.struct([("at", pa.list_(times)), ("n", pa.int8())])), None),
        "map": (pa.array([[("a", ns)]], pa.map_(pa.string(), times)), [["a", text]]),
        "dictionary": (pa.array([ns], times).dictionary_encode(), text),
        "whole": (pa.array([[ns - 5]], pa.list_(times)), ["01:01:01"]),
    }
    arrays = {name: array for name, (array, _) in columns.items()}
    pq.write_table(pa.table({"text": ["good"], **arrays}), tmp_path / "a.parquet")
    score_files(predictor, [str(tmp_path / "a.parquet")], tmp_path / "out.jsonl")
    [row] = read(tmp_path / "out.jsonl")
    wanted = {name: value for name, (_, value) in columns.items()} | {"struct": {"at": [text], "n": 1}}
    assert {name: row[name] for name in columns} == wanted


@pytest.mark.parametrize("delimiter", [";", "|", "\t", r"\t", " ", "\u00a7"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a", "-"])
def test_delimiters_are_read(
    predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, delimiter: str
) -> None:
    between = delimiter.replace(r"\t", "\t")
    lines = [f"id{between}review", f'1{between}"good{between}, but\nlong"', f'2{between}"bad, ""very"""']
    content = "\n".join(lines).encode()
    (tmp_path / "a").write_bytes(content)
    (tmp_path / name).write_bytes(content)
    with (tmp_path / "a").open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        source = name if name == "-" else str(tmp_path / name)
        score_files(predictor, [source], tmp_path / "out.csv", ScoreOptions(delimiter=delimiter))
    texts = [row["review"] for row in read(tmp_path / "out.csv")]
    assert texts == [f"good{between}, but\nlong", 'bad, "very"']


@pytest.mark.parametrize(
    ("name", "delimiter", "message"),
    [
        ("a.csv", "", "--delimiter is ''; it must be one character"),
        ("a.csv", "||", "--delimiter is '||'"),
        ("a.csv", '"', "neither a quote nor a line break"),
        ("a.csv", "\n", "neither a quote nor a line break"),
        ("a.jsonl", ";", "--delimiter is for CSV and TSV, and .*a.jsonl is read as jsonl"),
        ("a.txt", ";", "is read as text; leave it out, or add --format csv"),
    ],
)
def test_an_invalid_delimiter_raises_an_error(
    predictor: Predictor, tmp_path: Path, name: str, delimiter: str, message: str
) -> None:
    (tmp_path / name).write_text('{"text": "good"}\n')
    with pytest.raises(OptionError, match=message.replace("|", r"\|")):
        score_files(predictor, [str(tmp_path / name)], tmp_path / "out.csv", ScoreOptions(delimiter=delimiter))
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["a.tsv", "a.csv", "a.tsv.gz"])
def test_quotes_that_are_part_of_the_text_are_read(
    predictor: Predictor, command: Callable[..., subprocess.Popen[bytes]], tmp_path: Path, name: str
) -> None:
    between = "," if name == "a.csv" else "\t"
    texts = ['"Great" film', 'a 5" disk', '"so good', "it's"]
    content = "".join(f"{number}{between}{text}\n" for number, text in enumerate(texts))
    content = f"id{between}review\n{content}"
    (tmp_path / name).write_bytes(gzip.compress(content.encode()) if name.endswith(".gz") else content.encode())
    process = command(name, "-o", "out.csv", "--text-column", "review")
    message = " ".join(process.communicate()[1].decode().split())
    assert process.returncode == 2
    assert "If quotes are part of the text, add --quoting none" in message
    process = command(name, "-o", "out.csv", "--text-column", "review", "--quoting", "none")
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert [row["review"] for row in read(tmp_path / "out.csv")] == texts
    options = ScoreOptions(text_column="review", quoting="none")
    score_files(predictor, [str(tmp_path / name)], tmp_path / "out.jsonl", options)
    assert [row["review"] for row in read(tmp_path / "out.jsonl")] == texts


def test_quoting_is_only_for_csv_and_tsv(predictor: Predictor, tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", ROWS)
    with pytest.raises(OptionError, match=r"--quoting is for CSV and TSV, and .*a\.jsonl is read as jsonl"):
        score_files(predictor, [str(source)], tmp_path / "out.csv", ScoreOptions(quoting="none"))


@pytest.mark.parametrize("name", ["a.csv.zst", "a"])
def test_zstd_may_begin_with_a_skippable_frame(predictor: Predictor, tmp_path: Path, name: str) -> None:
    content = write(tmp_path / "in.csv.zst", ROWS).read_bytes()
    for first in (0x50, 0x5F):
        (tmp_path / name).write_bytes(bytes((first, 0x2A, 0x4D, 0x18, 4, 0, 0, 0)) + b"\0\1\2\3" + content)
        options = ScoreOptions(text_column="review")
        score_files(predictor, [str(tmp_path / name)], tmp_path / "out.csv", options, overwrite=True)
        assert [row["id"] for row in read(tmp_path / "out.csv")] == [row["id"] for row in ROWS]


def test_lone_surrogates_are_written_as_utf8(predictor: Predictor, tmp_path: Path) -> None:
    lines = [
        rb'{"text": "good \ud83d\ude00 \\ud83d film", "n": 1.10}',
        rb'{"text": "bad \ud83d", "n": 1.10, "\uDE00k": ["\ude00\ud83d"]}',
        b'{"text": "good", "n": 1.10, "note": "caf\xe9"}',
    ]
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(lines))
    score_files(predictor, [str(tmp_path / "a.jsonl")], tmp_path / "out.jsonl")
    written = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    expected = [
        lines[0].decode(),
        r'{"text": "bad \ufffd", "n": 1.10, "\ufffdk": ["\ufffd\ufffd"]}',
        '{"text": "good", "n": 1.10, "note": "caf\ufffd"}',
    ]
    for line, start in zip(written, expected, strict=True):
        assert line.startswith(start[:-1] + ', "label": ')
    assert [row["error"] for row in read(tmp_path / "out.jsonl")] == [None, "undecodable_text", None]
    score_files(predictor, [str(tmp_path / "out.jsonl")], tmp_path / "again.jsonl", ScoreOptions(prefix="again_"))
    assert len(pl.read_ndjson(tmp_path / "again.jsonl", infer_schema_length=None)) == 3


def strict_json(path: Path) -> list[dict[str, Any]]:
    """The objects of a file; fails at NaN and infinities, which are no JSON."""

    def fail(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return [json.loads(line, parse_constant=fail) for line in path.read_text(encoding="utf-8").splitlines()]


def test_infinities_become_null_at_any_depth(predictor: Predictor, tmp_path: Path) -> None:
    nan, infinity = float("nan"), float("inf")
    maps = pa.array([[("a", nan), ("b\u00e9", 1.5), ("c", -infinity)]], pa.map_(pa.string(), pa.float64()))
    structs = pa.array([{"x": [nan, 2.0]}])
    pq.write_table(pa.table({"text": ["good"], "map": maps, "struct": structs}), tmp_path / "a.parquet")
    score_files(predictor, [str(tmp_path / "a.parquet")], tmp_path / "parquet.jsonl")
    [row] = strict_json(tmp_path / "parquet.jsonl")
    assert (row["map"], row["struct"]) == ([["a", None], ["b\u00e9", 1.5], ["c", None]], {"x": [None, 2.0]})
    score_files(predictor, [str(tmp_path / "a.parquet")], tmp_path / "out.csv")
    assert read(tmp_path / "out.csv")[0]["map"] == '[["a", null], ["b\u00e9", 1.5], ["c", null]]'

    lines = [
        '{"text": "NaN is good", "n": 1.10}',
        '{"text": "good", "n": [NaN, {"m": -Infinity}], "id": 12345678901234567}',
    ]
    (tmp_path / "b.jsonl").write_text("\n".join(lines) + "\n")
    score_files(predictor, [str(tmp_path / "b.jsonl")], tmp_path / "json.jsonl")
    first, second = strict_json(tmp_path / "json.jsonl")
    assert (tmp_path / "json.jsonl").read_text().startswith('{"text": "NaN is good", "n": 1.10, "label": ')
    assert (second["n"], second["id"]) == ([None, {"m": None}], 12345678901234567)
    assert first["error"] is second["error"] is None


@pytest.mark.parametrize(
    ("empty", "later", "kind"),
    [
        (None, "words", pa.string()),
        ([], ["words"], pa.list_(pa.string())),
        ({"a": None, "b": 1}, {"a": "words", "b": 2}, pa.struct([("a", pa.string()), ("b", pa.int64())])),
    ],
)
def test_a_key_without_a_value_in_the_first_chunk_is_text(
    predictor: Predictor, tmp_path: Path, empty: object, later: object, kind: pa.DataType
) -> None:
    source, output = tmp_path / "a.jsonl", tmp_path / "out.parquet"
    rows = [{"text": "good", "note": empty if number < CHUNK_ROWS else later} for number in range(CHUNK_ROWS + 2)]
    write(source, rows)
    score_files(predictor, [str(source)], output)
    table = pq.read_table(output)
    assert table.schema.field("note").type == kind
    assert table.column("note").to_pylist() == [row["note"] for row in rows]
    rows[-1]["note"] = 5
    write(source, rows)
    with pytest.raises(
        DataFileError, match=r"line 1026: column 'note' .*assumed, because the first rows have no value"
    ):
        score_files(predictor, [str(source)], output, overwrite=True)
