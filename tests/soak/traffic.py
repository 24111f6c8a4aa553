"""Sends random requests and checks their answers: texts of many lengths, several models, malformed bodies, hang-ups."""

from __future__ import annotations

import asyncio
import json
import math
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson

from sentiline.predictor import Predictor
from sentiline.reading import Reading

# fmt: off
_WORDS = (
    "a", "the", "this", "that", "film", "movie", "plot", "cast", "score", "ending", "was", "is", "so", "not", "but",
    "and", "good", "great", "bad", "dull", "boring", "wonderful", "worst", "best", "funny", "fine", "loved",
    "hated", "it", "I", "never", "always", "gripping", "shallow", "10/10", "zzyx", "🎬", "don't", "half-hearted",
)
# fmt: on
_MALFORMED = (
    b"",
    b"{",
    b"[]",
    b"null",
    b'{"inputs": NaN}',
    b'{"inputs": []}',
    b'{"inputs": {}}',
    b'{"inputs": "\xff"}',
    b"[" * 50_000,
    b'{"inputs": "good", "detail": "all"}',
    b'{"inputs": ["good"], "what": 1}',
    b'{"inputs": "good", "model": "nobody"}',
    b'{"inputs": [' + b'"a",' * 5000 + b'"a"]}',
)  # fmt: skip
_PAGES = ("/", "/models", "/info", "/metrics", "/openapi.json", "/schema.json", "/livez", "/readyz", "/v2")
_JSON = {"content-type": "application/json"}
REFUSED = 429


class WrongAnswerError(AssertionError):
    """An answer differs from the one that the request must get."""


def reviews(count: int, longest: int, chance: random.Random) -> list[str]:
    """Return `count` different texts, whose numbers of words are log-uniform from 1 to `longest`."""
    texts = []
    for index in range(count):
        length = round(math.exp(chance.uniform(0, math.log(longest))))
        texts.append(" ".join(["first" if index % 2 else "second", str(index), *chance.choices(_WORDS, k=length)]))
    return texts


