"""Compare Sentiline's tokenizer with four models of the `tokenizers` library: speed, spans, unknown tokens, length.

All have the same vocabulary size and are trained on IMDB training reviews (the subword models on an even sample, since
Unigram takes minutes), then run on the same validation reviews in one process on one thread. No film of the training
reviews is among those of the validation reviews.

Both schemes of Sentiline's tokenizer are in the table; `words-2` has read as many other reviews before it is timed,
since it remembers what it found for unknown words. With --texts, both schemes are also timed on the lines of a file.

Usage: IMDB_ARCHIVE=… python -m benchmarks.tokenizing [--reviews 2000] [--rounds 5] [--texts tweets.txt]
"""

from __future__ import annotations

import argparse
import os
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"  # one core for everybody; read when the library is first used

import tokenizers
from rich.console import Console
from rich.table import Table
from tokenizers import Regex, models, normalizers, pre_tokenizers, trainers

from sentiline.tokenizer import SPECIAL_TOKENS, UNKNOWN_ID, Tokenizer, Words2Tokenizer, split
from training.data import imdb
from training.data.vocabulary import build_vocabulary

PAD, UNKNOWN = SPECIAL_TOKENS

# Written for this benchmark: shops, restaurants, hotels, phones, work, social media, with their spelling.
OTHER_DOMAINS = (
    "The battery lasts barely four hours and the charger gets hot. Returned it.",
    "Great blender, crushes ice in seconds, but the lid leaks a little.",
    "soooo happy with this purchase!!! 10/10 would buy again",
    "The zip broke after two weeks; customer service never replied to my emails.",
    "Waited 45 minutes for a lukewarm ramen, and the waiter rolled his eyes.",
    "Best tacos in town, hands down. Get the al pastor & a horchata.",
    "Overpriced, understaffed, and the risotto was basically glue.",
    "Room smelled of bleach, the Wi\u2010Fi dropped every ten minutes, and breakfast was a joke.",
    "Lovely boutique hotel near the old harbour. Spotless, quiet, friendly front desk.",
    "The app crashes on launch since the last update. Please fix!!",
    "ngl this update slaps, dark mode is finally usable \U0001f525\U0001f525",
    "worst. airline. ever. lost my luggage twice smh",
    "Honestly can\u2019t recommend this laptop: the keyboard flexes and the fan whines.",
    "My dentist is brilliant; didn\u2019t feel a thing and the receptionist was so kind.",
    "The course is outdated, the slides are unreadable, and nobody answers in the forum.",
    "Manager ignores feedback, unpaid overtime is expected, turnover is insane.",
    "It\u00b4s OK for the price, I guess. Nothing special.",
    "The caf\u00e9\u2019s flat white is superb, but the na\u00efve pricing won\u2019t last.",
    "Super comfy sneakers, true to size, shipping took ages tho",
    "Installation failed with error 0x80070057 and support blamed my router.",
    "the vet was amaaaazing with our anxious pup <3",
    "Screen protector arrived cracked :( refund took 3 weeks",
    "Crisp display, punchy speakers, and the stylus is a delight for note-taking.",
    "This vacuum cleaner sucks, and not in the way a vacuum cleaner should.",
    "\U0001d416\U0001d428\U0001d42b\U0001d42c\U0001d42d hotel ever, 0/10, bedbugs!!!",
    "\u0130stanbul\u2019da harika bir restoran: mezes were divine, raki flowed.",
)

# Texts in which lower-casing or markup moves characters.
AWKWARD = (
    "\u0130\u0130\u0130 the end",
    "good<br /><br />film &amp; more",
    "e\u0301te\u0301 was good",
    "Stra\u00dfe, \ufb01ne \u2126 units",
    "\U0001f600\U0001f600 loved it",
)


