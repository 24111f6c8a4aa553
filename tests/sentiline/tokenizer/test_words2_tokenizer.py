"""The tokenizer of `words-2`: known spellings of unknown tokens, names, hashtags, `read_as` and JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiline.errors import BundleCorruptError, EmptyTextError
from sentiline.tokenizer import SPECIAL_TOKENS, UNKNOWN_ID, Tokenizer, Words2Tokenizer
from sentiline.tokenizer.words2 import IN_EVERY_VOCABULARY

WORDS = [  # most frequent first
    "the", "of", "and", "to", "is", "it", "in", "so", "this", "that",
    "was", "not", "on", "you", "good", "bad", "film", "movie", "no", "waste",
    "money", "love", "great", "wow", "too", "well", "see", "best", "god", "boring",
    "acting", "really", "terrible", "excellent", "turkey", "disappointed", "amazing", "service", "really", "wonderful",
    "off", "cool", "haha", "don't", "can't", "isn't", "it's", "naive", "cafe", "i'm",
    "turn", "moral", "deeper", "movies", "late",
]  # fmt: skip
VOCABULARY = [
    *SPECIAL_TOKENS,
    *dict.fromkeys([*WORDS, *IN_EVERY_VOCABULARY, *(f"filler{index}" for index in range(1200)), "soo"]),
]


@pytest.fixture(scope="module")
def tokenizer() -> Words2Tokenizer:
    return Words2Tokenizer(VOCABULARY)


def read(tokenizer: Tokenizer, text: str) -> list[str | None]:
    """Return what is read at each token, None where it is unknown."""
    return [None if index == UNKNOWN_ID else tokenizer.vocabulary[index] for index in tokenizer.encode(text).ids]


@pytest.mark.parametrize(
    ("text", "spellings"),
    [
        ("goooooddd goood GOOOD", ["good", "good", "good"]),
        ("booring boooring boringgg", ["boring"] * 3),
        ("woww wowww wooow", ["wow"] * 3),
        ("sooo soo so", ["so", "soo", "so"]),
        ("looove grreat greeeat amaaazing amazzing", ["love", "great", "great", "amazing", "amazing"]),
        ("tooo offf weeell seeee coool beeest", ["too", "off", "well", "see", "cool", "best"]),
        ("nooooo hahahahaha", ["no", "haha"]),
        ("film's films' can'ttt", ["film", "film", "can't"]),
        (
            "na\u00efve caf\u00e9 \U0001d406\U0001d40e\U0001d40e\U0001d403 \uff47\uff4f\uff4f\uff44",
            ["naive", "cafe", "good", "good"],
        ),
        ("terible exellent actng moveis servise", ["terrible", "excellent", "acting", "movies", "service"]),
        ("amoral zzzzz qwrtp", [None, None, None]),
        ("dont isnt cant is'nt", ["don't", "isn't", "can't", "isn't"]),
        (
            "\U0001f44d\U0001f3fd \u2764\ufe0f \U0001f939\u200d\u2642\ufe0f \U0001f1f9\U0001f1f7",
            ["\U0001f44d", "\u2764", "<emoji>", "<emoji>"],
        ),
        ("128gb 5mm 3rd 1,000 5\ufe0f\u20e3", ["<number>"] * 5),
        ("!!!! ???? ?!? \u2026 ....", ["!!", "??", "?!", "...", "..."]),
        ("http://a.bc @me 5/5 :-) xDD f***", ["<url>", "<mention>", "<rating-4>", ":)", "xD", "****"]),
        ("#WasteOfMoney", ["waste", "of", "money"]),
        ("#wasteofmoney", ["waste", "of", "money"]),
        ("#BadActing #badfilm #Film #LOVE", ["bad", "acting", "bad", "film", "film", "love"]),
        ("won\u00adderful", ["wonderful"]),
    ],
)
def test_tokens_are_read_under_known_spellings(
    tokenizer: Words2Tokenizer, text: str, spellings: list[str | None]
) -> None:
    assert read(tokenizer, text) == spellings


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("I like Turkes a lot", None),  # a name, in the middle of a sentence
        ("Turkes was good", "turkey"),
        ("It ended. Terible film", "terrible"),
        ("a TERIBLE film", "terrible"),
        ("so terible", "terrible"),
    ],
)
def test_names_are_not_corrected(tokenizer: Words2Tokenizer, text: str, word: str | None) -> None:
    encoding = tokenizer.encode(text)
    places = [
        place for place, start in enumerate(encoding.starts) if text[start:].lower().startswith(("turkes", "terible"))
    ]
    assert [read(tokenizer, text)[place] for place in places] == [word]
    assert tokenizer.encode(text, spans=False).ids.tolist() == encoding.ids.tolist()


def test_corrections_can_be_switched_off() -> None:
    tokenizer = Words2Tokenizer(VOCABULARY, correct_typos=False)
    assert read(tokenizer, "terible gooood") == [None, "good"]
    assert read(Tokenizer.from_json(tokenizer.to_json()), "terible gooood") == [None, "good"]


def test_every_emoticon_class_and_common_emoji_has_an_id_of_its_own(tokenizer: Words2Tokenizer) -> None:
    faces = read(
        tokenizer,
        ":-D =( <3 (; :| xD \U0001f44d \U0001f44e \u2605\u2605\u2605\u2605\u2605 \u2605\u2606\u2606\u2606\u2606",
    )
    assert None not in faces
    assert len(set(faces)) == len(faces)


def test_timesteps_say_what_was_read(tokenizer: Words2Tokenizer) -> None:
    encoding = tokenizer.encode("GOOOD film, is n't it? qqqqq \U0001f44d\U0001f3fd 5/5 :-) :) won\u00adderful terible")
    assert encoding.read_as() == (
        ["good", None, None, "isn't", None, None, None, "\U0001f44d", "<rating-4>", ":)", None, "wonderful", "terrible"]
    )


def test_read_as_covers_the_used_tokens_of_a_long_text(tokenizer: Words2Tokenizer) -> None:
    encoding = tokenizer.with_limit(2, "tail").encode("good bad goood terible")
    assert encoding.read_as() == ["good", "terrible"]
    assert encoding.starts.tolist() == [9, 15]


@pytest.mark.parametrize("text", ["", " . , ;", "<br />", "\u200b", "&nbsp;", "\ue000"])
def test_text_without_token_is_an_error(tokenizer: Words2Tokenizer, text: str) -> None:
    with pytest.raises(EmptyTextError, match="send at least one word"):
        tokenizer.encode(text)


@given(st.text())
def test_no_text_reaches_a_special_token(text: str) -> None:
    tokens = Words2Tokenizer(VOCABULARY).words(f"{text} <pad> <unk> pad")
    assert 0 not in Words2Tokenizer(VOCABULARY).ids(tokens)


@given(st.text(max_size=60))
def test_ids_do_not_depend_on_what_was_read_before(text: str) -> None:
    text = f"good {text}"
    fresh, used = Words2Tokenizer(VOCABULARY), Words2Tokenizer(VOCABULARY)
    used.encode("goood terible #wasteofmoney Turkes 5/5")
    used.encode(text)
    assert used.encode(text).ids.tolist() == fresh.encode(text).ids.tolist()


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentiline.tokenizer.spelling._CACHED_TOKENS", 50)
    tokenizer = Words2Tokenizer(VOCABULARY)
    before = len(tokenizer._ids)
    for index in range(500):
        tokenizer.encode(f"good x{index}y")
    assert len(tokenizer._ids) <= before + 50
    assert read(tokenizer, "good film") == ["good", "film"]


def test_a_tokenizer_survives_json(tokenizer: Words2Tokenizer) -> None:
    copy = Tokenizer.from_json(tokenizer.to_json())
    assert isinstance(copy, Words2Tokenizer)
    assert (copy.vocabulary, copy.max_tokens, copy.truncation) == (tokenizer.vocabulary, 1024, "head_tail")
    assert copy.to_json() == tokenizer.to_json()
    assert json.loads(copy.to_json())["scheme"] == "words-2"


def test_json_of_other_parameters_is_refused(tokenizer: Words2Tokenizer) -> None:
    document = json.loads(tokenizer.to_json())
    with pytest.raises(BundleCorruptError, match="not a tokenizer"):
        Tokenizer.from_json(json.dumps(document | {"correct_spelling": True}))
    with pytest.raises(BundleCorruptError, match="not a tokenizer"):
        Tokenizer.from_json(json.dumps(document | {"scheme": "words-1"}))
