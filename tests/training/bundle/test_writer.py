"""Bundle folders are replaced whole or left as they were, and nothing else is ever replaced."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from sentiline.bundle import Bundle
from tests.training.fits import FinishedFit
from training.bundle.writer import update_bundle
from training.errors import ExportError


@pytest.fixture
def bundle(finished_fit: FinishedFit, tmp_path: Path) -> Bundle:
    shutil.copytree(finished_fit.run.bundle / "tiny", tmp_path / "tiny")
    return Bundle.open(tmp_path / "tiny")


def test_another_kind_of_manifest_is_not_a_bundle(bundle: Bundle) -> None:
    (bundle.path / "manifest.json").write_text(json.dumps({"name": "a web site", "icons": []}), encoding="utf-8")
    with pytest.raises(ExportError, match="is not a bundle and will not be replaced"):
        update_bundle(bundle, {"version": "2"}, {})


def test_a_stranger_in_the_folder_is_never_deleted(bundle: Bundle) -> None:
    stranger = bundle.path / "thesis.txt"
    stranger.write_text("years of work", encoding="utf-8")
    with pytest.raises(ExportError, match=r"also holds thesis\.txt"):
        update_bundle(bundle, {"version": "2"}, {})
    assert stranger.read_text(encoding="utf-8") == "years of work"


def test_an_interruption_between_the_renames_puts_the_old_bundle_back(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, calls = Path.rename, []

    def interrupted(self: Path, target: Any) -> Path:
        calls.append(target)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        update_bundle(bundle, {"version": "2"}, {})
    found = Bundle.open(bundle.path)
    found.verify()
    assert found.manifest.version == bundle.manifest.version
    assert [path.name for path in bundle.path.parent.iterdir()] == [bundle.path.name]
