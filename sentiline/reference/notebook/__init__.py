"""The reference under the names, argument orders and shapes of course notebooks.

A notebook that defines these functions itself runs with one import changed. Vectors are columns here: a batch of m
examples is (n_x, m), a batch of sequences (n_x, m, T_x), and a matrix acts from the left. The functions are thin: each
transposes its arguments to the rows of `sentiline.reference`, calls it, and transposes the results back. All gradients
are the true ones, which central differences confirm; where a well-known notebook's formula is wrong, the docstring says
what differs.
"""

from sentiline.reference.activations import sigmoid
from sentiline.reference.bptt import rnn_backpropagation
from sentiline.reference.notebook.elman import rnn_backward, rnn_cell_backward, rnn_cell_forward, rnn_forward
from sentiline.reference.notebook.gru import (
    gru_backward,
    gru_cell_backward,
    gru_cell_forward,
    gru_forward,
    gru_step,
)
from sentiline.reference.notebook.lstm import (
    lstm_backward,
    lstm_cell,
    lstm_cell_backward,
    lstm_cell_forward,
    lstm_forward,
)
from sentiline.reference.notebook.optimizer import initialize_adam, update_parameters_with_adam
from sentiline.reference.notebook.sequences import softmax

__all__ = [
    "gru_backward",
    "gru_cell_backward",
    "gru_cell_forward",
    "gru_forward",
    "gru_step",
    "initialize_adam",
    "lstm_backward",
    "lstm_cell",
    "lstm_cell_backward",
    "lstm_cell_forward",
    "lstm_forward",
    "rnn_backpropagation",
    "rnn_backward",
    "rnn_cell_backward",
    "rnn_cell_forward",
    "rnn_forward",
    "sigmoid",
    "softmax",
    "update_parameters_with_adam",
]
