"""The end of uvicorn's server: connections that wait in the queue of the listening socket are accepted and served."""

from __future__ import annotations

import asyncio
import os
import socket
from functools import wraps
from typing import Any

from uvicorn.server import Server

from ..headers import STATE_CONNECTIONS


def drain_on_shutdown() -> None:
    """Make uvicorn's servers in this process accept what waits in the queue of the listening socket when they stop.

    Closing the socket resets the connections in its queue. Clients may have sent requests on them already, which a
    proxy does not repeat on another server.
    """
    if not hasattr(Server.shutdown, "__wrapped__"):
        Server.shutdown = _draining(Server.shutdown)  # type: ignore[method-assign]


def _draining(shutdown: Any) -> Any:
    @wraps(shutdown)
    async def drain_and_shut_down(server: Server, sockets: list[socket.socket] | None = None) -> None:
        server.lifespan.state[STATE_CONNECTIONS].stopping = True
        # uvicorn closes its own descriptors before it waits for anything
        listening = [listener for closing in server.servers for listener in closing.sockets]
        listeners = [socket.socket(fileno=os.dup(listener.fileno())) for listener in listening]
        draining = asyncio.create_task(_drain(server, listeners))
        await shutdown(server, sockets)
        await draining

    return drain_and_shut_down


async def _drain(server: Server, listeners: list[socket.socket]) -> None:
    accepted = []
    for listener in listeners:
        with listener:
            listener.setblocking(False)
            while True:
                try:
                    accepted.append(listener.accept()[0])
                except OSError:  # there are no more, or no file descriptors are left
                    break
    loop = asyncio.get_running_loop()
    for connection in accepted:
        connection.setblocking(False)
        await loop.connect_accepted_socket(
            lambda: server.config.http_protocol_class(
                config=server.config,  # type: ignore[call-arg]
                server_state=server.server_state,
                app_state=server.lifespan.state,
            ),
            connection,
        )
