"""The results that callers get: predictions, and their timesteps and sentences, as frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from sentiline.errors import OptionError

Label = Literal["POSITIVE", "NEGATIVE", "NEUTRAL"]  # NEUTRAL only where three classes are asked for
Detail = Literal["none", "sentences", "timesteps"]
DETAILS: tuple[Detail, ...] = get_args(Detail)


@dataclass(frozen=True, slots=True)
class Probabilities:
    """The probabilities of the three classes, which add up to 1.

    Attributes:
        negative: The probability that the text is negative.
        neutral: The probability that it is neutral.
        positive: The probability that it is positive.
    """

    negative: float
    neutral: float
    positive: float


@dataclass(frozen=True, slots=True)
class Timestep:
    """The prediction at one token.

    Attributes:
        token: The token as written, `raw[start:end]`.
        start: The index of its first code point in the raw text.
        end: The index after its last code point.
        unknown: Whether the token is not in the vocabulary, so that the model read an unknown word here.
        positive: The model's own P(positive) at this timestep.
        contribution: Its share of the logit: `logit = bias + sum of all contributions`; None if the model is not
            additive. It belongs to a state that may have seen the whole review, not to the word alone.
        running: The prediction from the text so far, `sigmoid(bias + contributions up to and including this one)`;
            the last one equals the prediction's `positive` to 1e-6. None if the model is not additive.
        read_as: The spelling, class or emoticon that the model read, where it is not the token in lower case ("good"
            for "goooood"); else None. Always None for models of the tokenizer scheme `words-1`.
    """

    token: str
    start: int
    end: int
    unknown: bool
    positive: float
    contribution: float | None
    running: float | None
    read_as: str | None = None


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and its contribution to the prediction; every token of the text belongs to exactly one sentence.

    Attributes:
        sentence: The sentence as written, `raw[start:end]`.
        start: The index of its first code point in the raw text.
        end: The index after its last code point.
        label: "POSITIVE" if `positive` is at least 0.5, else "NEGATIVE"; with three classes, the most probable one of
            the contribution.
        score: The probability of that label, in [0.5, 1]; with three classes it may be lower.
        positive: `sigmoid(contribution)`: above 0.5 if the sentence raises the logit of the text. This, `label` and
            `score` are None if the model is not additive or read nothing of the sentence.
        contribution: The sum of its tokens' contributions: `logit = bias + sum over all sentences`; None if the model
            is not additive, 0 if it read nothing of the sentence.
        tokens_total: The number of tokens in the sentence, at least 1.
        tokens_used: The number of these that the model read; fewer where the text was truncated.
    """

    sentence: str
    start: int
    end: int
    label: Label | None
    score: float | None
    positive: float | None
    contribution: float | None
    tokens_total: int
    tokens_used: int


@dataclass(frozen=True, slots=True)
class Prediction:
    """The sentiment of one text.

    Attributes:
        label: "POSITIVE" if `positive` is at least 0.5, else "NEGATIVE"; with three classes, the most probable one.
        score: The probability of that label, in [0.5, 1]; with three classes it may be lower.
        positive: The probability that the text is positive rather than negative, in [0, 1].
        logit: The log-odds of `positive`.
        bias: The part of the logit that no token contributes.
        tokens_total: The number of tokens in the text.
        tokens_used: The number of these that the model read.
        unknown_tokens: The number of used tokens that are not in the vocabulary.
        truncated: Whether tokens were left out, `tokens_used < tokens_total`.
        uncertain: Whether `score` is too low or too many tokens are unknown or unread, by the bundle's thresholds; None
            if the bundle has none.
        timesteps: One item per used token, in order; None unless `detail` is "timesteps".
        sentences: All sentences with a token, in order; None unless `detail` is "sentences".
        probabilities: The probabilities of the three classes; None unless `neutral` is set.
    """

    label: Label
    score: float
    positive: float
    logit: float
    bias: float
    tokens_total: int
    tokens_used: int
    unknown_tokens: int
    truncated: bool
    uncertain: bool | None
    timesteps: tuple[Timestep, ...] | None = None
    sentences: tuple[Sentence, ...] | None = None
    probabilities: Probabilities | None = None


def check_detail(value: str) -> Detail:
    """Return `value` if it names a level of detail.

    Raises:
        OptionError: There is no such level.
    """
    for detail in DETAILS:
        if value == detail:
            return detail
    raise OptionError(f"detail is {value!r}; it must be one of {', '.join(DETAILS)}", field="detail")
