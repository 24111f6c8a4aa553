"""The named presets of `python -m training fit`."""

from __future__ import annotations

import dataclasses

from training.config.fit import FitConfig

BILSTM = FitConfig(name="bilstm", summary="Bidirectional LSTM with additive pooling.", adversarial=1.5)

_PEER = dataclasses.replace(BILSTM, direction="forward", precision="int8")
PEERS = (
    dataclasses.replace(_PEER, name="lstm", summary="The plain recipe, reading forward only."),
    dataclasses.replace(_PEER, name="gru", cell="gru", summary="The plain recipe with a forward GRU."),
    dataclasses.replace(_PEER, name="rnn", cell="rnn", summary="The plain recipe with a forward Elman network."),
    dataclasses.replace(
        _PEER,
        name="bigru",
        cell="gru",
        direction="bidirectional",
        summary="The plain recipe with a bidirectional GRU.",
    ),
)

VARIANTS = (
    dataclasses.replace(BILSTM, name="bilstm-stacked", layers=2, summary="Two bidirectional LSTM layers."),
    dataclasses.replace(
        BILSTM,
        name="bilstm-dropout",
        adversarial=0.0,
        embedding_dropout=0.5,
        token_dropout=0.2,
        state_dropout=0.5,
        summary="The plain recipe regularized by heavier dropout instead of adversarial noise.",
    ),
)

TEACHER = dataclasses.replace(
    BILSTM,
    name="bilstm-teacher",
    units=256,
    epochs=2,
    ema=0.99,
    embedding_dropout=0.2,
    token_dropout=0.05,
    state_dropout=0.3,
    adversarial=0.0,
    crops=0.1,
    compute="bfloat16",
    precision="int8",
    summary="Bidirectional LSTM of 256 units per direction, fine-tuned from the pre-trained encoder: the teacher.",
)
LARGE = dataclasses.replace(
    TEACHER,
    name="bilstm-large",
    batch_size=128,
    ema=0.998,
    token_dropout=0.1,
    crops=0.0,
    splices=0.3,
    summary="Bidirectional LSTM of 256 units per direction from the shipped encoder, trained on a teacher's logits.",
)
STUDENT = dataclasses.replace(
    BILSTM,
    name="bilstm-student",
    epochs=4,
    batch_size=128,
    learning_rate=2e-3,
    embedding_dropout=0.2,
    state_dropout=0.3,
    adversarial=0.0,
    splices=0.6,
    summary="Bidirectional LSTM with additive pooling, trained on a teacher's logits.",
)

GENERAL = dataclasses.replace(
    STUDENT,
    name="general",
    units=80,
    vocabulary=30_000,
    scheme="words-2",
    max_tokens=300,
    epochs=3,
    token_dropout=0.03,
    splices=0.0,
    spans=0.5,
    summary="Bidirectional LSTM with additive pooling for any English text, trained on a mixture of sets and a teacher.",
)

BIRNN_MSE = dataclasses.replace(
    BILSTM,
    name="birnn-mse",
    head="timesteps",
    loss="mse",
    vocabulary=10_000,
    embedding=64,
    unsupervised=False,
    vectors="random",
    epochs=5,
    state_dropout=0.0,
    adversarial=0.0,
    precision="fp32",
    summary="Bidirectional LSTM with a prediction at every timestep, trained on the label by mean squared error.",
)

# The six classic baselines share their published form, which reads the last 500 tokens.
_CLASSIC = FitConfig(
    name="classic",
    summary="",
    direction="forward",
    head="last",
    reset_after=False,
    embedding=32,
    vocabulary=2_000,
    unsupervised=False,
    vectors="random",
    max_tokens=500,
    served_tokens=500,
    truncation="tail",
    epochs=3,
    schedule="constant",
    beta_2=0.999,
    clip_norm=0.0,
    ema=0.0,
    embedding_dropout=0.0,
    variational=False,
    token_dropout=0.0,
    state_dropout=0.2,
    patience=0,
    precision="fp32",
)

_UNIT = dataclasses.replace(
    _CLASSIC, head="unit", units=1, activation="sigmoid", embedding_dropout=0.2, state_dropout=0.0
)
_HUNDRED = dataclasses.replace(_CLASSIC, units=100)
CLASSICS = (
    dataclasses.replace(_UNIT, name="rnn-1", cell="rnn", summary="Classic baseline: one Elman unit with a sigmoid."),
    dataclasses.replace(_UNIT, name="lstm-1", cell="lstm", summary="Classic baseline: one LSTM unit with a sigmoid."),
    dataclasses.replace(_UNIT, name="gru-1", cell="gru", summary="Classic baseline: one GRU unit with a sigmoid."),
    dataclasses.replace(_HUNDRED, name="rnn-100", cell="rnn", summary="Classic baseline: 100 Elman units."),
    dataclasses.replace(_HUNDRED, name="lstm-100", cell="lstm", summary="Classic baseline: 100 LSTM units."),
    dataclasses.replace(
        _HUNDRED,
        name="gru-100",
        cell="gru",
        hidden=100,
        summary="Classic baseline: 100 GRU units, a ReLU layer of 100.",
    ),
)

PRESETS: dict[str, FitConfig] = {
    preset.name: preset for preset in (BILSTM, TEACHER, LARGE, STUDENT, GENERAL, *PEERS, *VARIANTS, BIRNN_MSE, *CLASSICS)
}
