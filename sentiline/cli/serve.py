"""`sentiline serve`: start the HTTP service under BentoML or uvicorn, without importing any of it here."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import click

import sentiline
from sentiline.bundle import MODELS_VARIABLE, find_by_name
from sentiline.errors import SettingError

REQUIRED = ("bentoml", "orjson", "prometheus_client", "psutil", "pydantic", "starlette", "uvicorn")

HELP = """
Serve the models over HTTP: predictions at POST /predict, and a page for people at /.

\b
Examples:
  sentiline serve
  sentiline serve --port 8080 --workers 2
  sentiline serve --single-process
  sentiline serve --model-dir ./my-models --model mine
  curl -s http://127.0.0.1:3000/predict -H 'content-type: application/json' \\
       -d '{"inputs": "A quiet film that I could not stop thinking about."}'
"""

# documented here because other parts read them; the service lists its own
VARIABLES = [
    ("SENTILINE_MODELS", "folders to search for models, separated as in PATH"),
    ("SENTILINE_HOST", "default 127.0.0.1; address to listen on"),
    ("SENTILINE_PORT", "default 3000; port to listen on"),
    ("BENTOML_HOME", "BentoML's own files; default a folder per server in the temporary directory"),
]


class ServeCommand(click.Command):
    """A command whose help ends with the service's settings."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the environment variables with their defaults."""
        with formatter.section("Environment variables (options take precedence)"):
            formatter.write_dl([*VARIABLES, *_settings(Target.locate())])


@dataclass(frozen=True, slots=True)
class Target:
    """Where the service is.

    Attributes:
        module: The name of its package.
        root: The folder from which the package is imported.
    """

    module: str
    root: Path

    @classmethod
    def locate(cls) -> Target:
        """Find the service: inside this package where it is installed, next to it in a checkout.

        Raises:
            click.ClickException: The service is in neither place.
        """
        package = Path(sentiline.__file__).resolve().parent
        for module, folder in (("sentiline.service", package / "service"), ("service", package.parent / "service")):
            if (folder / "app.py").is_file():
                return cls(module, package.parent)
        raise click.ClickException(
            f"this installation has no service, neither at {package / 'service'} nor at {package.parent / 'service'}"
        )


@click.command(cls=ServeCommand, help=HELP)
@click.option(
    "--host",
    default="127.0.0.1",
    envvar="SENTILINE_HOST",
    show_default=True,
    help="IP address to listen on; 0.0.0.0 for all addresses.",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=3000,
    envvar="SENTILINE_PORT",
    show_default=True,
    help="Port to listen on.",
)
@click.option("--workers", type=click.IntRange(min=1), help="Number of server processes.")
@click.option("--threads", type=click.IntRange(min=1), help="Number of texts scored in parallel per server process.")
@click.option("--model", metavar="NAME", help="Model that answers requests that name none.")
@click.option("--precision", type=click.Choice(["int8", "fp32"]), help="Precision of the weights to run.")
@click.option(
    "--model-dir",
    "model_dirs",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder to search for models first; may be given several times.",
)
@click.option(
    "--single-process",
    is_flag=True,
    help="Serve without BentoML's supervisor: faster to start and smaller, but a crashed process is not replaced.",
)
def serve(
    host: str,
    port: int,
    workers: int | None,
    threads: int | None,
    model: str | None,
    precision: str | None,
    model_dirs: tuple[Path, ...],
    single_process: bool,
) -> None:
    """Check everything that can be checked, then replace this process with the server."""
    missing = [name for name in REQUIRED if find_spec(name) is None]
    if missing:
        raise click.ClickException(
            f'serving needs {", ".join(missing)}, which this environment lacks; run: pip install "sentiline[serve]"'
        )
    target = Target.locate()
    address = {"localhost": "127.0.0.1"}.get(host, host)
    options = {"workers": workers, "threads": threads, "model": model, "precision": precision}
    environ = environment(os.environ, options, model_dirs, address, port)
    _check(target, environ)
    if single_process and int(environ.get("SENTILINE_WORKERS") or 1) > 1:
        asked = environ["SENTILINE_WORKERS"]
        raise click.UsageError(
            f"--single-process runs one worker, but {asked} are requested; drop one of the two options"
        )
    _check_free(address, port)
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(address, f"[{address}]" if ":" in address else address)
    url = f"http://{shown}:{port}"
    click.echo(f"Sentiline {sentiline.__version__}: {url}  (ready when {url}/readyz says so; Ctrl+C stops it)")
    click.echo(
        f"  curl -s {url}/predict -H 'content-type: application/json' -d '{{\"inputs\": \"A film to remember.\"}}'"
    )
    sys.stdout.flush()
    # python -m searches the working directory first, which may hold another `sentiline`
    os.chdir(target.root)
    os.execve(sys.executable, command(target, address, port, single_process=single_process), environ)


