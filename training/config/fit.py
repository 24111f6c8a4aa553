"""The configuration of `python -m training fit`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Literal

from training.config.recipe import Recipe
from training.errors import ConfigError

Cell = Literal["rnn", "lstm", "gru"]
Direction = Literal["forward", "bidirectional"]
Head = Literal["pooling", "last", "unit", "timesteps"]
Loss = Literal["bce", "mse"]
Vectors = Literal["ppmi-svd", "random"]
Scheme = Literal["words-1", "words-2"]
Compute = Literal["float32", "bfloat16"]


@dataclass(frozen=True, kw_only=True)
class FitConfig(Recipe):
    """The configuration of a fit; equal configurations on the same data give the same model.

    Attributes:
        name: Name of the bundle.
        summary: One line for `sentiline models` and the model card.
        cell: Recurrent cell: "rnn" (Elman), "lstm" or "gru".
        direction: "forward", or "bidirectional", which concatenates the states of both directions.
        layers: Number of stacked recurrent layers.
        units: Units per direction and layer.
        embedding: Dimensions of the word vectors.
        head: How the states become a logit, see `training.nn.heads`.
        hidden: Units of a ReLU layer between state and logit; 0 for none.
        activation: Activation of the recurrent state: "tanh", or "sigmoid" for head "unit".
        reset_after: Whether a GRU applies its reset gate after the recurrent product.
        vocabulary: Maximum size of the vocabulary, including the two special tokens.
        scheme: Splitting rules of a tokenizer that is built from the texts: "words-1" or "words-2".
        unsupervised: Whether vocabulary and word vectors also use the unlabelled reviews.
        vectors: Initial word vectors: "ppmi-svd" (`training.nn.word_vectors`) or "random".
        max_tokens: Maximum tokens per review in training; longer reviews are truncated.
        served_tokens: Maximum tokens per review in evaluation and in the bundle; longer reviews are truncated.
        truncation: The part of a long review that is kept.
        epochs: Passes over the training part. On few texts `fit` makes more, see `training.config.small_data`.
        batch_size: Reviews per step. On few texts `fit` uses fewer.
        learning_rate: Peak learning rate of Adam.
        schedule: Learning rate schedule: "cosine" decay to a tenth over the planned epochs, or "constant".
        beta_2: Adam's decay rate of the second moment.
        clip_norm: Upper bound on the global norm of the gradient; 0 for none.
        ema: Decay of the exponential moving average of the weights, which is evaluated and exported; 0 for none.
        embedding_dropout: Dropout rate on the dimensions of the word vectors.
        variational: Whether that dropout uses one mask per review (Gal & Ghahramani 2016) instead of one per token.
        token_dropout: Share of the tokens that are replaced by the unknown token.
        state_dropout: Dropout rate between the state (or the pooled states) and the linear layer.
        adversarial: L2 norm of the adversarial perturbation of a review's word vectors (Miyato et al. 2017); 0 for
            none.
        virtual: L2 norm of the virtual adversarial perturbation of an unlabelled review's word vectors (Miyato et
            al. 2017), with one unlabelled batch per step; 0 for none.
        entropy: Weight of the entropy of the predictions for unlabelled reviews (Sachan et al. 2019); 0 for none.
        crops: Share of the training reviews that are replaced by one to three of their sentences, drawn in each epoch.
        splices: Weight of a loss at every timestep of spliced texts, in which the label of each token is that of the
            review it comes from; one splice per four reviews of a batch; 0 for none.
        spans: Weight of a loss on the contributions inside the parts of a text whose sentiment the targets know; one such
            text per four reviews of a batch; 0 for none.
        stars: Whether the target of a review with a star rating is graded by its stars, from 0.02 for one to 0.98 for
            the most, instead of 0 or 1.
        loss: Training loss: "bce" on the final logit, or "mse" between the probability at every timestep and the label.
        patience: Epochs without a better validation loss after which the fit stops early; 0 for never.
        validation: Share of the reviews that is held out for validation.
        split_seed: Seed of the split, which decides which films are held out.
        seed: Seed of the initial weights, the batch order and the dropout.
        compute: Type of the recurrent products in training, "bfloat16" (weights stay float32) or "float32".
        precision: Graphs that the bundle carries.
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
    scheme: Scheme = "words-1"
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
    spans: float = 0.0
    stars: bool = False
    loss: Loss = "bce"
    patience: int = 3
    validation: float = 0.1
    split_seed: int = 7
    seed: int = 0
    compute: Compute = "float32"
    precision: Literal["both", "fp32", "int8"] = "both"

    RANGES: ClassVar = {
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
        "spans": (0, 1e6),
        "patience": (0, 10_000),
        "validation": (0.001, 0.9),
        "split_seed": (0, 2**32 - 1),
        "seed": (0, 2**32 - 1),
    }

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ConfigError: A value is out of its range or does not fit the others; names the field.
        """
        if not _NAME.fullmatch(self.name):
            raise ConfigError(
                f"name is {self.name!r}; it must consist of letters, digits, dots, dashes and underscores", field="name"
            )
        super().__post_init__()
        if self.direction == "bidirectional" and self.head in ("last", "unit"):
            raise ConfigError(f'head "{self.head}" reads the last state and needs direction "forward"', field="head")
        if self.head == "unit" and (self.units != 1 or self.activation != "sigmoid"):
            raise ConfigError('head "unit" is the state itself and needs units 1, activation "sigmoid"', field="head")
        if self.hidden and self.head != "last":
            raise ConfigError(f'hidden is {self.hidden}; only head "last" has a hidden layer', field="hidden")
        if self.state_dropout and self.head in ("unit", "timesteps") and self.layers == 1:
            raise ConfigError(f'head "{self.head}" has no state dropout; set state_dropout to 0', field="state_dropout")
        if self.splices and (self.head != "pooling" or self.direction != "bidirectional"):
            raise ConfigError(
                f'splices is {self.splices}; only a bidirectional model with head "pooling" has a logit per timestep',
                field="splices",
            )
        if self.spans and (self.head != "pooling" or self.direction != "bidirectional"):
            raise ConfigError(
                f'spans is {self.spans}; only a bidirectional model with head "pooling" has contributions to train',
                field="spans",
            )
        if self.loss == "mse" and self.head != "timesteps":
            raise ConfigError('loss "mse" compares every timestep and needs head "timesteps"', field="loss")


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # a bundle with another name could not be loaded
