"""The settings: defaults, what each variable takes, and that help and documentation list them as they are."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from sentiline.cli import serve
from sentiline.errors import SettingError
from service.settings import Settings, misspelled, table, variable
from tests.service.server import ROOT


def test_defaults() -> None:
    assert Settings.from_environ({}) == Settings()
    assert Settings.from_environ({"SENTILINE_THREADS": "", "SENTILINE_MODEL": " "}) == Settings()
    assert Settings().model == "bilstm"
    with pytest.raises(ValidationError, match="frozen"):
        Settings().model = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("model", "mine", "mine"),
        ("precision", "fp32", "fp32"),
        ("threads", "3", 3),
        ("workers", " 2 ", 2),
        ("max_header_bytes", "1024", 1024),
        ("max_body_bytes", "1024", 1024),
        ("max_items", "1", 1),
        ("max_text_characters", "500", 500),
        ("max_json_depth", "8", 8),
        ("max_pending_tokens", "9", 9),
        ("timeout_ms", "250", 250),
        ("model_memory_mb", "1", 1),
        ("tracing_endpoint", "http://127.0.0.1:4318/v1/traces", "http://127.0.0.1:4318/v1/traces"),
        ("tracing_sample_rate", "0.25", 0.25),
        ("api_keys", "k" * 16, ("k" * 16,)),
        ("api_keys", f"{'a' * 16}, {'b' * 20}", ("a" * 16, "b" * 20)),
        ("cors_origins", "*", ("*",)),
        ("cors_origins", "https://a.example,http://[::1]:80", ("https://a.example", "http://[::1]:80")),
        ("access_log", "on", True),
        ("access_log", "false", False),
    ],
)
def test_valid_settings_are_read(key: str, text: str, value: Any) -> None:
    settings = Settings.from_environ({variable(key): text, "SENTILINE_MODELS": "/elsewhere", "PATH": "/bin"})
    assert settings == Settings(**{key: value})


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("SENTILINE_PRECISION", "fp16"),
        ("SENTILINE_THREADS", "0"),
        ("SENTILINE_THREADS", "two"),
        ("SENTILINE_WORKERS", "-1"),
        ("SENTILINE_WORKERS", "1.5"),
        ("SENTILINE_WORKERS", "2.0"),
        ("SENTILINE_MAX_HEADER_BYTES", "1023"),
        ("SENTILINE_MAX_BODY_BYTES", "4MiB"),
        ("SENTILINE_MAX_ITEMS", "0"),
        ("SENTILINE_MAX_JSON_DEPTH", "7"),
        ("SENTILINE_TIMEOUT_MS", "1s"),
        ("SENTILINE_TRACING_ENDPOINT", "127.0.0.1:4318"),
        ("SENTILINE_TRACING_ENDPOINT", "http:///v1/traces"),
        ("SENTILINE_TRACING_ENDPOINT", "http://h:99999/"),
        ("SENTILINE_TRACING_ENDPOINT", "http://h:0/"),
        ("SENTILINE_TRACING_ENDPOINT", "http://h:http/"),
        ("SENTILINE_TRACING_SAMPLE_RATE", "1.5"),
        ("SENTILINE_TRACING_SAMPLE_RATE", "nan"),
        ("SENTILINE_ACCESS_LOG", "maybe"),
        ("SENTILINE_CORS_ORIGINS", "example.org"),
        ("SENTILINE_CORS_ORIGINS", "https://example.org/"),
        ("SENTILINE_CORS_ORIGINS", "https://a.example,"),
    ],
)
def test_a_wrong_value_names_the_variable(key: str, text: str) -> None:
    with pytest.raises(SettingError, match=rf"^{key} is '{text}'; it must be ") as caught:
        Settings.from_environ({key: text})
    assert caught.value.field == key


@pytest.mark.parametrize("text", ["short-secret", f"{'k' * 16},short-secret", f"{'short-secret'} {'k' * 16}", "é" * 16])
def test_keys_are_never_shown(text: str) -> None:
    with pytest.raises(SettingError, match="SENTILINE_API_KEYS is not usable; it must be keys of 16 to 256") as caught:
        Settings.from_environ({"SENTILINE_API_KEYS": text})
    assert text not in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "k" * 16 not in repr(Settings(api_keys=("k" * 16,)))


@pytest.mark.parametrize(
    ("key", "remedy"),
    [
        ("SENTILINE_MAX_LOADED_MODELS", "any effect; SENTILINE_MODEL_MEMORY_MB limits the memory of the loaded models"),
        ("SENTILINE_MAX_PENDING", "any effect; SENTILINE_MAX_PENDING_TOKENS limits what is pending, in tokens"),
        ("SENTILINE_TIMEOUT", "did you mean SENTILINE_TIMEOUT_MS?"),
        ("SENTILINE_API_KEY", "did you mean SENTILINE_API_KEYS?"),
        ("SENTILINE_MAX_TEXT_CHARS", "did you mean SENTILINE_MAX_TEXT_CHARACTERS?"),
        ("Sentiline_Model", "did you mean SENTILINE_MODEL?"),
    ],
)
def test_a_misspelt_name(key: str, remedy: str) -> None:
    [sentence] = misspelled({key: "secret", "SENTILINE_MODEL": "mine"})
    assert sentence.startswith((f"{key} has no effect", f"{key} no longer has any effect"))
    assert sentence.endswith(remedy)


def test_names_that_are_not_misspelled() -> None:
    """The settings, what other parts read, and what Kubernetes sets for Services of the product's name."""
    settings = [variable(name) for name in Settings.model_fields]
    others = ["MODELS", "HOST", "PORT", "CACHE", "REQUIRE", "FUZZ_EXAMPLES", "KEY"]
    address = ["SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT_3000_TCP"]
    address += [f"PORT_3000_TCP_{part}" for part in ("PROTO", "PORT", "ADDR")]
    injected = [f"{name}{part}" for name in ("", "HTTP_") for part in address]
    assert misspelled(dict.fromkeys([*settings, *(variable(name) for name in others + injected), "PATH"], "x")) == []


def test_the_help_of_the_command_lists_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTILINE_WORKERS", "many")  # the help is not the place to refuse a value
    done = CliRunner().invoke(serve.serve, ["--help"])
    assert done.exit_code == 0
    words = " ".join(done.output.split())
    for key, default, meaning in table():
        assert f"{key} default {default}; {meaning}" in words


def test_the_documentation_lists_them() -> None:
    page = (ROOT / "docs" / "service.md").read_text(encoding="utf-8")
    for key, default, meaning in table():
        assert f"| `{key}` | {default} | {meaning} |" in page
