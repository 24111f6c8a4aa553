"""Peak resident memory does not grow with the input."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.bundles import write_bundle
from tests.scoring.files import write

ROOT = Path(__file__).resolve().parents[2]
MEASURE = r"""
import re, sys
from pathlib import Path
from sentiline.predictor import load
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.pipeline import score_files
with load(Path(sys.argv[1]), threads=2) as predictor:
    timesteps = sys.argv[5] == "timesteps"
    options = ScoreOptions(max_characters=10_000, memory=f"{sys.argv[4]}MB", timesteps=timesteps)
    summary = score_files(predictor, [sys.argv[2]], Path(sys.argv[3]), options)
# not ru_maxrss, which begins with what the process that started this one had
print(summary.rows, int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024 // 10**6)
"""
MARGIN_MB = 50


def measure(bundle: Path, source: Path, output: Path, memory: int = 600, detail: str = "none") -> tuple[int, int]:
    """Score within a budget in MB, in a new process; return the rows and the peak resident memory in MB."""
    command = [sys.executable, "-c", MEASURE, str(bundle), str(source), str(output), str(memory), detail]
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


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.gz", "out.jsonl.zst"])
def test_timesteps_are_not_in_memory_at_once(tmp_path: Path, name: str) -> None:
    bundle = write_bundle(tmp_path / "models" / "bilstm", max_tokens=2_000)  # and not 64: much is written of each token
    source = write(tmp_path / "a.jsonl", [{"text": "good film " * 800}] * 500)
    _, without = measure(bundle, source, tmp_path / f"without-{name}")
    rows, peak = measure(bundle, source, tmp_path / name, detail="timesteps")
    assert rows == 500
    assert name != "out.jsonl" or (tmp_path / name).stat().st_size > 2 * MARGIN_MB * 10**6, "the growth would show"
    assert peak - without < MARGIN_MB, f"{without} MB without timesteps, {peak} MB with them"
