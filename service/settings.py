"""The service's settings: one frozen value, read from environment variables; nothing else reads them."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from sentiline.errors import SettingError

PREFIX = "SENTILINE_"
OTHERS = frozenset({"SENTILINE_MODELS", "SENTILINE_HOST", "SENTILINE_PORT"})
"""Variables that are read elsewhere: by `sentiline.bundle` and `sentiline serve`."""

REMOVED = {
    "SENTILINE_MAX_LOADED_MODELS": "SENTILINE_MODEL_MEMORY_MB limits the memory of the loaded models",
    "SENTILINE_MAX_PENDING": "SENTILINE_MAX_PENDING_TOKENS limits what is pending, in tokens",
}
CLOSE = 0.8
"""How alike two names are, from 0 to 1, for one to be taken for the other misspelt."""


class _Reader(NamedTuple):
    """How the text of one variable becomes a value; `read` raises ValueError or KeyError if it cannot."""

    read: Callable[[str], Any]
    expected: str


def _integer(low: int, high: int) -> _Reader:
    def read(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError(text)
        return value

    return _Reader(read, f"an integer from {low} to {high}")


def _fraction() -> _Reader:
    def read(text: str) -> float:
        value = float(text)
        if not 0 <= value <= 1:  # NaN included
            raise ValueError(text)
        return value

    return _Reader(read, "a number from 0 to 1")


def _url() -> _Reader:
    def read(text: str) -> str:
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:  # or ValueError
            raise ValueError(text)
        return text

    return _Reader(read, "a URL such as http://127.0.0.1:4318/v1/traces")


def _one_of(*choices: str) -> _Reader:
    return _Reader({choice: choice for choice in choices}.__getitem__, f"one of {', '.join(choices)}")


def _several(pattern: str, expected: str) -> _Reader:
    def read(text: str) -> tuple[str, ...]:
        parts = tuple(part.strip() for part in text.split(","))
        if not all(re.fullmatch(pattern, part) for part in parts):
            raise ValueError(text)
        return parts

    return _Reader(read, f"{expected}, separated by commas")


def _setting(default: Any, reader: _Reader, meaning: str, *, secret: bool = False) -> Any:
    metadata = {"reader": reader, "meaning": meaning, "secret": secret}
    return field(default=default, repr=not secret, metadata=metadata)


_SWITCH = _Reader(
    {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}.__getitem__, "on or off"
)
_TEXT = _Reader(str, "a name")
_URL = _url()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What can be set from outside; each field is the environment variable `SENTILINE_<FIELD>`.

    The folders searched for models (`SENTILINE_MODELS`) are read by `sentiline.bundle`, because the command line
    and the library use them too.
    """

    model: str = _setting("bilstm", _TEXT, "model that answers when a request names none")
    precision: str | None = _setting(
        None,
        _one_of("int8", "fp32"),
        "weights to run if a model has them, int8 or fp32; unset: its own choice",
    )
    threads: int | None = _setting(None, _integer(1, 256), "reviews computed side by side in a worker; unset: its CPUs")
    workers: int = _setting(1, _integer(1, 64), "server processes; each holds its own copy of the models")
    max_header_bytes: int = _setting(
        64 * 1024, _integer(1024, 1 << 24), "largest request line and headers together, in bytes"
    )
    max_body_bytes: int = _setting(4 * 1024 * 1024, _integer(1024, 1 << 30), "largest request body, in bytes")
    max_buffered_bytes: int = _setting(
        64 * 1024 * 1024,
        _integer(1024, 1 << 34),
        "most bytes of bodies in memory beyond 65536 of each, per worker",
    )
    max_json_depth: int = _setting(32, _integer(8, 1000), "deepest nesting of lists and objects in a request body")
    max_items: int = _setting(128, _integer(1, 100_000), "most texts in one request")
    max_text_characters: int = _setting(100_000, _integer(1, 1 << 28), "longest text, in characters")
    max_pending_tokens: int = _setting(
        262_144, _integer(1, 1 << 31), "most tokens accepted and not yet answered, per worker"
    )
    timeout_ms: int = _setting(30_000, _integer(1, 3_600_000), "longest time a request may take, in milliseconds")
    model_memory_mb: int = _setting(
        256, _integer(1, 1 << 20), "memory for the loaded models, the default included, per worker, in MiB"
    )
    api_keys: tuple[str, ...] = _setting(
        (),
        _several(r"[\x21-\x7e]{16,256}", "keys of 16 to 256 visible ASCII characters"),
        "comma-separated keys; a request must carry one of them; unset: none",
        secret=True,
    )
    cors_origins: tuple[str, ...] = _setting(
        (),
        _several(
            r"\*|https?://[A-Za-z0-9.-]+(:\d{1,5})?|https?://\[[0-9a-f:]+\](:\d{1,5})?",
            "origins such as https://example.org, or *",
        ),
        "comma-separated origins whose pages may ask, or * for all; unset: none",
    )
    access_log: bool = _setting(False, _SWITCH, "one log line a request, never with its text: on or off")
    tracing_endpoint: str | None = _setting(
        None, _URL, "URL that takes OpenTelemetry traces by OTLP over HTTP; unset: no tracing"
    )
    tracing_sample_rate: float = _setting(
        1.0, _fraction(), "share of the requests traced whose caller has not decided it, from 0 to 1"
    )

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings.

        Args:
            environ: environment variables; those set to an empty string count as unset.

        Raises:
            SettingError: a value is unusable; the message names the variable, the value and what is allowed.
        """
        values: dict[str, Any] = {}
        for setting in fields(cls):
            key = variable(setting.name)
            text = environ.get(key, "").strip()
            if not text:
                continue
            reader: _Reader = setting.metadata["reader"]
            try:
                values[setting.name] = reader.read(text)
            except (ValueError, KeyError):
                seen = "is not usable" if setting.metadata["secret"] else f"is {text!r}"
                raise SettingError(f"{key} {seen}; it must be {reader.expected}", field=key) from None
        return cls(**values)


def variable(name: str) -> str:
    """The environment variable of the setting called `name`."""
    return PREFIX + name.upper()


def table() -> list[tuple[str, str, str]]:
    """Every setting as `(variable, default, meaning)`, for help texts and documentation."""
    rows = []
    for setting in fields(Settings):
        shown = "unset" if setting.default in (None, ()) else str(setting.default)
        if isinstance(setting.default, bool):
            shown = "on" if setting.default else "off"
        rows.append((variable(setting.name), shown, setting.metadata["meaning"]))
    return rows


def misspelt(environ: Mapping[str, str]) -> list[str]:
    """A sentence for each variable that has no effect and is close to the name of one that has, or was one.

    Others are nobody's mistake: Kubernetes and other parts of the product set variables with the same prefix.
    """
    known = {variable(setting.name) for setting in fields(Settings)} | OTHERS
    said = []
    for key in sorted(key for key in environ if key.upper().startswith(PREFIX)):
        if key in known:
            continue
        names = {name.removeprefix(PREFIX): name for name in known}
        close = get_close_matches(key.upper().removeprefix(PREFIX), names, 1, CLOSE)
        if key in REMOVED:
            said.append(f"{key} has no effect any more; {REMOVED[key]}")
        elif close:
            said.append(f"{key} has no effect; did you mean {names[close[0]]}?")
    return said


def main() -> None:
    """Print every setting with its default and meaning, and warnings; fail if a value is unusable."""
    try:
        Settings.from_environ(os.environ)
    except SettingError as error:
        raise SystemExit(str(error)) from None
    for sentence in misspelt(os.environ):
        print(f"Warning: {sentence}", file=sys.stderr)
    for row in table():
        print("\t".join(row))


if __name__ == "__main__":
    main()
