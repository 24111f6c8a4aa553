"""Over HTTP a text gets the answer that it gets alone in this process, whatever is sent at the same time."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from sentiline.predictor import Predictor
from tests.mixtures import mixture
from tests.service.load import Connection
from tests.service.server import Server

TEXTS = mixture(120, seed=6)


def test_requests_and_lists_get_the_answers_of_each_text_alone(server: Server, predictor: Predictor) -> None:
    """32 connections at once, each with single texts and lists of random lengths."""
    alone = [predictor.read([text])[0].as_dict("none") for text in TEXTS]
    chance = random.Random(7)

    async def client() -> None:
        connection = await Connection.open(server.port)
        for size in (1, 1, 3, 1, 40, 1, 2, 1):
            some = chance.sample(range(len(TEXTS)), size)
            inputs: Any = [TEXTS[index] for index in some] if size > 1 else TEXTS[some[0]]
            answer = await connection.ask("/predict", {"inputs": inputs, "detail": "none"})
            assert answer.json()["predictions"] == [alone[index] for index in some]
        await connection.close()

    async def everyone() -> None:
        await asyncio.gather(*(client() for _ in range(32)))

    asyncio.run(everyone())
