"""Bare applications to compare the service with: Starlette with one route and no checks.

`uvicorn --factory benchmarks.lib.bare:predictor` serves the model that SENTILINE_MODEL names, `…:transformer` the
encoder and tokenizer in the folder that BENCHMARK_TRANSFORMER names.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

TRANSFORMER_VARIABLE = "BENCHMARK_TRANSFORMER"


def _application(answer: Callable[[list[str], Any], Any], threads: int) -> Starlette:
    """Create an application with one route, which calls `answer(texts, detail)` in a thread pool."""
    pool = ThreadPoolExecutor(threads)

    def work(document: dict[str, Any]) -> bytes:
        inputs = document["inputs"]
        texts = [inputs] if isinstance(inputs, str) else inputs
        return orjson.dumps(answer(texts, document.get("detail", "timesteps")))

    async def predict(request: Request) -> Response:
        document = orjson.loads(await request.body())
        body = await asyncio.get_running_loop().run_in_executor(pool, work, document)
        return Response(body, media_type="application/json")

    async def ready(_: Request) -> Response:
        return Response(b"{}", media_type="application/json")

    return Starlette(routes=[Route("/predict", predict, methods=["POST"]), Route("/readyz", ready)])


def predictor() -> Starlette:
    """Serve Sentiline's predictor with as many threads as the service uses."""
    from sentiline.predictor import load

    model = load(os.environ.get("SENTILINE_MODEL") or "bilstm")
    return _application(lambda texts, detail: model.answer(model.read(texts), detail), model.threads)


def transformer() -> Starlette:
    """Serve the transformer, one run at a time on all cores, which is faster than parallel runs on fewer cores."""
    from tokenizers import Tokenizer

    from benchmarks.lib.transformer import Transformer

    folder = Path(os.environ[TRANSFORMER_VARIABLE])
    model = Transformer(folder / "model.onnx", Tokenizer.from_file(str(folder / "tokenizer.json")))
    model.score(["The first review of the day."])
    return _application(lambda texts, _: {"scores": model.score(texts)}, 1)
