"""Outputs: links are followed, permissions are kept, and what cannot be written is noticed before the first row."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sentiline.atomic_write import write_atomically
from sentiline.errors import DataFileError
from sentiline.predictor import Predictor
from sentiline.scoring.pipeline import score_files
from tests.scoring.files import read


@pytest.fixture
def source(tmp_path: Path) -> str:
    (tmp_path / "a.csv").write_text("text\ngood\n")
    return str(tmp_path / "a.csv")


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_a_link_as_output_is_followed(
    predictor: Predictor, tmp_path: Path, source: str, name: str, exists: bool
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / name).symlink_to("data/behind")
    if exists:
        (tmp_path / "data" / "behind").write_text("old")
        with pytest.raises(DataFileError, match="exists; replace it with --overwrite"):
            score_files(predictor, [source], tmp_path / name)
    score_files(predictor, [source], tmp_path / name, overwrite=exists)
    assert (tmp_path / name).readlink() == Path("data/behind")
    assert [row["text"] for row in read(tmp_path / name)] == ["good"]
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["behind"]


def test_a_link_that_leads_to_itself_raises_an_error(predictor: Predictor, tmp_path: Path, source: str) -> None:
    (tmp_path / "out.csv").symlink_to("out.csv")
    with pytest.raises(DataFileError, match=r"out\.csv is a link that leads to itself"):
        score_files(predictor, [source], tmp_path / "out.csv")


@pytest.mark.parametrize("mode", [0o600, 0o664, 0o444])
def test_a_replaced_output_keeps_its_permissions(predictor: Predictor, tmp_path: Path, source: str, mode: int) -> None:
    for path in (tmp_path / "out.csv", tmp_path / "report.html"):
        path.write_text("old")
        path.chmod(mode)
    score_files(predictor, [source], tmp_path / "out.csv", overwrite=True)
    write_atomically(tmp_path / "report.html", b"new")
    for name in ("out.csv", "report.html"):
        assert (tmp_path / name).stat().st_mode & 0o777 == mode
        assert (tmp_path / name).read_text() != "old"


def test_a_link_as_report_is_followed(tmp_path: Path) -> None:
    (tmp_path / "there.html").write_text("old")
    (tmp_path / "report.html").symlink_to("there.html")
    write_atomically(tmp_path / "report.html", b"new")
    assert (tmp_path / "report.html").is_symlink()
    assert (tmp_path / "there.html").read_text() == "new"


@pytest.mark.parametrize("arguments", [["-o", "/proc/out.csv"], ["-o", "out.csv", "--report", "/proc/report.html"]])
def test_a_folder_that_cannot_be_written_is_noticed_first(
    command: Callable[..., subprocess.Popen[bytes]], tmp_path: Path, source: str, arguments: list[str]
) -> None:
    if not Path("/proc/self").exists():
        pytest.skip("needs a folder in which not even root can create files")
    process = command(source, *arguments)
    output, errors = process.communicate()
    assert process.returncode == 2
    assert "no file can be written in the folder /proc" in errors.decode()
    assert not output
    assert os.listdir(tmp_path) == ["a.csv"]  # noqa: PTH208


@pytest.mark.parametrize(("texts", "code"), [(["", "", "good"], 4), (["", "good"], 0), ([""], 4)])
def test_a_run_in_which_most_rows_fail_has_an_exit_code(
    command: Callable[..., subprocess.Popen[bytes]], tmp_path: Path, texts: list[str], code: int
) -> None:
    (tmp_path / "a.csv").write_text("text,n\n" + "".join(f"{text},1\n" for text in texts))
    process = command("a.csv", "-o", "out.csv")
    _, errors = process.communicate()
    assert process.returncode == code
    assert (f"{texts.count('')} of {len(texts)} rows cannot be scored" in errors.decode()) == (code == 4)
    assert len(read(tmp_path / "out.csv")) == len(texts)
