"""`POST /hf` with Hugging Face's JavaScript client, run by node as its users write it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sentiline.predictor import Predictor
from tests.requirement import need
from tests.service.api.classification import TEXTS, labels
from tests.service.server import Server

NODE = Path(__file__).with_name("node")
PACKAGE = "@huggingface/inference"
TOO_LONG = "a good film " * 5000
KEY = "node-key-0123456789"


def calls(
    endpoint: str, *arguments: dict[str, Any], token: str | None = None, together: bool = False, style: str = "client"
) -> list[dict[str, Any]]:
    """Run the calls in one node; for each `{"answer": …}` or `{"error": …}`."""
    work = [{"endpoint": endpoint, "style": style, "arguments": one} for one in arguments]
    done = subprocess.run(
        ["node", "classify.mjs"],
        cwd=NODE,
        input=json.dumps({"token": token, "together": together, "calls": work}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results: list[dict[str, Any]] = json.loads(done.stdout)
    assert len(results) == len(arguments)
    return results


@pytest.fixture(scope="module")
def node() -> None:
    """Node with the client installed."""
    need("node", shutil.which("node") is not None, "node is not installed")
    installed = NODE / "node_modules" / PACKAGE
    need("node", installed.is_dir(), f"{PACKAGE} is not installed: npm ci --prefix tests/service/node")


def wanted(predictor: Predictor, text: str) -> list[dict[str, Any]]:
    return [{"label": label, "score": score} for label, score in labels(predictor, text)]


@pytest.mark.usefixtures("node")
def test_the_installed_client_is_the_pinned_one() -> None:
    pinned = json.loads((NODE / "package.json").read_text(encoding="utf-8"))["dependencies"]
    manifest = NODE / "node_modules" / PACKAGE / "package.json"
    assert pinned == {PACKAGE: json.loads(manifest.read_text(encoding="utf-8"))["version"]}


def test_the_lock_has_a_digest_and_no_address_for_each_package() -> None:
    packages = json.loads((NODE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    locked = {name: entry for name, entry in packages.items() if name}
    assert f"node_modules/{PACKAGE}" in locked
    assert [name for name, entry in locked.items() if not entry.get("integrity", "").startswith("sha512-")] == []
    assert [name for name, entry in locked.items() if "resolved" in entry] == []


@pytest.mark.usefixtures("node")
@pytest.mark.parametrize("style", ["client", "function"])
def test_node_client_classifies_texts(server: Server, predictor: Predictor, style: str) -> None:
    results = calls(f"{server.url}/hf", *({"inputs": text} for text in TEXTS), style=style)
    assert results == [{"answer": wanted(predictor, text)} for text in TEXTS]


@pytest.mark.usefixtures("node")
def test_parameters(server: Server, predictor: Predictor) -> None:
    [reading] = predictor.read(TEXTS[1:2])
    both = wanted(predictor, TEXTS[1])
    raw = [{"label": "POSITIVE", "score": reading.logit}, {"label": "NEGATIVE", "score": -reading.logit}]
    chosen: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
        ({"top_k": 1}, both[:1]),
        ({"top_k": 2}, both),
        ({"top_k": 5}, both),
        ({"function_to_apply": "softmax"}, both),
        ({"function_to_apply": "sigmoid", "top_k": 1}, both[:1]),
        ({"function_to_apply": "none"}, sorted(raw, key=lambda element: -element["score"])),
        ({"function_to_apply": "none", "top_k": 1}, [max(raw, key=lambda element: element["score"])]),
    ]
    results = calls(f"{server.url}/hf", *({"inputs": TEXTS[1], "parameters": given} for given, _ in chosen))
    assert results == [{"answer": answer} for _, answer in chosen]


@pytest.mark.usefixtures("node")
def test_many_at_once_are_not_swapped(server: Server, predictor: Predictor) -> None:
    texts = [f"{text} {count} {'good' if count % 3 else 'bad'}" for count in range(40) for text in TEXTS]
    results = calls(f"{server.url}/hf", *({"inputs": text} for text in texts), together=True)
    assert results == [{"answer": wanted(predictor, text)} for text in texts]


@pytest.mark.usefixtures("node")
def test_another_model_by_its_address(server: Server, client: Any) -> None:
    body = client.post("/predict", json={"inputs": TEXTS[0], "model": "tiny", "detail": "none"}).json()
    [result] = calls(f"{server.url}/hf/models/tiny", {"inputs": TEXTS[0], "parameters": {"top_k": 1}})
    prediction = body["predictions"][0]
    assert result == {"answer": [{"label": prediction["label"], "score": prediction["score"]}]}


@pytest.mark.usefixtures("node")
@pytest.mark.parametrize(
    ("path", "arguments", "status", "code"),
    [
        ("/hf", {"inputs": ""}, 422, "empty_text"),
        ("/hf", {"inputs": "good", "parameters": {"top_k": 0}}, 422, "invalid_option"),
        ("/hf", {"inputs": TOO_LONG, "parameters": {"truncation": "error"}}, 422, "text_too_long"),
        ("/hf/models/nobody", {"inputs": "good"}, 404, "model_not_found"),
        ("/hf/nothing", {"inputs": "good"}, 404, "not_found"),
    ],
)
def test_errors_reach_the_user(server: Server, path: str, arguments: dict[str, Any], status: int, code: str) -> None:
    """The client shows the server's own sentence, and hands out the whole object."""
    [result] = calls(server.url + path, arguments)
    error = result["error"]
    assert (error["name"], error["status"], error["body"]["error_type"]) == ("ProviderApiError", status, code)
    assert error["body"]["error"] in error["message"]


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("locked-node")
    with Server(home, SENTILINE_MODELS=str(models), SENTILINE_API_KEYS=KEY) as running:
        yield running.wait_until_ready()


@pytest.mark.usefixtures("node")
def test_the_access_token_is_the_api_key(locked: Server, predictor: Predictor) -> None:
    arguments = {"inputs": TEXTS[0]}
    assert calls(f"{locked.url}/hf", arguments, token=KEY) == [{"answer": wanted(predictor, TEXTS[0])}]
    for token in (None, "another-key-0123456"):
        [result] = calls(f"{locked.url}/hf", arguments, token=token)
        assert (result["error"]["status"], result["error"]["body"]["error_type"]) == (401, "unauthorized")
