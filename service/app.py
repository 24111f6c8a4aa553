"""`SentimentService`, the BentoML service: `bentoml serve service.app:SentimentService`.

BentoML's supervisor imports this module only to count workers, so heavy imports are deferred to the workers.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import bentoml
from _bentoml_sdk import Service  # the class behind @bentoml.service; bentoml itself exports only the older one
from pydantic import BaseModel

from .settings import Settings
from .supervisor import follow_supervisor, prepare_supervisor

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from .api.routes import Endpoints

SETTINGS = Settings.from_environ(os.environ)


class GatewayService(Service[Any]):
    """A BentoML service whose HTTP application stands behind the gateway."""

    def to_asgi(self, is_main: bool = True) -> ASGIApp:
        """Make a worker's application; as the dependency of another service it keeps BentoML's own protocol."""
        from uvicorn.config import HTTP_PROTOCOLS

        from .gateway import Gateway
        from .http.draining import drain_on_shutdown

        if is_main:
            follow_supervisor()
            drain_on_shutdown()
            # BentoML's workers create uvicorn's configuration next, and leave the protocol to its choice
            HTTP_PROTOCOLS["auto"] = f"{__package__}.http.uvicorn_protocol:LimitedHttpProtocol"
        bentoml_app: ASGIApp = super().to_asgi(is_main=is_main)
        return Gateway(_endpoints(), bentoml_app) if is_main else bentoml_app


@cache
def _endpoints() -> Endpoints:
    """Return this process's handlers and engine, which the gateway and the native API share."""
    from .api.routes import Endpoints

    return Endpoints(SETTINGS, cast("Service[Any]", SentimentService).schema)


class PredictAnswer(BaseModel):
    """The answer of `predict`; each slot of `predictions` is a prediction or an error object."""

    model: str
    version: str
    predictions: list[dict[str, Any]]


@bentoml.service(
    service_class=GatewayService,
    workers=SETTINGS.workers,
    metrics={"enabled": False},  # the gateway has its own, with a bounded set of series
    logging={"access": {"enabled": False}},
)
class SentimentService:
    """The sentiment of a text, and the sentiment at every token of it."""

    @bentoml.on_deployment  # type: ignore[untyped-decorator]
    @staticmethod
    def prepare() -> None:
        """Prepare the supervisor, before it starts the workers."""
        prepare_supervisor()

    @bentoml.on_startup  # type: ignore[untyped-decorator]
    def start(self) -> None:
        """Start to load the default model; the worker answers /livez meanwhile."""
        _endpoints().engine.start()

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def stop(self) -> None:
        """Wait for the running predictions."""
        _endpoints().close()

    @bentoml.api(route="/predict")  # type: ignore[untyped-decorator]
    async def predict(
        self,
        inputs: str | list[str],
        model: str | None = None,
        truncation: str | None = None,
        detail: str = "timesteps",
    ) -> PredictAnswer:
        """Score one text or a list of texts.

        Over HTTP the gateway answers this route; this method describes it to BentoML's client and serves callers
        inside BentoML.
        """
        document = {"inputs": inputs, "model": model, "truncation": truncation, "detail": detail}
        return PredictAnswer(**await _endpoints().predict_natively(document))

    def __is_ready__(self) -> bool:
        """Return whether the default model has answered its warm-up."""
        return _endpoints().engine.ready
