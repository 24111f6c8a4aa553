"""Folders and globs as inputs: partial outputs are left out, and links to folders are followed."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from sentiline.errors import DataFileError, DataFileWarning
from sentiline.evaluation.evaluate import EvaluationOptions, evaluate_files
from sentiline.predictor import Predictor
from sentiline.scoring.chunk import CHUNK_ROWS, find_text_column
from sentiline.scoring.io.discovery import find_sources
from sentiline.scoring.io.reader import read_chunks
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.pipeline import Progress, score_files
from tests.scoring.conftest import ROOT
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
    write(tmp_path / "outside.csv", ROWS)
    assert names(folder) == ["year=2024/a.csv", "year=2024/top/outside.csv"]
    (folder / "year=2024" / "top").unlink()
    (tmp_path / "far").mkdir()
    write(tmp_path / "far" / "b.csv", ROWS)
    for place in (".hidden/link", "z/link"):
        (folder / place).symlink_to(tmp_path / "far")
    assert names(folder) == ["year=2024/a.csv", "z/link/b.csv"]


@pytest.mark.parametrize(("name", "target"), [("b.csv", "gone/blob"), ("b.csv", "b.csv"), ("year=2024", "gone")])
def test_a_link_that_leads_nowhere_is_an_error(
    predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, target: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in/deep").mkdir(parents=True)
    write(Path("in/a.csv"), ROWS)
    Path("in/deep", name).symlink_to(target)
    inside = "*.csv" if name == "b.csv" else "*/*.csv"
    for given in ("in", f"in/deep/{inside}", "in/**/*.csv", f"in/deep/{name}"):
        with pytest.raises(DataFileError, match=f"in/deep/{name} (is|cannot be read: it is) a link to "):
            score_files(predictor, [given], "out.jsonl", TEXT)
        options = EvaluationOptions(text_column="review", label_column="id", labels="binary")
        with pytest.raises(DataFileError, match=f"in/deep/{name} "):
            evaluate_files([predictor], [given], options)
    Path("in/deep", name).rename(Path("in/deep/.hidden"))
    assert names(Path("in")) == ["a.csv"]


@pytest.mark.parametrize(
    "given", ["in", "in/*/*.csv", "in/**/*.csv", "in/*/locked/*.csv", "in/*/locked/a.csv", "in/b/l*/a.csv", "in/b/l*/*"]
)
def test_a_folder_that_cannot_be_read_is_an_error(bundle: Path, tmp_path: Path, given: str) -> None:
    locked = tmp_path / "in" / "b" / "locked"
    locked.mkdir(parents=True)
    for folder in (tmp_path / "in" / "b", locked):
        write(folder / "a.csv", ROWS)
    closed = tmp_path / "in" / "b" if given == "in/*/*.csv" else locked
    # without these capabilities, root may read no more than others
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"] if os.geteuid() == 0 else []
    command = [*drop, sys.executable, "-m", "sentiline", "score", given, "-o", "out.jsonl", "--text-column", "review"]
    environment = os.environ | {"SENTILINE_MODELS": str(bundle.parent), "PYTHONPATH": str(ROOT)}
    closed.chmod(0)
    try:
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    finally:
        closed.chmod(0o755)
    name = closed.relative_to(tmp_path)
    assert (done.returncode, done.stderr) == (2, f"Error: {name} cannot be read: Permission denied\n")


def test_what_a_folder_leaves_out_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    write(folder / "a.csv", ROWS)
    assert names(folder) == ["a.csv"]
    assert not caplog.records
    for name in ("b.csv.lz4", "notes.md", "_SUCCESS", ".a.csv.crc", "out.csv.partial"):
        (folder / name).touch()
    (folder / "gone.md").symlink_to("nowhere")
    os.mkfifo(folder / "pipe.csv")
    assert names(folder) == ["a.csv"]
    left_out = f"{folder}/b.csv.lz4, {folder}/gone.md, {folder}/notes.md"
    assert caplog.messages == [
        f"3 left out of {folder}: {left_out} (unknown extensions; name such files themselves, or add --format)",
        f"1 left out of {folder}: {folder}/pipe.csv (not regular files)",
    ]


def test_folders_that_a_glob_leaves_out_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for place in ("in", "in/sub", "in/out.csv.partial"):
        (tmp_path / place).mkdir()
        write(tmp_path / place / "a.csv", ROWS)
    assert len(find_sources([f"{tmp_path}/in/**"])) == 2
    assert not caplog.records
    assert len(find_sources([f"{tmp_path}/in/*"])) == 1
    assert caplog.messages == [f"1 left out of {tmp_path}/in/*: {tmp_path}/in/sub (not regular files)"]


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


@pytest.mark.parametrize(
    "name", ["a.csv", "b.tsv", "b.jsonl", "a.txt", "b.parquet", "a.csv.gz", "b.csv.gz", "blank.csv"]
)
def test_an_empty_part_is_passed_over_and_named(
    predictor: Predictor, tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    content = b"\n" if name == "blank.csv" else b""
    (folder / name).write_bytes(gzip.compress(b"") if name.endswith(".gz") else content)
    write(folder / "aa.csv", ROWS)
    with caplog.at_level("WARNING"):
        summary = score_files(predictor, [str(folder)], tmp_path / "out.csv", TEXT)
    assert summary is not None
    assert summary.rows == len(ROWS)
    assert f"{name} is empty and left out" in caplog.text
    (folder / "aa.csv").unlink()
    with pytest.raises(DataFileError):
        score_files(predictor, [str(folder)], tmp_path / "alone.csv", TEXT)


def test_evaluate_passes_over_an_empty_part(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("")
    (tmp_path / "b.csv").write_text("text,label\ngood,1\nbad,0\n")
    options = EvaluationOptions(text_column="text")
    assert evaluate_files([predictor], [str(tmp_path)], options).data.evaluated == 2
