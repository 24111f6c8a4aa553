"""The vocabulary of a Keras model: a text file, or the TextVectorization layer of a model file, as a tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras

from sentiline.errors import BundleCorruptError
from sentiline.text_vectorization import SPLITS, STANDARDIZATIONS, TextVectorizer
from sentiline.tokenizer import SPECIAL_TOKENS, Truncation
from training.errors import DataError, ExportError
from training.export.keras_model import split_vectorizer

MAX_TOKENS = 1024
_PADDING = ("", "<pad>", "[PAD]", "[pad]", "<PAD>")
_UNKNOWN = ("[UNK]", "<unk>", "<UNK>", "[unk]", "<oov>", "<OOV>", "[OOV]", "UNK")


def load_model(path: Path) -> Any:
    """Load a Keras model file.

    Raises:
        ExportError: It cannot be loaded.
    """
    if not path.is_file():
        raise ExportError(f"{path} is not a file; name a model saved with model.save('NAME.keras')", field="model")
    original = keras.layers.StringLookup.load_assets
    keras.layers.StringLookup.load_assets = _load_vocabulary
    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras lets the errors of zip, JSON and HDF5 files and of its layers through
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ExportError(f"{path} cannot be loaded as a Keras model: {reason}", field="model") from error
    finally:
        keras.layers.StringLookup.load_assets = original


def _load_vocabulary(layer: Any, folder: str) -> None:
    """Load the vocabulary of a StringLookup or TextVectorization layer from its text file, one token per line.

    Keras 3.15 itself splits the file at every line break of Unicode, and so refuses a vocabulary with a token such as
    U+0085, which the reviews of IMDB contain.
    """
    if layer.input_vocabulary is None:
        content = Path(folder, "vocabulary.txt").read_bytes().decode("utf-8")
        layer.set_vocabulary([line.removesuffix("\r") for line in content.removesuffix("\n").split("\n")])


def read_vocabulary(path: Path, max_tokens: int | None = None) -> tuple[TextVectorizer, int]:
    """Read the tokenizer that a model was fitted with.

    Args:
        path: A text file with one token per line in the order of ids, or a `.keras` file with a TextVectorization
            layer. The padding and the unknown token, ids 0 and 1, may be left out of a text file. Its text is lowered,
            its punctuation removed, and it is split at whitespace, which is what TextVectorization does by default.
        max_tokens: The number of tokens that are read of a text; None for the layer's `output_sequence_length`, or
            1,024.

    Returns:
        The tokenizer, and the number of timesteps to which the layer pads shorter texts, 0 if it does not.

    Raises:
        DataError: The file cannot be read, or is no vocabulary.
        ExportError: The layer has an option that cannot be exported.
    """
    if path.suffix == ".keras":
        layer = split_vectorizer(load_model(path))[0]
        if layer is None:
            raise DataError(f"{path} has no TextVectorization layer", field="vocabulary")
        return vectorizer_of(layer, max_tokens)
    try:
        tokens = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the vocabulary {path} cannot be read: {error}", field="vocabulary") from None
    tokens = [token.removesuffix("\r") for token in tokens]
    return _tokenizer(tokens, str(path), max_tokens or MAX_TOKENS, "head"), 0


def vectorizer_of(layer: Any, max_tokens: int | None = None) -> tuple[TextVectorizer, int]:
    """Return the tokenizer of a TextVectorization layer, and the number of timesteps to which it pads.

    Raises:
        ExportError: The layer has an option that cannot be exported.
    """
    config = layer.get_config()
    allowed = {
        "standardize": STANDARDIZATIONS,
        "split": SPLITS,
        "ngrams": (None,),
        "output_mode": ("int",),
        "encoding": ("utf-8",),
    }
    for option, values in allowed.items():
        value = config.get(option)
        if not (value is None or isinstance(value, str | int | tuple)) or value not in values:
            raise ExportError(
                f"TextVectorization {layer.name!r} has {option}={value!r}, which cannot be exported; it must be "
                f"{' or '.join(map(repr, values))}",
                field="vocabulary",
            )
    length = config.get("output_sequence_length")
    options = {"standardize": config["standardize"], "split_by": config["split"]}
    limit = max_tokens or length or MAX_TOKENS
    vocabulary = [str(token) for token in layer.get_vocabulary()]
    return _tokenizer(vocabulary, f"TextVectorization {layer.name!r}", limit, "head", **options), length or 0


def _tokenizer(
    tokens: list[str], source: str, max_tokens: int, truncation: Truncation, **options: Any
) -> TextVectorizer:
    if len(tokens) > 1 and tokens[0] in _PADDING and tokens[1] in _UNKNOWN:
        tokens = tokens[2:]
    elif tokens and tokens[0] in _UNKNOWN:
        tokens = tokens[1:]
    if not any(tokens):
        raise DataError(f"{source} has no tokens; give one per line", field="vocabulary")
    seen: set[str] = set()
    for place, token in enumerate(tokens, 1):
        if not token or token in seen:
            what = "an empty token" if not token else f"{token!r} twice"
            raise DataError(f"{source} has {what} (token {place}); each token is given once", field="vocabulary")
        seen.add(token)
    try:
        return TextVectorizer([*SPECIAL_TOKENS, *tokens], max_tokens=max_tokens, truncation=truncation, **options)
    except BundleCorruptError as error:
        raise DataError(f"{source} is no vocabulary: {error}", field="vocabulary") from None