def command(target: Target, host: str, port: int, *, single_process: bool = False) -> list[str]:
    """The command line of BentoML's server, or of uvicorn for a single process."""
    where = ["--host", host, "--port", str(port)]
    if single_process:
        protocol = f"{target.module}.http.uvicorn_protocol:LimitedHttpProtocol"
        loop = ["--loop", "auto", "--http", protocol, "--lifespan", "on"]
        quiet = ["--log-level", "warning", "--no-access-log", "--no-server-header", "--timeout-graceful-shutdown", "30"]
        return [
            sys.executable,
            "-m",
            "uvicorn",
            "--factory",
            f"{target.module}.asgi:application",
            *loop,
            *quiet,
            *where,
        ]
    service = f"{target.module}.app:SentimentService"
    return [sys.executable, "-m", "bentoml", "serve", service, "--working-dir", str(target.root), *where]


def environment(
    environ: Mapping[str, str],
    options: Mapping[str, object],
    model_dirs: tuple[Path, ...],
    host: str,
    port: int,
) -> dict[str, str]:
    """The server's environment: options as settings, absolute paths, and no telemetry to BentoML."""
    folders = [str(folder.absolute()) for folder in model_dirs]
    folders += [str(Path(entry).expanduser().absolute()) for entry in _entries(environ.get(MODELS_VARIABLE, ""))]
    settings = {f"SENTILINE_{name.upper()}": str(value) for name, value in options.items() if value is not None}
    if folders:
        settings[MODELS_VARIABLE] = os.pathsep.join(folders)
    # two servers must not share BentoML's folder, because each empties the other's metrics when it starts
    home = Path(environ["BENTOML_HOME"]).expanduser() if environ.get("BENTOML_HOME") else _own_folder(host, port)
    # the service ignores whitespace around a setting, so the checks here must too
    given = {key: text.strip() if key.startswith("SENTILINE_") else text for key, text in environ.items()}
    return {**given, **settings, "BENTOML_HOME": str(home.absolute()), "BENTOML_DO_NOT_TRACK": "true"}


def _entries(path: str) -> list[str]:
    return [entry for entry in path.split(os.pathsep) if entry]


def _own_folder(host: str, port: int) -> Path:
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"sentiline-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if hasattr(os, "getuid") and (folder.is_symlink() or folder.stat().st_uid != os.getuid()):
        raise click.ClickException(f"{folder} belongs to another user; set BENTOML_HOME to a folder of your own")
    return folder / f"{host.replace(':', '_')}-{port}"  # Windows allows no colon in file names


def _settings(target: Target) -> list[tuple[str, str]]:
    """The service's settings with defaults and descriptions, from a process that may import it: this one must not."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("SENTILINE_")}
    listed = subprocess.run(
        [sys.executable, "-m", f"{target.module}.settings"],
        cwd=target.root, env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        return [("SENTILINE_...", 'the settings of the service, once it is installed: pip install "sentiline[serve]"')]
    rows = [line.split("\t") for line in listed.stdout.splitlines()]
    return [(name, f"default {default}; {description}") for name, default, description in rows]


def _check(target: Target, environ: dict[str, str]) -> None:
    """Fail with one line before the server starts, rather than with its traceback."""
    settings = [sys.executable, "-m", f"{target.module}.settings"]
    checked = subprocess.run(settings, cwd=target.root, env=environ, capture_output=True, text=True, check=False)
    if checked.returncode:
        raise SettingError(checked.stderr.strip())
    click.echo(checked.stderr, nl=False, err=True)  # warnings
    bundle = find_by_name(environ.get("SENTILINE_MODEL") or "bilstm", environ)
    bundle.read(bundle.manifest.precisions[bundle.precision(environ.get("SENTILINE_PRECISION") or None)])
    bundle.tokenizer()


def _check_free(host: str, port: int) -> None:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {host}, port {port}: {error.strerror or error}; choose another with --host or --port"
        ) from None
