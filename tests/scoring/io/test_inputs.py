"""Folders and globs as inputs: partial outputs are left out, and links to folders are followed."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sentiline.errors import DataFileError
from sentiline.predictor import Predictor
from sentiline.scoring.chunk import CHUNK_ROWS
from sentiline.scoring.io.discovery import find_sources
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
