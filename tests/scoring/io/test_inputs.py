"""Folders and globs as inputs: partial outputs are left out, and links to folders are followed."""

from __future__ import annotations

import gzip
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from sentiline.errors import DataFileError, DataFileWarning
from sentiline.predictor import Predictor
from sentiline.scoring.chunk import CHUNK_ROWS, find_text_column
from sentiline.scoring.io.discovery import find_sources
from sentiline.scoring.io.reader import read_chunks
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.pipeline import Progress, score_files
from tests.scoring.files import ROWS, read, write

TEXT = ScoreOptions(text_column="review")


class _StopError(Exception):
    pass


@pytest.mark.parametrize("given", ["**/*.jsonl", "*/*.jsonl", "."])
def test_partial_outputs_and_the_output_are_not_inputs(
    predictor: Predictor,
    command: Callable[..., subprocess.Popen[bytes]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    given: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    write(Path("in/a.jsonl"), [{"text": "good film"}] * 3 * CHUNK_ROWS)

    def stop(progress: Progress) -> None:
        raise _StopError

    with pytest.raises(_StopError):
        score_files(predictor, [given], "out.jsonl", on_progress=stop)
    assert Path("out.jsonl.partial/journal.jsonl").exists()
    process = command(given, "-o", "out.jsonl", "--resume")
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    expected = Path("out.jsonl").read_bytes()
    with pytest.raises(_StopError):
        score_files(predictor, [given], "out.jsonl", overwrite=True, on_progress=stop)
    score_files(predictor, [given], "out.jsonl", overwrite=True)
    assert Path("out.jsonl").read_bytes() == expected
    assert len(read(Path("out.jsonl"))) == 3 * CHUNK_ROWS
    with pytest.raises(DataFileError, match=r"out\.jsonl is an input as well"):
        score_files(predictor, ["out.jsonl"], "out.jsonl", overwrite=True)


def names(path: Path) -> list[str]:
    return [str(Path(source.name).relative_to(path)) for source in find_sources([str(path)])]


def test_links_to_folders_are_followed(predictor: Predictor, tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "in", tmp_path / "elsewhere"
    for path, number in ((folder / "a.csv", 0), (elsewhere / "deep" / "b.csv", 1)):
        path.parent.mkdir(parents=True)
        write(path, [ROWS[number]])
    (folder / "linked").symlink_to(elsewhere)
    score_files(predictor, [str(folder)], tmp_path / "out.csv", TEXT)
    assert [row["id"] for row in read(tmp_path / "out.csv")] == ["000", "001"]
    (tmp_path / "link").symlink_to(folder)
    assert names(tmp_path / "link") == ["a.csv", "linked/deep/b.csv"]


def test_a_folder_is_entered_once_however_many_links_lead_to_it(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    for place in ("year=2024", "z", ".hidden"):
        (folder / place).mkdir(parents=True)
    write(folder / "year=2024" / "a.csv", ROWS)
    (folder / "latest").symlink_to("year=2024")
    (folder / "year=2024" / "up").symlink_to(folder)
    (folder / "year=2024" / "top").symlink_to(tmp_path)
    (folder / "loop").symlink_to("loop")
    (folder / "broken").symlink_to("nowhere")
    write(tmp_path / "outside.csv", ROWS)
    assert names(folder) == ["year=2024/a.csv", "year=2024/top/outside.csv"]
    (folder / "year=2024" / "top").unlink()
    (tmp_path / "far").mkdir()
    write(tmp_path / "far" / "b.csv", ROWS)
    for place in (".hidden/link", "z/link"):
        (folder / place).symlink_to(tmp_path / "far")
    assert names(folder) == ["year=2024/a.csv", "z/link/b.csv"]


def test_a_folder_with_a_link_to_one_of_its_files_has_its_rows_once(tmp_path: Path) -> None:
    (tmp_path / "a.csv").symlink_to("b.csv")
    for name in ("b.csv", "c.csv"):
        (tmp_path / name).write_text("text\ngood\n")
    (tmp_path / "d.csv").symlink_to("c.csv")
    for name in (tmp_path, tmp_path / "*.csv"):
        assert [Path(source.name).name for source in find_sources([str(name)])] == ["b.csv", "c.csv"]
    with pytest.raises(DataFileError, match=r"named twice among the inputs, as .*c\.csv and as .*d\.csv"):
        find_sources([str(tmp_path / "c.csv"), str(tmp_path / "d.csv")])


@pytest.mark.parametrize("glob", ["reviews[1]/*.csv", "reviews[1]/**/a.csv"])
def test_brackets_in_the_name_of_a_folder_are_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, glob: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reviews[1]").mkdir()
    (tmp_path / "reviews[1]" / "a.csv").write_text("text\ngood\n")
    escaped = glob.replace("[1]", "[[]1]")
    with pytest.raises(DataFileError) as caught:
        find_sources([glob])
    assert str(caught.value).endswith(f"brackets are wildcards in a glob, and [[] stands for an opening one: {escaped}")
    assert len(find_sources([escaped])) == 1
    with pytest.raises(DataFileError, match=r"there is no such file$"):
        find_sources(["other[1]/*.csv"])


@pytest.mark.parametrize(
    ("log", "message"),
    [
        ("_delta_log/00000000000000000000.json", "is a Delta table, whose log in _delta_log is not read"),
        ("metadata/v1.metadata.json", "is an Iceberg table"),
        (".hoodie/hoodie.properties", "is a Hudi table"),
    ],
)
@pytest.mark.parametrize("named", ["lake/table", "lake", "lake/table/*/*.csv", "lake/table/year=2024"])
def test_a_table_whose_log_is_not_read_gives_a_warning(tmp_path: Path, log: str, message: str, named: str) -> None:
    table = tmp_path / "lake" / "table"
    for path in (table / log, table / "year=2024" / "a.csv"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text\ngood\n")
    with pytest.warns(DataFileWarning, match=f"table {message}"):
        assert len(find_sources([str(tmp_path / named)])) == 1
    with warnings.catch_warnings(action="error"):
        find_sources([str(table / "year=2024" / "a.csv")])


def test_folders_that_are_not_tables_give_no_warning(tmp_path: Path) -> None:
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata" / "a.csv").write_text("text\ngood\n")
    with warnings.catch_warnings(action="error"):
        assert len(find_sources([str(tmp_path)])) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-16", "gb18030"])
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "reviews"])
def test_a_byte_order_mark_is_not_part_of_the_first_name(
    predictor: Predictor, tmp_path: Path, encoding: str, name: str
) -> None:
    text = "review,id\ngood film,1\n" if encoding == "utf-16" else "\ufeffreview,id\ngood film,1\n"
    content = text.encode(encoding)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    options = ScoreOptions(text_column="review", encoding=encoding)
    assert score_files(predictor, [str(tmp_path / name)], tmp_path / "out.csv", options).scored == 1
    assert (tmp_path / "out.csv").read_text().startswith("review,id,label")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("id,text,,", "columns 3 and 4 have no name; name them, or remove them if they are empty"),
        (",text, ,,", "columns 1, 4 and 5 have no name"),
        ("n,text,n", "two columns are named 'n', columns 1 and 3; rename one of them"),
    ],
)
def test_columns_that_share_a_name_are_numbered(tmp_path: Path, header: str, message: str) -> None:
    (tmp_path / "a.csv").write_text(f"{header}\n")
    [source] = find_sources([str(tmp_path / "a.csv")])
    with pytest.raises(DataFileError, match=f"line 1: {message}"):
        list(read_chunks(source))


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("overall,reviewText,summary", "reviewText"),
        ("review_id,review_headline,review_body", "review_body"),
        ("id,Review Text,Title", "Review Text"),
        ("reviews.title,reviews.text", "reviews.text"),
        ("comments,body", "body"),
    ],
)
def test_the_usual_names_of_the_text_are_known(tmp_path: Path, header: str, column: str) -> None:
    values = ("7" if name == "comments" else "some words" for name in header.split(","))
    (tmp_path / "a.csv").write_text(f"{header}\n{','.join(values)}\n")
    [source] = find_sources([str(tmp_path / "a.csv")])
    assert find_text_column(next(read_chunks(source)), None) == column
