"""Gradients of one training step under the backend that KERAS_BACKEND names: `one_step.py fit|pretrain IN OUT`.

IN holds the batch, and the weights by path; OUT gets the loss, and every gradient by the path of its weight. A step of
plain gradient descent at rate 1 is taken in place of Adam's, so that the gradient is what the weights lost by it.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from training.config.fit import FitConfig
from training.config.pretraining import PretrainConfig
from training.nn.backend import to_numpy
from training.nn.model import build_model
from training.pretraining.language_model import build_language_model
from training.pretraining.trainer import Pretrainer
from training.supervised.trainer import Trainer

Arrays = dict[str, NDArray[Any]]


def _fit(given: Arrays, config: dict[str, Any]) -> tuple[Trainer, float]:
    model = build_model(FitConfig(**config), config["vocabulary"])
    trainer = Trainer(model.config, model, 10)
    _assign(model, given)
    # The libraries draw different numbers from one seed: the only draw left here is the first direction of the noise.
    keras.random.normal = lambda shape, seed: keras.ops.convert_to_tensor(given["direction"])
    trainer.optimizer = keras.optimizers.SGD(1.0)
    unlabelled = (given["ids"][::-1].copy(), given["lengths"][::-1].copy())
    spliced = (given["ids"], given["lengths"], given["targets"])
    return trainer, trainer.step(given["ids"], given["lengths"], given["labels"], unlabelled, spliced)[0]


def _pretrain(given: Arrays, config: dict[str, Any]) -> tuple[Pretrainer, float]:
    model = build_language_model(PretrainConfig(**config), given["counts"], None)
    trainer = Pretrainer(model.config, model, 10)
    _assign(model, given)
    trainer.carried.assign(given["carried"])
    trainer.optimizer = keras.optimizers.SGD(1.0)
    return trainer, trainer.step(given["windows"], given["candidates"], given["correction"])


def _assign(model: keras.Model, given: Arrays) -> None:
    for variable in model.trainable_variables:
        variable.assign(given[f"weight {variable.path}"])


def main() -> None:
    """Take the step."""
    what, source, target = sys.argv[1:]
    with np.load(source) as file:
        given = dict(file)
    trainer, loss = {"fit": _fit, "pretrain": _pretrain}[what](given, json.loads(given["config"].tobytes()))
    found = {
        variable.path: given[f"weight {variable.path}"] - to_numpy(variable)
        for variable in trainer.model.trainable_variables
    }
    if isinstance(trainer, Pretrainer):
        found["carried"] = to_numpy(trainer.carried)
    np.savez(target, loss=loss, backend=np.frombuffer(keras.backend.backend().encode(), np.uint8), **found)


if __name__ == "__main__":
    main()
