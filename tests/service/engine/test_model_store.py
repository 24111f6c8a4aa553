"""What a model is taken to need, against what loading it really takes; which ones go, and when."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sentiline.bundle import Bundle
from sentiline.predictor import Predictor
from service.engine.model_store import MEBIBYTE, Model, ModelStore, estimated_memory
from service.errors import ServiceError
from service.settings import Settings
from tests.bundles import write_bundle
from tests.service.server import ROOT, environment

MEASURE = """
import json
from pathlib import Path
from sentiline.bundle import Bundle, installed
from sentiline.predictor import Predictor
from service.engine.model_store import WARM_UP_TEXT, estimated_memory

def used():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    # pages of libraries are shared with other processes, whose number must not matter
    private = [line for line in lines if line.startswith(("Private_Clean:", "Private_Dirty:"))]
    return sum(int(line.split()[1]) << 10 for line in private)

models = {name: Bundle.open(path) for name, path in installed().items()}
kept = [Predictor(models["bilstm"], threads=1)]  # what all models share: onnxruntime itself
kept[0].predict([WARM_UP_TEXT * 200, *[WARM_UP_TEXT * 2] * 128])
rows = []
for name, bundle in models.items():
    before = used()
    kept.append(Predictor(bundle, threads=1))
    kept[-1].predict([WARM_UP_TEXT * 200, *[WARM_UP_TEXT * 2] * 128])
    rows.append([name, estimated_memory(bundle.manifest, kept[-1].precision), used() - before])
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


class Kept:
    """A store of small models with room for three, and the models that it tells whenever one comes or goes."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for seed, name in enumerate(("own", "a", "b", "c")):
            write_bundle(folder / name, seed=seed)
        monkeypatch.setenv("SENTILINE_MODELS", str(folder))
        manifest = Bundle.open(folder / "own").manifest
        self.limit = 3 * estimated_memory(manifest, manifest.default_precision) // MEBIBYTE + 1
        self.told: list[Mapping[str, Model]] = []
        self.during: list[set[str]] = []
        settings = Settings(model="own", model_memory_mb=self.limit, threads=1)
        self.store = store = ModelStore(settings, 1, self.told.append)
        kept = self.during

        class Watched(Predictor):
            def __init__(self, *arguments: Any, **options: Any) -> None:
                kept.append(set(store.loaded()))
                super().__init__(*arguments, **options)

        monkeypatch.setattr("sentiline.predictor.Predictor", Watched)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    return Kept(tmp_path / "models", monkeypatch)


def test_room_is_made_before_a_model_is_loaded(kept: Kept) -> None:
    for name in ("own", "a", "b"):
        kept.store.load(name)
    kept.store.get("a")
    kept.store.load("c")
    assert kept.during == [set(), {"own"}, {"own", "a"}, {"own", "a"}]  # "b" was used least recently
    assert set(kept.store.loaded()) == set(kept.told[-1]) == {"own", "a", "c"}
    assert all(sum(model.size for model in models.values()) <= kept.limit * MEBIBYTE for models in kept.told)


def test_an_unknown_version_loads_nothing_and_evicts_nothing(kept: Kept) -> None:
    for name in ("own", "a", "b"):
        kept.store.load(name)
    with pytest.raises(ServiceError, match=r'no version "9"; it has 0\.0\.1') as caught:
        kept.store.load("c", "9")
    assert (caught.value.status, caught.value.code) == (404, "model_not_found")
    assert len(kept.during) == 3
    assert set(kept.store.loaded()) == {"own", "a", "b"}
    kept.store.load("c", "0.0.1")
    assert "c" in kept.store.loaded()
