"""Every shipped bundle computes what the numpy reference computes from its weights."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from sentiline.cli.verify import verify

MODELS = sorted(path.parent for path in Path(__file__).resolve().parents[2].glob("models/*/manifest.json"))


def test_the_default_model_is_among_those_verified() -> None:
    assert "bilstm" in [folder.name for folder in MODELS]


@pytest.mark.parametrize("folder", MODELS, ids=lambda folder: folder.name)
def test_shipped_models_agree_with_the_reference(folder: Path) -> None:
    result = CliRunner().invoke(verify, [str(folder)])
    assert result.exit_code == 0, result.output
    assert folder.name in result.output
