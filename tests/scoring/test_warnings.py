"""Rows that may have lost something are counted with an example, and end a strict run."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from sentiline.errors import DataFileError
from sentiline.evaluation.evaluate import EvaluationOptions, evaluate_files
from sentiline.predictor import Predictor
from sentiline.scoring.chunk import CHUNK_ROWS
from sentiline.scoring.display import show_summary
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.pipeline import Progress, score_files
from sentiline.scoring.scorer import WARNINGS
from tests.scoring.files import read

CSV = b"id,author,review\n1,Ren\xe9,A fine film.\n2,Bo,Good.\n3,Bj\xf6rn,Awful mess.\n"


def parquet(texts: list[bytes | None], *, dictionary: bool = False) -> bytes:
    column = pa.array(texts, pa.binary())
    raw = pa.Array.from_buffers(pa.string(), len(texts), column.buffers())
    content = io.BytesIO()
    author = raw.dictionary_encode() if dictionary else raw
    pq.write_table(pa.table({"review": ["A fine film."] * len(texts), "author": author}), content)
    return content.getvalue()


@pytest.mark.parametrize("output", ["out.csv", "out.jsonl", "out.parquet"])
@pytest.mark.parametrize(
    ("name", "content", "count", "place"),
    [
        ("a.csv", CSV, 2, "line 2, column 'author'"),
        ("a.tsv", CSV.replace(b",", b"\t"), 2, "line 2, column 'author'"),
        ("a.jsonl", b'{"review": "Good.", "author": "Ren\xe9"}\n', 1, "line 1, column 'author'"),
        ("a.jsonl", b'{"review": "Good.", "author": "\\ud83d"}\n', 1, "line 1, column 'author'"),
        ("a.jsonl", b'{"review": "Good.", "by": [{"name": "Ren\xe9"}]}\n', 1, "line 1, column 'by'"),
        ("a.jsonl", b'{"review": "Good.", "by": {"n\xe9": 1}}\n', 1, "line 1, column 'by'"),
        ("a.parquet", parquet([b"Bo", None, b"Ren\xe9", b"Bj\xf6rn"]), 2, "row 3, column 'author'"),
        ("a.parquet", parquet([b"Ren\xe9", b"Bo"], dictionary=True), 1, "row 1, column 'author'"),
    ],
)
def test_carried_values_that_are_not_decodable(
    predictor: Predictor, tmp_path: Path, name: str, content: bytes, count: int, place: str, output: str
) -> None:
    source = tmp_path / name
    source.write_bytes(content)
    if output == "out.parquet" and b'{"n' in content:
        output = "out.jsonl"  # as a column of Parquet the key would be a name
    summary = score_files(predictor, [str(source)], tmp_path / output, ScoreOptions(text_column="review"))
    assert (summary.warnings, summary.failed) == ({"undecodable_column": count}, 0)
    assert summary.examples == {"undecodable_column": f"{source}, {place}"}
    with pytest.raises(DataFileError, match=f"{place}: undecodable_column: bytes that do not fit the encoding"):
        score_files(predictor, [str(source)], tmp_path / "b.jsonl", ScoreOptions(text_column="review", strict=True))
    assert not (tmp_path / "b.jsonl").exists()


def test_sound_values_give_no_warning(predictor: Predictor, tmp_path: Path) -> None:
    lines = ['{"review": "Good.", "author": "Ren\u00e9 \\ud83d\\ude00"}', '{"review": "Good.", "author": null}']
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "b.csv").write_bytes(CSV)
    for name, encoding in (("a.jsonl", "utf-8"), ("b.csv", "cp1252")):
        options = ScoreOptions(text_column="review", encoding=encoding, strict=True)
        summary = score_files(predictor, [str(tmp_path / name)], tmp_path / f"{name[0]}_out.jsonl", options)
        assert not summary.warnings
    assert [row["author"] for row in read(tmp_path / "b_out.jsonl")] == ["Ren\u00e9", "Bo", "Bj\u00f6rn"]


JOINED = [
    ("a.tsv", 'id\treview\n1\t"Great film\n2\tDull.\n3\tHe said: fine"\n4\tOk.\n', "lines 2 to 4"),
    ("a.tsv", 'id\treview\n1\t"Great film\r\n\r\n2\tso-called ""art"""\n4\tOk.\n', "lines 2 to 4"),
    ("a.tsv", 'review\tstars\n"Great film\t5\nDull.\t1\nFine"\t4\n', "lines 2 to 4"),
    ("a.csv", 'id,review\n1,"Great film\n2,Dull.\n3,He said: fine"\n', "lines 2 to 4"),
    ("a.csv", 'sense,review\npos,"Great film\nneg,Dull.\nneg,He said: fine"\n', "lines 2 to 4"),
    ("a.csv", 'review;sku\n"Great film;B01\nDull.;B02\nFine";B3\n', "lines 2 to 4"),
    ("a.csv", 'review,stars\n"Great film,5\nDull.,1\nFine",4\n', "lines 2 to 4"),
]


