"""The scheme `words-1`: what is a token, where it lies in the raw text, what unknown and long texts become."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiline.errors import BundleCorruptError, EmptyTextError, OptionError, TextTooLongError, TextTypeError
from sentiline.tokenizer import SPECIAL_TOKENS, TRUNCATIONS, UNKNOWN_ID, Tokenizer, split, words

VOCABULARY = [*SPECIAL_TOKENS, "so", "good", "cool", "café", "naive", "film", "dont", "!", "!!!", "8/10", "the"]

# Any code point, lone surrogates and NUL included, with those that the rules care about made frequent.
SPECIAL = "aZ09é İıΣςß'\u2019\u02bc&;<>/:=)(!?*.,_-\u0301\u0939\u093f\u200d中\ud800\x00\u2665\U0001f600"
PIECES = ["<br />", "&amp;", "don't", "8/10", ":-)", "<3", "1,000.5", "İstanbul", "e\u0301te\u0301", "&#39;", "<b"]
texts = st.lists(st.one_of(st.sampled_from(SPECIAL), st.sampled_from(PIECES), st.characters()), max_size=40).map(
    "".join
)


@pytest.fixture
def tokenizer() -> Tokenizer:
    return Tokenizer(VOCABULARY, max_tokens=4)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Great film.", ["great", "film"]),
        ("isn't it? DON\u2019T!", ["isn't", "it", "?", "don't", "!"]),
        ("'quoted' words' end", ["quoted", "words", "end"]),
        ("one<br /><br/>two<BR>three</p>four", ["one", "two", "three", "four"]),
        ('<a href="x y">link</a>', ["link"]),
        ("fish &amp; chips &#8217; &#x2019; &nbsp;end", ["fish", "chips", "end"]),
        ("AT&T and R&B; &no entity;", ["at", "t", "and", "r", "b", "no", "entity"]),
        ("3 < 4 and 5 > 2", ["3", "4", "and", "5", "2"]),
        ("8/10, 7.5 or 1,000,000 10th", ["8/10", "7.5", "or", "1,000,000", "10th"]),
        ("what?! no!!! a **** film", ["what", "?!", "no", "!!!", "a", "****", "film"]),
        (":) ;-( :D =/ :'( <3", [":)", ";-(", ":d", "=/", ":'(", "<3"]),
        ("note:Dear 4:pm", ["note", "dear", "4", "pm"]),
        ("naïve CAFÉ Straße", ["naïve", "café", "straße"]),
        ("e\u0301te\u0301", ["e\u0301te\u0301"]),
        ("हिन्दी फ़िल्म", ["हिन्दी", "फ़िल्म"]),
        ("фильм 映画 영화", ["фильм", "映画", "영화"]),
        ("👍👍 ♥", ["👍", "👍", "♥"]),
        ("snake_case well-made a.b", ["snake", "case", "well", "made", "a", "b"]),
        ("\x00a\ud800b\x00", ["a", "b"]),
        ("İZMİR", ["İzmİr"]),
        ("", []),
        (" \n\t.,;-", []),
    ],
)
def test_text_splits_into_tokens(text: str, tokens: list[str]) -> None:
    assert split(text)[0] == tokens


@given(texts)
def test_words_are_the_tokens_of_split(text: str) -> None:
    assert words(text) == split(text)[0]


@given(texts)
def test_spans_show_each_token_as_written(text: str) -> None:
    tokens, (starts, ends) = split(text)
    assert starts.dtype == ends.dtype == np.int32
    assert len(tokens) == len(starts) == len(ends)
    position = 0
    for token, start, end in zip(tokens, starts.tolist(), ends.tolist(), strict=True):
        assert position <= start < end <= len(text)
        position = end
        for char, raw in zip(token, text[start:end], strict=True):
            # U+0130 would grow and stays; a final capital sigma has a lower case of its own; curly becomes plain
            assert char in {raw.lower(), raw, {"Σ": "ς"}.get(raw), "'" if raw in "\u2019\u2018\u02bc\uff07" else raw}


@given(texts)
def test_tokens_are_valid_unicode_without_space(text: str) -> None:
    for token in split(text)[0]:
        token.encode("utf-8")  # a lone surrogate would raise
        assert token == token.strip()
        assert "\x00" not in token


@given(st.lists(st.sampled_from(["good", "film", "8/10", "!", "don't", "ÉTÉ", "映画"]), min_size=1, max_size=9))
def test_spaced_tokens_come_back(parts: list[str]) -> None:
    text = "  ".join(parts)
    tokens, (starts, ends) = split(text)
    assert tokens == [part.lower() for part in parts]
    assert [text[start:end] for start, end in zip(starts, ends, strict=True)] == parts


@given(texts, st.integers(2, 12), st.sampled_from([policy for policy in TRUNCATIONS if policy != "error"]))
def test_truncation_keeps_a_part_of_the_whole(text: str, limit: int, policy: str) -> None:
    tokenizer = Tokenizer(VOCABULARY, max_tokens=limit, truncation=policy)  # type: ignore[arg-type]
    tokens, (starts, ends) = split(text)
    if not tokens:
        with pytest.raises(EmptyTextError):
            tokenizer.encode(text)
        return
    encoding, later = tokenizer.encode(text), tokenizer.encode(text, spans=False)
    assert (later.ids.tolist(), later.tokens_total) == (encoding.ids.tolist(), encoding.tokens_total)
    assert (later.starts.tolist(), later.ends.tolist()) == (encoding.starts.tolist(), encoding.ends.tolist())
    total = len(tokens)
    head = {"head": limit, "tail": 0, "head_tail": limit - limit // 2}[policy]
    kept = list(range(total)) if total <= limit else [*range(head), *range(total - limit + head, total)]
    assert encoding.ids.tolist() == tokenizer.ids(tokens)[kept].tolist()
    assert encoding.starts.tolist() == starts[kept].tolist()
    assert encoding.ends.tolist() == ends[kept].tolist()
    assert encoding.tokens_total == total
    assert encoding.tokens_used == min(total, limit)
    assert encoding.truncated == (total > limit)
    assert encoding.ids.dtype == encoding.starts.dtype == encoding.ends.dtype == np.int32


@pytest.mark.parametrize(
    ("policy", "kept"), [("head", "a b c d"), ("tail", "c d e f"), ("head_tail", "a b e f"), (None, "a b e f")]
)
def test_truncation_policies_keep_their_part(tokenizer: Tokenizer, policy: str | None, kept: str) -> None:
    text = "a b c d e f"
    encoding = tokenizer.encode(text, truncation=policy)  # type: ignore[arg-type]
    assert [text[start:end] for start, end in zip(encoding.starts, encoding.ends, strict=True)] == kept.split()


def test_truncation_error_names_both_numbers(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("a b c d", truncation="error").tokens_used == 4
    with pytest.raises(TextTooLongError, match="5 tokens and the model reads at most 4"):
        tokenizer.encode("a b c d e", truncation="error")


@pytest.mark.parametrize(
    ("token", "known"),
    [
        ("good", "good"),
        ("film's", "film"),
        ("don't", "dont"),
        ("goooood", "good"),
        ("sooooo", "so"),
        ("coooool", "cool"),
        ("café", "café"),
        ("naïve", "naive"),
        ("naïïïve", "naive"),
        ("\U0001d406\U0001d40e\U0001d40e\U0001d403", "good"),
        ("\uff47\uff4f\uff4f\uff44", "good"),
        ("!!!!!!", "!"),  # squeezed to two, which is unknown, then to one
        ("????", None),
        ("zzz", None),
        ("god", None),
    ],
)
def test_unknown_tokens_fall_back_to_known_spellings(token: str, known: str | None) -> None:
    wanted = UNKNOWN_ID if known is None else VOCABULARY.index(known)
    assert Tokenizer(VOCABULARY).ids([token]).tolist() == [wanted]


@given(texts)
def test_no_text_reaches_a_special_token(text: str) -> None:
    tokenizer = Tokenizer(VOCABULARY)
    tokens = split(text + " <pad> <unk> pad")[0]
    assert 0 not in tokenizer.ids(tokens)


def test_unknown_tokens_are_counted() -> None:
    encoding = Tokenizer(VOCABULARY).encode("good zzz film qqq")
    assert encoding.unknown_tokens == 2
    assert (encoding.ids == UNKNOWN_ID).tolist() == [False, True, False, True]


@pytest.mark.parametrize("text", ["", "  \n", "<br />", "&nbsp;", "... --", "\x00\ud800"])
def test_text_without_token_is_an_error(tokenizer: Tokenizer, text: str) -> None:
    with pytest.raises(EmptyTextError, match="send at least one word"):
        tokenizer.encode(text)


@pytest.mark.parametrize("text", [None, 3, b"bytes", ["list"]])
def test_text_of_another_type_is_an_error(tokenizer: Tokenizer, text: object) -> None:
    with pytest.raises(TextTypeError, match=f"must be a string; got {type(text).__name__}"):
        tokenizer.encode(text)  # type: ignore[arg-type]


def test_options_without_meaning_are_errors(tokenizer: Tokenizer) -> None:
    with pytest.raises(OptionError, match="truncation is 'middle'; it must be one of error, head, tail, head_tail"):
        tokenizer.encode("good", truncation="middle")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="max_tokens is 1"):
        Tokenizer(VOCABULARY, max_tokens=1)


def test_a_tokenizer_survives_json(tokenizer: Tokenizer) -> None:
    copy = Tokenizer.from_json(tokenizer.to_json())
    assert (copy.vocabulary, copy.max_tokens, copy.truncation) == (tuple(VOCABULARY), 4, "head_tail")
    assert copy.encode("The café, 8/10").ids.tolist() == tokenizer.encode("The café, 8/10").ids.tolist()


SOUND = {"scheme": "words-1", "vocabulary": ["<pad>", "<unk>", "a"], "max_tokens": 4, "truncation": "head"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not a tokenizer"),
        ("[]", "not a tokenizer"),
        ("{}", "not a tokenizer"),
        ("[" * 100_000, "not a tokenizer"),
        (json.dumps(SOUND | {"scheme": "words-0"}), "'words-0' is none of words-1, words-2"),
        (json.dumps(SOUND | {"vocabulary": ["a"]}), "begins with"),
        (json.dumps(SOUND | {"vocabulary": ["<pad>", "<unk>", "a", "a"]}), "holds each token once"),
        (json.dumps(SOUND | {"vocabulary": ["<pad>", "<unk>", 7]}), "must be a list of strings"),
        (json.dumps(SOUND | {"vocabulary": "<pad>"}), "must be a list of strings"),
        (json.dumps(SOUND | {"max_tokens": "4"}), "not a tokenizer"),
        (json.dumps(SOUND | {"truncation": "x"}), "truncation is 'x'"),
    ],
)
def test_malformed_json_is_refused(text: str, problem: str) -> None:
    with pytest.raises(BundleCorruptError, match=problem):
        Tokenizer.from_json(text)


@pytest.mark.parametrize(
    "unit", ["<", "<a ", "&a", "'a", "1.", "a\u0301", "!", ":'", "<br /", "\u0939", "a" * 500, "<a" * 9]
)
def test_hostile_repetition_takes_linear_time(unit: str) -> None:
    # a quadratic rule would need hours for these two million characters, and the suite's timeout would end it
    text = unit * (2_000_000 // len(unit))
    _, (_, ends) = split(text)
    assert (ends <= len(text)).all()


def test_real_reviews_split_as_their_characters_say(imdb_archive: Path) -> None:
    """On real reviews, tokens and the gaps between them rebuild the text, and no letter or digit is left out."""
    seen = 0
    with tarfile.open(imdb_archive, "r|gz") as archive:
        for member in archive:
            if not (member.isfile() and member.name.endswith("_8.txt")):
                continue
            handle = archive.extractfile(member)
            assert handle is not None
            text = handle.read().decode()
            tokens, (starts, ends) = split(text)
            covered = np.zeros(len(text), bool)
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
                covered[start:end] = True
            if "<" not in text and "&" not in text:
                assert all(covered[index] for index, char in enumerate(text) if char.isalnum()), text
            assert len(tokens) > 1
            seen += 1
            if seen == 300:
                break
    assert seen == 300


# The ids and spans that the first release gave, by which trained models read.
READ_SINCE_THE_FIRST_RELEASE = [
    ("<br />Isn't it GREAT?! 10/10 &amp; more", [7, 1, 5, 1, 10, 1], [6, 12, 15, 20, 23, 35], [11, 14, 20, 22, 28, 39]),
    (
        "don\u2019t don\xb4t `don`t' isn&#39;t",
        [6, 1, 1, 1, 1, 1, 1],
        [0, 6, 10, 13, 17, 20, 28],
        [5, 9, 11, 16, 18, 23, 29],
    ),
    (
        "\u0130zmir caf\xe9 nai\u0308ve \U0001d406\U0001d40e\U0001d40e\U0001d403 soooo goooood",
        [1, 8, 9, 3, 2, 3],
        [0, 6, 11, 18, 23, 29],
        [5, 10, 17, 22, 28, 36],
    ),
    (
        "a <b and c> d <love> &dogs; http://t.co/x :/ :-) :D <3 ;(",
        [1, 16, 1, 1, 1, 1, 20, 1, 1, 1, 15, 1],
        [0, 12, 28, 32, 35, 37, 40, 42, 45, 49, 52, 55],
        [1, 13, 32, 34, 36, 39, 41, 44, 48, 51, 54, 57],
    ),
    (
        "won\xadder\u200bful \u2764\ufe0f\U0001f44d\U0001f3fd\u2605\u2605 !!! **** f***",
        [1, 1, 1, 1, 1, 1, 19, 19, 11, 13, 1, 1],
        [0, 4, 8, 12, 14, 15, 16, 17, 19, 23, 28, 29],
        [3, 7, 11, 13, 15, 16, 17, 18, 22, 27, 29, 32],
    ),
    (
        "film's films' #GreatFilm @user 1,000.5 7.5/10 3rd \u0939\u093f\u0928\u094d\u0926\u0940 \u6620\u753b \ud800x",
        [21, 1, 1, 1, 1, 1, 1, 1, 1, 20],
        [0, 7, 15, 26, 31, 39, 46, 50, 57, 61],
        [6, 12, 24, 30, 38, 45, 49, 56, 59, 62],
    ),
]
FIRST_VOCABULARY = [
    *SPECIAL_TOKENS,
    "so",
    "good",
    "film",
    "great",
    "don't",
    "isn't",
    "cafe",
    "naive",
    "10/10",
    "!!!",
    "!",
    "****",
    ":)",
    "<3",
    "d",
    "b",
    "wonder",
    "\u2605",
    "x",
    "film's",
]


@pytest.mark.parametrize(("text", "ids", "starts", "ends"), READ_SINCE_THE_FIRST_RELEASE)
def test_texts_are_read_as_ever(text: str, ids: list[int], starts: list[int], ends: list[int]) -> None:
    encoding = Tokenizer(FIRST_VOCABULARY).encode(text)
    assert encoding.ids.tolist() == ids
    assert encoding.starts.tolist() == starts
    assert encoding.ends.tolist() == ends
    assert encoding.read_as() is None
