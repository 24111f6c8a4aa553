"""`sentiline serve`: starts the HTTP service, which is BentoML's to run; nothing of it is imported here."""

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

REQUIRED = ("bentoml", "orjson", "prometheus_client", "pydantic", "starlette", "uvicorn")

HELP = """
Serve the models over HTTP: POST /predict, and a page that explains itself at /.

\b
Examples:
  sentiline serve
  sentiline serve --port 8080 --workers 2
  sentiline serve --single-process
  sentiline serve --model-dir ./my-models --model mine
  curl -s http://127.0.0.1:3000/predict -H 'content-type: application/json' \\
       -d '{"inputs": "A quiet film that I could not stop thinking about."}'
"""

SETTINGS = """
\b
Environment variables (options win over them):
  SENTILINE_MODELS               folders searched for models, separated as in PATH
  SENTILINE_HOST                 default 127.0.0.1; address to listen on
  SENTILINE_PORT                 default 3000; port to listen on
  SENTILINE_MODEL                default bilstm; model that answers when a request names none
  SENTILINE_PRECISION            default unset; weights to run if a model has them, int8 or fp32; unset: its own choice
  SENTILINE_THREADS              default unset; reviews computed side by side in a worker; unset: its CPUs
  SENTILINE_WORKERS              default 1; server processes; each holds its own copy of the models
  SENTILINE_MAX_HEADER_BYTES     default 65536; largest request line and headers together, in bytes
  SENTILINE_MAX_BODY_BYTES       default 4194304; largest request body, in bytes
  SENTILINE_MAX_BUFFERED_BYTES   default 67108864; most bytes of bodies in memory beyond 65536 of each, per worker
  SENTILINE_MAX_JSON_DEPTH       default 32; deepest nesting of lists and objects in a request body
  SENTILINE_MAX_ITEMS            default 128; most texts in one request
  SENTILINE_MAX_TEXT_CHARACTERS  default 100000; longest text, in characters
  SENTILINE_MAX_PENDING_TOKENS   default 262144; most tokens accepted and not yet answered, per worker
  SENTILINE_TIMEOUT_MS           default 30000; longest time a request may take, in milliseconds
  SENTILINE_MODEL_MEMORY_MB      default 256; memory for the loaded models, the default included, per worker, in MiB
  SENTILINE_API_KEYS             default unset; comma-separated keys; a request must carry one of them; unset: none
  SENTILINE_CORS_ORIGINS         default unset; comma-separated origins whose pages may ask, or * for all; unset: none
  SENTILINE_ACCESS_LOG           default off; one log line a request, never with its text: on or off
  SENTILINE_TRACING_ENDPOINT     default unset; URL that takes OpenTelemetry traces by OTLP over HTTP; unset: no tracing
  SENTILINE_TRACING_SAMPLE_RATE  default 1.0; share of the requests traced whose caller has not decided it, from 0 to 1
  BENTOML_HOME                   BentoML's own files; default a folder of this server in the temporary directory
"""


@dataclass(frozen=True, slots=True)
class Target:
    """What BentoML is told to serve.

    Attributes:
        module: the module that holds the service.
        root: the folder it is imported from.
    """

    module: str
    root: Path

    @classmethod
    def locate(cls) -> Target:
        """Find the service: installed below this package, or beside it in a checkout.

        Raises:
            click.ClickException: it is in neither place.
        """
        package = Path(sentiline.__file__).resolve().parent
        for module, folder in (("sentiline.service", package / "service"), ("service", package.parent / "service")):
            if (folder / "app.py").is_file():
                return cls(module, package.parent)
        raise click.ClickException(f"this installation has no service: neither {package / 'service'} nor one beside it")


@click.command(help=HELP, epilog=SETTINGS)
@click.option(
    "--host",
    default="127.0.0.1",
    envvar="SENTILINE_HOST",
    show_default=True,
    help="IP address to listen on; 0.0.0.0 for all.",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=3000,
    envvar="SENTILINE_PORT",
    show_default=True,
    help="Port to listen on.",
)
@click.option("--workers", type=click.IntRange(min=1), help="Server processes.")
@click.option("--threads", type=click.IntRange(min=1), help="Reviews computed side by side in each of them.")
@click.option("--model", metavar="NAME", help="Model that answers when a request names none.")
@click.option("--precision", type=click.Choice(["int8", "fp32"]), help="Weights to run.")
@click.option(
    "--model-dir",
    "model_dirs",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of models to look in first; may be given several times.",
)
@click.option(
    "--single-process",
    is_flag=True,
    help="Serve without BentoML's supervisor: sooner ready and smaller, but nothing replaces a process that died.",
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
    """Replace this process by the server."""
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
        raise click.UsageError(f"--single-process is one worker, and {asked} are asked for; leave one of the two out")
    _check_free(address, port)
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(address, f"[{address}]" if ":" in address else address)
    url = f"http://{shown}:{port}"
    click.echo(f"Sentiline {sentiline.__version__}: {url}  (ready when {url}/readyz says so; Ctrl+C stops it)")
    click.echo(
        f"  curl -s {url}/predict -H 'content-type: application/json' -d '{{\"inputs\": \"A film to remember.\"}}'"
    )
    sys.stdout.flush()
    os.chdir(target.root)  # where python -m looks first: not in a folder that may hold another `sentiline`
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
    """The environment of the server: options become settings, paths absolute, and nobody is told of its start."""
    folders = [str(folder.absolute()) for folder in model_dirs]
    folders += [str(Path(entry).expanduser().absolute()) for entry in _entries(environ.get(MODELS_VARIABLE, ""))]
    settings = {f"SENTILINE_{name.upper()}": str(value) for name, value in options.items() if value is not None}
    if folders:
        settings[MODELS_VARIABLE] = os.pathsep.join(folders)
    # two servers must not share BentoML's folder: each empties the other's metrics at its start
    home = Path(environ["BENTOML_HOME"]).expanduser() if environ.get("BENTOML_HOME") else _own_folder(host, port)
    # the service takes no notice of blanks around a setting; neither must what is checked here
    given = {key: text.strip() if key.startswith("SENTILINE_") else text for key, text in environ.items()}
    return {**given, **settings, "BENTOML_HOME": str(home.absolute()), "BENTOML_DO_NOT_TRACK": "true"}


def _entries(path: str) -> list[str]:
    return [entry for entry in path.split(os.pathsep) if entry]


def _own_folder(host: str, port: int) -> Path:
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"sentiline-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if hasattr(os, "getuid") and (folder.is_symlink() or folder.stat().st_uid != os.getuid()):
        raise click.ClickException(f"{folder} belongs to somebody else; set BENTOML_HOME to a folder of your own")
    return folder / f"{host.replace(':', '_')}-{port}"  # no file name of Windows holds a colon


def _check(target: Target, environ: dict[str, str]) -> None:
    """Refuse what the server would refuse, in one line and before it starts."""
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
