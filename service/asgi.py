"""The service in a single process, run by uvicorn without BentoML's supervisor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from bentoml._internal.log import configure_server_logging  # BentoML's own workers call this when they start

from .app import SentimentService

if TYPE_CHECKING:
    from starlette.types import ASGIApp


def application() -> ASGIApp:
    """Make the application.

    `uvicorn --http service.http.uvicorn_protocol:LimitedHttpProtocol --factory service.asgi:application` runs it.
    """
    configure_server_logging()  # type: ignore[no-untyped-call]
    app: ASGIApp = cast("Any", SentimentService).to_asgi()
    return app