@pytest.mark.parametrize(("name", "content", "place"), JOINED)
def test_rows_that_stray_quotes_join(predictor: Predictor, tmp_path: Path, name: str, content: str, place: str) -> None:
    source = tmp_path / name
    source.write_bytes(content.encode())
    delimiter = ";" if ";" in content else None
    options = ScoreOptions(text_column="review", delimiter=delimiter)
    summary = score_files(predictor, [str(source)], tmp_path / "out.jsonl", options)
    assert summary.warnings == {"joined_lines": 1}
    assert summary.examples == {"joined_lines": f"{source}, {place}"}
    written = io.StringIO()
    show_summary(summary, "out.jsonl", Console(file=written, width=300))
    assert (
        f"1 with warning joined_lines: {WARNINGS['joined_lines']}; for example {source}, {place}" in written.getvalue()
    )
    with pytest.raises(DataFileError, match=rf"{place}: joined_lines: .*add --quoting none"):
        score_files(predictor, [str(source)], tmp_path / "b.jsonl", replace(options, strict=True))
    options = replace(options, quoting="none", strict=True)
    lines = [line for line in content.splitlines() if line]
    assert score_files(predictor, [str(source)], tmp_path / "c.jsonl", options).rows == len(lines) - 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'id,review\n007,"A quiet film, and I could not\nstop thinking about it."\n'),
        ("a.csv", 'id,review\n007,"A quiet film\nand then, it ended."\n'),
        ("a.csv", 'review\n"A quiet\nfilm"\n'),
        ("a.csv", 'sense,review\npos,"A quiet film\nand then, it ended."\n'),
        ("a.csv", 'sense,review\npos,"A film about\nOslo,Norway"\n'),
        ("a.tsv", 'id\treview\n1\t"A quiet\nfilm"\n2\t"with a\ttab"\n'),
    ],
)
def test_reviews_of_several_lines_give_no_warning(
    predictor: Predictor, tmp_path: Path, name: str, content: str
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    summary = score_files(predictor, [str(tmp_path / name)], tmp_path / "out.jsonl", ScoreOptions(strict=True))
    assert not summary.warnings


def test_an_evaluation_tells_of_rows_that_are_joined(
    predictor: Predictor, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = tmp_path / "a.tsv"
    source.write_text('label\ttext\n1\t"Great film\n0\tDull.\n1\tfine"\n0\tOk.\n', encoding="utf-8")
    evaluate_files([predictor], [str(source)], EvaluationOptions(labels="binary"))
    [message] = [one for one in caplog.messages if "joined_lines" in one]
    assert message == f"1 with warning joined_lines: {WARNINGS['joined_lines']}; for example {source}, lines 2 to 4"


class _StopError(Exception):
    pass


def test_a_resumed_run_keeps_the_warnings(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(CSV + b"4,Bo,Good.\n" * 3 * CHUNK_ROWS)
    options = ScoreOptions(text_column="review")

    def stop(progress: Progress) -> None:
        raise _StopError

    with pytest.raises(_StopError):
        score_files(predictor, [str(tmp_path / "a.csv")], tmp_path / "out.csv", options, on_progress=stop)
    summary = score_files(predictor, [str(tmp_path / "a.csv")], tmp_path / "out.csv", options, resume=True)
    assert summary.warnings == {"undecodable_column": 2}
    assert list(summary.examples) == ["undecodable_column"]
