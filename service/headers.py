"""Names shared across the service: media types, HTTP headers, and keys of the ASGI scope and state."""

from __future__ import annotations

JSON = "application/json"
BINARY = "application/octet-stream"

API_KEY = "x-api-key"
MODEL = "x-model"
TIMEOUT_MS = "x-timeout-ms"
TRUNCATED_TEXTS = "x-truncated-texts"

# Open Inference Protocol: the number of bytes of JSON before the binary data of a body
JSON_LENGTH = "inference-header-content-length"

# on every answer that a model gave: the number of tokens read, then times in milliseconds
TIMING = (
    "x-compute-tokens",
    "x-total-time",
    "x-tokenization-time",
    "x-queue-time",
    "x-inference-time",
    "x-serialization-time",
    "server-timing",
)

# keys of the ASGI scope of a request
SCOPE_BODY_MEMORY = "sentiline.body_memory"  # its share of the memory for request bodies
SCOPE_CONNECTION = "sentiline.connection"  # the server's protocol object, which knows whether the client has left
SCOPE_ERROR = "sentiline.error"  # the ServiceError of a request that could not be read to its end
SCOPE_TIMES = "sentiline.times"  # its StageTimes

# keys of the ASGI state that the application shares with the server's protocol
STATE_CONNECTIONS = "sentiline.connections"
STATE_LOAD_SHEDDER = "sentiline.load_shedder"
STATE_SETTINGS = "sentiline.settings"
