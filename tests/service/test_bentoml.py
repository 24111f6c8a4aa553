"""What BentoML itself brings: its Python client, the native API, and a bento that is built and served."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from sentiline.bundle import Bundle
from sentiline.predictor import Predictor
from sentiline.reading import Reading
from tests.bundles import write_bundle
from tests.service.server import ROOT, Server, environment

CLIENT = """
import bentoml, json, sys
answers = {}
with bentoml.SyncHTTPClient(sys.argv[1]) as client:
    answers["text"] = client.predict(inputs="I loved this film!")
    answers["list"] = client.predict(inputs=["I loved this film!", "", "So boring."], detail="none")
    answers["model"] = client.predict("I loved this film!", "tiny")["model"]
    try:
        client.predict(inputs="")
    except bentoml.exceptions.BentoMLException as error:
        answers["error"] = [int(error.error_code), json.loads(str(error))]
print(json.dumps(answers))
"""

NATIVE = """
import asyncio, json, time
from service.app import SentimentService
from service.errors import ServiceError

async def ask():
    service = SentimentService()
    service.start()
    while not service.__is_ready__():
        await asyncio.sleep(0.01)
    answer = await service.predict.local(inputs=["I loved this film!", ""])
    try:
        await service.predict.local(inputs="", detail="none")
    except ServiceError as error:
        refusal = [error.status, error.document()]
    service.stop()
    return {"answer": answer.model_dump(), "refusal": refusal, "ready": service.__is_ready__()}

print(json.dumps(asyncio.run(ask())))
"""


def run(code: str, *arguments: str, home: Path, **settings: str) -> Any:
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(home, **settings), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def expected(predictor: Predictor, texts: list[str], detail: Any) -> list[dict[str, Any]]:
    return [reading.as_dict(detail) for reading in predictor.read(texts) if isinstance(reading, Reading)]


def test_bentoml_client(server: Server, predictor: Predictor, tmp_path: Path) -> None:
    answers = run(CLIENT, server.url, home=tmp_path)
    assert answers["text"]["predictions"] == expected(predictor, ["I loved this film!"], "timesteps")
    first, blank, last = answers["list"]["predictions"]
    assert [first, last] == expected(predictor, ["I loved this film!", "So boring."], "none")
    assert (blank["error_type"], blank["index"]) == ("empty_text", 1)
    assert answers["model"] == "tiny"
    status, body = answers["error"]
    assert (status, body["error_type"]) == (422, "empty_text")


def test_bentoml_reads_the_schema(client: httpx.Client) -> None:
    (route,) = client.get("/schema.json").json()["routes"]
    assert (route["name"], route["route"]) == ("predict", "/predict")
    assert set(route["input"]["properties"]) == {"inputs", "model", "truncation", "detail"}
    assert route["input"]["required"] == ["inputs"]


def test_native_api(models: Path, predictor: Predictor, tmp_path: Path) -> None:
    """The method that BentoML's own callers reach, without HTTP."""
    said = run(NATIVE, home=tmp_path, SENTILINE_MODELS=str(models))
    first, blank = said["answer"]["predictions"]
    assert [first] == expected(predictor, ["I loved this film!"], "timesteps")
    assert blank["error_type"] == "empty_text"
    assert said["refusal"][0] == 422
    assert said["refusal"][1]["error_type"] == "empty_text"
    assert said["ready"] is False


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is to be packed, away from whatever else lies about in a working copy."""
    folder = tmp_path_factory.mktemp("checkout")
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("sentiline", "service", "requirements"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("bentofile.yaml", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    if (ROOT / "models" / "bilstm" / "manifest.json").is_file():
        shutil.copytree(ROOT / "models" / "bilstm", folder / "models" / "bilstm")
    else:
        write_bundle(folder / "models" / "bilstm", seed=11)
    (folder / "training").mkdir()
    (folder / "training" / "cli.py").write_text("raise SystemExit('not for serving')\n")
    return folder


def test_a_bento_is_built_and_serves(checkout: Path, predictor: Predictor, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    build = [sys.executable, "-m", "bentoml", "build", "--output", "tag"]
    built = subprocess.run(
        build, cwd=checkout, env=environment(home), capture_output=True, text=True, timeout=300, check=False
    )
    assert built.returncode == 0, built.stderr
    tag = built.stdout.strip().splitlines()[-1].removeprefix("__tag__:")
    name, _, version = tag.partition(":")
    packed = home / "bentos" / name / version / "src"
    assert name == "sentiline"
    assert {path.name for path in packed.iterdir()} == {
        "sentiline", "service", "models", "pyproject.toml", "bentofile.yaml"
    }  # fmt: skip
    assert not list(packed.rglob("*.pyc"))
    for bundle in (packed / "models").iterdir():
        Bundle.open(bundle).verify()
    with Server(home, target=(tag,)) as server:
        server.wait_for("/readyz")
        answer = httpx.post(f"{server.url}/predict", json={"inputs": "I loved this film!"}, timeout=120)
        assert answer.json()["predictions"] == expected(predictor, ["I loved this film!"], "timesteps")
        assert "<title>Sentiline</title>" in httpx.get(server.url).text
