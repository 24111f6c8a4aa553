"""Recurrent networks in numpy alone, forward and backward, written to be read; no other part of Sentiline is used.

Begin with `rnn`, `lstm` and `gru` (one step), go on to `unroll` (a sequence), `bidirectional` and `stack`, then
`attention`, `pooling`, `heads` and `losses`; `classifier` puts them together. Arrays hold one example a row.
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
from sentiline.reference.gru import gru_cell, gru_cell_backward, gru_cell_forward, gru_forward
from sentiline.reference.heads import head_backward, head_forward
from sentiline.reference.lstm import LSTM, lstm_cell, lstm_cell_backward, lstm_cell_forward
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
    "bidirectional_backward",
    "bidirectional_forward",
    "clip_by_global_norm",
    "dot_product_backward",
    "dot_product_forward",
    "global_norm",
    "gradient_norms",
    "gru_cell",
    "gru_cell_backward",
    "gru_cell_forward",
    "gru_forward",
    "head_backward",
    "head_forward",
    "initialize_adam",
    "lstm_cell",
    "lstm_cell_backward",
    "lstm_cell_forward",
    "rnn_backpropagation",
    "rnn_cell",
    "rnn_cell_backward",
    "rnn_cell_forward",
    "self_attention_backward",
    "self_attention_forward",
    "sigmoid",
    "softmax",
    "stack_backward",
    "stack_forward",
    "unroll_backward",
    "unroll_forward",
    "update_adam",
]
