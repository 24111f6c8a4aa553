"""The models in memory: loading, warm-up, and which one goes when they need more memory than is allowed."""

from __future__ import annotations

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

if TYPE_CHECKING:
    from sentiline.predictor import Predictor

WARM_UP_TEXT = "The first review of the day: a warm, clever film & a cast that never puts a foot wrong!"
RETRY_SECONDS = 30.0
"""How long a model that failed to load is not tried again: reading and hashing its files costs time."""

MEBIBYTE = 1 << 20
GRAPH_FACTOR = 3
TOKENIZER_FACTOR = 12
UNIT_BYTES = 16 * 1024
SESSION_BYTES = 2 * MEBIBYTE
"""Memory of a loaded model: so many times the bytes of its graph's and its tokenizer's file, so many for each unit of
each direction (four gates in float32 at each of 1,024 timesteps), and so many besides.

Fitted to what the shipped models add to the memory of a process (PSS), from which it differs by less than 4 MiB.
"""

logger = logging.getLogger("bentoml.sentiline")


class Model(NamedTuple):
    """A loaded model.

    Attributes:
        predictor: what runs it.
        logit: what it answered to `WARM_UP_TEXT` when it was loaded.
        size: the memory it is taken to need, in bytes.
    """

    predictor: Predictor
    logit: float
    size: int


class ModelStore:
    """Loads each model once, when it is first asked for; safe to use from many threads."""

    def __init__(self, settings: Settings, threads: int, observe: Callable[[Mapping[str, int]], None]) -> None:
        """Make an empty store; `observe` is told the size of each loaded model whenever one comes or goes."""
        self._settings = settings
        self._threads = threads
        self._observe = observe
        self._loaded: OrderedDict[str, Model] = OrderedDict()  # least recently used first
        self._broken: dict[str, tuple[float, Exception]] = {}
        self._lock = threading.Lock()  # guards the two above; held only for moments
        self._loading: dict[str, threading.Lock] = {}  # one a name: it is loaded once

    def loaded(self) -> dict[str, Predictor]:
        """The models in memory, by name; a copy."""
        with self._lock:
            return {name: model.predictor for name, model in self._loaded.items()}

    def failed(self) -> frozenset[str]:
        """Names of the models whose last load failed."""
        with self._lock:
            return frozenset(self._broken)

    def get(self, name: str) -> Model | None:
        """The model, if it is in memory; it counts as used now."""
        with self._lock:
            model = self._loaded.get(name)
            if model is not None:
                self._loaded.move_to_end(name)
            return model

    def load(self, name: str, version: str | None = None) -> Model:
        """The model, loaded if need be: reads files, so not on the event loop.

        It is not loaded for a version that its bundle does not have; of a model in memory `check_version` says that.

        Raises:
            ServiceError: 404 for an unknown model or version, 503 for one that cannot be loaded or is too large, and if
                a folder of models cannot be read.
        """
        if name not in installed_models():
            raise _unknown(name)
        with self._lock:
            gate = self._loading.setdefault(name, threading.Lock())
        with gate:
            return self.get(name) or self._load(name, version)

    def _load(self, name: str, version: str | None) -> Model:
        from sentiline.predictor import Predictor

        with self._lock:
            failed_at, failure = self._broken.get(name, (-math.inf, None))
        if failure is not None and time.monotonic() - failed_at < RETRY_SECONDS:
            raise _unavailable(name) from failure
        started = time.perf_counter()
        try:
            bundle = find_by_name(name)
            check_version(bundle.manifest, version)
            precision = bundle.precision(self._precision(name, bundle))
            size = memory(bundle.manifest, precision)
            self._check_size(name, size)
            with self._lock:  # before, so that there is never more in memory than may be
                self._evict(name, size)
            predictor = Predictor(bundle, precision=precision, threads=self._threads)
            predictor.predict([WARM_UP_TEXT * 20])
            logit = predictor.predict([WARM_UP_TEXT])[0].logit
        except BundleNotFoundError:
            raise _unknown(name) from None
        except SentilineError as error:
            logger.error("model %r cannot be used: %s", name, error)
            raise self._note_failure(name, error) from error
        except ServiceError:
            raise
        except Exception as error:  # whatever is wrong with its files, the other models go on
            logger.exception("model %r cannot be used", name)
            raise self._note_failure(name, error) from error
        model = Model(predictor, logit, size)
        with self._lock:
            self._broken.pop(name, None)
            self._loaded[name] = model
            self._evict(name)  # again, for what other threads have loaded meanwhile
        logger.info("loaded %r in %.2f s", predictor, time.perf_counter() - started)
        return model

    def _note_failure(self, name: str, error: Exception) -> ServiceError:
        with self._lock:
            self._broken[name] = time.monotonic(), error
        return _unavailable(name)

    def _precision(self, name: str, bundle: Bundle) -> str | None:
        wanted = self._settings.precision
        # the setting is the default model's; another that lacks it runs what it has
        return wanted if name == self._settings.model or wanted in bundle.manifest.precisions else None

    def _check_size(self, name: str, size: int) -> None:
        """Refuse a model for which there is no room beside the default, which always stays."""
        default, limit = self._settings.model, self._settings.model_memory_mb
        if name == default:
            return
        with self._lock:
            kept = self._loaded[default].size if default in self._loaded else 0
        if kept + size > limit * MEBIBYTE:
            needed = math.ceil(size / MEBIBYTE)
            raise ServiceError(
                503,
                "model_unavailable",
                f'the model "{name}" needs about {needed} MiB beside the default model, which has '
                f"{math.ceil(kept / MEBIBYTE)}, and the limit is {limit}; raise {variable('model_memory_mb')}",
                field="model",
                limit=limit,
                setting=variable("model_memory_mb"),
            )

    def _evict(self, newest: str, size: int = 0) -> None:
        """Drop the models least recently used until the others fit beside `size` bytes; default and newest stay."""
        limit = self._settings.model_memory_mb
        for name in [name for name in self._loaded if name not in (self._settings.model, newest)]:
            if sum(model.size for model in self._loaded.values()) + size <= limit * MEBIBYTE:
                break
            # not closed: requests may still run on it; it goes when they are done
            del self._loaded[name]
            logger.info("model %r dropped from memory: %s is %d", name, variable("model_memory_mb"), limit)
        self._observe({name: model.size for name, model in self._loaded.items()})


