"""Checkpoints: what goes in comes out, a kill leaves a whole file, and a damaged file is refused by name."""

from __future__ import annotations

import io
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.training.fits import ROOT
from training.errors import CheckpointError
from training.run import checkpoint

ARRAYS = {
    "model/embedding": np.arange(12, dtype=np.float32).reshape(3, 4) / 7,
    "model/bias": np.float32(0.1) * np.ones((), np.float32),
    "random/state": np.array([2**32 - 1, 3], np.uint32),
    "adam/iteration": np.array(2**40, np.int64),
}
PROGRESS = {"epoch": 2, "batch": 17, "loss": 0.1 + 0.2, "history": [{"epoch": 1, "loss": 1 / 3}]}


def test_arrays_and_progress_come_back_bit_for_bit(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    checkpoint.save(path, ARRAYS, PROGRESS)
    arrays, progress = checkpoint.load(path)
    assert progress == PROGRESS
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype, name
        assert arrays[name].shape == array.shape, name
        assert arrays[name].tobytes() == array.tobytes(), name
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.npz"]


def test_a_checkpoint_replaces_the_last_one(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    checkpoint.save(path, ARRAYS, PROGRESS)
    checkpoint.save(path, {"other": np.zeros(3)}, {"epoch": 3})
    arrays, progress = checkpoint.load(path)
    assert (list(arrays), progress) == (["other"], {"epoch": 3})


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"nowhere\.npz does not exist"):
        checkpoint.load(tmp_path / "nowhere.npz")


@pytest.mark.parametrize("kept", [0, 1, 10, 200, -1, -30])
def test_a_truncated_checkpoint_is_refused(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "checkpoint.npz"
    checkpoint.save(path, ARRAYS, PROGRESS)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match=r"checkpoint\.npz is not a checkpoint"):
        checkpoint.load(path)


def test_an_altered_array_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    checkpoint.save(path, ARRAYS, PROGRESS)
    content = bytearray(path.read_bytes())
    place = content.index(ARRAYS["model/embedding"].tobytes())
    content[place + 5] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="Bad CRC-32"):
        checkpoint.load(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    pickled = io.BytesIO()
    np.savez(pickled, progress=np.array([{"a": 1}], dtype=object))
    plain = io.BytesIO()
    np.savez(plain, weights=np.zeros(3))
    for content in (b"not a zip file at all", pickled.getvalue(), plain.getvalue()):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="is not a checkpoint"):
            checkpoint.load(path)


_WRITER = """
import sys
from pathlib import Path
import numpy as np
from training.run import checkpoint
for number in range(1_000_000):
    checkpoint.save(Path(sys.argv[1]), {"weights": np.full(200_000, number, np.float32)}, {"number": number})
"""


def test_a_kill_at_any_moment_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    before = -1
    for _ in range(4):
        process = subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], cwd=ROOT)
        try:
            deadline = time.monotonic() + 60
            while not path.exists() or checkpoint.load(path)[1]["number"] in (before, 0):
                assert process.poll() is None, "the writer ended by itself"
                assert time.monotonic() < deadline, "the writer wrote nothing"
                time.sleep(0.005)
            time.sleep(random.uniform(0, 0.03))
        finally:
            process.kill()
        assert process.wait() == -signal.SIGKILL
        arrays, progress = checkpoint.load(path)
        before = progress["number"]
        np.testing.assert_array_equal(arrays["weights"], np.full(200_000, before, np.float32))
