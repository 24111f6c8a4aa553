"""Files of reports appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentiline.reporting.output_file import write


def test_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    target = tmp_path / "a.html"
    target.write_bytes(b"old")
    with target.open("rb") as reader:
        write(target, b"new")
        assert reader.read() == b"old"  # who reads it reads the old one to its end
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "a.html"
    (target / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        write(target, b"new")
    assert list(tmp_path.iterdir()) == [target]