@dataclass(frozen=True)
class TokenizerUnderTest:
    """One tokenizer.

    Attributes:
        name: The title of its row.
        encode: Encodes a text; this is timed.
        tokens: Returns the vocabulary entry (None if unknown), start and end of every token of a text.
    """

    name: str
    encode: Callable[[str], object]
    tokens: Callable[[str], list[tuple[str | None, int, int]]]


def ours(texts: Sequence[str], size: int) -> TokenizerUnderTest:
    tokenizer = Tokenizer(build_vocabulary(texts, size), max_tokens=10**6)

    def tokens(text: str) -> list[tuple[str | None, int, int]]:
        words, (starts, ends) = split(text)
        ids = tokenizer.ids(words)
        rows = zip(words, ids.tolist(), starts.tolist(), ends.tolist(), strict=True)
        return [(None if index == UNKNOWN_ID else word, start, end) for word, index, start, end in rows]

    return TokenizerUnderTest("Sentiline", tokenizer.encode, tokens)


def words2(texts: Sequence[str], size: int) -> TokenizerUnderTest:
    """Return the tokenizer of the scheme `words-2`, after it has read a part of the texts."""
    tokenizer = Words2Tokenizer(build_vocabulary(texts, size, "words-2"), max_tokens=10**6)
    for text in texts[:: max(1, len(texts) // 2000)]:
        tokenizer.encode(text)

    def tokens(text: str) -> list[tuple[str | None, int, int]]:
        encoding = tokenizer.encode(text)
        spans = zip(encoding.ids.tolist(), encoding.starts.tolist(), encoding.ends.tolist(), strict=True)
        # Where another spelling was read, the span is compared with itself.
        return [(None if index == UNKNOWN_ID else text[start:end].lower(), start, end) for index, start, end in spans]

    return TokenizerUnderTest("Sentiline words-2", tokenizer.encode, tokens)


def without_fallback(texts: Sequence[str], size: int) -> TokenizerUnderTest:
    """Return Sentiline's tokenizer without fallback spellings for words that are not in the vocabulary as written."""
    vocabulary = set(build_vocabulary(texts, size))

    def tokens(text: str) -> list[tuple[str | None, int, int]]:
        words, (starts, ends) = split(text)
        rows = zip(words, starts.tolist(), ends.tolist(), strict=True)
        return [(word if word in vocabulary else None, start, end) for word, start, end in rows]

    return TokenizerUnderTest("Sentiline, no fallback spellings", tokens, tokens)


def theirs(name: str, texts: Sequence[str], size: int) -> TokenizerUnderTest:
    """Return a model of the `tokenizers` library, trained on the same texts with equal normalization."""
    special = list(SPECIAL_TOKENS)
    model, trainer = {
        "WordLevel": lambda: (
            models.WordLevel(unk_token=UNKNOWN),
            trainers.WordLevelTrainer(vocab_size=size, special_tokens=special),
        ),
        "BPE": lambda: (models.BPE(unk_token=UNKNOWN), trainers.BpeTrainer(vocab_size=size, special_tokens=special)),
        "WordPiece": lambda: (
            models.WordPiece(unk_token=UNKNOWN),
            trainers.WordPieceTrainer(vocab_size=size, special_tokens=special),
        ),
        "Unigram": lambda: (
            models.Unigram(),
            trainers.UnigramTrainer(vocab_size=size, special_tokens=special, unk_token=UNKNOWN),
        ),
    }[name]()
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Replace(Regex("<[^<>]*>"), " "), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.train_from_iterator(texts, trainer)
    unknown = tokenizer.token_to_id(UNKNOWN)

    def tokens(text: str) -> list[tuple[str | None, int, int]]:
        encoding = tokenizer.encode(text)
        rows = zip(encoding.tokens, encoding.ids, encoding.offsets, strict=True)
        return [(None if index == unknown else token.removeprefix("##"), *span) for token, index, span in rows]

    return TokenizerUnderTest(f"tokenizers {name}", tokenizer.encode, tokens)


def seconds(tokenizers_under_test: Sequence[TokenizerUnderTest], texts: Sequence[str], rounds: int) -> list[float]:
    """Return the least CPU time of each tokenizer over interleaved rounds."""
    least = [float("inf")] * len(tokenizers_under_test)
    for _ in range(rounds):
        for place, tested in enumerate(tokenizers_under_test):
            began = time.process_time()
            for text in texts:
                tested.encode(text)
            least[place] = min(least[place], time.process_time() - began)
    return least


def unknown_share(tested: TokenizerUnderTest, texts: Iterable[str]) -> float:
    found = [token is None for text in texts for token, _, _ in tested.tokens(text)]
    return sum(found) / len(found)


def right_spans(tested: TokenizerUnderTest, texts: Iterable[str]) -> float:
    """Return the share of known tokens that equal the lower-cased raw text of their span."""
    apostrophes = str.maketrans("\u2019\u2018\u02bc\uff07", "''''")
    found = [
        text[start:end].lower().translate(apostrophes) == token.replace("\u0130", "i\u0307")
        for text in texts
        for token, start, end in tested.tokens(text)
        if token is not None
    ]
    return sum(found) / len(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", help="aclImdb_v1.tar.gz; default IMDB_ARCHIVE, or the downloaded one")
    parser.add_argument("--vocabulary", type=int, default=25_000, help="size of every vocabulary")
    parser.add_argument(
        "--subword-reviews", type=int, default=4000, help="number of training reviews for the subword models"
    )
    parser.add_argument("--reviews", type=int, default=2000, help="number of validation reviews to time")
    parser.add_argument("--rounds", type=int, default=5, help="number of rounds; the fastest counts")
    parser.add_argument("--texts", type=Path, help="file with a text per line on which to time both schemes too")
    options = parser.parse_args()

    console = Console()
    train, validation = imdb.split(imdb.load(options.archive).train)
    texts = [review.text for review in train]
    held = [review.text for review in validation]
    random.Random(1).shuffle(held)
    tokenizers_under_test = [
        ours(texts, options.vocabulary),
        without_fallback(texts, options.vocabulary),
        words2(texts, options.vocabulary),
    ]
    sample = texts[:: max(1, len(texts) // options.subword_reviews)]
    for name, part in (("WordLevel", texts), ("WordPiece", sample), ("BPE", sample), ("Unigram", sample)):
        with console.status(f"training {name}"):
            tokenizers_under_test.append(theirs(name, part, options.vocabulary))
    with console.status("timing"):
        times = seconds(tokenizers_under_test, held[: options.reviews], options.rounds)

    table = Table(title=f"{options.vocabulary:,} entries; {len(held):,} validation reviews", box=None)
    table.add_column("tokenizer")
    for title in ("reviews/s", "time", "right spans", "awkward", "unknown", "elsewhere", "tokens/review"):
        table.add_column(title, justify="right")
    timed = min(options.reviews, len(held))
    for tested, taken in zip(tokenizers_under_test, times, strict=True):
        table.add_row(
            tested.name,
            "" if tested.encode is tested.tokens else f"{timed / taken:,.0f}",
            "" if tested.encode is tested.tokens else f"{taken / times[0]:.1f} x",
            f"{right_spans(tested, held):.3%}",
            f"{right_spans(tested, AWKWARD):.0%}",
            f"{unknown_share(tested, held):.2%}",
            f"{unknown_share(tested, OTHER_DOMAINS):.2%}",
            f"{sum(len(tested.tokens(text)) for text in held) / len(held):.0f}",
        )
    console.print(table)
    if options.texts:
        lines = [line for line in options.texts.read_text(encoding="utf-8").splitlines() if split(line)[0]]
        schemes = [tokenizers_under_test[0], tokenizers_under_test[2]]
        for tested, taken in zip(schemes, seconds(schemes, lines, options.rounds), strict=True):
            console.print(f"{tested.name}: {1e6 * taken / len(lines):.1f} \u00b5s per line of {options.texts.name}")


if __name__ == "__main__":
    main()
