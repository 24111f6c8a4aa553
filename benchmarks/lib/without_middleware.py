"""The naive service without some of BentoML's middlewares, to see what each costs, for `benchmarks.middlewares`."""

from __future__ import annotations

import os
from typing import Any

import bentoml
from _bentoml_sdk import Service
from starlette.applications import Starlette

from benchmarks.lib.naive import Naive
from benchmarks.lib.servers import WITHOUT_VARIABLE


class StrippedService(Service[Any]):
    """A BentoML service whose application leaves middlewares out."""

    def to_asgi(self, is_main: bool = True) -> Starlette:
        """BentoML's application, before its first request."""
        application: Starlette = super().to_asgi(is_main=is_main)
        without = os.environ.get(WITHOUT_VARIABLE, "").split(",")
        kept = [middleware for middleware in application.user_middleware if name_of(middleware.cls) not in without]
        application.user_middleware = kept
        return application


def name_of(middleware: Any) -> str:
    """Name of a middleware's class."""
    return str(getattr(middleware, "__name__", ""))


Stripped = bentoml.service(workers=1, service_class=StrippedService)(Naive.inner)
