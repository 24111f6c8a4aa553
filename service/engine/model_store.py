"""The models in memory: loading, warm-up, and eviction when they need more memory than is allowed."""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sentiline.bundle import MODELS_VARIABLE, Bundle, Manifest, find_by_name, installed
from sentiline.errors import BundleNotFoundError, SentilineError, SettingError

from ..errors import ServiceError, quote
from ..settings import Settings, variable
from .model_pins import BundleReadOnce, ModelPins

if TYPE_CHECKING:
    from sentiline.predictor import Predictor

WARM_UP_TEXT = "The first review of the day: a warm, clever film & a cast that never puts a foot wrong!"
RETRY_SECONDS = 30.0
"""How long a model that failed to load is not tried again, because reading and hashing its files takes time."""

MEBIBYTE = 1 << 20
GRAPH_FACTOR = 3
TOKENIZER_FACTOR = 12
UNIT_BYTES = 16 * 1024
SESSION_BYTES = MEBIBYTE
# Estimated resident memory of a model: 3 × graph file + 12 × tokenizer file + 16 KiB per recurrent unit and direction
# (four float32 gates at each of 1,024 timesteps) + 1 MiB; graph and units twice for an int8 LSTM, which has a second
# graph for short texts. Fitted to what the shipped models add to the private memory of a process, from which it differs
# by less than 4 MiB.

logger = logging.getLogger("bentoml.sentiline")


class Model(NamedTuple):
    """A loaded model.

    Attributes:
        predictor: The predictor that runs it.
        logit: Its logit of `WARM_UP_TEXT` when it was loaded.
        size: Its estimated memory in bytes.
        load_seconds: How long loading it took.
        copy: The pinned copy of its files; None if they could not be copied.
    """

    predictor: Predictor
    logit: float
    size: int
    load_seconds: float
    copy: Path | None


class ModelStore:
    """Loads each model once, when it is first requested; thread-safe.

    Attributes:
        pins: The version of each model that all workers of the server serve.
    """

    def __init__(self, settings: Settings, threads: int, observe: Callable[[Mapping[str, Model]], None]) -> None:
        """Make an empty store; `observe` is called with all loaded models by name after every change."""
        self.pins = ModelPins()
        self._settings = settings
        self._threads = threads
        self._observe = observe
        self._loaded: OrderedDict[str, Model] = OrderedDict()  # least recently used first
        self._broken: dict[str, tuple[float, Exception]] = {}
        self._lock = threading.Lock()  # guards the two above; never held while loading
        self._loading: dict[str, threading.Lock] = {}  # per name, so that each model is loaded once

    def loaded(self) -> dict[str, Predictor]:
        """Return the models in memory, by name; a copy."""
        with self._lock:
            return {name: model.predictor for name, model in self._loaded.items()}

    def failed(self) -> frozenset[str]:
        """Return the names of the models whose last load failed."""
        with self._lock:
            return frozenset(self._broken)

    def get(self, name: str) -> Model | None:
        """Return the model if it is in memory, and mark it as most recently used."""
        with self._lock:
            model = self._loaded.get(name)
            if model is not None:
                self._loaded.move_to_end(name)
            return model

    def load(self, name: str, version: str | None = None) -> Model:
        """Return the model, loaded if necessary; blocks, so it must not run on the event loop.

        A model is not loaded for a version that its bundle lacks. The version of a model in memory is not checked here.

        Raises:
            ServiceError: 404 for an unknown model or version, 503 for one that cannot be loaded or is too large, or if
                a folder of models cannot be read.
        """
        if name not in self.pins.pinned() and name not in installed_models():
            raise _unknown(name)
        with self._lock:
            loading = self._loading.setdefault(name, threading.Lock())
        with loading:
            return self.get(name) or self._load(name, version)

    def refresh(self) -> None:
        """Load every model again whose pin has changed, so that all workers of the server agree; blocks as `load` does.

        A model that cannot be loaded again stays as it is.
        """
        with self._lock:
            copies = {name: model.copy for name, model in self._loaded.items()}
        for name, copy in copies.items():
            if copy is not None and self.pins.current(name) != copy:
                with contextlib.suppress(ServiceError), self._loading[name]:
                    self._load(name, None)

    def _load(self, name: str, version: str | None) -> Model:
        from sentiline.predictor import Predictor

        with self._lock:
            failed_at, failure = self._broken.get(name, (-math.inf, None))
        if failure is not None and time.monotonic() - failed_at < RETRY_SECONDS:
            raise _unavailable(name) from failure
        started = time.perf_counter()
        copy = self.pins.current(name)
        try:
            found = find_by_name(name) if copy is None else Bundle.open(copy)
            bundle = BundleReadOnce(found.path, found.manifest)
            check_version(bundle.manifest, version)
            precision = bundle.precision(self._precision(name, bundle))
            size = estimated_memory(bundle.manifest, precision)
            self._check_size(name, size)
            with self._lock:  # evict first, so that the limit is never exceeded
                self._evict(name, size)
            predictor = Predictor(bundle, precision=precision, threads=self._threads)
            predictor.predict([WARM_UP_TEXT * 20])
            logit = predictor.predict([WARM_UP_TEXT])[0].logit
            if copy is None:
                copy = self._pin(bundle, precision)
            else:
                self.pins.note_use(name, copy)
            bundle.contents.clear()  # the predictor keeps the bundle
            if copy is not None and Bundle.open(copy).manifest.digest != bundle.manifest.digest:
                return self._load(name, version)  # another worker has just pinned another version
        except BundleNotFoundError:
            raise _unknown(name) from None
        except SentilineError as error:
            logger.error("model %r cannot be used: %s", name, error)
            if copy is not None:  # the copy is damaged, so that the model's folder must do
                self.pins.unpin(name, copy)
                return self._load(name, version)
            raise self._note_failure(name, error) from error
        except ServiceError:
            raise
        except Exception as error:  # whatever is wrong with its files, the other models must keep working
            logger.exception("model %r cannot be used", name)
            raise self._note_failure(name, error) from error
        seconds = time.perf_counter() - started
        model = Model(predictor, logit, size, seconds, copy)
        with self._lock:
            self._broken.pop(name, None)
            self._loaded[name] = model
            self._evict(name)  # again, because other threads may have loaded models meanwhile
        logger.info("loaded %r, version %s, in %.2f s", predictor, bundle.manifest.version, seconds)
        return model

    def _pin(self, bundle: Bundle, precision: str) -> Path | None:
        """Pin the files of a model that has just been loaded, and return their copy; None if it cannot be written."""
        manifest = bundle.manifest
        try:
            copy = self.pins.pin(bundle, (manifest.tokenizer, manifest.precisions[precision]))
        except OSError as error:
            logger.warning(
                "model %r cannot be pinned, so workers may serve different versions: %s", manifest.name, error
            )
            return None
        self.pins.note_use(manifest.name, copy)
        return copy

    def _note_failure(self, name: str, error: Exception) -> ServiceError:
        with self._lock:
            self._broken[name] = time.monotonic(), error
        return _unavailable(name)

    def _precision(self, name: str, bundle: Bundle) -> str | None:
        wanted = self._settings.precision
        # the setting is for the default model; another model without that precision uses its own default
        return wanted if name == self._settings.model or wanted in bundle.manifest.precisions else None

    def _check_size(self, name: str, size: int) -> None:
        """Reject a model that does not fit into memory with the default model, which is never evicted."""
        default, limit = self._settings.model, self._settings.model_memory_mb
        if name == default:
            return
        with self._lock:
            default_size = self._loaded[default].size if default in self._loaded else 0
        if default_size + size > limit * MEBIBYTE:
            needed = math.ceil(size / MEBIBYTE)
            raise ServiceError(
                503,
                "model_unavailable",
                f'the model "{name}" needs about {needed} MiB in addition to the default model\'s '
                f"{math.ceil(default_size / MEBIBYTE)} MiB and the limit is {limit} MiB; "
                f"raise {variable('model_memory_mb')}",
                field="model",
                limit=limit,
                setting=variable("model_memory_mb"),
            )

    def _evict(self, newest: str, size: int = 0) -> None:
        """Drop the least recently used models until `size` more bytes fit; the default and the newest model stay."""
        limit = self._settings.model_memory_mb
        for name in [name for name in self._loaded if name not in (self._settings.model, newest)]:
            if sum(model.size for model in self._loaded.values()) + size <= limit * MEBIBYTE:
                break
            # not closed, because requests may still run on it: its memory is freed when they are done
            del self._loaded[name]
            logger.info("model %r dropped from memory: %s is %d", name, variable("model_memory_mb"), limit)
        self._observe(dict(self._loaded))


