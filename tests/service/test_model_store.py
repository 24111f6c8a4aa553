"""What a model is taken to need, against the memory that loading it really takes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.service.server import ROOT, environment

MEASURE = """
import json
from pathlib import Path
from sentiline.bundle import Bundle, installed
from sentiline.predictor import Predictor
from service.model_store import WARM_UP_TEXT, memory

def used():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))

models = {name: Bundle.open(path) for name, path in installed().items()}
kept = [Predictor(models["bilstm"], threads=1)]  # what all models share: onnxruntime itself
kept[0].predict([WARM_UP_TEXT * 200])
rows = []
for name, bundle in models.items():
    before = used()
    kept.append(Predictor(bundle, threads=1))
    kept[-1].predict([WARM_UP_TEXT * 200])
    rows.append([name, memory(bundle.manifest, kept[-1].precision), used() - before])
print(json.dumps(rows))
"""


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").is_file(), reason="needs Linux's /proc")
def test_the_estimate_is_near_what_loading_takes(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE], cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True, check=True
    )
    rows = json.loads(done.stdout)
    assert len(rows) > 1
    for name, estimated, taken in rows:
        assert abs(estimated - taken) < 4 << 20, f"{name}: estimated {estimated}, took {taken}"
