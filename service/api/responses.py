"""Responses of the routes that no model is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

from ..headers import JSON


def no_store(document: Mapping[str, Any]) -> Response:
    """A JSON object that describes the service at this moment, so no cache may keep it."""
    return Response(orjson.dumps(document), headers={"cache-control": "no-store"}, media_type=JSON)
