"""Recurrent networks in numpy alone, forward and backward, written to be read.

Begin with `rnn`, `lstm` and `gru` (one step), go on to `unroll` (a sequence), `bidirectional` and `stack`, then
`attention`, `pooling`, `heads` and `losses`; `classifier` puts them together. Arrays hold one example per row.
`notebook` has the functions of courses, under their names and with examples in columns.
"""

from sentiline.reference.activations import LINEAR, RELU, SIGMOID, TANH, Activation, sigmoid, softmax
from sentiline.reference.adam import clip_by_global_norm, global_norm, initialize_adam, update_adam
from sentiline.reference.attention import (
    attend_backward,
    attend_forward,
    dot_product_backward,
    dot_product_forward,
    self_attention_backward,
    self_attention_forward,
)
from sentiline.reference.bidirectional import bidirectional_backward, bidirectional_forward
from sentiline.reference.bptt import rnn_backpropagation
from sentiline.reference.cell import Cell
from sentiline.reference.dropout import dropout_backward, dropout_forward
from sentiline.reference.embedding import embedding_backward, embedding_forward
from sentiline.reference.gru import gru_cell, gru_cell_backward, gru_cell_forward
from sentiline.reference.heads import head_backward, head_forward
from sentiline.reference.initial import glorot_uniform, initialize_cell, initialize_head, orthogonal
from sentiline.reference.losses import (
    binary_cross_entropy_backward,
    binary_cross_entropy_forward,
    mean_squared_error_backward,
    mean_squared_error_forward,
    softmax_cross_entropy_backward,
    softmax_cross_entropy_forward,
)
from sentiline.reference.lstm import LSTM, lstm_cell, lstm_cell_backward, lstm_cell_forward
from sentiline.reference.notebook import gru_forward
from sentiline.reference.pooling import (
    attention_pool_backward,
    attention_pool_forward,
    attention_weights,
    max_pool_backward,
    max_pool_forward,
    mean_pool_backward,
    mean_pool_forward,
)
from sentiline.reference.rnn import RNN, rnn_cell, rnn_cell_backward, rnn_cell_forward
from sentiline.reference.stack import Layer, stack_backward, stack_forward
from sentiline.reference.unroll import gradient_norms, unroll_backward, unroll_forward

__all__ = [
    "LINEAR",
    "LSTM",
    "RELU",
    "RNN",
    "SIGMOID",
    "TANH",
    "Activation",
    "Cell",
    "Layer",
    "attend_backward",
    "attend_forward",
    "attention_pool_backward",
    "attention_pool_forward",
    "attention_weights",
    "bidirectional_backward",
    "bidirectional_forward",
    "binary_cross_entropy_backward",
    "binary_cross_entropy_forward",
    "clip_by_global_norm",
    "dot_product_backward",
    "dot_product_forward",
    "dropout_backward",
    "dropout_forward",
    "embedding_backward",
    "embedding_forward",
    "global_norm",
    "glorot_uniform",
    "gradient_norms",
    "gru_cell",
    "gru_cell_backward",
    "gru_cell_forward",
    "gru_forward",
    "head_backward",
    "head_forward",
    "initialize_adam",
    "initialize_cell",
    "initialize_head",
    "lstm_cell",
    "lstm_cell_backward",
    "lstm_cell_forward",
    "max_pool_backward",
    "max_pool_forward",
    "mean_pool_backward",
    "mean_pool_forward",
    "mean_squared_error_backward",
    "mean_squared_error_forward",
    "orthogonal",
    "rnn_backpropagation",
    "rnn_cell",
    "rnn_cell_backward",
    "rnn_cell_forward",
    "self_attention_backward",
    "self_attention_forward",
    "sigmoid",
    "softmax",
    "softmax_cross_entropy_backward",
    "softmax_cross_entropy_forward",
    "stack_backward",
    "stack_forward",
    "unroll_backward",
    "unroll_forward",
    "update_adam",
]
