"""Compressed inputs and outputs: bzip2, xz, and ZIP archives with one file."""

from __future__ import annotations

import bz2
import io
import lzma
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sentiline.errors import DataFileError, OptionError
from sentiline.predictor import Predictor
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.pipeline import score_files
from tests.requirement import need
from tests.scoring.files import read

REVIEWS = [f"good film {number}" for number in range(3000)]
CONTENT = ("text\n" + "\n".join(REVIEWS) + "\n").encode()


def zipped(files: dict[str, bytes]) -> bytes:
    """A ZIP archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


@pytest.mark.parametrize("name", ["a.csv.bz2", "a.csv.xz", "a.csv.zip", "a.bz2", "a.xz", "a.zip", "a.csv"])
@pytest.mark.parametrize(
    "compress", [bz2.compress, lzma.compress, lambda content: zipped({"folder/": b"", "folder/a.csv": content})]
)
def test_compressed_files_are_read(
    predictor: Predictor, tmp_path: Path, name: str, compress: Callable[[bytes], bytes]
) -> None:
    (tmp_path / name).write_bytes(compress(CONTENT))
    score_files(predictor, [str(tmp_path / name)], tmp_path / "out.jsonl")
    assert [row["text"] for row in read(tmp_path / "out.jsonl")] == REVIEWS


def test_an_archive_of_another_machine_is_read_by_the_name_of_its_file(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(
        zipped({"a.csv": b"one;two\ngood;bad\n", "__MACOSX/": b"", "__MACOSX/._a.csv": b"x"})
    )
    score_files(
        predictor, [str(tmp_path / "a.zip")], tmp_path / "out.jsonl", ScoreOptions(delimiter=";", text_column="two")
    )
    assert read(tmp_path / "out.jsonl")[0]["two"] == "bad"


def zstd_frame(content: bytes, window_log: int) -> bytes:
    """A zstd frame of one uncompressed block, as `zstd --long=WINDOW_LOG` heads it."""
    return (
        b"\x28\xb5\x2f\xfd\0" + bytes([window_log - 10 << 3]) + (len(content) << 3 | 1).to_bytes(3, "little") + content
    )


@pytest.mark.parametrize("name", ["a.csv.zst", "a"])
@pytest.mark.parametrize(("first", "second"), [(28, 20), (31, 20), (20, 31)])
def test_a_long_window_of_zstd_is_refused_with_the_command_that_unpacks_it(
    predictor: Predictor, tmp_path: Path, name: str, first: int, second: int
) -> None:
    (tmp_path / name).write_bytes(zstd_frame(b"text\n", first) + zstd_frame(b"Good film.\n", second))
    with pytest.raises(DataFileError, match=r"window of more than 128 MiB .* zstd -d --long=31"):
        score_files(predictor, [str(tmp_path / name)], tmp_path / "out.jsonl")
    program = shutil.which("zstd")
    need("zstd", program is not None, "the program zstd is missing")
    subprocess.run([str(program), "-q", "-d", "--long=31", tmp_path / name, "-o", tmp_path / "b.csv"], check=True)
    assert (tmp_path / "b.csv").read_bytes() == b"text\nGood film.\n"


def test_the_usual_windows_of_zstd_are_read(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "a.csv.zst").write_bytes(zstd_frame(b"text\nGood film.\n", 27))
    assert score_files(predictor, [str(tmp_path / "a.csv.zst")], tmp_path / "out.jsonl").scored == 1


@pytest.mark.parametrize(("name", "decompress"), [("o.jsonl.bz2", bz2.decompress), ("o.csv.xz", lzma.decompress)])
def test_outputs_are_compressed(
    predictor: Predictor, tmp_path: Path, name: str, decompress: Callable[[bytes], bytes]
) -> None:
    (tmp_path / "a.csv").write_bytes(CONTENT)
    score_files(predictor, [str(tmp_path / "a.csv")], tmp_path / name)
    assert len(decompress((tmp_path / name).read_bytes()).splitlines()) == len(REVIEWS) + name.startswith("o.csv")


@pytest.mark.parametrize("compress", [bz2.compress, lzma.compress])
def test_compressed_standard_input_needs_a_format(
    command: Callable[..., subprocess.Popen[bytes]], tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    process = command("-", "-o", "out.jsonl")
    assert b"name it with --format" in process.communicate(compress(CONTENT))[1]
    process = command("-", "-o", "out.jsonl", "--format", "csv")
    assert process.communicate(compress(CONTENT))[1] is not None
    assert len(read(tmp_path / "out.jsonl")) == len(REVIEWS)


def test_archives_that_cannot_be_read_are_refused(
    predictor: Predictor, command: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    path = tmp_path / "a.csv.zip"
    for content, message in (
        (
            zipped({"a.csv": CONTENT, "b.csv": CONTENT}),
            r"ZIP archive with 2 files .a\.csv, b\.csv.; .*unpack it into a folder",
        ),
        (zipped({"[Content_Types].xml": b"x"}), "is a spreadsheet or document; save it as CSV"),
        (zipped({"a.csv": CONTENT})[:-30], "cannot be read: File is not a zip file"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataFileError, match=message):
            score_files(predictor, [str(path)], tmp_path / "out.jsonl")
    process = command("-", "-o", "out.jsonl", "--format", "csv")
    assert b"unzip -p" in process.communicate(zipped({"a.csv": CONTENT}))[1]
    with pytest.raises(OptionError, match="ZIP archives are read, not written"):
        score_files(predictor, [str(path)], tmp_path / "out.csv.zip")
    (tmp_path / "b.zip").write_bytes(zipped({"data": b"PAR1" + bytes(20)}))
    with pytest.raises(OptionError, match="is compressed Parquet; unpack it"):
        score_files(predictor, [str(tmp_path / "b.zip")], tmp_path / "out.csv")
