"""The archive reader: what it returns, and what it refuses, in words that name the difference."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path
from typing import Any

import pytest

from training.data.imdb_archive import PARTS, read
from training.errors import ArchiveError


def test_wanted_parts_come_back_byte_for_byte(small: Any, tmp_path: Path) -> None:
    found = read(small.write(tmp_path / "a.tar.gz"), ["train/neg", "test/urls_pos.txt"], parts=small.parts)
    assert list(found) == ["train/neg", "test/urls_pos.txt"]
    assert found["train/neg"] == {f"{n}_2.txt": small.files[f"train/neg/{n}_2.txt"] for n in range(12)}
    assert found["test/urls_pos.txt"] == {"urls_pos.txt": small.files["test/urls_pos.txt"]}


def test_other_files_and_a_leading_dot_are_tolerated(small: Any, tmp_path: Path) -> None:
    others = {"imdb.vocab": b"the\n", "train/labeledBow.feat": b"9 0:1\n", "train/pos/.DS_Store": b"?"}
    path = small.write(tmp_path / "a.tar.gz", others, prefix="./aclImdb/")
    assert len(read(path, ["train/pos"], parts=small.parts)["train/pos"]) == 12


def test_nothing_is_written_whatever_members_are_called(small: Any, tmp_path: Path) -> None:
    hostile = [tarfile.TarInfo("../escaped.txt"), tarfile.TarInfo(str(tmp_path / "absolute.txt"))]
    folder = tmp_path / "in"
    folder.mkdir()
    path = small.write(folder / "a.tar.gz", {"../../escaped2.txt": b"x"}, extra=hostile)
    read(path, parts=small.parts)
    assert sorted(found.name for found in tmp_path.rglob("*")) == ["a.tar.gz", "in"]


def _sizes(small: Any, name: str) -> str:
    return f"{small.parts[name].files:,} files, {small.parts[name].bytes:,} bytes"


def test_an_altered_text_of_equal_length_is_found_by_its_digest(small: Any, tmp_path: Path) -> None:
    name = "test/neg/7_2.txt"
    path = small.write(tmp_path / "a.tar.gz", {name: small.files[name].replace(b"test", b"TEST")})
    with pytest.raises(ArchiveError) as caught:
        read(path, parts=small.parts)
    lines = str(caught.value).splitlines()
    assert len(lines) == 3  # one part differs
    assert lines[1].startswith("  test/neg: sha256 ")
    assert lines[1].endswith(f"; expected {small.parts['test/neg'].sha256}")


def test_an_altered_list_of_films_is_found(small: Any, tmp_path: Path) -> None:
    urls = small.files["train/urls_pos.txt"].replace(b"tt0000001", b"tt0000002")
    with pytest.raises(ArchiveError, match=r"train/urls_pos\.txt: sha256 .*; expected"):
        read(small.write(tmp_path / "a.tar.gz", {"train/urls_pos.txt": urls}), parts=small.parts)


def test_missing_files_are_counted(small: Any, tmp_path: Path) -> None:
    changes = {"train/pos/3_9.txt": None, "train/urls_neg.txt": None}
    with pytest.raises(ArchiveError) as caught:
        read(small.write(tmp_path / "a.tar.gz", changes), parts=small.parts)
    size = small.parts["train/pos"].bytes - len(small.files["train/pos/3_9.txt"])
    assert f"train/pos: 11 files, {size:,} bytes; expected {_sizes(small, 'train/pos')}" in str(caught.value)
    assert "train/urls_neg.txt: 0 files, 0 bytes; expected 1 files" in str(caught.value)


def test_an_extra_review_is_refused_without_reading_it(small: Any, tmp_path: Path) -> None:
    huge = tarfile.TarInfo("aclImdb/train/pos/99_9.txt")
    huge.size = 5_000_000
    with pytest.raises(ArchiveError) as caught:
        read(small.write(tmp_path / "a.tar.gz", extra=[huge]), parts=small.parts)
    size = small.parts["train/pos"].bytes + 5_000_000
    assert f"train/pos: 13 files, {size:,} bytes; expected {_sizes(small, 'train/pos')}" in str(caught.value)


def test_a_link_is_not_a_review(small: Any, tmp_path: Path) -> None:
    link = tarfile.TarInfo("aclImdb/train/pos/3_9.txt")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    path = small.write(tmp_path / "a.tar.gz", {"train/pos/3_9.txt": None}, extra=[link])
    with pytest.raises(ArchiveError, match="train/pos: 11 files"):
        read(path, parts=small.parts)


@pytest.mark.parametrize("kept", [0.5, 0.999])
def test_a_truncated_archive_says_how_far_it_goes(small: Any, tmp_path: Path, kept: float) -> None:
    whole = small.write(tmp_path / "a.tar.gz").read_bytes()
    path = tmp_path / "b.tar.gz"
    path.write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(ArchiveError, match=rf"is truncated: .* after {int(kept * len(whole)):,} bytes.*of 12"):
        read(path, parts=small.parts)


def test_a_flipped_checksum_is_damage(small: Any, tmp_path: Path) -> None:
    content = bytearray(small.write(tmp_path / "a.tar.gz").read_bytes())
    content[-6] ^= 1  # gzip's CRC-32 of the whole stream: no review is touched
    (tmp_path / "a.tar.gz").write_bytes(content)
    with pytest.raises(ArchiveError, match=r"is damaged \(CRC check failed"):
        read(tmp_path / "a.tar.gz", parts=small.parts)


def test_flipped_bytes_in_the_middle_are_damage(small: Any, tmp_path: Path) -> None:
    content = bytearray(small.write(tmp_path / "a.tar.gz").read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(64)
    (tmp_path / "a.tar.gz").write_bytes(content)
    with pytest.raises(ArchiveError, match=r"damaged|differs in|truncated"):
        read(tmp_path / "a.tar.gz", parts=small.parts)


@pytest.mark.parametrize(
    "content", [b"", b"hello", gzip.compress(b"hello", mtime=0), gzip.compress(b"x" * 2000, mtime=0)]
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match="is not a gzip-compressed tar archive"):
        read(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"there is no archive at .*nope\.tar\.gz"):
        read(tmp_path / "nope.tar.gz")
    with pytest.raises(ArchiveError, match=r"is a folder; give the archive as downloaded"):
        read(tmp_path)


def test_the_real_archive_cut_short_is_refused(imdb_archive: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.tar.gz"
    with imdb_archive.open("rb") as file:
        path.write_bytes(file.read(12_000_000))
    with pytest.raises(ArchiveError, match=r"is truncated: .* after 12,000,000 bytes.*of 50,000") as caught:
        read(path)
    assert caught.value.field == "archive"


def test_parts_hold_the_published_totals() -> None:
    folders = [part for name, part in PARTS.items() if "urls" not in name]
    assert sum(part.files for part in folders) == 100_000
    assert PARTS["train/pos"].bytes + PARTS["train/neg"].bytes == 33_132_823
