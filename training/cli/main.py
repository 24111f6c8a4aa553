"""`python -m training`: all commands in one group."""

from __future__ import annotations

import click

from training.cli.compare import compare
from training.cli.data import data
from training.cli.diagnose import diagnose
from training.cli.evaluate import evaluate
from training.cli.fit import export, fit
from training.cli.group import CommandGroup
from training.cli.label import label
from training.cli.ngrams import ngrams
from training.cli.pretrain import pretrain
from training.cli.thresholds import thresholds


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def main() -> None:
    """Fit the recurrent sentiment models, export them to ONNX, and evaluate the bundles.

    \b
    Examples:
      python -m training data check
      python -m training fit bilstm
      python -m training fit bilstm --epochs 2 --units 32 --run runs/small
      python -m training fit bilstm --data my.csv --name mine
      python -m training fit bilstm --resume
      python -m training evaluate models/bilstm
      python -m training diagnose bilstm lstm gru
    """  # noqa: D301


for command in (compare, data, diagnose, evaluate, export, fit, label, ngrams, pretrain, thresholds):
    main.add_command(command)