@dataclass
class Traffic:
    """Requests to one server.

    Attributes:
        url: The URL of the server.
        texts: The texts to send.
        readings: The expected readings by model, in the order of `texts`.
        answered: The number of correct answers by kind of request.
        refused: The number of requests that the server refused because it was busy (429).
    """

    url: str
    texts: Sequence[str]
    readings: dict[str, list[Reading]]
    answered: dict[str, int] = field(default_factory=dict)
    refused: int = 0

    @classmethod
    def for_models(cls, url: str, texts: Sequence[str], predictors: dict[str, Predictor]) -> Traffic:
        """Compute the expected reading of each text by each model."""
        found = {name: predictor.read(texts) for name, predictor in predictors.items()}
        readings = {name: [one for one in read if isinstance(one, Reading)] for name, read in found.items()}
        assert all(len(read) == len(texts) for read in readings.values())
        return cls(url, texts, readings)

    async def everything_once(self) -> None:
        """Send every text to every model, and every kind of request in all its forms."""
        async with self._client(4) as client:
            for name in self.readings:
                for start in range(0, len(self.texts), 8):
                    some = range(start, min(start + 8, len(self.texts)))
                    await self._predict(client, name, list(some), "timesteps")
                await self._classify(client, name, [0])
                await self._infer(client, name, [0])
            for path in _PAGES:
                await self._page(client, path)
            for body in _MALFORMED:
                for path in ("/predict", "/hf", "/v2/models/bilstm/infer"):
                    await self._malformed(client, path, body)
            for method in ("GET", "POST", "PROPFIND"):
                await self._nowhere(client, method, "0")
        for cut in (0.1, 0.9, 1.0):
            await self._hang_up(0, cut)

    async def run(self, seconds: float, seed: int, connections: int = 12) -> None:
        """Send random requests over several connections for some seconds.

        Raises:
            WrongAnswerError: An answer was wrong.
        """
        deadline = asyncio.get_running_loop().time() + seconds

        async def one(chance: random.Random) -> None:
            async with self._client(1) as client:
                while asyncio.get_running_loop().time() < deadline:
                    await self._any(client, chance)

        async with asyncio.TaskGroup() as group:
            for number in range(connections):
                group.create_task(one(random.Random(f"{seed} {number}")))

    def _client(self, connections: int) -> httpx.AsyncClient:
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        return httpx.AsyncClient(base_url=self.url, limits=limits, timeout=120)

    async def _any(self, client: httpx.AsyncClient, chance: random.Random) -> None:
        model = chance.choice(list(self.readings))
        places = chance.sample(range(len(self.texts)), 1 if chance.random() < 0.7 else chance.randint(2, 8))
        url = "".join(chance.choices("abcdefghij/%?-_~0123456789", k=chance.randint(1, 40)))
        kinds: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (50, lambda: self._predict(client, model, places, chance.choice(("none", "timesteps", "sentences")))),
            (10, lambda: self._classify(client, model, places)),
            (10, lambda: self._infer(client, model, places)),
            (8, lambda: self._malformed(client, chance.choice(("/predict", "/hf")), chance.choice(_MALFORMED))),
            (8, lambda: self._nowhere(client, chance.choice(("GET", "POST", "PROPFIND")), url)),
            (8, lambda: self._hang_up(places[0], chance.random() * 1.2)),
            (6, lambda: self._page(client, chance.choice(_PAGES))),
        ]
        [send] = chance.choices([kind for _, kind in kinds], [weight for weight, _ in kinds])
        await send()

    async def _post(self, client: httpx.AsyncClient, path: str, document: Any) -> Any:
        """Send a document and return the parsed answer, or None if the server was too busy."""
        answer = await client.post(path, content=orjson.dumps(document), headers=_JSON)
        if answer.status_code == REFUSED:
            self._expect("retry-after" in answer.headers, "429 without Retry-After", answer.text)
            self.refused += 1
            return None
        self._expect(answer.status_code == 200, path, answer.text)
        return orjson.loads(answer.content)

    async def _predict(self, client: httpx.AsyncClient, model: str, places: Sequence[int], detail: Any) -> None:
        texts = [self.texts[place] for place in places]
        answer = await self._post(client, "/predict", {"inputs": texts, "model": model, "detail": detail})
        if answer is not None:
            wanted = [self.readings[model][place].as_dict(detail) for place in places]
            self._expect(answer["model"] == model, "/predict", answer["model"])
            self._expect(answer["predictions"] == orjson.loads(orjson.dumps(wanted)), "/predict", places)
            self._count("/predict")

    async def _classify(self, client: httpx.AsyncClient, model: str, places: Sequence[int]) -> None:
        document = {"inputs": [self.texts[place] for place in places], "parameters": {"top_k": 1}}
        answer = await self._post(client, f"/hf/models/{model}", document)
        if answer is not None:
            readings = [self.readings[model][place] for place in places]
            wanted = [[{"label": reading.label, "score": reading.score}] for reading in readings]
            self._expect(answer == wanted, "/hf", places)
            self._count("/hf")

    async def _infer(self, client: httpx.AsyncClient, model: str, places: Sequence[int]) -> None:
        data = [self.texts[place] for place in places]
        tensor = {"name": "text", "shape": [len(data)], "datatype": "BYTES", "data": data}
        document = {"id": str(places[0]), "inputs": [tensor], "outputs": [{"name": "label"}]}
        answer = await self._post(client, f"/v2/models/{model}/infer", document)
        if answer is not None:
            wanted = [self.readings[model][place].label for place in places]
            self._expect(answer["id"] == str(places[0]), "/v2", answer["id"])
            self._expect(answer["outputs"][0]["data"] == wanted, "/v2", places)
            self._count("/v2")

    async def _malformed(self, client: httpx.AsyncClient, path: str, body: bytes) -> None:
        answer = await client.post(path, content=body, headers=_JSON)
        if answer.status_code == REFUSED:
            self.refused += 1
            return
        self._expect(answer.status_code in (400, 404, 413, 422), path, answer.text)
        self._refusal(answer)
        self._count("malformed")

    async def _nowhere(self, client: httpx.AsyncClient, method: str, url: str) -> None:
        answer = await client.request(method, f"/nowhere/{url}")
        self._expect(answer.status_code == 404, url, answer.text)
        self._refusal(answer)
        self._count("random URL")

    async def _page(self, client: httpx.AsyncClient, path: str) -> None:
        answer = await client.get(path)
        self._expect(answer.status_code == 200, path, answer.text)
        self._count("page")

    async def _hang_up(self, place: int, cut: float) -> None:
        """Send a request, or a part of it, and close the connection without reading."""
        body = json.dumps({"inputs": [self.texts[place]] * 4}).encode()
        head = f"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        request = head.encode() + b"\r\n" + body
        url = httpx.URL(self.url)
        _, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(request[: math.ceil(len(request) * cut)])
        await writer.drain()
        writer.transport.abort()
        self._count("hang-up")

    def _refusal(self, answer: httpx.Response) -> None:
        body = orjson.loads(answer.content)
        self._expect(isinstance(body, dict) and {"error", "error_type"} <= set(body), "one JSON object", answer.text)

    def _count(self, kind: str) -> None:
        self.answered[kind] = self.answered.get(kind, 0) + 1

    def _expect(self, truth: bool, what: str, seen: object) -> None:
        if not truth:
            raise WrongAnswerError(f"{what}: {str(seen)[:500]}")
