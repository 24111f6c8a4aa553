"""The service in one process, for uvicorn: no supervisor starts, counts or replaces workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from bentoml._internal.log import configure_server_logging  # what BentoML's own workers call at their start

from .app import SentimentService

if TYPE_CHECKING:
    from starlette.types import ASGIApp


def application() -> ASGIApp:
    """Make the application of the one process.

    `uvicorn --http service.http.uvicorn_protocol:Protocol --factory service.asgi:application` runs it.
    """
    configure_server_logging()  # type: ignore[no-untyped-call]
    app: ASGIApp = cast("Any", SentimentService).to_asgi()
    return app
