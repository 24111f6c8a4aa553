"""Rewritings of a text that must not change its verdict, and probes that differ only in whom they name.

Each function in `REWRITINGS` takes a text and a `random.Random` and returns the text rewritten, or None where it offers
no place for the change. Emoji have functions of their own, because they carry a sentiment.
"""

from training.invariance.bias import BiasProbe, BiasSpread, bias_probes, measure_bias
from training.invariance.context import neutral_sentences
from training.invariance.emoji import add_agreeing, add_disagreeing
from training.invariance.rewriting import Rewriting
from training.invariance.rewritings import REWRITINGS, measure_invariance, rewrite

__all__ = [
    "REWRITINGS",
    "BiasProbe",
    "BiasSpread",
    "Rewriting",
    "add_agreeing",
    "add_disagreeing",
    "bias_probes",
    "measure_bias",
    "measure_invariance",
    "neutral_sentences",
    "rewrite",
]
