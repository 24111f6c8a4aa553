"""benchmarks/cluster.py measures: its scores agree, and its tables follow from the times."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.cluster import measure, sizing, throughput
from tests.cluster.conftest import Nodes

pytestmark = pytest.mark.filterwarnings("ignore:`use_:DeprecationWarning:ray.data.context")


def test_engines_are_timed(nodes: Nodes, bundle: Path, tmp_path: Path) -> None:
    texts = [f"a good film {number % 7}" for number in range(4_096)]
    local, ray = measure(str(bundle), texts, tmp_path, [1], 1, 1024)
    assert list(ray) == [1]
    assert min(local.each, ray[1].each) > 0
    lines = throughput(local, ray).splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == [lines[2].split(" | ")[0], "| Ray, 1 actor"]
    ratio = float(lines[3].split("|")[-2])
    assert ratio == pytest.approx(local.each / ray[1].each, abs=0.01)
    assert len(sizing(ray, 1_000).splitlines()) == 6
