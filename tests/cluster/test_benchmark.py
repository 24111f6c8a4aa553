"""benchmarks/cluster.py measures: its scores agree, and its tables follow from the times."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.cluster import Timing, measure, sizing, throughput
from tests.cluster.conftest import Nodes

pytestmark = pytest.mark.filterwarnings("ignore:`use_:DeprecationWarning:ray.data.context")


@pytest.mark.long
def test_the_benchmark_times_both_engines(nodes: Nodes, bundle: Path, tmp_path: Path) -> None:
    texts = [f"a good film {number % 7}" for number in range(4_096)]
    local, ray = measure(str(bundle), texts, tmp_path, [1], 1, 1024)  # exits where their scores differ
    assert list(ray) == [1]
    assert isinstance(local, Timing)


def test_tables_follow_from_the_times() -> None:
    local = Timing.of(short=1.5, long=5.0, rows=8_000)
    assert local == Timing(fixed=1.0, each=0.0005)
    ray = {1: Timing(fixed=9.0, each=0.002), 2: Timing(fixed=11.0, each=0.001)}
    lines = [line.split(" | ") for line in throughput(local, ray).splitlines()[2:]]
    assert [line[1:] for line in lines] == [
        ["1.0", "2,000", "1.00 |"],
        ["9.0", "500", "0.25 |"],
        ["11.0", "1,000", "0.50 |"],
    ]
    million = sizing(ray, 1_000).splitlines()[2]  # 2 CPUs do 1,000 a second
    assert million.startswith("| 1,000,000 | 1.0 GB | 16.9 min |")
    assert len(sizing(ray, 1_000).splitlines()) == 6
