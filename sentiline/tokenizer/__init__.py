"""The tokenizer of training and serving: raw text to token ids and character spans.

A `Tokenizer` is a vocabulary and a few named parameters, stored as JSON in every bundle. Its scheme names its splitting
rules; a bundle made with other rules is refused, never misread.
"""

from sentiline.tokenizer.base import TOKENIZERS, Tokenizer
from sentiline.tokenizer.constants import PADDING_ID, SPECIAL_TOKENS, UNKNOWN_ID, Spans
from sentiline.tokenizer.encoding import TRUNCATIONS, Encoding, Truncation, check_truncation
from sentiline.tokenizer.words1 import split, words
from sentiline.tokenizer.words2_tokenizer import Words2Tokenizer

__all__ = [
    "PADDING_ID",
    "SPECIAL_TOKENS",
    "TOKENIZERS",
    "TRUNCATIONS",
    "UNKNOWN_ID",
    "Encoding",
    "Spans",
    "Tokenizer",
    "Truncation",
    "Words2Tokenizer",
    "check_truncation",
    "split",
    "words",
]