def installed_models() -> dict[str, Path]:
    """Folder of every model by name, looked up anew each time: folders are filled, and unmounted, while we run.

    Raises:
        ServiceError: 503 if a folder that `SENTILINE_MODELS` names is not there or cannot be read.
    """
    try:
        return installed()
    except (SettingError, OSError) as error:
        logger.error("the models cannot be listed: %s", error)
        message = f"a folder of models, named by {MODELS_VARIABLE}, cannot be read; the reason is in the server's log"
        raise ServiceError(503, "model_unavailable", message, setting=MODELS_VARIABLE) from error


def memory(manifest: Manifest, precision: str) -> int:
    """Bytes of memory that a model is taken to need once it is loaded."""
    graph, tokenizer = manifest.files[manifest.precisions[precision]], manifest.files[manifest.tokenizer]
    files = GRAPH_FACTOR * graph.size + TOKENIZER_FACTOR * tokenizer.size
    return files + UNIT_BYTES * _units(manifest) + SESSION_BYTES


def _units(manifest: Manifest) -> int:
    """Recurrent units of all layers and directions; 0 where the manifest does not say."""
    architecture = manifest.document.get("architecture")
    if not isinstance(architecture, dict):
        return 0
    units, layers = architecture.get("units"), architecture.get("layers", 1)
    if not (isinstance(units, int) and isinstance(layers, int)):
        return 0
    return units * layers * (1 if architecture.get("direction") == "forward" else 2)


def check_version(manifest: Manifest, version: str | None) -> None:
    """Refuse a version that a model does not have; None stands for any.

    Raises:
        ServiceError: 404.
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
