"""The image: its size, what is in it and what is not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.docker.composition import MEGABYTE, composition, size_beyond_base
from tests.docker.containers import Container, docker

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 400 * MEGABYTE
"""Bytes that the image may add to its base."""

ABSENT = ("pip", "ensurepip", "setuptools", "wheel", "tensorflow", "keras", "tf2onnx", "onnx", "training", "pytest")
TOOLS = ("pip", "pip3", "uv", "gcc", "g++", "cc", "c++", "clang", "ld", "make", "git", "curl", "wget")

LOOK = """
import importlib.util, json, os, shutil, subprocess, sys
absent, tools = sys.argv[1].split(), sys.argv[2].split()
find = "import importlib.util, json, sys; print(json.dumps([n for n in sys.argv[1:] if importlib.util.find_spec(n)]))"
found = {}
for python in (sys.executable, os.path.realpath(sys.executable)):
    found[python] = json.loads(subprocess.check_output([python, "-I", "-c", find, *absent]))
path = os.environ["PATH"] + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
print(json.dumps({"modules": found, "tools": [name for name in tools if shutil.which(name, path=path)],
                  "app": sorted(os.listdir("/app")), "service": sorted(os.listdir("/app/service"))}))
"""

VERIFY = """
import json
from sentiline.bundle import Bundle, installed
print(json.dumps([Bundle.open(path).verify() or name for name, path in installed().items()]))
"""


def test_the_image_is_small(image: str) -> None:
    rows = composition()
    beyond = size_beyond_base()
    assert beyond <= LIMIT, rows
    # the table is complete but for folders and links
    assert sum(size for _, size in rows) == pytest.approx(beyond, rel=0.02)


def test_the_documented_size_is_the_measured_one(image: str) -> None:
    text = (ROOT / "docs" / "docker.md").read_text(encoding="utf-8")
    documented = re.search(r"\*\*in all, beyond the base\*\* \| \*\*(\d+)\*\*", text)
    assert documented is not None
    assert int(documented[1]) == pytest.approx(size_beyond_base() / MEGABYTE, rel=0.1)


def test_the_image_has_no_build_tools_and_no_training_code(isolated: Container) -> None:
    seen = json.loads(isolated.python(LOOK, " ".join(ABSENT), " ".join(TOOLS)))
    assert len(seen["modules"]) == 2  # the environment's Python and the base's
    assert set(map(tuple, seen["modules"].values())) == {()}
    assert seen["tools"] == []
    assert seen["app"] == ["models", "pyproject.toml", "sentiline", "service"]
    assert "deploy" not in seen["service"]


def test_the_image_holds_every_shipped_model_unaltered(isolated: Container) -> None:
    shipped = {path.parent.name for path in (ROOT / "models").glob("*/manifest.json")}
    assert set(json.loads(isolated.python(VERIFY))) == shipped


def test_the_image_records_no_package_index(image: str) -> None:
    history = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", image)
    environment = json.loads(docker("image", "inspect", "--format", "{{json .Config.Env}}", image))
    assert "/readyz" in history  # the health check shows that the history does hold the commands
    assert re.findall(r"\w+://[^/ :]*", history) == []
    assert [entry for entry in environment if entry.startswith(("PIP_", "UV_"))] == []


def test_the_user_is_a_number_and_the_server_gets_the_signals(image: str) -> None:
    config = json.loads(docker("image", "inspect", "--format", "{{json .Config}}", image))
    assert config["User"] == "10001:10001"  # from a name Kubernetes could not tell that the user is not root
    assert config["Cmd"] == ["python", "-m", "sentiline", "serve"]
    assert not config.get("Entrypoint")
    assert config["Healthcheck"]["Test"][0] == "CMD"
