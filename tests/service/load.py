"""A small HTTP client on asyncio streams, for tests that send thousands of requests over many connections."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import orjson


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)


class Connection:
    """One keep-alive connection; one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> Self:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def send(self, path: str, document: Any = None, headers: Mapping[str, str] | None = None) -> None:
        """POST a document, or GET if there is none."""
        body = b"" if document is None else orjson.dumps(document)
        head = [f"{'GET' if document is None else 'POST'} {path} HTTP/1.1", "host: x"]
        if document is not None:
            head += ["content-type: application/json", f"content-length: {len(body)}"]
        head += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self._writer.write("\r\n".join([*head, "", ""]).encode() + body)
        await self._writer.drain()

    async def receive(self) -> Answer:
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:-2])}
        body = await self._reader.readexactly(int(headers["content-length"]))
        return Answer(int(lines[0].split(" ")[1]), headers, body)

    async def ask(self, path: str, document: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        await self.send(path, document, headers)
        return await self.receive()

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


async def metric(port: int, name: str) -> float:
    """One sample of `/metrics`, over a connection of its own."""
    connection = await Connection.open(port)
    text = (await connection.ask("/metrics")).body.decode()
    await connection.close()
    (value,) = [line.rpartition(" ")[2] for line in text.splitlines() if line.rpartition(" ")[0] == name]
    return float(value)


async def until(port: int, name: str, value: float, seconds: float = 120) -> None:
    """Wait until a metric has a value."""
    async with asyncio.timeout(seconds):
        while await metric(port, name) != value:
            await asyncio.sleep(0.01)
