"""The configuration of `python -m training fit`."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import Any, Literal

from training.errors import ConfigError

Cell = Literal["rnn", "lstm", "gru"]
Direction = Literal["forward", "bidirectional"]
Head = Literal["pooling", "last", "unit", "timesteps"]
Loss = Literal["bce", "mse"]
Vectors = Literal["ppmi-svd", "random"]
Compute = Literal["float32", "bfloat16"]


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """Everything that decides what a fit computes; two equal configs on the same data give the same model.

    Attributes:
        name: name of the bundle.
        summary: one line for `sentiline models` and the model card.
        cell: recurrent cell, "rnn" (Elman), "lstm" or "gru".
        direction: "forward", or "bidirectional" with both directions' states concatenated.
        layers: stacked recurrent layers.
        units: units of each direction of each layer.
        embedding: width of the word vectors.
        head: how states become a verdict; see `training.nn.heads`.
        hidden: units of a ReLU layer between state and logit; 0 for none.
        activation: of the recurrent state, "tanh", or "sigmoid" for the heads named "unit".
        reset_after: GRU only, whether the reset gate acts after the recurrent product.
        vocabulary: most entries the vocabulary holds, the two special ones included.
        unsupervised: whether vocabulary and word vectors also use the unlabelled reviews.
        vectors: initial word vectors, "ppmi-svd" (`training.nn.word_vectors`) or "random".
        max_tokens: longer reviews are cut to this many tokens in training.
        served_tokens: longer reviews are cut to this many tokens in evaluation and by the bundle.
        truncation: how they are cut.
        epochs: passes over the training part; `fit` makes more of few texts, see `training.config.small_data`.
        batch_size: reviews a step; fewer of few texts likewise.
        learning_rate: Adam's, at its highest.
        schedule: "cosine" decay to a tenth over the planned epochs, or "constant".
        beta_2: Adam's decay of the second moment.
        clip_norm: bound on the global norm of the gradient; 0 for none.
        ema: decay of the moving average of the weights that is evaluated and exported; 0 for none.
        embedding_dropout: share of the dimensions of the word vectors dropped.
        variational: whether that is one mask for a whole review (Gal & Ghahramani 2016), or one a token.
        token_dropout: share of tokens read as unknown.
        state_dropout: share of the dimensions dropped between state (or pooled states) and the linear layer.
        adversarial: L2 norm of the adversarial perturbation of a review's word vectors (Miyato et al. 2017); 0 for
            none.
        virtual: L2 norm of the virtual adversarial perturbation of an unlabelled review's word vectors (Miyato et
            al. 2017), one unlabelled batch a step; 0 for none.
        entropy: weight of the entropy of the predictions for unlabelled reviews (Sachan et al. 2019); 0 for none.
        crops: share of the training reviews of which an epoch sees one to three sentences instead of the whole.
        splices: weight of a loss at every timestep of splices, of which each tells the sentiment of the review it is
            from; a quarter as many as there are reviews in a batch; 0 for none.
        stars: whether the target of a review with a star rating is graded by its stars, 0.02 for one to 0.98 for ten,
            instead of 0 or 1.
        loss: "bce" on the final logit, or "mse" between every timestep's probability and the label.
        patience: epochs without a better validation loss before the fit stops early; 0 for never.
        validation: share of the reviews held out for validation.
        split_seed: decides which films are held out.
        seed: decides initial weights, batch order and dropout.
        compute: of the recurrent products in training, "bfloat16" (weights stay float32) or "float32".
        precision: which graphs the bundle carries.
    """

    name: str
    summary: str
    cell: Cell = "lstm"
    direction: Direction = "bidirectional"
    layers: int = 1
    units: int = 64
    embedding: int = 128
    head: Head = "pooling"
    hidden: int = 0
    activation: Literal["tanh", "sigmoid"] = "tanh"
    reset_after: bool = True
    vocabulary: int = 25_000
    unsupervised: bool = True
    vectors: Vectors = "ppmi-svd"
    max_tokens: int = 400
    served_tokens: int = 1024
    truncation: Literal["head", "tail", "head_tail"] = "head_tail"
    epochs: int = 8
    batch_size: int = 64
    learning_rate: float = 1e-3
    schedule: Literal["cosine", "constant"] = "cosine"
    beta_2: float = 0.98
    clip_norm: float = 1.0
    ema: float = 0.998
    embedding_dropout: float = 0.4
    variational: bool = True
    token_dropout: float = 0.1
    state_dropout: float = 0.4
    adversarial: float = 0.0
    virtual: float = 0.0
    entropy: float = 0.0
    crops: float = 0.0
    splices: float = 0.0
    stars: bool = False
    loss: Loss = "bce"
    patience: int = 3
    validation: float = 0.1
    split_seed: int = 7
    seed: int = 0
    compute: Compute = "float32"
    precision: Literal["both", "fp32", "int8"] = "both"

    def __post_init__(self) -> None:
        """Refuse values that cannot work.

        Raises:
            ConfigError: names the field, its value and its range.
        """
        if not _NAME.fullmatch(self.name):
            raise ConfigError(
                f"name is {self.name!r}; it must be made of letters, digits, dots, dashes and underscores", field="name"
            )
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            low, high = _RANGES.get(field.name, (None, None))
            if low is not None and not low <= value <= high:
                raise ConfigError(f"{field.name} is {value}; it must lie in {low}…{high}", field=field.name)
        if self.direction == "bidirectional" and self.head in ("last", "unit"):
            raise ConfigError(f'head "{self.head}" reads the last state and needs direction "forward"', field="head")
        if self.head == "unit" and (self.units != 1 or self.activation != "sigmoid"):
            raise ConfigError('head "unit" is the state itself and needs units 1, activation "sigmoid"', field="head")
        if self.hidden and self.head != "last":
            raise ConfigError(f'hidden is {self.hidden}, which only head "last" has', field="hidden")
        if self.state_dropout and self.head in ("unit", "timesteps") and self.layers == 1:
            raise ConfigError(f'head "{self.head}" has no state dropout; set state_dropout to 0', field="state_dropout")
        if self.splices and (self.head != "pooling" or self.direction != "bidirectional"):
            raise ConfigError(
                f'splices is {self.splices}; only a bidirectional model with head "pooling" is read at each timestep',
                field="splices",
            )
        if self.loss == "mse" and self.head != "timesteps":
            raise ConfigError('loss "mse" compares every timestep and needs head "timesteps"', field="loss")

    def as_dict(self) -> dict[str, Any]:
        """The config as a JSON-ready dict, fields in order."""
        return dataclasses.asdict(self)


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # a bundle of any other name could not be loaded

_RANGES: dict[str, tuple[float, float]] = {
    "layers": (1, 8),
    "units": (1, 4096),
    "embedding": (1, 4096),
    "hidden": (0, 4096),
    "vocabulary": (3, 1_000_000),
    "max_tokens": (2, 100_000),
    "served_tokens": (2, 100_000),
    "epochs": (1, 10_000),
    "batch_size": (1, 65_536),
    "learning_rate": (1e-9, 10),
    "beta_2": (0, 0.9999999),
    "clip_norm": (0, 1e9),
    "ema": (0, 0.9999999),
    "embedding_dropout": (0, 0.95),
    "token_dropout": (0, 0.95),
    "state_dropout": (0, 0.95),
    "adversarial": (0, 1e6),
    "virtual": (0, 1e6),
    "entropy": (0, 1e6),
    "crops": (0, 1),
    "splices": (0, 1e6),
    "patience": (0, 10_000),
    "validation": (0.001, 0.9),
    "split_seed": (0, 2**32 - 1),
    "seed": (0, 2**32 - 1),
}
