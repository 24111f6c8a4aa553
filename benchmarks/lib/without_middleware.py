"""The naive service without some of BentoML's middlewares, for `benchmarks.middlewares`."""

from __future__ import annotations

import os
from typing import Any

import bentoml
from _bentoml_sdk import Service
from starlette.applications import Starlette

from benchmarks.lib.naive import Naive
from benchmarks.lib.servers import WITHOUT_VARIABLE


class ServiceWithoutMiddleware(Service[Any]):
    """A BentoML service whose application omits the middlewares that BENCHMARK_WITHOUT names."""

    def to_asgi(self, is_main: bool = True) -> Starlette:
        """Build BentoML's application and remove the middlewares before its first request."""
        application: Starlette = super().to_asgi(is_main=is_main)
        without = os.environ.get(WITHOUT_VARIABLE, "").split(",")
        kept = [middleware for middleware in application.user_middleware if name_of(middleware.cls) not in without]
        application.user_middleware = kept
        return application


def name_of(middleware: Any) -> str:
    """Return the name of a middleware's class."""
    return str(getattr(middleware, "__name__", ""))


NaiveWithoutMiddleware = bentoml.service(workers=1, service_class=ServiceWithoutMiddleware)(Naive.inner)
