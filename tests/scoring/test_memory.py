"""Peak resident memory does not grow with the input: a large file costs what a small one costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.scoring.files import write

ROOT = Path(__file__).resolve().parents[2]
MEASURE = r"""
import re, sys
from pathlib import Path
from sentiline.predictor import load
from sentiline.scoring.run import Options, score_files
with load(Path(sys.argv[1]), threads=2) as predictor:
    options = Options(max_characters=1000, memory=int(sys.argv[4]) * 10**6)
    tally = score_files(predictor, [sys.argv[2]], Path(sys.argv[3]), options)
# not ru_maxrss, which begins with what the process that started this one had
print(tally.rows, int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024 // 10**6)
"""
MARGIN_MB = 50


def measure(bundle: Path, source: Path, output: Path, memory: int = 600) -> tuple[int, int]:
    """Score within so many MB, in a process of its own; rows, and its peak resident memory in MB."""
    command = [sys.executable, "-c", MEASURE, str(bundle), str(source), str(output), str(memory)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows, peak = map(int, done.stdout.split())
    return rows, peak


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
def test_memory_is_bounded(bundle: Path, tmp_path: Path, name: str) -> None:
    # long texts that are carried but not scored take memory and little time; one row in ten is scored
    rows = [{"id": str(n), "text": "good film " * (5 if n % 10 == 0 else 8_000)} for n in range(200)]
    count, few = measure(bundle, write(tmp_path / name, rows * 3), tmp_path / f"small-{name}")
    assert count == 600
    large = write(tmp_path / f"large-{name}", rows * 15)
    assert large.suffix == ".parquet" or large.stat().st_size > 2 * MARGIN_MB * 10**6, "the growth would show"
    count, many = measure(bundle, large, tmp_path / f"out-{name}")
    assert count == 3_000
    assert many - few < MARGIN_MB, f"{few} MB for a small file, {many} MB for a large one"
    assert many < 600
    _, less = measure(bundle, large, tmp_path / f"less-{name}", 330)
    assert less < 330
    assert less < many