def installed_models() -> dict[str, Path]:
    """Return the folder of every model by name, listed at every call because folders change while the server runs.

    Raises:
        ServiceError: 503 if a folder named by `SENTILINE_MODELS` does not exist or cannot be read.
    """
    try:
        return installed()
    except (SettingError, OSError) as error:
        logger.error("the models cannot be listed: %s", error)
        message = f"a folder of models, named by {MODELS_VARIABLE}, cannot be read; the reason is in the server's log"
        raise ServiceError(503, "model_unavailable", message, setting=MODELS_VARIABLE) from error


def estimated_memory(manifest: Manifest, precision: str) -> int:
    """Return the bytes of memory that a model is estimated to need once it is loaded."""
    graph, tokenizer = manifest.files[manifest.precisions[precision]], manifest.files[manifest.tokenizer]
    session = GRAPH_FACTOR * graph.size + UNIT_BYTES * _units(manifest)
    sessions = 2 if precision == "int8" and _cell(manifest) == "lstm" else 1
    return sessions * session + TOKENIZER_FACTOR * tokenizer.size + SESSION_BYTES


def _cell(manifest: Manifest) -> str:
    """Return the kind of the recurrent layers; empty if the manifest does not state it."""
    architecture = manifest.document.get("architecture")
    return str(architecture.get("cell", "")) if isinstance(architecture, dict) else ""


def _units(manifest: Manifest) -> int:
    """Return the recurrent units of all layers and directions; 0 if the manifest does not state them."""
    architecture = manifest.document.get("architecture")
    if not isinstance(architecture, dict):
        return 0
    units, layers = architecture.get("units"), architecture.get("layers", 1)
    if not (isinstance(units, int) and isinstance(layers, int)):
        return 0
    return units * layers * (1 if architecture.get("direction") == "forward" else 2)


def check_version(manifest: Manifest, version: str | None) -> None:
    """Check that a model has the requested version; None accepts any.

    Raises:
        ServiceError: 404 if it has another version.
    """
    if version not in (None, manifest.version):
        message = f'the model "{manifest.name}" has no version "{quote(version)}"; it has {manifest.version}'
        raise ServiceError(404, "model_not_found", message, field="version")


def _unknown(name: str) -> ServiceError:
    names = list(installed_models())
    message = f'there is no model "{quote(name)}"; the models are: {", ".join(names) or "none"}'
    return ServiceError(404, "model_not_found", message, field="model", models=names)


def _unavailable(name: str) -> ServiceError:
    message = f'the model "{name}" cannot be used; the reason is in the server\'s log'
    return ServiceError(503, "model_unavailable", message, field="model")
