"""The splitting rules of `words-2`: what is a token, as what it is read, and where it lies in the raw text."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiline.tokenizer.spelling import plain_form
from sentiline.tokenizer.words2 import split, words

SPECIAL = (
    "aZ09é İıΣß'\u2019`\u00b4&;<>/:=)(!?*.,_-\\#@"
    "\u0301\u0939\u093f\u200b\u200d\u00ad\ufeff\ufe0f中\ud800\x00\u2605\u2606"
    "\u2665\U0001f44d\U0001f3fd\U0001f1f9\U0001f1f7\u20e3\ue000\uf8ff\u0338\u1100\u1161\u212b\u037e"
)
PIECES = [
    "<br />",
    "&amp;",
    "&#39;",
    "&amp;#39;",
    "&lt;br&gt;",
    "is n't",
    "it 's",
    "8/10",
    "4 1/2 stars",
    "five stars",
    ":-)",
    "(:",
    "D:",
    "<3",
    "^_^",
    "http://a.bc/d",
    "www.a.b",
    "a@b.cd",
    "@me",
    "#GoodFilm",
    "f***",
    "-lrb-",
    "e\u0301",
    "<a href='x'>",
    "\\'",
    "\\n",
    "10 out of 10",
    "\u2605\u2605\u2606",
    "\U0001f469\u200d\u2695\ufe0f",
    "...",
    "***/****",
]
texts = st.lists(st.one_of(st.sampled_from(SPECIAL), st.sampled_from(PIECES), st.characters()), max_size=40).map(
    "".join
)


def read(text: str) -> list[str]:
    return [plain_form(token) for token in split(text)[0]]


def written(text: str) -> list[str]:
    _, (starts, ends) = split(text)
    return [text[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Great film, bad end; why?", ["great", "film", ",", "bad", "end", ";", "why", "?"]),
        (
            "Wait... no\u2026 yes.. U.S. film.The 3.5",
            ["wait", "...", "no", "...", "yes", "...", "u", "s", ".", "film", "the", "<number>"],
        ),
        ("!!! ! ??? ?!?! \u203c \u2049 \uff01", ["!!", "!", "??", "?!", "!!", "?!", "!"]),
        # invisible characters and Unicode forms
        ("won\u00adder\u200bful go\u2060od \ufeffnice\u200d ba\u200cd", ["wonderful", "good", "nice", "bad"]),
        ("e\u0301te\u0301 nai\u0308ve", ["été", "naïve"]),
        ("e\u200b\u0301", ["é"]),
        # contractions
        ("The film is n't bad , it 's good", ["the", "film", "isn't", "bad", ",", "it's", "good"]),
        (
            "ca n't wo n't do n't I 'm we 're they 've he 'll I 'd",
            ["can't", "won't", "don't", "i'm", "we're", "they've", "he'll", "i'd"],
        ),
        ("I DO N'T", ["i", "don't"]),
        ("don\u2019t don\u2018t don\u02bct don\uff07t don\u00b4t don`t don\u2032t don\u201bt don\x92t", ["don't"] * 9),
        (r"isn\'t isn\\'t", ["isn't", "isn't"]),
        ("isn&#39;t isn&amp;#39;t isn&apos;t isn&rsquo;t isn&#x27;t", ["isn't"] * 5),
        (
            "dont isnt cant wont doesnt im ive thats",
            ["don't", "isn't", "can't", "won't", "doesn't", "i'm", "i've", "that's"],
        ),
        ("ill id its well were hell shed", ["ill", "id", "its", "well", "were", "hell", "shed"]),
        ("say 'something' nice 'dear'", ["say", "something", "nice", "dear"]),
        ("`` quoted '' -LRB- aside -RRB- -lrb-x-rrb-", ["quoted", "aside", "x"]),
        # markup and entities
        ('<br />good<br><b>bold</b> <a href="x y">link</a></p>', ["good", "bold", "link"]),
        (
            "&quot;fine&quot; &lt;br /&gt;tea &amp;amp; milk &nbsp;end AT&amp;T",
            ["fine", "tea", "milk", "end", "at", "t"],
        ),
        ("I <love> this", ["i", "love", "this"]),
        ("cats &dogs; rule", ["cats", "dogs", ";", "rule"]),
        ("x<y and y>z", ["x", "y", "and", "y", "z"]),
        ("a <b and c> d", ["a", "b", "and", "c", "d"]),
        ("caf&eacute; I &lt;3 it", ["café", "i", "<3", "it"]),
        ('<img alt="&gt;good">fine', ["fine"]),
        ("good.\\nBad \\n\\nEnd", ["good", ".", "bad", "end"]),
        # emoji
        ("\U0001f44d\U0001f44d \u2665", ["\U0001f44d", "\U0001f44d", "\u2665"]),
        ("\u2764\ufe0f \U0001f44d\U0001f3fd", ["\u2764", "\U0001f44d"]),
        ("\U0001f469\u200d\u2695\ufe0f!", ["\U0001f469\u200d\u2695", "!"]),
        ("\U0001f1f9\U0001f1f7\U0001f1ec\U0001f1e7", ["\U0001f1f9\U0001f1f7", "\U0001f1ec\U0001f1e7"]),
        ("5\ufe0f\u20e3 #\u20e3", ["5\u20e3", "#\u20e3"]),
        ("great\U0001f600film", ["great", "\U0001f600", "film"]),
        # masks
        ("f*** **** sh*t f**k a *great* **bold** film", ["****"] * 4 + ["a", "great", "bold", "film"]),
        ("\ue000 \ue001\uf8ff <url> <number> <rating-4>", ["url", "number", "rating", "<number>"]),
    ],
)
def test_text_splits_into_tokens(text: str, tokens: list[str]) -> None:
    assert read(text) == tokens


@pytest.mark.parametrize(
    ("text", "face"),
    [
        (":)", ":)"),
        (":-)", ":)"),
        ("=)", ":)"),
        ("(:", ":)"),
        ("(-:", ":)"),
        (":]", ":)"),
        (":)))", ":)"),
        (":o)", ":)"),
        (":(", ":("),
        (":-(", ":("),
        ("=(", ":("),
        ("):", ":("),
        (":'(", ":'("),
        (")':", ":'("),
        (":[", ":("),
        (":((", ":("),
        (":D", ":D"),
        (":-D", ":D"),
        ("=D", ":D"),
        (":DDD", ":D"),
        (":P", ":P"),
        (":p", ":P"),
        (";)", ";)"),
        (";-)", ";)"),
        (":|", ":|"),
        (":-|", ":|"),
        (":/", ":/"),
        (":-/", ":/"),
        (":\\", ":/"),
        ("<3", "<3"),
        ("</3", "</3"),
        (":*", ":*"),
        (">:(", ">:("),
        ("xD", "xD"),
        ("XD", "xD"),
        ("xDDD", "xD"),
        (":O", ":O"),
        (":-o", ":O"),
        (":')", ":')"),
        ("^_^", "^_^"),
        ("^^", "^_^"),
        ("-_-", "-_-"),
        ("-.-", "-_-"),
        ("T_T", "T_T"),
        (";_;", "T_T"),
        ("o_O", "O_O"),
        (">_<", ">_<"),
        ("\u00af\\_(\u30c4)_/\u00af", "\U0001f937"),
        ("(\u25d5\u203f\u25d5)", "^_^"),
        ("\u0ca0_\u0ca0", "-_-"),
        ("\\o/", "\\o/"),
    ],
)
def test_emoticons_are_tokens_in_one_spelling(text: str, face: str) -> None:
    for sentence in (text, f"Nice film {text}", f"{text} nice", f"Bad. {text}"):
        assert face in read(sentence)
        assert text.lower() in [token.lower() for token in written(sentence)]
    assert read(f"{text} {text}") == [face, face]


@pytest.mark.parametrize(
    "text",
    [
        "(see below:)",
        "Options:D",
        "mailto:d",
        "http://x",
        "C:\\",
        "C:\\dir",
        "10:8)",
        "(1:)",
        "a=(b)",
        "f(x=)",
        "list:(a, b)",
        "note:Dear",
        "4:pm",
        "a:b",
        "(like this one:) and",
        "Vitamin D: good",
        "see (a): this",
        "it=o",
        "1 < 3",
        "x=/y",
    ],
)
def test_no_smiley_is_seen_where_there_is_none(text: str) -> None:
    assert not {token for token in read(text) if not token[0].isalnum()} - {",", ".", ";", "<url>", "<number>"}


@pytest.mark.parametrize("text", ["oh no D:", "D:", "They closed D: D:\nNow what", "no. D: :("])
def test_dismay_ends_a_line(text: str) -> None:
    assert "D:" in read(text)


@pytest.mark.parametrize("text", ["great:)", "Thanks :) bye", "(so happy :))", "wow!:)", "worst:(", "(no smile) :)"])
def test_smileys_need_no_space(text: str) -> None:
    assert {":)", ":("} & set(read(text))


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        ("4.5/5", 4),
        ("0/5", 0),
        ("11/10", 4),
        ("4 1/2 stars", 4),
        ("3 out of 5 stars", 2),
        ("five stars", 4),
        ("5/5", 4),
        ("\u2605\u2605\u2606\u2606\u2606", 1),
        ("\u2b50\u2b50\u2b50\u2b50\u2b50", 4),
        ("\u2605\u2606\u2606\u2606\u2606", 0),
        ("10 out of 10", 4),
        ("2 stars", 1),
        ("1-star", 0),
        ("one star", 0),
        ("zero stars", 0),
        ("half a star", 0),
        ("7/10", 3),
        ("2 / 10", 0),
        ("5 out of 10", 2),
        ("95/100", 4),
        ("3.5 stars", 3),
        ("three and a half stars", 3),
        ("8.5/10", 4),
        ("4\u00bd stars", 4),
        ("2 out of 4 stars", 2),
        ("8 stars", 3),
        ("**/*****", 1),
        ("5-star", 4),
        ("100/10", 4),
        ("4,5/5", 4),
        ("\u2b50\ufe0f\u2b50\ufe0f", 1),
        ("3 stars out of 5", 2),
        ("10/10!", 4),
        ("ten out of ten", 4),
        ("1 out of 5", 0),
    ],
)
def test_ratings_become_graded_classes(text: str, grade: int) -> None:
    for sentence in (text, f"I give it {text}", f"{text} from me"):
        assert read(sentence).count(f"<rating-{grade}>") == 1
    assert written(text)[0] == text.rstrip("!")


@pytest.mark.parametrize(
    "text",
    [
        "Galaxy Note 7",
        "24/7",
        "9/11",
        "1/2 cup",
        "10/12/2020",
        "5/10/2020",
        "5 out of 10 people",
        "since 9/10",
        "1/5 of them",
        "the two stars of the film",
        "rock stars",
        "it starts at 5",
        "3 out of 4 people",
        "http://x.com/5/10",
        "1/10th",
        "12/5",
        "and/or 5",
        "out of ten",
        "a star",
        "4.5 starting",
        "iPhone 5/5s",
        "$5/10",
    ],
)
def test_other_numbers_are_no_rating(text: str) -> None:
    assert not [token for token in read(text) if token.startswith("<rating")]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("see http://t.co/abc.", ["see", "<url>", "."]),
        ("(https://a.b/c?d=e&f=5/10#g) www.x.org, Shop.com foo.co.uk/bar", ["<url>", "<url>", ",", "<url>", "<url>"]),
        ("mail me@example.org now", ["mail", "<url>", "now"]),
        ("@united .@delta thanks, @ 5pm @5pm", ["<mention>", ".", "<mention>", "thanks", ",", "<number>", "<number>"]),
        ("1,000 10:30 3 50% 2020-10-12 7.5 10th 80's 1970s", ["<number>"] * 9),
    ],
)
def test_addresses_and_numbers_are_classes(text: str, tokens: list[str]) -> None:
    assert read(text) == tokens


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("It is n't x&amp;y", ["It", "is n't", "x", "y"]),
        ("a isn&amp;#39;t b", ["a", "isn&amp;#39;t", "b"]),
        ("so won\u00adder\u200bful\u200b!", ["so", "won\u00adder\u200bful", "!"]),
        ("\u200bcafe\u0301s \U0001f44d\U0001f3fd ok", ["cafe\u0301s", "\U0001f44d\U0001f3fd", "ok"]),
        ("&lt;b&gt;fine&lt;/b&gt; #WasteOfMoney!", ["fine", "Waste", "Of", "Money", "!"]),
        ("\u1112\u1161\u11ab\u1100\u1173\u11af good", ["\u1112\u1161\u11ab\u1100\u1173\u11af", "good"]),
        ("I gave 4 1/2 stars :-)", ["I", "gave", "4 1/2 stars", ":-)"]),
    ],
)
def test_spans_cover_what_was_written(text: str, spans: list[str]) -> None:
    assert written(text) == spans


@given(texts)
def test_words_are_the_tokens_of_split(text: str) -> None:
    assert words(text) == split(text)[0]


@given(texts)
def test_spans_increase_and_lie_in_the_text(text: str) -> None:
    tokens, (starts, ends) = split(text)
    assert starts.dtype == ends.dtype == np.int32
    assert len(tokens) == len(starts) == len(ends)
    position = 0
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        assert position <= start < end <= len(text)
        position = end


@given(texts)
def test_tokens_are_those_of_the_composed_text(text: str) -> None:
    assert split(unicodedata.normalize("NFC", text))[0] == split(text)[0]


@given(texts)
def test_tokens_are_valid_unicode_without_space(text: str) -> None:
    for token in split(text)[0]:
        token.encode("utf-8")  # a lone surrogate would raise
        assert token
        assert plain_form(token)
        assert not set(token) & set(" \x00\ue000\uf8ff")


@given(texts, texts)
def test_lines_are_split_on_their_own(one: str, other: str) -> None:
    quiet = [text.translate({ord(char): " " for char in "()[]{}<\u0338"}) for text in (one, other)]
    assert split(" good\n\n".join(quiet))[0] == [*split(f"{quiet[0]} good")[0], *split(f"\n\n{quiet[1]}")[0]]


@pytest.mark.parametrize(
    "unit",
    [
        "<",
        "<a ",
        "<a b=c ",
        "&a",
        "&amp;",
        "'a",
        " 's",
        "1.",
        "a\u0301",
        "!",
        ":'",
        ":-",
        "(:",
        "<br /",
        "\u0939",
        "a" * 500,
        "#aB",
        "@a",
        "a@",
        "www.",
        "://",
        ".com",
        "5/5",
        "star ",
        " 5 stars",
        "*",
        "a*",
        "\u2605",
        "\u2605 ",
        "\u200d",
        "\u00ad",
        "\U0001f469\u200d",
        "\\'",
        "_",
        "^_",
        "\u1161",
        "-lrb-",
        "&lt;",
        "(\u25d5",
        " out of ",
        "\U000e0041",
    ],
)
def test_hostile_repetition_takes_linear_time(unit: str) -> None:
    # a quadratic rule would need hours for these characters, and the suite's timeout would end it
    text = unit * (300_000 // len(unit))
    _, (_, ends) = split(text)
    assert (ends <= len(text)).all()
