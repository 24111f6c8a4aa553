"""The cost of a request on its way through the engine, whose model may have to be loaded first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import pytest

from service.engine.engine import Engine
from service.settings import Settings
from service.telemetry.metrics import Metrics
from service.telemetry.stage_times import StageTimes
from tests.bundles import write_bundle
from tests.service.engine.tasks import CallbackTask

LONG = "good film " * 4096  # tokens: 8192
TINY = "A. " * 3000


async def pending(engine: Engine, model: str, text: str, *, sentences: bool) -> list[int]:
    """The tokens pending when the text was read, and after the answer."""
    counts: list[int] = []
    task = CallbackTask([text], lambda _: counts.append(engine.budget.tokens), sentences=sentences)
    await engine.run(model, task, StageTimes(perf_counter()))
    return [*counts, engine.budget.tokens]


def in_engine(models: Path, monkeypatch: pytest.MonkeyPatch, do: Callable[[Engine], None]) -> None:
    monkeypatch.setenv("SENTILINE_MODELS", str(models))
    settings = Settings(model="tiny", threads=1)
    engine = Engine(settings, Metrics([], ["tiny", "wide"], max_pending_tokens=settings.max_pending_tokens))
    try:
        engine.start()
        engine._warmed.result(120)
        assert engine.ready
        do(engine)
    finally:
        engine.close()


def test_a_model_that_is_loaded_first_counts_by_its_own_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_bundle(tmp_path / "tiny")
    write_bundle(tmp_path / "wide", max_tokens=8192)

    def ask(engine: Engine) -> None:
        assert "wide" not in engine.loaded()
        assert asyncio.run(pending(engine, "wide", LONG, sentences=False)) == [8192, 0]
        assert asyncio.run(pending(engine, "wide", LONG, sentences=False)) == [8192, 0]

    in_engine(tmp_path, monkeypatch, ask)


def test_sentences_count_towards_the_cost(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(engine: Engine) -> None:
        assert asyncio.run(pending(engine, "tiny", TINY, sentences=True)) == [len(TINY) // 4, 0]
        assert asyncio.run(pending(engine, "tiny", TINY, sentences=False)) == [len(TINY) // 40, 0]

    in_engine(models, monkeypatch, ask)
