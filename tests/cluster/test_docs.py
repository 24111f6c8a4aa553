"""docs/cluster.md: its commands run in order as written, and its tables are those of the benchmark."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
from pyarrow import fs

from benchmarks.cluster import SIZES, Timing, duration, sizing, throughput
from tests.cluster.conftest import ROOT, Nodes
from tests.programs import programs
from tests.scoring.files import read

PAGE = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
ADDRESS = "10.0.0.1:6379"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_commands_of_the_guide_run(
    nodes: Nodes, environment: dict[str, str], bundle: Path, tmp_path: Path, bucket: fs.SubTreeFileSystem
) -> None:
    (tmp_path / "reviews").mkdir()
    [example] = blocks("json")
    (tmp_path / "reviews" / "a.jsonl").write_text(example, encoding="utf-8")
    [install, *commands] = blocks("sh")
    assert install == "pip install 'sentiline[ray]'\n"
    assert sum(ADDRESS in command for command in commands) == 3
    script = "set -e\n" + "".join(commands).replace(ADDRESS, nodes.address)
    done = subprocess.run(
        ["sh", "-c", script],
        cwd=tmp_path,
        env=os.environ
        | environment
        | {"PATH": f"{programs(tmp_path / 'bin')}:{os.environ['PATH']}", "SENTILINE_MODELS": str(bundle.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()  # of progress where the machine is slow, and nothing of Ray's own
    assert [line for line in lines if not re.match(r"[\d,]+ rows, [\d,]+ rows/s, ", line)] == []
    assert done.stdout.count("3 rows written to scored: 2 scored") == 2
    assert "scored is complete, of the same inputs, model and options: nothing to resume." in done.stdout
    assert pq.read_table("scored", filesystem=bucket).equals(pq.read_table(tmp_path / "scored"))
    assert "3 rows, scored by bilstm" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert [row["error"] for row in read(tmp_path / "again.csv")] == ["", "empty_text", ""]
    names = sorted(path.name for path in (tmp_path / "scored").iterdir())
    assert names == ["_SUCCESS", "_manifest.json", "part-000000-000000.parquet"]
    assert all(f"`{name}`" in PAGE for name in names)
    assert json.loads((tmp_path / "scored" / "_manifest.json").read_text())["tally"]["rows"] == 3
    assert pq.read_table(tmp_path / "scored")["id"].to_pylist() == [1, 2, 3]


def test_tables_are_of_the_shape_that_the_benchmark_prints() -> None:
    timings = {1: Timing(5.0, 0.001), 2: Timing(6.0, 0.0005)}
    printed = f"{throughput(Timing(0.0, 0.0004), timings)}\n\n{sizing(timings, 1_300)}"
    shown = re.search(r"<!-- benchmarks.cluster begins -->\n(.*)<!-- benchmarks.cluster ends -->", PAGE, re.DOTALL)
    assert shown
    for table in (printed, shown[1]):
        heads = [line for line in table.splitlines() if line.startswith(("| engine ", "| reviews "))]
        assert heads == [line for line in printed.splitlines() if line.startswith(("| engine ", "| reviews "))]
        assert [f"\n| {size:,} |" in table for size in SIZES] == [True] * len(SIZES)


def test_sizes_follow_from_what_was_measured() -> None:
    timing = Timing.of(short=6.0, long=13.0, rows=8_000)
    assert timing == Timing(fixed=5.0, each=0.001)
    table = sizing({1: Timing(9.0, 1.0), 2: Timing(20.0, 0.0005)}, 1_300)
    million = next(line for line in table.splitlines() if line.startswith("| 1,000,000 "))
    # 1,000 reviews a second and CPU: 500 s on 2 CPUs, and 20 s before
    assert million == "| 1,000,000 | 1.3 GB | 8.7 min | 82 s | 36 s | 24 s | 0.3 |"
    assert "| 1,000,000,000 | 1,300.0 GB | 5.8 d |" in table
    assert [duration(seconds) for seconds in (119.0, 120.0, 7_200.0, 172_800.0)] == [
        "119 s",
        "2.0 min",
        "2.0 h",
        "2.0 d",
    ]
