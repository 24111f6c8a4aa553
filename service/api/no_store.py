"""The answers that come from no model: JSON about the service as it is now, which nobody may keep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

from ..errors import JSON_TYPE

_NEVER_CACHED = {"cache-control": "no-store"}


def uncached(document: Mapping[str, Any]) -> Response:
    """A JSON object that is true at this moment."""
    return Response(orjson.dumps(document), headers=_NEVER_CACHED, media_type=JSON_TYPE)
