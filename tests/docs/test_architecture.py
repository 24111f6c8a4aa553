"""docs/architecture.md: every path that it names exists, and so does every package in its pictures."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PICTURES = re.findall(r"\((images/[\w-]+\.svg)\)", PAGE)
# a word with a slash, or a file name at the top of the repository
NAMED = sorted(set(re.findall(r"`((?:\w[\w.-]*/)+[\w.-]*|Dockerfile|[\w-]+\.\w+ml)`", PAGE)))


def test_the_page_names_paths() -> None:
    assert len(NAMED) > 80
    assert {"service/engine/", "training/export/fused_ops.py", "docker-compose.yml"} <= set(NAMED)


@pytest.mark.parametrize("path", NAMED)
def test_every_path_that_the_page_names_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("picture", PICTURES)
def test_every_package_in_the_pictures_exists(picture: str) -> None:
    shown = re.findall(r">([^<]+)</text>", (ROOT / "docs" / picture).read_text(encoding="utf-8"))
    packages = re.findall(r"\b(?:service|training)/\w+", " ".join(shown))
    assert packages
    assert [name for name in packages if not (ROOT / name / "__init__.py").exists()] == []
