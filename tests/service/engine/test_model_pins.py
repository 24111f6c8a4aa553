"""One version of a model per server: what one worker has loaded all others load, whatever becomes of the folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from sentiline.bundle import Bundle
from service.engine import model_pins
from service.engine.model_pins import ModelPins
from service.engine.model_store import ModelStore
from service.errors import ServiceError
from service.settings import Settings
from service.telemetry.metrics import MULTIPROCESS_VARIABLE
from tests.bundles import write_bundle


class Workers:
    """The stores of several workers of one server."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.models, shared = folder / "models", folder / "shared"
        shared.mkdir()
        monkeypatch.setenv("SENTILINE_MODELS", str(self.models))
        monkeypatch.setenv(MULTIPROCESS_VARIABLE, str(shared))
        self.install("1")

    def install(self, version: str) -> None:
        """Put a version of the model into its folder, in place of the one there."""
        shutil.rmtree(self.models / "mine", ignore_errors=True)
        write_bundle(self.models / "mine", seed=int(version), manifest={"version": version})

    def start(self) -> ModelStore:
        return ModelStore(Settings(model="other", threads=1), 1, lambda _: None)


@pytest.fixture
def workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workers:
    return Workers(tmp_path, monkeypatch)


def version(store: ModelStore) -> str:
    return store.load("mine").predictor.manifest.version


@pytest.mark.parametrize("change", ["replaced", "removed", "damaged", "unreadable"])
def test_all_workers_serve_what_the_first_one_loaded(workers: Workers, change: str) -> None:
    first, second = workers.start(), workers.start()
    assert version(first) == "1"
    if change == "replaced":
        workers.install("2")
    elif change == "damaged":
        (workers.models / "mine" / "tokenizer.json").unlink()
    else:
        shutil.rmtree(workers.models / "mine" if change == "removed" else workers.models)
    assert version(second) == "1"
    assert version(workers.start()) == "1"  # in the place of a worker that was killed
    with pytest.raises(ServiceError, match='has no version "2"; it has 1'):
        workers.start().load("mine", "2")


def test_an_evicted_model_comes_back_as_it_was(workers: Workers) -> None:
    store = workers.start()
    assert version(store) == "1"
    workers.install("2")
    store._loaded.clear()
    assert version(store) == "1"


def test_a_restart_of_the_workers_serves_the_new_version(workers: Workers) -> None:
    """Rolling, as SIGHUP has it: the new worker starts before the old ones have stopped."""
    old, other = workers.start(), workers.start()
    assert version(old) == version(other) == "1"
    workers.install("2")
    new = workers.start()
    assert version(new) == "1"
    old.pins.close()
    new.refresh()
    other.refresh()
    assert version(new) == version(other) == version(workers.start()) == "2"
    other.pins.close()  # it knows the new pin
    new.refresh()
    assert version(new) == "2"


def test_a_worker_does_not_remove_a_pin_made_after_its_own(workers: Workers) -> None:
    old, other = workers.start(), workers.start()
    assert version(old) == version(other) == "1"
    workers.install("2")
    old.pins.close()
    new = workers.start()
    assert version(new) == "2"
    pinned = new.pins.current("mine")
    other.pins.close()
    assert new.pins.current("mine") == pinned


def test_a_damaged_copy_is_replaced_by_the_folder(workers: Workers) -> None:
    first = workers.start()
    copy = first.load("mine").copy
    assert copy is not None
    (copy / "model.int8.onnx").unlink()
    assert version(workers.start()) == "1"
    assert first.pins.current("mine") not in (None, copy)
    first.refresh()
    assert first.load("mine").copy == first.pins.current("mine")


def test_the_model_in_memory_stays_if_its_successor_cannot_be_loaded(workers: Workers) -> None:
    first, second = workers.start(), workers.start()
    assert version(first) == version(second) == "1"
    shutil.rmtree(workers.models / "mine")
    second.pins.close()
    first.refresh()
    assert first.loaded()["mine"].manifest.version == "1"


def test_two_workers_that_pin_at_once_agree(workers: Workers) -> None:
    one, two = ModelPins(), ModelPins()
    old = Bundle.open(workers.models / "mine")
    copy = one.pin(old, ["tokenizer.json"])
    assert two.pin(old, ["tokenizer.json"]) == copy
    assert two.pinned() == {"mine": copy}


def test_outdated_copies_are_deleted(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_pins, "OUTDATED_SECONDS", 0.0)
    first = workers.start()
    first.load("mine")
    folder = Path(os.environ[MULTIPROCESS_VARIABLE]) / "models"
    first.pins.close()
    workers.start().load("mine")
    assert len(list(folder.glob("mine@*"))) == 1


def test_without_a_supervisor_a_worker_keeps_its_versions_too(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(MULTIPROCESS_VARIABLE)
    store = workers.start()
    assert version(store) == "1"
    workers.install("2")
    store._loaded.clear()
    assert version(store) == "1"
    assert version(workers.start()) == "2"
