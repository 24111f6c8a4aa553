"""The service's settings: one frozen value, read from the environment variables `SENTILINE_<FIELD>`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from sentiline.errors import SettingError

PREFIX = "SENTILINE_"

# variables that other parts read: sentiline.bundle and `sentiline serve`
OTHERS = frozenset({"SENTILINE_MODELS", "SENTILINE_HOST", "SENTILINE_PORT"})

REMOVED = {
    "SENTILINE_MAX_LOADED_MODELS": "SENTILINE_MODEL_MEMORY_MB limits the memory of the loaded models",
    "SENTILINE_MAX_PENDING": "SENTILINE_MAX_PENDING_TOKENS limits what is pending, in tokens",
}

# how similar two names must be, from 0 to 1, for one to count as a misspelling of the other
SIMILARITY = 0.8


def _http_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:  # `port` itself may raise
        raise ValueError(text)
    return text


def _split(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value


_Integer = Annotated[int, BeforeValidator(int)]  # pydantic alone would also take "2.0"
_ApiKey = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{16,256}$")]
_Origin = Annotated[
    str,
    StringConstraints(pattern=r"^(\*|https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?)$"),
]

# what error messages ask for where the field's type and bounds do not say it
_EXPECTED = {
    "tracing_endpoint": "a URL such as http://127.0.0.1:4318/v1/traces",
    "api_keys": "keys of 16 to 256 visible ASCII characters, separated by commas",
    "cors_origins": "origins such as https://example.org, or *, separated by commas",
}


class Settings(BaseModel):
    """Everything that can be configured; each field is the environment variable `SENTILINE_<FIELD>`.

    `sentiline.bundle` reads `SENTILINE_MODELS`, the folders to search for models, because the command line and the
    library use it too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(default="bilstm", description="model that answers requests that name none")
    precision: Literal["int8", "fp32"] | None = Field(
        default=None,
        description="weights to run, int8 or fp32, of models that have them; unset: each model's own choice",
    )
    threads: Annotated[int, Field(ge=1, le=256), BeforeValidator(int)] | None = Field(
        default=None, description="texts scored in parallel per worker; unset: its CPUs"
    )
    workers: _Integer = Field(
        default=1, ge=1, le=64, description="server processes; each holds its own copy of the models"
    )
    max_header_bytes: _Integer = Field(
        default=64 * 1024, ge=1024, le=1 << 24, description="limit for the request line and headers together, in bytes"
    )
    max_body_bytes: _Integer = Field(
        default=4 * 1024 * 1024, ge=1024, le=1 << 30, description="limit for one request body, in bytes"
    )
    max_buffered_bytes: _Integer = Field(
        default=64 * 1024 * 1024,
        ge=1024,
        le=1 << 34,
        description="limit for all request bodies in memory per worker, beyond the first 65536 bytes of each",
    )
    max_json_depth: _Integer = Field(
        default=32, ge=8, le=1000, description="limit for the nesting of lists and objects in a request body"
    )
    max_items: _Integer = Field(default=128, ge=1, le=100_000, description="limit for the texts of one request")
    max_text_characters: _Integer = Field(
        default=100_000, ge=1, le=1 << 28, description="limit for one text, in characters"
    )
    max_pending_tokens: _Integer = Field(
        default=262_144, ge=1, le=1 << 31, description="limit for the tokens accepted and not yet answered, per worker"
    )
    timeout_ms: _Integer = Field(
        default=30_000, ge=1, le=3_600_000, description="longest time that a request may take, in milliseconds"
    )
    keep_alive_seconds: _Integer = Field(
        default=75,
        ge=1,
        le=86_400,
        description="time for which an idle connection is kept open; longer than proxies keep theirs, in seconds",
    )
    max_connections: Annotated[int, Field(ge=1, le=1 << 20), BeforeValidator(int)] | None = Field(
        default=None,
        description="limit for the open connections per worker; unset: what the limit for file descriptors allows",
    )
    model_memory_mb: _Integer = Field(
        default=256, ge=1, le=1 << 20, description="limit for the memory of all loaded models per worker, in MiB"
    )
    api_keys: Annotated[tuple[_ApiKey, ...], BeforeValidator(_split)] = Field(
        default=(),
        repr=False,
        description="comma-separated keys, one of which every request must carry; unset: none needed",
    )
    cors_origins: Annotated[tuple[_Origin, ...], BeforeValidator(_split)] = Field(
        default=(), description="comma-separated origins whose pages may use the service, or * for all; unset: none"
    )
    compression_min_bytes: _Integer = Field(
        default=32 * 1024,
        ge=0,
        le=1 << 30,
        description="size from which answers are compressed for clients that accept gzip, in bytes; 0: never",
    )
    access_log: bool = Field(default=False, description="one log line per request, never with its text: on or off")
    tracing_endpoint: Annotated[str, AfterValidator(_http_url)] | None = Field(
        default=None, description="URL to send OpenTelemetry traces to, as OTLP over HTTP; unset: no tracing"
    )
    tracing_sample_rate: float = Field(
        default=1.0,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="share of requests to trace, from 0 to 1, where the caller has not decided",
    )

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings.

        Args:
            environ: The environment variables; an empty one counts as unset.

        Raises:
            SettingError: A value is invalid; the message names the variable, the value and what is allowed.
        """
        texts = {name: environ.get(variable(name), "").strip() for name in cls.model_fields}
        try:
            return cls.model_validate({name: text for name, text in texts.items() if text})
        except ValidationError as error:
            name = str(error.errors(include_url=False)[0]["loc"][0])
            key = variable(name)
            seen = f"is {texts[name]!r}" if cls.model_fields[name].repr else "is not usable"
            raise SettingError(f"{key} {seen}; it must be {_expected(name)}", field=key) from None


def _expected(name: str) -> str:
    """The values that a setting takes, in words."""
    schema = Settings.model_json_schema()["properties"][name]
    schema = schema.get("anyOf", [schema])[0]
    if name in _EXPECTED:
        return _EXPECTED[name]
    if "enum" in schema:
        return f"one of {', '.join(schema['enum'])}"
    if schema["type"] == "boolean":
        return "on or off"
    kind = "an integer" if schema["type"] == "integer" else "a number"
    return f"{kind} from {schema['minimum']} to {schema['maximum']}"


def variable(name: str) -> str:
    """The environment variable of the setting called `name`."""
    return PREFIX + name.upper()


def table() -> list[tuple[str, str, str]]:
    """Every setting as `(variable, default, description)`, for help texts and documentation."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = "unset" if field.default in (None, ()) else str(field.default)
        if isinstance(field.default, bool):
            default = "on" if field.default else "off"
        rows.append((variable(name), default, field.description or ""))
    return rows


def misspelled(environ: Mapping[str, str]) -> list[str]:
    """Warnings about variables that have no effect and are close to the name of one that has, or once were one.

    Other variables with the prefix are no mistake: Kubernetes and other parts of the product set some.
    """
    known = {variable(name) for name in Settings.model_fields} | OTHERS
    names = {name.removeprefix(PREFIX): name for name in known}
    warnings = []
    for key in sorted(key for key in environ if key.upper().startswith(PREFIX) and key not in known):
        close = get_close_matches(key.upper().removeprefix(PREFIX), names, 1, SIMILARITY)
        if key in REMOVED:
            warnings.append(f"{key} no longer has any effect; {REMOVED[key]}")
        elif close:
            warnings.append(f"{key} has no effect; did you mean {names[close[0]]}?")
    return warnings


def main() -> None:
    """Check the settings in the environment, print warnings, and list every setting with default and description."""
    try:
        Settings.from_environ(os.environ)
    except SettingError as error:
        raise SystemExit(str(error)) from None
    for warning in misspelled(os.environ):
        print(f"Warning: {warning}", file=sys.stderr)
    for row in table():
        print("\t".join(row))


if __name__ == "__main__":
    main()
