"""The whole way of the flagship on a small archive: encoder, n-grams, teacher, targets, student; and back into it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from sentiline.bundle import find
from tests.training.fits import TINY
from training.cli.main import main
from training.data import imdb
from training.data.targets import Targets
from training.distillation.logit_cache import CHUNK_TEXTS, LogitCache
from training.distillation.ngram_teacher import NgramRun
from training.nn import backend

backend.configure(1)

SIZES = {name: value for name, value in TINY.items() if name != "embedding"}  # which the encoder decides
FIT = [f"--{name.replace('_', '-')}={value}" for name, value in {**SIZES, "validation": 0.3, "units": 3}.items()]
FIT += ["--name=tiny", "--crops=0", "--epochs=1"]


def _run(*arguments: object) -> str:
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    return result.stderr


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory, small: Any) -> Path:
    """A folder in which every stage but the last was run by its command."""
    folder = tmp_path_factory.mktemp("chain")
    path = small.write(folder / "small.tar.gz")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(imdb.load.__kwdefaults__, "parts", small.parts)
        flags = ("--vocabulary=50", "--embedding=4", "--units=3", "--streams=2", "--window=4", "--candidates=6")
        _run("pretrain", "--archive", path, "--run", folder / "encoder", "--epochs=1", "--validation=0.3", *flags)
        start = folder / "encoder" / "encoder.npz"
        words = folder / "encoder" / "tokenizer.json"
        _run(
            "ngrams",
            "--archive",
            path,
            "--run",
            folder / "ngrams",
            "--tokenizer",
            words,
            "--validation=0.3",
            "--folds=2",
        )
        teacher = folder / "bilstm-teacher"
        _run("fit", "bilstm-teacher", "--archive", path, "--run", teacher, "--init", start, *FIT)
        labels = ("label", "--archive", path, "--to")
        spoken = ("--crops=2", "--verdicts-to", folder / "verdicts.npz")
        said = _run(*labels, folder / "targets.npz", teacher, "--ngrams", folder / "ngrams")
        (folder / "said.txt").write_text(said, encoding="utf-8")
        _run(*labels, folder / "two.npz", teacher, "--ngrams", folder / "ngrams", *spoken)
        for crops in (1, 2):
            _run(*labels, folder / f"again-{crops}.npz", "--verdicts", folder / "verdicts.npz", f"--crops={crops}")
    return folder


@pytest.fixture(scope="module")
def student(chain: Path, small: Any) -> Path:
    """The run folder of a student, which was exported again and labelled the texts as a teacher of its own."""
    run, archive = chain / "student", ("--archive", chain / "small.tar.gz")
    given = ("--init", chain / "encoder" / "encoder.npz", "--targets", chain / "targets.npz")
    bundle = run / "bundle" / "tiny"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(imdb.load.__kwdefaults__, "parts", small.parts)
        _run("fit", "bilstm-student", *archive, "--run", run, *given, "--splices=0", *FIT)
        before = (bundle / "manifest.json").stat().st_mtime_ns
        _run("export", run, *archive, *given)
        assert (bundle / "manifest.json").stat().st_mtime_ns > before
        ngrams = ("--ngrams", chain / "ngrams")
        _run("label", "--bundle", bundle, *archive, *ngrams, "--to", chain / "own.npz", "--trust=1")
    return run


def test_targets_are_softened_labels_followed_by_the_teachers_probabilities(chain: Path) -> None:
    targets = Targets.load(chain / "targets.npz")
    provenance = targets.provenance
    labelled, unlabelled, pieces = (provenance[name] for name in ("labelled", "unlabelled", "pieces"))
    assert (labelled, unlabelled, pieces) == (16, 12, 28)
    assert len(targets.ids) == labelled + unlabelled + pieces
    run = NgramRun(chain / "ngrams")
    soft = 1 / (1 + np.exp(-np.load(run.logits("train")).astype(np.float16).astype(np.float64)))
    by_label = np.abs(targets.probabilities[:labelled, None] - (0.7 * np.array([0, 1]) + 0.3 * soft[:, None]))
    assert by_label.min(axis=1).max() < 1e-6
    assert set(provenance["members"]) == {"ngrams", "bilstm-teacher"}
    weights = [member["weight"] for member in provenance["members"].values()]
    assert min(weights) >= 0 < max(weights)
    said = (chain / "said.txt").read_text(encoding="utf-8").splitlines()
    for name, member in provenance["members"].items():
        accuracy = member["validation_accuracy"]
        assert f"{name}: weight {member['weight']}, validation accuracy {accuracy} %" in said
    assert f"teacher, all together: validation accuracy {provenance['validation_accuracy']} %" in said


def test_saved_teacher_logits_give_the_same_targets(chain: Path) -> None:
    two, again, one = (Targets.load(chain / f"{name}.npz") for name in ("two", "again-2", "again-1"))
    assert two.digest() == again.digest()
    assert dict(two.provenance) == dict(again.provenance)
    assert (two.provenance["pieces"], one.provenance["pieces"]) == (56, 28)
    whole = 16 + 12
    kept = [*range(whole), *range(whole, len(two.ids), 2)]
    assert all(np.array_equal(one.ids[at], two.ids[place]) for at, place in enumerate(kept))
    np.testing.assert_array_equal(one.probabilities, two.probabilities[kept])


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--verdicts=verdicts.npz", "--crops=3"], 1, "crops is 3; the teacher labelled 2 crops of each review"),
        (["--verdicts=targets.npz"], 1, "targets.npz holds no teacher logits of this program"),
        (["--verdicts=nowhere.npz"], 1, "nowhere.npz does not exist"),
        (["--verdicts=shipped"], 1, "the teacher's logits cover 22,489 training reviews, but the archive has"),
        (["--verdicts=verdicts.npz", "--seed=1", "--ngrams=ngrams"], 2, "leave out --ngrams, --seed"),
        ([], 2, "--ngrams is missing"),
    ],
)
def test_mismatched_teacher_logits_are_refused(
    chain: Path, monkeypatch: pytest.MonkeyPatch, small: Any, arguments: list[str], code: int, message: str
) -> None:
    monkeypatch.setitem(imdb.load.__kwdefaults__, "parts", small.parts)
    monkeypatch.chdir(chain)
    result = CliRunner().invoke(main, ["label", "--archive=small.tar.gz", "--to=none.npz", *arguments])
    assert result.exit_code == code
    assert message in " ".join(result.stderr.split())
    assert not (chain / "none.npz").exists()


@pytest.mark.long  # test_ensemble covers a bundle as a member
@pytest.mark.usefixtures("student")
def test_a_finished_student_can_be_the_next_teacher(chain: Path) -> None:
    targets = Targets.load(chain / "own.npz")
    assert set(targets.provenance["members"]) == {"ngrams", "tiny"}
    assert set(targets.probabilities[: targets.provenance["labelled"]]) == {0, 1}  # --trust 1


@pytest.mark.long  # data/test_targets covers the provenance of a student
def test_the_student_tells_whom_it_learned_from(chain: Path, student: Path) -> None:
    config = json.loads((student / "config.json").read_text("utf-8"))
    assert "bilstm-teacher" in json.dumps(config["data"])
    bundle = find(student / "bundle" / "tiny")
    assert bundle.tokenizer().vocabulary == Targets.load(chain / "targets.npz").tokenizer.vocabulary


def test_the_logits_of_the_members_are_cached(chain: Path) -> None:
    assert list((chain / "targets.npz.readings").glob("*.npy"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ngrams=ngrams"], "a teacher needs a run folder, or a model with --bundle"),
        (["--ngrams=ngrams", "--bundle=bilstm"], "has another vocabulary"),
        (["nowhere", "--ngrams=ngrams"], "nowhere"),
    ],
)
def test_unsuitable_members_are_refused(
    chain: Path, monkeypatch: pytest.MonkeyPatch, small: Any, arguments: list[str], message: str
) -> None:
    monkeypatch.setitem(imdb.load.__kwdefaults__, "parts", small.parts)
    monkeypatch.chdir(chain)
    result = CliRunner().invoke(main, ["label", "--archive=small.tar.gz", "--to=none.npz", *arguments])
    assert result.exit_code == 1
    assert message in " ".join(result.stderr.split())
    assert not (chain / "none.npz").exists()


@dataclass
class Counting:
    """A member whose logit is the text's first id, and which is interrupted after some pieces."""

    identity: str
    patience: int = 99
    read: list[int] = field(default_factory=list)
    name: str = "counting"

    def logits(self, documents: Sequence[NDArray[np.int32]]) -> NDArray[np.float64]:
        if len(self.read) == self.patience:
            raise KeyboardInterrupt
        self.read.append(len(documents))
        return np.array([float(ids[0]) for ids in documents])


def test_an_interrupted_run_computes_only_the_missing_chunks(tmp_path: Path) -> None:
    documents = [np.array([number, 1], np.int32) for number in range(2 * CHUNK_TEXTS + 5)]
    wanted = [float(number) for number in range(len(documents))]
    first = Counting("a", patience=2)
    with pytest.raises(KeyboardInterrupt):
        LogitCache(tmp_path / "readings").logits(first, documents)
    again, advances = Counting("a"), list[int]()
    readings = LogitCache(tmp_path / "readings", advances.append)
    assert readings.logits(again, documents).tolist() == wanted
    assert (first.read, again.read, advances) == ([CHUNK_TEXTS, CHUNK_TEXTS], [5], [CHUNK_TEXTS, CHUNK_TEXTS, 5])
    other = Counting("b")
    assert readings.logits(other, documents).tolist() == wanted
    assert len(other.read) == 3  # another model's readings are not its own
    readings.logits(again, [documents[1], *documents[1:]])
    assert again.read == [5, CHUNK_TEXTS]
    assert readings.logits(again, []).tolist() == []
